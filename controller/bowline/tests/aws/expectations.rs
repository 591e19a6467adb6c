//! Every kind of action, planned from what is live. Then somebody changes what it rests on: nothing is overwritten.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_ecs::types::Tag;
use bowline::execute::execute;
use bowline::observe::{Scope, read_seldom};
use bowline_core::desired::{DesiredService, TaskDefinitionContent, WantedTaskDefinition};
use bowline_core::live::Live;
use bowline_core::name::{InstanceName, RelativePath, RevisionRef, SecretVersionId, ServiceName};
use bowline_core::plan::{self, Action, Actor, Expectation, Memory, Operation, Outcome};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::actions::{ONE, THREE, TWO, action, content, move_to};
use crate::world::{World, name, resource};

/// Every kind of action. [`meddling`] does not compile without one that is not here.
const KINDS: [&str; 7] = [
    "TagService",
    "PromoteSecret",
    "RegisterTaskDefinition",
    "StopServiceDeployment",
    "CreateService",
    "UpdateService",
    "TagTaskDefinition",
];

/// What somebody does between the plan and the call.
#[derive(Debug, Clone, Copy)]
enum Meddle {
    /// Another instance claims the service.
    Claims,
    /// The count is set.
    Counts,
    /// Something is deployed.
    Deploys,
    /// A revision is registered.
    Registers,
    /// AWSCURRENT moves on.
    Rotates,
    /// Another label moves.
    Labels,
    /// The service is created.
    Creates,
    /// The tag is written.
    Tags,
}

