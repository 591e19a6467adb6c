//! The revert matrix: what `git revert` does in a work tree is what Bowline does in its mirror.

use bowline::source::{Built, SourceError, WriteError};
use bowline_core::rollback::revert::{NoRevert, Parent, Part, PartChange, PastCommit};

use crate::http_server::HttpServer;
use crate::work_tree::{Edge, WorkTree, failing, git_in, id, names, pinned};

const WEB: &str = "env/web.yaml";

/// Changes the revision of `web`, and commits.
fn deploy(tree: &WorkTree, from: u32, to: u32) -> String {
    tree.replace(WEB, &format!("web:{from}"), &format!("web:{to}"));
    tree.commit(&format!("Deploy {to}"))
}

/// The rollback of `web` has the tree that these calls of `git revert` make, one after the other.
async fn same_as_git(tree: &WorkTree, good: &str, reverts: &[&[&str]]) {
    let commit = tree.made(&["web"], good).await;
    assert!(commit.made.parts.values().flatten().all(|change| *change == PartChange::Whole));
    let head = tree.head();
    for arguments in reverts {
        tree.git(&[&["revert", "--no-edit"], *arguments].concat());
    }
    assert_eq!(tree.tree_of(&commit), tree.git(&["rev-parse", "HEAD^{tree}"]));
    let diff = tree.mirror(&["rev-list", "--parents", "-n1", commit.id.as_str()]);
    assert_eq!(diff.trim(), format!("{} {head}", commit.id));
    assert_ne!(tree.git(&["rev-parse", "HEAD"]), head);
}

#[tokio::test]
async fn a_plain_commit_with_and_without_later_changes() {
    let tree = WorkTree::seeded();
    let good = tree.head();
    let bad = deploy(&tree, 1, 2);
    same_as_git(&tree, &good, &[&[&bad]]).await;

    let tree = WorkTree::seeded();
    let good = tree.head();
    let bad = deploy(&tree, 1, 2);
    tree.replace(WEB, "desiredCount: 1", "desiredCount: 3");
    tree.write("README.md", "more");
    tree.commit("Scale");
    same_as_git(&tree, &good, &[&[&bad]]).await;
}

#[tokio::test]
async fn a_merge_goes_back_to_the_branch_it_was_merged_into() {
    let tree = WorkTree::seeded();
    let good = tree.head();
    tree.git(&["switch", "--quiet", "-c", "feature"]);
    deploy(&tree, 1, 2);
    deploy(&tree, 2, 3);
    tree.git(&["switch", "--quiet", "main"]);
    tree.write("README.md", "more");
    tree.commit("Beside it");
    tree.git(&["merge", "--quiet", "--no-ff", "--no-edit", "feature"]);
    let merge = tree.head();
    same_as_git(&tree, &good, &[&["-m", "1", &merge]]).await;
}

#[tokio::test]
async fn a_merge_of_rollbacks_is_a_rollback_and_one_with_anything_else_is_not() {
    for (beside, is_rollback) in [(false, true), (true, false)] {
        let tree = WorkTree::seeded();
        let good = tree.head();
        let bad = deploy(&tree, 1, 2);
        tree.git(&["switch", "--quiet", "-c", "bowline/rollback"]);
        tree.replace(WEB, "web:2", "web:1");
        tree.commit(&format!(
            "Revert\n\nIt failed.\n\nBowline-Reverts: {bad}\nBowline-Resource: EcsService/web\n"
        ));
        if beside {
            tree.write("README.md", "more");
            tree.commit("Beside it");
        }
        tree.git(&["switch", "--quiet", "main"]);
        tree.write("NEWS.md", "more");
        tree.commit("Meanwhile");
        tree.git(&["switch", "--quiet", "bowline/rollback"]);
        tree.git(&["merge", "--quiet", "--no-ff", "--no-edit", "main"]);
        tree.git(&["switch", "--quiet", "main"]);
        tree.git(&["merge", "--quiet", "--no-ff", "-m", "Merge pull request #1", "bowline/rollback"]);
        let past = tree.past(&[&good], &[]).await;
        assert_eq!(past[0].subject, "Merge pull request #1");
        assert_eq!(past[0].trailers.is_rollback(), is_rollback, "beside: {beside}");
    }
}

