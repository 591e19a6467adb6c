//! Which files differ between two commits, as `files` of commits, comparisons and pull requests.

use git2::{Delta, DiffFindOptions, DiffOptions, Oid, Patch};
use serde_json::{Value, json};

use super::git::Git;
use super::urls::{Urls, encode};

/// The files that differ.
#[derive(Debug, Default)]
pub(super) struct Changes {
    files: Vec<FileChange>,
}

#[derive(Debug)]
struct FileChange {
    path: String,
    previous: Option<String>,
    blob: Oid,
    status: &'static str,
    additions: usize,
    deletions: usize,
    patch: Option<String>,
}

impl Changes {
    /// What leads from one commit (or from nothing) to another.
    pub(super) fn between(git: &Git, from: Option<Oid>, to: Oid) -> Result<Self, git2::Error> {
        let from = from.map(|id| git.store.find_commit(id)?.tree()).transpose()?;
        let to = git.store.find_commit(to)?.tree()?;
        let mut diff =
            git.store.diff_tree_to_tree(from.as_ref(), Some(&to), Some(&mut DiffOptions::new()))?;
        diff.find_similar(Some(DiffFindOptions::new().renames(true)))?;
        let mut files = Vec::new();
        for (index, delta) in diff.deltas().enumerate() {
            let path_of = |file: git2::DiffFile<'_>| {
                String::from_utf8_lossy(file.path_bytes().unwrap_or_default()).into_owned()
            };
            let status = match delta.status() {
                Delta::Added | Delta::Copied => "added",
                Delta::Deleted => "removed",
                Delta::Renamed => "renamed",
                _ => "modified",
            };
            let removed = status == "removed";
            let blob = if removed { delta.old_file().id() } else { delta.new_file().id() };
            let (additions, deletions, hunks) = match Patch::from_diff(&diff, index)? {
                Some(mut lines) => {
                    let (_, additions, deletions) = lines.line_stats()?;
                    let text = String::from_utf8_lossy(&lines.to_buf()?).into_owned();
                    // GitHub leaves out git's own header.
                    let hunks = text.find("\n@@").map(|at| text[at + 1..].trim_end().to_owned());
                    (additions, deletions, hunks)
                }
                None => (0, 0, None),
            };
            files.push(FileChange {
                path: path_of(if removed { delta.old_file() } else { delta.new_file() }),
                previous: (status == "renamed").then(|| path_of(delta.old_file())),
                blob,
                status,
                additions,
                deletions,
                patch: hunks,
            });
        }
        Ok(Self { files })
    }

    pub(super) fn count(&self) -> usize {
        self.files.len()
    }

    pub(super) fn additions(&self) -> usize {
        self.files.iter().map(|file| file.additions).sum()
    }

    pub(super) fn deletions(&self) -> usize {
        self.files.iter().map(|file| file.deletions).sum()
    }

    /// The paths with one of these statuses, as a push event lists them.
    pub(super) fn paths(&self, status: &str) -> Vec<&str> {
        self.files.iter().filter(|file| file.status == status).map(|file| file.path.as_str()).collect()
    }

    /// GitHub's `files`; the addresses lead to the state at `head`.
    pub(super) fn render(&self, urls: &Urls, full_name: &str, head: Oid) -> Value {
        let files = self.files.iter().map(|file| {
            let path = encode(&file.path);
            let mut shown = json!({
                "sha": file.blob.to_string(),
                "filename": file.path,
                "status": file.status,
                "additions": file.additions,
                "deletions": file.deletions,
                "changes": file.additions + file.deletions,
                "blob_url": format!("{}/{full_name}/blob/{head}/{path}", urls.web),
                "raw_url": format!("{}/{full_name}/raw/{head}/{path}", urls.web),
                "contents_url": format!("{}/contents/{path}?ref={head}", urls.repository(full_name)),
            });
            if let Some(patch) = &file.patch {
                shown["patch"] = patch.clone().into();
            }
            if let Some(previous) = &file.previous {
                shown["previous_filename"] = previous.clone().into();
            }
            shown
        });
        files.collect()
    }
}
