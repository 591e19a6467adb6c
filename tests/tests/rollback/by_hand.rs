//! What a person asks for at the shell: commits as pull requests, and what was last good ahead of git.

use bowline_core::rollback::machine::PullState;
use bowline_sim::{Permissions, Protection};
use bowline_tests::process::Ended;
use bowline_tests::until::until;
use bowline_tests::world::{secret, service, version};
use serde_json::{Value, json};

use super::{REPOSITORY, SetUp, Site, put};

fn document(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_opens_one_pull_request_and_tells_where_it_is() {
    let site = Site::new(SetUp::default()).await;
    let first = site.bowline.run("scale web 3").await;
    let [pull] = &*site.pulls().await else { panic!("one pull request: {first}") };
    assert_eq!(first.code, 0, "{first}");
    let told = format!("pull request {}: it takes effect once it is merged into main\n", pull.url);
    assert!(first.stdout.ends_with(&told), "{first}");
    let again = document(&site.bowline.run("scale web 3 -o json").await);
    assert_eq!(
        (&again["result"], &again["pullRequest"], &again["branch"], &again["base"], &again["exitCode"]),
        (&json!("pull-request"), &json!(pull.url), &json!(pull.branch), &json!("main"), &json!(0))
    );
    assert_eq!(site.pulls().await.len(), 1);
    for part in ["Asked for by", "Bowline-Resource: EcsService/web", "It takes effect when it is merged."] {
        assert!(pull.body.contains(part), "{part} is not in\n{}", pull.body);
    }
    // Closed by somebody, and asked for again: that is another one.
    site.ada.close(pull.number).await.unwrap();
    site.bowline.run("scale web 3").await.with_code(0);
    let states: Vec<bool> =
        site.pulls().await.iter().map(|pull| matches!(pull.state, PullState::Open { .. })).collect();
    assert_eq!(states, [true, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_is_merged_where_that_is_asked_for_and_left_to_github_where_a_check_is_required() {
    let site = Site::new(SetUp::default()).await;
    let rules = Protection { required_checks: vec!["ci".to_owned()], ..Protection::default() };
    site.github.protect(REPOSITORY, "main", Some(rules)).unwrap();
    let left = document(&site.bowline.run("rollback web --merge -o json").await);
    assert_eq!((&left["result"], &left["exitCode"]), (&json!("auto-merge"), &json!(0)), "{left}");
    site.github.protect(REPOSITORY, "main", None).unwrap();
    until("the merge", || async { (site.log().len() == 3).then_some(()) }).await;
    let after = site.bowline.run("rollback web --merge").await;
    assert_eq!(after.code, 1, "a rollback is not rolled back: {after}");

    let site = Site::new(SetUp::default()).await;
    let merged = document(&site.bowline.run("rollback web --merge -o json").await);
    assert_eq!((&merged["result"], &merged["exitCode"]), (&json!("merged"), &json!(0)), "{merged}");
    assert_eq!(site.log(), ["Revert \"Release web 2\"", "Release web 2", "As it is"]);
    site.bowline.apply().await.with_code(0);
    site.is_equal("rolled back by hand").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_back_a_secret_that_stays_is_neither_merged_nor_pushed_by_hand_and_says_so() {
    let site = Site::new(SetUp::default()).await;
    let web = json!({"taskDefinition": {"file": "web.json"}, "secrets": ["db"]});
    let pinned = |pin: u8| secret("db", "app/db", &version(pin));
    put(&site.path, "Read the password", &[("web.yaml", service("web", web)), ("db.yaml", pinned(1))]);
    put(&site.path, "Rotate the password", &[("db.yaml", pinned(2))]);
    let stays = format!(
        "look closely, git goes back with this, and the secret does not: Secret/db: AWSCURRENT stays on {}: a label that is moved back does \
         not change the credential at its issuer; `rollback: label` in its manifest lets Bowline move it",
        version(2)
    );
    let notes = |ended: &Ended| document(ended)["notes"].as_array().cloned().unwrap_or_default();
    let shown = site.bowline.run("rollback web --dry-run -o json").await;
    assert!(notes(&shown).contains(&json!(stays)), "before anything is pushed: {shown}");
    for how in ["--merge", "--push"] {
        let ended = site.bowline.run(&format!("rollback web {how} -o json")).await;
        assert!(notes(&ended).contains(&json!(stays)), "{ended}");
        let told = document(&ended);
        let expected = if how == "--merge" {
            (json!("pull-request"), json!(1), "not merged: a person has to read it at ")
        } else {
            (
                json!("branch"),
                json!(0),
                "not pushed onto the branch that is read: a secret would stay where it is",
            )
        };
        assert_eq!((&told["result"], &told["exitCode"]), (&expected.0, &expected.1), "{ended}");
        let is_told = |note: &Value| note.as_str().is_some_and(|note| note.starts_with(expected.2));
        assert!(notes(&ended).iter().any(is_told), "{ended}");
    }
    let pull = site.pull().await;
    assert!(pull.body.contains("Secret/db: AWSCURRENT stays on"), "{}", pull.body);
    assert_eq!(site.log()[0], "Rotate the password", "main is as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_by_hand_is_the_one_of_the_controller_too() {
    let site = Site::new(SetUp::default()).await;
    let pull = document(&site.bowline.run("rollback web -o json").await);
    let process = site.run();
    let waiting = site.reaches(&process, "pull-request").await;
    assert_eq!(waiting["pullRequest"], pull["pullRequest"]);
    assert_eq!(site.pulls().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_a_github_app_reads_and_pushes_over_git() {
    let site = Site::new(SetUp::default()).await;
    let installation = site.be_an_app(Permissions::controller());
    let answer = document(&site.bowline.run("scale web 3 -o json").await);
    assert_eq!(answer["result"], json!("pull-request"), "{answer}");
    assert_eq!(site.pulls().await.len(), 1);
    site.github.uninstall_app(installation);
    let refused = site.bowline.run("scale web 4").await;
    assert_eq!(refused.code, 2, "{refused}");
    assert!(refused.stderr.contains("no token for"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn breaking_the_glass_runs_what_was_last_good_before_git_says_so() {
    // Nobody rolls back by itself: git keeps what fails, and live is moved there by hand.
    let site = Site::new(SetUp { strategy: "none", pinned: true, ..SetUp::default() }).await;
    let ecs = &site.world.clients.ecs;
    site.world.revision("web", "registry.test/web:3").await;
    let update = ecs.update_service().cluster("main").service("web").task_definition("web:3");
    update.send().await.unwrap();
    assert_eq!(site.image().await, "registry.test/web:3");

    let unreasoned = site.bowline.run("rollback web --break-glass").await;
    assert_eq!(unreasoned.code, 2, "{unreasoned}");
    let broken = site.bowline.run("rollback web --break-glass --reason down --hold 24h -o json").await;
    let told = document(&broken);
    assert_eq!((&told["result"], &told["exitCode"]), (&json!("pull-request"), &json!(0)), "{broken}");
    let note = told["notes"][0].as_str().unwrap();
    assert!(note.starts_with("web runs web:1 again") && note.contains("ahead of git"), "{note}");
    assert_eq!(site.image().await, "registry.test/web:1");
    assert_eq!(site.pulls().await.len(), 1);
    assert_eq!(site.log(), ["Release web 2", "As it is"], "git says it only once it is merged");
    // What git says is not deployed over it while it is held.
    let held = site.bowline.run("apply --yes").await;
    assert!(held.stdout.contains("break-glass: down"), "{held}");
    assert_eq!(site.image().await, "registry.test/web:1");
}
