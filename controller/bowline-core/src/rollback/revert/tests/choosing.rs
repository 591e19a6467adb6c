//! Which commits, how much of each, and with whom.

use proptest::prelude::*;

use super::*;

const WEB: &str = "web.yaml";
const ALL: &str = "all.yaml";

fn seeded() -> Branch {
    Branch::new(&[("target.yaml", target()), (WEB, pinned("web", "web:1"))])
}

#[test]
fn what_changed_the_spec_since_it_was_good_is_reverted_newest_first_and_nothing_else() {
    let mut branch = seeded();
    let good = id(0);
    assert_eq!(
        shown(&branch.choose(&[("web", &good)])),
        ["web: git wants the same as in commit 00000000, with which it was good: there is nothing to revert"]
    );
    branch.commit(&[(WEB, more("web", ", taskDefinition: {revision: 'web:1'}, desiredCount: 3"))]);
    branch.commit(&[(WEB, more("web", ", taskDefinition: {revision: 'web:2'}, desiredCount: 3"))]);
    branch.commit(&[("README.md", "text".to_owned())]);
    assert_eq!(shown(&branch.choose(&[("web", &good)])), ["web: 2 whole"]);
    branch.commit(&[(WEB, pinned("web", "web:3"))]);
    assert_eq!(shown(&branch.choose(&[("web", &good)])), ["web: 4 whole, 2 whole"]);
    // Already reverted: there is nothing to do, and no empty pull request.
    branch.commit(&[(WEB, pinned("web", "web:1"))]);
    assert_eq!(branch.choose(&[("web", &good)]).reverts, []);
    // What comes back after that is one commit again.
    branch.commit(&[(WEB, pinned("web", "web:3"))]);
    assert_eq!(shown(&branch.choose(&[("web", &good)])), ["web: 6 whole"]);
}

#[test]
fn resources_join_the_rollback_of_their_bad_commit_and_others_get_their_own() {
    let all = |web: &str, api: &str, job: &str| {
        (ALL, [pinned("web", web), pinned("api", api), pinned("job", job)].concat())
    };
    let mut branch = Branch::new(&[("target.yaml", target()), all("w:1", "a:1", "j:1")]);
    branch.commit(&[all("w:1", "a:2", "j:1")]);
    branch.commit(&[all("w:1", "a:2", "j:2")]);
    branch.commit(&[all("w:2", "a:3", "j:2")]);
    let good = id(0);
    let chosen = branch.choose(&[("web", &good), ("api", &good), ("job", &good)]);
    assert_eq!(shown(&chosen), ["api web: 3 whole, 1 whole", "job: 2 whole"]);
    assert_eq!(chosen.reverts[0].bad_commit().unwrap().subject, "Change 3");
    // Alone, only its own document of that commit.
    let alone = branch.choose(&[("web", &good)]);
    assert_eq!(shown(&alone), ["web: 3 EcsService/web"]);
    assert_eq!(alone.reverts[0].steps[0].left, BTreeSet::from(["EcsService/api in all.yaml".to_owned()]));
    let history = branch.history();
    assert_eq!(deployed_by(&history[0], &history[1]), BTreeSet::from([name("api"), name("web")]));
}

#[test]
fn a_commit_with_anything_else_in_it_is_taken_back_by_document() {
    let cases = [
        ("README.md", "other".to_owned(), "README.md"),
        (ALL, pinned("api", "a:1"), "EcsService/api in all.yaml"),
        ("other.yaml", "apiVersion: v1\nkind: ConfigMap\n".to_owned(), "other.yaml"),
    ];
    for (at, text, left) in cases {
        let mut branch = seeded();
        branch.commit(&[(WEB, pinned("web", "web:2")), (at, text)]);
        let chosen = branch.choose(&[("web", &id(0))]);
        assert_eq!(shown(&chosen), ["web: 1 EcsService/web"], "{at}");
        assert_eq!(chosen.reverts[0].steps[0].left, BTreeSet::from([left.to_owned()]));
    }
}

#[test]
fn a_document_of_the_same_name_elsewhere_is_another_one() {
    let mut branch = seeded();
    // Not read from there: what is read is known by its path.
    let elsewhere = ("staging/web.yml", pinned("web", "web:9"));
    branch.commit(&[(WEB, pinned("web", "web:2")), elsewhere]);
    let chosen = branch.choose(&[("web", &id(0))]);
    assert_eq!(shown(&chosen), ["web: 1 EcsService/web"]);
}

#[test]
fn a_document_that_moved_is_found_in_each_commit() {
    let mut branch = seeded();
    branch.commit(&[(WEB, String::new()), ("moved.yaml", pinned("web", "web:2"))]);
    branch.commit(&[("moved.yaml", String::new()), ("now.yaml", pinned("web", "web:2"))]);
    let chosen = branch.choose(&[("web", &id(0))]);
    assert_eq!(shown(&chosen), ["web: 1 whole"]);
    let place =
        Place { now: path("now.yaml"), bad: path("moved.yaml"), before: path(WEB), good: (id(0), path(WEB)) };
    assert_eq!(chosen.reverts[0].steps[0].documents, BTreeMap::from([(service("web"), place)]));
    assert_eq!(chosen.reverts[0].documents, BTreeMap::from([(name("web"), path("now.yaml"))]));
}

