//! Settings as people write them, one for each way to run services. Together they have every field.

use serde_json::{Value, json};

use super::Network;

const ROLE: &str = "arn:aws:iam::111122223333:role/";

fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:eu-central-1:111122223333:{resource}")
}

fn target_group(name: &str) -> String {
    arn("elasticloadbalancing", &format!("targetgroup/{name}/0123456789abcdef"))
}

fn rule(name: &str) -> String {
    arn("elasticloadbalancing", &format!("listener-rule/app/main/0123456789abcdef/0123456789abcdef/{name}"))
}

/// All of them.
pub fn samples(network: &Network) -> Vec<Value> {
    let fargate = |more: Value| laid_over(on_fargate(network), more);
    vec![
        fargate(rolling()),
        capacity_providers(network),
        fargate(blue_green()),
        fargate(shifting(
            "LINEAR",
            "linearConfiguration",
            json!({"stepPercent": 20.5, "stepBakeTimeInMinutes": 7}),
        )),
        fargate(shifting(
            "CANARY",
            "canaryConfiguration",
            json!({"canaryPercent": 12.5, "canaryBakeTimeInMinutes": 15}),
        )),
        fargate(service_connect()),
        fargate(volumes()),
        fargate(lattice()),
        fargate(gateway()),
        on_instances(),
        daemon(),
        fargate(code_deploy()),
        fargate(json!({"deploymentController": {"type": "EXTERNAL"}, "propagateTags": "SERVICE"})),
    ]
}

fn laid_over(mut base: Value, more: Value) -> Value {
    let (Some(fields), Value::Object(more)) = (base.as_object_mut(), more) else { return base };
    fields.extend(more);
    base
}

fn on_fargate(network: &Network) -> Value {
    let awsvpc = json!({"subnets": network.subnets[..2], "securityGroups": network.groups[..2], "assignPublicIp": "ENABLED"});
    json!({"launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": awsvpc}})
}

fn rolling() -> Value {
    json!({
        "availabilityZoneRebalancing": "ENABLED",
        "platformVersion": "1.3.0",
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": {
                "enable": true, "rollback": true, "resetOnHealthyTask": false,
                "thresholdConfiguration": {"type": "COUNT", "value": 5},
            },
            "alarms": {"alarmNames": ["errors", "latency"], "enable": true, "rollback": true},
            "earlySuccessCriteria": {
                "enable": true, "healthyPercent": 80, "sourceServiceRevisionCleanup": "DEFERRED",
            },
            "maximumPercent": 150,
            "minimumHealthyPercent": 50,
            "strategy": "ROLLING",
            "bakeTimeInMinutes": 5,
        },
        "enableECSManagedTags": true,
        "enableExecuteCommand": true,
        "propagateTags": "SERVICE",
        "healthCheckGracePeriodSeconds": 30,
        "loadBalancers": [
            {"targetGroupArn": target_group("http"), "containerName": "c0", "containerPort": 8080},
            {"targetGroupArn": target_group("grpc"), "containerName": "c1", "containerPort": 9090},
        ],
        "serviceRegistries": [{
            "registryArn": arn("servicediscovery", "service/srv-1"), "port": 8080, "containerName": "c0",
            "containerPort": 8080,
        }],
        "monitoring": {"metricConfigurations": [
            {"metricNames": ["CPUUtilization", "MemoryUtilization"], "resolutionSeconds": 20},
            {"metricNames": ["NetworkRx"], "resolutionSeconds": 20},
        ]},
    })
}

fn capacity_providers(network: &Network) -> Value {
    let strategy = json!({"capacityProviderStrategy": [
        {"capacityProvider": "FARGATE", "weight": 1, "base": 2}, {"capacityProvider": "FARGATE_SPOT", "weight": 4},
    ]});
    let mut settings = laid_over(on_fargate(network), strategy);
    if let Some(fields) = settings.as_object_mut() {
        fields.remove("launchType");
    }
    settings
}

