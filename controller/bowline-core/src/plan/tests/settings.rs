//! Settings: what is sent and when, who else owns what, what is taken back, and which tasks have it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::desired::kind::{Capability, ServiceSettings};
use crate::diff::Reason;
use crate::live::{DeploymentController, Observed, PastDeployment, PastDeploymentStatus, RolloutState};
use crate::plan::fixture::*;
use crate::plan::*;
use crate::policy::{Ceiling, GitStanding, approve};

fn settings(value: Value) -> ServiceSettings {
    serde_json::from_value(value).unwrap()
}

/// `web` on the revision that git wants, with these settings live and wanted.
fn web(live: Value, wanted: Value) -> Fixture {
    let mut world = Fixture::new()
        .with_service("web", "web:6")
        .with_revision("web:6", content("web", "web:f"))
        .with_history("web", Vec::new());
    world.live("web").settings = settings(live);
    world.spec("web").settings = settings(wanted);
    world
}

/// What is sent, and whether it counts as a deployment.
fn sent(world: &Fixture) -> Vec<(Value, bool)> {
    let actions = world.propose().actions.into_iter();
    actions
        .map(|action| match action.operation {
            Operation::UpdateService { settings, spec_hash, force_new_deployment, .. } => {
                let forced = settings.0.contains_key("capacityProviderStrategy");
                assert_eq!(force_new_deployment, forced, "AWS takes that with force only");
                (Value::Object(settings.0), spec_hash.is_some())
            }
            other => panic!("{other}"),
        })
        .collect()
}

fn paths(differences: &[crate::diff::Difference]) -> Vec<(&str, Reason, Option<&str>)> {
    differences.iter().map(|one| (one.path.as_str(), one.reason, one.owner.as_deref())).collect()
}

#[test]
fn settings_that_start_no_deployment_go_out_at_once_and_only_they() {
    let live = json!({"deploymentConfiguration": {"maximumPercent": 200, "minimumHealthyPercent": 100}});
    let wanted = json!({"deploymentConfiguration": {"maximumPercent": 150}});
    let mut world = web(live, wanted);
    let request = json!({"deploymentConfiguration": {"maximumPercent": 150, "minimumHealthyPercent": 100}});
    assert_eq!(sent(&world), [(request.clone(), false)]);
    // Whatever is under way.
    world.live("web").deployments[0].rollout_state = Some(RolloutState::InProgress);
    world.live("web").deployments[0].created_at = Some(at(-60));
    assert_eq!(sent(&world), [(request, false)]);
    let document = serde_json::to_value(&world.propose().actions[0]).unwrap();
    assert_eq!(document["operation"]["settings"], json!(["deploymentConfiguration"]), "no values");
    assert_eq!(document["expect"]["settings"].as_object().unwrap().len(), 1);
}

#[test]
fn settings_that_start_a_deployment_are_one_and_are_quarantined_as_one() {
    let mut world = web(json!({"platformVersion": "1.3.0"}), json!({"platformVersion": "LATEST"}));
    assert_eq!(sent(&world), [(json!({"platformVersion": "LATEST"}), true)]);
    // The same revision failed with these settings; with others it does not matter.
    let failed = |platform: &str| PastDeployment {
        settings: Some(settings(json!({"platformVersion": platform}))),
        ..past("2", "web:6", PastDeploymentStatus::RolledBack)
    };
    world = world.with_history("web", vec![failed("1.2.0")]);
    assert_eq!(sent(&world).len(), 1);
    world = world.with_history("web", vec![failed("1.4.0")]);
    assert_eq!((sent(&world), world.report("web").sync), (vec![], Sync::AwaitingGit));
}

/// The store was lost; what failed had what is ignored as it was live.
#[test]
fn what_is_ignored_in_what_failed_makes_it_no_other_deployment() {
    let network = |subnet: &str, groups: &[&str]| json!({"networkConfiguration": {"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": groups}}});
    let mut world = web(network("a", &["sg-a", "sg-extra"]), network("b", &["sg-a"]));
    let extra = "settings.networkConfiguration.awsvpcConfiguration.securityGroups[sg-extra]";
    world.spec("web").ignore = vec![crate::name::FieldPath::parse(extra).unwrap()];
    let failed = |live: Value| PastDeployment {
        settings: Some(settings(live)),
        ..past("2", "web:6", PastDeploymentStatus::RolledBack)
    };
    world = world.with_history("web", vec![failed(network("b", &["sg-b", "sg-extra"]))]);
    assert_eq!(sent(&world), [(network("b", &["sg-a", "sg-extra"]), true)]);
    world = world.with_history("web", vec![failed(network("b", &["sg-a", "sg-extra"]))]);
    assert_eq!((sent(&world), world.report("web").sync), (vec![], Sync::AwaitingGit));
}

