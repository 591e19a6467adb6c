//! Application Auto Scaling: which desired counts it moves.

use std::collections::BTreeMap;

use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace};
use bowline_core::live::ScalableTarget;

use super::api::Api;
use super::client::Session;
use super::ecs::{MAX_PAGES, endless};
use super::error::AwsError;
use super::limiter::Priority;

/// How many resource ids one DescribeScalableTargets takes, and how many targets one page has.
pub(crate) const SCALABLE_TARGETS_PER_CALL: usize = 50;

impl Session {
    /// The scalable targets of the desired counts of at most [`SCALABLE_TARGETS_PER_CALL`] services, by resource id.
    pub(crate) async fn scalable_targets(
        &self,
        ids: &[String],
    ) -> Result<BTreeMap<String, ScalableTarget>, AwsError> {
        let api = Api::DescribeScalableTargets;
        let on = match ids {
            [only] => only.clone(),
            _ => format!("{} services in cluster {}", ids.len(), self.cluster()),
        };
        let (mut found, mut token) = (BTreeMap::new(), None);
        for _ in 0..MAX_PAGES {
            let send = || {
                let call = self.clients().scaling.describe_scalable_targets();
                let call = call.service_namespace(ServiceNamespace::Ecs);
                let call = call.scalable_dimension(ScalableDimension::EcsServiceDesiredCount);
                call.set_resource_ids(Some(ids.to_vec())).set_next_token(token.clone()).send()
            };
            let page = self.call(api, &on, Priority::Scan, send).await?;
            for target in page.scalable_targets() {
                let suspended = target.suspended_state().is_some_and(|state| {
                    state.dynamic_scaling_in_suspended() == Some(true)
                        && state.dynamic_scaling_out_suspended() == Some(true)
                        && state.scheduled_scaling_suspended() == Some(true)
                });
                let (minimum, maximum) = (count(target.min_capacity), count(target.max_capacity));
                let id = target.resource_id.clone();
                found.insert(id, ScalableTarget { minimum, maximum, suspended });
            }
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
        Err(endless(api, &on))
    }
}

/// AWS takes no negative capacity.
fn count(capacity: i32) -> u32 {
    u32::try_from(capacity).unwrap_or(0)
}
