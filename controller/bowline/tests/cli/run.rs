//! `run` against a simulated AWS: drift, signals, kills, and a repository that misbehaves.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use bowline_sim::{Fault, FaultRule};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::place::{Answer, Cloud, Place, TARGET, eventually, service};

/// A controller under way.
pub(crate) struct Controller {
    child: Child,
    listen: String,
}

impl Controller {
    /// Starts one; `bowline.yaml` must be there.
    pub(crate) fn start(place: &Place) -> Self {
        Self::start_at(place, None)
    }

    /// Starts one that logs what this filter says.
    pub(crate) fn start_at(place: &Place, log: Option<&str>) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut command = Command::from(place.command(&["run", "--listen", &free]));
        command.envs(log.map(|filter| ("BOWLINE_LOG", filter)));
        let log = std::fs::File::create(place.path().join("run.log")).unwrap();
        let child = command.stdout(Stdio::null()).stderr(log).kill_on_drop(true).spawn().unwrap();
        Self { child, listen: free }
    }

    pub(crate) async fn ask(&self, place: &Place, arguments: &[&str]) -> Answer {
        let mut command = Command::from(place.command(arguments));
        place.answer(&command.args(["--listen", &self.listen]).output().await.unwrap())
    }

    /// The status, once `is` it.
    pub(crate) async fn status(&self, place: &Place, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        eventually(what, || async {
            let answer = self.ask(place, &["status", "-o", "json"]).await;
            let document: Value = serde_json::from_str(&answer.out).ok()?;
            // Before it listens, the answer is an error.
            (document["version"].is_number() && is(&document)).then_some(document)
        })
        .await
    }

    /// What `GET path` answers.
    pub(crate) async fn get(&self, path: &str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(&self.listen).await.unwrap();
        let request = format!("GET {path} HTTP/1.0\r\nhost: bowline\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// SIGTERM; gives the exit code and how long it took.
    pub(crate) async fn stop(mut self) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        self.signal("-TERM");
        let status = self.child.wait().await.unwrap();
        (status.code(), begun.elapsed())
    }

    async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

pub(crate) fn sync_of<'a>(document: &'a Value, name: &str) -> &'a Value {
    let resources = document["resources"].as_array().unwrap();
    resources
        .iter()
        .find(|report| report["resource"]["name"] == name)
        .map_or(&Value::Null, |report| &report["sync"])
}

pub(crate) fn is_in_sync(document: &Value) -> bool {
    let resources = document["resources"].as_array().unwrap();
    !resources.is_empty() && resources.iter().all(|report| report["sync"] == "in-sync")
}

pub(crate) async fn world(count: i32) -> (Place, Cloud) {
    let (place, cloud) = (Place::new(), Cloud::start().await);
    cloud.register("web", "acme/web:1").await;
    cloud.register("web", "acme/web:2").await;
    cloud.create("web", "web:1", count).await;
    place.configure(&cloud.simulator.url(), "ceiling: { mode: enforce }\n");
    eventually("the service to settle", || async { cloud.service("web").await.2.then_some(()) }).await;
    (place, cloud)
}