fn by_file(name: &str) -> String {
    more(name, ", taskDefinition: {file: web.json}")
}

#[test]
fn a_task_definition_file_goes_back_unless_somebody_else_uses_it() {
    let mut own =
        Branch::new(&[("target.yaml", target()), (WEB, by_file("web")), ("web.json", json_file("web:1"))]);
    own.commit(&[("web.json", json_file("web:2"))]);
    assert_eq!(shown(&own.choose(&[("web", &id(0))])), ["web: 1 whole"]);
    own.commit(&[("web.json", json_file("web:3")), ("README.md", "x".to_owned())]);
    assert_eq!(shown(&own.choose(&[("web", &id(0))])), ["web: 2 web.json, 1 whole"]);

    let mut shared = Branch::new(&[
        ("target.yaml", target()),
        (WEB, by_file("web")),
        (ALL, by_file("api")),
        ("web.json", json_file("web:1")),
    ]);
    shared.commit(&[("web.json", json_file("web:2"))]);
    let good = id(0);
    assert_eq!(
        shown(&shared.choose(&[("web", &good)])),
        [
            "web: commit 00000000 changed web.json, which api uses as well, and the last good revision is not known: pin one by hand"
        ]
    );
    // All that use it fail: it is theirs.
    assert_eq!(shown(&shared.choose(&[("web", &good), ("api", &good)])), ["api web: 1 whole"]);
    let active = GoodRevision::Active(revision("web:7"));
    let pinned = shared.choose_with(&[("web", &good)], &active);
    assert_eq!(shown(&pinned), ["web: 1 "]);
    assert_eq!(pinned.reverts[0].pins, BTreeMap::from([(name("web"), revision("web:7"))]));
}

#[test]
fn an_inactive_last_good_revision_is_registered_again_and_pinned() {
    let mut branch = seeded();
    branch.commit(&[(WEB, pinned("web", "web:2"))]);
    let content = TaskDefinitionContent::new(json!({"family": "web"}));
    let inactive = GoodRevision::Inactive(content.clone());
    let mut revert = branch.choose_with(&[("web", &id(0))], &inactive).reverts.remove(0);
    assert_eq!(revert.to_register, BTreeMap::from([(name("web"), content)]));
    revert.registered(&name("web"), revision("web:3"));
    assert_eq!(revert.to_register, BTreeMap::new());
    assert_eq!(revert.pins, BTreeMap::from([(name("web"), revision("web:3"))]));
    // What is in git is registered by the deployment itself.
    let mut by_content =
        Branch::new(&[("target.yaml", target()), (WEB, by_file("web")), ("web.json", json_file("web:1"))]);
    by_content.commit(&[("web.json", json_file("web:2"))]);
    let revert = by_content.choose_with(&[("web", &id(0))], &inactive).reverts.remove(0);
    assert_eq!(revert.to_register, BTreeMap::new());
}

#[test]
fn a_secret_goes_back_only_if_no_other_service_reads_it() {
    let reads = |name: &str| more(name, ", taskDefinition: {revision: 'w:1'}, secrets: [db]");
    let mut branch = Branch::new(&[("target.yaml", target()), (WEB, reads("web")), ("db.yaml", secret(1))]);
    branch.commit(&[("db.yaml", secret(2))]);
    assert_eq!(shown(&branch.choose(&[("web", &id(0))])), ["web: 1 whole"]);
    let good = branch.commit(&[("db.yaml", secret(3)), (ALL, reads("api"))]);
    branch.commit(&[("db.yaml", secret(4))]);
    assert_eq!(
        shown(&branch.choose(&[("web", &good)])),
        [
            "web: commit 00000000 changed only Secret/db, which api reads as well: a person has to decide for both"
        ]
    );
    let both = more("web", ", taskDefinition: {revision: 'w:2'}, secrets: [db]");
    let good = id(3);
    branch.commit(&[("db.yaml", secret(5)), (WEB, both)]);
    let chosen = branch.choose(&[("web", &good)]);
    assert_eq!(shown(&chosen), ["web: 4 EcsService/web"]);
    assert_eq!(
        chosen.reverts[0].steps[0].left,
        BTreeSet::from(["Secret/db (api reads it as well)".to_owned(), "Secret/db in db.yaml".to_owned()])
    );
}