#[tokio::test]
async fn a_merge_the_wrong_way_round_goes_back_to_its_second_parent() {
    let tree = WorkTree::seeded();
    tree.git(&["switch", "--quiet", "-c", "feature"]);
    deploy(&tree, 1, 2);
    tree.git(&["switch", "--quiet", "main"]);
    tree.write("README.md", "more");
    let good = tree.commit("What main was acted from");
    // Somebody merges main into the feature, and pushes the result as main.
    tree.git(&["switch", "--quiet", "feature"]);
    tree.git(&["merge", "--quiet", "--no-ff", "--no-edit", "main"]);
    let merge = tree.head();
    tree.git(&["branch", "--force", "main", "feature"]);
    tree.git(&["switch", "--quiet", "main"]);
    let past = tree.past(&[&good], &[&good]).await;
    assert_eq!(past[0].parent, Parent::Merge { mainline: id(&good), number: 2 });
    same_as_git(&tree, &good, &[&["-m", "2", &merge]]).await;
}

#[tokio::test]
async fn a_squash_is_one_commit_and_a_rebase_several() {
    let tree = WorkTree::seeded();
    let good = tree.head();
    tree.git(&["switch", "--quiet", "-c", "feature"]);
    deploy(&tree, 1, 2);
    deploy(&tree, 2, 3);
    tree.git(&["switch", "--quiet", "main"]);
    tree.git(&["merge", "--quiet", "--squash", "feature"]);
    let squashed = tree.commit("Deploy 3 (#7)");
    same_as_git(&tree, &good, &[&[&squashed]]).await;

    let tree = WorkTree::seeded();
    let good = tree.head();
    tree.git(&["switch", "--quiet", "-c", "feature"]);
    deploy(&tree, 1, 2);
    tree.replace(WEB, "desiredCount: 1", "desiredCount: 2");
    tree.commit("Scale");
    deploy(&tree, 2, 3);
    tree.git(&["switch", "--quiet", "main"]);
    tree.write("README.md", "more");
    tree.commit("Beside it");
    tree.git(&["switch", "--quiet", "feature"]);
    tree.git(&["rebase", "--quiet", "main"]);
    tree.git(&["switch", "--quiet", "main"]);
    tree.git(&["merge", "--quiet", "--ff-only", "feature"]);
    // The one that scales is none of them.
    let (newest, oldest) = (tree.git(&["rev-parse", "HEAD"]), tree.git(&["rev-parse", "HEAD~2"]));
    same_as_git(&tree, &good, &[&[&newest, &oldest]]).await;
}

#[tokio::test]
async fn several_commits_are_taken_back_newest_first() {
    let tree = WorkTree::seeded();
    let good = tree.head();
    let first = deploy(&tree, 1, 2);
    tree.write("README.md", "more");
    tree.commit("Between");
    let second = deploy(&tree, 2, 3);
    let third = deploy(&tree, 3, 4);
    same_as_git(&tree, &good, &[&[&third], &[&second], &[&first]]).await;
    let message = tree.mirror(&["log", "-1", "--format=%B", tree.made_id(&good).await.as_str()]);
    assert!(message.starts_with("Revert 3 commits of EcsService/web\n\nIt crashed.\n\n"), "{message}");
}

impl WorkTree {
    /// The commit as it was made before `git revert` moved the head.
    async fn made_id(&self, good: &str) -> String {
        self.git(&["reset", "--quiet", "--hard", "HEAD~3"]);
        self.made(&["web"], good).await.id.to_string()
    }
}

#[tokio::test]
async fn files_that_were_deleted_and_added_and_their_modes_come_back() {
    let tree = WorkTree::seeded();
    tree.write("env/old/web.json", &task_definition("web:1"));
    tree.replace(WEB, "revision: web:1", "file: old/web.json");
    tree.git(&["add", "--all"]);
    tree.git(&["update-index", "--chmod=+x", "env/old/web.json"]);
    tree.git(&["commit", "--quiet", "-m", "By file"]);
    tree.git(&["reset", "--quiet", "--hard"]);
    let good = tree.head();
    tree.git(&["rm", "--quiet", "-r", "env/old"]);
    tree.write("env/new/deep/web.json", &task_definition("nginx:2"));
    tree.replace(WEB, "old/web.json", "new/deep/web.json");
    let bad = tree.commit("Another file");
    same_as_git(&tree, &good, &[&[&bad]]).await;
    assert!(tree.git(&["ls-tree", "HEAD", "env/old/"]).starts_with("100755 blob"));

    // A mode that changed together with the content.
    let good = tree.head();
    tree.write("env/old/web.json", &task_definition("web:3"));
    tree.git(&["add", "--all"]);
    tree.git(&["update-index", "--chmod=-x", "env/old/web.json"]);
    tree.git(&["commit", "--quiet", "-m", "Content and mode"]);
    tree.git(&["reset", "--quiet", "--hard"]);
    let bad = tree.head();
    same_as_git(&tree, &good, &[&[&bad]]).await;
    assert!(tree.git(&["ls-tree", "HEAD", "env/old/"]).starts_with("100755 blob"));
}

