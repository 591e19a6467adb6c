//! What a revert leads to is read like any commit, and has to be what was good.

use bowline::source::{Built, WriteError};
use bowline_core::name::RevisionRef;
use bowline_core::rollback::revert::{Part, PartChange};

use crate::work_tree::{WorkTree, names, pinned};

const WEB: &str = "env/web.yaml";

fn task_definition(image: &str) -> String {
    format!(
        "{{\n  \"family\": \"web\",\n  \"containerDefinitions\": [{{\"name\": \"app\", \"image\": \"{image}\", \"memory\": 64}}]\n}}\n"
    )
}

/// What was done, part by part.
fn shown(commit: &bowline::source::Commit) -> Vec<String> {
    let part = |(part, changes): (&Part, &Vec<PartChange>)| {
        format!("{part}: {}", changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
    };
    commit.made.parts.iter().map(part).collect()
}

#[tokio::test]
async fn a_file_that_changed_while_nobody_used_it_is_not_gone_back_to() {
    let tree = WorkTree::seeded();
    tree.write("env/a.json", &task_definition("web:1"));
    tree.replace(WEB, "revision: web:1", "file: a.json");
    let good = tree.commit("By file");
    tree.write("env/b.json", &task_definition("web:2"));
    tree.replace(WEB, "a.json", "b.json");
    tree.commit("Another file");
    tree.write("env/a.json", &task_definition("web:9"));
    tree.commit("Nobody uses it");

    let mut revert = tree.rollback(&["web"], &good).await;
    let error =
        tree.writer().revert(revert.clone(), "Revert".to_owned(), crate::repo::at(1)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "taking it back would not lead to what was good: its task definition of EcsService/web would not be as with commit {good:.8}"
        )
    );
    assert!(matches!(error, WriteError::NotGood { .. }));

    // Where the revision is known, it is pinned.
    let web = names(&["web"]).into_iter().next().unwrap();
    revert.aims.revisions.insert(web, RevisionRef::parse("web:1").unwrap());
    let Built::Commit(commit) = tree.build(&revert).await else { panic!("nothing to do") };
    assert_eq!(tree.file_of(&commit, WEB), pinned("web", 1));
    assert!(!commit.made.may_merge_itself());
}

#[tokio::test]
async fn what_git_would_take_back_in_another_service_is_put_back_where_it_belongs() {
    let tree = WorkTree::seeded();
    let good = tree.head();
    tree.replace(WEB, "web:1", "web:2");
    let bad = tree.commit("Deploy 2");
    // The service moves to another file, and a copy of it takes its place.
    tree.write("env/frontend.yaml", &pinned("web", 2).replace("desiredCount: 1", "desiredCount: 4"));
    tree.replace(WEB, "name: web", "name: web-copy");
    tree.replace(WEB, "service: web", "service: web-copy");
    tree.commit("Move and copy");

    let revert = tree.rollback(&["web"], &good).await;
    assert!(revert.steps.iter().all(|step| step.whole));
    let Built::Commit(commit) = tree.build(&revert).await else { panic!("nothing to do") };
    assert_eq!(
        shown(&commit),
        [
            "EcsService/web: REPLACED by its last good form: with later changes kept, it would not be what was good"
        ]
    );
    assert!(!commit.made.may_merge_itself());
    assert_eq!(tree.file_of(&commit, "env/frontend.yaml"), pinned("web", 1));
    // git itself changes the copy, without a word.
    tree.git(&["revert", "--no-edit", &bad]);
    assert!(tree.git(&["show", "HEAD:env/web.yaml"]).contains("revision: web:1"));
    assert!(tree.git(&["show", "HEAD:env/frontend.yaml"]).contains("revision: web:2"));
}
