//! A count that autoscaling moves is left to it, and told.

use bowline_sim::{Fault, FaultRule, Simulator, SimulatorConfig};
use bowline_tests::aws::Cli;
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::git::Remote;
use bowline_tests::servers::ACCOUNT;
use bowline_tests::world::{World, service, target};
use serde_json::{Value, json};

const OF_WEB: &str =
    "--service-namespace ecs --scalable-dimension ecs:service:DesiredCount --resource-id service/main/web";

#[tokio::test(flavor = "multi_thread")]
async fn a_count_is_left_to_autoscaling_until_its_target_is_suspended_or_gone() {
    let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
    let simulator = Simulator::start(config).await.unwrap();
    let world = World::new(&simulator.url()).await;
    let revision = world.revision("web", "registry.test/web:1").await;
    world.service("web", &revision, 4).await;
    let remote = Remote::new();
    let web =
        |count: u32| service("web", json!({"taskDefinition": {"revision": "web:1"}, "desiredCount": count}));
    remote.commit("Two", &[("target.yaml", &target("enforce")), ("web.yaml", &web(2))]);
    let server = remote.serve(None);
    let bowline = Bowline::new(&simulator.url(), &server.url());
    let url = simulator.url();
    let aws = Cli::new(&url, ACCOUNT, bowline.home());
    let count = async || world.described("web").await.desired_count;

    aws.run(&format!(
        "application-autoscaling register-scalable-target {OF_WEB} --min-capacity 2 --max-capacity 10"
    ))
    .await;
    bowline.apply().await.with_code(0);
    assert_eq!(count().await, 4);
    let mut plan = bowline.plan().await.with_code(0).json();
    let web_report = plan["resources"][1].take();
    assert_eq!(
        (&web_report["leftAlone"], &web_report["warnings"]),
        (
            &json!([{"path": "desiredCount", "reason": "owned-by", "wanted": {"text": "2"}, "found": {"text": "4"},
                "note": null, "owner": "Application Auto Scaling (2 to 10)"}]),
            &json!([{"kind": "countAutoscaled", "wanted": 2, "minimum": 2, "maximum": 10}]),
        )
    );

    // Bowline may not look: git decides, as before there were scalable targets, and the Target says so once.
    simulator.add_fault(FaultRule::new(Fault::AccessDenied).operation("DescribeScalableTargets"));
    let plan = bowline.plan().await.with_code(1).json();
    let note = plan["resources"][0]["notes"][0].as_str().unwrap().to_owned();
    assert!(
        note.starts_with("whether autoscaling owns desiredCount could not be looked at: AccessDenied"),
        "{note}"
    );
    assert_eq!(plan["actions"].as_array().map(Vec::len), Some(1));
    simulator.clear_faults();
    simulator.add_fault(FaultRule::new(Fault::ServiceUnavailable503).operation("DescribeScalableTargets"));
    let plan = bowline.plan().await.with_code(2).json();
    assert_eq!((&plan["unknown"], &plan["actions"]), (&json!(true), &json!([])), "it may own the count");
    simulator.clear_faults();

    let suspended =
        "DynamicScalingInSuspended=true,DynamicScalingOutSuspended=true,ScheduledScalingSuspended=true";
    let suspend =
        format!("application-autoscaling register-scalable-target {OF_WEB} --suspended-state {suspended}");
    aws.run(&suspend).await;
    bowline.apply().await.with_code(0);
    assert_eq!(count().await, 2);
    assert_eq!(bowline.plan().await.with_code(0).json()["resources"][1]["warnings"], Value::Null);

    let resumed = suspended.replace("true", "false");
    aws.run(&suspend.replace(suspended, &resumed)).await;
    remote.commit("Five", &[("web.yaml", &web(5))]);
    bowline.apply().await.with_code(0);
    assert_eq!(count().await, 2, "it owns the count again");
    remote.commit("Stop", &[("web.yaml", &web(0))]);
    bowline.apply().await.with_code(0);
    assert_eq!(count().await, 0, "0 in git is an emergency stop");
    remote.commit("Five again", &[("web.yaml", &web(5))]);
    aws.run(&format!("application-autoscaling deregister-scalable-target {OF_WEB}")).await;
    bowline.apply().await.with_code(0);
    assert_eq!(count().await, 5);
}