#[tokio::test]
async fn drift_is_found_healed_and_told_and_sigterm_ends_it_in_order() {
    let (place, cloud) = world(2).await;
    let commit = place.commit("One", &[("target.yaml", TARGET), ("web.yaml", &service("web", "web:1", 2))]);
    let controller = Controller::start(&place);
    let status = controller.status(&place, "the first pass", is_in_sync).await;
    assert_eq!(status["git"]["commit"]["id"], json!(commit));
    assert_eq!(status["git"]["standing"], "fresh");

    cloud.ecs.update_service().cluster("main").service("web").desired_count(5).send().await.unwrap();
    eventually("the drift to be healed", || async { (cloud.service("web").await.1 == 2).then_some(()) })
        .await;
    controller.status(&place, "in sync again", is_in_sync).await;
    let history = eventually("the history", || async {
        let history = controller.ask(&place, &["history", "web", "-o", "json"]).await.json();
        (history["events"][0]["kind"] == "drift-healed").then_some(history)
    })
    .await;
    let kinds: Vec<&str> =
        history["events"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["drift-healed", "rollout-good", "scaled", "drift-found"]);
    assert_eq!(controller.ask(&place, &["status"]).await.code, 0);
    assert_eq!(controller.ask(&place, &["diff", "web"]).await.code, 0);

    let second = place.bowline(&["apply", "--yes"]);
    assert_eq!(second.code, 2, "{second:?}");
    assert!(second.err.contains("is using this store, and one instance at a time acts"), "{second:?}");

    let (code, took) = controller.stop().await;
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(20), "{took:?}");
    // The history outlives the process.
    let controller = Controller::start(&place);
    controller.status(&place, "the first pass", is_in_sync).await;
    let again = controller.ask(&place, &["history", "web", "-o", "json"]).await.json();
    assert_eq!(again["events"], history["events"]);
}

#[tokio::test]
async fn what_aws_keeps_refusing_is_shown_and_warned_of() {
    let (place, cloud) = world(2).await;
    place.commit("Three", &[("target.yaml", TARGET), ("web.yaml", &service("web", "web:1", 3))]);
    cloud.simulator.add_fault(FaultRule::new(Fault::AccessDenied).operation("UpdateService"));
    let bowline = async |arguments: &[&str]| {
        place.answer(&Command::from(place.command(arguments)).output().await.unwrap())
    };
    let applied = bowline(&["apply", "--yes", "-o", "json"]).await;
    assert_eq!(applied.code, 2, "{applied:?}");

    let failing = |status: &Value| {
        let reports = status["resources"].as_array().unwrap();
        reports.iter().any(|report| {
            report["held"][0]["why"] == "actionFailed"
                && report["held"][0]["operation"] == "set the desired count to 3"
                && report["held"][0]["times"].as_u64() > Some(4)
        })
    };
    let warning = "WARN web: failed to set the desired count to 3: ";
    for _ in 0..2 {
        let controller = Controller::start(&place);
        let status = controller.status(&place, "the failure", failing).await;
        let number = status["pass"]["number"].as_u64();
        controller
            .status(&place, "two more passes", |status| {
                status["pass"]["number"].as_u64() > number.map(|number| number + 1)
            })
            .await;
        for arguments in [["status"].as_slice(), &["diff", "web"]] {
            let told = controller.ask(&place, arguments).await;
            assert_eq!(told.code, 1, "{told:?}");
            assert!(told.out.contains("failed to set the desired count to 3 ("), "{told:?}");
        }
        controller.stop().await;
        let log = std::fs::read_to_string(place.path().join("run.log")).unwrap();
        assert_eq!(log.matches(warning).count(), 1, "{log}");
    }
    let planned = bowline(&["plan"]).await;
    assert_eq!(planned.code, 1, "{planned:?}");
    assert!(planned.out.contains("failed to set the desired count to 3 ("), "{planned:?}");

    cloud.simulator.clear_faults();
    let controller = Controller::start(&place);
    controller.status(&place, "in sync", is_in_sync).await;
    assert_eq!(controller.ask(&place, &["status"]).await.code, 0);
}

