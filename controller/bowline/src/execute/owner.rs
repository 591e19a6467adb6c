//! Whose services are: read again before what concerns them.

use std::collections::BTreeMap;

use bowline_core::desired::DesiredState;
use bowline_core::live::UnknownCategory;
use bowline_core::name::ResourceName;
use bowline_core::plan::{Whose, standing_owner};

use super::service::belongs;
use crate::aws::ecs::SERVICES_PER_CALL;
use crate::aws::{Api, Aws, AwsError, Priority};

/// What is not as expected, as a sentence. One call for each ten services of a Target.
pub(super) async fn changed(
    aws: &Aws,
    desired: &DesiredState,
    expected: &[Whose],
) -> Result<Option<String>, AwsError> {
    let mut by_target: BTreeMap<&ResourceName, Vec<&Whose>> = BTreeMap::new();
    for whose in expected {
        by_target.entry(&whose.target).or_default().push(whose);
    }
    for (name, expected) in by_target {
        let Some(target) = desired.targets.get(name) else {
            return Ok(Some(format!("the Target {name} is not in git any more")));
        };
        let session = aws.session(name, &target.spec).await;
        session.verify_account().await.map_err(AwsError::unverified)?;
        for some in expected.chunks(SERVICES_PER_CALL) {
            let names: Vec<String> = some.iter().map(|whose| whose.service.to_string()).collect();
            let answer = session.describe_services(&names, Priority::Watch).await?;
            for whose in some {
                let name = whose.service.as_str();
                let found = match (answer.services.get(name), answer.failures.get(name)) {
                    (Some(Ok(service)), _) => standing_owner(service),
                    (None, Some(reason)) if reason == super::service::MISSING => None,
                    (found, reason) => {
                        let on = format!("{name} in cluster {}", session.cluster());
                        let what = found.and_then(|found| found.as_ref().err()).or(reason);
                        let what = what.map_or("no answer for it", String::as_str);
                        return Err(AwsError::new(
                            Api::DescribeServices,
                            &on,
                            UnknownCategory::Refused,
                            what,
                        ));
                    }
                };
                if found != whose.owner.as_deref() {
                    let service = format!("the service {name}");
                    return Ok(Some(belongs(&service, found, whose.owner.as_deref())));
                }
            }
        }
    }
    Ok(None)
}
