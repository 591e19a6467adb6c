//! Task definitions as people write them, one for each way to run things, and one that has every field.

use serde_json::{Value, json};

const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:app/db-AbCdEf";
const ROLE: &str = "arn:aws:iam::111122223333:role/";

/// All of them.
pub fn all() -> Vec<Value> {
    vec![
        every_field(),
        ec2_bridge(),
        fargate(),
        efs(),
        firelens(),
        windows(),
        gpu(),
        sidecars(),
        daemon(),
        s3_files(),
        fsx(),
        docker_volumes(),
        app_mesh(),
    ]
}

/// Every field that RegisterTaskDefinition has, with two items in every list.
pub fn every_field() -> Value {
    json!({
        "family": "every-field",
        "taskRoleArn": format!("{ROLE}task"),
        "executionRoleArn": format!("{ROLE}execution"),
        "networkMode": "bridge",
        "requiresCompatibilities": ["EC2", "EXTERNAL"],
        "cpu": "4096",
        "memory": "8192",
        "pidMode": "host",
        "ipcMode": "host",
        "tags": [{"key": "team", "value": "shop"}, {"key": "cost", "value": "17"}],
        "placementConstraints": [
            {"type": "memberOf", "expression": "attribute:ecs.instance-type =~ t3.*"},
            {"type": "memberOf", "expression": "attribute:ecs.os-type == linux"},
        ],
        "proxyConfiguration": {
            "type": "APPMESH",
            "containerName": "router",
            "properties": [{"name": "IgnoredUID", "value": "1337"}, {"name": "AppPorts", "value": "80"}],
        },
        "inferenceAccelerators": [
            {"deviceName": "device1", "deviceType": "eia2.medium"},
            {"deviceName": "device2", "deviceType": "eia2.large"},
        ],
        "ephemeralStorage": {"sizeInGiB": 30},
        "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
        "enableFaultInjection": true,
        "trustedExecutionConfiguration": {"isolationMode": "ISOLATED_SANDBOX", "attestationPolicy": "policy"},
        "volumes": volumes(),
        "containerDefinitions": [application(), init(), router()],
    })
}

fn volumes() -> Value {
    json!([
        {"name": "plain", "configuredAtLaunch": false},
        {"name": "bind", "host": {"sourcePath": "/var/lib/app"}},
        {"name": "docker", "dockerVolumeConfiguration": {
            "scope": "shared", "autoprovision": true, "driver": "local",
            "driverOpts": {"type": "nfs", "o": "addr=10.0.0.1,password=hidden"}, "labels": {"team": "shop"},
        }},
        {"name": "files", "efsVolumeConfiguration": {
            "fileSystemId": "fs-1", "rootDirectory": "/data", "transitEncryption": "ENABLED", "transitEncryptionPort": 2999,
        }},
        {"name": "point", "efsVolumeConfiguration": {
            "fileSystemId": "fs-2", "transitEncryption": "ENABLED",
            "authorizationConfig": {"accessPointId": "fsap-1", "iam": "ENABLED"},
        }},
        {"name": "objects", "s3filesVolumeConfiguration": {
            "fileSystemArn": "arn:aws:s3files:eu-central-1:111122223333:file-system/fs-3", "rootDirectory": "/in",
            "transitEncryptionPort": 2998,
        }},
        {"name": "gate", "s3filesVolumeConfiguration": {
            "fileSystemArn": "arn:aws:s3files:eu-central-1:111122223333:file-system/fs-4",
            "accessPointArn": "arn:aws:s3files:eu-central-1:111122223333:access-point/ap-1",
        }},
        {"name": "share", "fsxWindowsFileServerVolumeConfiguration": {
            "fileSystemId": "fs-5", "rootDirectory": "share",
            "authorizationConfig": {"credentialsParameter": SECRET, "domain": "corp.example.com"},
        }},
    ])
}