#[test]
fn without_ecs_deploy_no_setting_is_sent() {
    let world = web(json!({}), json!({"enableExecuteCommand": true, "platformVersion": "1.3.0"}));
    let capabilities = Some(BTreeSet::from([Capability::EcsScale, Capability::EcsRestart]));
    let ceiling = Ceiling { capabilities, ..ceiling() };
    let approved = approve(world.propose(), &world.desired, &ceiling, &GitStanding::Fresh);
    assert_eq!(approved.actions(), []);
    let held = &approved.reports[&service_key("web")].held;
    assert!(
        matches!(held.as_slice(), [HeldWhy::NotPermitted { capability: Capability::EcsDeploy, .. }]),
        "{held:?}"
    );
}

#[test]
fn what_cannot_be_changed_needs_recreation_and_is_never_attempted() {
    let world = web(json!({"launchType": "FARGATE"}), json!({"launchType": "EC2"}));
    let report = world.report("web");
    assert_eq!(report.held, [HeldWhy::NeedsRecreation { field: "settings.launchType".to_owned() }]);
    assert_eq!((sent(&world), report.sync), (vec![], Sync::Drifted));
}

#[test]
fn another_capacity_provider_strategy_is_a_deployment_that_is_forced() {
    let strategy = |weight: u32| json!({"capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": weight}]});
    let world = web(strategy(1), strategy(2));
    assert_eq!(sent(&world), [(strategy(2), true)]);
    let launch_type = web(json!({"launchType": "FARGATE"}), strategy(2));
    assert_eq!(sent(&launch_type), [(strategy(2), true)]);
}

