//! What cannot be read or used: told with a reason and a hint, nothing is changed, and it recovers by itself.

use std::collections::BTreeSet;

use bowline_sim::{Fault, FaultRule, Simulator, SimulatorConfig};
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::git::{GitHttp, Remote};
use bowline_tests::servers::free_port;
use bowline_tests::until::until;
use bowline_tests::world::{World, secret, service, target, target_in, version};
use serde_json::{Value, json};

/// The only operations that change nothing.
const READS: [&str; 4] = ["Describe", "List", "Get", "Head"];

/// A world in which git wants one task more than there is, and everything else agrees.
struct Drifted {
    simulator: Simulator,
    world: World,
    remote: Remote,
    server: GitHttp,
}

impl Drifted {
    async fn new() -> Self {
        let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
        let simulator = Simulator::start(config).await.unwrap();
        let world = World::new(&simulator.url()).await;
        let web = world.revision("web", "registry.test/web:1").await;
        world.service("web", &web, 1).await;
        world.secret("app/db", 1).await;
        let remote = Remote::new();
        remote.commit(
            "Describe production",
            &[
                ("target.yaml", &target("enforce")),
                (
                    "web.yaml",
                    &service("web", json!({"taskDefinition": {"revision": "web:1"}, "desiredCount": 2})),
                ),
                ("db.yaml", &secret("db", "app/db", &version(1))),
            ],
        );
        simulator.clear_calls();
        let server = remote.serve(None);
        Self { simulator, world, remote, server }
    }

    fn bowline(&self) -> Bowline {
        Bowline::new(&self.simulator.url(), &self.server.url())
    }

    /// Nothing but reads reached AWS.
    fn only_reads(&self) {
        let writes = self.simulator.calls().into_iter().map(|call| call.operation);
        let writes: BTreeSet<_> =
            writes.filter(|name| !READS.iter().any(|read| name.starts_with(read))).collect();
        assert_eq!(writes, BTreeSet::new());
    }

    /// Afterwards the same installation finds the one difference, and repairs it.
    async fn recovers(&self, bowline: &Bowline) {
        self.simulator.clear_faults();
        let plan = bowline.plan().await.with_code(1).json();
        assert_eq!(plan["totals"], json!({"drifted": 1, "in-sync": 2}), "{plan:#}");
        bowline.apply().await.with_code(0);
        assert_eq!(self.world.described("web").await.desired_count, 2);
    }
}

/// The report of one resource.
fn report<'a>(document: &'a Value, kind: &str, name: &str) -> &'a Value {
    let wanted = json!({"kind": kind, "name": name});
    let found = document["resources"].as_array().unwrap().iter().find(|report| report["resource"] == wanted);
    found.unwrap_or_else(|| panic!("no {kind}/{name} in {document:#}"))
}

/// Why a resource is unknown: its category, when reason and hint are there, too.
fn unknown(document: &Value, kind: &str, name: &str) -> String {
    let report = report(document, kind, name);
    let why = &report["unknown"];
    assert_eq!(report["sync"], "unknown", "{document:#}");
    let told = |field: &str| why[field].as_str().is_some_and(|text| text.len() > 10);
    assert!(told("message") && told("hint"), "{document:#}");
    why["category"].as_str().unwrap().to_owned()
}