fn application() -> Value {
    let mut container = json!({
        "name": "app", "image": "registry.test/app:1", "repositoryCredentials": {"credentialsParameter": SECRET},
        "cpu": 512, "memory": 1024, "memoryReservation": 512,
        "links": ["init:i", "router:r"],
        "portMappings": [
            {"containerPort": 80, "hostPort": 8080, "protocol": "tcp", "name": "http", "appProtocol": "http2"},
            {"containerPort": 53, "protocol": "udp"},
            {"containerPortRange": "9000-9010"},
        ],
        "restartPolicy": {"enabled": true, "ignoredExitCodes": [0, 143], "restartAttemptPeriod": 120},
        "entryPoint": ["/bin/sh", "-c"], "command": ["serve --all", "--verbose"],
        "environment": [{"name": "MODE", "value": "fast"}, {"name": "NOTE", "value": "\"quoted\" \\ ä €"}],
        "environmentFiles": [
            {"value": "arn:aws:s3:::files/a.env", "type": "s3"}, {"value": "arn:aws:s3:::files/b.env", "type": "s3"},
        ],
        "mountPoints": [
            {"sourceVolume": "files", "containerPath": "/data", "readOnly": true},
            {"sourceVolume": "bind", "containerPath": "/state"},
        ],
        "volumesFrom": [{"sourceContainer": "init", "readOnly": true}, {"sourceContainer": "router"}],
        "secrets": [{"name": "PASSWORD", "valueFrom": format!("{SECRET}:password::")}, {"name": "KEY", "valueFrom": "/app/key"}],
        "dependsOn": [
            {"containerName": "init", "condition": "SUCCESS"}, {"containerName": "router", "condition": "START"},
        ],
        "startTimeout": 60, "stopTimeout": 90, "versionConsistency": "disabled", "hostname": "app", "user": "1000:1000",
        "workingDirectory": "/srv",
    });
    let more = json!({
        "disableNetworking": true, "privileged": true, "readonlyRootFilesystem": true,
        "interactive": true, "pseudoTerminal": true,
        "dnsServers": ["10.0.0.2", "10.0.0.3"], "dnsSearchDomains": ["a.example.com", "b.example.com"],
        "extraHosts": [{"hostname": "db", "ipAddress": "10.0.0.4"}, {"hostname": "mq", "ipAddress": "10.0.0.5"}],
        "dockerSecurityOptions": ["no-new-privileges", "apparmor:app"],
        "dockerLabels": {"com.example.team": "shop", "tier": ""},
        "ulimits": [
            {"name": "nofile", "softLimit": 1024, "hardLimit": 4096}, {"name": "core", "softLimit": 0, "hardLimit": 1},
        ],
        "logConfiguration": {
            "logDriver": "splunk", "options": {"splunk-url": "https://splunk.test", "splunk-token": "hidden"},
            "secretOptions": [
                {"name": "splunk-token", "valueFrom": SECRET}, {"name": "splunk-index", "valueFrom": "/app/index"},
            ],
        },
        "healthCheck": {"command": ["CMD-SHELL", "true"], "interval": 10, "timeout": 4, "retries": 2, "startPeriod": 20},
        "systemControls": [
            {"namespace": "net.core.somaxconn", "value": "1024"}, {"namespace": "net.ipv4.tcp_keepalive_time", "value": "60"},
        ],
        "resourceRequirements": [
            {"type": "GPU", "sharingStrategy": {"nvidiaMps": {"memory": 4096, "maxComputePercent": 50}}},
            {"type": "InferenceAccelerator", "value": "device1"},
        ],
        "credentialSpecs": ["credentialspecdomainless:arn:aws:s3:::files/a.json", "credentialspec:arn:aws:s3:::files/b.json"],
        "linuxParameters": {
            "capabilities": {"add": ["SYS_PTRACE", "NET_ADMIN"], "drop": ["MKNOD", "CHOWN"]},
            "devices": [
                {"hostPath": "/dev/a", "containerPath": "/dev/x", "permissions": ["write", "read"]}, {"hostPath": "/dev/b"},
            ],
            "initProcessEnabled": true, "sharedMemorySize": 64, "maxSwap": 128, "swappiness": 10,
            "tmpfs": [
                {"containerPath": "/tmp", "size": 64, "mountOptions": ["rw", "noexec"]}, {"containerPath": "/run", "size": 16},
            ],
        },
    });
    merge(&mut container, more);
    container
}

fn merge(one: &mut Value, other: Value) {
    if let (Value::Object(one), Value::Object(other)) = (one, other) {
        one.extend(other);
    }
}

fn init() -> Value {
    json!({"name": "init", "image": "registry.test/init:1", "essential": false, "memoryReservation": 64})
}

fn router() -> Value {
    json!({
        "name": "router", "image": "registry.test/fluent-bit:3", "memory": 64,
        "firelensConfiguration": {"type": "fluentbit", "options": {"enable-ecs-log-metadata": "true", "config-file-type": "file"}},
    })
}

