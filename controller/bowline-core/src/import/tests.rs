use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::desired::kind::ServiceSettings;
use crate::desired::{
    Assembled, ResourceKind, SourceFile, TaskDefinitionContent, assemble, parse_manifest,
    parse_task_definition, referenced_task_definitions,
};
use crate::live::{Live, RolloutState, SchedulingStrategy, TaskDefinitionStatus};
use crate::name::{AccountId, ClusterName, Region, RelativePath};
use crate::plan::fixture::{Fixture, arn, at, known, live_service, name, version};

const LINEAGE: &str = "8d1f7c2e-53b9-4f0a-a6d4-2b9e0c71f5e3";

fn called(text: &str) -> ServiceName {
    ServiceName::parse(text).unwrap()
}

fn secret_arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:eu-central-1:111122223333:secret:{name}-AbCdEf")
}

fn secret(name: &str) -> LiveSecret {
    LiveSecret {
        arn: secret_arn(name),
        stages: BTreeMap::from([(version(name), BTreeSet::from(["AWSCURRENT".to_owned()]))]),
        deleted_at: None,
        last_changed_at: None,
        rotated_elsewhere: false,
    }
}

/// As DescribeTaskDefinition shows it, with what AWS fills in.
fn content(family: &str, secrets: &[&str]) -> TaskDefinitionContent {
    let secrets: Vec<Value> = secrets
        .iter()
        .map(|name| json!({"name": name.to_uppercase(), "valueFrom": format!("{}:key::", secret_arn(name))}))
        .collect();
    TaskDefinitionContent::new(json!({
        "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "volumes": [], "placementConstraints": [], "executionRoleArn": "arn:aws:iam::111122223333:role/execution",
        "containerDefinitions": [{
            "name": "app", "image": "registry.test/app:1", "cpu": 0, "essential": true, "mountPoints": [],
            "volumesFrom": [], "secrets": secrets, "environment": [{"name": "LOG_LEVEL", "value": "info"}],
            "portMappings": [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}],
        }],
    }))
}

/// Changes what the service's task definition says.
fn edit(found: &mut FoundService, change: impl FnOnce(&mut Value)) {
    let task_definition = found.task_definition.as_mut().unwrap();
    let mut content = task_definition.content.value();
    change(&mut content);
    task_definition.content = TaskDefinitionContent::new(content);
}

fn found(called: &str, revision: &str, secrets: &[&str]) -> FoundService {
    let family = revision.split(':').next().unwrap();
    let (arn, status) = (arn(revision), TaskDefinitionStatus::Active);
    let task_definition = Some(LiveTaskDefinition { arn, status, content: content(family, secrets) });
    FoundService { live: live_service(called, revision), task_definition, revision_settings: None }
}

fn site(text: &str) -> Site {
    let mut fixture = Fixture::new();
    fixture.add_target(text);
    let mut target = fixture.desired.targets[&name(text)].spec.clone();
    (target.mode, target.capabilities) = (crate::desired::kind::Mode::Observe, BTreeSet::new());
    Site { name: name(text), target, declared: false }
}

fn inventory(services: Vec<(&str, FoundService)>) -> Inventory {
    let services = services.into_iter().map(|(text, service)| (called(text), service)).collect();
    let secrets = ["db", "api"].map(|name| (secret_arn(name), Some(secret(name)))).into();
    Inventory { site: site("prod"), services, secrets, states: BTreeMap::new() }
}

/// As DescribeServices shows them, with what AWS fills in.
fn settings(extra: &Value) -> ServiceSettings {
    let mut shown = json!({
        "availabilityZoneRebalancing": "ENABLED", "enableECSManagedTags": false, "enableExecuteCommand": false,
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": {"enable": false, "rollback": false}, "maximumPercent": 200,
            "minimumHealthyPercent": 100, "strategy": "ROLLING", "bakeTimeInMinutes": 0},
        "launchType": "FARGATE", "platformVersion": "LATEST", "propagateTags": "NONE", "schedulingStrategy": "REPLICA",
        "networkConfiguration": {"awsvpcConfiguration": {
            "subnets": ["subnet-b", "subnet-a"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED"}},
    });
    shown.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    serde_json::from_value(shown).unwrap()
}

/// Blue/green behind a load balancer, reached by others by name, with a log driver that takes a token.
fn far_from_defaults() -> Value {
    let arn = |name: &str| {
        format!("arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/{name}/0123456789abcdef")
    };
    json!({
        "enableExecuteCommand": true, "healthCheckGracePeriodSeconds": 30,
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": {"enable": true, "rollback": true}, "maximumPercent": 200,
            "minimumHealthyPercent": 100, "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5},
        "loadBalancers": [{
            "targetGroupArn": arn("blue"), "containerName": "app", "containerPort": 8080,
            "advancedConfiguration": {
                "alternateTargetGroupArn": arn("green"), "productionListenerRule": "arn:aws:elasticloadbalancing:rule/1",
                "roleArn": "arn:aws:iam::111122223333:role/ecs-blue-green"}}],
        "serviceConnectConfiguration": {
            "enabled": true, "namespace": "internal",
            "services": [{"portName": "http", "clientAliases": [{"port": 80, "dnsName": "worker"}]}],
            "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": "hunter2", "splunk-format": "json"}}},
    })
}

