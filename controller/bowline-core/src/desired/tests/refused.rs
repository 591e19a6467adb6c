//! What AWS refuses in a task definition file whose shape is right: tables of fragments and what is said about them.

use super::Severity::{Error, Warning};
use super::*;

/// A finding: severity, message, and the text that its place begins with.
type Told<'a> = (Severity, &'a str, &'a str);

/// Holds the findings of a file against the rows. `{}` is where a row's fragment stands in the file.
fn holds(file: &str, rows: &[(&str, &[Told<'_>])]) {
    for (fragment, expected) in rows {
        let text = file.replace("{}", fragment);
        let parsed = parse_task_definition(&path("web.json"), text.as_bytes());
        let mut found: Vec<(Severity, String, String)> = Vec::new();
        for finding in &parsed.findings {
            let line = text.lines().nth(finding.location.line - 1).unwrap_or_default();
            let rest: String = line.chars().skip(finding.location.column - 1).collect();
            found.push((finding.severity, finding.message.clone(), rest));
            assert!(finding.hint.is_some(), "{}: no hint", finding.message);
        }
        let same = found.len() == expected.len()
            && found.iter().zip(*expected).all(|(found, (severity, message, at))| {
                found.0 == *severity && found.1 == *message && found.2.starts_with(at)
            });
        assert!(same, "{fragment}\nfound {found:#?}\nexpected {expected:#?}");
        let refused = expected.iter().any(|(severity, ..)| *severity == Error);
        assert_eq!(parsed.content.is_none(), refused, "{fragment}");
    }
}

/// Two containers on EC2: `{}` stands at the root.
const TASK: &str = r#"{"family": "web", "containerDefinitions": [
{"name": "web", "image": "web:1", "memory": 256, "cpu": 512},
{"name": "log", "image": "log:1", "memoryReservation": 128, "essential": false}
], {}}"#;

#[test]
fn of_the_task() {
    let tags: Vec<String> =
        (0..51).map(|number| format!(r#"{{"key": "k{number}", "value": "v"}}"#)).collect();
    let many = format!(r#""tags": [{}]"#, tags.join(", "));
    let long = format!(r#""tags": [{{"key": "{}", "value": ""}}]"#, "k".repeat(129));
    let constraints = [r#"{"type": "memberOf", "expression": "x"}"#; 11].join(", ");
    let constraints = format!(r#""placementConstraints": [{constraints}]"#);
    holds(
        TASK,
        &[
            (r#""cpu": "1 vCPU", "memory": "384""#, &[]),
            (r#""memory": "1 GB", "tags": [{"key": "team", "value": "shop"}]"#, &[]),
            (r#""ephemeralStorage": {"sizeInGiB": 21}"#, &[]),
            (
                r#""cpu": "256", "memory": "300""#,
                &[
                    (Error, "the containers reserve 384 MiB of `memory`, the task has 300", "["),
                    (Error, "the containers reserve 512 CPU units of `cpu`, the task has 256", "["),
                ],
            ),
            (
                r#""memory": "0.125GB""#,
                &[
                    (Error, "the containers reserve 384 MiB of `memory`, the task has 128", "["),
                    (
                        Error,
                        "`containerDefinitions[0].memory` (256) is more than the task's `memory` (128)",
                        "256",
                    ),
                ],
            ),
            (
                r#""memory": "128", "runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}"#,
                &[],
            ),
            (&many, &[(Error, "`tags` has 51 tags", "[")]),
            (r#""tags": []"#, &[(Error, "`tags` is an empty list, which AWS refuses", "[]")]),
            (
                r#""tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}, {"key": "AWS:x", "value": "3"}]"#,
                &[
                    (Error, "`tags[1].key`: `a` is already the key of `tags[0]`", r#""a", "value": "2""#),
                    (Error, "`tags[2].key` begins with `aws:`", r#""AWS:x""#),
                ],
            ),
            (r#""tags": [{"value": "a"}]"#, &[(Error, "`tags[0].key` is missing", "{")]),
            (&long, &[(Error, "`tags[0].key` has more than 128 characters", "\"kkk")]),
            (&constraints, &[(Error, "`placementConstraints` has 11 constraints", "[")]),
            (
                r#""ephemeralStorage": {"sizeInGiB": 20}"#,
                &[(Warning, "`ephemeralStorage.sizeInGiB` is 20", "20")],
            ),
            (
                r#""proxyConfiguration": {"type": "APPMESH", "containerName": "envoy"}"#,
                &[(Error, "`proxyConfiguration.containerName`: there is no container `envoy`", r#""envoy""#)],
            ),
        ],
    );
    holds(
        r#"{"family": "web", "memory": "512", "containerDefinitions": {}}"#,
        &[
            (
                r#"[{"name": "a", "image": "b", "essential": false}]"#,
                &[(Error, "no container is essential", "[")],
            ),
            (
                r#"[{"name": "a", "image": ""}]"#,
                &[(Error, "`containerDefinitions[0].image` is missing", "{")],
            ),
            (
                r#"[{"name": "a b", "image": "b"}]"#,
                &[(Error, "`containerDefinitions[0].name` has characters that AWS refuses", r#""a b""#)],
            ),
            (
                r#"[{"name": "a", "image": "b"}, {"name": "a", "image": "c"}]"#,
                &[(
                    Error,
                    "`containerDefinitions[1].name`: `a` is already the name of `containerDefinitions[0]`",
                    r#""a", "image": "c""#,
                )],
            ),
        ],
    );
}

/// Two containers in the network mode of the first word: `{}` stands for the list of the second one's port mappings.
fn second(mode: &str, rows: &[(&str, &[Told<'_>])]) {
    let file = r#"{"family": "web", "networkMode": "MODE", "containerDefinitions": [
{"name": "a", "image": "a:1", "memory": 256, "portMappings": [{"containerPort": 80, "hostPort": 80}, {"containerPortRange": "9000-9010"}]},
{"name": "b", "image": "b:1", "memory": 256, "portMappings": {}}]}"#;
    let file = if mode == "host" {
        file.replace(r#", {"containerPortRange": "9000-9010"}"#, "")
    } else {
        file.to_owned()
    };
    holds(&file.replace("MODE", mode), rows);
}

#[test]
fn of_ports_that_two_mappings_want() {
    const B: &str = "containerDefinitions[1].portMappings";
    const A: &str = "is already mapped by `containerDefinitions[0].portMappings[0]`";
    let twice = format!("`{B}[0].containerPort`: TCP port 80 {A}");
    let shared: &[(&str, &[Told<'_>])] = &[
        (r#"[{"containerPort": 80, "protocol": "udp"}, {"containerPort": 81}]"#, &[]),
        (r#"[{"containerPort": 80}]"#, &[(Error, &twice, "80}")]),
        // What AWS does not know it takes for tcp; and 0 stands for the container's port.
        (
            r#"[{"containerPort": 80, "hostPort": 0, "protocol": "tcp"}]"#,
            &[(Error, &twice, "80, \"hostPort\": 0")],
        ),
    ];
    second("awsvpc", shared);
    second("host", shared);
    let part = format!(
        "`{B}[1].containerPortRange`: TCP a part of 9010-9020 is already mapped by `containerDefinitions[0].portMappings[1]`"
    );
    let own = format!("`{B}[1].containerPort`: TCP port 7005 is already mapped by `{B}[0]`");
    let own_range =
        format!("`{B}[1].containerPortRange`: TCP a part of 7000-7010 is already mapped by `{B}[0]`");
    second(
        "awsvpc",
        &[
            (
                r#"[{"containerPort": 8999}, {"containerPortRange": "9010-9020"}]"#,
                &[(Warning, &part, "\"9010-")],
            ),
            (r#"[{"containerPortRange": "7000-7010"}, {"containerPort": 7005}]"#, &[(Error, &own, "7005")]),
            (
                r#"[{"containerPort": 7005}, {"containerPortRange": "7000-7010"}]"#,
                &[(Error, &own_range, "\"7000")],
            ),
            (r#"[{"containerPortRange": "7000-7010"}, {"containerPortRange": "7011-7020"}]"#, &[]),
        ],
    );
    let host = format!("`{B}[0].hostPort`: TCP port 80 {A}");
    let same_host = format!("`{B}[1].hostPort`: UDP port 53 is already mapped by `{B}[0]`");
    let same =
        |number: usize| format!("`{B}[{number}].containerPort`: TCP port 81 is already mapped by `{B}[0]`");
    let (one, two) = (same(1), same(2));
    second(
        "bridge",
        &[
            // Each container has a network of its own, and 0 is a port that ECS chooses.
            (
                r#"[{"containerPort": 80}, {"containerPort": 81, "hostPort": 0}, {"containerPortRange": "9000-9010"}]"#,
                &[],
            ),
            (r#"[{"containerPort": 81, "hostPort": 80, "protocol": "udp"}]"#, &[]),
            (r#"[{"containerPort": 81, "hostPort": 80}]"#, &[(Error, &host, "80}")]),
            (
                r#"[{"containerPort": 53, "hostPort": 53, "protocol": "udp"}, {"containerPort": 53, "hostPort": 53, "protocol": "udp"}]"#,
                &[(Error, &same_host, "53, \"protocol\": \"udp\"}]")],
            ),
            (
                r#"[{"containerPort": 81, "hostPort": 8081}, {"containerPort": 81, "hostPort": 8082}, {"containerPort": 81}]"#,
                &[(Warning, &one, "81, \"hostPort\": 8082"), (Warning, &two, "81}")],
            ),
            (r#"[{"containerPortRange": "7000-7010"}, {"containerPort": 7005}]"#, &[(Error, &own, "7005")]),
        ],
    );
}

/// One container on EC2, in the network mode of the fragment's first word: `{}` stands inside the container.
fn container(mode: &str, rows: &[(&str, &[Told<'_>])]) {
    let file = r#"{"family": "web", "networkMode": "MODE", "executionRoleArn": "execution", "containerDefinitions": [
{"name": "web", "image": "web:1", "memory": 256{}}]}"#;
    holds(&file.replace("MODE", mode), rows);
}

#[test]
fn of_a_container() {
    container(
        "bridge",
        &[
            (
                r#", "memoryReservation": 256, "links": ["web"], "hostname": "a", "swappiness": 0"#,
                &[(Error, "`containerDefinitions[0]` has no field `swappiness`", r#""swappiness""#)],
            ),
            (
                r#", "memoryReservation": 257"#,
                &[(
                    Error,
                    "`containerDefinitions[0].memory` (256) is less than `memoryReservation` (257)",
                    "256",
                )],
            ),
            (
                r#", "environment": [{"name": "A", "value": "x"}], "secrets": [{"name": "A", "valueFrom": "a"}]"#,
                &[(
                    Error,
                    "`containerDefinitions[0].secrets[0].name`: `A` is already the name of `containerDefinitions[0].environment[0]`",
                    r#""A", "valueFrom""#,
                )],
            ),
            (
                r#", "ulimits": [{"name": "core", "softLimit": 2, "hardLimit": 1}, {"name": "core", "softLimit": 1, "hardLimit": 1}]"#,
                &[
                    (
                        Error,
                        "`containerDefinitions[0].ulimits[0].softLimit` (2) is more than `hardLimit` (1)",
                        "2,",
                    ),
                    (
                        Error,
                        "`containerDefinitions[0].ulimits[1].name`: `core` is already the name of `containerDefinitions[0].ulimits[0]`",
                        r#""core""#,
                    ),
                ],
            ),
            (
                r#", "portMappings": [{"containerPort": 65536}, {"containerPort": 1, "containerPortRange": "1-2"}]"#,
                &[
                    (Error, "`containerDefinitions[0].portMappings[0].containerPort` is no port", "65536"),
                    (
                        Error,
                        "`containerDefinitions[0].portMappings[1]` has both `containerPort` and `containerPortRange`",
                        r#""1-2""#,
                    ),
                ],
            ),
            (
                r#", "environmentFiles": [{"value": "arn:aws:s3:::files/a.txt", "type": "s3"}]"#,
                &[(
                    Error,
                    "`containerDefinitions[0].environmentFiles[0].value` does not end in `.env`",
                    r#""arn:aws:s3:::files/a.txt""#,
                )],
            ),
            (
                r#", "healthCheck": {"command": ["curl"], "interval": 1, "timeout": 2, "retries": 11, "startPeriod": 0}"#,
                &[
                    (
                        Error,
                        "`containerDefinitions[0].healthCheck.command` begins with neither `CMD` nor `CMD-SHELL`",
                        r#"["curl"]"#,
                    ),
                    (Warning, "`containerDefinitions[0].healthCheck.interval` is 1", "1,"),
                    (Warning, "`containerDefinitions[0].healthCheck.retries` is 11", "11"),
                ],
            ),
            (
                r#", "restartPolicy": {"enabled": true, "restartAttemptPeriod": 59}"#,
                &[(Warning, "`containerDefinitions[0].restartPolicy.restartAttemptPeriod` is 59", "59")],
            ),
            (
                r#", "logConfiguration": {"logDriver": "awsfirelens"}"#,
                &[(
                    Error,
                    "`containerDefinitions[0].logConfiguration.logDriver` is `awsfirelens`, but no container is the log router",
                    r#""awsfirelens""#,
                )],
            ),
            (r#", "portMappings": [{"containerPort": 80, "hostPort": 8080}]"#, &[]),
        ],
    );
    container(
        "awsvpc",
        &[
            (
                r#", "portMappings": [{"containerPort": 80, "hostPort": 80}, {"containerPort": 81, "hostPort": 0}]"#,
                &[],
            ),
            (
                r#", "portMappings": [{"containerPort": 80, "hostPort": 8080}]"#,
                &[(
                    Error,
                    "`containerDefinitions[0].portMappings[0].hostPort` (8080) is not `containerPort` (80), as `awsvpc` needs",
                    "8080",
                )],
            ),
            (
                r#", "links": ["web"], "hostname": "a""#,
                &[
                    (Error, "`containerDefinitions[0].links` cannot be with `networkMode` `awsvpc`", "["),
                    (
                        Error,
                        "`containerDefinitions[0].hostname` is not supported with `networkMode` `awsvpc`",
                        r#""a""#,
                    ),
                ],
            ),
        ],
    );
    container(
        "none",
        &[(
            r#", "portMappings": [{"containerPort": 80}]"#,
            &[(Error, "`containerDefinitions[0].portMappings` cannot be with `networkMode` `none`", "[")],
        )],
    );
    holds(
        r#"{"family": "web", "containerDefinitions": [{"name": "web", "image": "web:1"{}}]}"#,
        &[
            (
                "",
                &[(
                    Error,
                    "`containerDefinitions[0]` has neither `memory` nor `memoryReservation`, and the task has no `memory`",
                    "{",
                )],
            ),
            (
                r#", "memory": 4, "secrets": [{"name": "A", "valueFrom": "a"}]"#,
                &[(
                    Error,
                    "`containerDefinitions[0].secrets` needs `executionRoleArn`, which is missing",
                    "[",
                )],
            ),
        ],
    );
}

#[test]
fn of_references_inside_the_file() {
    holds(
        r#"{"family": "web", "memory": "512", "volumes": [{"name": "data"}], "containerDefinitions": [
{"name": "web", "image": "web:1"{}},
{"name": "log", "image": "log:1", "essential": false, "healthCheck": {"command": ["CMD", "true"]}},
{"name": "api", "image": "api:1", "dependsOn": [{"containerName": "web", "condition": "START"}]}]}"#,
        &[
            (
                r#", "links": ["log:l"], "mountPoints": [{"sourceVolume": "data", "containerPath": "/d"}],
"volumesFrom": [{"sourceContainer": "log"}], "dependsOn": [{"containerName": "log", "condition": "HEALTHY"}]"#,
                &[],
            ),
            (
                r#", "mountPoints": [{"sourceVolume": "date", "containerPath": "/d"}]"#,
                &[(
                    Error,
                    "`containerDefinitions[0].mountPoints[0].sourceVolume`: there is no volume `date`",
                    r#""date""#,
                )],
            ),
            (
                r#", "links": ["lag:l"], "volumesFrom": [{"sourceContainer": "lag"}]"#,
                &[
                    (Error, "`containerDefinitions[0].links[0]`: there is no container `lag`", r#""lag:l""#),
                    (
                        Error,
                        "`containerDefinitions[0].volumesFrom[0].sourceContainer`: there is no container `lag`",
                        r#""lag""#,
                    ),
                ],
            ),
            (
                r#", "dependsOn": [{"containerName": "lag", "condition": "START"}, {"containerName": "web", "condition": "START"}]"#,
                &[
                    (
                        Error,
                        "`containerDefinitions[0].dependsOn[0].containerName`: there is no container `lag`",
                        r#""lag""#,
                    ),
                    (Error, "containers wait for each other: web -> web", r#""web""#),
                ],
            ),
            (
                r#", "dependsOn": [{"containerName": "api", "condition": "SUCCESS"}, {"containerName": "api", "condition": "HEALTHY"}]"#,
                &[
                    (Error, "containers wait for each other: api -> web -> api", r#""api""#),
                    (
                        Error,
                        "`containerDefinitions[0].dependsOn[0].condition` is `SUCCESS`, but that container is essential",
                        r#""SUCCESS""#,
                    ),
                    (
                        Error,
                        "`containerDefinitions[0].dependsOn[1].condition` is `HEALTHY`, but that container has no `healthCheck`",
                        r#""HEALTHY""#,
                    ),
                ],
            ),
        ],
    );
}

#[test]
fn of_volumes() {
    holds(
        r#"{"family": "web", "memory": "512", "containerDefinitions": [{"name": "web", "image": "web:1"}],
"volumes": [{"name": "data"}, {}]}"#,
        &[
            (
                r#"{"name": "b", "efsVolumeConfiguration": {"fileSystemId": "fs-1", "rootDirectory": "/a"}}"#,
                &[],
            ),
            (
                r#"{"name": "data"}"#,
                &[(Error, "`volumes[1].name`: `data` is already the name of `volumes[0]`", r#""data""#)],
            ),
            (
                r#"{"name": "b", "host": {"sourcePath": "/"}, "dockerVolumeConfiguration": {}}"#,
                &[(Error, "`volumes[1]` has both `host` and `dockerVolumeConfiguration`", "{")],
            ),
            (
                r#"{"name": "b", "efsVolumeConfiguration": {"fileSystemId": "fs-1", "rootDirectory": "/a", "authorizationConfig": {"accessPointId": "fsap-1"}}}"#,
                &[
                    (
                        Error,
                        "`volumes[1].efsVolumeConfiguration.rootDirectory` cannot be with an access point",
                        r#""/a""#,
                    ),
                    (
                        Error,
                        "`volumes[1].efsVolumeConfiguration.authorizationConfig` needs `transitEncryption` `ENABLED`",
                        r#""fsap-1""#,
                    ),
                ],
            ),
            (
                r#"{"name": "b", "s3filesVolumeConfiguration": {"fileSystemArn": "a", "rootDirectory": "/a", "accessPointArn": "b"}}"#,
                &[(
                    Error,
                    "`volumes[1].s3filesVolumeConfiguration.rootDirectory` cannot be with an access point",
                    r#""/a""#,
                )],
            ),
        ],
    );
}

/// A task for Fargate: `{}` is its network mode and size, its volumes and so on; one container with what is given.
fn fargate(inner: &str, rows: &[(&str, &[Told<'_>])]) {
    let file = r#"{"family": "web", "requiresCompatibilities": ["FARGATE"], {},
"containerDefinitions": [{"name": "web", "image": "web:1"INNER}]}"#;
    holds(&file.replace("INNER", inner), rows);
}

#[test]
fn of_a_task_for_fargate() {
    const GOOD: &str = r#""networkMode": "awsvpc", "cpu": "256", "memory": "512""#;
    let sized =
        |cpu: &str, memory: &str| format!(r#""networkMode": "awsvpc", "cpu": "{cpu}", "memory": "{memory}""#);
    let with = |more: &str| format!("{GOOD}, {more}");
    fargate(
        "",
        &[
            (GOOD, &[]),
            (&sized(".25 vCPU", "2GB"), &[]),
            (&sized("16384", "120 GB"), &[]),
            (
                &sized("256", "3072"),
                &[(Error, "Fargate has no tasks with 256 CPU units and 3072 MiB", r#""3072""#)],
            ),
            (
                &sized("512", "512"),
                &[(Error, "Fargate has no tasks with 512 CPU units and 512 MiB", r#""512""#)],
            ),
            (
                &sized("8 vCPU", "18GB"),
                &[(Error, "Fargate has no tasks with 8192 CPU units and 18432 MiB", r#""18GB""#)],
            ),
            (&sized("300", "512"), &[(Error, "Fargate has no tasks with 300 CPU units", r#""300""#)]),
            (
                r#""networkMode": "bridge""#,
                &[
                    (Error, "`cpu` is missing: Fargate needs the size of the task", r#"["FARGATE"]"#),
                    (Error, "`memory` is missing: Fargate needs the size of the task", r#"["FARGATE"]"#),
                    (Error, "`networkMode` is `bridge`; Fargate has only `awsvpc`", r#""bridge""#),
                ],
            ),
            (&with(r#""pidMode": "task""#), &[]),
            (
                &with(r#""pidMode": "host", "ipcMode": "task""#),
                &[
                    (Error, "`pidMode`: Fargate supports only `task`", r#""host""#),
                    (Error, "`ipcMode`: Fargate supports none", r#""task""#),
                ],
            ),
            (
                &with(r#""placementConstraints": [{"type": "memberOf", "expression": "x"}]"#),
                &[(Error, "`placementConstraints` is not supported on Fargate", "[")],
            ),
            (
                &with(
                    r#""volumes": [{"name": "a", "host": {"sourcePath": "/a"}}, {"name": "b", "dockerVolumeConfiguration": {}}]"#,
                ),
                &[
                    (Error, "`volumes[0].host.sourcePath` is not supported on Fargate", r#""/a""#),
                    (Error, "`volumes[1].dockerVolumeConfiguration` is not supported on Fargate", "{}"),
                ],
            ),
        ],
    );
    fargate(
        r#", "privileged": true, "stopTimeout": 121, "resourceRequirements": [{"type": "GPU", "value": "1"}],
"linuxParameters": {"swappiness": 10, "capabilities": {"add": ["SYS_PTRACE", "SYS_ADMIN"]}},
"logConfiguration": {"logDriver": "syslog"}"#,
        &[(
            GOOD,
            &[
                (Error, "`containerDefinitions[0].privileged` is not supported on Fargate", "true"),
                (Warning, "`containerDefinitions[0].stopTimeout` is 121", "121"),
                (Error, "`containerDefinitions[0].resourceRequirements` is not supported on Fargate", "{"),
                (
                    Error,
                    "`containerDefinitions[0].linuxParameters.swappiness` is not supported on Fargate",
                    "10",
                ),
                (
                    Error,
                    "`containerDefinitions[0].linuxParameters.capabilities.add` is not supported on Fargate",
                    r#""SYS_ADMIN""#,
                ),
                (
                    Error,
                    "`containerDefinitions[0].logConfiguration.logDriver` is not one that Fargate has",
                    r#""syslog""#,
                ),
            ],
        )],
    );
    let ecr = r#", "essential": true, "image": "111122223333.dkr.ecr.eu-central-1.amazonaws.com/web:1""#;
    let file = r#"{"family": "web", "requiresCompatibilities": ["FARGATE"], {},
"containerDefinitions": [{"name": "web"ECR, "logConfiguration": {"logDriver": "awslogs"}}]}"#;
    holds(
        &file.replace("ECR", ecr),
        &[
            (&with(r#""executionRoleArn": "execution""#), &[]),
            (
                GOOD,
                &[
                    (
                        Error,
                        "`containerDefinitions[0].image` needs `executionRoleArn` on Fargate, which is missing",
                        r#""111122223333"#,
                    ),
                    (
                        Error,
                        "`containerDefinitions[0].logConfiguration.logDriver` needs `executionRoleArn` on Fargate, which is missing",
                        r#""awslogs""#,
                    ),
                ],
            ),
        ],
    );
}
