use super::*;

#[tokio::test]
async fn a_bad_commit_is_reverted_by_one_pull_request_that_is_merged() {
    let mut site = Site::new().await;
    let scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [PullState::Merged]);
    assert_eq!(site.known(), [State::Merged]);
}

#[tokio::test]
async fn of_the_calls_that_previews_leave_a_rollback_uses_the_last() {
    let mut site = Site::new().await;
    let scene = site.scene(&["web"]).await;
    let github = site.rollbacks.tools.github.clone().unwrap();
    site.leave("bowline", 20);
    github.newest_pulls().await.unwrap();
    let kept = github.may_send_what_can_wait().unwrap_err();
    assert!(matches!(kept, GitHubError::Reserved { limit: 5_000, remaining: 19, .. }), "{kept}");
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [PullState::Merged]);
}

#[tokio::test]
async fn a_failure_that_could_not_be_written_down_is_looked_at_again() {
    let mut site = Site::new().await;
    let scene = site.scene(&["web"]).await;
    site.store.rollbacks().refuse("%").await;
    site.turn(&scene).await.unwrap_err();
    assert!(site.rollbacks.pause(false) >= UNREMEMBERED);
    assert_eq!((site.states().await, site.known()), (Vec::new(), Vec::new()));
    site.store.rollbacks().refuse_nothing().await;
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [PullState::Merged]);
}

#[tokio::test]
async fn no_step_is_taken_that_could_not_be_written_down() {
    let mut site = Site::new().await;
    let scene = site.scene(&["web"]).await;
    site.store.rollbacks().refuse("%\"state\":\"pull-request\"%").await;
    for _ in 0..3 {
        site.turn(&scene).await.unwrap_err();
        assert_eq!(site.states().await, [open(Mergeability::Ready, false)]);
        assert_eq!(site.known(), [State::Branch], "what the store has");
        assert_eq!(
            site.rollbacks.pause(false),
            UNREMEMBERED,
            "it is due, and GitHub is not asked each second"
        );
    }
    site.store.rollbacks().refuse_nothing().await;
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [PullState::Merged]);
}

#[tokio::test]
async fn another_service_of_the_same_commit_gets_a_pull_request_of_its_own_at_once() {
    let mut site = Site::new().await;
    site.protect(Some(checked(false)));
    let scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    let armed = open(Mergeability::Blocked, true);
    assert_eq!(site.states().await, [armed]);
    let scene = site.scene(&["api", "web"]).await;
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [armed, armed]);
    assert_eq!(site.known(), [State::PullRequest, State::PullRequest]);
    // The first is merged, which is no news of the second: that takes back another part.
    let pulls = site.pulls().await;
    site.ci(&pulls[0].head).await;
    let scene = site.scene(&["api"]).await;
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [PullState::Merged, armed]);
    assert_eq!(site.known(), [State::Converged, State::PullRequest]);
    // Also to a new store.
    site.rollbacks.known.clear();
    site.rollbacks.examined = None;
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [PullState::Merged, armed]);
    let [found] = site.rollbacks.known.values().collect::<Vec<_>>()[..] else { panic!("one") };
    assert_eq!(found.pull.as_ref().map(|pull| pull.number), Some(2));
}

#[tokio::test]
async fn what_is_released_after_its_pull_request_was_closed_gets_another_one() {
    let mut site = Site::new().await;
    site.protect(Some(checked(false)));
    let scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    site.ada.close(1).await.unwrap();
    site.turn(&scene).await.unwrap();
    assert_eq!(site.known(), [State::Closed]);
    commit(&site.path, "Retry web", &[]);
    let mut scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [PullState::Closed], "nothing was tried since");
    scene.failed.get_mut(&name("web")).unwrap().tried =
        Some(Tried { began: site.rollbacks.now(), deployment: Some("2".to_owned()) });
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [PullState::Closed, open(Mergeability::Blocked, true)]);
    assert_eq!(site.known(), [State::Closed, State::PullRequest]);
}

