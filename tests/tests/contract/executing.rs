//! What is done.

use bowline_core::desired::TaskDefinitionContent;
use bowline_core::diff::tag_fingerprint;
use bowline_core::live::{LiveService, UnknownCategory};
use bowline_core::name::{SecretVersionId, ServiceName};
use bowline_core::plan::{Expectation, Operation, Outcome, SettingsRequest, SpecHash, TagKey, TagsRequest};
use bowline_tests::world::task_definition;
use serde_json::json;

use super::site::{Site, as_found, known, name, newest, nobodys, revision};

/// UpdateService of `web`, with nothing in it yet.
fn update(web: &LiveService, change: impl FnOnce(&mut Change)) -> Operation {
    let mut fields = Change::default();
    change(&mut fields);
    Operation::UpdateService {
        service: ServiceName::parse("web").unwrap(),
        service_arn: web.arn.clone(),
        task_definition: fields.task_definition.as_deref().map(revision),
        desired_count: fields.desired_count,
        force_new_deployment: fields.force,
        settings: SettingsRequest::default(),
        tags: Vec::new(),
        spec_hash: None,
    }
}

#[derive(Default)]
struct Change {
    task_definition: Option<String>,
    desired_count: Option<u32>,
    force: bool,
}

fn primary(web: &LiveService) -> String {
    web.primary().unwrap().id.clone()
}

pub(super) async fn a_count_is_changed(mut site: Site) {
    site.with_service().await;
    let before = site.web().await;
    let outcome =
        site.execute(update(&before, |fields| fields.desired_count = Some(3)), as_found(&before)).await;
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    let after = site.web().await;
    assert_eq!((after.desired_count, primary(&after)), (3, primary(&before)));
}

pub(super) async fn a_task_definition_is_changed_by_a_new_deployment(mut site: Site) {
    site.with_service().await;
    let second = site.world.revision(&site.family(), "registry.test/web:2").await;
    let before = site.web().await;
    let change = update(&before, |fields| fields.task_definition = Some(second.clone()));
    let outcome = site.execute(change, as_found(&before)).await;
    let Outcome::Done { deployment_id: Some(id), .. } = outcome else { panic!("{outcome:?}") };
    let after = site.web().await;
    assert_eq!(after.task_definition, Some(revision(&second)));
    let deployment = after.primary().unwrap();
    assert_eq!((&deployment.id, &deployment.task_definition), (&id, &Some(revision(&second))));
    assert_ne!(id, primary(&before), "the PRIMARY deployment is a new one");
}

pub(super) async fn a_forced_deployment_replaces_the_primary_one(mut site: Site) {
    site.with_service().await;
    let before = site.web().await;
    let outcome = site.execute(update(&before, |fields| fields.force = true), as_found(&before)).await;
    let Outcome::Done { deployment_id: Some(id), .. } = outcome else { panic!("{outcome:?}") };
    assert_ne!(id, primary(&before));
    assert_eq!(primary(&site.web().await), id);
}

pub(super) async fn a_stale_expectation_changes_nothing(mut site: Site) {
    site.with_service().await;
    let before = site.web().await;
    let scale = site.world.clients.ecs.update_service().cluster(&site.id).service("web");
    scale.desired_count(4).send().await.unwrap();
    let outcome =
        site.execute(update(&before, |fields| fields.desired_count = Some(3)), as_found(&before)).await;
    assert!(matches!(outcome, Outcome::Superseded { .. }), "{outcome:?}");
    assert_eq!(site.web().await.desired_count, 4);
}

pub(super) async fn an_inactive_task_definition_is_refused(mut site: Site) {
    site.with_service().await;
    let gone = site.world.revision(&site.family(), "registry.test/web:2").await;
    site.world.clients.ecs.deregister_task_definition().task_definition(&gone).send().await.unwrap();
    let before = site.web().await;
    let outcome =
        site.execute(update(&before, |fields| fields.task_definition = Some(gone)), as_found(&before)).await;
    let Outcome::Failed(why) = outcome else { panic!("{outcome:?}") };
    assert_eq!(why.category, UnknownCategory::Refused);
    assert_eq!(site.web().await, before);
}

