//! The parsed files of one commit in, one [`DesiredState`] in which every reference resolves out.

mod load_balancers;
mod references;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::finding::{Finding, FindingCode, Location, Severity};
use super::parse::{ParsedDocument, ParsedFile, ParsedResource};
use super::source::Mark;
use super::state::{DesiredService, DesiredState, Resource, ResourceKey, ResourceKind, WantedTaskDefinition};
use super::task_definition::ParsedTaskDefinition;
use crate::desired::kind::TaskDefinitionSource;
use crate::name::{RelativePath, ResourceName};

/// One file of a commit.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceFile {
    /// The file as it is in the commit.
    pub parsed: Arc<ParsedFile>,
    /// The file as it last parsed, used when `parsed` is not usable.
    pub fallback: Option<Arc<ParsedFile>>,
}

/// A commit's desired state and everything that is wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Assembled {
    /// What should be.
    pub state: DesiredState,
    /// All findings: those of the files, of the task definition files that they refer to, and those between files;
    /// sorted by path, line and column.
    pub findings: Vec<Finding>,
}

/// How a finding says that it speaks of a fallback.
const LAST_FORM: &str = " (in the last form of ";

/// A document that stands for a resource, if nothing between the files speaks against it.
struct Candidate<'a> {
    key: ResourceKey,
    document: &'a ParsedDocument,
    path: &'a RelativePath,
    stale: bool,
}

impl<'a> Candidate<'a> {
    /// The documents of a file that have a name.
    fn of(file: &'a ParsedFile, stale: bool) -> impl Iterator<Item = Self> {
        file.documents.iter().filter_map(move |document| {
            Some(Self { key: document.key.clone()?, document, path: &file.path, stale })
        })
    }

    /// The place of a field. A resource of an earlier commit has no place in this one but its file.
    fn mark(&self, field: &str) -> Mark {
        match self.document.marks.iter().find(|(path, _)| **path == *field).map(|(_, place)| place) {
            Some(place) if !self.stale => place.mark(self.path.as_str()),
            _ => {
                let line = if self.stale { 0 } else { self.document.line };
                let location = Location { path: self.path.as_str().to_owned(), line, column: line.min(1) };
                Mark { location, snippet: None }
            }
        }
    }

    fn finding(&self, field: &str, severity: Severity, code: FindingCode, message: String) -> Finding {
        let message = if self.stale {
            format!("{message}{LAST_FORM}{} in which this file had no errors)", self.key)
        } else {
            message
        };
        self.mark(field).finding(severity, code, message)
    }
}

/// What the files name, usable or not.
struct Known {
    names: BTreeMap<ResourceKind, BTreeSet<ResourceName>>,
    /// Names of what could not be read, of any kind.
    unread: BTreeSet<ResourceName>,
}

impl Known {
    fn of(files: &[SourceFile]) -> Self {
        let mut known = Self { names: BTreeMap::new(), unread: BTreeSet::new() };
        for file in files.iter().flat_map(forms) {
            known.unread.extend(file.unread.iter().cloned());
            for key in file.documents.iter().filter_map(|document| document.key.clone()) {
                known.names.entry(key.kind).or_default().insert(key.name);
            }
        }
        known
    }
}

/// A file as it is, and as it last parsed if that is not usable.
fn forms(file: &SourceFile) -> impl Iterator<Item = &Arc<ParsedFile>> {
    let fallback = file.fallback.as_ref().filter(|_| !file.parsed.is_usable());
    std::iter::once(&file.parsed).chain(fallback)
}

/// One view of the files, and what is known of it so far.
#[derive(Default)]
struct Assembly<'a> {
    candidates: BTreeMap<ResourceKey, Candidate<'a>>,
    /// Resources that cannot be used, and why.
    invalid: BTreeMap<ResourceKey, String>,
    findings: Vec<Finding>,
}

impl<'a> Assembly<'a> {
    fn is_usable(&self, key: &ResourceKey) -> bool {
        self.candidates.contains_key(key) && !self.invalid.contains_key(key)
    }

    fn refuse(&mut self, key: &ResourceKey, reason: String) {
        self.invalid.entry(key.clone()).or_insert(reason);
    }

    /// Takes one candidate for each resource; of a second one, says so and refuses both.
    fn add_all(&mut self, mut candidates: Vec<Candidate<'a>>) {
        candidates.sort_by(|a, b| (&a.key, a.path, a.document.line).cmp(&(&b.key, b.path, b.document.line)));
        for candidate in candidates {
            let Some(first) = self.candidates.get(&candidate.key) else {
                self.candidates.insert(candidate.key.clone(), candidate);
                continue;
            };
            let key = candidate.key.clone();
            let message = format!("there is a second {key}");
            let location = first.mark("metadata.name").location;
            let elsewhere = place_text(&location);
            self.findings.push(
                candidate
                    .finding("metadata.name", Severity::Error, FindingCode::Duplicate, message)
                    .with_hint("rename or remove one of the two; until then neither is used")
                    .with_related(location, "the first one"),
            );
            let here = place_text(&candidate.mark("metadata.name").location);
            self.refuse(&key, format!("it stands twice: in {elsewhere} and in {here}"));
        }
    }
}

