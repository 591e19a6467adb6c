//! The parsed files of one commit in, one [`DesiredState`] in which every reference resolves out.

mod references;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::finding::{Finding, FindingCode, Location, Severity};
use super::parse::{ParsedDocument, ParsedFile, ParsedResource, resolve};
use super::source::Mark;
use super::state::{DesiredService, DesiredState, Resource, ResourceKey, WantedTaskDefinition};
use super::task_definition::ParsedTaskDefinition;
use crate::desired::kind::TaskDefinitionSource;
use crate::name::RelativePath;

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

/// A resource that may be used, if nothing between the files speaks against it.
struct Candidate<'a> {
    key: ResourceKey,
    document: &'a ParsedDocument,
    resource: &'a ParsedResource,
    path: &'a RelativePath,
    stale: bool,
}

impl Candidate<'_> {
    /// The place of a field. A resource of an earlier commit has no place in this one but its file.
    fn mark(&self, field: &str) -> Mark {
        match self.document.marks.get(field) {
            Some(mark) if !self.stale => mark.clone(),
            _ => {
                let line = if self.stale { 0 } else { self.document.line };
                let location = Location { path: self.path.as_str().to_owned(), line, column: line.min(1) };
                Mark { location, snippet: None }
            }
        }
    }

    fn finding(&self, field: &str, severity: Severity, code: FindingCode, message: String) -> Finding {
        let message = if self.stale {
            format!("{message} (in the last form of {} in which this file had no errors)", self.key)
        } else {
            message
        };
        self.mark(field).finding(severity, code, message)
    }
}

/// What is known so far.
struct Assembly<'a> {
    candidates: BTreeMap<ResourceKey, Candidate<'a>>,
    /// Resources that cannot be used, and why.
    invalid: BTreeMap<ResourceKey, String>,
    findings: Vec<Finding>,
}

impl Assembly<'_> {
    fn is_usable(&self, key: &ResourceKey) -> bool {
        self.candidates.contains_key(key) && !self.invalid.contains_key(key)
    }

    fn refuse(&mut self, key: &ResourceKey, reason: String) {
        self.invalid.entry(key.clone()).or_insert(reason);
    }
}

/// Checks the files of one commit against each other.
///
/// A file that is not usable is represented by its fallback (`origin.stale`); its resources that have none are in
/// `invalid`, as is everything that clashes or refers to something that cannot be used. A resource that stands in a
/// broken file's fallback and, newly, in a usable file is taken from the usable one.
pub fn assemble(
    files: &[SourceFile],
    task_definitions: &BTreeMap<RelativePath, Arc<ParsedTaskDefinition>>,
) -> Assembled {
    let mut assembly = collect(files);
    for path in referenced_task_definitions(files) {
        if let Some(parsed) = task_definitions.get(&path) {
            assembly.findings.extend(parsed.findings.iter().cloned());
        }
    }
    references::check(&mut assembly, task_definitions);
    let Assembly { candidates, invalid, mut findings } = assembly;
    let mut state = DesiredState {
        skipped: files.iter().map(|file| file.parsed.skipped).sum(),
        ..DesiredState::default()
    };
    for (key, candidate) in candidates.into_iter().filter(|(key, _)| !invalid.contains_key(key)) {
        place(&mut state, key, &candidate, task_definitions);
    }
    state.invalid = invalid;
    findings.sort();
    findings.dedup();
    Assembled { state, findings }
}

/// The task definition files that the manifests refer to, from the repository's root. A path that leads out of the
/// repository is a finding of its manifest, and not among them.
pub fn referenced_task_definitions(files: &[SourceFile]) -> BTreeSet<RelativePath> {
    files
        .iter()
        .flat_map(|file| [Some(&file.parsed), file.fallback.as_ref().filter(|_| !file.parsed.is_usable())])
        .flatten()
        .flat_map(|file| file.documents.iter().map(|document| (&file.path, document)))
        .filter_map(|(path, document)| task_definition_file(path, document.resource.as_ref()?))
        .collect()
}

