//! Pull requests, told what they would mean for live: on a simulated AWS and a simulated GitHub, by the built binary. Every call
//! to GitHub goes by Prism, which holds it against GitHub's own description of its API.

mod faults;

use bowline_sim::Webhook;
use bowline_tests::hub::{Hub, REPOSITORY, files};
use bowline_tests::process::Process;
use bowline_tests::servers::{Server, free_port};
use bowline_tests::until::until;
use bowline_tests::world::{service, target};
use serde_json::{Value, json};

const SECRET: &str = "6f1e2d";
/// Everything that changes something at AWS.
const WRITES: [&str; 6] = [
    "RegisterTaskDefinition",
    "UpdateService",
    "CreateService",
    "TagResource",
    "UpdateSecretVersionStage",
    "DeregisterTaskDefinition",
];

/// A hub whose GitHub is asked by Prism, and whose pull requests are told of.
struct Site {
    hub: Hub,
    prism: Server,
    ada: Ada,
}

/// A person with a token, and GitHub's API.
struct Ada {
    url: String,
    token: String,
}

impl Ada {
    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let (url, token, method) =
            (format!("{}/repos/{REPOSITORY}{path}", self.url), self.token.clone(), method.to_owned());
        let call = move || {
            let agent = ureq::Agent::new_with_defaults();
            let request = ureq::http::Request::builder()
                .method(method.as_str())
                .uri(&url)
                .header("authorization", format!("Bearer {token}"))
                .body(body.map(|body| body.to_string()).unwrap_or_default())
                .unwrap();
            let mut answer = agent.run(request).unwrap_or_else(|error| panic!("{url}: {error}"));
            let text = answer.body_mut().read_to_string().unwrap();
            serde_json::from_str(&text).unwrap_or_default()
        };
        tokio::task::spawn_blocking(call).await.unwrap()
    }

    async fn open(&self, branch: &str) -> u64 {
        let body = json!({"title": branch, "head": branch, "base": "main", "body": "why"});
        self.call("POST", "/pulls", Some(body)).await["number"].as_u64().unwrap()
    }

    /// The comments of a pull request.
    async fn comments(&self, number: u64) -> Vec<String> {
        let found = self.call("GET", &format!("/issues/{number}/comments"), None).await;
        let texts = found.as_array().unwrap().iter();
        texts.map(|comment| comment["body"].as_str().unwrap().to_owned()).collect()
    }

    /// The newest status of a commit, and what it says.
    async fn status(&self, commit: &str) -> Option<(String, String)> {
        let found = self.call("GET", &format!("/commits/{commit}/status"), None).await;
        let newest =
            found["statuses"].as_array().unwrap().iter().find(|one| one["context"] == "bowline/preview")?;
        let text = |name: &str| newest[name].as_str().unwrap_or_default().to_owned();
        Some((text("state"), text("description")))
    }

    /// Waits until the newest status of a commit is this one.
    async fn is_told(&self, commit: &str, state: &str, description: &str) {
        let wanted = Some((state.to_owned(), description.to_owned()));
        until(format!("the status {wanted:?}"), || async {
            (self.status(commit).await == wanted).then_some(())
        })
        .await;
    }
}

impl Site {
    async fn new() -> Self {
        let listen = format!("127.0.0.1:{}", free_port());
        let webhook = json!({"webhook": {"listen": listen, "secretFile": "webhook-secret"}});
        let hub = Hub::new(webhook).await;
        std::fs::write(hub.bowline.home().join("webhook-secret"), SECRET).unwrap();
        let prism = Server::prism(&hub.github.url()).await;
        hub.reach_github_by(&prism.url);
        let events = vec!["pull_request".to_owned(), "push".to_owned()];
        let webhook =
            Webhook { url: format!("http://{listen}/webhooks/github"), secret: SECRET.to_owned(), events };
        hub.github.add_webhook(REPOSITORY, webhook).unwrap();
        let token = hub.github.create_token("ada", bowline_sim::Permissions::owner()).unwrap();
        let ada = Ada { url: hub.github.url(), token };
        Self { hub, prism, ada }
    }

    async fn run(&self) -> Process {
        self.hub.run().await
    }

    /// The one comment, once it has this in it.
    async fn comment_with(&self, number: u64, part: &str) -> String {
        until(format!("a comment with {part:?}"), || async {
            let comments = self.ada.comments(number).await;
            assert!(comments.len() < 2, "{comments:#?}");
            comments.into_iter().next().filter(|text| text.contains(part))
        })
        .await
    }

