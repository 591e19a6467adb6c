use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use super::*;
use crate::desired::kind::{
    AssumeRole, Capability, Constraints, EcsService, HealthCheck, HealthCondition, HttpCheck, McpCheck, Mode,
    Rollback, Rollout, Rotation, Secret, SecretRollback, ServiceSettings, StateCode, StateLock, StateVersion,
    Suspension, Target, TargetGroupCheck, TaskDefinitionSource, TcpCheck, TerraformState,
};
use crate::desired::node::Node;
use crate::name::{
    AccountId, BucketName, ClusterName, CommitId, CronExpression, EndTime, FieldPath, HostName,
    HumanDuration, Lineage, ObjectKey, ObjectVersionId, ProbeUrl, ReasonText, Region, ResourceName,
    RestartToken, RevisionRef, RoleArn, SecretId, SecretVersionId, ServiceName, StatusCodes,
    TerraformAttribute, TimeZoneName,
};

macro_rules! text {
    ($type:ty, $pattern:expr) => {
        $pattern.prop_filter_map("not valid", |text| <$type>::parse(&text).ok())
    };
}

fn resource_name() -> impl Strategy<Value = ResourceName> {
    text!(ResourceName, "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?")
}

fn duration() -> impl Strategy<Value = HumanDuration> {
    (1u64..1_000_000).prop_map(HumanDuration::from_secs)
}

fn target() -> impl Strategy<Value = Target> {
    let role = option::of(("[a-z]{1,9}", option::of(any::<String>())));
    let constraints =
        (duration(), 1u32..=100, option::of(1u32..)).prop_map(|(timeout, concurrency, most)| Constraints {
            timeout,
            concurrency,
            max_changes_per_pass: most,
        });
    let capabilities = btree_set(
        prop_oneof![
            Just(Capability::EcsDeploy),
            Just(Capability::EcsScale),
            Just(Capability::SecretsPromote)
        ],
        0..3,
    );
    (
        text!(AccountId, "[0-9]{12}"),
        prop_oneof![Just("eu-central-1"), Just("us-gov-west-1")],
        text!(ClusterName, "[A-Za-z0-9_-]{1,20}"),
        role,
        prop_oneof![Just(Mode::Observe), Just(Mode::Propose), Just(Mode::Enforce)],
        capabilities,
        constraints,
    )
        .prop_map(|(account_id, region, cluster, role, mode, capabilities, constraints)| Target {
            assume_role: role.map(|(name, external_id)| AssumeRole {
                arn: RoleArn::parse(&format!("arn:aws:iam::{account_id}:role/{name}")).unwrap(),
                external_id,
            }),
            account_id,
            region: Region::parse(region).unwrap(),
            cluster,
            mode,
            capabilities,
            constraints,
        })
}

/// One field of each type; which of them are there does not matter to reading and writing.
fn settings() -> ServiceSettings {
    let settings = serde_json::json!({
        "deploymentConfiguration": {"maximumPercent": 150, "canaryConfiguration": {"canaryPercent": 2.5}},
        "enableExecuteCommand": true,
        "loadBalancers": [],
        "serviceConnectConfiguration": {"enabled": true, "logConfiguration": {
            "logDriver": "awslogs", "options": {"awslogs-group": "/ecs/proxy"}}},
    });
    serde_json::from_value(settings).unwrap()
}

fn ecs_service() -> impl Strategy<Value = EcsService> {
    let source = prop_oneof![
        text!(RevisionRef, "[a-zA-Z0-9_-]{1,9}:[1-9][0-9]{0,3}").prop_map(TaskDefinitionSource::Revision),
        text!(RelativePath, "[a-z ~#&*!]{1,9}(/[a-z0-9.]{1,9})?")
            .prop_filter("leads out", |path| !path.as_str().contains(".."))
            .prop_map(TaskDefinitionSource::File),
    ];
    (
        (
            resource_name(),
            text!(ServiceName, "[A-Za-z0-9_-]{1,20}"),
            option::of(source),
            option::of(0u32..=5000),
        ),
        option::of(text!(RestartToken, "[A-Za-z0-9._:/=+-]{1,20}")),
        (vec(resource_name(), 0..3), vec(resource_name(), 0..3), vec(condition(), 0..4)),
        (duration(), duration()),
        vec(text!(FieldPath, "(taskDefinition\\.)?containerDefinitions\\[(\\*|name=[a-z]{1,9})\\](\\.image)?|settings\\.\\*"), 0..3),
        (vec(any::<String>(), 0..3), option::of(suspension())),
    )
        .prop_map(|(first, restart, names, times, ignore, (reveal, suspend))| EcsService {
            target: first.0,
            service: first.1,
            task_definition: first.2,
            desired_count: first.3,
            settings: settings(),
            create: None,
            restart,
            secrets: names.0,
            depends_on: names.1,
            health: numbered(names.2),
            rollout: Rollout { deadline: times.0 },
            rollback: Rollback::default(),
            heal_delay: times.1,
            ignore,
            suspend,
            reveal,
        })
}