pub(super) async fn a_record_is_written_and_read_back(mut site: Site) {
    site.with_service().await;
    let before = site.web().await;
    let tag = Operation::TagService {
        service_arn: before.arn.clone(),
        tags: vec![
            (TagKey::Restart, "2026-11-02@ecs-svc/1".to_owned()),
            (TagKey::Owner, "bowline".to_owned()),
        ],
    };
    let outcome = site.execute(tag.clone(), as_found(&before)).await;
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    assert_eq!(
        site.web().await.tags.get("bowline:restart").map(String::as_str),
        Some("2026-11-02@ecs-svc/1")
    );
    assert_eq!(site.execute(tag, as_found(&before)).await, Outcome::AlreadyDone);
}

pub(super) async fn a_service_is_created_once_with_its_tags(mut site: Site) {
    let arn = site.world.revision(&site.family(), "registry.test/web:1").await;
    site.want_service("web");
    let [subnet, group] = site.world.network().clone();
    let network = json!({"subnets": [subnet], "securityGroups": [group], "assignPublicIp": "DISABLED"});
    let fields = json!({"launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": network},
        "tags": [{"key": "team", "value": "shop"}]});
    let create = Operation::CreateService {
        service: ServiceName::parse("web").unwrap(),
        task_definition: revision(&arn),
        desired_count: Some(2),
        settings: SettingsRequest(fields.as_object().unwrap().clone()),
        tags: vec![(TagKey::Owner, "bowline".to_owned())],
        client_token: "bowline-0123456789abcdef01234567".to_owned(),
        spec_hash: SpecHash("f".repeat(64)),
    };
    let outcome = site.execute(create.clone(), Expectation::NoService).await;
    let web = site.web().await;
    let Outcome::Done { deployment_id, task_definition } = outcome else { panic!("{outcome:?}") };
    assert_eq!(deployment_id, web.primary().map(|primary| primary.id.clone()));
    assert_eq!(task_definition, Some(revision(&arn)));
    let tags = [("bowline:owner", "bowline"), ("team", "shop")];
    assert_eq!(web.tags, tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect());
    assert_eq!((web.desired_count, web.task_definition.clone()), (2, Some(revision(&arn))));
    let again = site.execute(create, Expectation::NoService).await;
    assert_eq!(again, Outcome::Superseded { found: "the service exists by now".to_owned() });
}

