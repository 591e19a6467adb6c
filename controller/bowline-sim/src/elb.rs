//! What would AWS Elastic Load Balancing (version 2) answer? How the targets of a target group are.
//!
//! Targets are the tasks that ECS has registered. A test may say otherwise of a whole group.

use std::collections::BTreeMap;

use quick_xml::escape::escape;

use crate::context::{ApiError, CallContext};

const NAMESPACE: &str = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/";

/// A target as ECS has registered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) address: String,
    pub(crate) port: i64,
    /// `healthy`, `initial`, `unhealthy` or `draining`.
    pub(crate) state: &'static str,
}

/// States that a test has put upon target groups, by ARN.
pub(crate) type Overrides = BTreeMap<String, String>;

/// Answers one call of the query protocol. `registered` gives a group's targets, or nothing where no service uses it.
pub(crate) fn handle(
    context: &CallContext,
    form: &[(String, String)],
    overrides: &Overrides,
    registered: impl FnOnce(&str) -> Option<Vec<Target>>,
) -> Result<String, ApiError> {
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let action = field("Action").unwrap_or_default();
    if action != "DescribeTargetHealth" {
        return Err(ApiError::bad_request(
            "InvalidAction",
            format!("Could not find operation {action} for version 2015-12-01"),
        ));
    }
    let arn = field("TargetGroupArn")
        .filter(|arn| !arn.is_empty())
        .ok_or_else(|| ApiError::bad_request("ValidationError", "A target group ARN must be specified"))?;
    let targets = registered(arn)
        .ok_or_else(|| ApiError::bad_request("TargetGroupNotFound", "One or more target groups not found"))?;
    let members: String = targets.iter().map(|target| member(target, overrides.get(arn))).collect();
    Ok(format!(
        "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result><TargetHealthDescriptions>{members}\
         </TargetHealthDescriptions></{action}Result><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata>\
         </{action}Response>",
        escape(&context.request_id)
    ))
}

fn member(target: &Target, forced: Option<&String>) -> String {
    // What is on its way out stays so.
    let state = forced.filter(|_| target.state != "draining").map_or(target.state, String::as_str);
    let reason = match state {
        "unhealthy" => {
            "<Reason>Target.FailedHealthChecks</Reason><Description>Health checks failed</Description>"
        }
        "initial" => {
            "<Reason>Elb.RegistrationInProgress</Reason><Description>Target registration is in progress</Description>"
        }
        "draining" => {
            "<Reason>Target.DeregistrationInProgress</Reason><Description>Target deregistration is in progress</Description>"
        }
        "unused" => {
            "<Reason>Target.NotInUse</Reason><Description>Target group is not configured to receive traffic</Description>"
        }
        _ => "",
    };
    let (address, port) = (escape(&target.address), target.port);
    format!(
        "<member><HealthCheckPort>{port}</HealthCheckPort><TargetHealth><State>{}</State>{reason}</TargetHealth>\
         <Target><Id>{address}</Id><Port>{port}</Port></Target></member>",
        escape(state)
    )
}

/// An error as the query protocol writes it.
pub(crate) fn error_xml(error: &ApiError, request_id: &str) -> String {
    let blame = if error.status < 500 { "Sender" } else { "Receiver" };
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{blame}</Type><Code>{}</Code><Message>{}</Message></Error>\
         <RequestId>{}</RequestId></ErrorResponse>",
        escape(&error.code),
        escape(&error.message),
        escape(request_id)
    )
}
