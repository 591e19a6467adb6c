//! What settings by chance need to become those of a service that ECS would take: names that exist, fields that go together.

use serde_json::{Map, Value, json};

use super::Network;
use crate::generate::consistent::unique;
use crate::generate::place::SETTINGS;

type Object = Map<String, Value>;

/// The ports that the task definitions name.
const PORTS: [&str; 2] = ["http", "grpc"];
/// Their containers.
const CONTAINERS: [(&str, u16); 2] = [("c0", 8080), ("c1", 9090)];

/// The nearest settings that ECS would take. `number` says what sort of service it is.
pub(super) fn made(number: usize, mut drawn: Value, network: &Network) -> Value {
    let settings = drawn.as_object_mut().expect("settings are an object");
    for field in ["deploymentController", "launchType", "schedulingStrategy", "role", "networkConfiguration"]
    {
        if field != "networkConfiguration" || number % 5 == 4 {
            settings.remove(field);
        }
    }
    match number % 5 {
        4 => on_instances(settings, number % 10 == 9),
        _ => on_fargate(settings, network),
    }
    deployment(settings);
    load_balancers(settings);
    names(settings);
    if number % 5 == 3 {
        settings.insert("deploymentController".to_owned(), json!({"type": "CODE_DEPLOY"}));
        for field in [
            "serviceConnectConfiguration",
            "vpcLatticeConfigurations",
            "gatewayConnectors",
            "monitoring",
            "volumeConfigurations",
        ] {
            settings.remove(field);
        }
        settings.remove("deploymentConfiguration");
    }
    unique(*SETTINGS, &mut drawn, "");
    drawn
}

fn on_fargate(settings: &mut Object, network: &Network) {
    for field in ["placementStrategy", "placementConstraints"] {
        settings.remove(field);
    }
    let mut awsvpc = settings
        .remove("networkConfiguration")
        .and_then(|mut found| found["awsvpcConfiguration"].take().as_object().cloned())
        .unwrap_or_default();
    let some = |drawn: Option<&Value>, all: &[String]| {
        let count = drawn.and_then(Value::as_array).map_or(1, Vec::len);
        json!(all[..count.min(all.len())])
    };
    awsvpc.insert("subnets".to_owned(), some(awsvpc.get("subnets"), &network.subnets));
    if network.needs_groups || awsvpc.contains_key("securityGroups") {
        awsvpc.insert("securityGroups".to_owned(), some(awsvpc.get("securityGroups"), &network.groups));
    }
    settings.insert("networkConfiguration".to_owned(), json!({"awsvpcConfiguration": awsvpc}));
    let versions = ["1.3.0", "1.4.0", "LATEST"];
    if let Some(version) = settings.get_mut("platformVersion") {
        *version = json!(versions[version.as_str().map_or(0, str::len) % versions.len()]);
    }
    let providers = ["FARGATE", "FARGATE_SPOT"];
    match settings.get_mut("capacityProviderStrategy").and_then(Value::as_array_mut) {
        Some(items) => {
            items.truncate(providers.len());
            items.iter_mut().zip(providers).for_each(|(item, name)| item["capacityProvider"] = json!(name));
        }
        None => drop(settings.insert("launchType".to_owned(), json!("FARGATE"))),
    }
}

fn on_instances(settings: &mut Object, daemon: bool) {
    for field in
        ["platformVersion", "availabilityZoneRebalancing", "gatewayConnectors", "vpcLatticeConfigurations"]
    {
        settings.remove(field);
    }
    for (number, constraint) in objects(settings, "placementConstraints").enumerate() {
        if constraint.get("type") == Some(&json!("distinctInstance")) {
            constraint.remove("expression");
        } else {
            constraint.insert("type".to_owned(), json!("memberOf"));
            constraint.insert("expression".to_owned(), json!(format!("attribute:rack == {number}")));
        }
    }
    for strategy in objects(settings, "placementStrategy") {
        match strategy.get("type").and_then(Value::as_str) {
            Some("random") | None => drop(strategy.insert("type".to_owned(), json!("random"))),
            Some("binpack") => drop(strategy.insert("field".to_owned(), json!("cpu"))),
            Some(_) => drop(strategy.insert("field".to_owned(), json!("instanceId"))),
        }
        if strategy["type"] == "random" {
            strategy.remove("field");
        }
    }
    if daemon {
        settings.insert("schedulingStrategy".to_owned(), json!("DAEMON"));
        settings.remove("placementStrategy");
        settings.remove("capacityProviderStrategy");
    }
    if !settings.contains_key("capacityProviderStrategy") {
        settings.insert("launchType".to_owned(), json!("EC2"));
    }
}