/// DescribeServices fails; the secret stays known.
async fn a_failed_read(fault: Fault, category: &str) {
    let drifted = Drifted::new().await;
    let bowline = drifted.bowline();
    drifted.simulator.add_fault(FaultRule::new(fault).operation("DescribeServices"));
    for verb in ["plan -o json", "apply --yes -o json"] {
        let document = bowline.run(verb).await.with_code(2).json();
        assert_eq!(unknown(&document, "EcsService", "web"), category, "{verb}");
        assert_eq!(report(&document, "Secret", "db")["sync"], "in-sync", "{document:#}");
        drifted.only_reads();
    }
    drifted.recovers(&bowline).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_read_is_unknown() {
    a_failed_read(Fault::AccessDenied, "denied").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_read_is_unknown() {
    a_failed_read(Fault::Throttle, "throttled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_error_is_unknown() {
    a_failed_read(Fault::ServerError500, "server-error").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_connection_is_unknown() {
    a_failed_read(Fault::Reset, "unreachable").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_body_is_unknown() {
    a_failed_read(Fault::HalfBody, "bad-answer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_unknown() {
    a_failed_read(Fault::TruncateBody, "bad-answer").await;
}

/// Nothing of the target is read with such credentials.
async fn unusable_credentials(change: impl FnOnce(Bowline) -> Bowline, category: &str, calls: &[&str]) {
    let drifted = Drifted::new().await;
    let bowline = change(drifted.bowline());
    let document = bowline.plan().await.with_code(2).json();
    for (kind, name) in [("Target", "prod"), ("EcsService", "web"), ("Secret", "db")] {
        assert_eq!(unknown(&document, kind, name), category);
    }
    bowline.apply().await.with_code(2);
    let made: BTreeSet<String> = drifted.simulator.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(made, calls.iter().map(|&call| call.to_owned()).collect());
    drifted.recovers(&drifted.bowline()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_credentials_nothing_is_read() {
    let change = |bowline: Bowline| bowline.without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    unusable_credentials(change, "no-credentials", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_expired_credentials_nothing_is_read() {
    let change = |bowline: Bowline| bowline.with("AWS_ACCESS_KEY_ID", "AKIAEXPIRED000000000");
    unusable_credentials(change, "invalid-credentials", &["GetCallerIdentity"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_credentials_of_another_account_nothing_is_read() {
    let change = |bowline: Bowline| bowline.with("AWS_ACCESS_KEY_ID", "444455556666");
    unusable_credentials(change, "wrong-account", &["GetCallerIdentity"]).await;
}

/// Of two targets, only the one whose account it is not is left alone.
#[tokio::test(flavor = "multi_thread")]
async fn another_account_s_target_does_not_hold_up_the_own_one() {
    let drifted = Drifted::new().await;
    let other = target_in("enforce", "444455556666").replace(r#""name": "prod""#, r#""name": "other""#);
    let far =
        service("far", json!({"desiredCount": 1})).replace(r#""target": "prod""#, r#""target": "other""#);
    drifted.remote.commit("Add a target", &[("other.yaml", &other), ("far.yaml", &far)]);
    let bowline = drifted.bowline();
    let document = bowline.apply().await.with_code(2).json();
    assert_eq!(unknown(&document, "EcsService", "far"), "wrong-account");
    assert_eq!(report(&document, "EcsService", "web")["sync"], "in-sync");
    assert_eq!(drifted.world.described("web").await.desired_count, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_repository_is_refused() {
    let drifted = Drifted::new().await;
    let empty = Remote::new();
    let server = empty.serve(None);
    let bowline = Bowline::new(&drifted.simulator.url(), &server.url());
    for verb in ["plan -o json", "apply --yes -o json"] {
        let error = bowline.run(verb).await.with_code(2).json();
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.contains(&server.url()) && message.contains("commit"), "{message}");
    }
    assert_eq!(drifted.simulator.calls(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_does_not_exist_is_refused() {
    let drifted = Drifted::new().await;
    let bowline = drifted.bowline();
    for verb in ["plan --path production -o json", "apply --path production --yes -o json"] {
        let error = bowline.run(verb).await.with_code(2).json();
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.contains("production"), "{message}");
    }
    assert_eq!(drifted.simulator.calls(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_is_a_finding_and_the_rest_goes_on() {
    let drifted = Drifted::new().await;
    drifted.remote.commit("Break the secret", &[("db.yaml", "spec: {unclosed: [\n")]);
    let bowline = drifted.bowline();
    let document = bowline.apply().await.with_code(2).json();
    let findings = document["findings"].as_array().unwrap();
    assert_eq!((findings.len(), &findings[0]["severity"]), (1, &json!("error")), "{document:#}");
    assert_eq!(findings[0]["location"]["path"], "db.yaml", "{document:#}");
    assert_eq!(report(&document, "EcsService", "web")["sync"], "in-sync", "{document:#}");
    assert_eq!(drifted.world.described("web").await.desired_count, 2);
    assert_eq!(drifted.world.current("app/db").await, Some(version(1)));
}

/// What a merge in git names and `bowline.yaml` does not is not even asked who it is; the rest goes on.
#[tokio::test(flavor = "multi_thread")]
async fn outside_the_ceiling_no_call_is_made() {
    const ROLE: &str = "arn:aws:iam::111122223333:role/admin";
    let drifted = Drifted::new().await;
    let bowline = drifted.bowline().with("BOWLINE_LISTEN", &format!("127.0.0.1:{}", free_port()));
    let ceiling = "ceiling:\n  mode: enforce\n  accounts: ['111122223333']\n  roles: ['arn:aws:iam::111122223333:role/bowline']\n";
    std::fs::write(bowline.home().join("bowline.yaml"), ceiling).unwrap();
    let named =
        |target: String, name: &str| target.replace(r#""name": "prod""#, &format!(r#""name": "{name}""#));
    let assuming =
        target("enforce").replace(r#""mode""#, &format!(r#""assumeRole": {{"arn": "{ROLE}"}}, "mode""#));
    let on = |name: &str, target: &str| {
        service(name, json!({"desiredCount": 1}))
            .replace(r#""target": "prod""#, &format!(r#""target": "{target}""#))
    };
    drifted.remote.commit(
        "Reach for more",
        &[
            ("far.yaml", &named(target_in("enforce", "444455556666"), "far")),
            ("far-service.yaml", &on("far-service", "far")),
            ("admin.yaml", &named(assuming, "admin")),
            ("admin-service.yaml", &on("admin-service", "admin")),
        ],
    );
    let what = [("far", "far-service", "444455556666"), ("admin", "admin-service", ROLE)];
    let told = |document: &Value| {
        for (target, service, outside) in what {
            assert_eq!(unknown(document, "EcsService", service), "outside-ceiling");
            let why = &report(document, "Target", target)["unknown"];
            let text = |field: &str| why[field].as_str().unwrap().to_owned();
            assert!(text("message").contains(outside) && text("message").contains("bowline.yaml"), "{why}");
            assert!(text("hint").contains(outside) && text("hint").contains("bowline.yaml"), "{why}");
        }
    };
    let asked_of_prod_only = || {
        let calls = drifted.simulator.calls();
        let made: BTreeSet<&str> = calls.iter().map(|call| call.operation.as_str()).collect();
        assert!(!made.contains("AssumeRole"), "{made:?}");
        let whose = calls.iter().filter(|call| call.operation == "GetCallerIdentity").count();
        assert_eq!(whose, 1, "only that of prod: {made:?}");
        drifted.simulator.clear_calls();
    };

    told(&bowline.plan().await.with_code(2).json());
    asked_of_prod_only();
    let controller = bowline.start("run");
    let status = until("the drift on prod to be healed", || async {
        let status: Value = serde_json::from_str(&bowline.run("status -o json").await.stdout).ok()?;
        let healed = drifted.world.described("web").await.desired_count == 2;
        (healed && status["pass"].is_object()).then_some(status)
    })
    .await;
    drop(controller);
    told(&status);
    asked_of_prod_only();
    let applied = bowline.apply().await.with_code(2).json();
    told(&applied);
    assert_eq!(report(&applied, "EcsService", "web")["sync"], "in-sync");
    asked_of_prod_only();
}
