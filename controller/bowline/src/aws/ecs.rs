//! ECS: services, task definitions, deployments and tasks, read and written.

pub(super) mod cache;
mod convert;
mod deployments;
mod list;
mod raw;
pub(super) mod recognised;
mod settings;
pub(crate) mod tasks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_ecs::types::{
    Service, ServiceField, SortOrder, Tag, TaskDefinitionField, TaskDefinitionStatus as SdkStatus,
};
use bowline_core::desired::TaskDefinitionContent;
use bowline_core::desired::kind::ServiceSettings;
use bowline_core::live::{LiveService, LiveTaskDefinition, PastDeployment, Tags};
use bowline_core::name::TaskDefinitionArn;
use bowline_core::plan::TagKey;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::api::Api;
use super::client::Session;
use super::error::AwsError;
use super::limiter::Priority;
use cache::Cached;
use raw::{RawAnswer, RawRequest};
use recognised::{Batch, Recogniser};

/// How many services one DescribeServices takes.
pub(crate) const SERVICES_PER_CALL: usize = 10;
/// How many service revisions one DescribeServiceRevisions takes.
pub(crate) const REVISIONS_PER_CALL: usize = 20;
/// How many past deployments are looked at: ListServiceDeployments' own page, the newest ones.
const HISTORY: i32 = 20;
/// More pages than any list that Bowline reads can have; beyond it the paging goes in circles.
pub(super) const MAX_PAGES: usize = 200;

/// What one DescribeServices said of each service that was asked for. A name in neither map was not answered at all.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServicesAnswer {
    /// Services by name; the error says which field cannot be what AWS meant.
    pub(crate) services: BTreeMap<String, Result<Arc<LiveService>, String>>,
    /// Reasons of `failures[]` by service name.
    pub(crate) failures: BTreeMap<String, String>,
}

/// The fields of UpdateService that change; `None` keeps what is there.
#[derive(Debug, Clone)]
pub(crate) struct ServiceChange<'a> {
    pub(crate) service: &'a str,
    pub(crate) task_definition: Option<&'a TaskDefinitionArn>,
    pub(crate) desired_count: Option<u32>,
    pub(crate) force_new_deployment: bool,
    /// Further fields, each as a whole.
    pub(crate) settings: &'a Map<String, Value>,
}

/// The fields of CreateService.
#[derive(Debug, Clone)]
pub(crate) struct NewService<'a> {
    pub(crate) service: &'a str,
    pub(crate) task_definition: &'a TaskDefinitionArn,
    pub(crate) desired_count: Option<u32>,
    /// Further fields, each as a whole, tags of the manifest included.
    pub(crate) settings: &'a Map<String, Value>,
    /// Bowline's own tags.
    pub(crate) tags: &'a [(TagKey, String)],
    pub(crate) client_token: &'a str,
}

/// What a service revision rolled out.
#[derive(Debug)]
struct Ran {
    task_definition: Option<TaskDefinitionArn>,
    settings: Option<ServiceSettings>,
}

impl Session {
    /// DescribeServices of at most [`SERVICES_PER_CALL`] services of the Target's cluster, tags included.
    pub(crate) async fn describe_services(
        &self,
        services: &[String],
        priority: Priority,
    ) -> Result<ServicesAnswer, AwsError> {
        let api = Api::DescribeServices;
        let on = format!("{} in cluster {}", services.join(", "), self.cluster());
        // What rolls says something else each time.
        let batch = (priority == Priority::Scan).then(|| Batch::of(self, services));
        let known = batch.as_ref().and_then(|batch| self.answers().known(batch));
        let recogniser = Recogniser::new(known.as_ref().map(|known| known.digest));
        let send = || {
            let call = self.clients().ecs.describe_services().cluster(self.cluster().as_str());
            let call = call.set_services(Some(services.to_vec())).include(ServiceField::Tags);
            let raw = RawAnswer::new(settings::described);
            let call = call.customize().interceptor(recogniser.clone()).interceptor(raw.clone());
            let sent = call.send();
            async move { sent.await.map(|output| (output, raw.take())) }
        };
        let answer = self.call(api, &on, priority, send).await.map_err(|error| self.cluster_hint(error))?;
        if let Some(known) = known.filter(|known| recogniser.digest() == Some(known.digest)) {
            return Ok(known.answer.clone());
        }
        let (output, mut settings) = (answer.0, answer.1.unwrap_or_default());
        let mut answer = ServicesAnswer::default();
        for service in output.services() {
            if let Some(name) = convert::service_name(service) {
                let settings = settings.remove(&name).unwrap_or_default();
                answer.services.insert(name, convert::service(service, settings).map(Arc::new));
            }
        }
        for failure in output.failures() {
            let name = failure.arn().and_then(last_part).unwrap_or_default();
            answer.failures.insert(name, failure.reason().unwrap_or("no reason given").to_owned());
        }
        if let (Some(batch), Some(digest)) = (batch, recogniser.digest()) {
            self.answers().put(batch, digest, answer.clone());
        }
        Ok(answer)
    }

