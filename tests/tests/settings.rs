//! Settings of services, every field of UpdateService: what is described as it is gives an empty plan, each change by hand is
//! told as exactly that field and put right, and what leaves git is set back.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use bowline_sim::{Simulator, SimulatorConfig};
use bowline_tests::aws::Cli;
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::git::Remote;
use bowline_tests::servers::ACCOUNT;
use bowline_tests::world::{CLUSTER, World, service, target};
use serde_json::{Value, json};

/// One setting, on a service of its own.
struct Case {
    /// The service's name.
    name: &'static str,
    /// What it is created with, and what git lists.
    wanted: Value,
    /// What somebody changes by hand.
    changed: Value,
    /// What a plan then tells.
    told: Vec<String>,
    /// What is live after git has let go of it; what is not named is not looked at.
    after: Value,
}

fn case(name: &'static str, wanted: Value, changed: Value, told: &[&str], after: Value) -> Case {
    let told = told.iter().map(|path| format!("settings.{path}")).collect();
    Case { name, wanted, changed, told, after }
}

fn role(name: &str) -> String {
    format!("arn:aws:iam::111122223333:role/{name}")
}

/// Settings of the service itself.
#[allow(clippy::too_many_lines, reason = "a table")]
fn of_the_service() -> Vec<Case> {
    let capacity = |weight: u32| json!({"capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": weight}]});
    let deployment = |value: Value| json!({"deploymentConfiguration": value});
    let breaker = |rollback: bool| {
        deployment(json!({"deploymentCircuitBreaker": {"enable": true, "rollback": rollback}}))
    };
    let alarms =
        |name: &str| deployment(json!({"alarms": {"alarmNames": [name], "enable": true, "rollback": false}}));
    let hook = |timeout: u32| {
        let hook = json!({"targetType": "PAUSE", "lifecycleStages": ["PRE_SCALE_UP"],
            "timeoutConfiguration": {"timeoutInMinutes": timeout, "action": "CONTINUE"}});
        deployment(json!({"lifecycleHooks": [hook]}))
    };
    let constraint =
        |expression: &str| json!({"placementConstraints": [{"type": "memberOf", "expression": expression}]});
    let strategy = |field: &str| json!({"placementStrategy": [{"type": "spread", "field": field}]});
    vec![
        case(
            "zones",
            json!({"availabilityZoneRebalancing": "ENABLED"}),
            json!({"availabilityZoneRebalancing": "DISABLED"}),
            &["availabilityZoneRebalancing"],
            json!({"availabilityZoneRebalancing": "ENABLED"}),
        ),
        case(
            "capacity",
            capacity(1),
            capacity(2),
            &["capacityProviderStrategy[capacityProvider=FARGATE].weight"],
            json!({"launchType": "FARGATE"}),
        ),
        case(
            "percent",
            deployment(json!({"maximumPercent": 150})),
            deployment(json!({"maximumPercent": 180})),
            &["deploymentConfiguration.maximumPercent"],
            deployment(json!({"maximumPercent": 200})),
        ),
        case(
            "healthy",
            deployment(json!({"minimumHealthyPercent": 40})),
            deployment(json!({"minimumHealthyPercent": 50})),
            &["deploymentConfiguration.minimumHealthyPercent"],
            deployment(json!({"minimumHealthyPercent": 100})),
        ),
        case(
            "breaker",
            breaker(true),
            breaker(false),
            &["deploymentConfiguration.deploymentCircuitBreaker.rollback"],
            deployment(json!({"deploymentCircuitBreaker": {"enable": false, "rollback": false}})),
        ),
        case(
            "alarms",
            alarms("a"),
            alarms("b"),
            &["deploymentConfiguration.alarms.alarmNames[a]", "deploymentConfiguration.alarms.alarmNames[b]"],
            deployment(json!({"alarms": {"alarmNames": [], "enable": false, "rollback": false}})),
        ),
        case(
            "hooks",
            hook(30),
            hook(60),
            &[
                "deploymentConfiguration.lifecycleHooks[hookTargetArn=PAUSE].timeoutConfiguration.timeoutInMinutes",
            ],
            deployment(json!({"lifecycleHooks": []})),
        ),
        case(
            "bake",
            deployment(json!({"bakeTimeInMinutes": 5})),
            deployment(json!({"bakeTimeInMinutes": 6})),
            &["deploymentConfiguration.bakeTimeInMinutes"],
            deployment(json!({"bakeTimeInMinutes": 0})),
        ),
        case(
            "managed-tags",
            json!({"enableECSManagedTags": true}),
            json!({"enableECSManagedTags": false}),
            &["enableECSManagedTags"],
            json!({"enableECSManagedTags": false}),
        ),
        case(
            "execute",
            json!({"enableExecuteCommand": true}),
            json!({"enableExecuteCommand": false}),
            &["enableExecuteCommand"],
            json!({"enableExecuteCommand": false}),
        ),
        case(
            "grace",
            json!({"healthCheckGracePeriodSeconds": 30}),
            json!({"healthCheckGracePeriodSeconds": 60}),
            &["healthCheckGracePeriodSeconds"],
            json!({"healthCheckGracePeriodSeconds": 0}),
        ),
        case(
            "constraints",
            constraint("attribute:a == b"),
            constraint("attribute:a == c"),
            &[
                "placementConstraints[expression=attribute:a == b/memberOf].type",
                "placementConstraints[expression=attribute:a == c/memberOf].type",
            ],
            json!({"placementConstraints": []}),
        ),
        case(
            "strategy",
            strategy("instanceId"),
            strategy("attribute:ecs.availability-zone"),
            &["placementStrategy"],
            json!({"placementStrategy": []}),
        ),
        case(
            "tags",
            json!({"propagateTags": "SERVICE"}),
            json!({"propagateTags": "NONE"}),
            &["propagateTags"],
            json!({"propagateTags": "NONE"}),
        ),
    ]
}

