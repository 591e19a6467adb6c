//! The git repository of the demo: bare, at the simulated GitHub, seeded from `desired-state/`, changed by commits as a person
//! would push them.

use std::path::{Path, PathBuf};

use git2::{Repository, Signature, build::TreeUpdateBuilder};
use include_dir::{Dir, include_dir};

use super::DemoError;

/// The sample desired state, as it was when the binary was built.
static SAMPLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../desired-state");

/// The branch that holds the desired state.
pub(super) const BRANCH: &str = "main";

/// A bare repository on disk.
pub(super) struct DemoRepository {
    path: PathBuf,
}

impl DemoRepository {
    /// Gives the empty repository one commit that holds the sample.
    pub(super) fn seed(path: PathBuf) -> Result<Self, DemoError> {
        let made = Self { path };
        let files: Vec<(String, Vec<u8>)> = files(&SAMPLE);
        made.commit_files(&files, "Describe what should run")?;
        Ok(made)
    }

    /// The commit at the head of the branch.
    pub(super) fn head(&self) -> Result<String, DemoError> {
        let repository = self.open()?;
        let read = || repository.refname_to_id(&format!("refs/heads/{BRANCH}"));
        read().map(|id| id.to_string()).map_err(DemoError::git("read the branch"))
    }

    /// Everything that a revision (as `git rev-parse` takes it) holds, as one id: equal trees have equal files.
    pub(super) fn tree(&self, revision: &str) -> Result<String, DemoError> {
        let repository = self.open()?;
        let read = || repository.revparse_single(revision)?.peel_to_tree();
        read().map(|tree| tree.id().to_string()).map_err(DemoError::git("read a tree"))
    }

    /// The text of a file at the head of the branch.
    pub(super) fn read(&self, path: &str) -> Result<String, DemoError> {
        let repository = self.open()?;
        let read = || -> Result<String, git2::Error> {
            let tree = repository.find_reference(&format!("refs/heads/{BRANCH}"))?.peel_to_tree()?;
            let blob = tree.get_path(Path::new(path))?.to_object(&repository)?.peel_to_blob()?;
            Ok(String::from_utf8_lossy(blob.content()).into_owned())
        };
        read().map_err(DemoError::git("read a file"))
    }

    /// Commits a change of one file: every `from` becomes `to`. A text that is not there is an error, so that a step of
    /// the story can never commit nothing.
    pub(super) fn replace(
        &self,
        path: &str,
        from: &str,
        to: &str,
        message: &str,
    ) -> Result<String, DemoError> {
        let before = self.read(path)?;
        if !before.contains(from) {
            return Err(DemoError::NothingToChange { path: path.to_owned(), text: from.to_owned() });
        }
        self.commit_files(&[(path.to_owned(), before.replace(from, to).into_bytes())], message)
    }

    fn open(&self) -> Result<Repository, DemoError> {
        Repository::open_bare(&self.path).map_err(DemoError::git("open the repository"))
    }

    fn commit_files(&self, files: &[(String, Vec<u8>)], message: &str) -> Result<String, DemoError> {
        let repository = self.open()?;
        let commit = || -> Result<String, git2::Error> {
            let parent = repository
                .find_reference(&format!("refs/heads/{BRANCH}"))
                .ok()
                .map(|reference| reference.peel_to_commit())
                .transpose()?;
            let base = match &parent {
                Some(parent) => parent.tree()?,
                None => repository.find_tree(repository.treebuilder(None)?.write()?)?,
            };
            let mut update = TreeUpdateBuilder::new();
            for (path, content) in files {
                update.upsert(path.as_str(), repository.blob(content)?, git2::FileMode::Blob);
            }
            let tree = repository.find_tree(update.create_updated(&repository, &base)?)?;
            let author = Signature::now("Somebody", "somebody@example.com")?;
            let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
            let head = format!("refs/heads/{BRANCH}");
            Ok(repository.commit(Some(&head), &author, &author, message, &tree, &parents)?.to_string())
        };
        commit().map_err(DemoError::git("commit"))
    }
}

/// Writes the sample into a folder.
pub(super) fn extract_sample(folder: &Path) -> Result<(), DemoError> {
    std::fs::create_dir_all(folder).map_err(DemoError::io("make a folder"))?;
    SAMPLE.extract(folder).map_err(DemoError::io("write the sample"))
}

fn files(folder: &Dir<'_>) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<(String, Vec<u8>)> = folder
        .files()
        .map(|file| (file.path().to_string_lossy().into_owned(), file.contents().to_vec()))
        .collect();
    for inner in folder.dirs() {
        found.extend(files(inner));
    }
    found
}