    fn cluster_hint(&self, error: AwsError) -> AwsError {
        if error.code() != Some("ClusterNotFoundException") {
            return error;
        }
        let hint = format!(
            "Account {} has no cluster `{}` in {}: check the Target's cluster and region.",
            self.account(),
            self.cluster(),
            self.region()
        );
        error.hinting(hint)
    }

    /// One task definition by ARN or `family:revision`, from the cache where possible; `None` when there is no such one.
    pub(crate) async fn describe_task_definition(
        &self,
        reference: &str,
    ) -> Result<Option<LiveTaskDefinition>, AwsError> {
        let arn = self.full_arn(reference).await;
        if let Some(known) = self.task_definitions().get(&arn).await {
            return Ok(Some(known.found));
        }
        self.fetch_task_definition(reference, Priority::Scan).await
    }

    /// The tags of a revision that is in the cache, and when they were read.
    pub(crate) async fn cached_tags(&self, arn: &str) -> Option<(Tags, Timestamp)> {
        let known = self.task_definitions().get(arn).await?;
        Some((known.found.content.tags().clone(), known.read_at))
    }

    /// The tags of a revision as they are now; `None` when there is no such one.
    pub(crate) async fn task_definition_tags(
        &self,
        arn: &str,
        priority: Priority,
    ) -> Result<Option<Tags>, AwsError> {
        let found = self.fetch_task_definition(arn, priority).await?;
        Ok(found.map(|found| found.content.tags().clone()))
    }