fn blue_green() -> Value {
    let advanced = |name: &str| {
        json!({"alternateTargetGroupArn": target_group(&format!("{name}-green")), "productionListenerRule": rule(name),
            "testListenerRule": rule(&format!("{name}-test")), "roleArn": format!("{ROLE}blue-green")})
    };
    json!({
        "deploymentConfiguration": {
            "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 10,
            "lifecycleHooks": [
                {
                    "targetType": "AWS_LAMBDA", "hookTargetArn": arn("lambda", "function:check"), "roleArn": format!("{ROLE}hooks"),
                    "lifecycleStages": ["PRE_SCALE_UP", "POST_TEST_TRAFFIC_SHIFT"], "hookDetails": {"suite": "smoke"},
                    "timeoutConfiguration": {"timeoutInMinutes": 30, "action": "CONTINUE"},
                },
                {
                    "targetType": "PAUSE", "lifecycleStages": ["PRE_PRODUCTION_TRAFFIC_SHIFT"],
                    // Without it the simulator's deployments would wait for a day.
                    "timeoutConfiguration": {"timeoutInMinutes": 5, "action": "CONTINUE"},
                },
            ],
        },
        "loadBalancers": [
            {"targetGroupArn": target_group("http-blue"), "containerName": "c0", "containerPort": 8080,
                "advancedConfiguration": advanced("http")},
            {"targetGroupArn": target_group("grpc-blue"), "containerName": "c1", "containerPort": 9090,
                "advancedConfiguration": advanced("grpc")},
        ],
    })
}

fn shifting(strategy: &str, field: &str, configuration: Value) -> Value {
    let mut deployment = json!({"strategy": strategy, "bakeTimeInMinutes": 10});
    deployment[field] = configuration;
    let mut settings = blue_green();
    settings["deploymentConfiguration"] = deployment;
    settings
}

fn service_connect() -> Value {
    let header = json!({"name": "x-variant", "value": {"exact": "green"}});
    json!({"serviceConnectConfiguration": {
        "enabled": true,
        "namespace": "internal",
        "services": [
            {
                "portName": "http", "discoveryName": "app", "ingressPortOverride": 15000,
                "clientAliases": [{"port": 80, "dnsName": "app.internal", "testTrafficRules": {"header": header}}],
                "timeout": {"idleTimeoutSeconds": 60, "perRequestTimeoutSeconds": 15},
                "tls": {
                    "issuerCertificateAuthority": {"awsPcaAuthorityArn": arn("acm-pca", "certificate-authority/1")},
                    "kmsKey": arn("kms", "key/1"), "roleArn": format!("{ROLE}tls"),
                },
            },
            {"portName": "grpc", "clientAliases": [{"port": 90}]},
        ],
        "logConfiguration": {
            "logDriver": "splunk",
            "options": {"splunk-format": "json", "splunk-url": "https://splunk.test", "tls.verify": "On"},
            "secretOptions": [
                {"name": "splunk-token", "valueFrom": arn("secretsmanager", "secret:splunk-AbCdEf")},
                {"name": "splunk-cacert", "valueFrom": arn("ssm", "parameter/splunk")},
            ],
        },
        "accessLogConfiguration": {"format": "JSON", "includeQueryParameters": "ENABLED"},
        "containerConfigurations": [{"logLevel": "debug"}],
    }})
}

fn volumes() -> Value {
    json!({"volumeConfigurations": [
        {"name": "data", "managedEBSVolume": {
            "encrypted": true, "kmsKeyId": arn("kms", "key/2"), "volumeType": "gp3", "sizeInGiB": 100, "snapshotId": "snap-1",
            "volumeInitializationRate": 200, "iops": 3000, "throughput": 250, "roleArn": format!("{ROLE}ebs"),
            "filesystemType": "ext4",
            "tagSpecifications": [{
                "resourceType": "volume", "propagateTags": "SERVICE",
                "tags": [{"key": "team", "value": "shop"}, {"key": "cost", "value": "17"}],
            }],
        }},
        {"name": "logs", "managedEBSVolume": {"sizeInGiB": 20, "roleArn": format!("{ROLE}ebs")}},
    ]})
}

