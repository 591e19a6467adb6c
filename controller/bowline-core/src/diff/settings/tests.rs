use serde_json::json;

use super::*;
use crate::diff::Reason;
use crate::name::FieldPath;

fn map(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("not an object") };
    map
}

/// Each difference as a line.
fn lines(wanted: Value, found: Value) -> Vec<String> {
    let (wanted, found) = (map(wanted), map(found));
    compare(&wanted, &found, &[])
        .into_iter()
        .flat_map(|leaf| leaf.differences)
        .map(|one| line(&one))
        .collect()
}

fn line(difference: &Difference) -> String {
    let reason = serde_json::to_value(difference.reason).unwrap();
    format!("{} [{}]", difference, reason.as_str().unwrap())
}

fn ignoring(paths: &[&str]) -> Ignored {
    Ignored::new(&paths.iter().map(|path| FieldPath::parse(path).unwrap()).collect::<Vec<_>>())
}

#[test]
fn what_means_the_same_is_no_difference() {
    let subnets = |list: Value| json!({"networkConfiguration": {"awsvpcConfiguration": {"subnets": list}}});
    let placed = |field: &str| json!({"placementStrategy": [{"type": "binpack", "field": field}]});
    let role = "arn:aws:iam::111122223333:role/service/ecs-role";
    let metrics = json!({"monitoring": {"metricConfigurations": [
        {"metricNames": ["MemoryUtilization", "CPUUtilization"], "resolutionSeconds": 60}]}});
    let table = [
        (json!({}), json!({"enableExecuteCommand": true, "platformVersion": "1.3.0"})),
        (json!({"deploymentConfiguration": {}}), json!({"deploymentConfiguration": {"maximumPercent": 150}})),
        (json!({"enableExecuteCommand": false}), json!({})),
        (json!({"propagateTags": "NONE"}), json!({"propagateTags": ""})),
        (json!({"platformVersion": "LATEST"}), json!({"platformVersion": "1.4.0"})),
        (json!({"loadBalancers": []}), json!({})),
        (json!({"role": "ecs-role"}), json!({"role": role})),
        (json!({"role": "/service/ecs-role"}), json!({"role": role})),
        (metrics.clone(), json!({})),
        (metrics.clone(), json!({"monitoring": {"metricConfigurations": []}})),
        (json!({"monitoring": {"metricConfigurations": []}}), metrics),
        (subnets(json!(["b", "a"])), subnets(json!(["a", "b"]))),
        (placed("memory"), placed("MEMORY")),
        (placed("host"), placed("instanceId")),
        (
            json!({"capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]}),
            json!({"capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 0, "base": 0}]}),
        ),
        (
            json!({"deploymentConfiguration": {"canaryConfiguration": {"canaryPercent": 5}}}),
            json!({"deploymentConfiguration": {"canaryConfiguration": {"canaryPercent": 5.0}}}),
        ),
        (json!({"serviceConnectConfiguration": {"enabled": false}}), json!({})),
        (
            json!({"serviceConnectConfiguration": {"enabled": true, "namespace": "internal"}}),
            json!({"serviceConnectConfiguration": {"enabled": true,
                "namespace": "arn:aws:servicediscovery:eu-central-1:111122223333:namespace/ns-1"}}),
        ),
    ];
    for (wanted, found) in table {
        assert_eq!(lines(wanted.clone(), found.clone()), Vec::<String>::new(), "{wanted} {found}");
    }
}

#[test]
fn only_what_git_lists_is_compared_and_each_difference_says_why() {
    let wanted = json!({
        "availabilityZoneRebalancing": "ENABLED",
        "capacityProviderStrategy": [
            {"capacityProvider": "FARGATE", "weight": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 4}],
        "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "resetOnHealthyTask": false}},
        "enableExecuteCommand": false,
        "loadBalancers": [{"targetGroupArn": "a", "containerName": "web", "containerPort": 80}],
        "monitoring": {"metricConfigurations": [
            {"metricNames": ["CPUUtilization", "MemoryUtilization"], "resolutionSeconds": 20}]},
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a", "b"]}},
        "serviceConnectConfiguration": {"enabled": true, "namespace": "internal", "logConfiguration": {
            "logDriver": "splunk", "options": {"splunk-token": "new", "splunk-format": "json"}}},
    });
    let found = json!({
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 0, "base": 2}],
        "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": false, "rollback": true}},
        "enableExecuteCommand": true,
        "loadBalancers": [
            {"targetGroupArn": "a", "containerName": "web", "containerPort": 8080},
            {"targetGroupArn": "b", "containerName": "web", "containerPort": 80}],
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["b", "c"], "assignPublicIp": "ENABLED"}},
        "serviceConnectConfiguration": {"enabled": true, "logConfiguration": {
            "logDriver": "splunk", "options": {"splunk-token": "older", "splunk-format": "raw"}}},
        "propagateTags": "SERVICE",
    });
    assert_eq!(
        lines(wanted, found),
        [
            "settings.availabilityZoneRebalancing is DISABLED, git wants ENABLED [defaulted]",
            "settings.capacityProviderStrategy[capacityProvider=FARGATE].base is 2, git wants 0 [defaulted]",
            "settings.capacityProviderStrategy[capacityProvider=FARGATE].weight is 0, git wants 1 [defaulted]",
            "settings.capacityProviderStrategy[capacityProvider=FARGATE_SPOT].weight is not set, git wants 4 [added]",
            "settings.deploymentConfiguration.deploymentCircuitBreaker.enable is false, git wants true [changed]",
            "settings.deploymentConfiguration.deploymentCircuitBreaker.resetOnHealthyTask is true, git wants false [defaulted]",
            "settings.enableExecuteCommand is true, git wants false [changed]",
            "settings.loadBalancers[targetGroupArn=a].containerPort is 8080, git wants 80 [changed]",
            "settings.loadBalancers[targetGroupArn=b].containerName is web, git does not have it [removed]",
            "settings.loadBalancers[targetGroupArn=b].containerPort is 80, git does not have it [removed]",
            r#"settings.monitoring.metricConfigurations[metricNames=["CPUUtilization","MemoryUtilization"]].resolutionSeconds is 60, git wants 20 [defaulted]"#,
            "settings.networkConfiguration.awsvpcConfiguration.subnets[a] is not set, git wants a [added]",
            "settings.networkConfiguration.awsvpcConfiguration.subnets[c] is c, git does not have it [removed]",
            "settings.serviceConnectConfiguration.logConfiguration.options.splunk-format changed (3 -> 4 chars) [changed]",
            "settings.serviceConnectConfiguration.logConfiguration.options.splunk-token changed (5 -> 3 chars) [changed]",
            "settings.serviceConnectConfiguration.namespace is not set, git wants internal [added]",
        ]
    );
}

