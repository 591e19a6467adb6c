//! One tree that is changed file by file. File modes are kept.

use bowline_core::desired::ResourceKey;
use bowline_core::edit::{Edit, EditError, FieldEdit, edit};
use bowline_core::name::{CommitId, RelativePath};
use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository};

use super::error::WriteError;
use crate::source::history::{bytes_at, find};
use crate::source::mirror::Mirror;

pub(super) struct Tree<'a> {
    mirror: &'a Mirror,
    repository: &'a Repository,
    /// The commit that it began as, for sentences.
    commit: CommitId,
    id: Oid,
}

impl<'a> Tree<'a> {
    pub(super) fn of_commit(
        mirror: &'a Mirror,
        repository: &'a Repository,
        commit: &CommitId,
    ) -> Result<Self, WriteError> {
        let found = find(repository, commit).map_err(|source| mirror.git("read a commit", source))?;
        Ok(Self { mirror, repository, commit: commit.clone(), id: found.tree_id() })
    }

    pub(super) fn id(&self) -> Oid {
        self.id
    }

    /// Goes on from another tree.
    pub(super) fn replace(&mut self, id: Oid) {
        self.id = id;
    }

    /// The text of a file, if there is one.
    pub(super) fn text(&self, path: &RelativePath) -> Result<Option<String>, WriteError> {
        let found = bytes_at(self.repository, self.id, path).map_err(|source| self.broken(source))?;
        found.map(|(bytes, _)| text(path, bytes)).transpose()
    }

    /// The text of a file that has to be there.
    pub(super) fn needed(&self, path: &RelativePath) -> Result<String, WriteError> {
        let missing = || WriteError::NoFile { commit: self.commit.clone(), path: path.clone() };
        self.text(path)?.ok_or_else(missing)
    }

    pub(super) fn edit(
        &mut self,
        path: &RelativePath,
        resource: &ResourceKey,
        edits: &[FieldEdit],
    ) -> Result<(), WriteError> {
        let text = edit(path, &self.needed(path)?, resource, edits)?;
        self.write(path, &text)
    }

    pub(super) fn change(&mut self, edit: &Edit) -> Result<(), WriteError> {
        let text = edit.apply(&self.needed(edit.path())?)?;
        self.write(edit.path(), &text)
    }

    /// Writes a file; a new one is not executable.
    pub(super) fn write(&mut self, path: &RelativePath, text: &str) -> Result<(), WriteError> {
        let known = bytes_at(self.repository, self.id, path).map_err(|source| self.broken(source))?;
        let mode = match known {
            Some((_, 0o100_755)) => FileMode::BlobExecutable,
            Some(_) | None => FileMode::Blob,
        };
        let blob = self.repository.blob(text.as_bytes()).map_err(|source| self.broken(source))?;
        let mut update = TreeUpdateBuilder::new();
        update.upsert(path.as_str(), blob, mode);
        self.update(update)
    }

    pub(super) fn remove(&mut self, path: &RelativePath) -> Result<(), WriteError> {
        let mut update = TreeUpdateBuilder::new();
        update.remove(path.as_str());
        self.update(update)
    }

    fn update(&mut self, mut update: TreeUpdateBuilder) -> Result<(), WriteError> {
        let tree = self.repository.find_tree(self.id);
        let updated = tree.and_then(|tree| update.create_updated(self.repository, &tree));
        self.id = updated.map_err(|source| self.broken(source))?;
        Ok(())
    }

    fn broken(&self, source: git2::Error) -> WriteError {
        self.mirror.git("build a tree", source).into()
    }
}

fn text(path: &RelativePath, bytes: Vec<u8>) -> Result<String, WriteError> {
    String::from_utf8(bytes).map_err(|_| {
        let problem = "it is not UTF-8".to_owned();
        EditError::Unreadable { path: path.clone(), problem }.into()
    })
}
