//! Where a person goes back to.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::desired::TaskDefinitionContent;
use crate::edit::Touched;
use crate::name::RevisionRef;
use crate::rollback::revert::{Parent, PastCommit, Trailers};
use crate::verb::{Goal, Rollback, StandIn, rollback};

/// A branch on whose commits web runs these revisions, oldest first; the first commit has the id 1111...
fn history(revisions: &[&str]) -> Vec<PastCommit> {
    let web = ResourceKey { kind: ResourceKind::EcsService, name: name("web") };
    let commit = |(number, revision): (u8, &&str)| {
        let text = format!(
            "apiVersion: bowline.dev/v1alpha1\nkind: Target\nmetadata: {{ name: prod }}\nspec: {{ accountId: '111122223333', region: \
             eu-central-1, cluster: main }}\n---\napiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata: {{ name: web }}\nspec: {{ \
             target: prod, service: web, taskDefinition: {{ revision: 'web:{revision}' }} }}\n"
        );
        let parsed = Arc::new(parse_manifest(&path_of("web.yaml"), text.as_bytes()));
        let touched = Touched { resources: BTreeSet::from([web.clone()]), other: false };
        PastCommit {
            id: id(number),
            subject: format!("Run web:{revision}"),
            trailers: Trailers::default(),
            parent: if number == 1 { Parent::None } else { Parent::One(id(number - 1)) },
            files: BTreeMap::from([("web.yaml".to_owned(), touched)]),
            state: Arc::new(assemble(&[SourceFile { parsed, fallback: None }], &BTreeMap::new()).state),
        }
    };
    let mut commits: Vec<PastCommit> = (1..).zip(revisions).map(commit).collect();
    commits.reverse();
    commits
}

fn before(last_good: Option<u8>) -> Goal {
    Goal::Before { last_good: last_good.map(id) }
}

/// The commit that is gone back to, and those that are taken back, by their digit.
fn shown(result: Result<Rollback, Refusal>) -> Result<String, String> {
    let Rollback { revert, to, because, .. } = result.map_err(|refusal| refusal.to_string())?;
    let steps: Vec<&str> = revert.steps.iter().map(|step| &step.commit.as_str()[..1]).collect();
    Ok(format!("{}, {because}: {}", &to.as_str()[..1], steps.join(" ")))
}

#[test]
fn it_goes_back_to_the_last_good_commit_or_before_the_last_change_or_where_it_is_told() {
    let web = name("web");
    let named = |digits: &str| Goal::Named(digits.to_owned());
    let cases: [(&[&str], Goal, &str); 8] = [
        (&["1", "2"], before(None), "1, before its last change: 2"),
        // Two bad ones in a row: the first of them is no place to go back to.
        (&["1", "2", "3"], before(Some(1)), "1, the last one with which it was good: 3 2"),
        (&["1", "2", "3"], before(None), "2, before its last change: 3"),
        // What runs was good by the controller's word; a person sees more.
        (&["1", "2"], before(Some(2)), "1, before its last change: 2"),
        (&["1", "2"], before(Some(9)), "1, before its last change: 2"),
        (&["1", "2", "3"], named("1111111"), "1, which was named: 3 2"),
        (&["1", "2", "2"], before(None), "1, before its last change: 2"),
        (&["1", "2", "1", "3"], named(id(2).as_str()), "2, which was named: 4 3"),
    ];
    for (revisions, goal, expected) in cases {
        let history = history(revisions);
        assert_eq!(
            shown(rollback(&history, &web, &goal, None)).as_deref(),
            Ok(expected),
            "{revisions:?} {goal:?}"
        );
    }
}

#[test]
fn what_cannot_be_gone_back_to_is_told() {
    let web = name("web");
    let named = |digits: &str| Goal::Named(digits.to_owned());
    let told =
        |revisions: &[&str], goal: &Goal| shown(rollback(&history(revisions), &web, goal, None)).unwrap_err();
    assert_eq!(
        told(&["1", "1"], &before(None)),
        "EcsService/web was never deployed otherwise in the 2 newest commits of the branch: there is nothing to go back to"
    );
    for digits in ["111111", "9999999"] {
        let why = told(&["1", "2"], &named(digits));
        assert!(why.starts_with(&format!("commit {digits} is not among the 2 newest")), "{why}");
    }
    assert_eq!(
        told(&["1", "2", "2"], &named("2222222")),
        "EcsService/web: git wants the same as in commit 22222222, with which it was good: there is nothing to revert"
    );
    let mut again = history(&["1", "2", "3"]);
    again[0].trailers.reverts.insert(id(2));
    let refused = Refusal::RolledBackBefore { service: key(&web), commit: id(3) };
    assert_eq!(rollback(&again, &web, &before(None), None), Err(refused));
    assert_eq!(
        shown(rollback(&again, &web, &named("2222222"), None)).as_deref(),
        Ok("2, which was named: 3")
    );
}

#[test]
fn what_stands_in_for_the_last_good_revision_is_pinned_where_that_is_gone_back_to() {
    let (history, web) = (history(&["1", "2", "3"]), name("web"));
    let stand_in = StandIn {
        good: id(1),
        content: TaskDefinitionContent::new(serde_json::json!({"family": "web"})),
        revision: RevisionRef::parse("web:9").unwrap(),
    };
    let pins = |goal: &Goal| rollback(&history, &web, goal, Some(&stand_in)).unwrap().revert.pins;
    assert_eq!(pins(&before(Some(1))), BTreeMap::from([(web.clone(), stand_in.revision.clone())]));
    assert_eq!(pins(&before(Some(2))), BTreeMap::new());
}

#[test]
fn history_is_read_until_the_choice_can_be_made() {
    let web = name("web");
    let history = history(&["1", "2", "3", "3"]);
    let goals = [
        (before(None), 3),
        (before(Some(1)), 4),
        (before(Some(4)), 3),
        (Goal::Named("2222222".to_owned()), 3),
    ];
    for (goal, needed) in goals {
        let met = (1..=4).find(|read| goal.is_met(&history[..*read], &web));
        assert_eq!(met, Some(needed), "{goal:?}");
    }
}

#[test]
fn the_message_says_where_to_why_and_who() {
    let found = rollback(&history(&["1", "2"]), &name("web"), &before(None), None).unwrap();
    assert_eq!(
        found.message(Some("500s\nsince 12:00"), "Ada", "bowline rollback web"),
        format!(
            "Revert \"Run web:2\"\n\n500s since 12:00\n\nGoes back to what web deployed with commit 11111111, before its last \
             change.\n\nAsked for by Ada with `bowline rollback web`.\n\nThis reverts commit {0}.\n\nBowline-Reverts: \
             {0}\nBowline-Resource: EcsService/web\n",
            id(2)
        )
    );
}
