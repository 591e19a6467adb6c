//! A bad commit, and what leaves git and live equal again: on a simulated AWS and a simulated GitHub with real git, by the built
//! binary.

mod again;
mod by_hand;
mod faults;
mod judged;
mod machine;
mod secret;
mod seldom;
mod trouble;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use bowline::clock::Clock;
use bowline::source::github::{Credential, GitHub as Client, GitHubAuth, GitHubSettings, RepositoryName};
use bowline_core::rollback::machine::{Mergeability, Pull, PullState};
use bowline_sim::{
    GitHub, GitHubApp, GitHubConfig, Permissions, Protection, RepositorySettings, Simulator, SimulatorConfig,
};
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::git::commit;
use bowline_tests::process::Process;
use bowline_tests::servers::Server;
use bowline_tests::until::until;
use bowline_tests::world::{World, service, target, task_definition};
use git2::Repository;
use serde_json::{Value, json};

const REPOSITORY: &str = "acme/infra";

/// A service that is as git wants it, and then a commit with an image that crashes.
struct Site {
    _simulator: Simulator,
    github: GitHub,
    world: World,
    bowline: Bowline,
    path: PathBuf,
    /// Bowline's token, which lies in the file `token` of its home.
    token: String,
    bad_commit: String,
    ada: Client,
}

/// How a site is set up.
struct SetUp {
    strategy: &'static str,
    mode: &'static str,
    github: bool,
    protection: Option<Protection>,
    /// Whether git pins revisions, instead of holding their content.
    pinned: bool,
    /// How many times faster than real time it runs.
    time_scale: f64,
}

impl Default for SetUp {
    fn default() -> Self {
        Self {
            strategy: "pull-request",
            mode: "enforce",
            github: true,
            protection: None,
            pinned: false,
            time_scale: TIME_SCALE,
        }
    }
}

impl SetUp {
    fn auto_merge() -> Self {
        Self { strategy: "auto-merge", ..Self::default() }
    }
}

/// As [`files`], with a pinned revision.
fn pinning(mode: &str, strategy: &str, revision: &str) -> Vec<(&'static str, String)> {
    let spec = json!({"taskDefinition": {"revision": revision}, "rollback": {"strategy": strategy}});
    vec![("target.yaml", target(mode)), ("web.yaml", service("web", spec))]
}

fn files(mode: &str, strategy: &str, image: &str) -> Vec<(&'static str, String)> {
    let spec = json!({"taskDefinition": {"file": "web.json"}, "rollback": {"strategy": strategy}});
    vec![
        ("target.yaml", target(mode)),
        ("web.yaml", service("web", spec)),
        ("web.json", task_definition("web", image)),
    ]
}

fn put(path: &Path, message: &str, files: &[(&str, String)]) -> String {
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    commit(path, message, &files)
}

/// The status as the listener of a controller tells it; null while it does not.
async fn status(process: &Process) -> Value {
    let output = process.output();
    let Some((_, rest)) = output.rsplit_once("status at http://") else { return Value::Null };
    let address = rest.split('/').next().unwrap_or_default();
    let url = format!("http://{address}/api/v1/status");
    let ask = move || ureq::get(&url).call().ok()?.body_mut().read_to_string().ok();
    let told = tokio::task::spawn_blocking(ask).await.unwrap();
    told.and_then(|told| serde_json::from_str(&told).ok()).unwrap_or_default()
}

