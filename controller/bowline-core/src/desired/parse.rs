//! One YAML file in, its documents and everything that is wrong with them out.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::check::{Checker, Path};
use super::finding::{Finding, FindingCode, Location, Severity};
use super::health;
use super::kind::{API_VERSION, EcsService, Secret, Target, TerraformState};
use super::node::{Node, Tree};
use super::reference::{self, Reference};
use super::source::{Mark, Place, Source};
use super::state::{Metadata, Origin, Resource, ResourceKey, ResourceKind};
use super::suggest::{self, shorten};
use super::terraform::{ATTRIBUTES, Attribute};
use super::{creation, ignore, settings};
use super::{schema, yaml};
use crate::name::{AccountId, HumanDuration, RelativePath, ResourceName, RoleArn};

/// The largest manifest that is read, in bytes. A document is about 500 bytes, so this is some 2,000 resources; files
/// above are refused before they are parsed.
pub const MAX_MANIFEST_BYTES: usize = 1 << 20;

/// One YAML file.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedFile {
    /// Path inside the repository.
    pub path: RelativePath,
    /// The documents of Bowline's own `apiVersion` that could be read, in file order.
    pub documents: Vec<ParsedDocument>,
    /// Everything that a person has to look at, in file order.
    pub findings: Vec<Finding>,
    /// How many documents had another `apiVersion` and were skipped.
    pub skipped: usize,
    /// Names that resources may have in the part that could not be read: what refers to one of them need not be wrong.
    pub(super) unread: BTreeSet<ResourceName>,
}

impl ParsedFile {
    /// A file that is not read, for the reason in `finding`.
    pub fn refused(path: &RelativePath, finding: Finding) -> Self {
        Self { findings: vec![finding], ..Self::empty(path) }
    }

    fn empty(path: &RelativePath) -> Self {
        Self {
            path: path.clone(),
            documents: Vec::new(),
            findings: Vec::new(),
            skipped: 0,
            unread: BTreeSet::new(),
        }
    }

    /// Whether the file can be used as written: it has no finding of severity Error.
    pub fn is_usable(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }
}

/// One document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedDocument {
    /// The line on which the document starts, from 1.
    pub line: usize,
    /// Kind and name, as far as both could be read.
    pub key: Option<ResourceKey>,
    /// The resource; absent when the document has errors.
    pub resource: Option<ParsedResource>,
    /// What it says of other resources, as far as it could be read.
    pub(super) references: Vec<Reference>,
    /// The task definition file that it names, from the repository's root.
    pub(super) task_definition: Option<RelativePath>,
    /// Where the fields stand that refer to something outside of the document, by path: `spec.secrets[1]`.
    pub(super) marks: Box<[(Box<str>, Place)]>,
}

/// A resource as written, not yet held against the others.
#[derive(Debug, Clone, PartialEq)]
pub enum ParsedResource {
    /// Where services live.
    Target(Resource<Target>),
    /// One ECS service.
    EcsService(Arc<Resource<EcsService>>),
    /// One secret's current version.
    Secret(Resource<Secret>),
    /// One Terraform state.
    TerraformState(Box<Resource<TerraformState>>),
    /// A Policy or an AlertRoute: read, not acted on.
    Envelope(Metadata),
}

/// Reads one YAML file. Never fails: what is wrong is in the findings.
pub fn parse_manifest(path: &RelativePath, bytes: &[u8]) -> ParsedFile {
    let text = match decode(path.as_str(), bytes) {
        Ok(text) => text,
        Err(finding) => return ParsedFile::refused(path, *finding),
    };
    let mut file = ParsedFile::empty(path);
    let source = Source::new(path.as_str(), text);
    let stream = yaml::read(text);
    if !stream.errors.is_empty() {
        file.unread.extend(reference::names_in(text));
    }
    for error in stream.errors {
        // Without its line: of text that is not YAML nobody knows which part is a confidential value.
        let finding = source.finding(error.at, Severity::Error, FindingCode::Syntax, error.message);
        let finding = finding.without_snippet();
        file.findings.push(match error.hint {
            Some(hint) => finding.with_hint(hint),
            None => finding,
        });
    }
    for node in &stream.documents {
        let mut checker = Checker::new(&source, settings::confidential_lines(node));
        match document(path, node, &mut checker) {
            Outcome::Skipped => file.skipped += 1,
            Outcome::Unreadable => file.unread.extend(reference::names_of(node)),
            Outcome::Document(document) => {
                if document.key.is_none() {
                    file.unread.extend(reference::names_of(node));
                }
                file.documents.push(*document);
            }
        }
        file.findings.append(&mut checker.findings);
    }
    file.findings.sort();
    // Mostly one: the room of three more would stay taken for each file.
    file.documents.shrink_to_fit();
    file
}