/// Settings that are rolled out by a deployment.
#[allow(clippy::too_many_lines, reason = "a table")]
fn of_the_deployment() -> Vec<Case> {
    let network = |public: &str| {
        let awsvpc = json!({"subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": public});
        json!({"networkConfiguration": {"awsvpcConfiguration": awsvpc}})
    };
    let group = |name: &str| {
        let arn = format!("arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/{name}");
        json!({"loadBalancers": [{"targetGroupArn": arn, "containerName": "web", "containerPort": 8080}]})
    };
    let registry = |port: u32| json!({"serviceRegistries": [{"registryArn": "arn:aws:servicediscovery:eu-central-1:111122223333:service/srv-1", "port": port}]});
    let connect = |port: u32| {
        let services =
            json!([{"portName": "http", "clientAliases": [{"port": 80}], "ingressPortOverride": port}]);
        json!({"serviceConnectConfiguration": {"enabled": true, "namespace": "internal", "services": services}})
    };
    let volume = |size: u32| json!({"volumeConfigurations": [{"name": "data", "managedEBSVolume": {"roleArn": role("ebs"), "sizeInGiB": size}}]});
    let lattice = |name: &str| json!({"vpcLatticeConfigurations": [{"roleArn": role(name), "targetGroupArn": "arn:tg", "portName": "http"}]});
    let gateway = |seconds: u32| json!({"gatewayConnectors": [{"portName": "http", "deregistrationDelay": {"timeoutSeconds": seconds}}]});
    let monitoring = |seconds: u32| {
        let metrics = json!({"metricNames": ["CPUUtilization"], "resolutionSeconds": seconds});
        json!({"monitoring": {"metricConfigurations": [metrics]}})
    };
    let group_path =
        "loadBalancers[targetGroupArn=arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup";
    vec![
        case(
            "network",
            network("ENABLED"),
            network("DISABLED"),
            &["networkConfiguration.awsvpcConfiguration.assignPublicIp"],
            network("DISABLED"),
        ),
        case(
            "platform",
            json!({"platformVersion": "1.3.0"}),
            json!({"platformVersion": "1.2.0"}),
            &["platformVersion"],
            json!({"platformVersion": "LATEST"}),
        ),
        case(
            "balancers",
            group("one"),
            group("two"),
            &[
                &format!("{group_path}/one].containerName"),
                &format!("{group_path}/one].containerPort"),
                &format!("{group_path}/two].containerName"),
                &format!("{group_path}/two].containerPort"),
            ],
            json!({"loadBalancers": []}),
        ),
        case(
            "registries",
            registry(1),
            registry(2),
            &[
                "serviceRegistries[registryArn=arn:aws:servicediscovery:eu-central-1:111122223333:service/srv-1].port",
            ],
            json!({"serviceRegistries": []}),
        ),
        case(
            "connect",
            connect(1000),
            connect(1001),
            &["serviceConnectConfiguration.services[portName=http].ingressPortOverride"],
            json!({"serviceConnectConfiguration": {"enabled": false}}),
        ),
        case(
            "volumes",
            volume(10),
            volume(20),
            &["volumeConfigurations[name=data].managedEBSVolume.sizeInGiB"],
            json!({"volumeConfigurations": []}),
        ),
        case(
            "lattice",
            lattice("one"),
            lattice("two"),
            &["vpcLatticeConfigurations[targetGroupArn=arn:tg/http].roleArn"],
            json!({"vpcLatticeConfigurations": []}),
        ),
        case(
            "gateways",
            gateway(30),
            gateway(60),
            &["gatewayConnectors[portName=http].deregistrationDelay.timeoutSeconds"],
            Value::Null,
        ),
        case(
            "monitoring",
            monitoring(20),
            monitoring(60),
            &["monitoring.metricConfigurations[metricNames=[\"CPUUtilization\"]].resolutionSeconds"],
            Value::Null,
        ),
    ]
}