#[tokio::test]
async fn a_branch_behind_main_is_brought_up_to_date_and_merged() {
    let mut site = Site::new().await;
    site.protect(Some(checked(true)));
    let scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    let pushed = site.pulls().await[0].head.clone();
    site.ci(&pushed).await;
    // Merged already? Then main would not have to move.
    assert_eq!(site.states().await, [PullState::Merged]);

    let mut site = Site::new().await;
    site.protect(Some(checked(true)));
    let scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    let pushed = site.pulls().await[0].head.clone();
    commit(&site.path, "Something else", &[("README.md".to_owned(), "Hello\n".to_owned())]);
    site.ci(&pushed).await;
    assert_eq!(site.states().await, [open(Mergeability::Behind, true)]);
    let scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    assert_eq!(site.pulls().await[0].state, open(Mergeability::Blocked, true));
    site.turn(&scene).await.unwrap();
    let updated = site.pulls().await[0].head.clone();
    assert_ne!(updated, pushed);
    assert_eq!(site.only().branch.as_ref().map(|branch| branch.commit.clone()), Some(updated.clone()));
    site.ci(&updated).await;
    assert_eq!(site.states().await, [PullState::Merged]);
}

#[tokio::test]
async fn what_somebody_else_pushed_is_not_followed() {
    let mut site = Site::new().await;
    site.protect(Some(checked(false)));
    let scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    let [pull] = &*site.pulls().await else { panic!("one pull request") };
    // A merge by its parents, with another content than the merge has.
    let git = Repository::open_bare(&site.path).unwrap();
    let own = git.find_commit(git2::Oid::from_str(pull.head.as_str()).unwrap()).unwrap();
    commit(&site.path, "Something else", &[("README.md".to_owned(), "Hello\n".to_owned())]);
    let main = git.find_reference("refs/heads/main").unwrap().peel_to_commit().unwrap();
    let who = git2::Signature::now("Mallory", "m@example.com").unwrap();
    let branch = format!("refs/heads/{}", pull.branch);
    let tree = own.tree().unwrap();
    git.commit(Some(&branch), &who, &who, "Merge branch 'main'", &tree, &[&own, &main]).unwrap();
    let scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [open(Mergeability::Blocked, false)], "and the server does not merge it");
    let why = site.only().why.clone().unwrap();
    assert!(why.starts_with("somebody pushed"), "{why}");
    site.protect(None);
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [open(Mergeability::Ready, false)]);
}

#[tokio::test]
async fn a_refusal_to_open_is_looked_at_before_a_person_is_waited_for() {
    let operation = "POST /repos/{owner}/{repo}/pulls";
    // The branch came to main by another way, just now.
    let mut site = Site::new().await;
    let scene = site.scene(&["web"]).await;
    let message = "Validation Failed: No commits between main and bowline".to_owned();
    let refuse = Fault::Refuse { status: 422, message };
    site.simulated.add_fault(FaultRule::new(refuse).operation(operation).times(1));
    site.turn(&scene).await.unwrap();
    assert_eq!((site.states().await, site.known()), (Vec::new(), vec![State::Merged]));

    // GitHub has one, and does not show it yet.
    let mut site = Site::new().await;
    site.protect(Some(checked(false)));
    let scene = site.scene(&["web"]).await;
    let message = "Validation Failed: A pull request already exists for acme:bowline.".to_owned();
    let refuse = Fault::Refuse { status: 422, message };
    site.simulated.add_fault(FaultRule::new(refuse).operation(operation).times(1));
    site.turn(&scene).await.unwrap();
    assert!(!site.only().trouble.as_ref().unwrap().person);
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [open(Mergeability::Blocked, true)]);
}

#[tokio::test]
async fn what_came_back_the_same_was_released_and_failed_again_is_told_with_what_to_do() {
    let mut site = Site::new().await;
    let scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    let bad = commit(&site.path, "Release two again", &manifests([2, 2]));
    commit(&site.path, "Retry web", &[]);
    let mut scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    assert_eq!(site.rollbacks.known.len(), 1, "it is held, and was not tried since");
    scene.failed.get_mut(&name("web")).unwrap().tried =
        Some(Tried { began: site.rollbacks.now(), deployment: Some("2".to_owned()) });
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [PullState::Merged], "it is not reverted a second time");
    // The first is told as well: what it took back was put back before git was seen to go back.
    let stuck = |known: &&Rollback| known.state == State::NeedsPerson && known.branch.is_none();
    let stuck: Vec<&Rollback> = site.rollbacks.known.values().filter(stuck).collect();
    let [stuck] = stuck[..] else { panic!("{:?}", site.rollbacks.known) };
    assert_eq!(stuck.bad_commit, bad, "the commit that is bad, not the newest one");
    let told = site.store.history().newest(Some("web"), 1).await.unwrap();
    let [told] = &told[..] else { panic!("one") };
    assert_eq!(told.kind, "rollback-needs-person");
    let (what, next) = told.message.split_once("; next: ").unwrap();
    let begins = format!(
        "web: commit {bad:.8} (Release two again) failed: rolled back by ECS: tasks failed to start; it is not rolled back: what failed \
         was taken back in commit "
    );
    assert!(what.starts_with(&begins), "{what}");
    assert_eq!(next, "fix it in git, or take it back: `bowline rollback web`");
}