/// The text of a file, or the finding that says why there is none.
pub(super) fn decode<'a>(path: &str, bytes: &'a [u8]) -> Result<&'a str, Box<Finding>> {
    if bytes.len() > MAX_MANIFEST_BYTES {
        return Err(Box::new(Finding::too_large(path, bytes.len() as u64)));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let text = String::from_utf8_lossy(valid);
            let line = text.split('\n').count();
            let column = text.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            let location = Location { path: path.to_owned(), line, column };
            let mark = Mark { location, snippet: None };
            let finding = mark
                .finding(Severity::Error, FindingCode::Encoding, "the file is not UTF-8 from here on")
                .with_hint("save it as UTF-8");
            Err(Box::new(finding))
        }
    }
}

/// What the first document of a text says, whatever it is about; nothing if there is none, or it cannot be read.
pub(crate) fn document_value(text: &str) -> Option<serde_json::Value> {
    let stream = yaml::read(text.strip_prefix('\u{feff}').unwrap_or(text));
    stream.documents.first().filter(|_| stream.errors.is_empty()).map(Node::to_value)
}

enum Outcome {
    /// Another `apiVersion`.
    Skipped,
    /// Not even its kind is known.
    Unreadable,
    Document(Box<ParsedDocument>),
}

fn document(path: &RelativePath, node: &Node, checker: &mut Checker<'_>) -> Outcome {
    if !matches!(node.tree, Tree::Map(_)) {
        let message = format!("a document must be a mapping; this is {}", node.type_name());
        checker.add(node.at, Severity::Error, FindingCode::InvalidValue, message, None);
        return Outcome::Unreadable;
    }
    if let Some(outcome) = other_version(node, checker) {
        return outcome;
    }
    let Some(kind) = kind(node, checker) else { return Outcome::Unreadable };
    checker.value(schema::of(kind), node, &Path::root(kind.as_str()));
    meaning(path, kind, node, checker);
    not_acted_on(kind, node, checker);
    let name = node
        .get("metadata")
        .and_then(|metadata| metadata.get("name"))
        .and_then(|name| ResourceName::parse(name.text()?).ok());
    let usable = checker.findings.iter().all(|finding| finding.severity != Severity::Error);
    let origin = Origin { path: path.as_str().to_owned(), line: node.at.line, stale: false };
    let resource = if usable { typed(kind, node, origin, checker) } else { None };
    let key = name.map(|name| ResourceKey { kind, name });
    Outcome::Document(Box::new(ParsedDocument {
        line: node.at.line,
        references: reference::references(kind, key.as_ref(), node),
        task_definition: reference::task_definition(kind, path, node),
        key,
        resource,
        marks: reference::marks(checker, node),
    }))
}

/// Skips documents of other programs; a document that seems to be meant for Bowline is never skipped silently.
fn other_version(node: &Node, checker: &mut Checker<'_>) -> Option<Outcome> {
    let Some(version) = node.get("apiVersion") else {
        let slip = node.entries().iter().find(|entry| suggest::nearest(&entry.key, ["apiVersion"]).is_some());
        if slip.is_none() && node.get("kind").is_none() {
            return Some(Outcome::Skipped);
        }
        let (at, message) = match slip {
            Some(entry) => (entry.at, format!("the document has no field `{}`", shorten(&entry.key))),
            None => (node.at, "`apiVersion` is missing".to_owned()),
        };
        let hint = format!("write `apiVersion: {API_VERSION}`");
        checker.add(at, Severity::Error, FindingCode::MissingField, message, Some(hint));
        return Some(Outcome::Unreadable);
    };
    let text = version.text().unwrap_or_default();
    if text == API_VERSION {
        return None;
    }
    let group = API_VERSION.split_once('/').map_or(API_VERSION, |(group, _)| group);
    if text.split('/').next() == Some(group) || suggest::nearest(text, [API_VERSION]).is_some() {
        let message = format!("the document is skipped: its `apiVersion` is `{}`", shorten(text));
        let hint = format!("this version of Bowline reads only `{API_VERSION}`");
        checker.add(version.at, Severity::Warning, FindingCode::NotActedOn, message, Some(hint));
    }
    Some(Outcome::Skipped)
}

