//! A small world for tests: one target, services, secrets, and answers to what a plan needs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::desired::kind::{
    Capability, Constraints, EcsService, HealthCheck, HealthCondition, Mode, Rollout, Secret, SecretRollback,
    ServiceSettings, Suspension, Target, TaskDefinitionSource, TcpCheck,
};
use crate::desired::{
    DesiredService, DesiredState, Metadata, Origin, Resource, ResourceKind, TaskDefinitionContent,
    WantedTaskDefinition,
};
use crate::live::{
    Asked, CircuitBreaker, DeploymentController, DeploymentStatus, Live, LiveDeployment, LiveSecret,
    LiveService, LiveTaskDefinition, Observed, PastDeployment, PastDeploymentStatus, RolloutState,
    SchedulingStrategy, ServiceStatus, Tags, TaskDefinitionStatus, UnknownCategory, UnknownReason,
};
use crate::name::{
    AccountId, ClusterName, EndTime, HostName, HumanDuration, InstanceName, ReasonText, Region, RelativePath,
    ResourceName, RestartToken, RevisionRef, SecretId, SecretVersionId, ServiceName, TaskDefinitionArn,
};
use crate::policy::Ceiling;

pub(crate) const COMMIT: &str = "1111111111111111111111111111111111111111";

/// The instance `bowline` at [`COMMIT`].
pub(crate) fn actor() -> Actor<'static> {
    static INSTANCE: LazyLock<InstanceName> = LazyLock::new(|| InstanceName::parse("bowline").unwrap());
    Actor { instance: &INSTANCE, commit: COMMIT }
}

pub(crate) fn name(text: &str) -> ResourceName {
    ResourceName::parse(text).unwrap()
}

pub(crate) fn service_key(text: &str) -> ResourceKey {
    ResourceKey { kind: ResourceKind::EcsService, name: name(text) }
}

pub(crate) fn secret_key(text: &str) -> ResourceKey {
    ResourceKey { kind: ResourceKind::Secret, name: name(text) }
}

/// Everything is allowed but probes.
pub(crate) fn ceiling() -> Ceiling {
    Ceiling {
        mode: Mode::Enforce,
        accounts: BTreeSet::new(),
        roles: BTreeSet::new(),
        capabilities: None,
        probe_hosts: BTreeSet::new(),
    }
}

