//! What is read.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace, SuspendedState};
use bowline_core::desired::TaskDefinitionContent;
use bowline_core::diff::diff_task_definition;
use bowline_core::live::{
    CircuitBreaker, DeploymentController, DeploymentStatus, Observed, PastDeploymentStatus, RolloutState,
    RunningImages, ScalableTarget, ServiceStatus, TaskDefinitionStatus, UnknownCategory, UnknownReason,
};
use bowline_core::plan::{Need, Operation, Outcome};
use bowline_tests::servers::{ACCOUNT, REGION};
use bowline_tests::world::{BUCKET, LINEAGE, STATE, terraform_state, version};
use serde_json::json;

use super::site::{Site, known, name, newest, revision, unknown};

pub(super) async fn a_service_is_read_with_its_deployment_and_tags(mut site: Site) {
    let arn = revision(&site.with_service().await);
    let service_arn = site.world.described("web").await.service_arn.unwrap();
    let tag = aws_sdk_ecs::types::Tag::builder().key("team").value("core").build();
    site.world.clients.ecs.tag_resource().resource_arn(&service_arn).tags(tag).send().await.unwrap();
    let web = site.web().await;
    assert_eq!(web.arn, format!("arn:aws:ecs:{REGION}:{ACCOUNT}:service/{}/web", site.id));
    assert_eq!(
        (web.status, web.controller, web.managed_by_ecs),
        (ServiceStatus::Active, DeploymentController::Ecs, false)
    );
    assert_eq!((web.desired_count, web.running_count, web.pending_count), (2, 2, 0));
    assert_eq!(web.task_definition, Some(arn.clone()));
    assert_eq!(web.tags, [("team".to_owned(), "core".to_owned())].into_iter().collect());
    let [deployment] = &web.deployments[..] else { panic!("{} deployments", web.deployments.len()) };
    assert!(deployment.id.starts_with("ecs-svc/"), "{}", deployment.id);
    assert_eq!(
        (&deployment.status, &deployment.rollout_state, &deployment.task_definition, deployment.failed_tasks),
        (&DeploymentStatus::Primary, &Some(RolloutState::Completed), &Some(arn), 0)
    );
    assert!(deployment.created_at.is_some());
}

pub(super) async fn the_circuit_breaker_is_seen(mut site: Site) {
    site.with_service().await;
    assert_eq!(site.web().await.circuit_breaker, CircuitBreaker::On, "it was created with one");
}

pub(super) async fn a_missing_service_is_doubted_once_then_believed(mut site: Site) {
    site.with_service().await;
    site.want_service("absent");
    let first = site.observe(None).await;
    assert_eq!(unknown(first.services.get(&name("absent"))), UnknownCategory::SuspiciouslyMissing);
    let second = site.observe(Some(&first)).await;
    assert_eq!(second.services.get(&name("absent")), Some(&Observed::Missing));
    assert_eq!(known(second.services.get(&name("web"))).desired_count, 2);
}

pub(super) async fn twelve_services_take_two_batches(mut site: Site) {
    let arn = site.with_service().await;
    for number in 1..12 {
        let name = format!("web-{number}");
        site.world.create_service(&name, &arn, 2).await;
        site.want_service(&name);
    }
    let live = site.observe(None).await;
    let counts: Vec<u32> = live.services.values().map(|service| known(Some(service)).desired_count).collect();
    assert_eq!(counts, [2; 12]);
}

pub(super) async fn a_cluster_that_does_not_exist_leaves_its_services_unknown(mut site: Site) {
    site.id = format!("absent-{}", site.id);
    site.live_on(ACCOUNT);
    site.want_service("web");
    let live = site.observe(None).await;
    assert_eq!(unknown(live.services.get(&name("web"))), UnknownCategory::Refused);
}

pub(super) async fn credentials_of_another_account_read_nothing(mut site: Site) {
    site.with_service().await;
    site.live_on("999988887777");
    let live = site.observe(None).await;
    assert_eq!(unknown(live.targets.get(&name("prod"))), UnknownCategory::WrongAccount);
    assert_eq!(unknown(live.services.get(&name("web"))), UnknownCategory::WrongAccount);
}

