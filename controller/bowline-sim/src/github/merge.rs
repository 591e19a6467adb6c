//! Merging for real: the commits are written, the base moves.

use git2::Oid;
use jiff::Timestamp;

use super::git::{Person, message};
use super::pull::{MergeMethod, PullRequest, PullState};
use super::reply::Refusal;
use super::repository::Repository;

/// How, and by whom.
#[derive(Debug, Clone)]
pub(super) struct MergeOrder {
    pub(super) method: MergeMethod,
    /// The first line; GitHub has one of its own.
    pub(super) title: Option<String>,
    pub(super) message: Option<String>,
    pub(super) by: String,
}

impl Repository {
    /// Merges an open pull request into its base, whatever the rules say; the caller has asked them. Returns the commit
    /// that the base is then on.
    pub(super) fn merge(&mut self, number: u64, order: &MergeOrder, now: Timestamp) -> Result<Oid, Refusal> {
        let Some(pull) = self.pulls.get(&number) else { return Err(Refusal::not_found()) };
        let base = self.git.branch(&pull.base_branch);
        let base = base.ok_or_else(|| Refusal::not_allowed("Pull Request is not mergeable"))?;
        let merged = match order.method {
            MergeMethod::Merge => self.merge_commit(pull, base, order, now),
            MergeMethod::Squash => self.squashed(pull, base, order, now),
            MergeMethod::Rebase => self.rebased(pull, base, order, now),
        }?;
        self.git.set_ref(&format!("refs/heads/{}", pull.base_branch), merged)?;
        let head = format!("refs/heads/{}", pull.head_branch);
        if self.settings.delete_branch_on_merge {
            self.git.delete_ref(&head)?;
        }
        if let Some(pull) = self.pulls.get_mut(&number) {
            pull.state = PullState::Merged { at: now, by: order.by.clone(), commit: merged };
            pull.updated = now;
            pull.base = base;
        }
        Ok(merged)
    }

    /// The tree of base and head together.
    fn joined(&self, base: Oid, head: Oid) -> Result<Oid, Refusal> {
        let tree = self.git.merged_tree(base, head)?;
        tree.ok_or_else(|| Refusal::not_allowed("Pull Request is not mergeable"))
    }

    /// One commit with two parents.
    fn merge_commit(
        &self,
        pull: &PullRequest,
        base: Oid,
        order: &MergeOrder,
        now: Timestamp,
    ) -> Result<Oid, Refusal> {
        let tree = self.joined(base, pull.head)?;
        let title = order.title.clone().unwrap_or_else(|| {
            format!("Merge pull request #{} from {}/{}", pull.number, self.owner, pull.head_branch)
        });
        let text = order.message.clone().unwrap_or_else(|| pull.title.clone());
        let (author, committer) = (Person::account(&order.by, now), Person::github(now));
        let text = joined_text(&title, &text);
        Ok(self.git.commit(tree, &[base, pull.head], &author, &committer, &text)?)
    }

    /// One commit with everything in it.
    fn squashed(
        &self,
        pull: &PullRequest,
        base: Oid,
        order: &MergeOrder,
        now: Timestamp,
    ) -> Result<Oid, Refusal> {
        let tree = self.joined(base, pull.head)?;
        let mut own = Vec::new();
        for id in self.git.between(Some(base), pull.head)? {
            own.push(message(&self.git.store.find_commit(id)?));
        }
        // GitHub's default: the commit's own words where there is one, else the title and a list.
        let (title, text) = match own.as_slice() {
            [only] => {
                let (title, text) = only.split_once('\n').unwrap_or((only, ""));
                (title.to_owned(), text.trim().to_owned())
            }
            many => {
                let listed: Vec<String> = many.iter().map(|text| format!("* {text}")).collect();
                (
                    pull.title.clone(),
                    listed.join(
                        "

",
                    ),
                )
            }
        };
        let title = order.title.clone().unwrap_or_else(|| format!("{title} (#{})", pull.number));
        let text = order.message.clone().unwrap_or(text);
        let (author, committer) = (Person::account(&pull.author, now), Person::github(now));
        let text = joined_text(&title, text.trim_end());
        Ok(self.git.commit(tree, &[base], &author, &committer, &text)?)
    }

    /// The commits themselves, one after the other on top of the base. They are always new ones: GitHub is their committer.
    fn rebased(
        &self,
        pull: &PullRequest,
        base: Oid,
        order: &MergeOrder,
        now: Timestamp,
    ) -> Result<Oid, Refusal> {
        let committer = Person::account(&order.by, now);
        let mut onto = base;
        for id in self.git.between(Some(base), pull.head)? {
            let commit = self.git.store.find_commit(id)?;
            if commit.parent_count() != 1 {
                return Err(Refusal::not_allowed("This branch can't be rebased"));
            }
            let tree = self.git.picked_tree(&commit, onto)?;
            let tree = tree.ok_or_else(|| Refusal::not_allowed("This branch can't be rebased"))?;
            let author = Person::of(&commit.author());
            onto = self.git.commit(tree, &[onto], &author, &committer, &message(&commit))?;
        }
        Ok(onto)
    }

    /// The base merged into the head, as "Update branch" does. Returns the head's new commit.
    pub(super) fn update_head(&mut self, number: u64, by: &str, now: Timestamp) -> Result<Oid, Refusal> {
        let Some(pull) = self.pulls.get(&number) else { return Err(Refusal::not_found()) };
        let base = self.git.branch(&pull.base_branch);
        let base = base.ok_or_else(|| Refusal::invalid("PullRequest", "base", "invalid"))?;
        if self.git.is_ancestor(base, pull.head) {
            return Err(Refusal::unprocessable("There are no new commits on the base branch."));
        }
        let tree = self.git.merged_tree(pull.head, base)?;
        let tree = tree.ok_or_else(|| Refusal::unprocessable("merge conflict between base and head"))?;
        let text = format!("Merge branch '{}' into {}", pull.base_branch, pull.head_branch);
        let (author, committer) = (Person::account(by, now), Person::github(now));
        let updated = self.git.commit(tree, &[pull.head, base], &author, &committer, &text)?;
        self.git.set_ref(&format!("refs/heads/{}", pull.head_branch), updated)?;
        Ok(updated)
    }
}

fn joined_text(title: &str, text: &str) -> String {
    if text.is_empty() { title.to_owned() } else { format!("{title}\n\n{text}") }
}