    /// Nothing was changed at AWS, and GitHub was asked as it wants to be asked.
    fn is_clean(&self) {
        let writes: Vec<String> = self
            .hub
            .calls()
            .into_iter()
            .map(|call| call.operation)
            .filter(|operation| WRITES.contains(&operation.as_str()))
            .collect();
        assert_eq!(writes, Vec::<String>::new());
        assert_eq!(self.prism.violations(), Vec::<String>::new());
    }
}

fn web(image: &str) -> Option<String> {
    files(image).into_iter().find(|(path, _)| *path == "web.json").map(|(_, text)| text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_is_told_what_it_would_mean_for_live_in_one_comment() {
    let site = Site::new().await;
    let _process = site.run().await;
    let head = site.hub.branch("release", &[("web.json", web("registry.test/web:2"))]);
    let number = site.ada.open("release").await;
    site.ada.is_told(&head, "success", "1 resource on live would change").await;
    let comment = site.comment_with(number, "registry.test/web:2").await;
    for part in [
        "<!-- bowline:preview bowline -->",
        "### :white_check_mark: Bowline: 1 resource on live would change",
        "**`EcsService/web`** on `prod`: would change",
        "taskDefinition.containerDefinitions[name=web].image is registry.test/web:1, git wants registry.test/web:2",
        "EcsService/web: register a new revision of web",
    ] {
        assert!(comment.contains(part), "{part} is not in\n{comment}");
    }

    let broken = service("web", json!({"taskDefinition": {"file": "web.json"}, "desiredCont": 3}));
    let head = site.hub.branch("release", &[("web.yaml", Some(broken))]);
    site.hub.github.notice("ada");
    site.ada.is_told(&head, "failure", "1 error in the files").await;
    let comment = site.comment_with(number, "desiredCont").await;
    assert!(comment.contains("web.yaml:8:5: error: "), "{comment}");
    assert!(!comment.contains("registry.test/web:2"), "{comment}");

    let head = site.hub.branch("release", &[("README.md", Some("Hello\n".to_owned()))]);
    site.hub.github.notice("ada");
    site.ada.is_told(&head, "success", "nothing that Bowline reads changes").await;
    site.comment_with(number, "nothing that Bowline reads changes").await;
    site.is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_is_red_where_a_pull_request_brings_it_and_not_where_the_branch_has_it_already() {
    let site = Site::new().await;
    let policy = |name: &str| {
        let policy = json!({"apiVersion": "bowline.dev/v1alpha1", "kind": "Policy", "metadata": {"name": name}, "spec": {}});
        policy.to_string()
    };
    let brings = site.hub.branch("brings", &[("policy.yaml", Some(policy("nights")))]);
    let number = site.ada.open("brings").await;
    let process = site.run().await;
    site.ada.is_told(&brings, "failure", "1 warning that the branch does not have").await;
    let comment = site.comment_with(number, "**New findings**").await;
    assert!(
        comment.contains("policy.yaml:1:") && comment.contains(": warning: this version checks"),
        "{comment}"
    );

    bowline_tests::hub::put(&site.hub.path, "It has it", &[("policy.yaml", policy("nights"))]);
    let moved = site.hub.branch("moved", &[("web.json", web("registry.test/web:2"))]);
    site.ada.open("moved").await;
    site.ada
        .is_told(&moved, "success", "1 resource on live would change; 1 warning is on the branch already")
        .await;

    bowline_tests::hub::put(&site.hub.path, "It is broken", &[("broken.yaml", "kind: [\n".to_owned())]);
    let other = site.hub.branch("other", &[("README.md", Some("Hello\n".to_owned()))]);
    site.ada.open("other").await;
    site.ada.is_told(&other, "failure", "1 error in the files, on the branch already").await;
    drop(process);
    site.is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_tenth_of_the_calls_left_previews_wait_for_the_next_hour_and_say_so() {
    let site = Site::new().await;
    let head = site.hub.branch("release", &[("web.json", web("registry.test/web:2"))]);
    site.ada.open("release").await;
    let token = std::fs::read_to_string(site.hub.bowline.home().join("token")).unwrap();
    // Of 100,000.
    site.hub.github.leave(&token, 10_000).unwrap();
    let process = site.run().await;
    let waits = until("that previews wait", || async {
        let status = site.hub.status(&process).await;
        (status["previewsWait"] != Value::Null).then(|| status["previewsWait"].clone())
    })
    .await;
    let why = waits["why"].as_str().unwrap();
    assert!(
        why.starts_with("9999 of GitHub's 100000 calls an hour are left, and kept for rollbacks until "),
        "{why}"
    );
    let ends: jiff::Timestamp = waits["until"].as_str().unwrap().parse().unwrap();
    let told = format!("previews of pull requests wait until {}: {why}", ends.strftime("%H:%M UTC"));
    assert_eq!(process.output().matches(&told).count(), 1, "{}", process.output());
    site.ada.is_told(&head, "success", "1 resource on live would change").await;
    assert!(site.hub.github.now() >= ends);
    until("that they go on", || async {
        (site.hub.status(&process).await["previewsWait"] == Value::Null).then_some(())
    })
    .await;
    site.is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_made_again_only_when_its_commits_or_what_is_live_of_it_change() {
    let site = Site::new().await;
    bowline_tests::hub::put(&site.hub.path, "Do not repair", &[("target.yaml", target("propose"))]);
    let site = Site { hub: site.hub.with("BOWLINE_INTERVAL_LIVE", "15s"), ..site };
    let first = site.hub.branch("first", &[("web.json", web("registry.test/web:2"))]);
    let number = site.ada.open("first").await;
    site.hub.forget_calls();
    let process = site.run().await;
    site.ada.is_told(&first, "success", "1 resource on live would change").await;
    let looks = |number: u64| {
        let path = format!("/issues/{number}/comments");
        let calls = site.hub.github.calls().into_iter().filter(|call| call.account == "bowline");
        calls.filter(|call| call.resource.as_deref().is_some_and(|at| at.contains(&path))).count()
    };
    let before = looks(number);
    assert!(before > 0);
    // GitHub tells of it, and of another one: only the other one is new.
    let title = json!({"title": "Another title"});
    site.ada.call("PATCH", &format!("/pulls/{number}"), Some(title)).await;
    let second = site.hub.branch("second", &[("web.json", web("registry.test/web:3"))]);
    site.ada.open("second").await;
    site.ada.is_told(&second, "success", "1 resource on live would change").await;
    assert_eq!(looks(number), before);

    // Somebody deploys something else by hand; what the comment says of live is not true any more.
    let revision = site.hub.world.revision("web", "registry.test/web:9").await;
    let ecs = &site.hub.world.clients.ecs;
    let update = ecs.update_service().cluster("main").service("web").task_definition(revision);
    update.send().await.unwrap();
    let noticed = async || {
        let status = site.hub.status(&process).await;
        status.to_string().contains("registry.test/web:9").then_some(())
    };
    until("a pass that sees it", noticed).await;
    // Looked at with the next message, once it may be made again.
    let mut title = 0;
    until("another comment", || {
        title += 1;
        let title = json!({"title": format!("Title {title}")});
        let site = &site;
        async move {
            site.ada.call("PATCH", &format!("/pulls/{number}"), Some(title)).await;
            let comments = site.ada.comments(number).await;
            comments[0].contains("is registry.test/web:9, git wants registry.test/web:2").then_some(())
        }
    })
    .await;
    assert_eq!(site.ada.comments(number).await.len(), 1);
    assert_eq!(site.prism.violations(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_nothing_to_do_with_bowline_gets_a_status_and_no_comment() {
    let site = Site::new().await;
    let head = site.hub.branch("readme", &[("README.md", Some("Hello\n".to_owned()))]);
    let number = site.ada.open("readme").await;
    let _process = site.run().await;
    site.ada.is_told(&head, "success", "nothing that Bowline reads changes").await;
    assert_eq!(site.ada.comments(number).await, Vec::<String>::new());
    site.is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_fork_the_files_are_read_and_aws_is_not_asked() {
    let site = Site::new().await;
    let stranger = service("stranger", json!({"taskDefinition": {"revision": "stranger:1"}}));
    let good = site.hub.branch("good", &[("stranger.yaml", Some(stranger))]);
    let bad = site.hub.branch("bad", &[("web.yaml", Some("kind: [\n".to_owned()))]);
    let mut numbers = Vec::new();
    for branch in ["good", "bad"] {
        let number = site.ada.open(branch).await;
        site.hub.github.move_to_fork(REPOSITORY, number, "mallory").unwrap();
        numbers.push(number);
    }
    let _process = site.run().await;
    let told = "cannot tell: from a fork, so nothing was compared with live; its files are valid";
    site.ada.is_told(&good, "success", told).await;
    site.ada.is_told(&bad, "failure", "1 error in the files").await;
    assert_eq!(site.ada.comments(numbers[0]).await, Vec::<String>::new());
    let comment = site.comment_with(numbers[1], "web.yaml:").await;
    assert!(comment.contains("It comes from a fork"), "{comment}");
    let asked: Vec<_> = site.hub.calls().into_iter().filter_map(|call| call.resource).collect();
    assert!(!asked.iter().any(|resource| resource.contains("stranger")), "{asked:#?}");
    site.is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_compared_where_the_base_branch_says() {
    let site = Site::new().await;
    let mut elsewhere: Value = serde_json::from_str(&target("enforce")).unwrap();
    elsewhere["spec"]["cluster"] = json!("payroll");
    elsewhere["spec"]["assumeRole"] = json!({"arn": "arn:aws:iam::111122223333:role/admin"});
    let head = site.hub.branch(
        "elsewhere",
        &[("target.yaml", Some(elsewhere.to_string())), ("web.json", web("registry.test/web:2"))],
    );
    let number = site.ada.open("elsewhere").await;
    let _process = site.run().await;
    site.ada.is_told(&head, "success", "cannot tell: 1 resource could not be compared with live").await;
    let comment = site.comment_with(number, "registry.test/web:1").await;
    assert!(
        comment.contains("Target/prod is not compared: a Target takes effect when it is merged"),
        "{comment}"
    );
    let calls = site.hub.calls();
    assert!(!calls.iter().any(|call| call.operation == "AssumeRole"), "{calls:#?}");
    let asked: Vec<_> = calls.into_iter().filter_map(|call| call.resource).collect();
    assert!(!asked.iter().any(|resource| resource.contains("payroll")), "{asked:#?}");
    site.is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_conflict_is_neutral_and_others_are_compared_with_what_the_branch_has_by_now() {
    let site = Site::new().await;
    let conflict = site.hub.branch("conflict", &[("web.json", web("registry.test/web:2"))]);
    bowline_tests::hub::put(&site.hub.path, "Another way", &files("registry.test/web:3")[2..]);
    site.hub.bowline.apply().await.with_code(0);
    let number = site.ada.open("conflict").await;
    let other_head = site.hub.branch("other", &[("web.json", web("registry.test/web:4"))]);
    let other = site.ada.open("other").await;
    site.hub.forget_calls();
    let process = site.run().await;
    site.ada.is_told(&conflict, "success", "cannot tell: it is in conflict with the branch: web.json").await;
    site.comment_with(number, "in conflict").await;
    site.ada.is_told(&other_head, "success", "1 resource on live would change").await;
    site.comment_with(other, "registry.test/web:4").await;
    drop(process);
    site.is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_bowline_only_observes_nothing_is_told() {
    let site = Site::new().await;
    bowline_tests::hub::put(&site.hub.path, "Only look", &[("target.yaml", target("observe"))]);
    let head = site.hub.branch("release", &[("web.json", web("registry.test/web:2"))]);
    let number = site.ada.open("release").await;
    site.hub.forget_calls();
    let _process = site.run().await;
    // Answered webhooks are looked at in turn: the status of a commit that is told of would be there.
    until("all deliveries", || async {
        let all = site.hub.github.deliveries(REPOSITORY).unwrap();
        all.iter().all(|one| one.status.is_some()).then_some(())
    })
    .await;
    assert_eq!(site.ada.status(&head).await, None);
    assert_eq!(site.ada.comments(number).await, Vec::<String>::new());
    let calls = site.hub.github.calls();
    assert!(
        !calls.iter().any(|call| call.account == "bowline" && call.operation.contains("/pulls")),
        "{calls:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_only_observed_targets_is_not_told_of_and_the_rest_is() {
    let site = Site::new().await;
    let mut other: Value = serde_json::from_str(&target("propose")).unwrap();
    other["metadata"]["name"] = json!("other");
    other["spec"]["cluster"] = json!("other");
    let targets = [("target.yaml", target("observe")), ("other.yaml", other.to_string())];
    bowline_tests::hub::put(&site.hub.path, "Look at prod only", &targets);
    let observed = site.hub.branch("observed", &[("web.json", web("registry.test/web:2"))]);
    let number = site.ada.open("observed").await;
    let readme = site.hub.branch("readme", &[("README.md", Some("Hello\n".to_owned()))]);
    site.ada.open("readme").await;
    // Pull requests are looked at in turn, the one that changed last first.
    let title = json!({"title": "Another title"});
    site.ada.call("PATCH", &format!("/pulls/{number}"), Some(title)).await;
    site.hub.forget_calls();
    let _process = site.run().await;
    site.ada.is_told(&readme, "success", "nothing that Bowline reads changes").await;
    assert_eq!(site.ada.status(&observed).await, None);
    assert_eq!(site.ada.comments(number).await, Vec::<String>::new());
    site.is_clean();
}