/// Two services that share a secret, one that scales by itself on its instances, one of CodeDeploy's, and a state.
fn mixed() -> Inventory {
    let mut code_deploy = found("Legacy_Shop", "shop:3", &["db"]);
    code_deploy.live.controller = DeploymentController::CodeDeploy;
    let mut daemon = found("agent", "agent:7", &[]);
    daemon.live.scheduling = SchedulingStrategy::Daemon;
    daemon.task_definition.as_mut().unwrap().status = TaskDefinitionStatus::Inactive;
    code_deploy.live.settings = settings(&json!({"deploymentController": {"type": "CODE_DEPLOY"}}));
    let (mut web, mut worker) =
        (found("web", "web:41", &["db", "api"]), found("worker", "worker:2", &["db"]));
    web.live.settings = settings(&json!({}));
    worker.live.settings = settings(&far_from_defaults());
    let mut mixed =
        inventory(vec![("web", web), ("worker", worker), ("agent", daemon), ("Legacy_Shop", code_deploy)]);
    let state = LiveState {
        services: BTreeMap::new(),
        version_id: Some("3HL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY".to_owned()),
        etag: String::new(),
        last_modified: None,
        serial: 41,
        lineage: LINEAGE.to_owned(),
        terraform_version: None,
    };
    let place = ("states".to_owned(), "mcp/terraform.tfstate".to_owned());
    let place = (BucketName::parse(&place.0).unwrap(), ObjectKey::parse(&place.1).unwrap());
    mixed.states.insert(place, state);
    mixed
}

/// What the folder would declare with these files in it.
fn assembled(manifests: &Manifests) -> Assembled {
    let all: BTreeMap<RelativePath, &String> = manifests
        .units
        .iter()
        .flat_map(|unit| &unit.files)
        .map(|(path, text)| (RelativePath::parse(path).unwrap(), text))
        .collect();
    let manifests =
        all.iter().filter(|(path, _)| path.as_str().rsplit_once('.').is_some_and(|(_, end)| end == "yaml"));
    let files: Vec<SourceFile> = manifests
        .map(|(path, text)| SourceFile {
            parsed: Arc::new(parse_manifest(path, text.as_bytes())),
            fallback: None,
        })
        .collect();
    let definitions = referenced_task_definitions(&files)
        .into_iter()
        .map(|path| (path.clone(), Arc::new(parse_task_definition(&path, all[&path].as_bytes()))))
        .collect();
    assemble(&files, &definitions)
}

fn import(folder: &DesiredState, inventories: &[Inventory], options: &Options) -> Manifests {
    manifests(Folder { state: folder, path: "" }, inventories, options)
}

fn into_nothing(inventory: Inventory, options: &Options) -> Manifests {
    import(&DesiredState::default(), &[inventory], options)
}

fn files() -> Options {
    Options { files: true, ..Options::default() }
}

fn counts() -> Options {
    Options { counts: true, ..Options::default() }
}

fn all_text(manifests: &Manifests) -> String {
    let mut text = String::new();
    for (path, content) in manifests.units.iter().flat_map(|unit| &unit.files) {
        writeln!(text, "=== {path}\n{content}").unwrap();
    }
    for (about, note) in &manifests.notes {
        writeln!(text, "note: {about}: {note}").unwrap();
    }
    text
}

fn paths(manifests: &Manifests) -> Vec<&str> {
    manifests.units.iter().flat_map(|unit| &unit.files).map(|(path, _)| path.as_str()).collect()
}

#[test]
fn everything_is_written_as_a_person_would_have_written_it() {
    insta::assert_snapshot!("pinned", all_text(&into_nothing(mixed(), &Options::default())));
    let with_all = Options { counts: true, files: true, ..Options::default() };
    insta::assert_snapshot!("files-and-counts", all_text(&into_nothing(mixed(), &with_all)));
}

