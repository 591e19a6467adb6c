//! What a failed call means: the SDK's error in, a category, a sentence, a hint and AWS's own words out.

use std::error::Error;

use aws_config::imds::client::error::ImdsError;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bowline_core::live::{AwsErrorDetail, UnknownCategory, UnknownReason};

use super::api::Api;

/// The title of the page that Python's web servers make of an exception.
const BARE_PAGE: &str = "500 Internal Server Error";

/// When a call may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// After any failure that may pass: a second one does no harm.
    Always,
    /// Only when the first one surely had no effect: AWS throttled it, or no connection was made.
    WhenRefused,
}

/// Whether a failed call may have had its effect all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// AWS refused it, or it never arrived.
    None,
    /// The answer was lost, cut off or a server error: nobody knows.
    Possible,
}

/// A call to AWS that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", reason.message)]
pub(crate) struct AwsError {
    /// What it means.
    pub(crate) reason: UnknownReason,
    /// Whether it may have had its effect.
    pub(crate) effect: Effect,
}

impl AwsError {
    /// A failure that the SDK did not report, such as an answer without a field that must be there.
    pub(crate) fn new(api: Api, on: &str, category: UnknownCategory, what: &str) -> Self {
        let message = format!("{} {} of {on}: {what}", api.service().name(), api.name());
        let reason = UnknownReason { category, message, hint: hint(category, api), aws: None };
        Self { reason, effect: Effect::Possible }
    }

    /// The caller's account could not be confirmed, so that nothing was asked.
    pub(crate) fn unverified(reason: UnknownReason) -> Self {
        Self { reason, effect: Effect::None }
    }

    /// An answer that cannot be what AWS meant to say.
    pub(crate) fn bad_answer(api: Api, on: &str, what: &str) -> Self {
        Self::new(api, on, UnknownCategory::BadAnswer, what)
    }

    /// The SDK's error of one call on `on` (the resource, in words).
    pub(crate) fn from_sdk<E>(api: Api, on: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let (category, effect, aws) = classify(error);
        let found = match &aws {
            Some(detail) if detail.message.is_empty() => detail.code.clone(),
            Some(detail) => format!("{}: {}", detail.code, detail.message),
            None => words(category, error),
        };
        let message = format!("{} {} of {on}: {found}", api.service().name(), api.name());
        Self { reason: UnknownReason { category, message, hint: hint(category, api), aws }, effect }
    }

    /// The same failure, at an endpoint that is not AWS's: a bare HTML page with status 500, or a 400 without a word, and
    /// without a request id, is how servers that stand in for AWS (moto, ministack) answer operations that they lack. AWS
    /// itself always gives a request id.
    pub(super) fn at_another_endpoint(mut self, api: Api) -> Self {
        let is_bare = self.reason.aws.as_ref().is_some_and(|aws| {
            let is_page = aws.code == "HTTP 500" && aws.message.contains(BARE_PAGE);
            let is_wordless = aws.code == "HTTP 400" && aws.message.is_empty();
            aws.request_id.is_none() && (is_page || is_wordless)
        });
        if is_bare {
            self.reason.category = UnknownCategory::Unsupported;
            self.reason.hint = hint(UnknownCategory::Unsupported, api);
        }
        self
    }

    /// The error code that AWS gave.
    pub(crate) fn code(&self) -> Option<&str> {
        self.reason.aws.as_ref().map(|detail| detail.code.as_str())
    }

    /// The category.
    pub(crate) fn category(&self) -> UnknownCategory {
        self.reason.category
    }

    /// The same failure with a hint that says more.
    pub(crate) fn hinting(mut self, hint: impl Into<String>) -> Self {
        self.reason.hint = hint.into();
        self
    }

    /// Whether to send the call again.
    pub(crate) fn may_repeat(&self, repeat: Repeat) -> bool {
        match self.reason.category {
            UnknownCategory::Throttled => true,
            UnknownCategory::Unreachable => repeat == Repeat::Always || self.effect == Effect::None,
            // A body that was cut off is a connection failure too.
            UnknownCategory::ServerError | UnknownCategory::BadAnswer => repeat == Repeat::Always,
            UnknownCategory::NotRead
            | UnknownCategory::Denied
            | UnknownCategory::NoCredentials
            | UnknownCategory::InvalidCredentials
            | UnknownCategory::OutsideCeiling
            | UnknownCategory::WrongAccount
            | UnknownCategory::Unsupported
            | UnknownCategory::SuspiciouslyMissing
            | UnknownCategory::Refused => false,
        }
    }
}

