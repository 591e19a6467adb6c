//! Answers as AWS, servers that stand in for it, and things in between give them, byte for byte.

use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{SharedCredentialsProvider, future};
use aws_credential_types::{Credentials, provider::ProvideCredentials};
use bowline_core::desired::kind::Target;
use bowline_core::live::{AwsErrorDetail, UnknownCategory};
use bowline_core::name::ResourceName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{AwsError, Effect};
use crate::aws::{Aws, AwsSettings, Priority, Session};
use crate::clock::Clock;

async fn session(url: String, credentials: SharedCredentialsProvider) -> Session {
    let settings = AwsSettings {
        endpoint_url: Some(url),
        clock: Clock::scaled(1_000.0),
        limits: false,
        task_definition_cache: None,
    };
    let target = r#"{"accountId":"111122223333","region":"eu-central-1","cluster":"main"}"#;
    let target: Target = serde_json::from_str(target).unwrap();
    let aws = Aws::load(settings, Some(credentials)).await;
    aws.session(&ResourceName::parse("live").unwrap(), &target).await
}

fn some_key() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new("111122223333", "secret", None, None, "test"))
}

/// Answers every request with these bytes, then closes the connection.
async fn server(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::with_capacity(65_536);
            // A request of these tests fits into one packet.
            let _ = stream.read_buf(&mut request).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.ok();
        }
    });
    format!("http://{address}")
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// What DescribeServices of `web` makes of an answer.
async fn failure(answer: String) -> AwsError {
    let session = session(server(answer).await, some_key()).await;
    session.describe_services(&["web".to_owned()], Priority::Scan).await.unwrap_err()
}

#[tokio::test]
async fn an_error_is_told_by_its_code_then_by_its_status_then_by_its_words() {
    use UnknownCategory::{
        Denied, InvalidCredentials, NoCredentials, Refused, ServerError, Throttled, Unsupported,
    };
    let json = "content-type: application/x-amz-json-1.1\r\n";
    let cases = [
        ("400 Bad Request", r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#, Throttled),
        (
            "400 Bad Request",
            r#"{"__type":"com.amazonaws.ecs#ClientException","message":"Rate exceeded"}"#,
            Throttled,
        ),
        ("429 Too Many Requests", "", Throttled),
        ("400 Bad Request", r#"{"__type":"AccessDeniedException","Message":"no"}"#, Denied),
        ("403 Forbidden", "<html>proxy</html>", Denied),
        ("400 Bad Request", r#"{"__type":"ExpiredTokenException","message":"expired"}"#, InvalidCredentials),
        (
            "400 Bad Request",
            r#"{"__type":"UnrecognizedClientException","message":"bad"}"#,
            InvalidCredentials,
        ),
        ("400 Bad Request", r#"{"__type":"InvalidSignatureException","message":"bad"}"#, InvalidCredentials),
        (
            "400 Bad Request",
            r#"{"__type":"MissingAuthenticationTokenException","message":"none"}"#,
            NoCredentials,
        ),
        ("500 Internal Server Error", r#"{"__type":"ServerException","message":"oops"}"#, ServerError),
        ("502 Bad Gateway", "<html>bad gateway</html>", ServerError),
        ("503 Service Unavailable", "", ServerError),
        ("400 Bad Request", r#"{"__type":"UnknownOperationException"}"#, Unsupported),
        ("501 Not Implemented", "", Unsupported),
        ("404 Not Found", "The action DescribeServices has not been implemented", Unsupported),
        ("500 Internal Server Error", "NotImplementedError: DescribeServices", Unsupported),
        // moto 5, byte for byte.
        (
            "500 INTERNAL SERVER ERROR",
            "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n",
            Unsupported,
        ),
        ("400 Bad Request", r#"{"__type":"InvalidParameterException","message":"too long"}"#, Refused),
        ("400 Bad Request", r#"{"__type":"LimitExceededException","message":"quota"}"#, Refused),
    ];
    for (status, body, expected) in cases {
        let error = failure(answer(status, json, body)).await;
        assert_eq!(error.category(), expected, "{status} {body}: {error}");
    }
}

#[tokio::test]
async fn what_aws_said_is_kept() {
    let headers = "content-type: application/x-amz-json-1.1\r\nx-amzn-requestid: abc-123\r\n";
    let body = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;
    let error = failure(answer("400 Bad Request", headers, body)).await;
    assert_eq!(
        error.to_string(),
        "ECS DescribeServices of web in cluster main: ThrottlingException: Rate exceeded"
    );
    let detail = AwsErrorDetail {
        code: "ThrottlingException".to_owned(),
        message: "Rate exceeded".to_owned(),
        request_id: Some("abc-123".to_owned()),
    };
    assert_eq!(error.reason.aws, Some(detail));
    assert_eq!(error.effect, Effect::None);
}

#[tokio::test]
async fn an_answer_that_is_cut_off_or_no_json_is_a_bad_answer() {
    let whole =
        answer("200 OK", "content-type: application/x-amz-json-1.1\r\n", r#"{"services":[],"failures":[]}"#);
    let cases = [
        whole[..whole.len() - 10].to_owned(),
        answer("200 OK", "", r#"{"services":[{"servi"#),
        answer("200 OK", "", "<html>please log in</html>"),
    ];
    for case in cases {
        let error = failure(case.clone()).await;
        assert_eq!(
            (error.category(), error.effect),
            (UnknownCategory::BadAnswer, Effect::Possible),
            "{case}: {error}"
        );
    }
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_may_have_had_its_effect() {
    let error = failure(String::new()).await;
    assert_eq!((error.category(), error.effect), (UnknownCategory::Unreachable, Effect::Possible), "{error}");
}

#[tokio::test]
async fn a_connection_that_was_never_made_had_no_effect() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for url in [format!("http://{free}"), format!("https://{free}"), "http://no-such-host.invalid".to_owned()]
    {
        let session = session(url.clone(), some_key()).await;
        let error = session.describe_services(&["web".to_owned()], Priority::Scan).await.unwrap_err();
        assert_eq!(
            (error.category(), error.effect),
            (UnknownCategory::Unreachable, Effect::None),
            "{url}: {error}"
        );
    }
}

/// Credentials that cannot be had.
#[derive(Debug)]
struct Without(fn() -> CredentialsError);

impl ProvideCredentials for Without {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(self.0()))
    }
}

type Case = (fn() -> CredentialsError, UnknownCategory, &'static str);

#[tokio::test]
async fn credentials_that_cannot_be_had_are_told_apart() {
    let cases: [Case; 3] = [
        (
            || CredentialsError::not_loaded("no providers in chain provided credentials"),
            UnknownCategory::NoCredentials,
            "no AWS credentials were found",
        ),
        (
            || CredentialsError::invalid_configuration("profile `prod` refers to itself"),
            UnknownCategory::InvalidCredentials,
            "profile `prod` refers to itself",
        ),
        (
            || CredentialsError::provider_timed_out(Duration::from_secs(5)),
            UnknownCategory::Unreachable,
            "timed out after 5 seconds",
        ),
    ];
    for (error, category, words) in cases {
        let session =
            session(server(String::new()).await, SharedCredentialsProvider::new(Without(error))).await;
        let why = session.verify_account().await.unwrap_err();
        assert_eq!(why.category, category);
        assert!(why.message.contains(words), "{}", why.message);
        assert!(why.message.starts_with("STS GetCallerIdentity of the credentials: "), "{}", why.message);
    }
}