fn suspension() -> impl Strategy<Value = Suspension> {
    let until =
        text!(EndTime, "20[0-9]{2}-0[1-9]-[12][0-9]( |T)[01][0-9]:[0-5][0-9](:[0-5][0-9])?(Z|[+]02:00)");
    let reason = text!(ReasonText, "[a-z][a-z:#'\" ]{0,20}");
    (until, reason).prop_map(|(until, reason)| Suspension { until, reason })
}

fn condition() -> impl Strategy<Value = HealthCondition> {
    let url = || text!(ProbeUrl, "https?://[a-z]{1,9}\\.example\\.com(:[1-9][0-9]{0,3})?(/[a-z]{0,5})?");
    let check = prop_oneof![
        (url(), 100u16..300, option::of("[a-z]{1,9}")).prop_map(|(url, first, contains)| HealthCheck::Http(
            HttpCheck { url, status: StatusCodes::parse(&format!("{first}-399")).unwrap(), contains }
        )),
        (text!(HostName, "[a-z]{1,9}"), 1u16..)
            .prop_map(|(host, port)| HealthCheck::Tcp(TcpCheck { host, port })),
        Just(HealthCheck::TargetGroup(TargetGroupCheck { arn: None })),
        (url(), vec("[a-z]{1,9}", 0..3)).prop_map(|(url, tools)| HealthCheck::Mcp(McpCheck {
            url,
            tools,
            protocol_version: "2025-06-18".to_owned()
        })),
    ];
    (check, duration(), duration(), 1u32..=100).prop_map(|(check, interval, timeout, successes)| {
        HealthCondition { check, interval, timeout, successes }
    })
}

/// Without those that ask the same twice.
fn numbered(conditions: Vec<HealthCondition>) -> Vec<HealthCondition> {
    let mut seen = std::collections::BTreeSet::new();
    conditions.into_iter().filter(|condition| seen.insert(condition.check.to_string())).collect()
}

fn secret() -> impl Strategy<Value = Secret> {
    let rotation =
        (option::of(Just("Europe/Berlin")), option::of(duration())).prop_map(|(zone, grace)| Rotation {
            schedule: CronExpression::parse("0 3 * * MON").unwrap(),
            time_zone: zone.map(|zone| TimeZoneName::parse(zone).unwrap()),
            grace,
        });
    (
        resource_name(),
        text!(SecretId, "[A-Za-z0-9/_+=.@-]{1,20}"),
        text!(SecretVersionId, "[A-Za-z0-9-]{32,40}"),
        prop_oneof![Just(SecretRollback::Refuse), Just(SecretRollback::Label)],
        vec(any::<String>(), 0..3),
        option::of(rotation),
        option::of(suspension()),
    )
        .prop_map(|(target, secret_id, version_id, rollback, required_keys, rotation, suspend)| Secret {
            target,
            secret_id,
            version_id,
            rollback,
            required_keys,
            rotation,
            suspend,
        })
}

