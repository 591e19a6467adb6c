//! A commit that changes nothing but the version of a secret, and that its reader does not bear.

use bowline_sim::{Simulator, SimulatorConfig};
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::git::{GitHttp, Remote};
use bowline_tests::patient::Patient;
use bowline_tests::process::Process;
use bowline_tests::until::until;
use bowline_tests::world::{World, secret, service, target, task_definition, version};
use git2::Repository;
use serde_json::{Value, json};

use super::status;

/// `web` reads `db`, is probed, and runs as git wants it.
struct Reader {
    _simulator: Simulator,
    world: World,
    remote: Remote,
    patient: Patient,
    bowline: Bowline,
    _server: GitHttp,
    /// `rollback` of the Secret.
    policy: &'static str,
}

impl Reader {
    async fn new(policy: &'static str) -> Self {
        let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
        let simulator = Simulator::start(config).await.unwrap();
        let world = World::new(&simulator.url()).await;
        let revision = world.revision("web", "registry.test/web:1").await;
        world.service("web", &revision, 1).await;
        world.secret("app/db", 2).await;
        let remote = Remote::new();
        let server = remote.serve_for_pushes();
        let bowline = Bowline::new(&simulator.url(), &server.url()).with("BOWLINE_LISTEN", "127.0.0.1:0");
        let yaml = json!({"ceiling": {"mode": "enforce", "probeHosts": ["127.0.0.1"]}});
        std::fs::write(bowline.home().join("bowline.yaml"), yaml.to_string()).unwrap();
        let patient = Patient::healthy().await;
        Self { _simulator: simulator, world, remote, patient, bowline, _server: server, policy }
    }

    fn commit(&self, message: &str, pin: u8) -> String {
        let spec = json!({
            "taskDefinition": {"file": "web.json"}, "secrets": ["db"], "rollout": {"deadline": "5m"},
            "health": [{"http": {"url": self.patient.url("/healthz")}, "interval": "10s", "successes": 2}],
        });
        let mut db: Value = serde_json::from_str(&secret("db", "app/db", &version(pin))).unwrap();
        db["spec"]["rollback"] = json!(self.policy);
        let files = [
            ("target.yaml", target("enforce")),
            ("web.yaml", service("web", spec)),
            ("web.json", task_definition("web", "registry.test/web:1")),
            ("db.yaml", db.to_string()),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        self.remote.commit(message, &files)
    }

    /// The rollback that follows a commit whose tasks fall sick, once its branch is merged.
    async fn rolled_back(&self, process: &Process) -> Value {
        let bad = self.commit("Rotate the password", 2);
        until("new tasks", || async { (self.world.deployments("web").await > 1).then_some(()) }).await;
        self.patient.fall_sick();
        let stuck = until("the branch", || async { rollback(process, "needs-person").await }).await;
        assert_eq!(stuck["badCommit"], json!(bad), "{stuck:#}");
        assert_eq!(self.world.current("app/db").await, Some(version(2)));
        self.patient.recover();
        let git = Repository::open_bare(self.remote.path()).unwrap();
        let branch = stuck["branch"].as_str().unwrap_or_else(|| panic!("{stuck:#}"));
        let tip = git.refname_to_id(&format!("refs/heads/{branch}")).unwrap();
        git.reference("refs/heads/main", tip, true, "merged by hand").unwrap();
        assert!(self.remote.file("db.yaml").contains(&version(1)));
        stuck
    }

    async fn run(&self) -> Process {
        self.commit("As it is", 1);
        let process = self.bowline.start("run");
        until("everything in sync and healthy", || async {
            let status = status(&process).await;
            let resources = status["resources"].as_array()?;
            let in_sync = resources.iter().all(|resource| resource["sync"] == "in-sync");
            let web = resources.iter().find(|resource| resource["resource"]["name"] == "web")?;
            (in_sync && web["health"][0]["healthy"] == true).then_some(())
        })
        .await;
        process
    }
}

/// The only rollback, if it is in this state.
async fn rollback(process: &Process, state: &str) -> Option<Value> {
    let status = status(process).await;
    let [only] = status["rollbacks"].as_array()?.as_slice() else { return None };
    (only["state"] == state).then(|| only.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_changes_only_a_secret_is_rolled_back_with_its_label() {
    let site = Reader::new("label").await;
    let process = site.run().await;
    site.rolled_back(&process).await;
    until("the end", || async { rollback(&process, "verified").await }).await;
    assert_eq!(site.world.current("app/db").await, Some(version(1)));
    assert_eq!(site.bowline.plan().await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_whose_label_stays_is_told_and_its_rollback_is_not_called_verified() {
    let site = Reader::new("refuse").await;
    let process = site.run().await;
    site.rolled_back(&process).await;
    let why = format!(
        "Secret/db is not where git wants it: AWSCURRENT stays on {}, which is newer than the pinned version: a label that is \
         moved back does not change the credential at its issuer; `rollback: label` in its manifest lets Bowline move it",
        version(2)
    );
    until("the reason", || async {
        rollback(&process, "merged").await.filter(|rollback| rollback["why"] == json!(why))
    })
    .await;
    assert_eq!(site.world.current("app/db").await, Some(version(2)));
    // A person says that the older one still works.
    let label = Reader { policy: "label", ..site };
    label.commit("Let the label go back", 1);
    until("the end", || async { rollback(&process, "verified").await }).await;
    assert_eq!(label.world.current("app/db").await, Some(version(1)));
}
