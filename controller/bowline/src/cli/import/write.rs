//! Files: compared with what the folder has, then written all together.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bowline_core::desired::ResourceKey;
use bowline_core::import::{Manifests, Unit};
use serde::Serialize;
use similar::{ChangeTag, TextDiff};

/// What is to be done with each file.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Files to write: path from the folder, and text.
    pub(super) files: BTreeMap<String, String>,
    /// What becomes of each resource.
    pub(super) resources: Vec<(ResourceKey, Vec<String>, Fate)>,
    /// Files that nobody said may be overwritten, and what is there.
    pub(super) in_the_way: BTreeMap<String, String>,
}

/// What becomes of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Fate {
    /// It is written.
    Written,
    /// It stands there in the same words already, comments aside.
    Unchanged,
    /// An earlier import wrote it, and it says something else by now: its new files, and how many lines of the others
    /// differ.
    LeftAlone(Vec<String>),
}

/// Holds what is to be written against what is there. `force` overwrites.
pub(super) fn compare(folder: &Path, manifests: &Manifests, force: bool) -> anyhow::Result<Plan> {
    let mut plan = Plan::default();
    for unit in &manifests.units {
        let fate = one(folder, unit, force, &mut plan)?;
        let paths = unit.files.iter().map(|(path, _)| path.clone()).collect();
        plan.resources.push((unit.resource.clone(), paths, fate));
    }
    Ok(plan)
}

fn one(folder: &Path, unit: &Unit, force: bool, plan: &mut Plan) -> anyhow::Result<Fate> {
    let mut different = Vec::new();
    let mut new = Vec::new();
    for (path, text) in &unit.files {
        match found(&folder.join(path))? {
            Found::Nothing => new.push((path, text)),
            Found::File(bytes) if bytes == text.as_bytes() => {}
            Found::File(bytes) if unit.declared && !force && says_the_same(path, text, &bytes) => {}
            Found::File(bytes) => different.push((path, text, bytes)),
            Found::Other(what) => drop(plan.in_the_way.insert(path.clone(), what.to_owned())),
        }
    }
    if different.is_empty() && new.is_empty() {
        return Ok(Fate::Unchanged);
    }
    if unit.declared && !force {
        let mut lines: Vec<String> = new.iter().map(|(path, _)| format!("+ {path}")).collect();
        // Only how many lines: what stands in them may be confidential, in a manifest as in a task definition.
        lines.extend(different.iter().map(|(path, text, bytes)| {
            format!("~ {path}: {}", counted(&String::from_utf8_lossy(bytes), text))
        }));
        return Ok(Fate::LeftAlone(lines));
    }
    if !force {
        for (path, text, bytes) in &different {
            let count = counted(&String::from_utf8_lossy(bytes), text);
            plan.in_the_way.insert((*path).clone(), format!("a file of which {count}"));
        }
    }
    let different = different.into_iter().map(|(path, text, _)| (path, text));
    plan.files.extend(new.into_iter().chain(different).map(|(path, text)| (path.clone(), text.clone())));
    Ok(Fate::Written)
}

enum Found {
    Nothing,
    File(Vec<u8>),
    Other(&'static str),
}

fn found(path: &Path) -> anyhow::Result<Found> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Ok(Found::Other("a file where a folder is needed"));
        }
        Err(error) => return Err(error).with_context(|| format!("{} cannot be looked at", path.display())),
    };
    if metadata.is_symlink() {
        return Ok(Found::Other("a symbolic link"));
    }
    if !metadata.is_file() {
        return Ok(Found::Other("not a plain file"));
    }
    fs::read(path).map(Found::File).with_context(|| format!("{} cannot be read", path.display()))
}

/// Whether two manifests differ in comments only. A task definition file has none.
fn says_the_same(path: &str, text: &str, bytes: &[u8]) -> bool {
    let Ok(before) = std::str::from_utf8(bytes) else { return false };
    let said = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        lines.map(str::to_owned).collect()
    };
    let is_manifest = Path::new(path).extension().is_some_and(|extension| extension == "yaml");
    is_manifest && said(before) == said(text)
}

fn counted(before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
    match count(ChangeTag::Delete).max(count(ChangeTag::Insert)) {
        1 => "1 line differs".to_owned(),
        lines => format!("{lines} lines differ"),
    }
}