/// What was read, as the next pass sees it.
fn live(state: &DesiredState, inventory: &Inventory) -> Live {
    let mut live = Live::default();
    for target in state.targets.keys() {
        live.targets.insert(target.clone(), known(()));
        for service in inventory.services.values() {
            if let Some(definition) = &service.task_definition {
                let key = (target.clone(), definition.arn.to_string());
                live.task_definitions.insert(key, known(definition.clone()));
            }
        }
    }
    for (name, service) in &state.services {
        let found = &inventory.services[&service.resource.spec.service];
        live.services.insert(name.clone(), known(Arc::new(found.live.clone())));
    }
    for (name, resource) in &state.secrets {
        let found = inventory.secrets[&secret_arn(resource.spec.secret_id.as_str())].clone();
        live.secrets.insert(name.clone(), known(found.unwrap()));
    }
    for (name, resource) in &state.states {
        let place = (resource.spec.bucket.clone(), resource.spec.key.clone());
        live.states.insert(name.clone(), known(inventory.states[&place].clone()));
    }
    live
}

#[test]
fn the_first_plan_after_an_import_is_empty() {
    let both = Options { counts: true, files: true, ..Options::default() };
    for options in [Options::default(), files(), counts(), both] {
        let manifests = into_nothing(mixed(), &options);
        let Assembled { state, findings } = assembled(&manifests);
        assert_eq!(findings, []);
        assert_eq!(
            (state.targets.len(), state.services.len(), state.secrets.len(), state.states.len()),
            (1, 4, 2, 1)
        );
        let fixture = Fixture { live: live(&state, &mixed()), desired: state, ..Fixture::new() };
        assert_eq!(fixture.needs(), BTreeSet::new(), "{options:?}");
        let proposed = fixture.propose();
        let unclean: Vec<_> = proposed.reports.values().filter(|report| !report.is_clean()).collect();
        assert!(unclean.is_empty(), "{options:?}: {unclean:#?}");
        let reads = &fixture.desired.services[&name("web")].resource.spec.secrets;
        assert_eq!(reads, &[name("api"), name("db")]);
    }
}

#[test]
fn a_second_import_writes_the_same_bytes_under_the_same_names() {
    let first = into_nothing(mixed(), &files());
    assert!(first.units.iter().all(|unit| !unit.declared));
    let mut state = assembled(&first).state;
    // Somebody who comes later, and who would have been given the name.
    let mut later = mixed();
    later.services.insert(called("legacy-shop"), found("legacy-shop", "shop:4", &[]));
    later.site.declared = true;
    for resource in
        state.services.values_mut().map(|service| &mut Arc::make_mut(&mut service.resource).origin)
    {
        resource.path = format!("desired-state/{}", resource.path);
    }
    for origin in state.secrets.values_mut().map(|secret| &mut secret.origin) {
        origin.path = format!("desired-state/{}", origin.path);
    }
    for origin in state.states.values_mut().map(|state| &mut state.origin) {
        origin.path = format!("desired-state/{}", origin.path);
    }
    let second = manifests(Folder { state: &state, path: "desired-state" }, &[later], &files());
    let (declared, new): (Vec<Unit>, Vec<Unit>) = second.units.into_iter().partition(|unit| unit.declared);
    let expected: Vec<Unit> = first
        .units
        .into_iter()
        .filter(|unit| unit.resource.kind != ResourceKind::Target)
        .map(|unit| Unit { declared: true, ..unit })
        .collect();
    assert_eq!(declared, expected);
    let new: Vec<String> = new.iter().map(|unit| unit.resource.to_string()).collect();
    assert_eq!(new.len(), 1);
    assert!(new[0].starts_with("EcsService/prod-legacy-shop"), "{new:?}");
    let elsewhere: Vec<String> = second.elsewhere.keys().map(ToString::to_string).collect();
    assert_eq!(elsewhere, ["Target/prod"], "what is allowed there is a person's to say");
}