fn classify<E>(error: &SdkError<E, HttpResponse>) -> (UnknownCategory, Effect, Option<AwsErrorDetail>)
where
    E: Error + ProvideErrorMetadata + 'static,
{
    match error {
        SdkError::ServiceError(context) => {
            let status = context.raw().status().as_u16();
            let (code, message) = (context.err().code(), context.err().message().unwrap_or_default());
            let category = category_of(code, message, status, &body_start(context.raw()));
            (category, effect_of(category), Some(detail(code, message, status, context.raw())))
        }
        // The status was read; the body was not, or made no sense.
        SdkError::ResponseError(context) => {
            let status = context.raw().status().as_u16();
            if status < 400 {
                return (UnknownCategory::BadAnswer, Effect::Possible, None);
            }
            let body = body_start(context.raw());
            let category = category_of(None, "", status, &body);
            (category, effect_of(category), Some(detail(None, &title(&body), status, context.raw())))
        }
        SdkError::TimeoutError(_) => (UnknownCategory::Unreachable, Effect::Possible, None),
        SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) => before_an_answer(error),
        _ => (UnknownCategory::BadAnswer, Effect::Possible, None),
    }
}

/// A server error may come after the effect; every other error answer is a refusal.
fn effect_of(category: UnknownCategory) -> Effect {
    if category == UnknownCategory::ServerError { Effect::Possible } else { Effect::None }
}

/// No answer came: credentials, or the connection.
fn before_an_answer(error: &(dyn Error + 'static)) -> (UnknownCategory, Effect, Option<AwsErrorDetail>) {
    if let Some(credentials) = find::<CredentialsError>(error) {
        return credentials_failure(credentials);
    }
    let never_connected = chain(error).any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused)
            // hyper-util's own word for a failure while connecting, TLS and DNS included.
            || cause.to_string() == "client error (Connect)"
    });
    let effect = if never_connected { Effect::None } else { Effect::Possible };
    (UnknownCategory::Unreachable, effect, None)
}

fn credentials_failure(error: &CredentialsError) -> (UnknownCategory, Effect, Option<AwsErrorDetail>) {
    type AssumeRole = SdkError<aws_sdk_sts::operation::assume_role::AssumeRoleError, HttpResponse>;
    if let Some(refused) = find::<AssumeRole>(error) {
        let (category, _, aws) = classify(refused);
        return (category, Effect::None, aws);
    }
    if let Some(inner) = error.source().and_then(|source| find::<CredentialsError>(source)) {
        return credentials_failure(inner);
    }
    // The instance metadata is asked last: whoever fails there has no other credentials, and is on no instance with a role.
    let at_the_end = find::<ImdsError>(error).is_some();
    let category = match error {
        _ if at_the_end => UnknownCategory::NoCredentials,
        CredentialsError::CredentialsNotLoaded(_) => UnknownCategory::NoCredentials,
        CredentialsError::ProviderTimedOut(_) => UnknownCategory::Unreachable,
        _ => UnknownCategory::InvalidCredentials,
    };
    (category, Effect::None, None)
}

/// The category of an error answer: by its code, and without a code by its status and words.
fn category_of(code: Option<&str>, message: &str, status: u16, body: &str) -> UnknownCategory {
    let by_code = code.and_then(|code| category_of_code(code.rsplit('#').next().unwrap_or(code)));
    if let Some(category) = by_code {
        return category;
    }
    let says = |words: &str| message.contains(words) || body.contains(words);
    match status {
        429 => UnknownCategory::Throttled,
        501 => UnknownCategory::Unsupported,
        // Servers that stand in for AWS answer operations that they lack with a 404 or a 500 in prose.
        _ if says("not implemented") || says("not been implemented") || says("NotImplementedError") => {
            UnknownCategory::Unsupported
        }
        _ if says("Rate exceeded") => UnknownCategory::Throttled,
        500.. => UnknownCategory::ServerError,
        401 | 403 => UnknownCategory::Denied,
        _ => UnknownCategory::Refused,
    }
}

