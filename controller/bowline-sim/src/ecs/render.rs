//! What AWS shows of services, deployments and tasks.

pub(super) mod deployment;
pub(super) mod service;
pub(super) mod task;

use serde_json::{Map, Value};

/// Inserts a member that is present.
fn put(object: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value.into());
    }
}