/// Service Connect with these options of its log driver.
fn with_options(options: &Value) -> Value {
    let logs = json!({"logDriver": "awsfirelens", "options": options});
    json!({"serviceConnectConfiguration": {"enabled": true, "logConfiguration": logs}})
}

#[test]
fn a_key_with_dots_in_it_is_compared_sent_and_confirmed_like_any_other() {
    let option = "settings.serviceConnectConfiguration.logConfiguration.options.tls.verify";
    let on = || with_options(&json!({"Name": "es", "tls.verify": "On"}));
    let without = || with_options(&json!({"Name": "es"}));
    assert_eq!(lines(on(), on()), Vec::<String>::new());
    let off = with_options(&json!({"Name": "es", "tls.verify": "Off"}));
    assert_eq!(lines(on(), off.clone()), [format!("{option} changed (3 -> 2 chars) [changed]")]);
    assert_eq!(lines(on(), without()), [format!("{option} is not set, git wants (2 chars) [added]")]);
    let nothing = Ignored::default();
    let sent = request("serviceConnectConfiguration", &map(on()), &map(off.clone()), &[], &nothing);
    assert_eq!(sent, on()["serviceConnectConfiguration"]);

    let in_effect = |asked: Value, live: &Value| {
        settings_in_effect(&map(asked), &ServiceSettings::new(&map(live.clone())))
    };
    assert!(in_effect(on(), &on()));
    assert!(!in_effect(on(), &off));
    assert!(!in_effect(without(), &on()), "it was to be left out");

    let (sent, left) = taken_back(on(), without(), on(), false, &[]);
    let sent_path = option.strip_prefix("settings.").unwrap();
    assert_eq!((sent, left), (json!({sent_path: "left out"}), vec![]));
    let (sent, left) = taken_back(on(), without(), off, false, &[]);
    assert_eq!((sent, left), (json!({}), vec![format!("{option}: somebody has changed it since")]));
}