impl Site {
    async fn new(set_up: SetUp) -> Self {
        let SetUp { time_scale, .. } = set_up;
        let simulator =
            Simulator::start(SimulatorConfig { time_scale, ..SimulatorConfig::default() }).await.unwrap();
        let config = GitHubConfig { secondary_limits: false, rate_limit: 100_000, ..GitHubConfig::default() };
        let github = simulator.start_github(config).await.unwrap();
        let settings = RepositorySettings { allow_auto_merge: true, ..RepositorySettings::default() };
        let path = github.create_repository(REPOSITORY, settings).unwrap();
        let token = github.create_token("bowline", Permissions::controller()).unwrap();
        let ada = github.create_token("ada", Permissions::owner()).unwrap();
        let ada = Client::new(
            GitHubSettings {
                base_url: github.url(),
                repository: RepositoryName::parse(REPOSITORY).unwrap(),
                auth: GitHubAuth::Token(Credential::Value(ada.into())),
                labels: BTreeSet::new(),
                reviewers: BTreeSet::new(),
            },
            Clock::real(),
        );
        let world = World::new(&simulator.url()).await;
        let revision = world.revision("web", "registry.test/web:1").await;
        world.service("web", &revision, 1).await;
        let url = github.git_url(REPOSITORY);
        let bowline = Bowline::new(&simulator.url(), &url)
            .with("BOWLINE_LISTEN", "127.0.0.1:0")
            .with("BOWLINE_TIME_SCALE", &time_scale.to_string());
        std::fs::write(bowline.home().join("token"), &token).unwrap();
        let mut yaml = json!({"sources": [{"repo": url, "ref": "main", "auth": {"tokenFile": "token"}}]});
        if set_up.github {
            yaml["github"] = json!({
                "baseUrl": github.url(), "tokenFile": "token", "labels": ["rollback"], "reviewers": ["ada"],
            });
        }
        std::fs::write(bowline.home().join("bowline.yaml"), yaml.to_string()).unwrap();
        let SetUp { mode, strategy, .. } = set_up;
        let [good, bad] = if set_up.pinned {
            world.revision("web", "registry.test/crash:2").await;
            [pinning("enforce", strategy, "web:1"), pinning(mode, strategy, "web:2")]
        } else {
            let [good, bad] = ["registry.test/web:1", "registry.test/crash:2"];
            [files("enforce", strategy, good), files(mode, strategy, bad)]
        };
        put(&path, "As it is", &good);
        bowline.apply().await.with_code(0);
        github.protect(REPOSITORY, "main", set_up.protection).unwrap();
        let bad_commit = put(&path, "Release web 2", &bad);
        github.clear_calls();
        Self { _simulator: simulator, github, world, bowline, path, token, bad_commit, ada }
    }

    /// Changes Bowline's own configuration.
    fn configure(&self, change: impl FnOnce(&mut Value)) {
        let path = self.bowline.home().join("bowline.yaml");
        let mut yaml = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        change(&mut yaml);
        std::fs::write(path, yaml.to_string()).unwrap();
    }

    /// Puts Prism between Bowline and GitHub's API. Git is not part of that.
    async fn judge(&self) -> Server {
        let prism = Server::prism(&self.github.url()).await;
        // Whether it was ready was asked of GitHub, too.
        self.github.clear_calls();
        self.configure(|yaml| yaml["github"]["baseUrl"] = json!(prism.url));
        prism
    }