/// Checks the files of one commit against each other.
///
/// A file that is not usable is represented by its fallback (`origin.stale`); its resources that have none are in
/// `invalid`, as is everything that clashes or refers to something that cannot be used. A resource that stands in a
/// broken file's fallback and, newly, in a usable file is taken from the usable one.
///
/// Findings speak of all files as they are written, so that one mistake in a file does not hide the others; and of fallbacks
/// only where they are wrong in another way.
pub fn assemble(
    files: &[SourceFile],
    task_definitions: &BTreeMap<RelativePath, Arc<ParsedTaskDefinition>>,
) -> Assembled {
    let known = Known::of(files);
    let mut written = as_written(files);
    let mut in_force = in_force(files, &written);
    references::check(&mut written, &known, task_definitions);
    references::check(&mut in_force, &known, task_definitions);

    let mut findings: Vec<Finding> =
        files.iter().flat_map(|file| file.parsed.findings.iter().cloned()).collect();
    for path in referenced_task_definitions(files) {
        findings.extend(task_definitions.get(&path).into_iter().flat_map(|parsed| parsed.findings.clone()));
    }
    let Assembly { candidates, invalid, findings: of_forms } = in_force;
    let told: BTreeSet<_> = written.findings.iter().map(mistake).collect();
    findings.extend(of_forms.into_iter().filter(|finding| !told.contains(&mistake(finding))));
    findings.append(&mut written.findings);
    findings.sort();
    findings.dedup();

    let mut state = DesiredState {
        skipped: files.iter().map(|file| file.parsed.skipped).sum(),
        ..DesiredState::default()
    };
    for (key, candidate) in candidates.into_iter().filter(|(key, _)| !invalid.contains_key(key)) {
        place(&mut state, key, &candidate, task_definitions);
    }
    state.invalid = invalid;
    Assembled { state, findings }
}

/// What is the same when the written and the last good form of a resource are wrong in the same way.
fn mistake(finding: &Finding) -> (&str, FindingCode, &str) {
    let message = finding.message.split(LAST_FORM).next().unwrap_or_default();
    (&finding.location.path, finding.code, message)
}

/// The task definition files that the manifests refer to, from the repository's root. A path that leads out of the
/// repository is a finding of its manifest, and not among them.
pub fn referenced_task_definitions(files: &[SourceFile]) -> BTreeSet<RelativePath> {
    files
        .iter()
        .flat_map(forms)
        .flat_map(|file| &file.documents)
        .filter_map(|document| document.task_definition.clone())
        .collect()
}

/// Every document that has a name, as it is written.
fn as_written(files: &[SourceFile]) -> Assembly<'_> {
    let mut assembly = Assembly::default();
    assembly.add_all(files.iter().flat_map(|file| Candidate::of(&file.parsed, false)).collect());
    assembly
}

/// What is used: each file that can be, and the fallbacks of the others. What is `written` twice is not.
fn in_force<'a>(files: &'a [SourceFile], written: &Assembly<'_>) -> Assembly<'a> {
    let mut assembly = Assembly { invalid: written.invalid.clone(), ..Assembly::default() };
    let (usable, broken): (Vec<&SourceFile>, Vec<&SourceFile>) =
        files.iter().partition(|file| file.parsed.is_usable());
    let mut fresh: Vec<Candidate<'_>> =
        usable.into_iter().flat_map(|file| Candidate::of(&file.parsed, false)).collect();
    let known: BTreeSet<ResourceKey> = fresh.iter().map(|candidate| candidate.key.clone()).collect();
    let fallbacks = broken.iter().filter_map(|file| file.fallback.as_ref());
    let stale = fallbacks.flat_map(|fallback| Candidate::of(fallback, true));
    fresh.extend(stale.filter(|candidate| !known.contains(&candidate.key)));
    assembly.add_all(fresh);
    for file in broken {
        let path = &file.parsed.path;
        for key in file.parsed.documents.iter().filter_map(|document| document.key.as_ref()) {
            if !assembly.candidates.contains_key(key) {
                assembly.refuse(key, format!("its file {path} has errors"));
            }
        }
    }
    assembly
}

/// A place as it may stand in a sentence.
fn place_text(location: &Location) -> String {
    if location.line == 0 { location.path.clone() } else { format!("{}:{}", location.path, location.line) }
}

/// Puts a resource into the state.
fn place(
    state: &mut DesiredState,
    key: ResourceKey,
    candidate: &Candidate<'_>,
    task_definitions: &BTreeMap<RelativePath, Arc<ParsedTaskDefinition>>,
) {
    fn with_age<S: Clone>(resource: &Resource<S>, stale: bool) -> Resource<S> {
        let mut resource = resource.clone();
        resource.origin.stale = stale;
        resource
    }
    let name = key.name;
    // A file that can be used, now or when it last parsed, has no document without a resource.
    let Some(resource) = &candidate.document.resource else { return };
    match resource {
        ParsedResource::Target(target) => {
            state.targets.insert(name, with_age(target, candidate.stale));
        }
        ParsedResource::Secret(secret) => {
            state.secrets.insert(name, with_age(secret, candidate.stale));
        }
        ParsedResource::TerraformState(terraform) => {
            state.states.insert(name, with_age(terraform, candidate.stale));
        }
        ParsedResource::EcsService(service) => {
            let task_definition =
                wanted(candidate.document, service.spec.task_definition.as_ref(), task_definitions);
            let mut resource = Arc::clone(service);
            if candidate.stale {
                Arc::make_mut(&mut resource).origin.stale = true;
            }
            state.services.insert(name, DesiredService { resource, task_definition });
        }
        ParsedResource::Envelope(_) => {}
    }
}

fn wanted(
    document: &ParsedDocument,
    source: Option<&TaskDefinitionSource>,
    task_definitions: &BTreeMap<RelativePath, Arc<ParsedTaskDefinition>>,
) -> Option<WantedTaskDefinition> {
    match source? {
        TaskDefinitionSource::Revision(revision) => Some(WantedTaskDefinition::Revision(revision.clone())),
        TaskDefinitionSource::File(_) => {
            let file = document.task_definition.clone()?;
            let parsed = task_definitions.get(&file)?;
            let (family, content) = (parsed.family.clone()?, parsed.content.clone()?);
            Some(WantedTaskDefinition::Content { file, family, content })
        }
    }
}