/// The kind of an action, and what can come between: for each a sentence that tells what was found begins like this.
fn meddling(operation: &Operation) -> (&'static str, &'static [(Meddle, &'static str)]) {
    use Meddle::{Claims, Counts, Creates, Deploys, Labels, Registers, Rotates, Tags};
    const OWNER: &str = "the service belongs to the Bowline instance `staging`, expected nobody";
    const OWNER_OF_WEB: &str = "the service web belongs to the Bowline instance `staging`, expected nobody";
    const PRIMARY: &str = "the PRIMARY deployment is ecs-svc/";
    const REVISION: &str = "the task definition is web:3, expected web:1";
    match operation {
        Operation::TagService { .. } => (KINDS[0], &[(Claims, OWNER), (Deploys, REVISION)]),
        Operation::PromoteSecret { .. } => (
            KINDS[1],
            &[
                (Rotates, "AWSCURRENT is on version-000000000000000000000003"),
                (Labels, "the label AWSPENDING is on version-000000000000000000000003 by now"),
                (Claims, OWNER_OF_WEB),
            ],
        ),
        Operation::RegisterTaskDefinition { .. } => {
            (KINDS[2], &[(Registers, "the newest revision is web:3, expected web:2"), (Claims, OWNER_OF_WEB)])
        }
        Operation::StopServiceDeployment { .. } => (KINDS[3], &[(Claims, OWNER), (Deploys, PRIMARY)]),
        Operation::CreateService { .. } => (KINDS[4], &[(Creates, "the service exists by now")]),
        Operation::UpdateService { .. } => (
            KINDS[5],
            &[(Claims, OWNER), (Counts, "the desired count is 5, expected 2"), (Deploys, REVISION)],
        ),
        Operation::TagTaskDefinition { .. } => (
            KINDS[6],
            &[(Tags, "the tag team is not what it was when the plan was made"), (Claims, OWNER_OF_WEB)],
        ),
    }
}

impl Meddle {
    async fn apply(self, world: &World) {
        let update = || world.ecs.update_service().cluster("main").service("web");
        match self {
            Self::Claims => {
                let found =
                    world.ecs.describe_services().cluster("main").services("web").send().await.unwrap();
                let arn = found.services()[0].service_arn().unwrap();
                let claim = Tag::builder().key("bowline:owner").value("staging").build();
                world.ecs.tag_resource().resource_arn(arn).tags(claim).send().await.unwrap();
            }
            Self::Counts => drop(update().desired_count(5).send().await.unwrap()),
            Self::Deploys => {
                world.register("web", "example/app:9").await;
                update().task_definition("web:3").send().await.unwrap();
            }
            Self::Registers => drop(world.register("web", "example/app:9").await),
            Self::Rotates => move_to(world, THREE, ONE).await,
            Self::Labels => {
                let call = world.secrets.update_secret_version_stage().secret_id("db");
                call.version_stage("AWSPENDING").move_to_version_id(THREE).send().await.unwrap();
            }
            Self::Creates => {
                let create = world.ecs.create_service().cluster("main").service_name("new");
                create.task_definition("new:1").desired_count(1).send().await.unwrap();
            }
            Self::Tags => {
                let tag = Tag::builder().key("team").value("payments").build();
                let found =
                    world.ecs.describe_task_definition().task_definition("web:1").send().await.unwrap();
                let arn = found.task_definition().unwrap().task_definition_arn().unwrap();
                world.ecs.tag_resource().resource_arn(arn).tags(tag).send().await.unwrap();
            }
        }
    }
}

/// Names a service in git, with this besides its name.
fn want(world: &mut World, service: &str, more: &Value, runs: Option<WantedTaskDefinition>) {
    let mut spec = json!({ "target": "live", "service": service });
    spec.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
    let spec = serde_json::from_value(spec).unwrap();
    let desired = DesiredService { resource: Arc::new(resource(service, spec)), task_definition: runs };
    world.desired.services.insert(name(service), desired);
}

fn pinned(revision: &str) -> WantedTaskDefinition {
    WantedTaskDefinition::Revision(RevisionRef::parse(revision).unwrap())
}

fn file(content: Arc<TaskDefinitionContent>) -> WantedTaskDefinition {
    let file = RelativePath::parse("web.json").unwrap();
    WantedTaskDefinition::Content { file, family: "web".to_owned(), content }
}

/// The service `web` on revision 1 of 2, and what git has so that an action of this kind is due.
async fn world(kind: &str) -> World {
    let mut world = World::new().await;
    world.service("web").await;
    world.register("web", "example/app:2").await;
    match kind {
        "TagService" => {}
        "PromoteSecret" => {
            world.secret("db", ONE).await;
            for version in [TWO, THREE] {
                let put = world.secrets.put_secret_value().secret_id("db").secret_string(version);
                let put = put.client_request_token(version).version_stages(format!("label-{version}"));
                put.send().await.unwrap();
            }
            let secret = world.desired.secrets.get_mut(&name("db")).unwrap();
            secret.spec.version_id = SecretVersionId::parse(TWO).unwrap();
            want(&mut world, "web", &json!({"secrets": ["db"]}), None);
        }
        "RegisterTaskDefinition" => want(&mut world, "web", &json!({}), Some(file(content()))),
        "TagTaskDefinition" => {
            let container = json!({"name": "app", "image": "example/app:1", "memory": 128});
            let tags = json!([{"key": "team", "value": "shop"}]);
            let runs = json!({"family": "web", "containerDefinitions": [container], "tags": tags});
            want(&mut world, "web", &json!({}), Some(file(TaskDefinitionContent::new(runs).into())));
        }
        "CreateService" => {
            world.register("new", "example/app:1").await;
            let create = json!({"create": {"launchType": "EC2"}, "desiredCount": 1});
            want(&mut world, "new", &create, Some(pinned("new:1")));
        }
        "StopServiceDeployment" => {
            let update = world.ecs.update_service().cluster("main").service("web");
            update.task_definition("web:2").send().await.unwrap();
        }
        "UpdateService" => want(&mut world, "web", &json!({}), Some(pinned("web:2"))),
        other => panic!("{other}"),
    }
    world
}

/// What is to be done, by a plan from what is live.
async fn planned(world: &World) -> Vec<Action> {
    let instance = InstanceName::default();
    let (actor, memory, now) =
        (Actor { instance: &instance, commit: "c0ffee" }, Memory::default(), Timestamp::now());
    // What is missing is believed the second time.
    let before: Live = world.observe(None).await;
    let mut live = world.observe(Some(&before)).await;
    loop {
        let needs = plan::needs(&world.desired, &live, &memory, actor, now);
        if needs.is_empty() {
            break;
        }
        bowline::observe::read(&world.aws, &world.desired, &mut live, &needs).await;
    }
    let due = plan::due_seldom(&world.desired, &live, &memory, now);
    read_seldom(&world.aws, &world.desired, &mut live, due, Scope::ALL).await;
    plan::propose(&world.desired, &live, &memory, actor, now).actions
}

/// The action of this kind.
async fn due(world: &World, kind: &str) -> Action {
    if kind == "StopServiceDeployment" {
        // That needs a bad verdict, which takes time.
        let live = world.observe(None).await;
        let web = live.services[&name("web")].known().unwrap().as_ref().clone();
        let deployment_id = web.primary().unwrap().id.clone();
        let service = ServiceName::parse("web").unwrap();
        let expect = Expectation::InProgress { owner: None, deployment_id: deployment_id.clone() };
        return action(Operation::StopServiceDeployment { service, deployment_id }, expect);
    }
    let all = planned(world).await;
    let found = all.iter().find(|action| meddling(&action.operation).0 == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {all:#?}")).clone()
}

/// The calls since the last look that change something.
fn writes(world: &World) -> BTreeSet<String> {
    let is_read = |call: &String| ["Describe", "List", "Get"].iter().any(|read| call.starts_with(read));
    world.calls().into_keys().filter(|call| !is_read(call)).collect()
}

#[tokio::test]
async fn what_somebody_changed_between_plan_and_call_is_overwritten_by_no_kind_of_action() {
    let mut seen = BTreeSet::new();
    for kind in KINDS {
        let untouched = world(kind).await;
        let action = due(&untouched, kind).await;
        let (found, meddling) = meddling(&action.operation);
        assert_eq!(found, kind);
        assert!(!meddling.is_empty(), "{kind}");
        untouched.calls();
        let outcome = execute(&untouched.aws, &untouched.desired, &action).await;
        assert!(matches!(outcome, Outcome::Done { .. }), "{kind}: {outcome:?}");
        assert!(!writes(&untouched).is_empty(), "{kind}");

        for (meddle, found) in meddling {
            let world = world(kind).await;
            let action = due(&world, kind).await;
            meddle.apply(&world).await;
            world.calls();
            let outcome = execute(&world.aws, &world.desired, &action).await;
            assert!(
                matches!(&outcome, Outcome::Superseded { found: told } if told.starts_with(found)),
                "{kind}, {meddle:?}: {outcome:?}"
            );
            assert_eq!(writes(&world), BTreeSet::new(), "{kind}, {meddle:?}");
        }
        seen.insert(kind);
    }
    assert_eq!(seen.len(), KINDS.len());
}

#[tokio::test]
async fn whose_the_readers_of_a_secret_are_costs_one_call_for_each_ten() {
    for (readers, calls) in [(0, None), (1, Some(1)), (10, Some(1)), (11, Some(2))] {
        let mut world = world("PromoteSecret").await;
        world.desired.services.clear();
        for number in 0..readers {
            let service = format!("reader-{number}");
            world.service(&service).await;
            want(&mut world, &service, &json!({"secrets": ["db"]}), None);
        }
        let action = due(&world, "PromoteSecret").await;
        world.calls();
        let outcome = execute(&world.aws, &world.desired, &action).await;
        assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
        assert_eq!(world.calls().get("DescribeServices").copied(), calls, "{readers} readers");
    }
}