/// Everything that a person is likely to write, and a few things in another order than AWS returns them.
fn rich(family: &str) -> serde_json::Value {
    let role = |name: &str| format!("arn:aws:iam::{ACCOUNT}:role/{name}");
    json!({
        "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "512", "memory": "1024",
        "executionRoleArn": role("execution"), "taskRoleArn": role("task"),
        "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
        "ephemeralStorage": {"sizeInGiB": 30},
        "volumes": [{"name": "scratch"}],
        "containerDefinitions": [
            {
                "name": "web", "image": "registry.test/web:1", "cpu": 256, "memoryReservation": 256,
                "portMappings": [{"containerPort": 8080, "name": "http"}],
                "environment": [{"name": "MODE", "value": "fast"}, {"name": "EMPTY", "value": ""}],
                "secrets": [{"name": "PASSWORD", "valueFrom": format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:app/db-AbCdEf:password::")}],
                "healthCheck": {"command": ["CMD-SHELL", "curl -f http://localhost:8080/ || exit 1"]},
                "mountPoints": [{"sourceVolume": "scratch", "containerPath": "/scratch"}],
                "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/web", "awslogs-region": REGION}},
                "ulimits": [{"name": "nofile", "softLimit": 1024, "hardLimit": 4096}],
                "dockerLabels": {"team": "core"}, "command": ["serve", "--all"], "stopTimeout": 30,
                "readonlyRootFilesystem": true, "linuxParameters": {"initProcessEnabled": true},
                "dependsOn": [{"containerName": "init", "condition": "SUCCESS"}],
            },
            {"name": "init", "image": "registry.test/init:1", "essential": false},
        ],
    })
}

pub(super) async fn a_task_definition_comes_back_as_it_was_registered(mut site: Site) {
    site.want_service("web");
    let wanted = TaskDefinitionContent::new(rich(&site.family()));
    let register =
        Operation::RegisterTaskDefinition { family: site.family(), content: wanted.clone().into() };
    let outcome = site.execute(register, newest(None)).await;
    let Outcome::Done { task_definition: Some(arn), .. } = outcome else { panic!("{outcome:?}") };
    let need = Need::TaskDefinition { target: name("prod"), reference: arn.as_str().to_owned() };
    let live = site.read(need).await;
    let found = known(live.task_definitions.get(&(name("prod"), arn.as_str().to_owned())));
    assert_eq!((&found.arn, found.status), (&arn, TaskDefinitionStatus::Active));
    let differences = diff_task_definition(&wanted, &found.content, &[], &[]);
    let told: Vec<String> = differences.iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{told:?}");
}

pub(super) async fn a_task_definition_that_does_not_exist_is_missing(mut site: Site) {
    site.with_service().await;
    let reference = format!("{}:7", site.family());
    let live = site.read(Need::TaskDefinition { target: name("prod"), reference: reference.clone() }).await;
    assert_eq!(live.task_definitions.get(&(name("prod"), reference)), Some(&Observed::Missing));
}

pub(super) async fn the_ten_newest_revisions_come_newest_first(mut site: Site) {
    site.with_service().await;
    let mut arns = Vec::new();
    for number in 2..=12 {
        arns.push(revision(
            &site.world.revision(&site.family(), &format!("registry.test/web:{number}")).await,
        ));
    }
    arns.reverse();
    arns.truncate(10);
    let live = site.read(Need::RecentRevisions { target: name("prod"), family: site.family() }).await;
    assert_eq!(known(live.recent_revisions.get(&(name("prod"), site.family()))), arns);
}

pub(super) async fn past_deployments_come_newest_first(mut site: Site) {
    let first = site.with_service().await;
    let second = site.world.revision(&site.family(), "registry.test/web:2").await;
    let update = site.world.clients.ecs.update_service().cluster(&site.id).service("web");
    update.task_definition(&second).send().await.unwrap();
    site.world.settled("web").await;
    let live = site.read(Need::History { service: name("web") }).await;
    let history = known(live.histories.get(&name("web")));
    let told: Vec<_> =
        history.iter().map(|past| (past.task_definition.clone(), past.status.clone())).collect();
    let successful = |arn: &str| (Some(revision(arn)), PastDeploymentStatus::Successful);
    assert_eq!(told, [successful(&second), successful(&first)]);
    let primary = known(live.services.get(&name("web"))).primary().map(|primary| primary.id.clone());
    assert_eq!(history.first().map(|newest| newest.deployment_id.clone()), primary);
}

pub(super) async fn every_running_task_has_a_start(mut site: Site) {
    site.with_service().await;
    let live = site.read(Need::TaskStarts { service: name("web") }).await;
    assert_eq!(known(live.task_starts.get(&name("web"))).len(), 2);
}

pub(super) async fn images_that_agree_are_known_and_not_kept(mut site: Site) {
    site.with_service().await;
    let live = site.look().await;
    let images = known(live.images.get(&name("web")).map(|asked| &*asked.found));
    assert_eq!(images, RunningImages::default());
}