pub(super) async fn a_revision_is_registered_once_at_a_time(mut site: Site) {
    let first = site.with_service().await;
    let content: serde_json::Value =
        serde_json::from_str(&task_definition(&site.family(), "registry.test/web:2")).unwrap();
    let register = Operation::RegisterTaskDefinition {
        family: site.family(),
        content: TaskDefinitionContent::new(content).into(),
    };
    let expect = newest(Some(revision(&first)));
    let outcome = site.execute(register.clone(), expect.clone()).await;
    let Outcome::Done { task_definition: Some(arn), .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(arn.revision().to_string(), format!("{}:2", site.family()));
    let outcome = site.execute(register, expect).await;
    assert!(matches!(outcome, Outcome::Superseded { .. }), "{outcome:?}");
    assert_eq!(site.world.revisions(&site.family()).await, 2);
}

fn pairs(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
}

pub(super) async fn tags_of_a_revision_are_changed_in_place(mut site: Site) {
    let first = site.with_service().await;
    let change = |tags: &[(&str, &str)], removed: &[&str]| Operation::TagTaskDefinition {
        task_definition: revision(&first),
        tags: TagsRequest(pairs(tags).collect()),
        removed: removed.iter().map(|key| (*key).to_owned()).collect(),
    };
    let expect = |seen: &[(&str, Option<&str>)]| Expectation::TaskDefinitionTags {
        tags: seen.iter().map(|(key, value)| ((*key).to_owned(), value.map(tag_fingerprint))).collect(),
        whose: nobodys(),
    };
    let set = change(&[("team", "shop"), ("tier", "1")], &[]);
    let nothing = expect(&[("team", None), ("tier", None)]);
    let outcome = site.execute(set.clone(), nothing.clone()).await;
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    assert_eq!(site.execute(set, nothing.clone()).await, Outcome::AlreadyDone);
    let swap = change(&[("team", "pay")], &["tier"]);
    let found = "the tag team is not what it was when the plan was made".to_owned();
    assert_eq!(site.execute(swap.clone(), nothing).await, Outcome::Superseded { found });
    let outcome = site.execute(swap, expect(&[("team", Some("shop")), ("tier", Some("1"))])).await;
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    let mut file: serde_json::Value =
        serde_json::from_str(&task_definition(&site.family(), "registry.test/web:1")).unwrap();
    file["tags"] = json!([{"key": "team", "value": "pay"}]);
    site.want_file(&file);
    let live = site.look().await;
    assert_eq!(*live.task_definition_tags[&name("web")].about, *first);
    assert_eq!(
        known(Some(&*live.task_definition_tags[&name("web")].found)),
        pairs(&[("team", "pay")]).collect()
    );
}

/// Moves AWSCURRENT of the case's secret from the first version to the second.
async fn promote(site: &Site, ids: &[String]) -> Outcome {
    let live = site.observe(None).await;
    let operation = Operation::PromoteSecret {
        secret_arn: known(live.secrets.get(&name("db"))).arn,
        to: SecretVersionId::parse(&ids[1]).unwrap(),
        from: ids[0].clone(),
    };
    let labels = known(live.secrets.get(&name("db"))).stages;
    let expect = Expectation::SecretCurrent { version_id: ids[0].clone(), labels, readers: Vec::new() };
    site.execute(operation, expect).await
}

pub(super) async fn a_secret_is_promoted(mut site: Site) {
    let ids = site.world.secret(&site.secret_id(), 2).await;
    site.want_secret(&ids[1]);
    let outcome = promote(&site, &ids).await;
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    let live = site.observe(None).await;
    let stages = known(live.secrets.get(&name("db"))).stages;
    let labels = |id: &str| stages[id].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(labels(&ids[0]), ["AWSPREVIOUS"]);
    assert_eq!(labels(&ids[1]), ["AWSCURRENT", "pending-2"]);
    assert_eq!(promote(&site, &ids).await, Outcome::AlreadyDone);
}

pub(super) async fn a_stale_promotion_changes_nothing(mut site: Site) {
    let ids = site.world.secret(&site.secret_id(), 3).await;
    site.world.promote(&site.secret_id(), &ids[0], &ids[2]).await;
    site.want_secret(&ids[1]);
    let outcome = promote(&site, &ids).await;
    assert!(matches!(outcome, Outcome::Superseded { .. }), "{outcome:?}");
    assert_eq!(site.world.current(&site.secret_id()).await.as_ref(), Some(&ids[2]));
}

/// The expectation is read first, so this is what decides when somebody else is faster by a hair.
pub(super) async fn a_swap_from_the_wrong_version_is_refused_by_the_service(site: Site) {
    let id = site.secret_id();
    let ids = site.world.secret(&id, 3).await;
    let swap =
        site.world.clients.secrets.update_secret_version_stage().secret_id(&id).version_stage("AWSCURRENT");
    let answer = swap.remove_from_version_id(&ids[1]).move_to_version_id(&ids[2]).send().await;
    let error = answer.err().map(aws_sdk_secretsmanager::error::SdkError::into_service_error);
    assert!(error.is_some_and(|error| error.is_invalid_parameter_exception()), "the swap was accepted");
    assert_eq!(site.world.current(&id).await.as_ref(), Some(&ids[0]));
}