fn kind(node: &Node, checker: &mut Checker<'_>) -> Option<ResourceKind> {
    let Some(value) = node.get("kind") else {
        let message = "`kind` is missing".to_owned();
        let hint = suggest::hint("", "kinds", ResourceKind::ALL.iter().map(|kind| kind.as_str()));
        checker.add(node.at, Severity::Error, FindingCode::MissingField, message, Some(hint));
        return None;
    };
    let text = value.text().unwrap_or_default();
    let found = ResourceKind::ALL.into_iter().find(|kind| kind.as_str() == text);
    if found.is_none() {
        let message = match value.text() {
            Some(text) => format!("there is no kind `{}`", shorten(text)),
            None => format!("`kind` is {}; it must be text", value.type_name()),
        };
        let hint = suggest::hint(text, "kinds", ResourceKind::ALL.iter().map(|kind| kind.as_str()));
        checker.add(value.at, Severity::Error, FindingCode::UnknownKind, message, Some(hint));
    }
    found
}

/// What a schema cannot say.
fn meaning(path: &RelativePath, kind: ResourceKind, node: &Node, checker: &mut Checker<'_>) {
    let Some(spec) = node.get("spec") else { return };
    match kind {
        ResourceKind::EcsService => {
            if let Some(source) = spec.get("taskDefinition") {
                task_definition_source(path, source, checker);
            }
            let deadline = spec.get("rollout").and_then(|rollout| rollout.get("deadline"));
            not_zero("spec.rollout.deadline", deadline, checker);
            if let Some(conditions) = spec.get("health") {
                health::check(conditions, checker);
            }
            if let Some(settings) = spec.get("settings") {
                settings::check(settings, spec.get("create").is_some(), checker);
            }
            creation::check(spec, checker);
            ignore::check(spec, checker);
            let own = node.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Node::text);
            let depends_on = spec.get("dependsOn").map(Node::items).unwrap_or_default();
            for item in depends_on.iter().filter(|item| item.text().is_some() && item.text() == own) {
                let message = "the service depends on itself".to_owned();
                let hint = Some("remove it from `spec.dependsOn`".to_owned());
                checker.add(item.at, Severity::Error, FindingCode::InvalidValue, message, hint);
            }
        }
        ResourceKind::Target => {
            let timeout = spec.get("constraints").and_then(|constraints| constraints.get("timeout"));
            not_zero("spec.constraints.timeout", timeout, checker);
            role_of_other_account(spec, checker);
        }
        ResourceKind::TerraformState => ignore_changes(spec, checker),
        _ => {}
    }
}

/// A declaration that has no effect would leave a fight that git says is settled.
fn ignore_changes(spec: &Node, checker: &mut Checker<'_>) {
    let resources = spec.get("resources").map(Node::entries).unwrap_or_default();
    let addresses = || resources.iter().map(|entry| entry.key.as_str());
    for entry in spec.get("ignoreChanges").map(Node::entries).unwrap_or_default() {
        if !addresses().any(|address| address == entry.key) {
            let message = format!(
                "`spec.ignoreChanges` names `{}`, which is not in `spec.resources`",
                shorten(&entry.key)
            );
            let hint = suggest::hint(&entry.key, "addresses in `spec.resources`", addresses());
            checker.add(entry.at, Severity::Error, FindingCode::DanglingReference, message, Some(hint));
        }
        for item in entry.value.items() {
            let Some(text) = item.text() else { continue };
            let known = || ATTRIBUTES.iter().map(Attribute::root);
            if known().any(|known| known == text) {
                continue;
            }
            if let Some(meant) = suggest::nearest(text, known()) {
                let message = format!("`{}` is no argument of aws_ecs_service", shorten(text));
                let hint = Some(format!("did you mean `{meant}`?"));
                checker.add(item.at, Severity::Error, FindingCode::InvalidValue, message, hint);
            }
        }
    }
}

/// The caller's account is compared with `accountId` before anything is read, so such a Target would never be read.
fn role_of_other_account(spec: &Node, checker: &mut Checker<'_>) {
    let Some(arn) = spec.get("assumeRole").and_then(|role| role.get("arn")) else { return };
    let role = arn.text().and_then(|text| RoleArn::parse(text).ok());
    let account = spec.get("accountId").and_then(Node::text).and_then(|text| AccountId::parse(text).ok());
    if let (Some(role), Some(account)) = (role, account)
        && role.account() != account.as_str()
    {
        let message = format!(
            "`spec.assumeRole.arn` is a role of {}, but `spec.accountId` is {account}",
            role.account()
        );
        let hint = Some("the role must be of the account that the Target describes".to_owned());
        checker.add(arn.at, Severity::Error, FindingCode::InvalidValue, message, hint);
    }
}

