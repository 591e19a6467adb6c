use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::desired::{
    ParsedTaskDefinition, ResourceKind, SourceFile, assemble, parse_manifest, parse_task_definition,
    referenced_task_definitions,
};
use crate::edit::touched;

mod aiming;
mod choosing;
mod words;

type Files = BTreeMap<&'static str, String>;

fn name(text: &str) -> ResourceName {
    ResourceName::parse(text).unwrap()
}

fn path(text: &str) -> RelativePath {
    RelativePath::parse(text).unwrap()
}

fn service(text: &str) -> ResourceKey {
    ResourceKey { kind: ResourceKind::EcsService, name: name(text) }
}

fn revision(text: &str) -> RevisionRef {
    RevisionRef::parse(text).unwrap()
}

/// The id of the commit with this number.
fn id(number: usize) -> CommitId {
    CommitId::parse(&format!("{number:0>40}")).unwrap()
}

fn document(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: bowline.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n---\n"
    )
}

fn target() -> String {
    document("Target", "prod", "accountId: '111122223333', region: eu-central-1, cluster: main")
}

/// A service that runs a revision.
fn pinned(name: &str, revision: &str) -> String {
    more(name, &format!(", taskDefinition: {{revision: '{revision}'}}"))
}

fn more(name: &str, rest: &str) -> String {
    document("EcsService", name, &format!("target: prod, service: {name}{rest}"))
}

fn secret(version: u8) -> String {
    let version = format!("6f1a3a52-9d1b-4a0e-8a54-2f7f0c4b9d{version:0>2}");
    document("Secret", "db", &format!("target: prod, secretId: db, versionId: {version}"))
}

fn json_file(image: &str) -> String {
    json!({"family": "web", "containerDefinitions": [{"name": "app", "image": image, "memory": 64}]})
        .to_string()
}

/// What a commit with these files wants.
fn state(files: &Files) -> DesiredState {
    let manifests = files.iter().filter(|(at, _)| at.ends_with("yaml"));
    let manifests: Vec<SourceFile> = manifests
        .map(|(at, text)| SourceFile {
            parsed: Arc::new(parse_manifest(&path(at), text.as_bytes())),
            fallback: None,
        })
        .collect();
    let parse = |at: RelativePath| {
        let text = files.get(at.as_str())?;
        Some((at.clone(), Arc::new(parse_task_definition(&at, text.as_bytes()))))
    };
    let task_definitions: BTreeMap<RelativePath, Arc<ParsedTaskDefinition>> =
        referenced_task_definitions(&manifests).into_iter().filter_map(parse).collect();
    assemble(&manifests, &task_definitions).state
}

/// A branch: commit after commit, each given by what it writes; an empty text deletes the file.
struct Branch {
    files: Files,
    /// Oldest first.
    commits: Vec<PastCommit>,
}

impl Branch {
    fn new(files: &[(&'static str, String)]) -> Self {
        let mut branch = Self { files: Files::new(), commits: Vec::new() };
        branch.commit(files);
        branch
    }

    /// Commits, and gives the id.
    fn commit(&mut self, changes: &[(&'static str, String)]) -> CommitId {
        let before = self.files.clone();
        for (at, text) in changes {
            if text.is_empty() {
                self.files.remove(at);
            } else {
                self.files.insert(at, text.clone());
            }
        }
        let number = self.commits.len();
        let paths: BTreeSet<&str> = before.keys().chain(self.files.keys()).copied().collect();
        let bytes = |files: &Files, at: &str| files.get(at).map(|text| text.clone().into_bytes());
        let differing = paths.into_iter().filter(|at| before.get(at) != self.files.get(at));
        let files = differing
            .map(|at| {
                let (before, after) = (bytes(&before, at), bytes(&self.files, at));
                (at.to_owned(), touched(&path(at), before.as_deref(), after.as_deref()))
            })
            .collect();
        self.commits.push(PastCommit {
            id: id(number),
            subject: format!("Change {number}"),
            trailers: Trailers::default(),
            parent: number.checked_sub(1).map_or(Parent::None, |parent| Parent::One(id(parent))),
            files,
            state: Arc::new(state(&self.files)),
        });
        id(number)
    }

    fn history(&self) -> Vec<PastCommit> {
        self.commits.iter().rev().cloned().collect()
    }

    /// What is chosen when these services fail, which were good with these commits.
    fn choose(&self, failing: &[(&str, &CommitId)]) -> Chosen {
        self.choose_with(failing, &GoodRevision::Unknown)
    }

    fn choose_with(&self, failing: &[(&str, &CommitId)], revision: &GoodRevision) -> Chosen {
        let failing = failing.iter().map(|(service, good)| {
            let failing =
                Failing { good: (*good).clone(), revision: revision.clone(), after_failed_rollback: false };
            (name(service), failing)
        });
        choose(&self.history(), &failing.collect())
    }
}

/// Per rollback: who, and per commit whether it is taken back as a whole, or else which parts of it.
fn shown(chosen: &Chosen) -> Vec<String> {
    let each = chosen.reverts.iter().map(|revert| {
        let names: Vec<&str> = revert.resources.iter().map(ResourceName::as_str).collect();
        let steps = revert.steps.iter().map(|step| {
            let number = step.commit.as_str().trim_start_matches('0');
            let parts = step.documents.keys().map(ToString::to_string);
            let parts: Vec<String> = parts.chain(step.files.iter().map(ToString::to_string)).collect();
            if step.whole { format!("{number} whole") } else { format!("{number} {}", parts.join("+")) }
        });
        format!("{}: {}", names.join(" "), steps.collect::<Vec<_>>().join(", "))
    });
    let none = chosen.none.iter().map(|(name, why)| format!("{name}: {why}"));
    each.chain(none).collect()
}