    /// Lets Bowline be a GitHub App, instead of having a token; gives its installation.
    fn be_an_app(&self, permissions: Permissions) -> u64 {
        let path = |name: &str| self.bowline.home().join(name).display().to_string();
        let openssl = |arguments: &[&str]| {
            let output = Command::new("openssl").args(arguments).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        openssl(&["genrsa", "-traditional", "-out", &path("app.pem"), "2048"]);
        openssl(&["rsa", "-in", &path("app.pem"), "-pubout", "-out", &path("app.pub")]);
        self.allow_the_app(permissions);
        self.configure(|yaml| {
            yaml["sources"][0]["auth"] = json!({"github": true});
            let github = yaml["github"].as_object_mut().unwrap();
            github.remove("tokenFile");
            github.insert("app".to_owned(), json!({"id": 7, "privateKeyFile": "app.pem"}));
        });
        self.github.install_app(7, "acme", &[REPOSITORY]).unwrap()
    }

    /// Says what the App may do from now on.
    fn allow_the_app(&self, permissions: Permissions) {
        let public_key = std::fs::read_to_string(self.bowline.home().join("app.pub")).unwrap();
        let (slug, owner) = ("bowline".to_owned(), "acme".to_owned());
        self.github.register_app(GitHubApp { id: 7, slug, owner, public_key, permissions }).unwrap();
    }

    /// Every operation of GitHub's API and of git there that Bowline called, once each.
    fn operations(&self) -> BTreeSet<String> {
        let calls = self.github.calls().into_iter();
        let own = calls.filter(|call| call.service == "github" && call.account != "ada");
        own.map(|call| call.operation).collect()
    }

    fn run(&self) -> Process {
        self.bowline.start("run")
    }

    /// The image that web is to run.
    async fn image(&self) -> String {
        let web = self.world.described("web").await;
        self.world.image(web.task_definition().unwrap()).await
    }

    /// The pull requests, newest first.
    async fn pulls(&self) -> Vec<Pull> {
        // A test may have put faults in the way, which are not meant for Ada.
        self.ada.newest_pulls().await.unwrap_or_default()
    }

    async fn pull(&self) -> Pull {
        until("a pull request", || async { self.pulls().await.into_iter().next() }).await
    }

    /// The rollbacks, as Bowline's own listener tells them: `bowline status` prints the same, and costs a process.
    async fn rollbacks(&self, process: &Process) -> Vec<Value> {
        let document = status(process).await;
        document["rollbacks"].as_array().cloned().unwrap_or_default()
    }

    /// What `bowline history` tells.
    async fn history(&self, process: &Process) -> String {
        let output = process.output();
        let Some((_, rest)) = output.rsplit_once("status at http://") else { return String::new() };
        let address = rest.split('/').next().unwrap_or_default();
        self.bowline.run(&format!("history --listen {address}")).await.stdout
    }

    /// Waits until the one rollback is in this state.
    async fn reaches(&self, process: &Process, state: &str) -> Value {
        until(format!("the state {state} of the rollback"), || async {
            let rollbacks = self.rollbacks(process).await;
            let [only] = rollbacks.as_slice() else { return None };
            (only["state"] == state).then(|| only.clone())
        })
        .await
    }

    /// The messages of the commits that are on `main`, newest first, merges left out.
    fn log(&self) -> Vec<String> {
        let git = Repository::open_bare(&self.path).unwrap();
        let mut walk = git.revwalk().unwrap();
        walk.push_ref("refs/heads/main").unwrap();
        let commits = walk.map(|id| git.find_commit(id.unwrap()).unwrap());
        let own = commits.filter(|commit| commit.parent_count() < 2);
        own.map(|commit| commit.summary().unwrap().unwrap().to_owned()).collect()
    }

    /// A file as `main` has it.
    fn file(&self, path: &str) -> String {
        let git = Repository::open_bare(&self.path).unwrap();
        let blob = git.revparse_single(&format!("main:{path}")).unwrap().peel_to_blob().unwrap();
        String::from_utf8_lossy(blob.content()).into_owned()
    }

    fn branches(&self) -> Vec<String> {
        let git = Repository::open_bare(&self.path).unwrap();
        let all = git.references_glob("refs/heads/bowline/*").unwrap();
        all.map(|reference| reference.unwrap().shorthand().unwrap().to_owned()).collect()
    }

    /// Git says once more what live is, and there is nothing left to do.
    async fn is_equal(&self, case: &str) {
        assert_eq!(self.log(), ["Revert \"Release web 2\"", "Release web 2", "As it is"], "{case}");
        assert_eq!(self.image().await, "registry.test/web:1", "{case}");
        let plan = self.bowline.plan().await;
        assert_eq!(plan.code, 0, "{case}: {plan}");
        let pulls = self.pulls().await;
        assert_eq!(pulls.iter().map(|pull| pull.state).collect::<Vec<_>>(), [PullState::Merged], "{case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_merges_the_revert_and_git_and_live_are_equal() {
    let site = Site::new(SetUp::default()).await;
    let process = site.run();
    let waiting = site.reaches(&process, "pull-request").await;
    let pull = site.pull().await;
    assert_eq!(waiting["pullRequest"], json!(pull.url));
    assert_eq!(site.branches(), std::slice::from_ref(&pull.branch));
    for part in [
        "The deployment of `web` failed.",
        "**Verdict:** bad: rolled back by ECS",
        "Tasks that stopped",
        "EssentialContainerExited: Essential container in task exited; web exited with 1",
        "What ECS said since it began",
        "What the deployment changed, values by their length",
        "revision web:2",
        "### To release it again",
        "Revert this revert",
        "Bowline-Retry: ",
        "Bowline-Resource: EcsService/web",
    ] {
        assert!(pull.body.contains(part), "{part} is not in\n{}", pull.body);
    }
    assert!(!pull.body.contains("registry.test/web:1\""), "{}", pull.body);
    site.ada.merge(pull.number, &pull.head, "").await.unwrap();
    site.reaches(&process, "verified").await;
    site.is_equal("merged by Ada").await;
    let history = site.history(&process).await;
    for kind in ["rollback-begun", "rollback-step", "rollback-done"] {
        assert!(history.contains(kind), "{kind} is not in\n{history}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bowline_merges_the_revert_where_it_may() {
    let site = Site::new(SetUp::auto_merge()).await;
    let process = site.run();
    site.reaches(&process, "verified").await;
    site.is_equal("merged by Bowline").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_check_is_required_github_merges_it_once_that_passes() {
    let rules = Protection { required_checks: vec!["ci".to_owned()], ..Protection::default() };
    let site = Site::new(SetUp { protection: Some(rules), ..SetUp::auto_merge() }).await;
    let process = site.run();
    let blocked = PullState::Open { mergeability: Mergeability::Blocked, auto_merge: true };
    until("auto-merge", || async {
        let pull = site.pulls().await.into_iter().next()?;
        let pull = site.ada.pull(pull.number).await.ok()?;
        (pull.state == blocked).then_some(())
    })
    .await;
    site.github.protect(REPOSITORY, "main", None).unwrap();
    site.reaches(&process, "verified").await;
    site.is_equal("merged by GitHub").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_good_revision_that_is_inactive_is_registered_again_and_pinned() {
    let site = Site::new(SetUp { pinned: true, ..SetUp::auto_merge() }).await;
    site.world.clients.ecs.deregister_task_definition().task_definition("web:1").send().await.unwrap();
    let process = site.run();
    site.reaches(&process, "verified").await;
    site.is_equal("registered again").await;
    let web = site.world.described("web").await;
    assert!(web.task_definition().unwrap().ends_with("/web:3"), "{web:?}");
    assert!(site.file("web.yaml").contains("web:3"), "{}", site.file("web.yaml"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_closed_stays_quarantined() {
    let site = Site::new(SetUp::default()).await;
    let mut process = site.run();
    let pull = site.pull().await;
    site.ada.close(pull.number).await.unwrap();
    let closed = site.reaches(&process, "closed").await;
    assert_eq!(closed["pullRequest"], json!(pull.url));
    process.kill();
    let deployments = site.world.deployments("web").await;
    for forgotten in [false, true] {
        if forgotten {
            site.bowline.forget();
        }
        let mut process = site.run();
        site.reaches(&process, "closed").await;
        assert_eq!(site.pulls().await.len(), 1, "forgotten: {forgotten}");
        assert_eq!(site.world.deployments("web").await, deployments, "forgotten: {forgotten}");
        process.kill();
    }
    assert_eq!(site.log(), ["Release web 2", "As it is"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_github_the_branch_is_pushed_and_a_person_told() {
    let site = Site::new(SetUp { github: false, ..SetUp::default() }).await;
    let process = site.run();
    let waiting = site.reaches(&process, "needs-person").await;
    let branch = waiting["branch"].as_str().unwrap();
    assert_eq!(site.branches(), [branch]);
    let why = format!(
        "the revert is on the branch {branch}, and no `github` is configured to open a pull request: merge it by hand"
    );
    assert_eq!(waiting["why"], json!(why));
    let git = Repository::open_bare(&site.path).unwrap();
    let tip = git.refname_to_id(&format!("refs/heads/{branch}")).unwrap();
    git.reference("refs/heads/main", tip, true, "merged by hand").unwrap();
    site.reaches(&process, "verified").await;
    assert_eq!(site.log(), ["Revert \"Release web 2\"", "Release web 2", "As it is"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_strategy_none_nothing_is_pushed() {
    let site = Site::new(SetUp { strategy: "none", ..SetUp::default() }).await;
    let process = site.run();
    until("the quarantine", || async {
        let history = site.history(&process).await;
        history.contains("rolled-back-by-ecs").then_some(())
    })
    .await;
    assert_eq!(site.rollbacks(&process).await, Vec::<Value>::new());
    assert_eq!(site.branches(), Vec::<String>::new());
}