fn ec2_bridge() -> Value {
    json!({
        "family": "ec2-bridge", "networkMode": "bridge", "requiresCompatibilities": ["EC2"],
        "containerDefinitions": [
            {
                "name": "web", "image": "registry.test/web:1", "memory": 256, "links": ["redis"],
                "portMappings": [{"containerPort": 80, "hostPort": 0}, {"containerPort": 8125, "hostPort": 8125, "protocol": "udp"}],
                "mountPoints": [{"sourceVolume": "logs", "containerPath": "/var/log/app"}],
            },
            {"name": "redis", "image": "redis:7", "memory": 128, "memoryReservation": 64},
        ],
        "volumes": [{"name": "logs", "host": {"sourcePath": "/var/log/app"}}],
    })
}

fn fargate() -> Value {
    json!({
        "family": "fargate", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": ".5 vCPU", "memory": "1GB",
        "executionRoleArn": format!("{ROLE}execution"), "taskRoleArn": format!("{ROLE}service/task"),
        "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
        "ephemeralStorage": {"sizeInGiB": 40},
        "containerDefinitions": [{
            "name": "web", "image": "111122223333.dkr.ecr.eu-central-1.amazonaws.com/web:1",
            "portMappings": [{"containerPort": 8080, "name": "http", "appProtocol": "http"}],
            "environment": [{"name": "PORT", "value": "8080"}, {"name": "EMPTY", "value": ""}],
            "secrets": [{"name": "PASSWORD", "valueFrom": SECRET}],
            "healthCheck": {"command": ["CMD-SHELL", "curl -f http://localhost:8080/ || exit 1"]},
            "logConfiguration": {"logDriver": "awslogs", "options": {
                "awslogs-group": "/ecs/web", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "web",
            }},
            "linuxParameters": {"initProcessEnabled": true}, "readonlyRootFilesystem": true, "stopTimeout": 30,
        }],
    })
}

fn efs() -> Value {
    json!({
        "family": "efs", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "1024", "memory": "2048",
        "volumes": [
            {"name": "plain", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}},
            {"name": "root", "efsVolumeConfiguration": {"fileSystemId": "fs-1", "rootDirectory": "/", "transitEncryption": "DISABLED"}},
            {"name": "point", "efsVolumeConfiguration": {
                "fileSystemId": "fs-1", "transitEncryption": "ENABLED", "authorizationConfig": {"accessPointId": "fsap-1", "iam": "ENABLED"},
            }},
        ],
        "containerDefinitions": [{
            "name": "web", "image": "registry.test/web:1",
            "mountPoints": [
                {"sourceVolume": "plain", "containerPath": "/a"}, {"sourceVolume": "root", "containerPath": "/b", "readOnly": false},
                {"sourceVolume": "point", "containerPath": "/c", "readOnly": true},
            ],
        }],
    })
}

fn firelens() -> Value {
    json!({
        "family": "firelens", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "executionRoleArn": "execution",
        "containerDefinitions": [
            {
                "name": "log_router", "image": "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable", "essential": true,
                "user": "0", "memoryReservation": 50, "firelensConfiguration": {"type": "fluentbit"},
            },
            {
                "name": "web", "image": "registry.test/web:1",
                "logConfiguration": {
                    "logDriver": "awsfirelens", "options": {"Name": "http", "Host": "logs.test", "Port": "443"},
                    "secretOptions": [{"name": "apikey", "valueFrom": SECRET}],
                },
                "dependsOn": [{"containerName": "log_router", "condition": "START"}],
            },
        ],
    })
}

fn windows() -> Value {
    json!({
        "family": "windows", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "1 vCPU", "memory": "2 GB",
        "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"},
        "containerDefinitions": [{
            "name": "iis", "image": "mcr.microsoft.com/windows/servercore/iis", "cpu": 1024, "memory": 2048,
            "entryPoint": ["powershell", "-Command"], "command": ["C:\\ServiceMonitor.exe w3svc"],
            "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}], "workingDirectory": "C:\\inetpub",
        }],
    })
}

fn gpu() -> Value {
    json!({
        "family": "gpu", "requiresCompatibilities": ["EC2"], "ipcMode": "task",
        "placementConstraints": [{"type": "memberOf", "expression": "attribute:ecs.instance-type =~ g5.*"}],
        "containerDefinitions": [{
            "name": "train", "image": "registry.test/train:1", "memory": 8192, "cpu": 4096,
            "resourceRequirements": [{"type": "GPU", "value": "2"}],
            "linuxParameters": {"sharedMemorySize": 2048, "devices": [{"hostPath": "/dev/fuse", "permissions": ["read", "write", "mknod"]}]},
            "ulimits": [{"name": "memlock", "softLimit": -1, "hardLimit": -1}],
        }],
    })
}