/// `settings.launchType` of git, and a strategy that somebody put in its place.
#[test]
fn a_launch_type_that_a_strategy_replaced_is_brought_back_where_the_service_had_it() {
    let spot = json!({"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]});
    let fargate = json!({"launchType": "FARGATE"});
    let replaced = |before: &str| {
        let mut world = web(spot.clone(), fargate.clone());
        world.remember("web").managed_settings = settings(json!({"launchType": before}));
        world
    };
    let world = replaced("FARGATE");
    let report = world.report("web");
    assert_eq!(
        paths(&report.differences),
        [
            (
                "settings.capacityProviderStrategy[capacityProvider=FARGATE_SPOT].weight",
                Reason::Removed,
                None
            ),
            ("settings.launchType", Reason::Added, None),
        ]
    );
    assert_eq!((report.sync, report.held), (Sync::Drifted, vec![]));
    assert_eq!(sent(&world), [(json!({"capacityProviderStrategy": []}), true)]);
    // Another one came back than git names: AWS has no way to that.
    let world = web(json!({"launchType": "EC2"}), fargate.clone());
    let held = [HeldWhy::NeedsRecreation { field: "settings.launchType".to_owned() }];
    assert_eq!((world.report("web").held.as_slice(), sent(&world)), (&held[..], vec![]));
    // Managed Instances have a strategy always.
    let world = web(spot.clone(), json!({"launchType": "MANAGED_INSTANCES"}));
    assert_eq!((world.report("web").held.as_slice(), sent(&world)), (&held[..], vec![]));
    // Whose the strategy is, or a part of it, it stays; and a service that never had that launch type is a person's.
    let mut cases = vec![replaced("EC2"), web(spot.clone(), fargate.clone())];
    for pattern in [
        "settings.capacityProviderStrategy",
        "settings.capacityProviderStrategy[capacityProvider=FARGATE_SPOT]",
    ] {
        let mut world = replaced("FARGATE");
        world.spec("web").ignore = vec![crate::name::FieldPath::parse(pattern).unwrap()];
        cases.push(world);
    }
    let what = "a capacity provider strategy is in the place of settings.launchType, and Bowline takes it away only where it knew \
                the service with that launch type, and nothing of the strategy is ignored: to keep the strategy, take \
                settings.launchType out of git; to go back, `aws ecs update-service --cluster main --service web \
                --capacity-provider-strategy '[]' --force-new-deployment`, and see that tasks start";
    let held = [HeldWhy::NeedsPerson { what: what.to_owned() }];
    for world in cases {
        assert_eq!((world.report("web").held.as_slice(), sent(&world)), (&held[..], vec![]));
    }
    let mut world = replaced("FARGATE");
    world.live("web").controller = DeploymentController::CodeDeploy;
    assert_eq!((world.report("web").sync, sent(&world)), (Sync::InSync, vec![]));
}

#[test]
fn what_nobody_can_change_is_nobody_s_whoever_deploys() {
    let fixed = |role: &str, scheduling: &str| json!({"role": role, "schedulingStrategy": scheduling, "launchType": "EC2"});
    let held = |fields: &[&str]| -> Vec<HeldWhy> {
        let paths = fields.iter().map(|field| format!("settings.{field}"));
        paths.map(|field| HeldWhy::NeedsRecreation { field }).collect()
    };
    for (controller, expected, launch_type) in [
        (DeploymentController::CodeDeploy, held(&["launchType", "role", "schedulingStrategy"]), None),
        // Each of its task sets has one.
        (
            DeploymentController::External,
            held(&["role", "schedulingStrategy"]),
            Some("an external controller"),
        ),
    ] {
        let mut live = fixed("old", "REPLICA");
        live["launchType"] = json!("FARGATE");
        let mut world = web(live, fixed("new", "DAEMON"));
        world.live("web").controller = controller;
        let report = world.report("web");
        assert_eq!((report.sync, &report.held), (Sync::Drifted, &expected), "{controller:?}");
        let whose = |one: &&crate::diff::Difference| one.path == "settings.launchType";
        let owner = report.left_alone.iter().find(whose).and_then(|one| one.owner.as_deref());
        assert_eq!((owner, sent(&world)), (launch_type, vec![]));
    }
}

#[test]
fn under_code_deploy_only_what_it_does_not_own_is_sent() {
    let group = |name: &str| json!([{"targetGroupArn": name, "containerName": "web", "containerPort": 80}]);
    let live = json!({"loadBalancers": group("green"), "propagateTags": "NONE"});
    let mut world = web(live, json!({"loadBalancers": group("blue"), "propagateTags": "SERVICE"}));
    world.live("web").controller = DeploymentController::CodeDeploy;
    let report = world.report("web");
    assert_eq!(paths(&report.differences), [("settings.propagateTags", Reason::Changed, None)]);
    let owned = report.left_alone.iter().all(|one| one.owner.as_deref() == Some("CodeDeploy"));
    assert!(owned && report.left_alone.len() == 4, "{:?}", report.left_alone);
    assert_eq!(sent(&world), [(json!({"propagateTags": "SERVICE"}), false)]);
}

#[test]
fn nothing_leads_to_code_deploy_and_everything_leads_away_from_it() {
    let controller = |kind: &str| json!({"deploymentController": {"type": kind}});
    let held = [HeldWhy::NeedsRecreation { field: "settings.deploymentController".to_owned() }];
    for (live, found, wanted, sends) in [
        (DeploymentController::Ecs, json!({}), "CODE_DEPLOY", false),
        (DeploymentController::Ecs, json!({}), "EXTERNAL", true),
        (DeploymentController::External, controller("EXTERNAL"), "CODE_DEPLOY", false),
        (DeploymentController::CodeDeploy, controller("CODE_DEPLOY"), "ECS", true),
        (DeploymentController::CodeDeploy, controller("CODE_DEPLOY"), "EXTERNAL", true),
    ] {
        let mut world = web(found, controller(wanted));
        world.live("web").controller = live;
        let sent = sent(&world);
        assert_eq!(
            sent,
            if sends { vec![(controller(wanted), false)] } else { vec![] },
            "{live:?} to {wanted}"
        );
        let report = world.report("web");
        assert_eq!(
            (report.sync, report.held.as_slice()),
            (Sync::Drifted, if sends { &[] } else { &held[..] })
        );
    }
    let world = web(json!({"deploymentController": {"type": "CODE_DEPLOY"}}), controller("CODE_DEPLOY"));
    assert_eq!((world.report("web").sync, sent(&world)), (Sync::InSync, vec![]));
}

/// CodeDeploy points the service at another task definition, target group, network and platform with each of its deployments.
#[test]
fn what_code_deploy_deploys_is_no_drift() {
    let side = |side: &str| {
        json!({
            "loadBalancers": [{"targetGroupArn": side, "containerName": "web", "containerPort": 80}],
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": [side]}},
            "platformVersion": if side == "blue" { "1.3.0" } else { "1.2.0" },
        })
    };
    let mut world = web(side("green"), side("blue"));
    world.live("web").controller = DeploymentController::CodeDeploy;
    world.live("web").task_definition = Some(arn("web:5"));
    let report = world.report("web");
    assert_eq!((report.sync, report.differences.as_slice(), sent(&world)), (Sync::InSync, &[][..], vec![]));
    let left_alone = paths(&report.left_alone);
    assert!(left_alone.iter().all(|one| one.2 == Some("CodeDeploy")), "{left_alone:?}");
    let fields: BTreeSet<&str> =
        left_alone.iter().filter_map(|(path, ..)| path.split(['.', '[']).nth(1)).collect();
    assert_eq!(fields, BTreeSet::from(["loadBalancers", "networkConfiguration", "platformVersion"]));
}

#[test]
fn target_groups_that_are_being_exchanged_are_no_drift() {
    let group = |production: &str, alternate: &str| {
        json!([{"targetGroupArn": production, "containerName": "web", "containerPort": 80,
            "advancedConfiguration": {"alternateTargetGroupArn": alternate, "productionListenerRule": "rule"}}])
    };
    for strategy in ["BLUE_GREEN", "LINEAR", "CANARY"] {
        let deployment = json!({"strategy": strategy});
        let live = json!({"deploymentConfiguration": deployment, "loadBalancers": group("green", "blue")});
        let wanted = json!({"deploymentConfiguration": deployment, "loadBalancers": group("blue", "green")});
        let mut world = web(live, wanted);
        world.live("web").deployments[0].rollout_state = Some(RolloutState::InProgress);
        world.live("web").deployments[0].created_at = Some(at(-60));
        let report = world.report("web");
        assert_eq!((report.differences.as_slice(), sent(&world)), (&[][..], vec![]), "{strategy}");
        assert_eq!(report.left_alone[0].owner.as_deref(), Some("ECS blue/green"));
    }
}

#[test]
fn target_groups_that_a_blue_green_deployment_exchanged_are_no_drift() {
    let group = |production: &str, alternate: &str, port: u32| {
        json!([{"targetGroupArn": production, "containerName": "web", "containerPort": port,
            "advancedConfiguration": {"alternateTargetGroupArn": alternate, "productionListenerRule": "rule"}}])
    };
    let live = json!({"deploymentConfiguration": {"strategy": "BLUE_GREEN"}, "loadBalancers": group("green", "blue", 80)});
    let world = web(live.clone(), json!({"loadBalancers": group("blue", "green", 80)}));
    let report = world.report("web");
    assert_eq!((report.sync, sent(&world)), (Sync::InSync, vec![]));
    let path = "settings.loadBalancers[targetGroupArn=blue].targetGroupArn";
    assert_eq!(paths(&report.left_alone), [(path, Reason::OwnedBy, Some("ECS blue/green"))]);
    // Another change does not send the traffic back.
    let world = web(live, json!({"loadBalancers": group("blue", "green", 81)}));
    assert_eq!(sent(&world), [(json!({"loadBalancers": group("green", "blue", 81)}), true)]);
}

#[test]
fn target_groups_of_vpc_lattice_are_exchanged_as_well() {
    let group = |production: &str, alternate: &str, port: &str| {
        json!([{"targetGroupArn": production, "portName": port, "roleArn": "arn:aws:iam::111122223333:role/lattice",
            "advancedConfiguration": {"alternateTargetGroupArn": alternate, "productionListenerRule": "rule"}}])
    };
    let live = |strategy: &str| json!({"deploymentConfiguration": {"strategy": strategy}, "vpcLatticeConfigurations": group("tg-2", "tg-1", "http")});
    let world = web(live("BLUE_GREEN"), json!({"vpcLatticeConfigurations": group("tg-1", "tg-2", "http")}));
    let report = world.report("web");
    assert_eq!((report.sync, sent(&world)), (Sync::InSync, vec![]));
    let path = "settings.vpcLatticeConfigurations[targetGroupArn=tg-1].targetGroupArn";
    assert_eq!(paths(&report.left_alone), [(path, Reason::OwnedBy, Some("ECS blue/green"))]);
    // Another change does not send the traffic back.
    let world = web(live("BLUE_GREEN"), json!({"vpcLatticeConfigurations": group("tg-1", "tg-2", "grpc")}));
    assert_eq!(sent(&world), [(json!({"vpcLatticeConfigurations": group("tg-2", "tg-1", "grpc")}), true)]);
    // Nobody but a person exchanges them where deployments roll.
    let wanted = json!({"vpcLatticeConfigurations": group("tg-1", "tg-2", "http")});
    let world = web(live("ROLLING"), wanted.clone());
    assert_eq!(sent(&world), [(wanted, true)]);
}

/// A canary that git let go of: what was its own does not stand in the way of another strategy.
#[test]
fn a_strategy_takes_what_is_its_own_along() {
    let canary = json!({"deploymentConfiguration": {"strategy": "CANARY",
        "canaryConfiguration": {"canaryPercent": 50.0, "canaryBakeTimeInMinutes": 7}, "bakeTimeInMinutes": 5}});
    let mut world = web(canary.clone(), canary);
    world.learn();
    world.spec("web").settings =
        settings(json!({"deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5}}));
    let request =
        |strategy: &str| json!({"deploymentConfiguration": {"strategy": strategy, "bakeTimeInMinutes": 5}});
    assert_eq!(sent(&world), [(request("BLUE_GREEN"), false)]);
    let path = "settings.deploymentConfiguration.strategy";
    world.spec("web").settings = settings(json!({"deploymentConfiguration": {"bakeTimeInMinutes": 5}}));
    assert_eq!(paths(&world.report("web").differences), [(path, Reason::Removed, None)]);
    assert_eq!(sent(&world), [(request("ROLLING"), false)]);
    // Whatever AWS still shows of it then, there is nothing to do.
    world.live("web").settings = settings(json!({"deploymentConfiguration": {"strategy": "ROLLING",
        "canaryConfiguration": {"canaryPercent": 50.0, "canaryBakeTimeInMinutes": 7}, "bakeTimeInMinutes": 5}}));
    assert_eq!((world.report("web").sync, sent(&world)), (Sync::InSync, vec![]));
}

#[test]
fn ignored_settings_are_told_and_left_alone() {
    let mut world = web(json!({"propagateTags": "NONE"}), json!({"propagateTags": "SERVICE"}));
    world.spec("web").ignore = vec![crate::name::FieldPath::parse("settings.*").unwrap()];
    let report = world.report("web");
    assert_eq!((report.sync, sent(&world)), (Sync::InSync, vec![]));
    assert_eq!(paths(&report.left_alone), [("settings.propagateTags", Reason::IgnoredByRule, None)]);
}

#[test]
fn what_left_git_is_set_back_once_and_then_forgotten() {
    let on = json!({"enableExecuteCommand": true, "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"]}}});
    let mut world = web(on.clone(), on.clone());
    world.learn();
    assert_eq!(world.remember("web").managed_settings, settings(on));

    world.spec("web").settings = ServiceSettings::default();
    let report = world.report("web");
    assert_eq!(paths(&report.differences), [("settings.enableExecuteCommand", Reason::Removed, None)]);
    assert_eq!(sent(&world), [(json!({"enableExecuteCommand": false}), false)]);
    let left = "web: settings.networkConfiguration.awsvpcConfiguration.subnets is not managed any more and left as it \
                is: AWS has no reset for it";
    assert!(world.told().contains(&(EventKind::SettingLeft, left.to_owned())));
    assert_eq!(world.remember("web").managed_settings, settings(json!({"enableExecuteCommand": true})));

    world.live("web").settings = settings(json!({"enableExecuteCommand": false}));
    world.learn();
    assert_eq!(world.remember("web").managed_settings, ServiceSettings::default());
    assert_eq!(sent(&world), []);
}

/// How often settings are read in one whole pass.
fn readings(world: &mut Fixture) -> usize {
    let before = ServiceSettings::readings();
    let (_, _) = (world.needs(), world.propose());
    world.learn();
    ServiceSettings::readings() - before
}

#[test]
fn what_agreed_before_is_not_read_again_until_something_changes() {
    let both = json!({"enableExecuteCommand": true, "loadBalancers": [{"targetGroupArn": "a"}]});
    let mut live = both.clone();
    live["propagateTags"] = json!("NONE");
    let mut world = web(live.clone(), both.clone());
    assert_ne!(readings(&mut world), 0, "nothing is remembered");
    readings(&mut world);
    assert_eq!(readings(&mut world), 0);
    // Live, git and memory: each change is seen.
    live["enableExecuteCommand"] = json!(false);
    world.live("web").settings = settings(live.clone());
    assert_eq!(sent(&world), [(json!({"enableExecuteCommand": true}), false)]);
    live["enableExecuteCommand"] = json!(true);
    world.live("web").settings = settings(live);
    readings(&mut world);
    assert_eq!((sent(&world), readings(&mut world)), (vec![], 0));
    world.spec("web").settings = settings(json!({"enableExecuteCommand": false}));
    assert_eq!(sent(&world).len(), 1);
    world.spec("web").settings = settings(both);
    readings(&mut world);
    readings(&mut world);
    world.remember("web").managed_settings = settings(json!({"propagateTags": "NONE"}));
    assert_ne!(readings(&mut world), 0);
}

#[test]
fn with_the_store_lost_nothing_is_set_back() {
    let world = web(json!({"enableExecuteCommand": true}), json!({}));
    assert_eq!((world.report("web").sync, sent(&world)), (Sync::InSync, vec![]));
}

#[test]
fn tasks_that_do_not_have_a_changed_setting_yet_are_counted_until_there_are_none() {
    let mut world = web(json!({"enableExecuteCommand": true}), json!({"enableExecuteCommand": true}));
    world.remember("web").changed_settings.insert("enableExecuteCommand".to_owned(), at(-100));
    assert_eq!(world.needs(), BTreeSet::from([Need::TaskStarts { service: name("web") }]));
    world.live.task_starts.insert(name("web"), known(vec![at(-3600), at(-50)]));
    let report = world.report("web");
    assert_eq!(
        (report.sync, report.notes),
        (
            Sync::InSync,
            vec![
                "settings.enableExecuteCommand is applied, but 1 running task is still old: change `restart` to roll them"
                    .to_owned()
            ]
        )
    );
    world.live.task_starts.insert(name("web"), known(vec![at(-60), at(-50)]));
    world.learn();
    assert!(world.remember("web").changed_settings.is_empty());
    // A deployment that began later has replaced them all: nothing needs to be read.
    world.remember("web").changed_settings.insert("enableExecuteCommand".to_owned(), at(-7200));
    world.live.task_starts.clear();
    assert_eq!(world.needs(), BTreeSet::new());
    assert_eq!(world.report("web").notes, Vec::<String>::new());
}

#[test]
fn what_only_a_service_revision_shows_is_read_when_git_names_it() {
    let metrics = |seconds: u32| json!({"monitoring": {"metricConfigurations": [{"metricNames": ["CPUUtilization"], "resolutionSeconds": seconds}]}});
    let mut world = web(json!({}), metrics(20));
    assert_eq!((world.needs(), sent(&world)), (BTreeSet::new(), vec![]), "AWS names no revision");
    world.live("web").service_revision =
        Some("arn:aws:ecs:eu-central-1:111122223333:service-revision/1".to_owned());
    assert_eq!(world.needs(), BTreeSet::from([Need::RevisionSettings { service: name("web") }]));
    assert!(world.report("web").has_unknown());
    world.live.revision_settings.insert(name("web"), known(settings(metrics(20))));
    assert_eq!((world.report("web").sync, sent(&world)), (Sync::InSync, vec![]));
    world.live.revision_settings.insert(name("web"), known(settings(metrics(60))));
    assert_eq!(sent(&world), [(metrics(20), true)]);
    world.live.revision_settings.insert(name("web"), Observed::Missing);
    assert_eq!(sent(&world), []);
    // What AWS does by itself is not shown.
    let both = json!(["CPUUtilization", "MemoryUtilization"]);
    let by_itself = json!({"metricConfigurations": [{"metricNames": both, "resolutionSeconds": 60}]});
    world.spec("web").settings = settings(json!({"monitoring": by_itself}));
    world.live.revision_settings.insert(name("web"), known(settings(json!({}))));
    assert_eq!((world.report("web").sync, sent(&world)), (Sync::InSync, vec![]));
    // What DescribeServices shows is taken from there alone.
    let mut both = metrics(20);
    both["platformVersion"] = json!("1.3.0");
    world.spec("web").settings = settings(both.clone());
    world.live("web").settings = settings(json!({"platformVersion": "LATEST"}));
    world.live.revision_settings.insert(name("web"), known(settings(both)));
    assert_eq!(sent(&world), [(json!({"platformVersion": "1.3.0"}), true)]);
}

#[test]
fn a_namespace_by_its_name_is_changed_when_git_changes_it_and_told_otherwise() {
    let connect =
        |namespace: &str| json!({"serviceConnectConfiguration": {"enabled": true, "namespace": namespace}});
    let arn = "arn:aws:servicediscovery:eu-central-1:111122223333:namespace/ns-1";
    let mut world = web(connect(arn), connect("internal"));
    let told = "settings.serviceConnectConfiguration.namespace cannot be told apart: git has its name, live has its ARN; it is \
                taken for the same, and a change of either is seen from now on";
    assert_eq!((sent(&world), world.report("web").notes), (vec![], vec![told.to_owned()]));
    world.learn();
    assert_eq!(world.report("web").notes, Vec::<String>::new(), "told once");

    world.spec("web").settings = settings(connect("public"));
    let report = world.report("web");
    let path = "settings.serviceConnectConfiguration.namespace";
    assert_eq!(paths(&report.differences), [(path, Reason::Changed, None)]);
    assert_eq!(sent(&world), [(connect("public"), true)]);
    // As long as it was not sent, and then no more.
    world.learn();
    let action = world.propose().actions[0].clone();
    let outcome = Outcome::Done { deployment_id: None, task_definition: None };
    record(&mut world.memory, &action, &outcome, &world.desired, COMMIT, at(5));
    assert_eq!(world.report("web").differences, []);
}

/// A namespace's ARN ends in its id, so a name in git says nothing of it: what was accepted does.
#[test]
fn another_namespace_than_the_accepted_one_is_drift_and_the_cluster_s_default_is_nobody_s() {
    let connect =
        |namespace: &str| json!({"serviceConnectConfiguration": {"enabled": true, "namespace": namespace}});
    let arn = |id: &str| format!("arn:aws:servicediscovery:eu-central-1:111122223333:namespace/{id}");
    let path = "settings.serviceConnectConfiguration.namespace";
    for (git, first, second) in
        [("internal", arn("ns-1"), arn("ns-2")), (&arn("ns-1"), "internal".to_owned(), "public".to_owned())]
    {
        let mut world = web(connect(&first), connect(git));
        // While something else differs, it is not known whether this is what git means.
        world.live("web").desired_count = 1;
        world.learn();
        assert_eq!(world.remember("web").accepted_names, BTreeMap::new());
        world.live("web").desired_count = 2;
        world.learn();
        assert_eq!(world.remember("web").accepted_names, BTreeMap::from([(path.to_owned(), first.clone())]));

        world.live("web").settings = settings(connect(&second));
        let report = world.report("web");
        assert_eq!(paths(&report.differences), [(path, Reason::Changed, None)]);
        let note = format!("live showed {first} when it was in sync");
        assert_eq!(report.differences[0].note.as_deref(), Some(note.as_str()));
        assert_eq!(sent(&world), [(connect(git), true)]);
        // What Bowline itself set is accepted as AWS shows it then, and nothing before.
        world.learn();
        let action = world.propose().actions[0].clone();
        let outcome = Outcome::Done { deployment_id: None, task_definition: None };
        record(&mut world.memory, &action, &outcome, &world.desired, COMMIT, at(5));
        assert_eq!(world.remember("web").accepted_names, BTreeMap::new());
        assert_eq!(world.report("web").differences, []);
    }
    // Git names none: the cluster's default, which live shows, is not compared.
    let world = web(connect(&arn("ns-1")), json!({"serviceConnectConfiguration": {"enabled": true}}));
    assert_eq!((sent(&world), world.report("web").notes), (vec![], vec![]));
}