#[test]
fn what_is_no_text_in_a_document_is_never_shown_and_a_text_only_by_name() {
    let settings = |secret: &str| {
        map(json!({
            "deploymentConfiguration": {"lifecycleHooks": [{
                "hookTargetArn": "arn:aws:lambda:eu-central-1:111122223333:function:check",
                "hookDetails": {"list": [secret], "level": secret, "to": {"apiKey": secret}},
            }]},
            "volumeConfigurations": [{"name": "data", "managedEBSVolume": {"tagSpecifications": [
                {"resourceType": "volume", "tags": [{"key": "team", "value": secret}]}]}}],
        }))
    };
    let reveal = ["list", "level", "to", "team"].map(str::to_owned);
    let hook = "settings.deploymentConfiguration.lifecycleHooks[hookTargetArn=arn:aws:lambda:eu-central-1:111122223333:function:check].hookDetails";
    let tag = "settings.volumeConfigurations[name=data].managedEBSVolume.tagSpecifications[resourceType=volume].tags[key=team].value";
    let told = |reveal: &[String]| -> Vec<String> {
        let (wanted, found) = (settings("pw"), settings("old"));
        let leaves = compare(&wanted, &found, reveal);
        leaves.iter().flat_map(|leaf| &leaf.differences).map(ToString::to_string).collect()
    };
    let list = format!("{hook}.list changed (7 -> 6 chars)");
    let to = format!("{hook}.to changed (16 -> 15 chars)");
    assert_eq!(
        told(&[]),
        [
            format!("{hook}.level changed (3 -> 2 chars)"),
            list.clone(),
            to.clone(),
            format!("{tag} changed (3 -> 2 chars)"),
        ]
    );
    assert_eq!(
        told(&reveal),
        [format!("{hook}.level is old, git wants pw"), list, to, format!("{tag} is old, git wants pw"),]
    );
}

#[test]
fn a_structure_is_sent_with_everything_that_is_live_beside_the_wanted_leaves() {
    let found = map(json!({
        "networkConfiguration": {"awsvpcConfiguration": {
            "subnets": ["a"], "securityGroups": ["sg"], "assignPublicIp": "ENABLED"}},
        "loadBalancers": [{"targetGroupArn": "blue", "containerName": "web", "containerPort": 80}],
    }));
    let wanted = map(json!({
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a", "b"]}},
        "loadBalancers": [{"targetGroupArn": "blue", "containerName": "app", "containerPort": 81}],
    }));
    let nothing = Ignored::default();
    assert_eq!(
        request("networkConfiguration", &wanted, &found, &[], &nothing),
        json!({"awsvpcConfiguration": {
            "subnets": ["a", "b"], "securityGroups": ["sg"], "assignPublicIp": "ENABLED"}})
    );
    let ports = ignoring(&["settings.loadBalancers[*].containerPort"]);
    assert_eq!(
        request("loadBalancers", &wanted, &found, &[], &ports),
        json!([{"targetGroupArn": "blue", "containerName": "app", "containerPort": 80}])
    );
    let all = ignoring(&["settings.networkConfiguration"]);
    assert_eq!(request("networkConfiguration", &wanted, &found, &[], &all), found["networkConfiguration"]);
}

#[test]
fn what_is_ignored_in_a_list_is_sent_as_it_is_live() {
    let network = |groups: Value, subnets: Value| json!({"networkConfiguration": {"awsvpcConfiguration": {"securityGroups": groups, "subnets": subnets}}});
    let found = map(network(json!(["sg-a", "sg-extra"]), json!(["a"])));
    let wanted = map(network(json!(["sg-a"]), json!(["b"])));
    let extra = ignoring(&["settings.networkConfiguration.awsvpcConfiguration.securityGroups[sg-extra]"]);
    assert_eq!(
        request("networkConfiguration", &wanted, &found, &[], &extra),
        network(json!(["sg-a", "sg-extra"]), json!(["b"]))["networkConfiguration"]
    );
    let groups = |port: u32, advanced: Value| {
        let mut group = json!({"targetGroupArn": "blue", "containerName": "web", "containerPort": port});
        group.as_object_mut().unwrap().extend(map(advanced));
        json!({"loadBalancers": [group]})
    };
    let advanced =
        json!({"advancedConfiguration": {"testListenerRule": "test", "productionListenerRule": "live"}});
    let (found, wanted) = (map(groups(80, advanced)), map(groups(81, json!({}))));
    let rule = ignoring(&["settings.loadBalancers[*].advancedConfiguration.testListenerRule"]);
    assert_eq!(
        request("loadBalancers", &wanted, &found, &[], &rule),
        groups(81, json!({"advancedConfiguration": {"testListenerRule": "test"}}))["loadBalancers"]
    );
}

