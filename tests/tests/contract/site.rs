//! Where one case takes place: a cluster of its own, a client of Bowline's, and a desired state.

use std::collections::BTreeMap;

use bowline::aws::Aws;
use bowline::execute::execute;
use bowline::observe::{self, Scope};
use bowline::source::folder;
use bowline_core::desired::{DesiredState, ResourceKey, ResourceKind};
use bowline_core::live::{Live, LiveService, Observed, UnknownCategory};
use bowline_core::name::{ResourceName, ServiceName, TaskDefinitionArn};
use bowline_core::plan::{Action, Expectation, Memory, Need, Operation, Outcome, Wave, Whose, due_seldom};
use bowline_tests::aws::bowlines;
use bowline_tests::register::anything;
use bowline_tests::servers::ACCOUNT;
use bowline_tests::world::{World, secret, service, target_in};
use jiff::Timestamp;
use serde_json::json;

/// A server.
pub(super) struct Endpoint {
    pub(super) url: String,
    /// A subnet and a security group, where the server looks whether they exist.
    pub(super) network: Option<[String; 2]>,
}

pub(super) struct Site {
    pub(super) world: World,
    aws: Aws,
    /// Tells this case's things from those of others on the same server.
    pub(super) id: String,
    manifests: Vec<String>,
    files: Vec<(String, String)>,
}

pub(super) fn name(text: &str) -> ResourceName {
    ResourceName::parse(text).unwrap()
}

pub(super) fn revision(arn: &str) -> TaskDefinitionArn {
    TaskDefinitionArn::parse(arn).unwrap()
}

/// The value, which must be known.
pub(super) fn known<T: Clone + std::fmt::Debug>(observed: Option<&Observed<T>>) -> T {
    match observed {
        Some(Observed::Known { value, .. }) => value.clone(),
        other => panic!("not known: {other:?}"),
    }
}

/// The category of what must be unknown.
pub(super) fn unknown<T: std::fmt::Debug>(observed: Option<&Observed<T>>) -> UnknownCategory {
    match observed {
        Some(Observed::Unknown { why }) => why.category,
        other => panic!("not unknown: {other:?}"),
    }
}

/// The service exactly as it is now.
pub(super) fn as_found(service: &LiveService) -> Expectation {
    Expectation::Service {
        owner: bowline_core::plan::owner(service).map(str::to_owned),
        task_definition: service.task_definition.clone(),
        primary_deployment: service.primary().map(|primary| primary.id.clone()),
        desired_count: service.desired_count,
        settings: BTreeMap::new(),
    }
}

/// The newest revision is this one, and `web` is nobody's.
pub(super) fn newest(arn: Option<TaskDefinitionArn>) -> Expectation {
    Expectation::NewestRevision { arn, whose: nobodys() }
}

/// `web` is nobody's.
pub(super) fn nobodys() -> Whose {
    Whose { target: name("prod"), service: ServiceName::parse("web").unwrap(), owner: None }
}

impl Site {
    pub(super) async fn new(endpoint: &Endpoint, number: usize) -> Self {
        let id = format!("c{number:02}");
        let mut world = World::in_cluster(&endpoint.url, &id).await;
        if let Some(network) = &endpoint.network {
            world = world.in_network(network.clone());
        }
        let aws = bowlines(&endpoint.url).await;
        let mut site = Self { world, aws, id, manifests: Vec::new(), files: Vec::new() };
        site.live_on(ACCOUNT);
        site
    }

    /// Puts the Target into this account.
    pub(super) fn live_on(&mut self, account: &str) {
        let target = target_in("enforce", account)
            .replace(r#""cluster": "main""#, &format!(r#""cluster": "{}""#, self.id));
        self.manifests.retain(|manifest| !manifest.contains(r#""kind": "Target""#));
        self.manifests.push(target);
    }

    /// Adds a manifest.
    pub(super) fn want(&mut self, manifest: String) {
        self.manifests.push(manifest);
    }

    /// Adds a service to git that may or may not exist.
    pub(super) fn want_service(&mut self, name: &str) {
        self.want(service(name, json!({"desiredCount": 2})));
    }

    /// The service `web` is to run this file.
    pub(super) fn want_file(&mut self, file: &serde_json::Value) {
        self.manifests.retain(|manifest| !manifest.contains(r#""kind": "EcsService""#));
        self.want(service("web", json!({"taskDefinition": {"file": "web.json"}})));
        self.files.push(("web.json".to_owned(), file.to_string()));
    }

    /// Adds the secret [`Site::secret_id`] to git, as `db`.
    pub(super) fn want_secret(&mut self, version: &str) {
        self.want(secret("db", &self.secret_id(), version));
    }

    pub(super) fn secret_id(&self) -> String {
        format!("app/{}", self.id)
    }

    /// A family of this case.
    pub(super) fn family(&self) -> String {
        format!("web-{}", self.id)
    }

    /// A service `web` with two tasks of revision 1, in git and live; gives the revision's ARN.
    pub(super) async fn with_service(&mut self) -> String {
        let arn = self.world.revision(&self.family(), "registry.test/web:1").await;
        self.world.service("web", &arn, 2).await;
        self.want_service("web");
        arn
    }

    pub(super) fn desired(&self) -> DesiredState {
        let folder = tempfile::tempdir().unwrap();
        for (number, manifest) in self.manifests.iter().enumerate() {
            std::fs::write(folder.path().join(format!("{number}.yaml")), manifest).unwrap();
        }
        for (name, text) in &self.files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let (state, findings) = folder::read(folder.path()).unwrap();
        assert!(findings.is_empty(), "{}", serde_json::to_string(&findings).unwrap());
        state
    }

    pub(super) async fn observe(&self, previous: Option<&Live>) -> Live {
        observe::observe(&self.aws, &self.desired(), &anything(), previous, Scope::ALL).await
    }

    /// What is due when only services are.
    pub(super) async fn observe_services(&self, previous: &Live) -> Live {
        let services = Scope { secrets: false, states: false, all_tags: false, ..Scope::ALL };
        observe::observe(&self.aws, &self.desired(), &anything(), Some(previous), services).await
    }

    /// The service `web`.
    pub(super) async fn web(&self) -> LiveService {
        known(self.observe(None).await.services.get(&name("web"))).as_ref().clone()
    }

    /// Everything of the hot pass, and the answer to one more question.
    pub(super) async fn read(&self, need: Need) -> Live {
        let desired = self.desired();
        let mut live = observe::observe(&self.aws, &desired, &anything(), None, Scope::ALL).await;
        observe::read(&self.aws, &desired, &mut live, &[need].into()).await;
        live
    }

    /// Everything of the hot pass, and what is read seldom.
    pub(super) async fn look(&self) -> Live {
        let desired = self.desired();
        let mut live = observe::observe(&self.aws, &desired, &anything(), None, Scope::ALL).await;
        let due = due_seldom(&desired, &live, &Memory::default(), Timestamp::now());
        observe::read_seldom(&self.aws, &desired, &mut live, due, Scope::ALL).await;
        live
    }

    /// Attempts an action on `EcsService/web`, or on whatever the operation names.
    pub(super) async fn execute(&self, operation: Operation, expect: Expectation) -> Outcome {
        let resource = ResourceKey { kind: ResourceKind::EcsService, name: name("web") };
        let action = Action {
            target: name("prod"),
            resource,
            operation,
            expect,
            wave: Wave::Services,
            because: Vec::new(),
        };
        execute(&self.aws, &self.desired(), &action).await
    }
}
