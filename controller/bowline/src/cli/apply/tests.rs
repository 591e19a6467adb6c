use std::collections::BTreeMap;

use bowline_core::desired::DesiredState;
use jiff::Timestamp;

use super::*;

const A: &str = "aaaaaaaa00000000000000000000000000000000";
const B: &str = "bbbbbbbb00000000000000000000000000000000";

fn snapshot(commit: &str, standing: GitStanding) -> Snapshot {
    Snapshot {
        commit: commit.to_owned(),
        subject: "Scale web".to_owned(),
        author: "Ada <ada@example.com>".to_owned(),
        committed_at: Timestamp::UNIX_EPOCH,
        read_at: Timestamp::UNIX_EPOCH,
        standing,
        state: Arc::new(DesiredState::default()),
        findings: Arc::new(Vec::new()),
        accepted: BTreeMap::new(),
        parsed_files: 0,
    }
}

fn view(commit: &str, standing: GitStanding, problem: Option<&str>) -> GitView {
    GitView {
        snapshot: Some(Arc::new(snapshot(commit, standing))),
        problem: problem.map(str::to_owned),
        ..GitView::default()
    }
}

#[test]
fn a_new_head_is_only_taken_once_it_was_read() {
    let told = |view: &GitView| match Moved::from(A, view) {
        Moved::To(newer) => format!("to {:.8}", newer.commit),
        Moved::Unread(why) => why,
    };
    assert_eq!(told(&view(B, GitStanding::Fresh, None)), "to bbbbbbbb");
    assert_eq!(
        told(&view(B, GitStanding::ForcePushed { head: B.to_owned() }, None)),
        "to bbbbbbbb",
        "the pass holds everything then"
    );
    assert_eq!(told(&view(A, GitStanding::Fresh, Some("it holds nothing"))), "it holds nothing");
    assert_eq!(told(&view(A, GitStanding::Stale("it is down".to_owned()), None)), "it is down");
    assert_eq!(
        told(&view(A, GitStanding::Fresh, None)),
        "the remote names it as its head, but gives aaaaaaaa when it is read"
    );
    assert_eq!(told(&GitView::default()), "it was not read yet");
}

#[test]
fn the_head_is_followed_with_yes_and_never_when_a_person_confirmed_another_plan() {
    let (from, newer) = (snapshot(A, GitStanding::Fresh), snapshot(B, GitStanding::Fresh));
    let follow = |consent: Consent, selection: &Selection| {
        let followed = consent.follow(&from, &newer, selection);
        followed.map(|(taken, told)| (taken.commit, told)).map_err(|error| format!("{error:#}"))
    };
    let all = Selection::default();
    let told = "the branch moved on from aaaaaaaa to bbbbbbbb (Scale web): applying that";
    assert_eq!(follow(Consent::Head, &all), Ok((B.to_owned(), told.to_owned())));
    assert_eq!(
        follow(Consent::Commit, &all).unwrap_err(),
        "the branch moved on from aaaaaaaa to bbbbbbbb (Scale web), whose plan you have not seen, so nothing more is done; \
         run `bowline apply` again to see it; what was begun goes on at AWS, and the next apply takes it up"
    );
    let web = Selection { service: Some("web".to_owned()), ..Selection::default() };
    assert_eq!(
        follow(Consent::Head, &web).unwrap_err(),
        "the branch moved on from aaaaaaaa to bbbbbbbb (Scale web), which does not have what was asked for: there is no \
         EcsService `web` in this desired state; it has: none"
    );
}
