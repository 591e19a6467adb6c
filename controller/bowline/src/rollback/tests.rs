//! The loop, turn by turn, on a simulated GitHub with real git and a real store. What passes find out is made up.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bowline_core::name::CommitId;
use bowline_core::preview::Conclusion;
use bowline_core::rollback::machine::{Mergeability, Pull, PullState, Tried};
use bowline_sim::{
    Fault, FaultRule, GitHub as Simulated, GitHubConfig, Permissions, Protection, RepositorySettings,
};
use git2::Repository;
use tempfile::TempDir;

use super::*;
use crate::aws::AwsSettings;
use crate::config::Config;
use crate::engine::git::GitOwner;
use crate::source::github::{Check, Credential, GitHubAuth, GitHubError, GitHubSettings, RepositoryName};
use crate::source::{Committer, GitAuth, GitSettings, GitSource};
use crate::store::Store;

mod due;
mod edge;
mod foreign;
mod holds;
mod kept;
mod renamed;
mod steps;

const REPOSITORY: &str = "acme/infra";
/// The services that the bad commit releases.
const SERVICES: [&str; 2] = ["api", "web"];

/// A branch on which a good commit and a bad one stand, and the loop that looks at it.
struct Site {
    simulated: Simulated,
    path: PathBuf,
    good: CommitId,
    source: GitSource,
    store: Store,
    rollbacks: Loop,
    ada: GitHub,
    /// Whether a message of the loop is still heard: without it, it would wait for ever.
    _scenes: watch::Sender<Option<Arc<Scene>>>,
    _shutdown: tokio_util::sync::DropGuard,
    folder: TempDir,
}

fn name(text: &str) -> ResourceName {
    ResourceName::parse(text).unwrap()
}

/// Where everything runs, and each service with a pinned revision.
fn manifests(revisions: [u32; 2]) -> Vec<(String, String)> {
    let target = "apiVersion: bowline.dev/v1alpha1\nkind: Target\nmetadata: {name: prod}\nspec: {accountId: '111122223333', region: \
                  eu-central-1, cluster: main, mode: enforce}\n";
    let service = |(name, revision): (&str, u32)| {
        let text = format!(
            "apiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata: {{name: {name}}}\nspec:\n  target: prod\n  service: \
             {name}\n  taskDefinition: {{revision: '{name}:{revision}'}}\n  rollback: {{strategy: auto-merge}}\n"
        );
        (format!("{name}.yaml"), text)
    };
    let services = SERVICES.into_iter().zip(revisions).map(service);
    services.chain([("target.yaml".to_owned(), target.to_owned())]).collect()
}

/// Commits files on top of `main`.
fn commit(path: &Path, message: &str, files: &[(String, String)]) -> CommitId {
    let git = Repository::open_bare(path).unwrap();
    let parent = git.find_reference("refs/heads/main").ok().map(|head| head.peel_to_commit().unwrap());
    let before = parent.as_ref().map(|parent| parent.tree().unwrap());
    let mut tree = git.treebuilder(before.as_ref()).unwrap();
    for (name, text) in files {
        tree.insert(name, git.blob(text.as_bytes()).unwrap(), 0o100_644).unwrap();
    }
    let tree = git.find_tree(tree.write().unwrap()).unwrap();
    let who = git2::Signature::new("Ada", "ada@example.com", &git2::Time::new(1_760_000_000, 0)).unwrap();
    let parents: Vec<_> = parent.iter().collect();
    let id = git.commit(Some("refs/heads/main"), &who, &who, message, &tree, &parents).unwrap();
    CommitId::parse(&id.to_string()).unwrap()
}

/// Who speaks with GitHub.
fn client(simulated: &Simulated, login: &str, clock: &Clock) -> GitHub {
    client_with(simulated, login, clock, BTreeSet::new())
}