/// Lays `over` over `base`, field by field.
fn laid_over(mut base: Value, over: &Value) -> Value {
    base.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
    base
}

/// CreateService or UpdateService with exactly these fields: newer ones than the SDK knows among them.
async fn create(world: &World, case: &Case) {
    let awsvpc = json!({"subnets": ["subnet-1"], "securityGroups": ["sg-1"]});
    let mut base = json!({
        "cluster": CLUSTER, "serviceName": case.name, "taskDefinition": "web:1", "desiredCount": 1,
        "networkConfiguration": {"awsvpcConfiguration": awsvpc},
    });
    if case.wanted.get("capacityProviderStrategy").is_none() {
        base["launchType"] = json!("FARGATE");
    }
    let body = laid_over(base, &case.wanted).to_string();
    let call = world.clients.ecs.create_service().service_name(case.name).customize();
    call.mutate_request(move |request| send_exactly(request, &body)).send().await.expect(case.name);
}

async fn update(world: &World, case: &Case, fields: &Value) {
    let forced = fields.get("capacityProviderStrategy").is_some();
    let of = json!({"cluster": CLUSTER, "service": case.name, "forceNewDeployment": forced});
    let body = laid_over(of, fields).to_string();
    let call = world.clients.ecs.update_service().service(case.name).customize();
    call.mutate_request(move |request| send_exactly(request, &body)).send().await.expect(case.name);
}

fn send_exactly(request: &mut aws_sdk_ecs::config::http::HttpRequest, body: &str) {
    request.headers_mut().insert("content-length", body.len().to_string());
    *request.body_mut() = aws_smithy_types::body::SdkBody::from(body);
}

/// Each service as the aws CLI shows it, with what only its PRIMARY deployment shows.
async fn described(endpoint: &str, home: &Path, cases: &[Case]) -> BTreeMap<String, Value> {
    let aws = Cli::new(endpoint, ACCOUNT, home);
    let mut services = BTreeMap::new();
    for ten in cases.chunks(10) {
        let names: Vec<&str> = ten.iter().map(|case| case.name).collect();
        let call = format!("ecs describe-services --cluster {CLUSTER} --services {}", names.join(" "));
        for service in aws.run(&call).await["services"].as_array().unwrap() {
            let primary = laid_over(service["deployments"][0].clone(), service);
            services.insert(service["serviceName"].as_str().unwrap().to_owned(), primary);
        }
    }
    services
}

/// The fields of a value that another has, too.
fn part_of(value: &Value, other: &Value) -> Value {
    match (value, other) {
        (Value::Object(value), Value::Object(other)) => {
            let fields = other
                .iter()
                .filter_map(|(name, other)| Some((name.clone(), part_of(value.get(name)?, other))));
            Value::Object(fields.collect())
        }
        (_, Value::Null) => Value::Null,
        (value, _) => value.clone(),
    }
}

fn manifests(cases: &[Case], settings: bool) -> String {
    let mut manifests = String::new();
    for case in cases {
        let listed = if settings { case.wanted.clone() } else { json!({}) };
        let spec = json!({"taskDefinition": {"revision": "web:1"}, "settings": listed});
        writeln!(manifests, "---\n{}", service(case.name, spec)).unwrap();
    }
    manifests
}