#[test]
fn what_the_folder_declares_in_files_of_its_own_is_left_alone_and_referred_to() {
    let mut fixture = Fixture::new()
        .with_service("web", "web:40")
        .with_secret("db", "db", "db")
        .with_service("other", "other:1");
    fixture.spec("web").service = called("worker");
    let manifests = import(&fixture.desired, &[mixed()], &Options::default());
    let expected = [
        "prod/secrets/api.yaml",
        "prod/services/agent.yaml",
        "prod/services/legacy-shop.yaml",
        "prod/services/prod-web.yaml",
        "prod/target.yaml",
        "prod/terraform-states/mcp-terraform.yaml",
    ];
    assert_eq!(paths(&manifests), expected);
    let web = manifests.units.iter().find(|unit| unit.resource.name == name("prod-web")).unwrap();
    assert!(web.files[0].1.ends_with("  secrets:\n    - api\n    - db\n"), "{}", web.files[0].1);
    let elsewhere: Vec<(String, &str)> =
        manifests.elsewhere.iter().map(|(key, path)| (key.to_string(), path.as_str())).collect();
    assert_eq!(elsewhere, [("EcsService/web".to_owned(), "web.yaml"), ("Secret/db".to_owned(), "db.yaml")]);
}

#[test]
fn two_targets_of_one_account_share_a_secret_and_not_a_name() {
    let mut staging = inventory(vec![("web", found("web", "web:5", &["db"]))]);
    staging.site = site("staging");
    staging.site.target.cluster = ClusterName::parse("staging").unwrap();
    let prod = inventory(vec![("web", found("web", "web:41", &["db"]))]);
    let both = import(&DesiredState::default(), &[staging, prod], &Options::default());
    assert_eq!(assembled(&both).findings, []);
    let expected = [
        "prod/secrets/db.yaml",
        "prod/services/web.yaml",
        "prod/target.yaml",
        "staging/services/staging-web.yaml",
        "staging/target.yaml",
    ];
    assert_eq!(paths(&both), expected);
}

#[test]
fn services_that_are_nobodys_to_manage_are_skipped_and_said_so() {
    let with = |change: fn(&mut LiveService)| {
        let mut service = found("x", "x:1", &[]);
        change(&mut service.live);
        service
    };
    let inventory = inventory(vec![
        ("express", with(|service| service.managed_by_ecs = true)),
        ("going", with(|service| service.status = ServiceStatus::Draining)),
        ("gone", with(|service| service.status = ServiceStatus::Inactive)),
        ("odd", with(|service| service.status = ServiceStatus::Other)),
        ("web", found("web", "web:1", &[])),
    ]);
    let manifests = into_nothing(inventory, &Options::default());
    assert_eq!(paths(&manifests), ["prod/services/web.yaml", "prod/target.yaml"]);
    let skipped: Vec<(&str, WhyNot)> =
        manifests.skipped.iter().map(|((_, service), why)| (service.as_str(), *why)).collect();
    let expected = [
        ("express", WhyNot::ManagedByEcs),
        ("going", WhyNot::Draining),
        ("gone", WhyNot::Inactive),
        ("odd", WhyNot::UnknownStatus),
    ];
    assert_eq!(skipped, expected);
}

#[test]
fn secrets_that_cannot_be_pinned_are_left_out_with_the_reason() {
    let elsewhere = "arn:aws:secretsmanager:us-east-1:111122223333:secret:far-AbCdEf";
    let names = ["deleted", "rotated", "empty", "missing"];
    let mut web = found("web", "web:1", &names);
    edit(&mut web, |content| {
        let list = content.pointer_mut("/containerDefinitions/0/secrets").unwrap();
        list.as_array_mut().unwrap().push(json!({"name": "FAR", "valueFrom": elsewhere}));
    });
    let mut inventory = inventory(vec![("web", web)]);
    let deleted = LiveSecret { deleted_at: Some(at(0)), ..secret("deleted") };
    let rotated = LiveSecret { rotated_elsewhere: true, ..secret("rotated") };
    let empty = LiveSecret { stages: BTreeMap::new(), ..secret("empty") };
    let found =
        [("deleted", Some(deleted)), ("rotated", Some(rotated)), ("empty", Some(empty)), ("missing", None)];
    inventory.secrets = found.map(|(name, secret)| (secret_arn(name), secret)).into();
    let manifests = into_nothing(inventory, &Options::default());
    assert_eq!(paths(&manifests), ["prod/services/web.yaml", "prod/target.yaml"]);
    assert!(!manifests.units[0].files[0].1.contains("secrets"));
    let notes: Vec<String> = manifests.notes.iter().map(|(about, note)| format!("{about}: {note}")).collect();
    let read_by = "It is read by web";
    let expected = [
        format!("secret deleted: it is not imported: it is marked for deletion. {read_by}"),
        format!("secret empty: it is not imported: it has no current version. {read_by}"),
        format!(
            "secret far: it is not imported: it is in another account or region than the Target. {read_by}"
        ),
        format!("secret missing: it is not imported: there is no such secret. {read_by}"),
        format!(
            "secret rotated: it is not imported: AWS rotates it by itself, so that its current version is not git's to say. {read_by}"
        ),
    ];
    assert_eq!(notes, expected);
}

