//! The bare repository, and what GitHub asks of it: tips, ranges, merges, new commits.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use git2::{Commit, Error, Oid, RepositoryInitOptions, Signature, Sort, Time};
use jiff::Timestamp;

use super::numbers::id_of_name;

/// A bare repository on disk.
pub(super) struct Git {
    pub(super) store: git2::Repository,
    path: PathBuf,
}

/// Who stands on a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) email: String,
    pub(super) at: Timestamp,
}

/// Runs in `git receive-pack`, for each ref, and refuses what the simulator named beforehand.
const UPDATE_HOOK: &str = r#"#!/bin/sh
# $1 ref, $2 old, $3 new. A push that does not come through the simulator is not held to anything.
for refused in $BOWLINE_SIM_PROTECTED; do
    if [ "$1" = "$refused" ]; then
        echo "error: GH006: Protected branch update failed for $1." >&2
        echo "error: $BOWLINE_SIM_REASON" >&2
        exit 1
    fi
done
for kept in $BOWLINE_SIM_FORWARD_ONLY; do
    if [ "$1" = "$kept" ] && ! git merge-base --is-ancestor "$2" "$3"; then
        echo "error: GH006: Protected branch update failed for $1." >&2
        echo "error: Cannot force-push to this branch" >&2
        exit 1
    fi
done
exit 0
"#;

impl Git {
    /// A new, empty one.
    pub(super) fn create(path: &Path, default_branch: &str) -> Result<Self, Error> {
        let mut options = RepositoryInitOptions::new();
        options.bare(true).no_reinit(true).external_template(false).initial_head(default_branch);
        let store = git2::Repository::init_opts(path, &options)?;
        let mut config = store.config()?;
        config.set_bool("http.receivepack", true)?;
        config.set_bool("receive.autogc", false)?;
        let hook = path.join("hooks/update");
        let written = fs::create_dir_all(path.join("hooks"))
            .and_then(|()| fs::write(&hook, UPDATE_HOOK))
            .and_then(|()| fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)));
        written.map_err(|error| Error::from_str(&format!("cannot write {}: {error}", hook.display())))?;
        Ok(Self { store, path: path.to_owned() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where a branch is.
    pub(super) fn branch(&self, name: &str) -> Option<Oid> {
        self.store.refname_to_id(&format!("refs/heads/{name}")).ok()
    }

    /// All refs. Those that cannot be read do not count, as with git itself.
    pub(super) fn refs(&self) -> BTreeMap<String, Oid> {
        let Ok(all) = self.store.references() else { return BTreeMap::new() };
        all.filter_map(Result::ok)
            .filter_map(|reference| Some((reference.name().ok()?.to_owned(), reference.target()?)))
            .collect()
    }

    pub(super) fn set_ref(&self, name: &str, to: Oid) -> Result<(), Error> {
        self.store.reference(name, to, true, "simulated GitHub").map(|_| ())
    }

    pub(super) fn delete_ref(&self, name: &str) -> Result<(), Error> {
        self.store.find_reference(name)?.delete()
    }

    /// A commit by branch, tag, full ref or id, as GitHub resolves `{ref}`.
    pub(super) fn resolve(&self, text: &str) -> Option<Oid> {
        let by_ref = [format!("refs/heads/{text}"), format!("refs/tags/{text}"), format!("refs/{text}")];
        let found = by_ref.iter().find_map(|name| self.store.find_reference(name).ok());
        match found {
            Some(reference) => reference.peel_to_commit().ok().map(|commit| commit.id()),
            None if text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                self.store.find_commit_by_prefix(text).ok().map(|commit| commit.id())
            }
            None => None,
        }
    }

    pub(super) fn is_ancestor(&self, ancestor: Oid, of: Oid) -> bool {
        ancestor == of || self.store.graph_descendant_of(of, ancestor).unwrap_or(false)
    }

    /// What `head` has and `base` has not, oldest first.
    pub(super) fn between(&self, base: Option<Oid>, head: Oid) -> Result<Vec<Oid>, Error> {
        let mut walk = self.store.revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE)?;
        walk.push(head)?;
        if let Some(base) = base {
            walk.hide(base)?;
        }
        walk.collect()
    }

    /// The tree of `ours` with `theirs` merged in; `None` on a conflict, or when they have nothing in common.
    pub(super) fn merged_tree(&self, ours: Oid, theirs: Oid) -> Result<Option<Oid>, Error> {
        if self.store.merge_base(ours, theirs).is_err() {
            return Ok(None);
        }
        let (ours, theirs) = (self.store.find_commit(ours)?, self.store.find_commit(theirs)?);
        let mut index = self.store.merge_commits(&ours, &theirs, None)?;
        if index.has_conflicts() { Ok(None) } else { index.write_tree_to(&self.store).map(Some) }
    }

    /// The tree of `onto` with the change of one commit on top; `None` on a conflict.
    pub(super) fn picked_tree(&self, commit: &Commit<'_>, onto: Oid) -> Result<Option<Oid>, Error> {
        let onto = self.store.find_commit(onto)?;
        let mut index = self.store.cherrypick_commit(commit, &onto, 0, None)?;
        if index.has_conflicts() { Ok(None) } else { index.write_tree_to(&self.store).map(Some) }
    }

    /// Writes a commit; no ref moves.
    pub(super) fn commit(
        &self,
        tree: Oid,
        parents: &[Oid],
        author: &Person,
        committer: &Person,
        message: &str,
    ) -> Result<Oid, Error> {
        let tree = self.store.find_tree(tree)?;
        let parents: Vec<_> =
            parents.iter().map(|id| self.store.find_commit(*id)).collect::<Result<_, _>>()?;
        let parents: Vec<_> = parents.iter().collect();
        let (author, committer) = (author.signature()?, committer.signature()?);
        self.store.commit(None, &author, &committer, message, &tree, &parents)
    }
}

impl Person {
    /// Somebody with an account.
    pub(super) fn account(login: &str, at: Timestamp) -> Self {
        let email = format!("{}+{login}@users.noreply.github.com", id_of_name(login));
        Self { name: login.to_owned(), email, at }
    }

    /// GitHub itself, which commits what is merged in the browser or by the API.
    pub(super) fn github(at: Timestamp) -> Self {
        Self { name: "GitHub".to_owned(), email: "noreply@github.com".to_owned(), at }
    }

    /// As a commit says.
    pub(super) fn of(signature: &Signature<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            name: text(signature.name_bytes()),
            email: text(signature.email_bytes()),
            at: Timestamp::from_second(signature.when().seconds()).unwrap_or_default(),
        }
    }

    /// Whose account the email address belongs to, where GitHub gave it out.
    pub(super) fn login(&self) -> Option<&str> {
        let local = self.email.strip_suffix("@users.noreply.github.com")?;
        local.split_once('+').map(|(_, login)| login)
    }

    pub(super) fn signature(&self) -> Result<Signature<'static>, Error> {
        Signature::new(&self.name, &self.email, &Time::new(self.at.as_second(), 0))
    }
}

/// The message of a commit.
pub(super) fn message(commit: &Commit<'_>) -> String {
    String::from_utf8_lossy(commit.message_bytes()).trim_end().to_owned()
}