/// What a plan tells of each service.
fn told(plan: &Value) -> Vec<(String, Vec<String>)> {
    let services =
        plan["resources"].as_array().unwrap().iter().filter(|one| one["resource"]["kind"] == "EcsService");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    services
        .map(|one| {
            let differences = one["differences"].as_array().unwrap();
            (text(&one["resource"]["name"]), differences.iter().map(|one| text(&one["path"])).collect())
        })
        .filter(|(_, paths): &(String, Vec<String>)| !paths.is_empty())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_setting_goes_round() {
    let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
    let simulator = Simulator::start(config).await.unwrap();
    let world = World::new(&simulator.url()).await;
    world.revision("web", "registry.test/web:1").await;
    let mut cases = of_the_service();
    cases.extend(of_the_deployment());
    for case in &cases {
        create(&world, case).await;
    }
    for case in &cases {
        world.settled(case.name).await;
    }
    let remote = Remote::new();
    remote.commit(
        "Describe what is live",
        &[("target.yaml", &target("enforce")), ("services.yaml", &manifests(&cases, true))],
    );
    let server = remote.serve(None);
    let bowline = Bowline::new(&simulator.url(), &server.url());

    let plan = bowline.plan().await.json();
    assert_eq!(told(&plan), [], "{plan:#}");

    for case in &cases {
        update(&world, case, &case.changed).await;
    }
    for case in &cases {
        world.settled(case.name).await;
    }
    let mut expected: Vec<(String, Vec<String>)> =
        cases.iter().map(|case| (case.name.to_owned(), case.told.clone())).collect();
    expected.sort();
    assert_eq!(told(&bowline.plan().await.with_code(1).json()), expected);

    bowline.apply().await.with_code(0);
    let plan = bowline.plan().await.with_code(0).json();
    assert_eq!(told(&plan), [], "{plan:#}");

    remote.commit("Let go of every setting", &[("services.yaml", &manifests(&cases, false))]);
    bowline.apply().await.with_code(0);
    let plan = bowline.plan().await.with_code(0).json();
    assert_eq!(told(&plan), [], "{plan:#}");
    let shown = described(&simulator.url(), bowline.home(), &cases).await;
    for case in &cases {
        assert_eq!(part_of(&shown[case.name], &case.after), case.after, "{}", case.name);
    }
}

/// A namespace's ARN does not hold its name: what is live when the service is in sync is what git means.
#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_by_its_name_is_no_drift_until_somebody_takes_another_one() {
    let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
    let simulator = Simulator::start(config).await.unwrap();
    let world = World::new(&simulator.url()).await;
    world.revision("web", "registry.test/web:1").await;
    let connect = |namespace: &str| {
        let services = json!([{"portName": "http", "clientAliases": [{"port": 80}]}]);
        json!({"serviceConnectConfiguration": {"enabled": true, "namespace": namespace, "services": services}})
    };
    let arn = |id: &str| format!("arn:aws:servicediscovery:eu-central-1:{ACCOUNT}:namespace/{id}");
    let case = case("web", connect(&arn("ns-1")), connect(&arn("ns-2")), &[], json!({}));
    create(&world, &case).await;
    world.settled("web").await;
    let remote = Remote::new();
    let web =
        service("web", json!({"taskDefinition": {"revision": "web:1"}, "settings": connect("internal")}));
    remote.commit("By its name", &[("target.yaml", &target("enforce")), ("web.yaml", &web)]);
    let server = remote.serve(None);
    let bowline = Bowline::new(&simulator.url(), &server.url());
    bowline.plan().await.with_code(0);
    bowline.apply().await.with_code(0);
    bowline.plan().await.with_code(0);

    update(&world, &case, &case.changed).await;
    world.settled("web").await;
    let path = "settings.serviceConnectConfiguration.namespace".to_owned();
    let plan = bowline.plan().await.with_code(1).json();
    assert_eq!(told(&plan), [("web".to_owned(), vec![path])]);
    bowline.apply().await.with_code(0);
    bowline.plan().await.with_code(0);
    let shown = described(&simulator.url(), bowline.home(), &[case]).await;
    assert_eq!(shown["web"]["serviceConnectConfiguration"]["namespace"], "internal");
}