/// 2026-11-21T12:00:00Z plus so many seconds.
pub(crate) fn at(seconds: i64) -> Timestamp {
    "2026-11-21T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

pub(crate) fn arn(revision: &str) -> TaskDefinitionArn {
    TaskDefinitionArn::parse(&format!("arn:aws:ecs:eu-central-1:111122223333:task-definition/{revision}"))
        .unwrap()
}

/// Because of a migration, until so many seconds after [`at`] 0.
pub(crate) fn suspension(until: i64) -> Suspension {
    let (until, reason) = (EndTime::parse(&at(until).to_string()), ReasonText::parse("migration"));
    Suspension { until: until.unwrap(), reason: reason.unwrap() }
}

/// A version id of 32 characters that ends in the text.
pub(crate) fn version(text: &str) -> String {
    format!("{:0>32}", format!("-{text}"))
}

pub(crate) fn content(family: &str, image: &str) -> TaskDefinitionContent {
    TaskDefinitionContent::new(json!({
        "family": family,
        "containerDefinitions": [{"name": "app", "image": image, "environment": [{"name": "LEVEL", "value": "info"}]}],
    }))
}

/// The content with these tags, too.
pub(crate) fn tagged(content: &TaskDefinitionContent, tags: &[(&str, &str)]) -> TaskDefinitionContent {
    let mut value = content.value();
    if !tags.is_empty() {
        value["tags"] = tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    }
    TaskDefinitionContent::new(value)
}

/// A health condition: a TCP connection to port 80 of the host.
pub(crate) fn tcp(host: &str, successes: u32) -> HealthCondition {
    HealthCondition {
        check: HealthCheck::Tcp(TcpCheck { host: HostName::parse(host).unwrap(), port: 80 }),
        interval: HumanDuration::from_secs(10),
        timeout: HumanDuration::from_secs(5),
        successes,
    }
}

pub(crate) fn known<T>(value: T) -> Observed<T> {
    Observed::Known { value, at: at(0) }
}

pub(crate) fn known_service(value: LiveService) -> Observed<Arc<LiveService>> {
    known(Arc::new(value))
}

pub(crate) fn unknown<T>(category: UnknownCategory) -> Observed<T> {
    Observed::unknown(reason(category))
}

pub(crate) fn reason(category: UnknownCategory) -> UnknownReason {
    UnknownReason {
        category,
        message: "Rate exceeded".to_owned(),
        hint: "it is tried again".to_owned(),
        aws: None,
    }
}

fn resource<S>(of: &str, spec: S) -> Resource<S> {
    Resource {
        metadata: Metadata { name: name(of), labels: BTreeMap::new(), annotations: BTreeMap::new() },
        spec,
        origin: Origin { path: format!("{of}.yaml"), line: 1, stale: false },
    }
}

pub(crate) fn deployment(id: &str, revision: &str, state: RolloutState) -> LiveDeployment {
    LiveDeployment {
        id: format!("ecs-svc/{id}"),
        status: DeploymentStatus::Primary,
        rollout_state: Some(state),
        rollout_reason: None,
        task_definition: Some(arn(revision)),
        desired_count: 2,
        running_count: 2,
        pending_count: 0,
        failed_tasks: 0,
        created_at: Some(at(-3600)),
    }
}

pub(crate) fn live_service(service: &str, revision: &str) -> LiveService {
    LiveService {
        arn: format!("arn:aws:ecs:eu-central-1:111122223333:service/main/{service}"),
        status: ServiceStatus::Active,
        desired_count: 2,
        running_count: 2,
        pending_count: 0,
        task_definition: Some(arn(revision)),
        controller: DeploymentController::Ecs,
        scheduling: SchedulingStrategy::Replica,
        managed_by_ecs: false,
        circuit_breaker: CircuitBreaker::On,
        deployments: vec![deployment("1", revision, RolloutState::Completed)],
        events: Arc::default(),
        service_revision: None,
        settings: ServiceSettings::default(),
        tags: Tags::default(),
    }
}

pub(crate) fn past(id: &str, revision: &str, status: PastDeploymentStatus) -> PastDeployment {
    PastDeployment {
        deployment_id: format!("ecs-svc/{id}"),
        task_definition: Some(arn(revision)),
        status,
        reason: Some("tasks failed to start".to_owned()),
        created_at: Some(at(-7200)),
        settings: None,
    }
}

/// The world of a test.
#[derive(Debug, Clone)]
pub(crate) struct Fixture {
    pub(crate) desired: DesiredState,
    pub(crate) live: Live,
    pub(crate) memory: Memory,
    pub(crate) now: Timestamp,
}

impl Fixture {
    /// One target `prod` on which everything is allowed.
    pub(crate) fn new() -> Self {
        let mut fixture = Self {
            desired: DesiredState::default(),
            live: Live::default(),
            memory: Memory::default(),
            now: at(0),
        };
        fixture.add_target("prod");
        fixture
    }

    pub(crate) fn add_target(&mut self, target: &str) {
        let spec = Target {
            account_id: AccountId::parse("111122223333").unwrap(),
            region: Region::parse("eu-central-1").unwrap(),
            cluster: ClusterName::parse("main").unwrap(),
            assume_role: None,
            mode: Mode::Enforce,
            capabilities: BTreeSet::from([
                Capability::EcsCreate,
                Capability::EcsDeploy,
                Capability::EcsScale,
                Capability::EcsRestart,
                Capability::EcsStopDeployment,
                Capability::SecretsPromote,
            ]),
            constraints: Constraints::default(),
        };
        self.desired.targets.insert(name(target), resource(target, spec));
        self.live.targets.insert(name(target), known(()));
    }

    /// A service that git wants on a revision and that runs it, with two tasks. The revision's content is known to AWS.
    pub(crate) fn with_service(mut self, service: &str, revision: &str) -> Self {
        let spec = EcsService {
            target: name("prod"),
            service: ServiceName::parse(service).unwrap(),
            task_definition: Some(TaskDefinitionSource::Revision(RevisionRef::parse(revision).unwrap())),
            desired_count: Some(2),
            settings: ServiceSettings::default(),
            create: None,
            restart: None,
            secrets: Vec::new(),
            depends_on: Vec::new(),
            health: Vec::new(),
            rollout: Rollout::default(),
            rollback: crate::desired::kind::Rollback::default(),
            heal_delay: HumanDuration::from_secs(900),
            ignore: Vec::new(),
            suspend: None,
            reveal: Vec::new(),
        };
        let wanted = DesiredService {
            resource: Arc::new(resource(service, spec)),
            task_definition: Some(WantedTaskDefinition::Revision(RevisionRef::parse(revision).unwrap())),
        };
        self.desired.services.insert(name(service), wanted);
        self.live.services.insert(name(service), known_service(live_service(service, revision)));
        self.claimed_by(service, "bowline", &service_key(service).to_string())
    }

    /// The service was claimed by an instance for a resource, at [`COMMIT`].
    pub(crate) fn claimed_by(mut self, service: &str, instance: &str, resource: &str) -> Self {
        let tags =
            [("managed-by", "bowline"), ("owner", instance), ("resource", resource), ("commit", COMMIT)];
        let tags = tags.map(|(key, value)| (format!("bowline:{key}"), value.to_owned()));
        self.live(service).tags.extend(tags);
        self
    }

    /// Nobody has claimed the service.
    pub(crate) fn unclaimed(mut self, service: &str) -> Self {
        self.live(service).tags = Tags::default();
        self
    }

    pub(crate) fn with_file(mut self, service: &str, content: TaskDefinitionContent) -> Self {
        let file = RelativePath::parse(&format!("{service}.json")).unwrap();
        let wanted = self.desired.services.get_mut(&name(service)).unwrap();
        Arc::make_mut(&mut wanted.resource).spec.task_definition =
            Some(TaskDefinitionSource::File(file.clone()));
        let family = content.value()["family"].as_str().unwrap().to_owned();
        wanted.task_definition =
            Some(WantedTaskDefinition::Content { file, family, content: Arc::new(content) });
        self
    }

    /// A secret pinned to a version, with AWSCURRENT on another (or the same), created in the order of their names.
    pub(crate) fn with_secret(mut self, secret: &str, pinned: &str, current: &str) -> Self {
        let spec = Secret {
            target: name("prod"),
            secret_id: SecretId::parse(secret).unwrap(),
            version_id: SecretVersionId::parse(&version(pinned)).unwrap(),
            rollback: SecretRollback::default(),
            required_keys: Vec::new(),
            rotation: None,
            suspend: None,
        };
        self.desired.secrets.insert(name(secret), resource(secret, spec));
        let live = LiveSecret {
            arn: format!("arn:aws:secretsmanager:eu-central-1:111122223333:secret:{secret}-AbCdEf"),
            stages: BTreeMap::from([(version(current), BTreeSet::from(["AWSCURRENT".to_owned()]))]),
            deleted_at: None,
            last_changed_at: Some(at(-600)),
            rotated_elsewhere: false,
        };
        self.live.secrets.insert(name(secret), known(live));
        self
    }

    /// A Terraform state that is only watched, and was not read.
    pub(crate) fn with_state(mut self, state: &str) -> Self {
        let spec = json!({"target": "prod", "bucket": "states", "key": state});
        let spec = serde_json::from_value(spec).unwrap();
        self.desired.states.insert(name(state), resource(state, spec));
        self
    }

    pub(crate) fn with_dates(mut self, secret: &str, dates: &[(&str, i64)]) -> Self {
        let dates = dates.iter().map(|(id, seconds)| (version(id), at(*seconds))).collect();
        self.live.secret_version_dates.insert(name(secret), known(dates));
        self
    }

    pub(crate) fn with_reader(mut self, service: &str, secret: &str) -> Self {
        self.spec(service).secrets.push(name(secret));
        self
    }

    pub(crate) fn with_revision(mut self, revision: &str, content: TaskDefinitionContent) -> Self {
        let definition =
            LiveTaskDefinition { arn: arn(revision), status: TaskDefinitionStatus::Active, content };
        self.live.task_definitions.insert((name("prod"), revision.to_owned()), known(definition));
        self
    }

    pub(crate) fn with_recent(mut self, family: &str, revisions: &[&str]) -> Self {
        let revisions = revisions.iter().map(|revision| arn(revision)).collect();
        self.live.recent_revisions.insert((name("prod"), family.to_owned()), known(revisions));
        self
    }

    pub(crate) fn with_history(mut self, service: &str, history: Vec<PastDeployment>) -> Self {
        self.live.histories.insert(name(service), known(history));
        self
    }

    pub(crate) fn with_tag(mut self, service: &str, key: TagKey, value: &str) -> Self {
        self.live(service).tags.extend([(key.as_str().to_owned(), value.to_owned())]);
        self
    }

    /// The revision that the service runs has these tags.
    pub(crate) fn with_task_definition_tags(mut self, service: &str, tags: &[(&str, &str)]) -> Self {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let arn = self.live(service).task_definition.clone().unwrap();
        let asked = Asked { about: arn.as_str().into(), at: at(0), found: Arc::new(known(tags)) };
        self.live.task_definition_tags.insert(name(service), asked);
        self
    }

    /// Git says to do nothing to the service until so many seconds after [`at`] 0.
    pub(crate) fn suspended(mut self, service: &str, until: i64) -> Self {
        self.spec(service).suspend = Some(suspension(until));
        self
    }

    /// Git pins another revision.
    pub(crate) fn wanting(mut self, service: &str, revision: &str) -> Self {
        let revision = RevisionRef::parse(revision).unwrap();
        let wanted = self.desired.services.get_mut(&name(service)).unwrap();
        Arc::make_mut(&mut wanted.resource).spec.task_definition =
            Some(TaskDefinitionSource::Revision(revision.clone()));
        wanted.task_definition = Some(WantedTaskDefinition::Revision(revision));
        self
    }

    /// Somebody else owns the task definition.
    pub(crate) fn unmanaged(mut self, service: &str) -> Self {
        let wanted = self.desired.services.get_mut(&name(service)).unwrap();
        Arc::make_mut(&mut wanted.resource).spec.task_definition = None;
        wanted.task_definition = None;
        self
    }

    pub(crate) fn restarting(mut self, service: &str, token: &str) -> Self {
        self.spec(service).restart = Some(RestartToken::parse(token).unwrap());
        self
    }

    pub(crate) fn spec(&mut self, service: &str) -> &mut EcsService {
        &mut Arc::make_mut(&mut self.desired.services.get_mut(&name(service)).unwrap().resource).spec
    }

    pub(crate) fn target(&mut self, target: &str) -> &mut Target {
        &mut self.desired.targets.get_mut(&name(target)).unwrap().spec
    }

    pub(crate) fn live(&mut self, service: &str) -> &mut LiveService {
        match self.live.services.get_mut(&name(service)) {
            Some(Observed::Known { value, .. }) => Arc::make_mut(value),
            _ => panic!("{service} is not known"),
        }
    }

    pub(crate) fn remember(&mut self, service: &str) -> &mut ServiceMemory {
        Arc::make_mut(self.memory.services.entry(name(service)).or_default())
    }

    /// A rollout of a revision that Bowline began a minute ago.
    pub(crate) fn in_flight(&mut self, service: &str, revision: &str, id: &str) -> SpecHash {
        let hash = SpecHash("f".repeat(64));
        self.remember(service).in_flight = Some(Box::new(InFlight {
            spec_hash: hash.clone(),
            deployment_id: Some(format!("ecs-svc/{id}")),
            task_definition: Some(arn(revision)),
            commit: COMMIT.to_owned(),
            restart: None,
            started_at: at(-60),
            deadline: at(1140),
            watch: Watch::default(),
        }));
        hash
    }

    pub(crate) fn needs(&self) -> BTreeSet<Need> {
        needs(&self.desired, &self.live, &self.memory, actor(), self.now)
    }

    pub(crate) fn propose(&self) -> Proposed {
        propose(&self.desired, &self.live, &self.memory, actor(), self.now)
    }

    pub(crate) fn learn(&mut self) -> Vec<Event> {
        learn(&mut self.memory, &self.desired, &self.live, actor(), self.now)
    }

    /// As [`Fixture::learn`], with a commit that wants the same.
    pub(crate) fn learn_at(&mut self, commit: &str) -> Vec<Event> {
        let actor = Actor { commit, ..actor() };
        learn(&mut self.memory, &self.desired, &self.live, actor, self.now)
    }

    /// What the events say.
    pub(crate) fn told(&mut self) -> Vec<(EventKind, String)> {
        self.learn().into_iter().map(|event| (event.kind, event.message)).collect()
    }

    pub(crate) fn report(&self, service: &str) -> ResourceReport {
        *self.propose().reports[&service_key(service)].clone()
    }

    pub(crate) fn secret_report(&self, secret: &str) -> ResourceReport {
        *self.propose().reports[&secret_key(secret)].clone()
    }

    /// The operations that are planned, as text.
    pub(crate) fn actions(&self) -> Vec<String> {
        self.propose().actions.iter().map(ToString::to_string).collect()
    }
}

pub(crate) fn pretty(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}
