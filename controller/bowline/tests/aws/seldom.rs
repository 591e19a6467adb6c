//! What is read seldom: with how many calls, when again, and what a failure of one of them means.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_ecs::types::{ContainerDefinition, Tag};
use bowline::observe::{Scope, read_seldom};
use bowline_core::desired::{TaskDefinitionContent, WantedTaskDefinition};
use bowline_core::live::{Asked, Live, Observed, RunningImages, Tags, UnknownCategory};
use bowline_core::name::RelativePath;
use bowline_core::plan::{Memory, due_seldom};
use bowline_sim::{Fault, FaultRule, SimulatorConfig};
use jiff::{SignedDuration, Timestamp};

use serde_json::json;

use crate::world::{ACCOUNT, World, arn, name};

impl World {
    /// What a pass looks at, as of now or later. (The clock of these tests runs fast.)
    async fn look(&self, previous: Option<&Live>, after: SignedDuration) -> Live {
        self.look_at(previous, after, Scope::ALL).await
    }

    async fn look_at(&self, previous: Option<&Live>, after: SignedDuration, scope: Scope) -> Live {
        let mut live = self.observe(previous).await;
        let due = due_seldom(&self.desired, &live, &Memory::default(), Timestamp::now() + after);
        read_seldom(&self.aws, &self.desired, &mut live, due, scope).await;
        live
    }

    /// Services that are done rolling out, each of two tasks, whose count git names.
    async fn settled(services: u32) -> Self {
        let config = SimulatorConfig { time_scale: 0.0, ..SimulatorConfig::default() };
        let mut world = Self::with(config, ACCOUNT).await;
        for number in 0..services {
            let service = format!("s{number:03}");
            world.service(&service).await;
            let wanted = world.desired.services.get_mut(&name(&service)).unwrap();
            Arc::make_mut(&mut wanted.resource).spec.desired_count = Some(2);
        }
        world.simulator.advance(std::time::Duration::from_mins(5));
        world.calls();
        world
    }
}

fn counts(calls: &[(&str, usize)]) -> BTreeMap<String, usize> {
    calls.iter().map(|(operation, count)| ((*operation).to_owned(), *count)).collect()
}

/// The category of each service's images, if they are unknown.
fn unknown(live: &Live) -> Vec<Option<UnknownCategory>> {
    let category = |asked: &Asked<RunningImages>| match &*asked.found {
        Observed::Unknown { why } => Some(why.category),
        Observed::Known { .. } | Observed::Missing => None,
    };
    live.images.values().map(category).collect()
}

#[tokio::test]
async fn a_cluster_is_read_by_the_hundred_and_then_not_for_an_hour() {
    let world = World::settled(60).await;
    let soon = SignedDuration::ZERO;
    let first = world.look(None, soon).await;
    let seldom = [
        ("DescribeScalableTargets", 2),
        ("DescribeServiceRevisions", 3),
        ("DescribeTasks", 2),
        ("ListTasks", 2),
    ];
    let mut all = counts(&seldom);
    all.extend(counts(&[("DescribeServices", 6), ("GetCallerIdentity", 1)]));
    assert_eq!(world.calls(), all, "60 services with 120 tasks");
    assert_eq!((first.images.len(), first.scalable_targets.len()), (60, 60));
    let images = first.images[&name("s007")].found.known().unwrap();
    assert_eq!(*images, RunningImages::default(), "what agrees is not kept");
    assert_eq!(first.scalable_targets[&name("s007")].found, Observed::Missing.into());

    let second = world.look(Some(&first), soon).await;
    assert_eq!(world.calls(), counts(&[("DescribeServices", 6)]), "the hot pass");
    assert_eq!((&second.images, &second.scalable_targets), (&first.images, &first.scalable_targets));

    world.look(Some(&second), SignedDuration::from_hours(10)).await;
    let mut all = counts(&seldom);
    all.extend(counts(&[("DescribeServices", 6)]));
    assert_eq!(world.calls(), all);
}

#[tokio::test]
async fn only_a_service_with_a_new_deployment_is_read_again() {
    let world = World::settled(6).await;
    let soon = SignedDuration::ZERO;
    let first = world.look(None, soon).await;
    let force = world.ecs.update_service().cluster("main").service("s003").force_new_deployment(true);
    force.send().await.unwrap();
    world.calls();
    let rolling = world.look(Some(&first), soon).await;
    assert_eq!(
        world.calls(),
        counts(&[("DescribeServices", 1)]),
        "while tasks are replaced there is nothing to see"
    );
    world.simulator.advance(std::time::Duration::from_mins(5));
    let last = world.look(Some(&rolling), soon).await;
    let read =
        [("DescribeServiceRevisions", 1), ("DescribeServices", 2), ("DescribeTasks", 1), ("ListTasks", 1)];
    assert_eq!(world.calls(), counts(&read), "one of them watches the rollout");
    assert_ne!(last.images[&name("s003")].about, first.images[&name("s003")].about);
}

