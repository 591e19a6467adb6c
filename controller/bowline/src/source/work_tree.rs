//! What a person has not committed yet. It is never read as desired state; `plan` only tells that it is there.

use git2::{Repository, StatusOptions};

/// How many files of the local repository at `repo` are changed, added or deleted and not committed; `None` when `repo` is
/// not a local repository with a work tree.
pub fn uncommitted(repo: &str) -> Option<usize> {
    let repository = Repository::open(repo.strip_prefix("file://").unwrap_or(repo)).ok()?;
    if repository.is_bare() {
        return None;
    }
    let mut options = StatusOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true).exclude_submodules(true);
    Some(repository.statuses(Some(&mut options)).ok()?.len())
}

#[cfg(test)]
mod tests {
    use super::uncommitted;

    #[test]
    fn changed_and_new_files_are_counted_and_committed_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        assert_eq!(uncommitted(path), None);
        let repository = git2::Repository::init(folder.path()).unwrap();
        assert_eq!(uncommitted(path), Some(0));
        std::fs::write(folder.path().join("a.yaml"), "a").unwrap();
        std::fs::write(folder.path().join("b.yaml"), "b").unwrap();
        let mut index = repository.index().unwrap();
        index.add_path(std::path::Path::new("a.yaml")).unwrap();
        let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
        index.write().unwrap();
        let author = git2::Signature::now("A", "a@example.com").unwrap();
        repository.commit(Some("HEAD"), &author, &author, "First", &tree, &[]).unwrap();
        assert_eq!(uncommitted(path), Some(1));
        assert_eq!(uncommitted(&format!("file://{path}")), Some(1));
    }
}
