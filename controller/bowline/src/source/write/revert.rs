//! The tree of a rollback, from core's choice.

use std::collections::BTreeSet;

use bowline_core::desired::{ResourceKey, ResourceKind};
use bowline_core::edit::{FieldEdit, Reversal, Scalar, document, take_back};
use bowline_core::name::{RelativePath, ResourceName};
use bowline_core::rollback::revert::{Made, Part, PartChange, Place, Revert, Step};
use git2::{Commit, MergeFileInput, MergeOptions, Oid, Repository};

use super::error::WriteError;
use super::tree::Tree;
use crate::source::history::{find, parents};
use crate::source::mirror::Mirror;

/// How a revert gets to what was good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// What the commits changed is taken back, and what came later is kept.
    TakenBack,
    /// The last good form takes the place of what is there.
    Restored,
}

/// Takes back each step on top of the one before, newest first, and pins what has to be pinned.
pub(super) fn tree(
    mirror: &Mirror,
    repository: &Repository,
    revert: &Revert,
    means: Means,
) -> Result<(Oid, Made), WriteError> {
    if !revert.to_register.is_empty() {
        let names: Vec<&str> = revert.to_register.keys().map(ResourceName::as_str).collect();
        return Err(WriteError::NotRegistered { services: names.join(", ") });
    }
    let tree = Tree::of_commit(mirror, repository, &revert.head)?;
    let mut work = Work { mirror, repository, tree, means, made: Made::default(), replaced: BTreeSet::new() };
    for step in &revert.steps {
        work.take(step)?;
    }
    for (name, revision) in &revert.pins {
        let key = ResourceKey { kind: ResourceKind::EcsService, name: name.clone() };
        let path = work.place_of(revert, &key)?;
        let edits = [
            FieldEdit::set("spec.taskDefinition.revision", Scalar::Text(revision.to_string())),
            FieldEdit::remove("spec.taskDefinition.file"),
        ];
        work.tree.edit(&path, &key, &edits)?;
        work.made.note(Part::Resource(key), PartChange::Pinned(revision.clone()));
    }
    Ok((work.tree.id(), work.made))
}

struct Work<'a> {
    mirror: &'a Mirror,
    repository: &'a Repository,
    tree: Tree<'a>,
    means: Means,
    made: Made,
    /// Documents that have their last good form already.
    replaced: BTreeSet<ResourceKey>,
}