#[tokio::test]
async fn pinned_images_need_no_service_revision() {
    let mut world = World::settled(0).await;
    let image = format!("example/app@sha256:{}", "a".repeat(64));
    let container = ContainerDefinition::builder().name("app").image(image).memory(128).build();
    world.ecs.register_task_definition().family("web").container_definitions(container).send().await.unwrap();
    let create = world.ecs.create_service().cluster("main").service_name("web").task_definition("web:1");
    create.desired_count(1).send().await.unwrap();
    world.want_service("web");
    world.simulator.advance(std::time::Duration::from_mins(5));
    world.calls();
    world.look(None, SignedDuration::ZERO).await;
    let read = [("DescribeServices", 1), ("DescribeTasks", 1), ("GetCallerIdentity", 1), ("ListTasks", 1)];
    assert_eq!(world.calls(), counts(&read));
}

#[tokio::test]
async fn a_failure_is_unknown_and_asked_again_only_after_a_while() {
    let world = World::settled(2).await;
    for operation in ["ListTasks", "DescribeTasks", "DescribeServiceRevisions", "DescribeScalableTargets"] {
        world.simulator.add_fault(FaultRule::new(Fault::AccessDenied).operation(operation));
        let soon = SignedDuration::ZERO;
        let live = world.look(None, soon).await;
        let denied = Some(UnknownCategory::Denied);
        let (images, targets) =
            if operation == "DescribeScalableTargets" { (None, denied) } else { (denied, None) };
        assert_eq!(unknown(&live), [images, images], "{operation}");
        for asked in live.scalable_targets.values() {
            let found = if let Observed::Unknown { why } = &*asked.found { Some(why.category) } else { None };
            assert_eq!(found, targets, "{operation}");
        }
        world.calls();
        world.look(Some(&live), soon).await;
        assert_eq!(world.calls(), counts(&[("DescribeServices", 1)]), "{operation}");
        world.simulator.clear_faults();
    }
}

/// The content of a task definition has to be read anyway, and its tags come with it. Later they cost a call each.
#[tokio::test]
async fn tags_of_task_definitions_are_read_a_few_at_a_time_once_their_content_is_known() {
    let mut world = World::settled(30).await;
    for number in 0..30 {
        let service = format!("s{number:03}");
        let tags = json!([{"key": "team", "value": "shop"}]);
        let content = TaskDefinitionContent::new(json!({"family": service, "tags": tags}));
        let wanted = world.desired.services.get_mut(&name(&service)).unwrap();
        let file = RelativePath::parse("web.json").unwrap();
        wanted.task_definition =
            Some(WantedTaskDefinition::Content { file, family: service, content: content.into() });
    }
    let team = Tag::builder().key("team").value("shop").build();
    world.ecs.tag_resource().resource_arn(arn("s007:1").as_str()).tags(team).send().await.unwrap();
    world.calls();
    let (now, later) = (SignedDuration::ZERO, SignedDuration::from_hours(10));
    let few = Scope { all_tags: false, ..Scope::ALL };
    let read = || world.calls().remove("DescribeTaskDefinition").unwrap_or_default();
    let first = world.look_at(None, now, few).await;
    assert_eq!((read(), first.task_definition_tags.len()), (30, 30));
    let tags = |live: &Live, of: &str| live.task_definition_tags[&name(of)].found.known().cloned().unwrap();
    let team = Tags::from_iter([("team".to_owned(), "shop".to_owned())]);
    assert_eq!((tags(&first, "s007"), tags(&first, "s008")), (team, Tags::default()));
    let second = world.look_at(Some(&first), now, few).await;
    assert_eq!(read(), 0);
    let restarted = world.look_at(None, now, few).await;
    let found = |live: &Live| -> BTreeMap<_, _> {
        let each = live.task_definition_tags.iter();
        each.map(|(name, asked)| (name.clone(), asked.found.known().cloned())).collect()
    };
    // Of what was read within the hour, one revision has the tags of its file.
    assert_eq!((read(), found(&restarted).len()), (25, 26));
    let next = world.look_at(Some(&restarted), now, few).await;
    assert_eq!((read(), found(&next)), (4, found(&first)), "those that had no turn come first");
    let third = world.look_at(Some(&second), later, few).await;
    assert_eq!(read(), 25);
    world.look_at(Some(&third), later, Scope::ALL).await;
    assert_eq!(read(), 30, "whoever looks once looks at all of them");
}
