//! Messages, trailers, branch names.

use crate::edit::Reversal;

use super::*;

fn revert(steps: Vec<Step>) -> Revert {
    Revert {
        head: id(9),
        resources: BTreeSet::from([name("web")]),
        steps,
        pins: BTreeMap::new(),
        to_register: BTreeMap::new(),
        aims: Aims::default(),
        documents: BTreeMap::new(),
    }
}

fn step(number: usize, subject: &str, whole: bool) -> Step {
    let place = Place {
        now: path("a.yaml"),
        bad: path("a.yaml"),
        before: path("a.yaml"),
        good: (id(0), path("a.yaml")),
    };
    Step {
        commit: id(number),
        subject: subject.to_owned(),
        parent: id(number - 1),
        mainline: None,
        whole,
        documents: BTreeMap::from([(service("web"), place)]),
        files: BTreeSet::from([path("web.json")]),
        left: BTreeSet::new(),
    }
}

#[test]
fn a_message_says_what_why_and_in_trailers_for_whom() {
    let one = message(&revert(vec![step(3, "Raise the memory", true)]), "It crashed.\n", "inc-7");
    let wanted = "Revert \"Raise the memory\"\n\nIt crashed.\n\n\
        This reverts commit 0000000000000000000000000000000000000003.\n\n\
        Bowline-Reverts: 0000000000000000000000000000000000000003\n\
        Bowline-Resource: EcsService/web\nBowline-Incident: inc-7\n";
    assert_eq!(one, wanted);
    let again = message(&revert(vec![step(3, "Revert \"Raise\"", true)]), "x", "i");
    assert!(again.starts_with("Reapply \"Raise\"\n\n"), "{again}");

    let merge = Step { mainline: Some(1), ..step(5, "Merge", true) };
    let several =
        message(&revert(vec![merge, step(3, "Raise", false)]), "It crashed.", "inc-7\nBowline-Retry: x");
    let wanted = "Revert 2 commits of EcsService/web\n\nIt crashed.\n\n\
        This reverts commit 0000000000000000000000000000000000000005, reversing changes made to 0000000000000000000000000000000000000004.\n\
        This reverts a part of commit 0000000000000000000000000000000000000003: EcsService/web in a.yaml, web.json.\n\n\
        Bowline-Reverts: 0000000000000000000000000000000000000003\n\
        Bowline-Reverts: 0000000000000000000000000000000000000005\n\
        Bowline-Resource: EcsService/web\nBowline-Incident: inc-7\n";
    assert_eq!(several, wanted);
}

#[test]
fn trailers_are_read_as_written_and_what_has_no_form_declares_nothing() {
    let trailers = Trailers {
        reverts: BTreeSet::from([id(3), id(5)]),
        resources: BTreeSet::from([
            service("web"),
            ResourceKey { kind: ResourceKind::Secret, name: name("db") },
        ]),
        incident: Some("inc-7".to_owned()),
    };
    let lines = trailers.lines();
    let pairs = lines.lines().filter_map(|line| line.split_once(": "));
    assert_eq!(Trailers::from_pairs(pairs), trailers);
    let nothing = [
        ("Bowline-Reverts", "HEAD"),
        ("Bowline-Resource", "EcsService/"),
        ("Bowline-Resource", "web"),
        ("Bowline-Resource", "Pod/web"),
        ("Bowline-Incident", " "),
        ("Signed-off-by", "Ada"),
    ];
    assert_eq!(Trailers::from_pairs(nothing), Trailers::default());
    let any_case = Trailers::from_pairs([("bowline-incident", " inc-7 ")]);
    assert_eq!(any_case.incident, trailers.incident);
}

#[test]
fn a_branch_is_named_by_what_resource_commit_and_attempt() {
    let commit = CommitId::parse("1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d").unwrap();
    let branch = branch_name("rollback", &service("web"), &commit, 2);
    assert_eq!(branch, "bowline/rollback/ecsservice-web/1a2b3c4d5e6f-2");
}

#[test]
fn only_what_was_replaced_needs_a_person() {
    let mut made = Made::default();
    made.note(Part::Commit(id(3)), PartChange::Whole);
    made.note(Part::Resource(service("web")), PartChange::Taken(Reversal::Merged));
    made.note(Part::Resource(service("web")), PartChange::Pinned(revision("web:3")));
    assert!(made.may_merge_itself());
    made.note(Part::File(path("web.json")), PartChange::Taken(Reversal::Replaced));
    assert!(!made.may_merge_itself());
    let shown: Vec<String> = made
        .parts
        .iter()
        .flat_map(|(part, changes)| changes.iter().map(move |change| format!("{part}: {change}")))
        .collect();
    assert_eq!(
        shown,
        [
            "commit 00000000: reverted as a whole",
            "EcsService/web: taken back, later changes kept",
            "EcsService/web: pinned to web:3",
            "web.json: REPLACED by its last good form: later changes are in conflict",
        ]
    );
}

#[test]
fn a_message_promises_and_calls_nobody_but_who_asked() {
    let mended = revert(vec![step(3, "Mend it (fixes #12)", true)]);
    let told = message(&mended, "EcsService/web: @you, closes acme/infra#3", "inc-7");
    assert!(
        told.starts_with(
            "Revert \"Mend it (fixes #\u{200b}12)\"\n\nEcsService/web: @\u{200b}you, closes acme/infra#\u{200b}3\n\n"
        ),
        "{told}"
    );
    let asked = "Asked for by Ada <ada@example.com> with `bowline rollback web`.";
    assert!(message_by_hand(&mended, asked).contains(asked));
}