impl Work<'_> {
    fn take(&mut self, step: &Step) -> Result<(), WriteError> {
        let commit = find(self.repository, &step.commit).map_err(|source| self.broken(source))?;
        let parents = parents(self.repository, &commit).map_err(|source| self.broken(source))?;
        let parents = parents.ok_or_else(|| WriteError::Shallow { commit: step.commit.clone() })?;
        let parent = parents.into_iter().find(|parent| parent.id().to_string() == step.parent.as_str());
        let parent = parent.ok_or_else(|| WriteError::NotItsParent {
            commit: step.commit.clone(),
            parent: step.parent.clone(),
        })?;
        let whole =
            if step.whole && self.means == Means::TakenBack { self.whole(&commit, &parent)? } else { None };
        if let Some(tree) = whole {
            self.tree.replace(tree);
            self.made.note(Part::Commit(step.commit.clone()), PartChange::Whole);
            return Ok(());
        }
        for (resource, place) in &step.documents {
            self.document(step, resource, place)?;
        }
        for file in &step.files {
            self.file(step, file)?;
        }
        Ok(())
    }

    /// The tree without what the commit changed, as `git revert` makes it; none on a conflict.
    fn whole(&self, commit: &Commit<'_>, parent: &Commit<'_>) -> Result<Option<Oid>, WriteError> {
        let merged = || {
            let ours = self.repository.find_tree(self.tree.id())?;
            let mut options = MergeOptions::new();
            // As git does unless told otherwise.
            options.find_renames(true);
            let (ancestor, theirs) = (commit.tree()?, parent.tree()?);
            let mut index = self.repository.merge_trees(&ancestor, &ours, &theirs, Some(&options))?;
            if index.has_conflicts() { Ok(None) } else { index.write_tree_to(self.repository).map(Some) }
        };
        merged().map_err(|source| self.broken(source))
    }

    fn document(&mut self, step: &Step, resource: &ResourceKey, place: &Place) -> Result<(), WriteError> {
        if self.replaced.contains(resource) {
            return Ok(());
        }
        let at = |commit, path: &RelativePath| {
            let text = Tree::of_commit(self.mirror, self.repository, commit)?.needed(path)?;
            Ok::<_, WriteError>(document(path, &text, resource)?.to_owned())
        };
        let last_good = at(&place.good.0, &place.good.1)?;
        // Taken back as a whole, a later commit may have moved it.
        let path = self.holding(resource, [&place.now, &place.bad])?;
        let text = self.tree.needed(&path)?;
        if self.means == Means::Restored {
            let restored = take_back(&path, &text, resource, "", &last_good, &last_good, |_, _, _| None)?;
            self.tree.write(&path, &restored.text)?;
            let change = match restored.reversal {
                Reversal::AlreadyThere => PartChange::Taken(Reversal::AlreadyThere),
                Reversal::Merged | Reversal::Replaced => PartChange::Restored,
            };
            self.made.note(Part::Resource(resource.clone()), change);
            return Ok(());
        }
        let (bad, good) = (at(&step.commit, &place.bad)?, at(&step.parent, &place.before)?);
        let taken = take_back(&path, &text, resource, &bad, &good, &last_good, merge)?;
        self.tree.write(&path, &taken.text)?;
        if taken.reversal == Reversal::Replaced {
            self.replaced.insert(resource.clone());
        }
        self.made.note(Part::Resource(resource.clone()), PartChange::Taken(taken.reversal));
        Ok(())
    }

    fn file(&mut self, step: &Step, file: &RelativePath) -> Result<(), WriteError> {
        let at = |commit| Tree::of_commit(self.mirror, self.repository, commit)?.text(file);
        if self.means == Means::Restored {
            return self.restore(file, at(&step.parent)?);
        }
        let (bad, good, ours) = (at(&step.commit)?, at(&step.parent)?, self.tree.text(file)?);
        let reversal = match (bad, good, ours) {
            (bad, good, ours) if ours == good || bad == good => Reversal::AlreadyThere,
            (bad, Some(good), ours) if ours == bad => {
                self.tree.write(file, &good)?;
                Reversal::Merged
            }
            (bad, None, ours) if ours == bad => {
                self.tree.remove(file)?;
                Reversal::Merged
            }
            (Some(bad), Some(good), Some(ours)) => {
                let merged = merge(&bad, &ours, &good);
                self.tree.write(file, merged.as_ref().unwrap_or(&good))?;
                if merged.is_some() { Reversal::Merged } else { Reversal::Replaced }
            }
            (_, Some(good), _) => {
                self.tree.write(file, &good)?;
                Reversal::Replaced
            }
            // It was added and then changed: nothing that goes back names it.
            (_, None, _) => Reversal::AlreadyThere,
        };
        self.made.note(Part::File(file.clone()), PartChange::Taken(reversal));
        Ok(())
    }

    /// Gives a task definition file the form that it had before.
    fn restore(&mut self, file: &RelativePath, good: Option<String>) -> Result<(), WriteError> {
        let is_there = self.tree.text(file)? == good;
        match good {
            Some(good) if !is_there => {
                self.tree.write(file, &good)?;
                self.made.note(Part::File(file.clone()), PartChange::Restored);
            }
            // Nothing that goes back names a file that was added.
            Some(_) | None => {
                self.made.note(Part::File(file.clone()), PartChange::Taken(Reversal::AlreadyThere));
            }
        }
        Ok(())
    }

    /// Where the document of a service is by now.
    fn place_of(&self, revert: &Revert, key: &ResourceKey) -> Result<RelativePath, WriteError> {
        let now = revert.documents.get(&key.name).into_iter();
        let places = revert.steps.iter().filter_map(|step| step.documents.get(key));
        let before = places.flat_map(|place| [&place.now, &place.before, &place.good.1]);
        self.holding(key, now.chain(before))
    }

    /// The first of these files that has the document; the first of all if none has.
    fn holding<'p>(
        &self,
        key: &ResourceKey,
        paths: impl IntoIterator<Item = &'p RelativePath>,
    ) -> Result<RelativePath, WriteError> {
        let mut first = None;
        for path in paths {
            let text = self.tree.text(path)?;
            if text.is_some_and(|text| document(path, &text, key).is_ok()) {
                return Ok(path.clone());
            }
            first.get_or_insert(path);
        }
        first.cloned().ok_or_else(|| WriteError::NoDocument { resource: key.clone() })
    }

    fn broken(&self, source: git2::Error) -> WriteError {
        self.mirror.git("revert a commit", source).into()
    }
}

/// Merges the lines of three texts as git does; none on a conflict.
fn merge(base: &str, ours: &str, theirs: &str) -> Option<String> {
    if base.is_empty() || ours.is_empty() || theirs.is_empty() {
        return None;
    }
    let merged = git2::merge_file(&side(base), &side(ours), &side(theirs), None).ok()?;
    if !merged.is_automergeable() {
        return None;
    }
    String::from_utf8(merged.content().to_vec()).ok()
}

fn side(text: &str) -> MergeFileInput<'_> {
    let mut input = MergeFileInput::new();
    input.content(text.as_bytes()).path("document");
    input
}