fn lattice() -> Value {
    let group = |name: &str| arn("vpc-lattice", &format!("targetgroup/{name}"));
    let rule = |name: &str| arn("vpc-lattice", &format!("service/svc-1/listener/1/rule/{name}"));
    json!({"vpcLatticeConfigurations": [
        {
            "targetGroupArn": group("tg-1"), "portName": "http", "roleArn": format!("{ROLE}lattice"),
            "advancedConfiguration": {
                "alternateTargetGroupArn": group("tg-2"), "productionListenerRule": rule("1"), "testListenerRule": rule("2"),
            },
        },
        {"targetGroupArn": group("tg-3"), "portName": "grpc", "roleArn": format!("{ROLE}lattice")},
    ]})
}

fn gateway() -> Value {
    json!({"gatewayConnectors": [{
        "portName": "http",
        "deregistrationDelay": {"timeoutSeconds": 60},
        "filters": {"accessTypes": ["PUBLIC", "PRIVATE"]},
        "healthCheck": {
            "healthCheckProtocol": "HTTP", "healthCheckPort": 8080, "healthCheckPath": "/healthz",
            "healthCheckTimeoutSeconds": 5, "healthCheckIntervalSeconds": 20, "healthyThresholdCount": 3,
            "unhealthyThresholdCount": 2, "matcher": {"httpCode": "200-299", "grpcCode": "0"},
        },
    }]})
}

/// EC2 and bridge networking, behind a Classic Load Balancer.
fn on_instances() -> Value {
    json!({
        "launchType": "EC2",
        "role": format!("{ROLE}ecs-service"),
        "placementConstraints": [
            {"type": "distinctInstance"}, {"type": "memberOf", "expression": "attribute:ecs.instance-type =~ t3.*"},
        ],
        "placementStrategy": [
            {"type": "spread", "field": "attribute:ecs.availability-zone"}, {"type": "binpack", "field": "memory"},
        ],
        "loadBalancers": [
            {"loadBalancerName": "classic", "containerName": "c0", "containerPort": 8080},
            {"targetGroupArn": target_group("grpc"), "containerName": "c1", "containerPort": 9090},
        ],
    })
}

fn daemon() -> Value {
    json!({
        "launchType": "EC2", "schedulingStrategy": "DAEMON",
        "deploymentConfiguration": {"maximumPercent": 100, "minimumHealthyPercent": 20},
        "placementConstraints": [{"type": "memberOf", "expression": "attribute:ecs.os-type == linux"}],
    })
}

fn code_deploy() -> Value {
    json!({
        "deploymentController": {"type": "CODE_DEPLOY"},
        "loadBalancers": [{"targetGroupArn": target_group("blue"), "containerName": "c0", "containerPort": 8080}],
        "healthCheckGracePeriodSeconds": 15,
    })
}

/// Two items in lists of which AWS takes one, so that their order can be told.
pub fn more_than_aws_takes(network: &Network) -> Value {
    let mut connect = service_connect();
    let services = &mut connect["serviceConnectConfiguration"];
    services["services"][0]["clientAliases"] =
        json!([{"port": 81, "dnsName": "b"}, {"port": 80, "dnsName": "a"}]);
    services["containerConfigurations"] = json!([{"logLevel": "debug"}, {"logLevel": "info"}]);
    let registry =
        |name: &str| json!({"registryArn": arn("servicediscovery", &format!("service/{name}")), "port": 1});
    let mut volumes = volumes();
    let tags = |resource: &str| json!({"resourceType": resource, "tags": [{"key": "team", "value": "shop"}]});
    volumes["volumeConfigurations"][0]["managedEBSVolume"]["tagSpecifications"] =
        json!([tags("volume"), tags("another")]);
    let more = json!({
        "gatewayConnectors": [{"portName": "http"}, {"portName": "grpc"}],
        "serviceRegistries": [registry("srv-1"), registry("srv-2")],
    });
    [connect, volumes, more].into_iter().fold(on_fargate(network), laid_over)
}