#[tokio::test]
async fn another_instance_on_the_same_repository_has_a_pull_request_of_its_own() {
    let mut site = Site::new().await;
    site.protect(Some(checked(false)));
    let scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    site.rollbacks.tools.instance = InstanceName::parse("blue").unwrap();
    site.rollbacks.known.clear();
    site.rollbacks.examined = None;
    site.turn(&scene).await.unwrap();
    let branches: Vec<String> = site.pulls().await.into_iter().map(|pull| pull.branch).collect();
    let bad = &scene.snapshot.commit[..12];
    let of = |whose: &str| format!("bowline/rollback/{whose}ecsservice-web/{bad}-1");
    assert_eq!(branches, [of(""), of("blue/")]);
}

#[tokio::test]
async fn a_reviewer_that_github_refuses_keeps_nothing_else_from_being_told() {
    let mut site = Site::new().await;
    site.protect(Some(checked(false)));
    let scene = site.scene(&["web"]).await;
    let reviewers = BTreeSet::from(["nobody".to_owned()]);
    let clock = site.rollbacks.tools.clock.clone();
    let github = client_with(&site.simulated, "bowline", &clock, reviewers);
    site.rollbacks.tools.github = Some(Arc::new(github));
    let message = "Reviews may only be requested from collaborators.".to_owned();
    let asked = "POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers";
    let refuse = Fault::Refuse { status: 422, message };
    site.simulated.add_fault(FaultRule::new(refuse).operation(asked));
    for _ in 0..2 {
        site.turn(&scene).await.unwrap();
    }
    let calls = site.simulated.calls();
    let told = |operation: &str| calls.iter().any(|call| call.operation == operation && call.status == 201);
    assert!(told("POST /repos/{owner}/{repo}/issues/{issue_number}/comments"), "{calls:?}");
    assert!(told("POST /repos/{owner}/{repo}/statuses/{sha}"), "{calls:?}");
    assert_eq!(calls.iter().filter(|call| call.operation == asked).count(), 1);
    let trouble = site.only().trouble.as_ref().map(|trouble| trouble.sentence.clone());
    assert!(trouble.is_some_and(|sentence| sentence.contains("Reviews may only")), "and it is told");
}

#[tokio::test]
async fn a_merge_of_what_somebody_emptied_before_is_told_as_soon_as_git_was_read_again() {
    let mut site = Site::new().await;
    site.protect(Some(checked(false)));
    let scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    let [pull] = &*site.pulls().await else { panic!("one") };
    let git = Repository::open_bare(&site.path).unwrap();
    let own = git.find_commit(git2::Oid::from_str(pull.head.as_str()).unwrap()).unwrap();
    let who = git2::Signature::now("Bob", "bob@example.com").unwrap();
    let tree = own.parent(0).unwrap().tree().unwrap();
    let branch = format!("refs/heads/{}", pull.branch);
    git.commit(Some(&branch), &who, &who, "Rather not", &tree, &[&own]).unwrap();
    site.protect(None);
    assert_eq!(site.states().await, [PullState::Merged], "GitHub was to merge it by itself");
    site.turn(&scene).await.unwrap();
    assert_eq!(site.known(), [State::Merged], "git was read before");
    let scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    assert_eq!(site.known(), [State::NeedsPerson]);
    let why = site.only().why.clone().unwrap();
    assert!(why.ends_with("; next: `bowline rollback web`"), "{why}");
}

#[tokio::test]
async fn where_the_history_has_to_be_linear_it_is_squashed_with_its_trailers_now_and_by_the_server() {
    for checked_first in [false, true] {
        let mut site = Site::new().await;
        let checks = if checked_first { checked(false) } else { Protection::default() };
        site.protect(Some(Protection { required_linear_history: true, enforce_admins: true, ..checks }));
        let scene = site.scene(&["web"]).await;
        site.turn(&scene).await.unwrap();
        if checked_first {
            assert_eq!(site.states().await, [open(Mergeability::Blocked, true)]);
            site.ci(&site.pulls().await[0].head.clone()).await;
        }
        assert_eq!(site.states().await, [PullState::Merged], "checked first: {checked_first}");
        let git = Repository::open_bare(&site.path).unwrap();
        let main = git.find_reference("refs/heads/main").unwrap().peel_to_commit().unwrap();
        assert_eq!(main.parent_count(), 1);
        let message = main.message().unwrap();
        assert!(message.contains(&format!("Bowline-Reverts: {}", scene.snapshot.commit)), "{message}");
    }
}