/// Percentages that let tasks be replaced; what belongs to a strategy only with it; hooks with what their kind needs.
fn deployment(settings: &mut Object) {
    let daemon = settings.contains_key("schedulingStrategy");
    let Some(deployment) = settings.get_mut("deploymentConfiguration").and_then(Value::as_object_mut) else {
        return;
    };
    for (field, limits) in
        [("minimumHealthyPercent", 0..=90), ("maximumPercent", if daemon { 100..=100 } else { 101..=300 })]
    {
        if let Some(percent) = deployment.get_mut(field) {
            let found = percent.as_u64().unwrap_or_default();
            *percent = json!(limits.start() + found % (limits.end() - limits.start() + 1));
        }
    }
    if daemon {
        for field in ["strategy", "canaryConfiguration", "linearConfiguration"] {
            deployment.remove(field);
        }
    }
    for (field, strategy) in [("linearConfiguration", "LINEAR"), ("canaryConfiguration", "CANARY")] {
        if deployment.contains_key(field) {
            deployment.insert("strategy".to_owned(), json!(strategy));
        }
    }
    for (structure, flags) in
        [("alarms", ["enable", "rollback"]), ("deploymentCircuitBreaker", ["enable", "rollback"])]
    {
        if let Some(structure) = deployment.get_mut(structure).and_then(Value::as_object_mut) {
            for flag in flags {
                structure.entry(flag).or_insert(json!(true));
            }
        }
    }
    if let Some(alarms) = deployment.get_mut("alarms").and_then(Value::as_object_mut) {
        alarms.entry("alarmNames").or_insert(json!(["errors"]));
    }
    let strategy = deployment.get("strategy").and_then(Value::as_str).unwrap_or("ROLLING").to_owned();
    if strategy != "LINEAR" {
        deployment.remove("linearConfiguration");
    }
    if strategy != "CANARY" {
        deployment.remove("canaryConfiguration");
    }
    if let Some(early) = deployment.get_mut("earlySuccessCriteria").filter(|_| strategy != "ROLLING") {
        early["enable"] = json!(false);
    }
    for (number, hook) in objects(deployment, "lifecycleHooks").enumerate() {
        if hook.get("targetType") == Some(&json!("PAUSE")) && number == 0 {
            hook.remove("hookTargetArn");
            hook.remove("roleArn");
            hook.remove("hookDetails");
        } else {
            hook.insert("targetType".to_owned(), json!("AWS_LAMBDA"));
            let arn = format!("arn:aws:lambda:eu-central-1:111122223333:function:hook-{number}");
            hook.insert("hookTargetArn".to_owned(), json!(arn));
        }
    }
}

/// Load balancers of containers and ports that exist; a second target group only where traffic is shifted.
fn load_balancers(settings: &mut Object) {
    let strategy =
        settings.get("deploymentConfiguration").and_then(|deployment| deployment["strategy"].as_str());
    let traffic = strategy.is_some_and(|strategy| strategy != "ROLLING");
    for (number, balancer) in objects(settings, "loadBalancers").enumerate() {
        let (container, port) = CONTAINERS[number % CONTAINERS.len()];
        let group = |name: &str| {
            json!(format!(
                "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/{name}-{number}/0123456789abcdef"
            ))
        };
        balancer.insert("containerName".to_owned(), json!(container));
        balancer.insert("containerPort".to_owned(), json!(port));
        balancer.insert("targetGroupArn".to_owned(), group("blue"));
        balancer.remove("loadBalancerName");
        match balancer.get_mut("advancedConfiguration") {
            Some(advanced) if traffic => advanced["alternateTargetGroupArn"] = group("green"),
            _ => drop(balancer.remove("advancedConfiguration")),
        }
    }
}

/// Ports, volumes and containers that the task definition has; no more items than AWS takes.
fn names(settings: &mut Object) {
    for (list, most) in [
        ("serviceRegistries", 1),
        ("gatewayConnectors", 1),
        ("vpcLatticeConfigurations", 2),
        ("volumeConfigurations", 2),
    ] {
        truncate(settings, list, most);
    }
    for list in ["gatewayConnectors", "vpcLatticeConfigurations"] {
        objects(settings, list)
            .zip(PORTS)
            .for_each(|(item, port)| drop(item.insert("portName".to_owned(), json!(port))));
    }
    for registry in objects(settings, "serviceRegistries") {
        let arn = "arn:aws:servicediscovery:eu-central-1:111122223333:service/srv-1";
        registry.insert("registryArn".to_owned(), json!(arn));
        registry.insert("containerName".to_owned(), json!("c0"));
        registry.insert("containerPort".to_owned(), json!(8080));
    }
    for (volume, name) in objects(settings, "volumeConfigurations").zip(["data", "logs"]) {
        volume.insert("name".to_owned(), json!(name));
        if let Some(managed) = volume.get_mut("managedEBSVolume").and_then(Value::as_object_mut) {
            truncate(managed, "tagSpecifications", 1);
            managed.entry("sizeInGiB").or_insert(json!(20));
        }
    }
    if let Some(connect) = settings.get_mut("serviceConnectConfiguration").and_then(Value::as_object_mut) {
        connect.insert("enabled".to_owned(), json!(true));
        truncate(connect, "services", PORTS.len());
        truncate(connect, "containerConfigurations", 1);
        for (service, port) in objects(connect, "services").zip(PORTS) {
            service.insert("portName".to_owned(), json!(port));
            truncate(service, "clientAliases", 1);
        }
    }
}

fn truncate(parent: &mut Object, list: &str, most: usize) {
    if let Some(items) = parent.get_mut(list).and_then(Value::as_array_mut) {
        items.truncate(most);
    }
}

fn objects<'a>(parent: &'a mut Object, list: &str) -> impl Iterator<Item = &'a mut Object> {
    parent.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}
