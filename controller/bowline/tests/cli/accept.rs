//! What vanished from git: refused per target, accepted by a commit, and remembered over restarts.

use serde_json::Value;
use tokio::process::Command;

use crate::place::{Answer, Cloud, Place, TARGET, eventually, service};
use crate::run::{Controller, is_in_sync, sync_of, world};

/// The Target `staging`, beside `production`.
fn staging() -> String {
    TARGET.replace("name: production", "name: staging")
}

/// A service on `staging`.
fn on_staging(name: &str, count: u32) -> String {
    service(name, "web:1", count).replace("target: production", "target: staging")
}

fn accept(commit: &str) -> String {
    format!("Accept it\n\nBowline-Accept: {commit}\n")
}

fn has_standing(status: &Value, commit: &str, standing: &str) -> bool {
    status["git"]["commit"]["id"] == commit
        && status["git"]["standing"] == standing
        && !status["pass"].is_null()
}

/// Commits services `names` with web wanting `count` tasks, and both targets.
fn commit_staging(place: &Place, message: &str, production: &[&str], names: &[&str], count: u32) -> String {
    let staging = staging();
    let mut files = vec![("target.yaml".to_owned(), TARGET.to_owned()), ("staging.yaml".to_owned(), staging)];
    for name in production {
        files.push((format!("{name}.yaml"), service(name, "web:1", 2)));
    }
    for name in names {
        files.push((format!("{name}.yaml"), on_staging(name, if *name == "web" { count } else { 2 })));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    place.commit(message, &files)
}

async fn reaches(cloud: &Cloud, count: i32) {
    eventually("the new count", || async { (cloud.service("web").await.1 == count).then_some(()) }).await;
}

#[tokio::test]
async fn the_last_resource_of_a_target_goes_once_a_commit_accepts_it() {
    let (place, cloud) = world(2).await;
    place.commit("One", &[("target.yaml", TARGET), ("web.yaml", &service("web", "web:1", 2))]);
    let controller = Controller::start(&place);
    controller.status(&place, "in sync", is_in_sync).await;
    let gone = place.commit("None", &[("target.yaml", TARGET)]);
    let refused =
        controller.status(&place, "the refusal", |status| has_standing(status, &gone, "shrunk")).await;
    assert_eq!(
        refused["git"]["reason"],
        format!(
            "1 of the 1 resources on production are gone; if this was meant, run `git commit --allow-empty -m \"Accept {gone:.8}\" \
             --trailer \"Bowline-Accept: {gone}\"` on the branch, and push or merge it",
        )
    );
    controller.stop().await;
    let controller = Controller::start(&place);
    controller
        .status(&place, "the refusal after a restart", |status| has_standing(status, &gone, "shrunk"))
        .await;

    let accepting = place.commit(&accept(&gone), &[("target.yaml", TARGET)]);
    let is_accepted = |status: &Value| has_standing(status, &accepting, "fresh");
    controller.status(&place, "the acceptance", is_accepted).await;
    controller.stop().await;
    let controller = Controller::start(&place);
    controller.status(&place, "the acceptance after a restart", is_accepted).await;
    // It goes on: what comes back is acted on.
    place.commit("Again", &[("target.yaml", TARGET), ("web.yaml", &service("web", "web:1", 3))]);
    reaches(&cloud, 3).await;
}

#[tokio::test]
async fn a_whole_target_goes_once_a_commit_accepts_it_and_the_other_is_never_held() {
    let (place, cloud) = world(2).await;
    for name in ["one", "two"] {
        cloud.create(name, "web:1", 2).await;
    }
    commit_staging(&place, "All", &["one", "two"], &["web"], 2);
    let controller = Controller::start(&place);
    controller.status(&place, "in sync", is_in_sync).await;
    let web = on_staging("web", 3);
    let files = [("staging.yaml", &*staging()), ("web.yaml", &*web)];
    let gone = place.commit("Without production", &files);
    reaches(&cloud, 3).await;
    controller.status(&place, "the refusal", |status| has_standing(status, &gone, "shrunk")).await;
    let accepting = place.commit(&accept(&gone), &files);
    controller
        .status(&place, "the acceptance", |status| {
            has_standing(status, &accepting, "fresh") && is_in_sync(status)
        })
        .await;
}

#[tokio::test]
async fn removals_on_one_target_do_not_add_up_while_another_is_refused() {
    let (place, cloud) = world(2).await;
    let names = ["web", "a", "b", "c", "d"];
    for name in &names[1..] {
        cloud.create(name, "web:1", 2).await;
    }
    cloud.create("p", "web:1", 2).await;
    commit_staging(&place, "All", &["p"], &names, 2);
    let controller = Controller::start(&place);
    controller.status(&place, "in sync", is_in_sync).await;

    commit_staging(&place, "Without production's, and two of five", &[], &names[..3], 3);
    reaches(&cloud, 3).await;
    let held = controller.status(&place, "the refusal", |status| status["git"]["standing"] == "shrunk").await;
    assert!(sync_of(&held, "p").is_null());
    controller.stop().await;
    // Two of three more, which against the first commit are four of five.
    let last = commit_staging(&place, "And two more", &[], &names[..1], 4);
    let controller = Controller::start(&place);
    reaches(&cloud, 4).await;
    let status = controller.status(&place, "the pass", |status| has_standing(status, &last, "shrunk")).await;
    let reason = status["git"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("1 of the 1 resources on production are gone; if this was meant"), "{reason}");
    controller.stop().await;

    // `plan`, which has the store but a mirror of its own, says the same, before and after the acceptance.
    let plan = |place: &Place| {
        let mut command = Command::from(place.command(&["plan", "-o", "json"]));
        async move { command.output().await.unwrap() }
    };
    let answer: Answer = place.answer(&plan(&place).await);
    assert_eq!(answer.json()["git"]["standing"], "shrunk", "{answer:?}");
    commit_staging(&place, &accept(&last), &[], &names[..1], 4);
    let answer: Answer = place.answer(&plan(&place).await);
    assert_eq!((answer.code, &answer.json()["git"]["standing"]), (0, &Value::from("fresh")), "{answer:?}");
}