pub(super) async fn a_scalable_target_is_read_and_one_that_is_not_there_is_missing(mut site: Site) {
    site.with_service().await;
    let id = format!("service/{}/web", site.id);
    let look = async || site.look().await.scalable_targets[&name("web")].clone();
    let before = look().await;
    assert_eq!((&*before.about, &*before.found), (&*id, &Observed::Missing));
    let register = site.world.clients.scaling.register_scalable_target().resource_id(&id);
    let register = register.service_namespace(ServiceNamespace::Ecs).min_capacity(1).max_capacity(4);
    let register = register.scalable_dimension(ScalableDimension::EcsServiceDesiredCount);
    let state = SuspendedState::builder().dynamic_scaling_in_suspended(true).build();
    register.suspended_state(state).send().await.unwrap();
    let target = known(Some(&look().await.found));
    assert_eq!(target, ScalableTarget { minimum: 1, maximum: 4, suspended: false });
    assert!(target.scales());
}

pub(super) async fn a_secret_is_read_with_its_labels(mut site: Site) {
    let ids = site.world.secret(&site.secret_id(), 2).await;
    site.want_secret(&ids[0]);
    let live = site.observe(None).await;
    let secret = known(live.secrets.get(&name("db")));
    let labels = |labels: &[&str]| labels.iter().map(|&label| label.to_owned()).collect::<BTreeSet<_>>();
    let stages = [(ids[0].clone(), labels(&["AWSCURRENT"])), (ids[1].clone(), labels(&["pending-2"]))];
    assert_eq!(secret.stages, BTreeMap::from(stages));
    assert_eq!((secret.deleted_at, secret.rotated_elsewhere), (None, false));
    let arn = format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{}-", site.secret_id());
    assert!(secret.arn.starts_with(&arn) && secret.last_changed_at.is_some(), "{}", secret.arn);
}

pub(super) async fn a_secret_that_does_not_exist_is_missing(mut site: Site) {
    site.want_secret(&version(1));
    assert_eq!(site.observe(None).await.secrets.get(&name("db")), Some(&Observed::Missing));
}

pub(super) async fn what_could_not_be_read_is_read_along_with_services(mut site: Site) {
    let ids = site.world.secret(&site.secret_id(), 1).await;
    site.want_secret(&ids[0]);
    let first = site.observe(None).await;
    let second = site.observe_services(&first).await;
    assert_eq!(second.secrets, first.secrets, "it is not due, and kept with the time when it was read");
    let mut unread = first.clone();
    let why = UnknownReason {
        category: UnknownCategory::Unreachable,
        message: "no answer".to_owned(),
        hint: "none".to_owned(),
        aws: None,
    };
    unread.secrets.insert(name("db"), Observed::unknown(why));
    let third = site.observe_services(&unread).await;
    assert_eq!(known(third.secrets.get(&name("db"))), known(first.secrets.get(&name("db"))));
}

pub(super) async fn every_labelled_version_of_a_secret_has_a_date(mut site: Site) {
    let ids = site.world.secret(&site.secret_id(), 3).await;
    site.want_secret(&ids[0]);
    let live = site.read(Need::SecretVersionDates { secret: name("db") }).await;
    let dates = known(live.secret_version_dates.get(&name("db")));
    assert_eq!(dates.into_keys().collect::<BTreeSet<_>>(), ids.into_iter().collect());
}

pub(super) async fn a_state_is_read_with_version_serial_and_lineage(mut site: Site) {
    site.world.bucket().await;
    site.world.state(1).await;
    let newest = site.world.state(2).await;
    site.want(terraform_state(&newest, 2));
    let live = site.observe(None).await;
    let state = known(live.states.get(&name("app")));
    assert_eq!(
        (state.version_id.as_deref(), state.serial, &*state.lineage, state.terraform_version.as_deref()),
        (Some(&*newest), 2, LINEAGE, Some("1.15.5"))
    );
    let head = site.world.clients.s3.head_object().bucket(BUCKET).key(STATE).send().await.unwrap();
    assert_eq!((Some(&*state.etag), state.last_modified.is_some()), (head.e_tag(), true));
}

pub(super) async fn a_state_that_does_not_exist_is_missing(mut site: Site) {
    let create = site.world.clients.s3.create_bucket().bucket("empty-states");
    let place =
        aws_sdk_s3::types::CreateBucketConfiguration::builder().location_constraint(REGION.into()).build();
    create.create_bucket_configuration(place).send().await.unwrap();
    site.want(terraform_state("none", 1).replace(BUCKET, "empty-states"));
    assert_eq!(site.observe(None).await.states.get(&name("app")), Some(&Observed::Missing));
}