fn task_definition(image: &str) -> String {
    format!(
        "{{\n  \"family\": \"web\",\n  \"containerDefinitions\": [{{\"name\": \"app\", \"image\": \"{image}\", \"memory\": 64}}]\n}}\n"
    )
}

#[tokio::test]
async fn a_file_that_was_renamed_later_is_followed() {
    let tree = WorkTree::seeded();
    let good = tree.head();
    let bad = deploy(&tree, 1, 2);
    tree.git(&["mv", WEB, "env/frontend.yaml"]);
    tree.commit("Rename");
    same_as_git(&tree, &good, &[&[&bad]]).await;
}

#[tokio::test]
async fn a_revert_of_a_revert_brings_the_change_back() {
    let tree = WorkTree::seeded();
    let bad = deploy(&tree, 1, 2);
    tree.git(&["revert", "--no-edit", &bad]);
    let revert = tree.head();
    same_as_git(&tree, &bad, &[&[&revert]]).await;
    assert_eq!(tree.git(&["log", "-1", "--format=%s"]), "Reapply \"Deploy 2\"");
    tree.git(&["reset", "--quiet", "--hard", &revert]);
    let commit = tree.made(&["web"], &bad).await;
    let message = tree.mirror(&["log", "-1", "--format=%s|%an|%ae|%cn|%ct", commit.id.as_str()]);
    let time = crate::repo::at(5).as_second();
    assert_eq!(message.trim(), format!("Reapply \"Deploy 2\"|Bowline|bowline@example.com|Bowline|{time}"));
}

#[tokio::test]
async fn where_git_has_a_conflict_only_the_spec_is_replaced_and_that_is_said() {
    let tree = WorkTree::seeded();
    let good = tree.head();
    let bad = deploy(&tree, 1, 2);
    tree.replace(WEB, "revision: web:2", "revision: web:2 # do not touch");
    tree.replace(WEB, "  name: web\n", "  name: web\n  labels: {team: a}\n");
    tree.commit("Explain");
    let commit = tree.made(&["web"], &good).await;
    let shown: Vec<String> = commit
        .made
        .parts
        .iter()
        .map(|(part, changes)| {
            format!("{part}: {}", changes.iter().map(ToString::to_string).collect::<String>())
        })
        .collect();
    assert_eq!(shown, ["EcsService/web: REPLACED by its last good form: later changes are in conflict"]);
    assert!(!commit.made.may_merge_itself());
    let wanted = pinned("web", 1).replace("  name: web\n", "  name: web\n  labels: {team: a}\n");
    assert_eq!(tree.file_of(&commit, WEB), wanted);
    assert!(!tree.try_git(&["revert", "--no-edit", &bad]).status.success());
}

#[tokio::test]
async fn what_is_reverted_already_makes_no_commit() {
    let tree = WorkTree::seeded();
    let good = tree.head();
    let bad = deploy(&tree, 1, 2);
    let mut revert = tree.rollback(&["web"], &good).await;
    tree.git(&["revert", "--no-edit", &bad]);
    let chosen = tree.choose(&["web"], &good).await;
    assert_eq!(chosen.none.into_values().collect::<Vec<_>>(), [NoRevert::SameAsGood { good: id(&good) }]);
    // Somebody reverted it since it was chosen.
    revert.head = id(&tree.head());
    assert_eq!(tree.build(&revert).await, Built::NothingToDo);
    let again = tree.try_git(&["revert", "--no-edit", &bad]);
    assert!(String::from_utf8_lossy(&again.stdout).contains("nothing to commit"));
}

