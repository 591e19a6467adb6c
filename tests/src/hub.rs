//! A simulated AWS and GitHub, a repository there, and Bowline that watches it.

use std::path::{Path, PathBuf};

use bowline_sim::{
    CallRecord, GitHub, GitHubConfig, Permissions, RepositorySettings, Simulator, SimulatorConfig,
};
use git2::Repository;
use serde_json::{Value, json};

use crate::bowline::{Bowline, TIME_SCALE};
use crate::git::commit;
use crate::process::Process;
use crate::until::until;
use crate::world::{World, service, target, task_definition};

/// The repository.
pub const REPOSITORY: &str = "acme/infra";

/// One service that is as git wants it.
pub struct Hub {
    simulator: Simulator,
    /// GitHub.
    pub github: GitHub,
    /// AWS.
    pub world: World,
    /// Bowline, configured but not started.
    pub bowline: Bowline,
    /// Where the repository lies.
    pub path: PathBuf,
}

/// The manifests: a Target, the service `web`, and its task definition.
pub fn files(image: &str) -> Vec<(&'static str, String)> {
    vec![
        ("target.yaml", target("enforce")),
        ("web.yaml", service("web", json!({"taskDefinition": {"file": "web.json"}}))),
        ("web.json", task_definition("web", image)),
    ]
}

/// Commits files on top of `main`.
pub fn put(path: &Path, message: &str, files: &[(&str, String)]) -> String {
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    commit(path, message, &files)
}

impl Hub {
    /// Bowline's `github` has `more` besides where GitHub is and a token. It polls so seldom that no test sees it.
    pub async fn new(more: Value) -> Self {
        let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
        let simulator = Simulator::start(config).await.unwrap();
        let config = GitHubConfig { secondary_limits: false, rate_limit: 100_000, ..GitHubConfig::default() };
        let github = simulator.start_github(config).await.unwrap();
        let path = github.create_repository(REPOSITORY, RepositorySettings::default()).unwrap();
        let token = github.create_token("bowline", Permissions::controller()).unwrap();
        let world = World::new(&simulator.url()).await;
        let revision = world.revision("web", "registry.test/web:1").await;
        world.service("web", &revision, 1).await;
        let url = github.git_url(REPOSITORY);
        let bowline = Bowline::new(&simulator.url(), &url)
            .with("BOWLINE_LISTEN", "127.0.0.1:0")
            .with("BOWLINE_INTERVAL_GIT", "7d")
            .with("BOWLINE_INTERVAL_LIVE", "7d")
            .with("BOWLINE_INTERVAL_SECRETS", "7d")
            .with("BOWLINE_INTERVAL_STATES", "7d");
        std::fs::write(bowline.home().join("token"), &token).unwrap();
        let mut section = json!({"baseUrl": github.url(), "tokenFile": "token", "repository": REPOSITORY});
        section.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let yaml = json!({
            "sources": [{"repo": url, "ref": "main", "auth": {"tokenFile": "token"}}],
            "github": section,
        });
        std::fs::write(bowline.home().join("bowline.yaml"), yaml.to_string()).unwrap();
        put(&path, "As it is", &files("registry.test/web:1"));
        bowline.apply().await.with_code(0);
        let hub = Self { simulator, github, world, bowline, path };
        hub.forget_calls();
        hub
    }

    /// With this environment variable for Bowline.
    #[must_use]
    pub fn with(self, name: &str, value: &str) -> Self {
        Self { bowline: self.bowline.with(name, value), ..self }
    }

    /// Lets Bowline reach GitHub's API at another address.
    pub fn reach_github_by(&self, url: &str) {
        let path = self.bowline.home().join("bowline.yaml");
        let mut yaml: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        yaml["github"]["baseUrl"] = json!(url);
        std::fs::write(path, yaml.to_string()).unwrap();
    }

    /// Starts `bowline run` and waits for its first pass.
    pub async fn run(&self) -> Process {
        let process = self.bowline.start("run");
        until("the first pass", || async { self.status(&process).await["pass"]["number"].as_u64() }).await;
        process
    }

    /// What `bowline status` tells; null while it does not.
    pub async fn status(&self, process: &Process) -> Value {
        let output = process.output();
        let Some((_, rest)) = output.rsplit_once("status at http://") else { return Value::Null };
        let address = rest.split('/').next().unwrap_or_default();
        let told = self.bowline.run(&format!("status -o json --listen {address}")).await;
        serde_json::from_str(&told.stdout).unwrap_or_default()
    }

    /// What AWS was asked, in order.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.simulator.calls()
    }

    /// Forgets what AWS and GitHub were asked.
    pub fn forget_calls(&self) {
        self.simulator.clear_calls();
        self.github.clear_calls();
    }

    /// Makes a branch `name` on top of `main` with these files changed; no content deletes one.
    pub fn branch(&self, name: &str, files: &[(&str, Option<String>)]) -> String {
        let git = Repository::open_bare(&self.path).unwrap();
        let main = git.refname_to_id("refs/heads/main").unwrap();
        let parent = git.find_commit(main).unwrap();
        let mut update = git2::build::TreeUpdateBuilder::new();
        for (path, content) in files {
            match content {
                Some(content) => {
                    let blob = git.blob(content.as_bytes()).unwrap();
                    update.upsert(*path, blob, git2::FileMode::Blob);
                }
                None => {
                    update.remove(*path);
                }
            }
        }
        let tree = update.create_updated(&git, &parent.tree().unwrap()).unwrap();
        let tree = git.find_tree(tree).unwrap();
        let who = git2::Signature::new("Ada", "ada@example.com", &git2::Time::new(1_760_000_100, 0)).unwrap();
        let id = git.commit(None, &who, &who, name, &tree, &[&parent]).unwrap();
        git.reference(&format!("refs/heads/{name}"), id, true, "test").unwrap();
        id.to_string()
    }
}