/// Writes all files, or none: they are put beside first and then moved to their places; what was moved is taken back if one
/// cannot be.
pub(super) fn write(folder: &Path, files: &BTreeMap<String, String>) -> anyhow::Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let unusable = || format!("{} cannot be written to; nothing was written", folder.display());
    fs::create_dir_all(folder).with_context(unusable)?;
    // In the folder itself, since a file can only be moved inside one file system; with a dot, so that nobody reads it.
    let beside =
        tempfile::Builder::new().prefix(".bowline-import-").tempdir_in(folder).with_context(unusable)?;
    let mut moves = Vec::new();
    for (number, (path, text)) in files.iter().enumerate() {
        let from = beside.path().join(number.to_string());
        fs::write(&from, text).with_context(unusable)?;
        moves.push((from, folder.join(path), beside.path().join(format!("{number}.before"))));
    }
    let mut done = Vec::new();
    for (from, to, before) in moves {
        match put(&from, &to, &before) {
            Ok(replaced) => done.push((to, replaced.then_some(before))),
            Err(error) => {
                let left = take_back(done);
                let outcome = if left.is_empty() {
                    "nothing was written".to_owned()
                } else {
                    format!("left behind: {}", left.join(", "))
                };
                return Err(error).with_context(|| format!("{} cannot be written; {outcome}", to.display()));
            }
        }
    }
    Ok(())
}

/// Moves one file to its place; true if there was one, which is then at `before`.
fn put(from: &Path, to: &Path, before: &Path) -> io::Result<bool> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    let replaced = fs::symlink_metadata(to).is_ok();
    if replaced {
        fs::rename(to, before)?;
    }
    if let Err(error) = fs::rename(from, to) {
        if replaced {
            fs::rename(before, to)?;
        }
        return Err(error);
    }
    Ok(replaced)
}

/// Undoes what was done; gives the files for which that failed.
fn take_back(done: Vec<(PathBuf, Option<PathBuf>)>) -> Vec<String> {
    let mut left = Vec::new();
    for (to, before) in done {
        let undone = match before {
            Some(before) => fs::rename(before, &to),
            None => fs::remove_file(&to),
        };
        if undone.is_err() {
            left.push(to.display().to_string());
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(all: &[(&str, &str)]) -> BTreeMap<String, String> {
        all.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    fn all(folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let shown = path.strip_prefix(folder).unwrap().display().to_string();
                    found.push(format!("{shown}: {}", fs::read_to_string(&path).unwrap()));
                }
            }
        }
        found.sort();
        found
    }

    #[test]
    fn a_manifest_that_differs_in_comments_only_is_unchanged_unless_it_is_forced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("web.yaml"), "spec:\n  # mine\n  desiredCount: 2\n").unwrap();
        let key = ResourceKey {
            kind: bowline_core::desired::ResourceKind::EcsService,
            name: bowline_core::name::ResourceName::parse("web").unwrap(),
        };
        let fate = |text: &str, force: bool| {
            let files = vec![("web.yaml".to_owned(), text.to_owned())];
            let unit = Unit { resource: key.clone(), declared: true, files };
            one(folder.path(), &unit, force, &mut Plan::default()).unwrap()
        };
        assert_eq!(fate("# new\nspec:\n  desiredCount: 2\n", false), Fate::Unchanged);
        assert_eq!(fate("# new\nspec:\n  desiredCount: 2\n", true), Fate::Written);
        let changed = vec!["~ web.yaml: 2 lines differ".to_owned()];
        assert_eq!(fate("spec:\n  desiredCount: 3\n", false), Fate::LeftAlone(changed));
    }

    #[test]
    fn all_files_are_written_into_a_folder_that_need_not_exist() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("new");
        write(&folder, &files(&[("a.yaml", "a"), ("b/c.yaml", "c")])).unwrap();
        assert_eq!(all(place.path()), ["new/a.yaml: a", "new/b/c.yaml: c"]);
    }

    #[test]
    fn what_was_written_is_taken_back_when_one_file_cannot_be() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.yaml"), "before").unwrap();
        fs::write(folder.path().join("c"), "a file where a folder is needed").unwrap();
        let error =
            write(folder.path(), &files(&[("a.yaml", "a"), ("b.yaml", "b"), ("c/d.yaml", "d")])).unwrap_err();
        assert!(error.to_string().ends_with("c/d.yaml cannot be written; nothing was written"), "{error}");
        assert_eq!(all(folder.path()), ["a.yaml: before", "c: a file where a folder is needed"]);
    }
}
