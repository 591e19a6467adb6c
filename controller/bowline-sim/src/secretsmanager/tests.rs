//! Secrets Manager as a client sees it: JSON in, whole answers out.

mod lifecycle;
mod reading;
mod staging;
mod value_from;

use std::borrow::Borrow;

use serde_json::{Value, json};

use super::SecretsManager;
use crate::context::{ApiError, CallContext};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";
/// 2026-11-21T10:00:00.250Z.
const NOW: f64 = 1_795_255_200.25;
const DAY: f64 = 86_400.0;

fn context_at(days: i64) -> CallContext {
    let start: jiff::Timestamp = "2026-11-21T10:00:00.250Z".parse().unwrap();
    CallContext {
        account: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        now: start + jiff::SignedDuration::from_hours(24 * days),
        request_id: "11111111-2222-3333-4444-555555555555".to_owned(),
        principal_arn: format!("arn:aws:iam::{ACCOUNT}:user/test"),
    }
}

fn try_call(manager: &mut SecretsManager, operation: &str, body: &Value) -> Result<Value, ApiError> {
    manager.handle(&context_at(0), operation, body)
}

fn call(manager: &mut SecretsManager, operation: &str, body: impl Borrow<Value>) -> Value {
    let answer = try_call(manager, operation, body.borrow());
    answer.unwrap_or_else(|error| panic!("{operation}: {}: {}", error.code, error.message))
}

/// The code and the message of a refusal.
fn refused(manager: &mut SecretsManager, operation: &str, body: impl Borrow<Value>) -> (String, String) {
    let error = try_call(manager, operation, body.borrow()).unwrap_err();
    assert_eq!(error.status, 400);
    (error.code, error.message)
}

fn error(code: &str, message: &str) -> (String, String) {
    (code.to_owned(), message.to_owned())
}

/// A version id of the shortest length that is allowed.
fn id(number: u8) -> String {
    format!("version-{number:024}")
}

/// The secret `app/db` with version 1.
fn with_secret() -> SecretsManager {
    let mut manager = SecretsManager::default();
    let value = r#"{"password":"one","port":5432}"#;
    let body = json!({"Name": "app/db", "ClientRequestToken": id(1), "SecretString": value});
    call(&mut manager, "CreateSecret", body);
    manager
}

/// The same with versions 1 to `last`, the last one current.
fn with_versions(last: u8) -> SecretsManager {
    let mut manager = with_secret();
    for number in 2..=last {
        let body = json!({"SecretId": "app/db", "ClientRequestToken": id(number), "SecretString": number.to_string()});
        call(&mut manager, "PutSecretValue", body);
    }
    manager
}

fn arn(manager: &mut SecretsManager) -> String {
    call(manager, "DescribeSecret", json!({"SecretId": "app/db"}))["ARN"].as_str().unwrap().to_owned()
}

/// Which version has which labels.
fn stages(manager: &mut SecretsManager) -> Value {
    call(manager, "DescribeSecret", json!({"SecretId": "app/db"}))["VersionIdsToStages"].clone()
}