#[tokio::test]
async fn a_new_commit_is_rolled_out_and_one_that_crashes_is_not_fought_for() {
    let (place, cloud) = world(1).await;
    cloud.register("web", "acme/crash:1").await;
    place.commit("One", &[("target.yaml", TARGET), ("web.yaml", &service("web", "web:2", 1))]);
    let controller = Controller::start(&place);
    eventually("web:2", || async {
        (cloud.service("web").await == ("web:2".to_owned(), 1, true)).then_some(())
    })
    .await;
    controller.status(&place, "in sync", is_in_sync).await;

    place.commit("Bad", &[("target.yaml", TARGET), ("web.yaml", &service("web", "web:3", 1))]);
    controller.status(&place, "awaiting git", |status| sync_of(status, "web") == "awaiting-git").await;
    assert_eq!(cloud.service("web").await.0, "web:2");
    let before = cloud.count("UpdateService");
    let pass =
        controller.ask(&place, &["status", "-o", "json"]).await.json()["pass"]["number"].as_u64().unwrap();
    controller
        .status(&place, "three more passes", |status| status["pass"]["number"].as_u64() > Some(pass + 3))
        .await;
    assert_eq!(cloud.count("UpdateService"), before);
    assert_eq!(controller.ask(&place, &["status"]).await.code, 1);
    assert_eq!(controller.ask(&place, &["diff", "web"]).await.code, 1);
}

