use super::*;

#[tokio::test]
async fn nothing_is_merged_while_the_branch_is_elsewhere_than_where_it_was_read() {
    let mut site = Site::new().await;
    let before = site.scene(&["web"]).await;
    commit(&site.path, "Something else", &[("README.md".to_owned(), "Hello\n".to_owned())]);
    site.turn(&before).await.unwrap();
    site.turn(&before).await.unwrap();
    assert_eq!((site.known(), site.writes()), (vec![State::Detected], 0), "nor pushed");
    let after = site.scene(&["web"]).await;
    site.turn(&after).await.unwrap();
    assert_eq!(site.states().await, [PullState::Merged]);
}

#[tokio::test]
async fn from_a_branch_that_moved_no_pull_request_is_opened_either() {
    let mut site = Site::new().await;
    let scene = site.scene(&["web"]).await;
    let operation = "POST /repos/{owner}/{repo}/pulls";
    site.simulated.add_fault(FaultRule::new(Fault::ServerError500).operation(operation).times(1));
    site.turn(&scene).await.unwrap();
    commit(&site.path, "Something else", &[("README.md".to_owned(), "Hello\n".to_owned())]);
    site.turn(&scene).await.unwrap();
    assert_eq!((site.states().await, site.known()), (Vec::new(), vec![State::Branch]));
    let scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [PullState::Merged]);
}

#[tokio::test]
async fn what_the_server_was_to_merge_is_held_in_an_outage_and_where_less_is_allowed() {
    for lowered in [false, true] {
        let mut site = Site::new().await;
        site.protect(Some(checked(false)));
        let scene = site.scene(&["web"]).await;
        site.turn(&scene).await.unwrap();
        // Found bad before the storm, and not with it.
        site.pass(601);
        assert_eq!(site.states().await, [open(Mergeability::Blocked, true)]);
        let mut held = scene.clone();
        if lowered {
            held.strategies.insert(name("web"), RollbackStrategy::PullRequest);
        } else {
            let commits = ["1", "2", "3", "4"].map(str::to_owned).into();
            held.outage = Some(bowline_core::rollback::SharedOutage { commits, services: BTreeSet::new() });
        }
        site.turn(&held).await.unwrap();
        assert_eq!(site.states().await, [open(Mergeability::Blocked, false)], "lowered: {lowered}");
        site.ci(&site.pulls().await[0].head.clone()).await;
        site.turn(&held).await.unwrap();
        assert_eq!(site.states().await, [open(Mergeability::Ready, false)], "lowered: {lowered}");
        site.turn(&scene).await.unwrap();
        assert_eq!(site.states().await, [PullState::Merged], "lowered: {lowered}");
    }
}

#[tokio::test]
async fn what_was_found_bad_with_many_others_is_left_to_a_person_also_afterwards() {
    let mut site = Site::new().await;
    site.protect(Some(checked(false)));
    let scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [open(Mergeability::Blocked, true)]);
    let mut held = scene.clone();
    let commits = ["1", "2", "3", "4"].map(str::to_owned).into();
    held.outage = Some(bowline_core::rollback::SharedOutage { commits, services: BTreeSet::new() });
    site.turn(&held).await.unwrap();
    let text = site.pulls().await.remove(0).body;
    assert!(text.contains(" storm=yes -->") && text.contains("**Look closely:** more than 3"), "{text}");
    site.pass(1_200);
    site.protect(None);
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [open(Mergeability::Ready, false)]);
    let why = site.only().why.clone().unwrap();
    assert!(why.starts_with("held: more than 3 commits were found bad within 10 minutes"), "{why}");
    // What a pass says of the verdict counts as well, where it was held from the beginning.
    let mut site = Site::new().await;
    let mut scene = site.scene(&["web"]).await;
    let failed = scene.failed.get_mut(&name("web")).unwrap();
    failed.failed_at = Some(site.rollbacks.now() - jiff::SignedDuration::from_mins(11));
    failed.in_storm = true;
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [open(Mergeability::Ready, false)]);
    let [pull] = &*site.pulls().await else { panic!("one") };
    site.ada.merge(1, &pull.head, "").await.unwrap();
    let scene = site.scene(&[]).await;
    site.turn(&scene).await.unwrap();
    assert_eq!(site.known(), [State::Converged]);
}