#[test]
fn what_is_not_settled_is_told() {
    let mut rolling = found("rolling", "a:1", &[]);
    rolling.live.deployments[0].rollout_state = Some(RolloutState::InProgress);
    let mut failed = found("failed", "b:1", &[]);
    failed.live.deployments[0].rollout_state = Some(RolloutState::Failed);
    let mut forgotten = found("forgotten", "c:1", &[]);
    forgotten.task_definition = None;
    let services = vec![("rolling", rolling), ("failed", failed), ("forgotten", forgotten)];
    let manifests = into_nothing(inventory(services), &Options::default());
    let about: Vec<&str> = manifests.notes.iter().map(|(about, _)| about.as_str()).collect();
    assert_eq!(about, ["failed", "forgotten", "rolling"]);
}

#[test]
fn confidential_values_are_named_by_place_and_only_for_files() {
    let with_password = || {
        let mut web = found("web", "web:1", &[]);
        edit(&mut web, |content| {
            content["containerDefinitions"][0]["environment"] =
                json!([{"name": "DB_PASSWORD", "value": "hunter2"}]);
        });
        inventory(vec![("web", web)])
    };
    let suspect = Suspect {
        service: "web".to_owned(),
        place: "container app".to_owned(),
        variable: "DB_PASSWORD".to_owned(),
        because: Because::Name,
    };
    assert_eq!(into_nothing(with_password(), &files()).suspects, [suspect]);
    assert_eq!(into_nothing(with_password(), &Options::default()).suspects, []);
    let allowed = Options { allowed: BTreeSet::from(["DB_PASSWORD".to_owned()]), ..files() };
    let manifests = into_nothing(with_password(), &allowed);
    assert_eq!(manifests.suspects, []);
    assert!(all_text(&manifests).contains("hunter2"));
}

#[test]
fn a_task_definition_of_which_no_file_can_be_made_is_pinned() {
    let mut web = found("web", "web:1", &[]);
    edit(&mut web, |content| {
        content["containerDefinitions"][0]["environment"] =
            json!([{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]);
        content["somethingNew"] = json!(1);
    });
    let manifests = into_nothing(inventory(vec![("web", web)]), &files());
    assert_eq!(paths(&manifests), ["prod/services/web.yaml", "prod/target.yaml"]);
    assert!(manifests.units[0].files[0].1.contains("revision: web:1\n"));
    let (about, note) = manifests.notes.first().unwrap();
    assert!(
        about == "web" && note.starts_with("its revision is pinned, since a file of it would have errors: "),
        "{note}"
    );
}

fn cluster(text: &str) -> ClusterName {
    ClusterName::parse(text).unwrap()
}

#[test]
fn a_target_is_the_folders_or_a_new_one_for_a_cluster() {
    let state = Fixture::new().desired;
    let folder = Folder { state: &state, path: "" };
    let account = AccountId::parse("111122223333").unwrap();
    let region = Region::parse("eu-central-1").unwrap();
    let clusters = ["main", "Blue_Green", "prod"].map(cluster).into();
    let sites = sites(folder, &account, &region, &clusters, None);
    let told: Vec<(&str, &str, bool)> =
        sites.iter().map(|site| (site.name.as_str(), site.target.cluster.as_str(), site.declared)).collect();
    let expected =
        [("blue-green", "Blue_Green", false), ("eu-central-1-prod", "prod", false), ("prod", "main", true)];
    assert_eq!(told, expected);

    let asked = |cluster: Option<&str>| Asked { cluster: cluster.map(self::cluster), ..Asked::default() };
    let declared = |name: &str, cluster| declared_site(folder, &self::name(name), &asked(cluster));
    assert_eq!(declared("prod", None).unwrap().unwrap(), sites[2]);
    assert_eq!(declared("staging", Some("staging")), Ok(None));
    assert_eq!(
        declared("staging", None).unwrap_err().to_string(),
        "there is no Target `staging` in the folder (it has prod); to make one, give its cluster: --cluster CLUSTER"
    );
    assert_eq!(
        declared("prod", Some("other")).unwrap_err().to_string(),
        "the Target `prod` has cluster main, and other was asked for: leave the option out, or choose another name"
    );
}