/// Who speaks with GitHub, and asks these people for reviews.
fn client_with(simulated: &Simulated, login: &str, clock: &Clock, reviewers: BTreeSet<String>) -> GitHub {
    let token = simulated.create_token(login, Permissions::owner()).unwrap();
    let settings = GitHubSettings {
        base_url: simulated.url(),
        repository: RepositoryName::parse(REPOSITORY).unwrap(),
        auth: GitHubAuth::Token(Credential::Value(token.into())),
        labels: BTreeSet::new(),
        reviewers,
    };
    GitHub::new(settings, clock.clone())
}

impl Site {
    async fn new() -> Self {
        let simulated = Simulated::start(GitHubConfig::default()).await.unwrap();
        let settings = RepositorySettings {
            allow_auto_merge: true,
            mergeability_takes_a_moment: false,
            ..RepositorySettings::default()
        };
        let path = simulated.create_repository(REPOSITORY, settings).unwrap();
        let good = commit(&path, "As it is", &manifests([1, 1]));
        commit(&path, "Release two", &manifests([2, 2]));
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::real();
        let settings = |mirror: &str| GitSettings {
            repo: path.display().to_string(),
            reference: "main".to_owned(),
            path: String::new(),
            auth: GitAuth::None,
            mirror: folder.path().join(mirror),
        };
        let shutdown = CancellationToken::new();
        let (_, applied) = watch::channel(BTreeSet::new());
        let (owner, git) = GitOwner::new(
            GitSource::new(settings("heads")),
            clock.clone(),
            Duration::from_hours(1),
            applied,
            shutdown.clone(),
        );
        tokio::spawn(owner.run());
        let aws = AwsSettings {
            endpoint_url: Some("http://127.0.0.1:9".to_owned()),
            clock: clock.clone(),
            limits: false,
            task_definition_cache: None,
        };
        let store = Store::in_memory().await.unwrap();
        let committer =
            Committer { name: "Bowline".to_owned(), email: "b@example.com".to_owned(), signing_key: None };
        let tools = Tools {
            writer: GitWriter::new(settings("mirror"), committer),
            github: Some(Arc::new(client(&simulated, "bowline", &clock))),
            instance: InstanceName::default(),
            strategy: RollbackStrategy::AutoMerge,
            git,
            aws: Aws::new(aws).await,
            store: store.rollbacks(),
            clock: clock.clone(),
        };
        let (scenes, seen) = watch::channel(None);
        let (publish, _) = watch::channel(Arc::new(Status::starting(&Config::default(), clock.now())));
        let (_, touched) = mpsc::channel(1);
        let rollbacks = Loop::new(tools, seen, touched, publish).await.unwrap();
        Self {
            ada: client(&simulated, "ada", &clock),
            source: GitSource::new(settings("mirror")),
            simulated,
            path,
            good,
            store,
            rollbacks,
            _scenes: scenes,
            _shutdown: shutdown.drop_guard(),
            folder,
        }
    }

    /// What a pass finds now, in which these services failed.
    async fn scene(&mut self, failed: &[&str]) -> Scene {
        let snapshot = self.source.sync(self.rollbacks.now(), &BTreeSet::new()).await.unwrap();
        let good = |_: &str| {
            let good = GoodSpec { commit: self.good.clone(), revision: None, content: None };
            [Some(good), None]
        };
        let failure = |text: &&str| {
            let failed = FailedService {
                spec_hash: SpecHash(format!("{text}-2")),
                reason: "rolled back by ECS: tasks failed to start".to_owned(),
                tried: Some(Tried { began: Timestamp::UNIX_EPOCH, deployment: Some("1".to_owned()) }),
                failed_at: None,
                in_storm: false,
                strategy: RollbackStrategy::AutoMerge,
                may_register: true,
                attempt: Vec::new(),
                evidence: None,
                differences: Vec::new(),
                good: good(text),
                runs: None,
            };
            (name(text), failed)
        };
        Scene {
            snapshot: Arc::new(snapshot),
            fresh: true,
            reports: Arc::default(),
            not_moved_back: BTreeMap::new(),
            failed: failed.iter().map(failure).collect(),
            strategies: SERVICES.map(|text| (name(text), RollbackStrategy::AutoMerge)).into(),
            observed: BTreeSet::new(),
            acted_from: Vec::new(),
            outage: None,
        }
    }