#[tokio::test]
async fn nothing_is_written_while_a_target_is_only_observed() {
    let mut site = Site::new().await;
    site.protect(Some(checked(false)));
    let scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    let mut observing = scene.clone();
    observing.observed.insert(name("web"));
    observing.strategies.insert(name("web"), RollbackStrategy::None);
    observing.failed.clear();
    let before = site.writes();
    site.ada.close(1).await.unwrap();
    for _ in 0..2 {
        site.turn(&observing).await.unwrap();
    }
    assert_eq!(site.known(), [State::Closed], "it is looked at all the same");
    assert_eq!(site.writes(), before + 1, "Ada's own");
    site.turn(&scene).await.unwrap();
    assert!(site.writes() > before + 1, "what is to be told is told then");
}

#[tokio::test]
async fn a_pull_request_that_cannot_be_closed_is_told() {
    let mut site = Site::new().await;
    site.protect(Some(checked(false)));
    let scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    let refuse = Fault::Refuse { status: 403, message: "Resource not accessible".to_owned() };
    let operation = "PATCH /repos/{owner}/{repo}/pulls/{pull_number}";
    site.simulated.add_fault(FaultRule::new(refuse).operation(operation));
    commit(&site.path, "Release three", &manifests([3, 3]));
    let scene = site.scene(&[]).await;
    site.turn(&scene).await.unwrap();
    assert_eq!(site.known(), [State::Overtaken]);
    for rollback in site.rollbacks.known.values_mut() {
        rollback.entered_at -= jiff::SignedDuration::from_mins(11);
    }
    for _ in 0..2 {
        site.turn(&scene).await.unwrap();
    }
    let told = site.store.history().newest(Some("web"), 20).await.unwrap();
    let overdue: Vec<&str> = told
        .iter()
        .filter(|entry| entry.kind == "rollback-needs-person")
        .map(|entry| entry.message.as_str())
        .collect();
    let [message] = overdue[..] else { panic!("told once: {overdue:?}") };
    assert!(message.contains("Resource not accessible"), "{message}");
    assert!(
        message.contains(&format!("next: close {}/acme/infra/pull/1", site.simulated.url())),
        "{message}"
    );
}

#[tokio::test]
async fn what_needs_a_person_is_said_of_the_bad_commit_without_a_pull_request() {
    let mut site = Site::new().await;
    let mut scene = site.scene(&["web"]).await;
    scene.failed.get_mut(&name("web")).unwrap().good = [None, None];
    for _ in 0..2 {
        site.turn(&scene).await.unwrap();
    }
    assert_eq!((site.known(), site.states().await), (vec![State::NeedsPerson], Vec::new()));
    assert_eq!(site.convicted(), std::slice::from_ref(&scene.snapshot.commit));
    let said = "Failed on ECS; a person has to take it back: `bowline explain web` tells why";
    assert_eq!(site.only().convicted.as_deref(), Some(said));
}

#[tokio::test]
async fn what_is_refused_is_said_of_the_bad_commit_and_where_even_that_is_it_hides_nothing() {
    let refuse = Fault::Refuse { status: 403, message: "Resource not accessible".to_owned() };
    for also in [None, Some("POST /repos/{owner}/{repo}/statuses/{sha}")] {
        let mut site = Site::new().await;
        let scene = site.scene(&["web"]).await;
        for operation in ["POST /repos/{owner}/{repo}/pulls"].into_iter().chain(also) {
            site.simulated.add_fault(FaultRule::new(refuse.clone()).operation(operation));
        }
        for _ in 0..2 {
            site.rollbacks.turn(&scene).await.unwrap();
        }
        let problem = site.only().trouble.as_ref().map(|trouble| trouble.sentence.clone()).unwrap();
        assert!(problem.starts_with("GitHub does not let Bowline open a pull request"), "{problem}");
        assert_eq!(
            site.convicted(),
            std::slice::from_ref(&scene.snapshot.commit),
            "once, also where it is refused"
        );
    }
}

