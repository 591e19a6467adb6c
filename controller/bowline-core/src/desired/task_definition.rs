//! One JSON file in the shape of RegisterTaskDefinition in, its content and everything that AWS would refuse out.

mod meaning;
mod ports;
mod shapes;

use std::collections::BTreeSet;
use std::sync::Arc;

pub(crate) use ports::{Lack, Ports};
pub use shapes::{SERVER_ONLY_FIELDS, task_definition_schema};

use super::check::{Checker, Path};
use super::finding::{Finding, FindingCode, Severity};
use super::json;
use super::node::{Node, Tree};
use super::parse::decode;
use super::source::Source;
use super::state::TaskDefinitionContent;
use crate::name::{Family, RelativePath};

/// One task definition file.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedTaskDefinition {
    /// Path inside the repository.
    pub path: RelativePath,
    /// `family`, if it is there and valid.
    pub family: Option<String>,
    /// What to register; absent when the file has errors.
    pub content: Option<Arc<TaskDefinitionContent>>,
    /// Everything that a person has to look at, in file order. Values of the file are never in it where they could be
    /// confidential.
    pub findings: Vec<Finding>,
}

/// Fields whose values may be confidential: no source line that holds a part of them is shown.
const CONFIDENTIAL: [&str; 11] = [
    "command",
    "dockerLabels",
    "driverOpts",
    "entryPoint",
    "environment",
    "healthCheck",
    "labels",
    "options",
    "properties",
    "secretOptions",
    "secrets",
];

/// Reads one task definition file. Never fails: what is wrong is in the findings.
pub fn parse_task_definition(path: &RelativePath, bytes: &[u8]) -> ParsedTaskDefinition {
    let mut parsed =
        ParsedTaskDefinition { path: path.clone(), family: None, content: None, findings: Vec::new() };
    let text = match decode(path.as_str(), bytes) {
        Ok(text) => text,
        Err(finding) => {
            parsed.findings.push(*finding);
            return parsed;
        }
    };
    let source = Source::new(path.as_str(), text);
    let mut node = match json::read(text) {
        Ok(node) => node,
        Err(error) => {
            let finding = source.finding(error.at, Severity::Error, FindingCode::Syntax, error.message);
            parsed.findings.push(finding.without_snippet());
            return parsed;
        }
    };
    let mut checker = Checker::new(&source, confidential_lines(&node));
    if !is_described_output(&node, &mut checker) {
        strip_server_only(&mut node, &mut checker);
        checker.value(task_definition_schema(), &node, &Path::root("the task definition"));
        meaning::check(&node, &mut checker);
    }
    parsed.findings = checker.findings;
    parsed.findings.sort();
    parsed.family =
        node.get("family").and_then(Node::text).and_then(|t| Family::parse(t).ok()).map(|f| f.to_string());
    let usable = parsed.findings.iter().all(|finding| finding.severity != Severity::Error);
    parsed.content = usable.then(|| Arc::new(TaskDefinitionContent::new(node.to_value())));
    parsed
}

/// The lines that hold a part of a value that may be confidential, fields that AWS does not know included: one of them
/// may be a misspelt `environment`.
fn confidential_lines(node: &Node) -> BTreeSet<usize> {
    node.lines_of(&|key| CONFIDENTIAL.contains(&key) || !shapes::is_field(key))
}

/// DescribeTaskDefinition returns more than RegisterTaskDefinition takes; a file copied from it is still usable.
fn strip_server_only(node: &mut Node, checker: &mut Checker<'_>) {
    let Tree::Map(entries) = &mut node.tree else { return };
    entries.retain(|entry| {
        let strip = SERVER_ONLY_FIELDS.contains(&entry.key.as_str());
        if strip {
            let message = format!("`{}` is set by AWS and not registered: it is left out", entry.key);
            let hint = Some("remove it from the file".to_owned());
            checker.add(entry.at, Severity::Warning, FindingCode::InvalidTaskDefinition, message, hint);
        }
        !strip
    });
}

/// One finding instead of many, for the commonest way to get such a file wrong.
fn is_described_output(node: &Node, checker: &mut Checker<'_>) -> bool {
    let Some(inner) = node.entries().iter().find(|entry| entry.key == "taskDefinition") else { return false };
    let message = "this is the whole output of describe-task-definition".to_owned();
    let hint = Some("keep only what is inside `taskDefinition`".to_owned());
    checker.add(inner.at, Severity::Error, FindingCode::InvalidTaskDefinition, message, hint);
    true
}
