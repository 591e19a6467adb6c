//! What would AWS STS answer? Who the caller is, and credentials of another role.
//!
//! The decoded form of a query-protocol call in, XML out. There is no state: the access key that `AssumeRole` hands
//! out carries the account of its role, so that the server can tell from a later request who is calling.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use quick_xml::escape::escape;
use sha2::{Digest, Sha256};

use crate::context::{ApiError, CallContext};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// A role with this in its name demands an `ExternalId`.
const DEMANDS_EXTERNAL_ID: &str = "needs-external-id";

const LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// Answers one call of the query protocol.
pub(crate) fn handle(context: &CallContext, form: &[(String, String)]) -> Result<String, ApiError> {
    let action = field(form, "Action").unwrap_or_default();
    let result = match action {
        "GetCallerIdentity" => caller_identity(context),
        "AssumeRole" => assume_role(context, form)?,
        _ => {
            return Err(ApiError::bad_request(
                "InvalidAction",
                format!("Could not find operation {action} for version 2011-06-15"),
            ));
        }
    };
    let request_id = escape(&context.request_id);
    Ok(format!(
        "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{result}</{action}Result>\
         <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
    ))
}

/// An error as the query protocol writes it.
pub(crate) fn error_xml(error: &ApiError, request_id: &str) -> String {
    let blame = if error.status < 500 { "Sender" } else { "Receiver" };
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{blame}</Type><Code>{}</Code><Message>{}</Message>\
         </Error><RequestId>{}</RequestId></ErrorResponse>",
        escape(&error.code),
        escape(&error.message),
        escape(request_id)
    )
}

fn caller_identity(context: &CallContext) -> String {
    let assumed =
        context.principal_arn.split_once(":assumed-role/").and_then(|(_, role)| role.split_once('/'));
    let user_id = match assumed {
        Some((role, session)) => format!("{}:{}", unique_id("AROA", role), escape(session)),
        None => unique_id("AIDA", &context.principal_arn),
    };
    format!(
        "<Arn>{}</Arn><UserId>{user_id}</UserId><Account>{}</Account>",
        escape(&context.principal_arn),
        escape(&context.account)
    )
}

fn assume_role(context: &CallContext, form: &[(String, String)]) -> Result<String, ApiError> {
    let role_arn = required(form, "RoleArn")?;
    let session = required(form, "RoleSessionName")?;
    let role = Role::parse(role_arn)
        .ok_or_else(|| ApiError::bad_request("ValidationError", format!("{role_arn} is invalid")))?;
    let external_id = field(form, "ExternalId").filter(|id| !id.is_empty());
    if role.path.contains(DEMANDS_EXTERNAL_ID) && external_id.is_none() {
        return Err(ApiError {
            status: 403,
            code: "AccessDenied".to_owned(),
            message: format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
                context.principal_arn
            ),
        });
    }
    let name = role.path.rsplit('/').next().unwrap_or(role.path);
    let expiration = context.now.saturating_add(LIFETIME).unwrap_or(context.now);
    let token = secret("token", &format!("{role_arn}/{session}/{}", context.request_id));
    Ok(format!(
        "<Credentials><AccessKeyId>ASIA{account}EXAMPLE</AccessKeyId><SecretAccessKey>{key}</SecretAccessKey>\
         <SessionToken>{token}</SessionToken><Expiration>{expiration}</Expiration></Credentials>\
         <AssumedRoleUser><AssumedRoleId>{id}:{session}</AssumedRoleId>\
         <Arn>arn:{partition}:sts::{account}:assumed-role/{name}/{session}</Arn></AssumedRoleUser>",
        account = role.account,
        key = secret("key", role_arn),
        expiration = expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
        id = unique_id("AROA", name),
        session = escape(session),
        partition = escape(role.partition),
        name = escape(name),
    ))
}

/// The parts of a role's ARN.
struct Role<'a> {
    partition: &'a str,
    account: &'a str,
    path: &'a str,
}

impl<'a> Role<'a> {
    fn parse(arn: &'a str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let (scheme, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        let path = resource.strip_prefix("role/").filter(|path| !path.is_empty())?;
        let is_account = account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit());
        let valid = scheme == "arn" && service == "iam" && region.is_empty() && is_account;
        valid.then_some(Self { partition, account, path })
    }
}

fn field<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter().find(|(present, _)| present == name).map(|(_, value)| value.as_str())
}

fn required<'a>(form: &'a [(String, String)], name: &str) -> Result<&'a str, ApiError> {
    field(form, name).filter(|value| !value.is_empty()).ok_or_else(|| {
        let member = format!("{}{}", name[..1].to_lowercase(), &name[1..]);
        ApiError::bad_request(
            "ValidationError",
            format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must \
                 not be null"
            ),
        )
    })
}

/// An IAM unique id: a prefix that tells the kind, and 17 characters that are the same for the same name.
fn unique_id(prefix: &str, name: &str) -> String {
    let characters = secret("id", name).to_uppercase();
    let characters = characters.chars().filter(char::is_ascii_alphanumeric).take(17);
    characters.fold(prefix.to_owned(), |id, character| id + character.encode_utf8(&mut [0; 4]))
}

/// 40 characters, as many as a secret access key has, that are the same for the same purpose and name.
fn secret(purpose: &str, of: &str) -> String {
    STANDARD.encode(Sha256::digest(format!("{purpose}/{of}")).get(..30).unwrap_or_default())
}

#[cfg(test)]
mod tests;