#[test]
fn what_goes_with_another_deployment_strategy_is_not_sent_unless_git_lists_it() {
    let strategy = |strategy: &str| json!({"deploymentConfiguration": {"strategy": strategy}});
    let found = map(json!({"deploymentConfiguration": {
        "strategy": "CANARY", "bakeTimeInMinutes": 5, "earlySuccessCriteria": {"enable": false},
        "canaryConfiguration": {"canaryPercent": 50.0, "canaryBakeTimeInMinutes": 7}}}));
    let sent = |wanted: Value, ignored: &[&str]| {
        request("deploymentConfiguration", &map(wanted), &found, &[], &ignoring(ignored))
    };
    assert_eq!(sent(strategy("BLUE_GREEN"), &[]), json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5}));
    let still_canary = json!({"strategy": "CANARY", "bakeTimeInMinutes": 6,
        "canaryConfiguration": {"canaryPercent": 50.0, "canaryBakeTimeInMinutes": 7}});
    let bake = json!({"deploymentConfiguration": {"bakeTimeInMinutes": 6}});
    assert_eq!(sent(bake.clone(), &[]), still_canary);
    let mut ignored = bake;
    ignored["deploymentConfiguration"]["strategy"] = json!("BLUE_GREEN");
    assert_eq!(sent(ignored, &["settings.deploymentConfiguration.strategy"]), still_canary);
    // What git lists is sent, and AWS says what it thinks of it.
    let mut listed = strategy("LINEAR");
    listed["deploymentConfiguration"]["canaryConfiguration"] = json!({"canaryPercent": 20});
    assert_eq!(
        sent(listed, &[]),
        json!({"strategy": "LINEAR", "bakeTimeInMinutes": 5, "canaryConfiguration": {"canaryPercent": 20}})
    );
}

/// What is set back, to what, and what is left.
fn taken_back(
    managed: Value,
    wanted: Value,
    found: Value,
    daemon: bool,
    ignored: &[&str],
) -> (Value, Vec<String>) {
    let (managed, wanted, found) = (map(managed), map(wanted), map(found));
    let removals = removals(&managed, &wanted, &found, daemon, &ignoring(ignored), &[]);
    let mut sent = Map::new();
    for removal in &removals.resets {
        sent.insert(removal.names.join("."), removal.to.clone().unwrap_or(json!("left out")));
        assert!(removal.differences.iter().all(|difference| difference.reason == Reason::Removed));
    }
    let left = removals.left.into_iter().map(|(path, why)| format!("{path}: {why}")).collect();
    (Value::Object(sent), left)
}

#[test]
fn what_left_git_is_set_back_explicitly() {
    let breaker = json!({"enable": true, "rollback": true, "resetOnHealthyTask": false});
    let connect = json!({"enabled": true, "namespace": "internal", "services": [{"portName": "http"}]});
    let managed = json!({
        "deploymentConfiguration": {"deploymentCircuitBreaker": breaker, "maximumPercent": 150},
        "enableExecuteCommand": true,
        "loadBalancers": [{"targetGroupArn": "a"}],
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"]}},
        "platformVersion": "1.3.0",
        "serviceConnectConfiguration": connect,
    });
    let (sent, left) =
        taken_back(managed.clone(), json!({}), managed.clone(), true, &["settings.platformVersion"]);
    assert_eq!(
        sent,
        json!({
            "deploymentConfiguration.deploymentCircuitBreaker": {"enable": false, "rollback": false},
            "deploymentConfiguration.maximumPercent": 100,
            "enableExecuteCommand": false,
            "loadBalancers": [],
            "serviceConnectConfiguration": {"enabled": false},
        })
    );
    assert_eq!(left, ["settings.networkConfiguration.awsvpcConfiguration.subnets: AWS has no reset for it"]);
    // A part that is still listed is not taken back with the rest.
    let part = json!({
        "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true}},
        "loadBalancers": [],
        "serviceConnectConfiguration": {"enabled": true},
    });
    let (sent, left) = taken_back(managed.clone(), part, managed.clone(), false, &[]);
    let kept = ["networkConfiguration.awsvpcConfiguration.subnets", "serviceConnectConfiguration.namespace"];
    assert_eq!(left, kept.map(|field| format!("settings.{field}: AWS has no reset for it")));
    assert_eq!(
        sent,
        json!({
            "deploymentConfiguration.deploymentCircuitBreaker.resetOnHealthyTask": true,
            "deploymentConfiguration.deploymentCircuitBreaker.rollback": false,
            "deploymentConfiguration.maximumPercent": 200,
            "enableExecuteCommand": false,
            "platformVersion": "LATEST",
            "serviceConnectConfiguration.services": "left out",
        })
    );
}