#[tokio::test]
async fn at_the_edge_of_a_shallow_history_nothing_is_reverted() {
    let tree = WorkTree::seeded();
    let good = tree.head();
    let bad = deploy(&tree, 1, 2);
    let revert = tree.rollback(&["web"], &good).await;
    // git itself deletes every file there, without a word.
    let shallow = tree.clone_shallow("shallow", 1);
    assert!(git_in(&shallow, &["revert", "--no-edit", &bad]).status.success());
    let left = git_in(&shallow, &["ls-tree", "-r", "HEAD"]).stdout;
    assert_eq!(String::from_utf8(left).unwrap(), "");

    git_in(&shallow, &["reset", "--quiet", "--hard", &bad]);

    // Our mirror of that ends there as well.
    let edge = tree.shallow("shallow");
    let past = edge.past(&good).await;
    assert_eq!(parents(&past), [Parent::CutOff]);
    let none = bowline_core::rollback::revert::choose(
        &past,
        &names(&["web"]).into_iter().map(|name| (name, failing(&good))).collect(),
    );
    assert_eq!(none.none.into_values().collect::<Vec<_>>(), [NoRevert::CutOff { commit: id(&bad) }]);
    let error = edge.writer().revert(revert, "Revert".to_owned(), crate::repo::at(1)).await.unwrap_err();
    assert!(matches!(&error, WriteError::Shallow { commit } if *commit == id(&bad)), "{error:?}");

    // libgit2 alone takes the edge for the first commit, which deletes every file.
    std::fs::write(edge.mirror.join("repo.git/shallow"), format!("{bad}\n")).unwrap();
    assert_eq!(parents(&edge.writer().past(Edge::way(&bad, &good)).await.unwrap()), [Parent::CutOff]);
}

#[tokio::test]
async fn of_a_file_with_others_in_it_only_the_failing_document_goes_back() {
    let tree = WorkTree::seeded();
    let all = |api: u32, web: u32| {
        format!("# all\n{}---\n{}---\n{}", pinned("api", api), pinned("web", web), pinned("zoo", 1))
    };
    tree.git(&["rm", "--quiet", WEB]);
    tree.write("env/all.yaml", &all(1, 1));
    tree.git(&["add", "--all"]);
    tree.git(&["update-index", "--chmod=+x", "env/all.yaml"]);
    tree.git(&["commit", "--quiet", "-m", "One file"]);
    tree.git(&["reset", "--quiet", "--hard"]);
    let good = tree.head();
    tree.write("env/all.yaml", &all(2, 2));
    tree.write("README.md", "more");
    tree.commit("Two services and a text");
    tree.write("env/all.yaml", &all(3, 2).replace("# all", "# all of them"));
    tree.commit("The other one again");
    let commit = tree.made(&["web"], &good).await;
    let web = Part::Resource(bowline_core::desired::ResourceKey {
        kind: bowline_core::desired::ResourceKind::EcsService,
        name: names(&["web"]).into_iter().next().unwrap(),
    });
    assert_eq!(commit.made.parts.keys().collect::<Vec<_>>(), [&web]);
    assert!(commit.made.may_merge_itself());
    assert_eq!(tree.file_of(&commit, "env/all.yaml"), all(3, 1).replace("# all", "# all of them"));
    let changed = tree.mirror(&["diff-tree", "-r", "--no-commit-id", commit.id.as_str()]);
    assert!(changed.starts_with(":100755 100755 ") && changed.trim().lines().count() == 1, "{changed}");
    let message = tree.mirror(&["log", "-1", "--format=%(trailers:only,unfold)", commit.id.as_str()]);
    let bad = tree.git(&["rev-parse", "HEAD~1"]);
    assert_eq!(
        message.trim(),
        format!("Bowline-Reverts: {bad}\nBowline-Resource: EcsService/web\nBowline-Incident: inc-1")
    );
    // The other one has a newer bad commit of its own, so it has a rollback of its own.
    let chosen = tree.choose(&["web", "api"], &good).await;
    let each: Vec<_> = chosen.reverts.iter().map(|revert| (&revert.resources, revert.steps.len())).collect();
    assert_eq!(each, [(&names(&["api"]), 2), (&names(&["web"]), 1)]);
}

