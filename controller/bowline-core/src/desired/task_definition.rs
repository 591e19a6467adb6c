//! One JSON file in the shape of RegisterTaskDefinition in, its content and everything that AWS would refuse out.

mod shapes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::check::{Checker, Path};
use super::finding::{Finding, FindingCode, Severity};
use super::json;
use super::node::{Node, Tree};
use super::parse::decode;
use super::source::Source;
use super::state::TaskDefinitionContent;
use super::suggest::shorten;
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
    let mut checker = Checker::for_task_definition(&source, confidential_lines(&node));
    if !is_described_output(&node, &mut checker) {
        strip_server_only(&mut node, &mut checker);
        checker.value(&shapes::SCHEMA, &node, &Path::root("the task definition"));
        meaning(&node, &mut checker);
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
    fn walk(node: &Node, confidential: bool, lines: &mut BTreeSet<usize>) {
        if confidential {
            lines.insert(node.at.line);
        }
        for item in node.items() {
            walk(item, confidential, lines);
        }
        for entry in node.entries() {
            let key = entry.key.as_str();
            let confidential = confidential || CONFIDENTIAL.contains(&key) || !shapes::is_field(key);
            if confidential {
                lines.insert(entry.at.line);
            }
            walk(&entry.value, confidential, lines);
        }
    }
    let mut lines = BTreeSet::new();
    walk(node, false, &mut lines);
    lines
}

/// DescribeTaskDefinition returns more than RegisterTaskDefinition takes; a file copied from it is still usable.
fn strip_server_only(node: &mut Node, checker: &mut Checker<'_>) {
    let Tree::Map(entries) = &mut node.tree else { return };
    entries.retain(|entry| {
        let strip = shapes::SERVER_ONLY.contains(&entry.key.as_str());
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

/// What AWS refuses although the shape is right.
fn meaning(node: &Node, checker: &mut Checker<'_>) {
    let mut refuse = |node: &Node, message: String, hint: &str| {
        let hint = Some(hint.to_owned());
        checker.add(node.at, Severity::Error, FindingCode::InvalidTaskDefinition, message, hint);
    };
    if let Some(family) = node.get("family")
        && let Some(text) = family.text()
        && let Err(error) = Family::parse(text)
    {
        refuse(
            family,
            format!("`family`: `{}` is not {}", shorten(text), error.expected),
            "rename the family",
        );
    }
    if let Some(tags) = node.get("tags").filter(|tags| tags.tree == Tree::List(Vec::new())) {
        refuse(tags, "`tags` is an empty list, which AWS refuses".to_owned(), "remove the field");
    }
    let Some(definitions) = node.get("containerDefinitions") else { return };
    if definitions.tree == Tree::List(Vec::new()) {
        let message = "`containerDefinitions` is empty: a task needs at least one container".to_owned();
        refuse(definitions, message, "add a container with `name` and `image`");
    }
    let mut names = BTreeMap::new();
    for (index, container) in definitions.items().iter().enumerate() {
        let at = format!("containerDefinitions[{index}]");
        unique_name(container, &at, "containers", &mut names, &mut refuse);
        one_container(container, &at, &mut refuse);
    }
}

fn one_container(container: &Node, at: &str, refuse: &mut impl FnMut(&Node, String, &str)) {
    if !matches!(container.tree, Tree::Map(_)) {
        return;
    }
    for field in ["name", "image"] {
        let empty = container.get(field).is_none_or(|value| value.text() == Some(""));
        if empty {
            refuse(
                container,
                format!("`{at}.{field}` is missing"),
                "every container needs `name` and `image`",
            );
        }
    }
    let whole = |field| container.get(field).and_then(Node::whole);
    if let (Some(memory), Some(reservation)) = (whole("memory"), whole("memoryReservation"))
        && memory < reservation
        && let Some(value) = container.get("memory")
    {
        let message = format!("`{at}.memory` ({memory}) is less than `memoryReservation` ({reservation})");
        refuse(value, message, "memory is the hard limit, memoryReservation the soft one: raise memory");
    }
    let mut names = BTreeMap::new();
    for (field, what) in [("environment", "variables"), ("secrets", "variables")] {
        for (index, variable) in container.get(field).map(Node::items).unwrap_or_default().iter().enumerate()
        {
            unique_name(variable, &format!("{at}.{field}[{index}]"), what, &mut names, refuse);
            if let Some(from) = variable.get("valueFrom") {
                value_from(from, &format!("{at}.{field}[{index}].valueFrom"), refuse);
            }
        }
    }
}

/// Of two variables of one name AWS keeps one, and nobody says which; two containers of one name it refuses.
fn unique_name(
    node: &Node,
    at: &str,
    what: &str,
    names: &mut BTreeMap<String, String>,
    refuse: &mut impl FnMut(&Node, String, &str),
) {
    let Some(value) = node.get("name") else { return };
    let Some(name) = value.text() else { return };
    if let Some(first) = names.get(name) {
        let message = format!("`{at}.name`: `{}` is already the name of `{first}`", shorten(name));
        refuse(value, message, &format!("names of {what} are unique"));
    } else {
        names.insert(name.to_owned(), at.to_owned());
    }
}

/// The agent takes a secret's ARN with exactly 2 or 5 parts after the account (source: amazon-ecs-agent, asmsecret.go).
/// The text itself is never shown: somebody may have put the secret there.
fn value_from(node: &Node, at: &str, refuse: &mut impl FnMut(&Node, String, &str)) {
    let Some(text) = node.text() else { return };
    let parts: Vec<&str> = text.split(':').collect();
    let is_secret = parts.first() == Some(&"arn") && parts.get(2) == Some(&"secretsmanager");
    let count = parts.len().saturating_sub(5);
    if is_secret && count != 2 && count != 5 {
        let message = format!("`{at}` has {count} parts after the account id; ECS takes 2 or 5");
        refuse(
            node,
            message,
            "write `...:secret:name-AbCdEf` or `...:secret:name-AbCdEf:json-key:version-stage:version-id`; parts may be empty, colons may not be left out",
        );
    }
}