fn category_of_code(code: &str) -> Option<UnknownCategory> {
    let category = match code {
        "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "RequestThrottledException"
        | "RequestThrottled"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "SlowDown"
        | "BandwidthLimitExceeded"
        | "PriorRequestNotComplete" => UnknownCategory::Throttled,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "AuthorizationError"
        | "NotAuthorized"
        | "AllAccessDisabled" => UnknownCategory::Denied,
        "MissingAuthenticationToken" | "MissingAuthenticationTokenException" => {
            UnknownCategory::NoCredentials
        }
        "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "TokenRefreshRequired"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "InvalidToken"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "AuthFailure"
        | "NotSignedUp"
        | "RequestTimeTooSkewed" => UnknownCategory::InvalidCredentials,
        "UnknownOperationException" | "NotImplemented" | "NotImplementedException" | "InvalidAction" => {
            UnknownCategory::Unsupported
        }
        "ServerException"
        | "InternalFailure"
        | "InternalError"
        | "InternalServerError"
        | "InternalServiceError"
        | "InternalServiceErrorException"
        | "InternalServerException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException" => UnknownCategory::ServerError,
        _ => return None,
    };
    Some(category)
}

fn detail(code: Option<&str>, message: &str, status: u16, answer: &HttpResponse) -> AwsErrorDetail {
    let header = |name| answer.headers().get(name).map(str::to_owned);
    AwsErrorDetail {
        code: code.map_or_else(|| format!("HTTP {status}"), str::to_owned),
        message: message.to_owned(),
        request_id: header("x-amzn-requestid").or_else(|| header("x-amz-request-id")),
    }
}

/// The first part of an error answer's body, where it was kept.
fn body_start(answer: &HttpResponse) -> String {
    let bytes = answer.body().bytes().unwrap_or_default();
    String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]).into_owned()
}

/// The title of an HTML page; nothing of any other body.
fn title(body: &str) -> String {
    let title = body.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    title.map(|(title, _)| title.trim().to_owned()).unwrap_or_default()
}

/// The failure in words where AWS gave none: every cause once, outermost first.
fn words(category: UnknownCategory, error: &(dyn Error + 'static)) -> String {
    let lead = match category {
        UnknownCategory::NoCredentials => {
            // The SDK's own list of every provider it asked is a page long.
            return "no AWS credentials were found in the environment, profiles, or container or instance metadata"
                .to_owned();
        }
        UnknownCategory::InvalidCredentials => "the AWS credentials could not be loaded",
        UnknownCategory::Unreachable => "the endpoint could not be reached",
        UnknownCategory::BadAnswer => "the answer was cut off or could not be understood",
        _ => "the call failed",
    };
    let mut said: Vec<String> = Vec::new();
    // The outermost is the SDK's own ("dispatch failure"): the lead says that in words.
    for cause in chain(error).skip(1) {
        let text = cause.to_string();
        let generic = text.is_empty() || text == "other" || text == "io error" || text == "unhandled error";
        if !generic && !said.iter().any(|earlier| earlier.contains(&text)) {
            said.push(text);
        }
    }
    if said.is_empty() { lead.to_owned() } else { format!("{lead} ({})", said.join(": ")) }
}

fn hint(category: UnknownCategory, api: Api) -> String {
    match category {
        UnknownCategory::NotRead | UnknownCategory::SuspiciouslyMissing => {
            "It is read again in the next pass.".to_owned()
        }
        UnknownCategory::Throttled => {
            "The account's API rate is used up, perhaps by others; Bowline tries again in the next pass.".to_owned()
        }
        UnknownCategory::Denied => format!("Allow {} for the role that Bowline uses.", api.iam_action()),
        UnknownCategory::NoCredentials => {
            "Give Bowline credentials: a task or instance role, AWS_PROFILE, or AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY."
                .to_owned()
        }
        UnknownCategory::InvalidCredentials => {
            "The credentials are expired or not valid: renew them; check the machine's clock too.".to_owned()
        }
        UnknownCategory::OutsideCeiling => {
            "Allow the account and the role in the ceiling of bowline.yaml.".to_owned()
        }
        UnknownCategory::WrongAccount => {
            "Use credentials of the Target's accountId, or give the Target an assumeRole in it.".to_owned()
        }
        UnknownCategory::Unreachable => {
            "Check the network, the Target's region and AWS_ENDPOINT_URL; Bowline tries again in the next pass."
                .to_owned()
        }
        UnknownCategory::ServerError => "AWS has a problem; Bowline tries again in the next pass.".to_owned(),
        UnknownCategory::BadAnswer => {
            "Something between Bowline and AWS changed or cut the answer; Bowline tries again in the next pass."
                .to_owned()
        }
        UnknownCategory::Unsupported => format!("The endpoint does not offer {}.", api.name()),
        UnknownCategory::Refused => "Check the names in the manifest and in its Target.".to_owned(),
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&cause| cause.source())
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|cause| cause.downcast_ref())
}

#[cfg(test)]
mod tests;
