//! What differs between two contents of a task definition, field by field.

use serde_json::{Value, json};

use super::Difference;
use super::compare::{compare_by, compare_field};
use super::fields::TASK_DEFINITION;
use super::normalize::normalize;
use super::path::Ignored;
use super::settings::fingerprint;
use crate::desired::TaskDefinitionContent;
use crate::name::FieldPath;

/// The fields in which two contents differ, defaults normalised away, in the order of their paths. Paths name the item of
/// a list by its key: `containerDefinitions[name=web].environment[name=LOG_LEVEL].value`. Environment, command and label
/// values are shown by length unless their name is in `reveal`.
pub fn diff_task_definition(
    wanted: &TaskDefinitionContent,
    found: &TaskDefinitionContent,
    ignore: &[FieldPath],
    reveal: &[String],
) -> Vec<Difference> {
    diff_normalized(&normalize(wanted), &normalize(found), &Ignored::new(ignore), reveal)
}

/// As [`diff_task_definition`], for contents that are normalised already.
pub(crate) fn diff_normalized(
    wanted: &Value,
    found: &Value,
    ignored: &Ignored,
    reveal: &[String],
) -> Vec<Difference> {
    compare_by(&TASK_DEFINITION, wanted, found, ignored, reveal)
}

/// What tells one value of a tag from another: 16 hexadecimal digits. To see whether somebody changed it.
pub fn tag_fingerprint(value: &str) -> String {
    fingerprint(Some(&Value::from(value)))
}

/// How one tag of a revision differs. Its value is shown by length unless its key is in `reveal`.
pub(crate) fn diff_tag(
    key: &str,
    wanted: Option<&str>,
    found: Option<&str>,
    reveal: &[String],
) -> Vec<Difference> {
    let list = |value: Option<&str>| value.map(|value| json!([{"key": key, "value": value}]));
    let (wanted, found) = (list(wanted), list(found));
    compare_field(&TASK_DEFINITION, ("taskDefinition", &["tags"]), wanted.as_ref(), found.as_ref(), reveal)
}

#[cfg(test)]
mod tests;