#[tokio::test]
async fn a_registered_revision_is_pinned_in_the_same_commit() {
    let tree = WorkTree::seeded();
    let good = tree.head();
    deploy(&tree, 1, 2);
    let mut revert = tree.rollback(&["web"], &good).await;
    let web = names(&["web"]).into_iter().next().unwrap();
    let content = bowline_core::desired::TaskDefinitionContent::new(serde_json::json!({"family": "web"}));
    revert.to_register.insert(web.clone(), content);
    let error =
        tree.writer().revert(revert.clone(), "Revert".to_owned(), crate::repo::at(1)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the content of web was not registered yet, so its revision cannot be pinned"
    );
    revert.registered(&web, bowline_core::name::RevisionRef::parse("web:3").unwrap());
    let Built::Commit(commit) = tree.build(&revert).await else { panic!() };
    assert_eq!(tree.file_of(&commit, WEB), pinned("web", 3));
    assert_eq!(commit.made.parts.len(), 2);
}

#[tokio::test]
async fn a_source_that_is_shallow_itself_is_read_and_its_edge_is_told() {
    let tree = WorkTree::seeded();
    let good = tree.head();
    let bad = deploy(&tree, 1, 2);
    deploy(&tree, 2, 3);
    tree.clone_shallow("shallow", 2);
    let edge = tree.shallow("shallow");
    assert_eq!(parents(&edge.past(&good).await), [Parent::One(id(&bad)), Parent::CutOff]);
}

/// What was cut off is there as soon as the source has it, whether the branch moved since or not, and the revert is git's.
async fn deepens(moves: bool) {
    let tree = WorkTree::seeded();
    let good = tree.head();
    let bad = deploy(&tree, 1, 2);
    tree.write("README.md", "more");
    let head = tree.commit("Beside it");
    let from = tree.clone_shallow("shallow", 2);
    let edge = tree.shallow("shallow");
    assert_eq!(parents(&edge.past(&good).await), [Parent::One(id(&bad)), Parent::CutOff]);
    assert_eq!(parents(&edge.past(&good).await), [Parent::One(id(&bad)), Parent::CutOff], "asked again");

    let output = git_in(&from, &["fetch", "--quiet", "--unshallow"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    if moves {
        git_in(&from, &["commit", "--quiet", "--allow-empty", "-m", "And one more"]);
    }
    let past = edge.past(&good).await;
    let newest = past.first().unwrap();
    assert_eq!(newest.id.as_str() == head, !moves);
    let at_bad = past.iter().find(|commit| commit.id == id(&bad)).unwrap();
    assert_eq!(at_bad.parent, Parent::One(id(&good)));
    assert!(!edge.mirror.join("repo.git/shallow").exists());

    let failing = names(&["web"]).into_iter().map(|name| (name, failing(&good))).collect();
    let chosen = bowline_core::rollback::revert::choose(&past, &failing);
    let revert = chosen.reverts.into_iter().next().unwrap();
    let text = bowline_core::rollback::revert::message(&revert, "It crashed.", "inc-1");
    let Built::Commit(commit) = edge.writer().revert(revert, text, crate::repo::at(5)).await.unwrap() else {
        panic!("nothing to do")
    };
    assert!(git_in(&from, &["revert", "--no-edit", &bad]).status.success());
    let tree_of = |folder: &std::path::Path, commit: &str| {
        git_in(folder, &["rev-parse", &format!("{commit}^{{tree}}")]).stdout
    };
    assert_eq!(tree_of(&edge.mirror.join("repo.git"), commit.id.as_str()), tree_of(&from, "HEAD"));
}

#[tokio::test]
async fn what_was_cut_off_is_fetched_once_the_source_has_it() {
    for moves in [false, true] {
        deepens(moves).await;
    }
}

#[tokio::test]
async fn over_http_what_is_shallow_is_told_and_read_once_it_is_not_any_more() {
    let tree = WorkTree::seeded();
    let good = tree.head();
    let bad = deploy(&tree, 1, 2);
    let from = tree.clone_shallow("shallow", 1);
    let server = HttpServer::start(tree.root.path(), None);
    let edge = tree.edge(server.url("shallow/.git"));
    let error = edge.sync().await.unwrap_err();
    assert!(matches!(error, SourceError::ShallowServer { .. }), "{error:?}");
    assert!(
        error.to_string().contains("as one does whose history is shallow")
            && error.hint().contains("--unshallow")
    );
    assert!(git_in(&from, &["fetch", "--quiet", "--unshallow"]).status.success());
    let past = edge.past(&good).await;
    assert_eq!(past.iter().map(|commit| commit.id.clone()).collect::<Vec<_>>(), [id(&bad), id(&good)]);
}

fn parents(past: &[PastCommit]) -> Vec<Parent> {
    past.iter().map(|commit| commit.parent.clone()).collect()
}