#[test]
fn what_is_ignored_stays_when_what_is_around_it_is_set_back() {
    let alarms = |names: Value, on: bool| json!({"deploymentConfiguration": {"alarms": {"alarmNames": names, "enable": on, "rollback": on}}});
    let (managed, found) = (map(alarms(json!(["a"]), true)), map(alarms(json!(["a", "b"]), true)));
    let names = ignoring(&["settings.deploymentConfiguration.alarms.alarmNames"]);
    let removals = removals(&managed, &Map::new(), &found, false, &names, &[]);
    let [reset] = &removals.resets[..] else { panic!("{removals:?}") };
    let off = map(alarms(json!(["a", "b"]), false));
    assert_eq!(
        request("deploymentConfiguration", &Map::new(), &found, &[reset], &names),
        off["deploymentConfiguration"]
    );
    let note = r#"taken out of git, so it is set back to {"alarmNames":[],"enable":false,"rollback":false}, but for what is ignored"#;
    let told = ["enable", "rollback"].map(|field| {
        format!(
            "settings.deploymentConfiguration.alarms.{field} is true, git does not have it: {note} [removed]"
        )
    });
    assert_eq!(reset.differences.iter().map(line).collect::<Vec<_>>(), told);
    assert_eq!(
        taken_back(
            Value::Object(managed),
            json!({}),
            Value::Object(off),
            false,
            &["settings.deploymentConfiguration.alarms.alarmNames"]
        ),
        (json!({}), vec![])
    );
}

#[test]
fn what_is_ignored_inside_of_what_is_set_back_is_no_change_by_somebody_else() {
    let connect = |ports: &[&str]| {
        let services: Vec<Value> = ports.iter().map(|port| json!({"portName": port})).collect();
        json!({"serviceConnectConfiguration": {"enabled": true, "services": services}})
    };
    let breaker = |more: Value| {
        let mut breaker = json!({"enable": true, "rollback": true});
        breaker.as_object_mut().unwrap().extend(map(more));
        json!({"deploymentConfiguration": {"deploymentCircuitBreaker": breaker}})
    };
    let group = |name: &str, port: u32| json!({"targetGroupArn": name, "containerName": "web", "containerPort": port});
    let table = [
        (
            connect(&["http"]),
            json!({"serviceConnectConfiguration": {"enabled": true}}),
            connect(&["http", "grpc"]),
            "settings.serviceConnectConfiguration.services[portName=grpc]",
            (json!({"serviceConnectConfiguration.services": [{"portName": "grpc"}]}), vec![]),
        ),
        (
            breaker(json!({})),
            json!({}),
            breaker(json!({"resetOnHealthyTask": false})),
            "settings.deploymentConfiguration.deploymentCircuitBreaker.resetOnHealthyTask",
            (
                json!({"deploymentConfiguration.deploymentCircuitBreaker":
                    {"enable": false, "rollback": false, "resetOnHealthyTask": false}}),
                vec![],
            ),
        ),
        (
            json!({"loadBalancers": [group("a", 80)]}),
            json!({}),
            json!({"loadBalancers": [group("a", 81), group("b", 80)]}),
            "settings.loadBalancers[*].containerPort",
            (json!({}), vec!["settings.loadBalancers: somebody has changed it since".to_owned()]),
        ),
        (
            json!({"loadBalancers": [group("a", 80)]}),
            json!({}),
            json!({"loadBalancers": [group("a", 81)]}),
            "settings.loadBalancers[*].containerPort",
            (json!({"loadBalancers": []}), vec![]),
        ),
    ];
    for (managed, wanted, found, ignored, expected) in table {
        assert_eq!(taken_back(managed, wanted, found, false, &[ignored]), expected, "{ignored}");
    }
}

