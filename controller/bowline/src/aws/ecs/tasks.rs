//! The running tasks of services: since when, for which deployment, and with which images.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{DesiredStatus, Task};
use bowline_core::live::ResolvedImage;
use jiff::Timestamp;

use super::{MAX_PAGES, endless};
use crate::aws::api::Api;
use crate::aws::client::Session;
use crate::aws::error::AwsError;
use crate::aws::limiter::Priority;
use crate::aws::timestamp;

/// How many tasks one DescribeTasks takes.
pub(crate) const TASKS_PER_CALL: usize = 100;

/// One container of a running task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunningContainer {
    /// Its name.
    pub(crate) container: String,
    /// The image, as the task definition has it.
    pub(crate) image: String,
    /// What it runs, where the agent tells it.
    pub(crate) digest: Option<String>,
}

impl Session {
    /// When each running task of a service was started: by then it had read its secrets. One on its way counts as
    /// starting now.
    pub(crate) async fn task_starts(&self, service: &str) -> Result<Vec<Timestamp>, AwsError> {
        let on = format!("{service} in cluster {}", self.cluster());
        let tasks = self.running_task_arns(Some(service), MAX_PAGES).await?;
        let tasks = tasks.ok_or_else(|| endless(Api::ListTasks, &on))?;
        let mut starts = Vec::new();
        for batch in tasks.chunks(TASKS_PER_CALL) {
            for task in self.describe_tasks(batch, &on).await? {
                if task.last_status() == Some("STOPPED") {
                    continue;
                }
                let created = task.created_at.or(task.started_at).and_then(timestamp);
                let without = || AwsError::bad_answer(Api::DescribeTasks, &on, "a task has no createdAt");
                starts.push(created.ok_or_else(without)?);
            }
        }
        starts.sort_unstable();
        Ok(starts)
    }

    /// The tasks of a service, or of the whole cluster, that are to run; nothing if they are on more pages than that.
    pub(crate) async fn running_task_arns(
        &self,
        service: Option<&str>,
        most_pages: usize,
    ) -> Result<Option<Vec<String>>, AwsError> {
        self.task_arns(service, DesiredStatus::Running, most_pages).await
    }

    /// The same of tasks with this desired status.
    pub(super) async fn task_arns(
        &self,
        service: Option<&str>,
        status: DesiredStatus,
        most_pages: usize,
    ) -> Result<Option<Vec<String>>, AwsError> {
        let api = Api::ListTasks;
        let on = match service {
            Some(service) => format!("{service} in cluster {}", self.cluster()),
            None => format!("cluster {}", self.cluster()),
        };
        let (mut tasks, mut token) = (Vec::new(), None);
        for _ in 0..most_pages {
            let send = || {
                let call = self.clients().ecs.list_tasks().cluster(self.cluster().as_str());
                let call = call.set_service_name(service.map(str::to_owned));
                call.desired_status(status.clone()).set_next_token(token.clone()).send()
            };
            let page = self.call(api, &on, Priority::Scan, send).await?;
            tasks.extend(page.task_arns.unwrap_or_default());
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(Some(tasks));
            }
        }
        Ok(None)
    }

    /// At most [`TASKS_PER_CALL`] tasks. A task may have stopped since it was listed.
    async fn describe_tasks(&self, tasks: &[String], on: &str) -> Result<Vec<Task>, AwsError> {
        let api = Api::DescribeTasks;
        let send = || {
            let call = self.clients().ecs.describe_tasks().cluster(self.cluster().as_str());
            call.set_tasks(Some(tasks.to_vec())).send()
        };
        let output = self.call(api, on, Priority::Scan, send).await?;
        let failure = output.failures().iter().find(|failure| failure.reason() != Some("MISSING"));
        if let Some(failure) = failure {
            let reason = failure.reason().unwrap_or("a failure without reason");
            return Err(AwsError::bad_answer(api, on, reason));
        }
        if output.tasks().len() + output.failures().len() < tasks.len() {
            return Err(AwsError::bad_answer(api, on, "the answer lacks some of the tasks"));
        }
        Ok(output.tasks.unwrap_or_default())
    }

    /// The containers of those of at most [`TASKS_PER_CALL`] tasks that run and that a deployment started, each with its id.
    pub(crate) async fn running_containers(
        &self,
        tasks: &[String],
    ) -> Result<Vec<(String, RunningContainer)>, AwsError> {
        let on = format!("cluster {}", self.cluster());
        let mut found = Vec::new();
        for task in self.describe_tasks(tasks, &on).await? {
            let Some(deployment) = task.started_by.filter(|_| task.last_status.as_deref() == Some("RUNNING"))
            else {
                continue;
            };
            for container in task.containers.unwrap_or_default() {
                let (Some(name), Some(image)) = (container.name, container.image) else { continue };
                let digest = container.image_digest.filter(|digest| !digest.is_empty());
                found.push((deployment.clone(), RunningContainer { container: name, image, digest }));
            }
        }
        Ok(found)
    }

    /// What the tags of images were resolved to, by service revision and container; for as many revisions as one call takes.
    /// A revision that is older than 90 days is gone.
    pub(crate) async fn resolved_images(
        &self,
        revisions: &[String],
    ) -> Result<BTreeMap<String, BTreeMap<String, ResolvedImage>>, AwsError> {
        let api = Api::DescribeServiceRevisions;
        let on = format!("cluster {}", self.cluster());
        let send = || {
            let call = self.clients().ecs.describe_service_revisions();
            call.set_service_revision_arns(Some(revisions.to_vec())).send()
        };
        let output = self.call(api, &on, Priority::Scan, send).await?;
        let mut found = BTreeMap::new();
        for revision in output.service_revisions.unwrap_or_default() {
            let Some(arn) = revision.service_revision_arn else { continue };
            let images = revision.container_images.unwrap_or_default().into_iter().filter_map(|image| {
                let digest = image.image_digest.filter(|digest| !digest.is_empty());
                Some((image.container_name?, ResolvedImage { image: image.image?, digest }))
            });
            found.insert(arn, images.collect());
        }
        Ok(found)
    }
}