    /// One turn of the loop, when every rollback is due again.
    async fn turn(&mut self, scene: &Scene) -> Result<(), StoreError> {
        let now = self.rollbacks.now();
        for rollback in self.rollbacks.known.values_mut() {
            rollback.look_at = now;
        }
        self.rollbacks.turn(scene).await
    }

    /// Lets time pass, as far as rollbacks remember it.
    fn pass(&mut self, seconds: i64) {
        let by = jiff::SignedDuration::from_secs(seconds);
        for rollback in self.rollbacks.known.values_mut() {
            rollback.opened_at -= by;
            rollback.entered_at -= by;
            rollback.look_at -= by;
            rollback.changed_at = rollback.changed_at.map(|at| at - by);
        }
    }

    /// The pull requests, oldest first, each as it is shown alone.
    async fn pulls(&self) -> Vec<Pull> {
        let mut pulls = Vec::new();
        for pull in self.ada.newest_pulls().await.unwrap().into_iter().rev() {
            pulls.push(self.ada.pull(pull.number).await.unwrap());
        }
        pulls
    }

    async fn states(&self) -> Vec<PullState> {
        self.pulls().await.into_iter().map(|pull| pull.state).collect()
    }

    /// The states of all rollbacks, by their numbers.
    fn known(&self) -> Vec<State> {
        self.rollbacks.known.values().map(|known| known.state).collect()
    }

    fn only(&self) -> &Rollback {
        let mut all = self.rollbacks.known.values();
        let (Some(only), None) = (all.next(), all.next()) else { panic!("{:?}", self.rollbacks.known) };
        only
    }

    /// How often something was written at GitHub.
    fn writes(&self) -> usize {
        let calls = self.simulated.calls();
        let writes = |operation: &str| !operation.starts_with("GET ") && operation != "git-upload-pack";
        calls.iter().filter(|call| call.service == "github" && writes(&call.operation)).count()
    }

    /// The commits of which something was said by a commit status, in that order.
    fn convicted(&self) -> Vec<String> {
        let calls = self.simulated.calls().into_iter();
        let said = calls.filter(|call| call.operation == "POST /repos/{owner}/{repo}/statuses/{sha}");
        said.filter_map(|call| Some(call.resource?.rsplit_once('/')?.1.to_owned())).collect()
    }

    /// What the history tells of this kind, newest first.
    async fn told(&self, kind: &str) -> Vec<String> {
        let told = self.store.history().newest(None, 50).await.unwrap().into_iter();
        told.filter(|entry| entry.kind == kind).map(|entry| entry.message).collect()
    }

    /// Somebody has only so many calls left in this hour.
    fn leave(&self, login: &str, calls: u32) {
        let token = self.simulated.create_token(login, Permissions::owner()).unwrap();
        self.simulated.leave(&token, calls).unwrap();
    }

    fn protect(&self, protection: Option<Protection>) {
        self.simulated.protect(REPOSITORY, "main", protection).unwrap();
    }

    /// What a required check says of a commit.
    async fn ci(&self, commit: &CommitId) {
        let check = Check {
            context: "ci".to_owned(),
            conclusion: Conclusion::Success,
            title: "CI".to_owned(),
            summary: "fine".to_owned(),
            url: None,
        };
        self.ada.report(commit, &check).await.unwrap();
    }
}

fn checked(strict: bool) -> Protection {
    Protection { required_checks: vec!["ci".to_owned()], strict, ..Protection::default() }
}

fn open(mergeability: Mergeability, auto_merge: bool) -> PullState {
    PullState::Open { mergeability, auto_merge }
}
