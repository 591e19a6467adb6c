//! Calls to ECS that boto3 makes.

use std::process::Command;

use serde_json::{Value, json};

use crate::aws::credentials;
use crate::judges;
use crate::process::run;
use crate::register::Check;
use crate::servers::ACCOUNT;

/// One call: the operation as boto3 names it, and its input.
#[must_use]
pub fn call(operation: &str, input: &Value) -> Value {
    json!({"operation": operation, "input": input})
}

/// Makes all of these calls, eight at a time; gives what was answered, in the same order. Each must succeed.
pub async fn make(endpoint: &str, calls: &[Value], check: Check) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("calls.json");
    let text = serde_json::to_string(calls).expect("JSON can be written");
    std::fs::write(&file, text).expect("a file can be written");
    let mut command = Command::new(judges::program("python"));
    credentials(&mut command, folder.path(), ACCOUNT)
        .arg(judges::repository().join("tests/judges/call.py"))
        .arg(endpoint)
        .arg(&file);
    if check == Check::Nothing {
        command.arg("--lenient");
    }
    let answers = run(command).await.with_code(0).json();
    let answers = answers.as_array().expect("a list").iter();
    let outputs = answers.zip(calls).map(|(answer, call)| {
        assert!(answer.get("output").is_some(), "{answer}\n{call:#}");
        answer["output"].clone()
    });
    outputs.collect()
}