#[tokio::test]
async fn without_a_ceiling_it_observes_and_writes_nothing() {
    let (place, cloud) = world(2).await;
    place.configure(&cloud.simulator.url(), "");
    place.commit("One", &[("target.yaml", TARGET), ("web.yaml", &service("web", "web:2", 3))]);
    cloud.simulator.clear_calls();
    let controller = Controller::start(&place);
    controller.status(&place, "three passes", |status| status["pass"]["number"].as_u64() >= Some(3)).await;
    assert_eq!(cloud.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_kill_in_a_rollout_converges_with_and_without_the_store() {
    for keep_store in [true, false] {
        let (place, cloud) = world(2).await;
        place.commit("One", &[("target.yaml", TARGET), ("web.yaml", &service("web", "web:2", 3))]);
        let controller = Controller::start(&place);
        eventually("the call", || async { (cloud.count("UpdateService") > 0).then_some(()) }).await;
        controller.kill().await;
        if !keep_store {
            std::fs::remove_dir_all(place.path().join("state")).unwrap();
        }
        let controller = Controller::start(&place);
        controller.status(&place, "in sync", is_in_sync).await;
        assert_eq!(cloud.service("web").await, ("web:2".to_owned(), 3, true));
        assert!(cloud.count("UpdateService") <= 2, "store kept: {keep_store}");
    }
}

#[tokio::test]
async fn with_the_repository_away_it_observes_only_and_goes_on_by_itself() {
    let (place, cloud) = world(2).await;
    place.commit("One", &[("target.yaml", TARGET), ("web.yaml", &service("web", "web:1", 2))]);
    let controller = Controller::start(&place);
    controller.status(&place, "in sync", is_in_sync).await;
    std::fs::rename(place.path().join("repo"), place.path().join("away")).unwrap();
    cloud.ecs.update_service().cluster("main").service("web").desired_count(5).send().await.unwrap();
    cloud.simulator.clear_calls();
    let held = |status: &Value| sync_of(status, "web") == "drifted" && status["git"]["standing"] == "stale";
    controller.status(&place, "drift that is held", held).await;
    assert_eq!(cloud.writes(), Vec::<String>::new());
    std::fs::rename(place.path().join("away"), place.path().join("repo")).unwrap();
    controller.status(&place, "in sync again", is_in_sync).await;
    assert_eq!(cloud.service("web").await.1, 2);
}

#[tokio::test]
async fn a_rewritten_branch_holds_everything_after_a_restart_too() {
    let (place, cloud) = world(2).await;
    place.commit("One", &[("target.yaml", TARGET), ("web.yaml", &service("web", "web:1", 2))]);
    let controller = Controller::start(&place);
    controller.status(&place, "in sync", is_in_sync).await;
    controller.stop().await;
    std::fs::remove_dir_all(place.path().join("repo")).unwrap();
    place.commit("Another", &[("target.yaml", TARGET), ("web.yaml", &service("web", "web:1", 9))]);
    cloud.simulator.clear_calls();
    let controller = Controller::start(&place);
    let status = controller
        .status(&place, "the rewritten branch", |status| {
            status["git"]["standing"] == "force-pushed" && sync_of(status, "web") == "drifted"
        })
        .await;
    assert_eq!(status["findings"][0]["code"], "force-push");
    assert_eq!(cloud.writes(), Vec::<String>::new());
    let why = status["git"]["reason"].as_str().unwrap();
    assert_eq!(told(&controller, &place).await, [format!("production: nothing is done: {why}")]);
}

#[tokio::test]
async fn a_branch_that_is_rewritten_while_a_pass_is_under_way_holds_everything() {
    let (place, cloud) = world(1).await;
    let web = |count: u32| service("web", "web:1", count);
    let kept = place.commit("Kept", &[("target.yaml", TARGET), ("web.yaml", &web(1))]);
    let controller = Controller::start(&place);
    controller.status(&place, "in sync", is_in_sync).await;
    let is_at = |status: &Value, commit: &str| status["git"]["commit"]["id"] == commit;

    // Longer than the interval of git: the branch is read again before the pass over the lost commit has ended.
    let slow = Fault::Delay(Duration::from_secs(5));
    cloud.simulator.add_fault(FaultRule::new(slow).operation("DescribeServices"));
    let lost = place.commit("Lost", &[("target.yaml", TARGET), ("web.yaml", &web(1)), ("note", "lost")]);
    controller.status(&place, "the pass over it", |status| is_at(status, &lost)).await;
    let repository = git2::Repository::open(place.path().join("repo")).unwrap();
    let reset = repository.revparse_single(&kept).unwrap();
    repository.reset(&reset, git2::ResetType::Soft, None).unwrap();
    let rewritten = place.commit("Rewritten", &[("target.yaml", TARGET), ("web.yaml", &web(3))]);
    cloud.simulator.clear_faults();
    cloud.simulator.clear_calls();

    let status = controller
        .status(&place, "the rewritten branch", |status| {
            is_at(status, &rewritten)
                && (status["git"]["standing"] == "force-pushed" || !cloud.writes().is_empty())
        })
        .await;
    assert_eq!(cloud.writes(), Vec::<String>::new());
    assert_eq!(status["findings"][0]["code"], "force-push");
}

/// Every refusal that the history has, the newest first.
async fn told(controller: &Controller, place: &Place) -> Vec<String> {
    let history = controller.ask(place, &["history", "production", "-o", "json"]).await.json();
    let refused = |event: &&Value| event["kind"] == "git-refused";
    let message = |event: &Value| event["message"].as_str().unwrap().to_owned();
    history["events"].as_array().unwrap().iter().filter(refused).map(message).collect()
}

#[tokio::test]
async fn a_refusal_is_told_when_everything_else_is_in_sync() {
    let (place, cloud) = world(2).await;
    place.commit("One", &[("target.yaml", TARGET), ("web.yaml", &service("web", "web:1", 2))]);
    let controller = Controller::start(&place);
    controller.status(&place, "in sync", is_in_sync).await;
    place.commit("None", &[("target.yaml", TARGET)]);
    let is_refused = |status: &Value| status["git"]["standing"] == "shrunk";
    let status = controller.status(&place, "the refusal", is_refused).await;
    let why = status["git"]["reason"].as_str().unwrap().to_owned();
    assert_eq!(controller.ask(&place, &["status"]).await.code, 1);
    let event = format!("production: nothing is done: {why}");
    assert_eq!(told(&controller, &place).await, std::slice::from_ref(&event));
    let metrics = controller.get("/metrics").await;
    assert!(metrics.contains("bowline_git_standing{standing=\"shrunk\"} 1\n"), "{metrics}");
    assert!(metrics.contains("bowline_git_standing{standing=\"fresh\"} 0\n"), "{metrics}");
    let pass = status["pass"]["number"].as_u64().unwrap();
    controller.status(&place, "more passes", |it| it["pass"]["number"].as_u64() > Some(pass + 2)).await;
    controller.stop().await;
    let log = || std::fs::read_to_string(place.path().join("run.log")).unwrap();
    assert_eq!(log().matches(&format!("WARN nothing is done: {why}")).count(), 1, "{}", log());

    let controller = Controller::start(&place);
    controller.status(&place, "the refusal after a restart", is_refused).await;
    assert_eq!(told(&controller, &place).await, [event], "the history has it already");
    controller.stop().await;
    assert_eq!(log().matches(&format!("WARN nothing is done: {why}")).count(), 1, "{}", log());
    drop(cloud);
}

#[tokio::test]
async fn too_much_that_vanishes_at_once_is_refused_after_a_restart_too() {
    let (place, cloud) = world(2).await;
    let names = ["web", "one", "two", "three"];
    let services: Vec<String> = names.iter().map(|name| service(name, "web:1", 2)).collect();
    let paths: Vec<String> = names.iter().map(|name| format!("{name}.yaml")).collect();
    let mut files = vec![("target.yaml", TARGET)];
    files.extend(paths.iter().map(String::as_str).zip(services.iter().map(String::as_str)));
    for name in &names[1..] {
        cloud.create(name, "web:1", 2).await;
    }
    place.commit("Four", &files);
    let controller = Controller::start(&place);
    controller.status(&place, "in sync", is_in_sync).await;
    controller.stop().await;
    place.commit("One", &[("target.yaml", TARGET), ("web.yaml", &service("web", "web:1", 9))]);
    cloud.simulator.clear_calls();
    let controller = Controller::start(&place);
    controller
        .status(&place, "the refusal", |status| {
            status["git"]["standing"] == "shrunk" && sync_of(status, "web") == "drifted"
        })
        .await;
    assert_eq!(cloud.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn apply_with_the_same_store_sees_a_refusal_and_may_still_apply_one_service() {
    let (place, cloud) = world(2).await;
    let names = ["web", "one", "two", "three", "four"];
    let services: Vec<String> = names.iter().map(|name| service(name, "web:1", 2)).collect();
    let paths: Vec<String> = names.iter().map(|name| format!("{name}.yaml")).collect();
    let mut files = vec![("target.yaml", TARGET)];
    files.extend(paths.iter().map(String::as_str).zip(services.iter().map(String::as_str)));
    for name in &names[1..] {
        cloud.create(name, "web:1", 2).await;
    }
    place.commit("Five", &files);
    let apply = |arguments: &[&str]| {
        let mut command = Command::from(place.command(arguments));
        async move { command.output().await.unwrap() }
    };
    assert_eq!(place.answer(&apply(&["apply", "--yes"]).await).code, 0);
    let nine = service("web", "web:1", 9);
    place.commit("One", &[("target.yaml", TARGET), ("web.yaml", &nine)]);
    for verb in [&["plan"] as &[&str], &["apply", "--yes"]] {
        let mut command = Command::from(place.command(verb));
        let answer = place.answer(&command.output().await.unwrap());
        assert_eq!(answer.code, 1, "{answer:?}");
        assert!(answer.out.contains("too much vanished from git at once"), "{answer:?}");
    }
    assert_eq!(cloud.service("web").await.1, 2);
    let answer = place.answer(&apply(&["apply", "--yes", "--service", "web"]).await);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert_eq!(cloud.service("web").await.1, 9);
    // What is left is in sync, and the refusal alone is not clean.
    for verb in [&["plan"] as &[&str], &["apply", "--yes"]] {
        let answer = place.answer(&apply(verb).await);
        assert_eq!(answer.code, 1, "{answer:?}");
        let lines: Vec<&str> = answer.out.lines().collect();
        assert!(
            lines[1].starts_with("nothing is done: 4 of the 5 resources on production are gone"),
            "{answer:?}"
        );
        assert!(answer.out.ends_with("0 resources differ, 2 in sync\n"), "{answer:?}");
    }
}
