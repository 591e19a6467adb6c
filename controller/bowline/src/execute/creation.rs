//! Services that do not exist: CreateService.

use bowline_core::live::{LiveService, ServiceStatus};
use bowline_core::name::TaskDefinitionArn;
use bowline_core::plan::{self, Operation, Outcome, TagKey};

use super::service::{done, find};
use crate::aws::ecs::NewService;
use crate::aws::{Api, AwsError, Session};

/// Creates a service, unless there is one by now.
pub(super) async fn create(session: &Session, operation: &Operation) -> Result<Outcome, AwsError> {
    let Operation::CreateService {
        service,
        task_definition,
        desired_count,
        settings,
        tags,
        client_token,
        ..
    } = operation
    else {
        return Ok(Outcome::AlreadyDone);
    };
    let new = NewService {
        service: service.as_str(),
        task_definition,
        desired_count: *desired_count,
        settings: &settings.0,
        tags,
        client_token,
    };
    if let Some(found) = find(session, new.service).await?.as_ref().and_then(in_the_way) {
        return Ok(Outcome::Superseded { found });
    }
    match session.create_service(&new).await {
        Ok(after) if is_ours(&after, task_definition, tags) => Ok(done(&after)),
        Ok(after) => {
            let on = format!("{} in cluster {}", new.service, session.cluster());
            let runs =
                after.task_definition.map_or_else(|| "none".to_owned(), |arn| arn.revision().to_string());
            let what =
                format!("accepted, but the service shows the task definition {runs}, or not its owner");
            Err(AwsError::bad_answer(Api::CreateService, &on, &what))
        }
        // Its answer may have been lost. What is live decides; the first failure is the one to tell.
        Err(error) => match find(session, new.service).await {
            Ok(Some(after)) if is_ours(&after, task_definition, tags) => Ok(done(&after)),
            Ok(_) | Err(_) => Err(error),
        },
    }
}

/// Why nothing can be created now, as a sentence.
fn in_the_way(service: &LiveService) -> Option<String> {
    match service.status {
        ServiceStatus::Inactive => None,
        ServiceStatus::Draining => Some("the service is being deleted".to_owned()),
        ServiceStatus::Active | ServiceStatus::Other => Some("the service exists by now".to_owned()),
    }
}

/// Whether it is the service that was to be created.
fn is_ours(service: &LiveService, wanted: &TaskDefinitionArn, tags: &[(TagKey, String)]) -> bool {
    let owner = tags.iter().find(|(key, _)| *key == TagKey::Owner).map(|(_, owner)| owner.as_str());
    service.status == ServiceStatus::Active
        && service.task_definition.as_ref() == Some(wanted)
        && plan::owner(service) == owner
}