fn terraform_state() -> impl Strategy<Value = TerraformState> {
    let lock = (any::<bool>(), option::of(any::<String>()))
        .prop_map(|(s3, dynamodb_table)| StateLock { s3, dynamodb_table });
    let version = (text!(ObjectVersionId, "[A-Za-z0-9._]{1,20}"), any::<u64>())
        .prop_map(|(id, serial)| StateVersion { id, serial });
    let code = (any::<String>(), text!(CommitId, "[0-9a-f]{40}"))
        .prop_map(|(repository, commit)| StateCode { repository, commit });
    let lineage = text!(Lineage, "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
    (
        resource_name(),
        text!(BucketName, "[a-z0-9][a-z0-9-]{1,20}[a-z0-9]"),
        text!(ObjectKey, "\\PC{1,40}"),
        option::of(lock),
        option::of(lineage),
        option::of(version),
        option::of(code),
        btree_map("[a-z_.\\[\\]0-9\"]{1,20}", resource_name(), 0..3),
        vec(text!(TerraformAttribute, "(desired_count|tags_all|all)"), 0..3),
    )
        .prop_map(|(target, bucket, key, lock, lineage, version, code, resources, ignored)| {
            TerraformState {
                ignore_changes: resources.keys().map(|address| (address.clone(), ignored.clone())).collect(),
                target,
                bucket,
                key,
                lock,
                lineage,
                version,
                code,
                resources,
            }
        })
}

/// Writes a resource as YAML with another program's serializer, and as JSON, and reads both back.
fn round_trip<S: Serialize>(kind: ResourceKind, metadata: &Metadata, spec: &S) -> Vec<ParsedResource> {
    let document =
        json!({ "apiVersion": kind::API_VERSION, "kind": kind.as_str(), "metadata": metadata, "spec": spec });
    [serde_saphyr::to_string(&document).unwrap(), serde_json::to_string_pretty(&document).unwrap()]
        .iter()
        .map(|text| {
            let mut file = manifest(text);
            let errors: Vec<Finding> =
                file.findings.iter().filter(|f| f.severity == Severity::Error).cloned().collect();
            assert_eq!(show(&errors), "", "{text}");
            file.documents.remove(0).resource.unwrap()
        })
        .collect()
}

fn metadata() -> impl Strategy<Value = Metadata> {
    (resource_name(), btree_map(any::<String>(), any::<String>(), 0..3)).prop_map(|(name, labels)| Metadata {
        name,
        annotations: labels.clone(),
        labels,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_target_reads_back_as_it_was_written(metadata in metadata(), spec in target()) {
        for read in round_trip(ResourceKind::Target, &metadata, &spec) {
            let ParsedResource::Target(read) = read else { panic!("another kind") };
            prop_assert_eq!((&read.metadata, &read.spec), (&metadata, &spec));
        }
    }

    #[test]
    fn every_service_reads_back_as_it_was_written(metadata in metadata(), spec in ecs_service()) {
        prop_assume!(!spec.depends_on.contains(&metadata.name));
        for read in round_trip(ResourceKind::EcsService, &metadata, &spec) {
            let ParsedResource::EcsService(read) = read else { panic!("another kind") };
            prop_assert_eq!((&read.metadata, &read.spec), (&metadata, &spec));
        }
    }

    #[test]
    fn every_secret_reads_back_as_it_was_written(metadata in metadata(), spec in secret()) {
        for read in round_trip(ResourceKind::Secret, &metadata, &spec) {
            let ParsedResource::Secret(read) = read else { panic!("another kind") };
            prop_assert_eq!((&read.metadata, &read.spec), (&metadata, &spec));
        }
    }

    #[test]
    fn every_state_reads_back_as_it_was_written(metadata in metadata(), spec in terraform_state()) {
        for read in round_trip(ResourceKind::TerraformState, &metadata, &spec) {
            let ParsedResource::TerraformState(read) = read else { panic!("another kind") };
            prop_assert_eq!((&read.metadata, &read.spec), (&metadata, &spec));
        }
    }

    #[test]
    fn no_bytes_make_the_parsers_panic(bytes in vec(any::<u8>(), 0..400)) {
        parse_manifest(&path("a.yaml"), &bytes);
        parse_task_definition(&path("a.json"), &bytes);
    }

    #[test]
    fn no_text_makes_the_parsers_panic(parts in vec(prop_oneof![
        Just("apiVersion: bowline.dev/v1alpha1\n"), Just("kind: Target\n"), Just("kind: EcsService\n"), Just("metadata:\n"),
        Just("  name: a\n"), Just("spec:\n"), Just("  target: &a prod\n"), Just("  secrets: [*a, {b: c}]\n"), Just("---\n"), Just("...\n"),
        Just("%YAML 1.2\n"), Just("? "), Just("- "), Just("\t"), Just("  "), Just("{"), Just("}"), Just("[\n"), Just("]"), Just("\"\\u00e9\""),
        Just("'"), Just(": "), Just(", "), Just("|\n  x\n"), Just(">-\n"), Just("#\n"), Just("!!str "), Just("<<: *a\n"), Just("\u{feff}"), Just("\u{85}"),
        Just("\r\n"), Just("é"), Just("\0"), Just("*a"), Just("&a "), Just("1e9"), Just("\"family\": \"a\""),
    ], 0..60)) {
        let text = parts.concat();
        parse_manifest(&path("a.yaml"), text.as_bytes());
        parse_task_definition(&path("a.json"), text.as_bytes());
    }

    /// The positions come from a second walk over the text: it has to see what serde_json sees.
    #[test]
    fn json_means_what_serde_json_says(value in json_value(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let node: Node = json::read(&text).unwrap();
        prop_assert_eq!(node.to_value(), value);
    }

    /// An independent reader of YAML agrees about what a file means.
    #[test]
    fn yaml_means_what_another_reader_says(value in json_value()) {
        let text = serde_saphyr::to_string(&value).unwrap();
        let stream = yaml::read(&text);
        prop_assert_eq!(&stream.errors, &Vec::new());
        let read = stream.documents.first().map_or(Value::Null, Node::to_value);
        prop_assert_eq!(read, value, "{}", text);
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[0-9+.eExo_~-]{1,6}".prop_map(Value::from),
        prop_oneof![Just("null"), Just("yes"), Just("True"), Just("<<"), Just("---"), Just("0x1")]
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}