#[test]
fn without_a_way_back_it_says_why() {
    let mut branch = seeded();
    branch.commit(&[(ALL, pinned("api", "a:1"))]);
    branch.commit(&[(ALL, pinned("api", "a:2"))]);
    let none = |branch: &Branch, service: &str, good: usize| {
        let chosen = branch.choose(&[(service, &id(good))]);
        assert_eq!(chosen.reverts, []);
        chosen.none[&name(service)].clone()
    };
    assert_eq!(none(&branch, "api", 0), NoRevert::AddedBy { commit: id(1) });
    assert_eq!(none(&branch, "api", 9), NoRevert::GoodNotFound { good: id(9), looked_at: 3 });
    assert_eq!(none(&branch, "gone", 0), NoRevert::NotInGit);
    branch.commits[1].parent = Parent::CutOff;
    branch.commits.remove(0);
    assert_eq!(none(&branch, "api", 0), NoRevert::CutOff { commit: id(1) });

    let mut branch = seeded();
    branch.commit(&[(WEB, pinned("web", "web:2"))]);
    branch.commit(&[(WEB, pinned("web", "web:1"))]);
    branch.commits[2].trailers.reverts.insert(id(1));
    assert_eq!(none(&branch, "web", 1), NoRevert::IsRollback { commit: id(2) });
    let failing = Failing { good: id(1), revision: GoodRevision::Unknown, after_failed_rollback: true };
    let chosen = choose(&branch.history(), &BTreeMap::from([(name("web"), failing)]));
    assert_eq!(shown(&chosen), ["web: 2 whole"]);
}

#[test]
fn a_merge_goes_back_to_the_parent_that_the_branch_was_on() {
    let mut branch = seeded();
    branch.commit(&[(WEB, pinned("web", "web:2"))]);
    branch.commits[1].parent = Parent::Merge { mainline: id(0), number: 2 };
    let step = &branch.choose(&[("web", &id(0))]).reverts[0].steps[0];
    assert_eq!((&step.parent, step.mainline), (&id(0), Some(2)));

    let ancestors = BTreeMap::from([(5, vec![5, 4, 1]), (6, vec![6, 3, 2, 1])]);
    let holds = |parent: &CommitId, commit: &CommitId| {
        ancestors.iter().any(|(of, all)| id(*of) == *parent && all.iter().any(|one| id(*one) == *commit))
    };
    for (acted_from, wanted) in
        [(vec![], 0), (vec![1], 0), (vec![1, 3], 1), (vec![9, 3, 4], 1), (vec![4, 3], 0), (vec![9], 0)]
    {
        let acted_from: Vec<CommitId> = acted_from.into_iter().map(id).collect();
        let said = ("Deploy", "main");
        assert_eq!(mainline(&[id(5), id(6)], &acted_from, said, holds), wanted, "{acted_from:?}");
    }
    // Where nobody knows, git's own message tells.
    let cases = [
        ("Merge branch 'main' into feature", "main", 1),
        ("Merge branch 'main' of github.com:acme/infra", "refs/heads/main", 1),
        ("Merge remote-tracking branch 'origin/release/1' into feature", "release/1", 1),
        ("Merge branch 'master' into feature", "HEAD", 1),
        ("Merge branch 'feature'", "main", 0),
        ("Merge branch 'main-2' into feature", "main", 0),
        ("Merge pull request #7 from acme/main", "main", 0),
    ];
    for (subject, branch, wanted) in cases {
        assert_eq!(mainline(&[id(5), id(6)], &[id(1)], (subject, branch), holds), wanted, "{subject}");
        assert_eq!(mainline(&[id(5), id(6)], &[id(4)], (subject, branch), holds), 0, "{subject}");
    }
}

proptest! {
    /// Whatever happened on the branch: taking the chosen commits back, newest first, gives the last good spec, and no
    /// commit is chosen that did not change the spec.
    #[test]
    fn what_is_chosen_leads_back_to_the_good_spec(
        revisions in prop::collection::vec((0_u8..3, 0_u8..3), 1..12), good in any::<prop::sample::Index>(),
    ) {
        let file = |(web, api): (u8, u8)| {
            (ALL, pinned("web", &format!("web:{}", web + 1)) + &pinned("api", &format!("api:{}", api + 1)))
        };
        let mut branch = Branch::new(&[("target.yaml", target()), file(revisions[0])]);
        for revision in &revisions[1..] {
            branch.commit(&[file(*revision)]);
        }
        let good = good.index(revisions.len());
        let chosen = branch.choose(&[("web", &id(good))]);
        let (head, wanted) = (revisions[revisions.len() - 1].0, revisions[good].0);
        prop_assert_eq!(chosen.reverts.is_empty(), head == wanted);
        let mut now = head;
        for step in chosen.reverts.iter().flat_map(|revert| &revert.steps) {
            let number: usize = step.commit.as_str().parse().unwrap();
            prop_assert!(number > good);
            prop_assert_eq!(now, revisions[number].0);
            prop_assert_ne!(now, revisions[number - 1].0);
            prop_assert_eq!(step.whole, revisions[number].1 == revisions[number - 1].1);
            now = revisions[number - 1].0;
        }
        prop_assert_eq!(now, wanted);
    }
}