#[tokio::test]
async fn with_the_store_lost_a_squash_has_the_message_of_the_revert_and_not_of_the_update() {
    let mut site = Site::new().await;
    let linear = |checks| Protection { required_linear_history: true, enforce_admins: true, ..checks };
    site.protect(Some(linear(checked(true))));
    let bad = site.scene(&["web"]).await;
    site.turn(&bad).await.unwrap();
    let pushed = site.pulls().await[0].head.clone();
    commit(&site.path, "Something else", &[("README.md".to_owned(), "Hello\n".to_owned())]);
    site.ci(&pushed).await;
    let scene = site.scene(&["web"]).await;
    for _ in 0..2 {
        site.turn(&scene).await.unwrap();
    }
    let pull = site.pulls().await.remove(0);
    assert_ne!(pull.head, pushed, "it was brought up to date");
    site.ada.disable_auto_merge(&pull.node_id).await.unwrap();
    site.rollbacks.known.clear();
    site.rollbacks.examined = None;
    site.protect(Some(linear(Protection::default())));
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [PullState::Merged]);
    let git = Repository::open_bare(&site.path).unwrap();
    let main = git.find_reference("refs/heads/main").unwrap().peel_to_commit().unwrap();
    assert_eq!(main.parent_count(), 1);
    let message = main.message().unwrap();
    assert!(message.starts_with("Revert \"Release two\""), "{message}");
    assert!(message.contains(&format!("\nBowline-Reverts: {}\n", bad.snapshot.commit)), "{message}");
}

#[tokio::test]
async fn a_way_of_merging_that_was_refused_is_not_tried_again_after_a_restart() {
    let mut site = Site::new().await;
    site.protect(Some(Protection {
        required_linear_history: true,
        enforce_admins: true,
        ..Protection::default()
    }));
    let scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [PullState::Merged]);
    let merges = |site: &Site| {
        let calls = site.simulated.calls().into_iter();
        calls.filter(|call| call.operation.ends_with("/merge")).map(|call| call.status).collect::<Vec<_>>()
    };
    assert_eq!(merges(&site), [405, 200]);
    // Another process, the same store, and another bad commit.
    let known = site.store.rollbacks().load().await.unwrap();
    let clock = site.rollbacks.tools.clock.clone();
    let fresh = client(&site.simulated, "bowline", &clock);
    remember_refused(&fresh, known.values());
    site.rollbacks.tools.github = Some(Arc::new(fresh));
    commit(&site.path, "Release three", &manifests([1, 3]));
    let mut scene = site.scene(&["web"]).await;
    scene.failed.get_mut(&name("web")).unwrap().spec_hash = SpecHash("web-3".to_owned());
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [PullState::Merged, PullState::Merged]);
    assert_eq!(merges(&site), [405, 200, 200]);
}

#[tokio::test]
async fn whatever_the_words_of_a_refused_auto_merge_what_can_be_merged_is_merged_and_else_it_waits() {
    let graphql = |site: &Site| {
        site.simulated.calls().iter().filter(|call| call.operation.starts_with("POST /graphql")).count()
    };
    let mut site = Site::new().await;
    site.protect(Some(checked(false)));
    let scene = site.scene(&["web"]).await;
    let refuse = Fault::Refuse { status: 422, message: "Words that nobody knows".to_owned() };
    site.simulated.add_fault(FaultRule::new(refuse).operation("POST /graphql enablePullRequestAutoMerge"));
    for _ in 0..3 {
        site.turn(&scene).await.unwrap();
    }
    assert_eq!(
        (site.states().await, graphql(&site)),
        (vec![open(Mergeability::Blocked, false)], 1),
        "it waits"
    );
    let why = site.only().why.clone().unwrap();
    assert!(why.contains("Words that nobody knows"), "{why}");
    // Nor is it asked again after a restart.
    let store = site.store.rollbacks().load().await.unwrap();
    site.rollbacks.known = store;
    site.turn(&scene).await.unwrap();
    assert_eq!(graphql(&site), 1);
    site.protect(None);
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [PullState::Merged], "plainly");
}
