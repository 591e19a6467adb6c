//! What differs between two contents of a task definition, field by field.

use serde_json::Value;

use super::Difference;
use super::compare::compare_by;
use super::fields::TASK_DEFINITION;
use super::normalize::normalize;
use super::path::Ignored;
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

#[cfg(test)]
mod tests;