fn sidecars() -> Value {
    json!({
        "family": "sidecars", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE", "EC2"], "cpu": "512", "memory": "1024",
        "executionRoleArn": "execution",
        "containerDefinitions": [
            {
                "name": "web", "image": "registry.test/web:1",
                "dependsOn": [
                    {"containerName": "migrate", "condition": "SUCCESS"}, {"containerName": "proxy", "condition": "HEALTHY"},
                ],
            },
            {
                "name": "migrate", "image": "registry.test/web:1", "essential": false, "command": ["migrate"],
                "secrets": [{"name": "PASSWORD", "valueFrom": SECRET}],
            },
            {
                "name": "proxy", "image": "registry.test/proxy:1", "healthCheck": {"command": ["CMD", "true"], "startPeriod": 10},
                "restartPolicy": {"enabled": true, "ignoredExitCodes": [0]}, "portMappings": [{"containerPort": 15000}],
            },
        ],
    })
}

fn daemon() -> Value {
    json!({
        "family": "daemon", "networkMode": "host", "pidMode": "host",
        "containerDefinitions": [{
            "name": "agent", "image": "registry.test/agent:7", "memory": 128, "privileged": true,
            "portMappings": [{"containerPort": 8126}],
            "mountPoints": [
                {"sourceVolume": "docker", "containerPath": "/var/run/docker.sock", "readOnly": true},
                {"sourceVolume": "proc", "containerPath": "/host/proc", "readOnly": true},
            ],
            "linuxParameters": {"capabilities": {"add": ["SYS_ADMIN", "SYS_RESOURCE"]}},
        }],
        "volumes": [{"name": "docker", "host": {"sourcePath": "/var/run/docker.sock"}}, {"name": "proc", "host": {"sourcePath": "/proc/"}}],
    })
}

fn s3_files() -> Value {
    json!({
        "family": "s3-files", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "volumes": [{"name": "data", "s3filesVolumeConfiguration": {
            "fileSystemArn": "arn:aws:s3files:eu-central-1:111122223333:file-system/fs-1", "rootDirectory": "/",
        }}],
        "containerDefinitions": [{
            "name": "web", "image": "registry.test/web:1", "mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}],
        }],
    })
}

fn fsx() -> Value {
    json!({
        "family": "fsx", "requiresCompatibilities": ["EC2"],
        "runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2019_FULL"},
        "volumes": [{"name": "share", "fsxWindowsFileServerVolumeConfiguration": {
            "fileSystemId": "fs-0", "rootDirectory": "share\\data",
            "authorizationConfig": {"credentialsParameter": SECRET, "domain": "corp.example.com"},
        }}],
        "containerDefinitions": [{
            "name": "web", "image": "registry.test/web:1", "memory": 1024, "credentialSpecs": ["credentialspec:ssm:/specs/web"],
            "mountPoints": [{"sourceVolume": "share", "containerPath": "C:\\data"}],
        }],
    })
}

fn docker_volumes() -> Value {
    json!({
        "family": "docker-volumes", "requiresCompatibilities": ["EC2"],
        "volumes": [
            {"name": "scratch", "dockerVolumeConfiguration": {"scope": "task"}},
            {"name": "shared", "dockerVolumeConfiguration": {"scope": "shared", "autoprovision": false, "driver": "rexray/ebs"}},
            {"name": "at-launch", "configuredAtLaunch": true},
            {"name": "empty", "host": {}},
        ],
        "containerDefinitions": [{
            "name": "db", "image": "registry.test/db:1", "memory": 512,
            "mountPoints": [{"sourceVolume": "scratch", "containerPath": "/scratch"}, {"sourceVolume": "at-launch", "containerPath": "/data"}],
        }],
    })
}

fn app_mesh() -> Value {
    json!({
        "family": "app-mesh", "networkMode": "awsvpc", "requiresCompatibilities": ["EC2"],
        "proxyConfiguration": {"containerName": "envoy", "properties": [
            {"name": "IgnoredUID", "value": "1337"}, {"name": "IgnoredGID", "value": ""}, {"name": "ProxyIngressPort", "value": "15000"},
        ]},
        "containerDefinitions": [
            {"name": "envoy", "image": "registry.test/envoy:1", "memory": 128, "user": "1337"},
            {"name": "web", "image": "registry.test/web:1", "memory": 256, "portMappings": [{"containerPort": 80}]},
        ],
    })
}