fn task_definition_file(manifest: &RelativePath, resource: &ParsedResource) -> Option<RelativePath> {
    match resource {
        ParsedResource::EcsService(service) => match &service.spec.task_definition {
            Some(TaskDefinitionSource::File(file)) => resolve(manifest, file),
            _ => None,
        },
        _ => None,
    }
}

/// Takes each file, or its fallback, and finds resources of one kind and name.
fn collect(files: &[SourceFile]) -> Assembly<'_> {
    let mut assembly =
        Assembly { candidates: BTreeMap::new(), invalid: BTreeMap::new(), findings: Vec::new() };
    let mut fresh = Vec::new();
    let mut stale = Vec::new();
    let mut broken = BTreeMap::new();
    for file in files {
        assembly.findings.extend(file.parsed.findings.iter().cloned());
        if file.parsed.is_usable() {
            fresh.extend(candidates(&file.parsed, false));
            continue;
        }
        let path = &file.parsed.path;
        for key in file.parsed.documents.iter().filter_map(|document| document.key.clone()) {
            broken.entry(key).or_insert_with(|| format!("its file {path} has errors"));
        }
        stale.extend(file.fallback.iter().flat_map(|fallback| candidates(fallback, true)));
    }
    let known: BTreeSet<ResourceKey> =
        fresh.iter().map(|candidate: &Candidate<'_>| candidate.key.clone()).collect();
    stale.retain(|candidate: &Candidate<'_>| !known.contains(&candidate.key));
    fresh.append(&mut stale);
    fresh.sort_by(|a, b| (&a.key, a.path, a.document.line).cmp(&(&b.key, b.path, b.document.line)));
    for candidate in fresh {
        let Some(first) = assembly.candidates.get(&candidate.key) else {
            assembly.candidates.insert(candidate.key.clone(), candidate);
            continue;
        };
        let key = candidate.key.clone();
        let message = format!("there is a second {key}");
        let location = first.mark("metadata.name").location;
        let elsewhere = place_text(&location);
        assembly.findings.push(
            candidate
                .finding("metadata.name", Severity::Error, FindingCode::Duplicate, message)
                .with_hint("rename or remove one of the two; until then neither is used")
                .with_related(location, "the first one"),
        );
        let here = place_text(&candidate.mark("metadata.name").location);
        assembly.refuse(&key, format!("it stands twice: in {elsewhere} and in {here}"));
    }
    for (key, reason) in broken {
        if !assembly.candidates.contains_key(&key) {
            assembly.refuse(&key, reason);
        }
    }
    assembly
}

/// A place as it may stand in a sentence.
fn place_text(location: &Location) -> String {
    if location.line == 0 { location.path.clone() } else { format!("{}:{}", location.path, location.line) }
}

fn candidates(file: &ParsedFile, stale: bool) -> impl Iterator<Item = Candidate<'_>> {
    file.documents.iter().filter_map(move |document| {
        Some(Candidate {
            key: document.key.clone()?,
            document,
            resource: document.resource.as_ref()?,
            path: &file.path,
            stale,
        })
    })
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
    match candidate.resource {
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
                wanted(candidate.path, service.spec.task_definition.as_ref(), task_definitions);
            let resource = with_age(service, candidate.stale);
            state.services.insert(name, DesiredService { resource, task_definition });
        }
        ParsedResource::Envelope(_) => {}
    }
}

fn wanted(
    manifest: &RelativePath,
    source: Option<&TaskDefinitionSource>,
    task_definitions: &BTreeMap<RelativePath, Arc<ParsedTaskDefinition>>,
) -> Option<WantedTaskDefinition> {
    match source? {
        TaskDefinitionSource::Revision(revision) => Some(WantedTaskDefinition::Revision(revision.clone())),
        TaskDefinitionSource::File(file) => {
            let file = resolve(manifest, file)?;
            let parsed = task_definitions.get(&file)?;
            let (family, content) = (parsed.family.clone()?, parsed.content.clone()?);
            Some(WantedTaskDefinition::Content { file, family, content })
        }
    }
}