    /// Reads it at AWS, and puts it into the cache: what was asked for its tags may be asked for its content, and the other way
    /// round.
    pub(crate) async fn fetch_task_definition(
        &self,
        reference: &str,
        priority: Priority,
    ) -> Result<Option<LiveTaskDefinition>, AwsError> {
        let api = Api::DescribeTaskDefinition;
        let send = || {
            let call = self.clients().ecs.describe_task_definition().task_definition(reference);
            let raw = RawAnswer::new(|body| serde_json::from_slice(body).ok());
            let sent = call.include(TaskDefinitionField::Tags).customize().interceptor(raw.clone()).send();
            async move { sent.await.map(|_| raw.take()) }
        };
        let answer = match self.call(api, reference, priority, send).await {
            Ok(answer) => answer,
            Err(error) if convert::is_no_such_task_definition(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let found =
            convert::task_definition(answer).map_err(|what| AwsError::bad_answer(api, reference, &what))?;
        let cached = Cached { found, read_at: self.now() };
        self.task_definitions().put(&cached).await;
        Ok(Some(cached.found))
    }

    /// Forgets a task definition whose status or tags are not what they were when it was read.
    pub(crate) async fn forget_task_definition(&self, arn: &TaskDefinitionArn) {
        self.task_definitions().forget(arn.as_str()).await;
    }

    async fn full_arn(&self, reference: &str) -> String {
        if reference.starts_with("arn:") {
            return reference.to_owned();
        }
        let partition = self.partition().await;
        format!("arn:{partition}:ecs:{}:{}:task-definition/{reference}", self.region(), self.account())
    }

    /// The newest ACTIVE revisions of exactly this family, newest first, at most `most`.
    pub(crate) async fn newest_revisions(
        &self,
        family: &str,
        most: usize,
        priority: Priority,
    ) -> Result<Vec<TaskDefinitionArn>, AwsError> {
        let api = Api::ListTaskDefinitions;
        let on = format!("family {family}");
        let mut found: Vec<TaskDefinitionArn> = Vec::new();
        let mut token = None;
        for _ in 0..MAX_PAGES {
            let send = || {
                let call = self.clients().ecs.list_task_definitions().family_prefix(family);
                let call = call.status(SdkStatus::Active).sort(SortOrder::Desc).set_next_token(token.clone());
                call.max_results(i32::try_from(most).unwrap_or(100)).send()
            };
            let page = self.call(api, &on, priority, send).await?;
            for text in page.task_definition_arns() {
                let arn = TaskDefinitionArn::parse(text)
                    .map_err(|error| AwsError::bad_answer(api, &on, &error.to_string()))?;
                // `familyPrefix` of another family: `web` also lists `web-canary` on some servers.
                if arn.revision().parts().0 == family {
                    found.push(arn);
                }
            }
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() || found.len() >= most {
                found.sort_by_key(|arn| std::cmp::Reverse(arn.revision().parts().1));
                found.truncate(most);
                return Ok(found);
            }
        }
        Err(endless(api, &on))
    }

    /// A service's newest deployments, newest first, with the task definitions that they ran.
    pub(crate) async fn past_deployments(&self, service: &str) -> Result<Vec<PastDeployment>, AwsError> {
        let on = format!("{service} in cluster {}", self.cluster());
        let send = || {
            let call = self.clients().ecs.list_service_deployments().cluster(self.cluster().as_str());
            call.service(service).max_results(HISTORY).send()
        };
        let output = self.call(Api::ListServiceDeployments, &on, Priority::Scan, send).await?;
        let briefs = output.service_deployments.unwrap_or_default();
        let mut revisions: Vec<String> =
            briefs.iter().filter_map(|brief| brief.target_service_revision_arn.clone()).collect();
        revisions.sort_unstable();
        revisions.dedup();
        let mut ran: BTreeMap<String, Ran> = BTreeMap::new();
        for batch in revisions.chunks(REVISIONS_PER_CALL) {
            ran.append(&mut self.service_revisions(batch, &on).await?);
        }
        let mut past = Vec::new();
        for brief in &briefs {
            let one = convert::past_deployment(brief, &ran)
                .map_err(|what| AwsError::bad_answer(Api::ListServiceDeployments, &on, &what))?;
            past.push(one);
        }
        past.sort_by_key(|deployment| std::cmp::Reverse(deployment.created_at));
        Ok(past)
    }

    async fn service_revisions(&self, arns: &[String], on: &str) -> Result<BTreeMap<String, Ran>, AwsError> {
        let api = Api::DescribeServiceRevisions;
        let send = || {
            let call = self.clients().ecs.describe_service_revisions();
            let raw = RawAnswer::new(settings::revisions);
            let call = call.set_service_revision_arns(Some(arns.to_vec())).customize();
            let sent = call.interceptor(raw.clone()).send();
            async move { sent.await.map(|output| (output, raw.take())) }
        };
        let (output, settings) = self.call(api, on, Priority::Scan, send).await?;
        let mut settings = settings.unwrap_or_default();
        // One that is older than 90 days is gone: its deployment stays, without a task definition.
        if let Some(failure) = output.failures().iter().find(|failure| failure.reason() != Some("MISSING")) {
            return Err(AwsError::bad_answer(
                api,
                on,
                failure.reason().unwrap_or("a failure without reason"),
            ));
        }
        let mut found = BTreeMap::new();
        for revision in output.service_revisions() {
            let Some(arn) = revision.service_revision_arn() else { continue };
            let task_definition = revision.task_definition().map(TaskDefinitionArn::parse).transpose();
            let task_definition =
                task_definition.map_err(|error| AwsError::bad_answer(api, on, &error.to_string()))?;
            found.insert(arn.to_owned(), Ran { task_definition, settings: settings.remove(arn) });
        }
        Ok(found)
    }

    /// The settings that a service revision shows; `None` when it is gone.
    pub(crate) async fn revision_settings(&self, arn: &str) -> Result<Option<ServiceSettings>, AwsError> {
        let found = self.service_revisions(&[arn.to_owned()], arn).await?.remove(arn);
        Ok(found.and_then(|ran| ran.settings))
    }

    /// The same of at most [`REVISIONS_PER_CALL`] revisions, by ARN; those that are gone are not in it.
    pub(crate) async fn revisions_settings(
        &self,
        arns: &[String],
    ) -> Result<BTreeMap<String, ServiceSettings>, AwsError> {
        let found = self.service_revisions(arns, &arns.join(", ")).await?;
        Ok(found.into_iter().filter_map(|(arn, ran)| Some((arn, ran.settings?))).collect())
    }

    /// RegisterTaskDefinition with exactly this content; returns the new revision.
    pub(crate) async fn register_task_definition(
        &self,
        family: &str,
        content: &TaskDefinitionContent,
    ) -> Result<TaskDefinitionArn, AwsError> {
        let api = Api::RegisterTaskDefinition;
        let on = format!("family {family}");
        let body = convert::register_body(family, content);
        let send = || {
            let call = self.clients().ecs.register_task_definition().family(family);
            call.set_container_definitions(Some(Vec::new()))
                .customize()
                .interceptor(RawRequest::new(body.clone()))
                .send()
        };
        let output = self.call(api, &on, Priority::Watch, send).await?;
        let arn = output.task_definition().and_then(|found| found.task_definition_arn()).unwrap_or_default();
        TaskDefinitionArn::parse(arn).map_err(|error| AwsError::bad_answer(api, &on, &error.to_string()))
    }

    /// UpdateService with only the fields that change; returns the service as it is then.
    pub(crate) async fn update_service(&self, change: &ServiceChange<'_>) -> Result<LiveService, AwsError> {
        let api = Api::UpdateService;
        let on = format!("{} in cluster {}", change.service, self.cluster());
        let body = convert::update_body(self.cluster().as_str(), change);
        let send = || {
            // The SDK asks for these two; what is sent is the body.
            let call = self.clients().ecs.update_service().cluster(self.cluster().as_str());
            let raw = RawAnswer::new(settings::updated);
            let call = call.service(change.service).customize().interceptor(raw.clone());
            let sent = call.interceptor(RawRequest::new(body.clone())).send();
            async move { sent.await.map(|output| (output, raw.take())) }
        };
        let (output, settings) = self.call(api, &on, Priority::Watch, send).await?;
        written(output.service, settings).map_err(|what| AwsError::bad_answer(api, &on, &what))
    }

    /// CreateService; returns the service as it is then. A repeated request with the same token creates nothing.
    pub(crate) async fn create_service(&self, new: &NewService<'_>) -> Result<LiveService, AwsError> {
        let api = Api::CreateService;
        let on = format!("{} in cluster {}", new.service, self.cluster());
        let body = convert::create_body(self.cluster().as_str(), new);
        let send = || {
            // The SDK asks for the name and makes up a token if it has none; what is sent is the body.
            let call = self.clients().ecs.create_service().service_name(new.service);
            let raw = RawAnswer::new(settings::updated);
            let call = call.client_token(new.client_token).customize().interceptor(raw.clone());
            let sent = call.interceptor(RawRequest::new(body.clone())).send();
            async move { sent.await.map(|output| (output, raw.take())) }
        };
        let (output, settings) = self.call(api, &on, Priority::Watch, send).await?;
        written(output.service, settings).map_err(|what| AwsError::bad_answer(api, &on, &what))
    }

    /// TagResource on a service, all tags in one call.
    pub(crate) async fn tag_service(&self, arn: &str, tags: &[(TagKey, String)]) -> Result<(), AwsError> {
        let tags = tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        self.tag(arn, tags).await
    }

    /// Writes tags on a task definition.
    pub(crate) async fn tag_task_definition(
        &self,
        arn: &TaskDefinitionArn,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), AwsError> {
        self.tag(arn.as_str(), tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))).await
    }

