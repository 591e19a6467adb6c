//! Task definitions and settings of services to test with: varied ones by chance, samples of what people run, and changes of each field.

pub mod changes;
mod consistent;
pub mod place;
pub mod samples;
pub mod services;
mod shape;

use bowline_core::desired::task_definition_schema;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

/// Task definitions over the full shape of RegisterTaskDefinition, each one that AWS would take; the same at every run.
/// Families are `NAME-0`, `NAME-1` and so on.
pub fn task_definitions(name: &str, count: usize) -> Vec<Value> {
    let mut runner = TestRunner::deterministic();
    let strategy = shape::of("", task_definition_schema());
    (0..count)
        .map(|number| {
            let drawn = strategy.new_tree(&mut runner).expect("nothing is rejected").current();
            let mut definition = consistent::made(drawn);
            definition["family"] = json!(format!("{name}-{number}"));
            definition
        })
        .collect()
}