#[test]
fn what_goes_with_a_deployment_strategy_is_set_back_while_it_stays_and_leaves_with_it() {
    let canary = json!({"canaryPercent": 50.0, "canaryBakeTimeInMinutes": 7});
    let managed =
        json!({"deploymentConfiguration": {"strategy": "CANARY", "canaryConfiguration": canary.clone()}});
    let deployment = |value: Value| json!({"deploymentConfiguration": value});
    let cases = [
        (
            deployment(json!({"strategy": "CANARY"})),
            json!({"deploymentConfiguration.canaryConfiguration": {"canaryBakeTimeInMinutes": 10, "canaryPercent": 5.0}}),
            vec![],
        ),
        (
            deployment(json!({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 50.0}})),
            json!({"deploymentConfiguration.canaryConfiguration.canaryBakeTimeInMinutes": 10}),
            vec![],
        ),
        (deployment(json!({"strategy": "BLUE_GREEN"})), json!({}), vec![]),
        (json!({}), json!({"deploymentConfiguration.strategy": "ROLLING"}), vec![]),
        // Git would have AWS refuse it.
        (
            deployment(json!({"canaryConfiguration": canary})),
            json!({}),
            vec![
                "settings.deploymentConfiguration.strategy: git lists what goes with that strategy only"
                    .to_owned(),
            ],
        ),
    ];
    for (wanted, sent, left) in cases {
        let found = managed.clone();
        assert_eq!(taken_back(managed.clone(), wanted.clone(), found, false, &[]), (sent, left), "{wanted}");
    }
    let strategy = "settings.deploymentConfiguration.strategy";
    let (sent, _) = taken_back(managed.clone(), json!({}), managed, false, &[strategy]);
    let back = json!({"canaryBakeTimeInMinutes": 10, "canaryPercent": 5.0});
    assert_eq!(sent, json!({"deploymentConfiguration.canaryConfiguration": back}));
}

#[test]
fn what_is_left_for_a_reason_of_its_own_is_told_with_it() {
    let managed =
        json!({"availabilityZoneRebalancing": "ENABLED", "deploymentController": {"type": "EXTERNAL"}});
    let (sent, left) = taken_back(managed.clone(), json!({}), managed, false, &[]);
    assert_eq!(sent, json!({}));
    assert_eq!(
        left,
        [
            "settings.availabilityZoneRebalancing: AWS gives ENABLED to a new service and DISABLED to an older one that \
             never had it; list the one that is meant",
            "settings.deploymentController.type: AWS lets no service go back to CodeDeploy; list ECS if ECS is to deploy it \
             from now on",
        ]
    );
}

#[test]
fn what_somebody_else_changed_since_is_not_set_back() {
    let managed = json!({"enableExecuteCommand": true, "healthCheckGracePeriodSeconds": 30, "propagateTags": "SERVICE"});
    let found = json!({"healthCheckGracePeriodSeconds": 90, "propagateTags": "NONE"});
    let (sent, left) = taken_back(managed, json!({"enableExecuteCommand": true}), found, false, &[]);
    assert_eq!(sent, json!({}));
    // What is as it would be set back to is nothing to tell.
    assert_eq!(left, ["settings.healthCheckGracePeriodSeconds: somebody has changed it since"]);
}

#[test]
fn a_request_is_in_effect_when_every_leaf_of_it_is_live() {
    let live = ServiceSettings::new(&map(json!({"enableExecuteCommand": true, "platformVersion": "1.4.0"})));
    let asked = |request: Value| settings_in_effect(&map(request), &live);
    assert!(asked(json!({"enableExecuteCommand": true, "platformVersion": "LATEST", "loadBalancers": []})));
    assert!(!asked(json!({"enableExecuteCommand": false})));
    let connect = |more: Value| {
        let mut connect = json!({"enabled": true, "namespace": "internal"});
        connect.as_object_mut().unwrap().extend(map(more));
        map(json!({"serviceConnectConfiguration": connect}))
    };
    let with_logs = connect(json!({"logConfiguration": {"logDriver": "awslogs", "options": {"a": "b"}}}));
    let left_out = settings_in_effect(&connect(json!({})), &ServiceSettings::new(&with_logs));
    assert!(!left_out, "AWS replaces the structure as a whole");
    assert!(settings_in_effect(&with_logs, &ServiceSettings::new(&with_logs)));
    assert_ne!(settings_fingerprint(&live, "platformVersion"), settings_fingerprint(&live, "loadBalancers"));
}