pub(super) fn not_zero(path: &str, node: Option<&Node>, checker: &mut Checker<'_>) {
    let zero = HumanDuration::from_secs(0);
    if let Some(node) =
        node.filter(|node| node.text().and_then(|t| HumanDuration::parse(t).ok()) == Some(zero))
    {
        let message = format!("`{path}` is zero, so that everything would fail at once");
        let hint = Some("a duration such as 90s, 15m or 24h".to_owned());
        checker.add(node.at, Severity::Error, FindingCode::InvalidValue, message, hint);
    }
}

fn task_definition_source(path: &RelativePath, source: &Node, checker: &mut Checker<'_>) {
    if !matches!(source.tree, Tree::Map(_)) {
        return;
    }
    match (source.get("revision"), source.get("file")) {
        (Some(_), Some(file)) => {
            let message = "`spec.taskDefinition` has both `revision` and `file`".to_owned();
            let hint = Some("keep the one that says what should run".to_owned());
            checker.add(file.at, Severity::Error, FindingCode::InvalidValue, message, hint);
        }
        (None, None) => {
            let message = "`spec.taskDefinition` has neither `revision` nor `file`".to_owned();
            let hint = "give one of them, or remove `taskDefinition` if a pipeline owns it".to_owned();
            checker.add(source.at, Severity::Error, FindingCode::MissingField, message, Some(hint));
        }
        (None, Some(file)) => {
            let text = file.text().and_then(|text| RelativePath::parse(text).ok());
            if let Some(relative) = text.filter(|relative| reference::resolve(path, relative).is_none()) {
                let message = format!("`spec.taskDefinition.file`: `{relative}` leads out of the repository");
                let hint = Some(format!("the path is relative to the folder of {path}"));
                checker.add(file.at, Severity::Error, FindingCode::InvalidValue, message, hint);
            }
        }
        (Some(_), None) => {}
    }
}

/// Says what this version checks but does not act on.
fn not_acted_on(kind: ResourceKind, node: &Node, checker: &mut Checker<'_>) {
    let fields: &[&str] = match kind {
        ResourceKind::Policy | ResourceKind::AlertRoute => {
            let at = node.entries().iter().find(|entry| entry.key == "kind").map_or(node.at, |e| e.value.at);
            let message =
                format!("this version checks the envelope of kind {} but does not act on it", kind.as_str());
            checker.add(at, Severity::Warning, FindingCode::NotActedOn, message, None);
            return;
        }
        ResourceKind::Secret => &["rotation", "requiredKeys"],
        ResourceKind::TerraformState => &["lock", "code"],
        ResourceKind::Target | ResourceKind::EcsService => return,
    };
    let entries = node.get("spec").map(Node::entries).unwrap_or_default();
    for entry in entries.iter().filter(|entry| fields.contains(&entry.key.as_str())) {
        let message = format!("this version checks `spec.{}` but does not act on it", entry.key);
        checker.add(entry.at, Severity::Warning, FindingCode::NotActedOn, message, None);
    }
}

#[derive(Deserialize)]
struct Document<S> {
    metadata: Metadata,
    spec: S,
}

fn typed(
    kind: ResourceKind,
    node: &Node,
    origin: Origin,
    checker: &mut Checker<'_>,
) -> Option<ParsedResource> {
    fn resource<S: DeserializeOwned>(node: &Node, origin: Origin) -> Result<Resource<S>, serde_json::Error> {
        let Document { metadata, spec } = serde_json::from_value(node.to_value())?;
        Ok(Resource { metadata, spec, origin })
    }
    let resource = match kind {
        ResourceKind::Target => resource(node, origin).map(ParsedResource::Target),
        ResourceKind::EcsService => resource(node, origin).map(Arc::new).map(ParsedResource::EcsService),
        ResourceKind::Secret => resource(node, origin).map(ParsedResource::Secret),
        ResourceKind::TerraformState => {
            resource(node, origin).map(Box::new).map(ParsedResource::TerraformState)
        }
        ResourceKind::Policy | ResourceKind::AlertRoute => {
            resource::<serde::de::IgnoredAny>(node, origin).map(|r| ParsedResource::Envelope(r.metadata))
        }
    };
    // The schema is derived from the same types, so a failure here is a rule that `meaning` does not know yet.
    resource
        .map_err(|error| {
            checker.add(node.at, Severity::Error, FindingCode::InvalidValue, error.to_string(), None);
        })
        .ok()
}