#[tokio::test]
async fn a_storm_is_told_once_at_once_and_of_the_bad_commit() {
    let mut site = Site::new().await;
    for digit in ["1", "2", "3"] {
        let bad = CommitId::parse(&digit.repeat(40)).unwrap();
        let ours = (format!("{digit}-1"), InstanceName::default());
        let of = (bad, "Release another".to_owned());
        let now = site.rollbacks.now();
        let mut one = Rollback::detected(ours, of, BTreeMap::new(), RollbackStrategy::PullRequest, now);
        one.cannot("nothing to go back to".to_owned(), now);
        one.convicted = Some(machine::status(&one));
        site.rollbacks.known.insert(one.id.clone(), one);
    }
    let scene = site.scene(&["web"]).await;
    for _ in 0..3 {
        site.turn(&scene).await.unwrap();
    }
    let held = "web: rollbacks are held: 4 commits were found bad within 10 minutes, so that something they share may be down; it is \
                about web; look for a shared cause, or take one back all the same: `bowline rollback SERVICE`";
    assert_eq!(site.told("rollback-held").await, [held]);
    let [begun] = &site.told("rollback-begun").await[..] else { panic!("one") };
    let why = "; held: more than 3 commits were found bad within 10 minutes, so that something they share may be down";
    assert!(begun.ends_with(why), "{begun}");
    assert_eq!(site.convicted(), std::slice::from_ref(&scene.snapshot.commit));
    assert_eq!(site.states().await, []);
    for rollback in site.rollbacks.known.values_mut() {
        rollback.opened_at -= jiff::SignedDuration::from_mins(10);
        rollback.entered_at -= jiff::SignedDuration::from_mins(10);
    }
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [open(Mergeability::Ready, false)], "once it is over, a person merges");
    let by_a_person = "web: the revert is waiting to be merged: ";
    let told = site.told("rollback-step").await;
    assert!(
        told.iter()
            .any(|told| told.starts_with(by_a_person)
                && told.contains("; Bowline does not merge it: more than 3")),
        "{told:?}"
    );
    let [pull] = &*site.pulls().await else { panic!("one") };
    assert!(pull.body.contains("**Look closely:** more than 3 commits were found bad"), "{}", pull.body);
    assert_eq!(site.told("rollback-needs-person").await, Vec::<String>::new(), "the hold was told already");
}

#[tokio::test]
async fn what_was_found_bad_in_a_storm_that_is_over_before_it_could_begin_is_left_to_a_person() {
    for (others, state) in [(3, open(Mergeability::Ready, false)), (2, PullState::Merged)] {
        let mut site = Site::new().await;
        let before = site.rollbacks.now() - jiff::SignedDuration::from_mins(11);
        for number in 1..=others {
            let bad = CommitId::parse(&number.to_string().repeat(40)).unwrap();
            let ours = (format!("{number}-1"), InstanceName::default());
            let of = (bad, "Release another".to_owned());
            let strategy = RollbackStrategy::PullRequest;
            let mut one = Rollback::detected(ours, of, BTreeMap::new(), strategy, before);
            one.cannot("nothing to go back to".to_owned(), before);
            site.rollbacks.known.insert(one.id.clone(), one);
        }
        let mut scene = site.scene(&["web"]).await;
        scene.failed.get_mut(&name("web")).unwrap().failed_at = Some(before);
        // As while git was down: judged, and not acted from.
        let stale = Scene { fresh: false, ..scene.clone() };
        site.turn(&stale).await.unwrap();
        assert_eq!(site.states().await, []);
        site.turn(&scene).await.unwrap();
        assert_eq!(site.states().await, [state], "{others}");
        // Nor is it merged once nobody remembers the others.
        site.rollbacks.known.clear();
        site.turn(&scene).await.unwrap();
        assert_eq!(site.states().await, [state], "{others}");
    }
}
