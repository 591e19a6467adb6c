//! A tag that somebody moved: reported, with what to pin, and nothing is done about it.

use bowline_sim::{Fault, FaultRule, Simulator, SimulatorConfig};
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::git::{GitHttp, Remote};
use bowline_tests::until::until;
use bowline_tests::world::{CLUSTER, World, service, target};
use serde_json::{Value, json};

const IMAGE: &str = "registry.test/app:1";

fn digest(number: u8) -> String {
    format!("sha256:{}", number.to_string().repeat(64))
}

struct Site {
    simulator: Simulator,
    world: World,
    bowline: Bowline,
    _remote: (Remote, GitHttp),
}

/// A service of three tasks, with this container definition beside its name.
async fn site(container: Value) -> Site {
    let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
    let simulator = Simulator::start(config).await.unwrap();
    simulator.move_tag(IMAGE, &digest(1));
    let world = World::new(&simulator.url()).await;
    let image = container["image"].as_str().unwrap();
    let definition = aws_sdk_ecs::types::ContainerDefinition::builder().name("app").image(image);
    let consistency = container["versionConsistency"].as_str().map(Into::into);
    let register = world.clients.ecs.register_task_definition().family("app").cpu("256").memory("512");
    let register = register.network_mode(aws_sdk_ecs::types::NetworkMode::Awsvpc);
    let register = register.requires_compatibilities(aws_sdk_ecs::types::Compatibility::Fargate);
    let definition = definition.set_version_consistency(consistency).build();
    register.container_definitions(definition).send().await.unwrap();
    world.service("app", "app:1", 3).await;
    let remote = Remote::new();
    let app = service("app", json!({"taskDefinition": {"revision": "app:1"}}));
    remote.commit("Watch it", &[("target.yaml", &target("enforce")), ("app.yaml", &app)]);
    let server = remote.serve(None);
    let bowline = Bowline::new(&simulator.url(), &server.url());
    Site { simulator, world, bowline, _remote: (remote, server) }
}

impl Site {
    async fn tasks(&self) -> Vec<String> {
        let list = self.world.clients.ecs.list_tasks().cluster(CLUSTER).service_name("app");
        list.send().await.unwrap().task_arns.unwrap()
    }

    /// Somebody pushes another image under the tag, and one task is replaced.
    async fn replace_one(&self) {
        self.simulator.move_tag(IMAGE, &digest(2));
        let old = self.tasks().await;
        self.world.clients.ecs.stop_task().cluster(CLUSTER).task(&old[0]).send().await.unwrap();
        until("the replacement of a task", || async {
            let tasks = self.tasks().await;
            let service = self.world.described("app").await;
            (service.running_count == 3 && tasks.len() == 3 && !tasks.contains(&old[0])).then_some(())
        })
        .await;
    }

    /// The service in a clean plan that does nothing but claim it.
    async fn reported(&self) -> Value {
        let mut plan = self.bowline.plan().await.with_code(0).json();
        let actions = plan["actions"].as_array().unwrap();
        assert!(actions.iter().all(|action| action["wave"] == "claims"), "{actions:?}");
        assert_eq!(plan["resources"][1]["resource"]["name"], "app");
        plan["resources"][1].take()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_tag_is_told_with_what_to_pin_until_the_tasks_are_rolled() {
    let site = site(json!({"image": IMAGE, "versionConsistency": "disabled"})).await;
    assert_eq!(site.reported().await["warnings"], Value::Null);
    site.replace_one().await;
    let pin = format!("registry.test/app@{}", digest(1));
    let expected = json!([{
        "kind": "imageDrift", "container": "app", "image": IMAGE, "resolved": null, "pin": pin,
        "running": [{"digest": digest(1), "tasks": 2}, {"digest": digest(2), "tasks": 1}],
    }]);
    let reported = site.reported().await;
    assert_eq!((&reported["sync"], &reported["warnings"]), (&json!("in-sync"), &expected));
    let text = site.bowline.run("plan").await.with_code(0).stdout;
    let warning = "warning: image drift: container app runs registry.test/app:1 as sha256:111111111111 on 2 tasks and \
                   sha256:222222222222 on 1 task\n";
    assert!(text.contains(warning) && text.contains(&pin), "{text}");

    site.simulator.clear_calls();
    site.bowline.apply().await.with_code(0);
    let looks = |operation: &str| ["Describe", "List", "Get"].iter().any(|verb| operation.starts_with(verb));
    let written = site.simulator.calls().into_iter().map(|call| call.operation).filter(|it| !looks(it));
    assert_eq!(
        written.collect::<Vec<_>>(),
        ["TagResource"],
        "it is claimed, and nothing is done about the image"
    );

    let force = site.world.clients.ecs.update_service().cluster(CLUSTER).service("app");
    force.force_new_deployment(true).send().await.unwrap();
    site.world.settled("app").await;
    assert_eq!(site.reported().await["warnings"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_ecs_holds_for_the_deployment_and_a_pinned_image_do_not_drift() {
    let pinned = format!("registry.test/app@{}", digest(1));
    for container in [json!({"image": IMAGE}), json!({"image": pinned, "versionConsistency": "disabled"})] {
        let site = site(container).await;
        site.replace_one().await;
        assert_eq!(site.reported().await["warnings"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_permission_it_is_a_note_on_the_target_and_the_plan_is_clean() {
    let site = site(json!({"image": IMAGE, "versionConsistency": "disabled"})).await;
    site.replace_one().await;
    site.simulator.add_fault(FaultRule::new(Fault::AccessDenied).operation("ListTasks"));
    let plan = site.bowline.plan().await.with_code(0).json();
    let notes = plan["resources"][0]["notes"].as_array().unwrap();
    let start = "whether tags of images drifted could not be looked at: AccessDeniedException: User: ";
    assert!(notes.len() == 1 && notes[0].as_str().unwrap().starts_with(start), "{notes:?}");
    assert_eq!(plan["resources"][1]["warnings"], Value::Null);
    assert_eq!(plan["unknown"], json!(false));
}
