//! Elastic Load Balancing: are the targets of a target group healthy?

use aws_sdk_elasticloadbalancingv2::types::{TargetHealthDescription, TargetHealthStateEnum};

use super::api::Api;
use super::client::Session;
use super::error::AwsError;
use super::limiter::Priority;

/// One registered target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetHealth {
    /// Address or instance, and port.
    pub(crate) target: String,
    /// Whether the load balancer sends it traffic.
    pub(crate) is_healthy: bool,
    /// Whether it is on its way out, or in a group that no listener uses: then its health says nothing.
    pub(crate) is_idle: bool,
    /// AWS's words for the state, and for why.
    pub(crate) words: String,
}

impl Session {
    /// DescribeTargetHealth of every registered target.
    pub(crate) async fn target_health(&self, arn: &str) -> Result<Vec<TargetHealth>, AwsError> {
        let api = Api::DescribeTargetHealth;
        let send = || self.clients().load_balancing.describe_target_health().target_group_arn(arn).send();
        let output = self.call(api, arn, Priority::Watch, send).await?;
        Ok(output.target_health_descriptions().iter().map(target).collect())
    }
}

fn target(described: &TargetHealthDescription) -> TargetHealth {
    let target = described.target();
    let id = target.and_then(|target| target.id()).unwrap_or("a target");
    let port = target.and_then(|target| target.port).map(|port| format!(":{port}")).unwrap_or_default();
    let health = described.target_health();
    let state = health.and_then(|health| health.state());
    let reason = health.and_then(|health| health.reason()).map(|reason| format!(" ({})", reason.as_str()));
    let word = state.map_or("of unknown health", TargetHealthStateEnum::as_str);
    TargetHealth {
        target: format!("{id}{port}"),
        is_healthy: state == Some(&TargetHealthStateEnum::Healthy),
        is_idle: matches!(state, Some(TargetHealthStateEnum::Draining | TargetHealthStateEnum::Unused)),
        words: format!("{word}{}", reason.unwrap_or_default()),
    }
}