    /// Takes tags off a task definition.
    pub(crate) async fn untag_task_definition(
        &self,
        arn: &TaskDefinitionArn,
        keys: &BTreeSet<String>,
    ) -> Result<(), AwsError> {
        let keys: Vec<String> = keys.iter().cloned().collect();
        let send = || {
            let call = self.clients().ecs.untag_resource().resource_arn(arn.as_str());
            call.set_tag_keys(Some(keys.clone())).send()
        };
        self.call(Api::UntagResource, arn.as_str(), Priority::Watch, send).await.map(drop)
    }

    async fn tag<'a>(
        &self,
        arn: &str,
        tags: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), AwsError> {
        let tags: Vec<Tag> = tags.map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
        let send = || self.clients().ecs.tag_resource().resource_arn(arn).set_tags(Some(tags.clone())).send();
        self.call(Api::TagResource, arn, Priority::Watch, send).await.map(drop)
    }
}

/// The service as the answer to a change of it shows it; the error names what is wrong with the answer.
fn written(service: Option<Service>, settings: Option<ServiceSettings>) -> Result<LiveService, String> {
    let service = service.ok_or("no service in the answer")?;
    convert::service(&service, settings.unwrap_or_default())
}

/// A list that does not end.
pub(super) fn endless(api: Api, on: &str) -> AwsError {
    AwsError::bad_answer(api, on, "the list does not end")
}

/// The part of an ARN after its last `/`.
fn last_part(arn: &str) -> Option<String> {
    arn.rsplit('/').next().map(str::to_owned)
}
