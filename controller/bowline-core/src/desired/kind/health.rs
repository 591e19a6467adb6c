//! Health conditions: what must be true of a service after a deployment, beside ECS's own word.

use std::fmt;
use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::{HostName, HumanDuration, ProbeUrl, StatusCodes, TargetGroupArn};

/// The most conditions of one service: each is asked anew at its interval.
pub const MOST_CONDITIONS: usize = 10;
/// The longest text that an answer is searched for, in bytes.
pub const MOST_MATCHED: usize = 1024;
/// The protocol version that is offered to an MCP server unless the condition names another one.
pub const MCP_PROTOCOL: &str = "2025-06-18";

/// One thing that must be true, so many times in a row, for a deployment to be good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    try_from = "RawHealthCondition",
    into = "RawHealthCondition"
)]
#[schemars(with = "RawHealthCondition")]
pub struct HealthCondition {
    /// What is asked.
    pub check: HealthCheck,
    /// How often.
    pub interval: HumanDuration,
    /// How long one answer may take.
    pub timeout: HumanDuration,
    /// How many answers in a row must be right.
    pub successes: u32,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthCheck {
    /// A GET request.
    Http(HttpCheck),
    /// A TCP connection.
    Tcp(TcpCheck),
    /// The health of load balancer targets.
    TargetGroup(TargetGroupCheck),
    /// The tools of an MCP server.
    Mcp(McpCheck),
}

/// A GET request whose answer has the right status and, where one is given, holds a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpCheck {
    /// Where to; its host must be allowed by `ceiling.probeHosts`.
    pub url: ProbeUrl,
    /// The right status codes.
    #[serde(default)]
    pub status: StatusCodes,
    /// A text that the first 64 KiB of the body must hold; at most 1024 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
}

/// A TCP connection that is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TcpCheck {
    /// A host that `ceiling.probeHosts` allows.
    pub host: HostName,
    /// The port.
    #[schemars(range(min = 1))]
    pub port: u16,
}

/// Every registered target of the target groups is healthy, and there is at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetGroupCheck {
    /// The target group; left out, all those of the service's load balancers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<TargetGroupArn>,
}

/// An MCP server (streamable HTTP) that answers `initialize` and lists these tools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct McpCheck {
    /// The server's endpoint; its host must be allowed by `ceiling.probeHosts`.
    pub url: ProbeUrl,
    /// Names of tools that `tools/list` must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// The protocol version that is offered.
    #[serde(default = "mcp_protocol")]
    pub protocol_version: String,
}

fn mcp_protocol() -> String {
    MCP_PROTOCOL.to_owned()
}

/// One thing that must be true, so many times in a row, for a deployment to be good: exactly one of `http`, `tcp`,
/// `targetGroup` and `mcp`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "HealthCondition", extend("oneOf" = [
    { "required": ["http"] }, { "required": ["tcp"] }, { "required": ["targetGroup"] }, { "required": ["mcp"] }
]))]
struct RawHealthCondition {
    /// A GET request whose answer has the right status and, where one is given, holds a text. Redirects are not followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http: Option<HttpCheck>,
    /// A TCP connection that is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tcp: Option<TcpCheck>,
    /// Every registered target of the target groups is healthy, and there is at least one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target_group: Option<TargetGroupCheck>,
    /// An MCP server (streamable HTTP) that answers `initialize` and lists these tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mcp: Option<McpCheck>,
    /// How often it is asked.
    #[serde(default = "default_interval")]
    interval: HumanDuration,
    /// How long one answer may take.
    #[serde(default = "default_timeout")]
    timeout: HumanDuration,
    /// How many answers in a row must be right.
    #[serde(default = "default_successes")]
    #[schemars(range(min = 1, max = 100))]
    successes: u32,
}

fn default_interval() -> HumanDuration {
    HumanDuration::from_secs(10)
}

fn default_timeout() -> HumanDuration {
    HumanDuration::from_secs(5)
}

fn default_successes() -> u32 {
    3
}

impl TryFrom<RawHealthCondition> for HealthCondition {
    type Error = &'static str;

    fn try_from(raw: RawHealthCondition) -> Result<Self, Self::Error> {
        let RawHealthCondition { http, tcp, target_group, mcp, interval, timeout, successes } = raw;
        let check = match (http, tcp, target_group, mcp) {
            (Some(check), None, None, None) => HealthCheck::Http(check),
            (None, Some(check), None, None) => HealthCheck::Tcp(check),
            (None, None, Some(check), None) => HealthCheck::TargetGroup(check),
            (None, None, None, Some(check)) => HealthCheck::Mcp(check),
            _ => return Err("a health condition has exactly one of `http`, `tcp`, `targetGroup`, `mcp`"),
        };
        Ok(Self { check, interval, timeout, successes })
    }
}

impl From<HealthCondition> for RawHealthCondition {
    fn from(condition: HealthCondition) -> Self {
        let HealthCondition { check, interval, timeout, successes } = condition;
        let mut raw =
            Self { http: None, tcp: None, target_group: None, mcp: None, interval, timeout, successes };
        match check {
            HealthCheck::Http(check) => raw.http = Some(check),
            HealthCheck::Tcp(check) => raw.tcp = Some(check),
            HealthCheck::TargetGroup(check) => raw.target_group = Some(check),
            HealthCheck::Mcp(check) => raw.mcp = Some(check),
        }
        raw
    }
}

impl HealthCheck {
    /// The host that it connects to; none where AWS is asked instead.
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::Http(check) => Some(check.url.parts().host),
            Self::Mcp(check) => Some(check.url.parts().host),
            Self::Tcp(check) => Some(check.host.as_str()),
            Self::TargetGroup(_) => None,
        }
    }
}

/// What a condition is called: it tells one condition of a service from the others.
impl fmt::Display for HealthCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(check) => write!(formatter, "http {}", check.url),
            Self::Tcp(check) => write!(formatter, "tcp {}:{}", check.host, check.port),
            Self::TargetGroup(TargetGroupCheck { arn: Some(arn) }) => {
                write!(formatter, "targetGroup {}", arn.name())
            }
            Self::TargetGroup(TargetGroupCheck { arn: None }) => formatter.write_str("targetGroup"),
            Self::Mcp(check) => write!(formatter, "mcp {}", check.url),
        }
    }
}

impl Default for StatusCodes {
    fn default() -> Self {
        Self::success()
    }
}

impl StatusCodes {
    /// Whether a status is one of them.
    pub fn holds(&self, status: u16) -> bool {
        let range: RangeInclusive<u16> = self.range();
        range.contains(&status)
    }
}
