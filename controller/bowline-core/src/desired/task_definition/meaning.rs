//! What does AWS refuse although the shape is right? What the file alone can tell.
//!
//! An error is what RegisterTaskDefinition is known or documented to refuse; a warning is outside of what AWS documents
//! today, such as a range that it may widen. Sources: botocore's model (BC), AWS's own messages, and the agent's source.

mod container;
mod fargate;
mod ports;
mod references;
mod task;
mod volumes;

use std::collections::BTreeMap;

use crate::desired::check::Checker;
use crate::desired::finding::{FindingCode, Severity};
use crate::desired::node::{Node, Scalar};
use crate::desired::size::Unit;
use crate::desired::suggest::shorten;

/// Adds what is wrong with a task definition to the findings.
pub(super) fn check(root: &Node, checker: &mut Checker<'_>) {
    let mut report = Report { checker };
    let task = Task::of(root);
    task::check(&task, &mut report);
    for (number, container) in task.containers.iter().enumerate() {
        container::check(&task, number, container, &mut report);
    }
    ports::check(&task, &mut report);
    volumes::check(&task, &mut report);
    references::check(&task, &mut report);
    if task.fargate {
        fargate::check(&task, &mut report);
    }
}

/// What several checks ask of a task definition.
struct Task<'a> {
    root: &'a Node,
    containers: &'a [Node],
    volumes: &'a [Node],
    /// It wants to run on Fargate: AWS checks it against that.
    fargate: bool,
    windows: bool,
    /// `bridge` unless it says otherwise.
    network: &'a str,
    /// Task size, in CPU units.
    cpu: Option<u64>,
    /// Task size, in MiB.
    memory: Option<u64>,
}

impl<'a> Task<'a> {
    fn of(root: &'a Node) -> Self {
        let items = |field| root.get(field).map(Node::items).unwrap_or_default();
        let text = |field| root.get(field).and_then(Node::text);
        let system = root.get("runtimePlatform").and_then(|it| it.get("operatingSystemFamily"));
        Self {
            root,
            containers: items("containerDefinitions"),
            volumes: items("volumes"),
            fargate: items("requiresCompatibilities").iter().any(|it| it.text() == Some("FARGATE")),
            windows: system.and_then(Node::text).is_some_and(|system| system.starts_with("WINDOWS")),
            network: text("networkMode").unwrap_or("bridge"),
            cpu: text("cpu").and_then(|text| Unit::Cpu.units(text)),
            memory: text("memory").and_then(|text| Unit::Memory.units(text)),
        }
    }
}

/// Where a container stands, for messages.
fn place(number: usize) -> String {
    format!("containerDefinitions[{number}]")
}

/// The value below a field of a field.
fn below<'a>(node: &'a Node, path: &[&str]) -> Option<&'a Node> {
    path.iter().try_fold(node, |node, field| node.get(field))
}

fn is(node: Option<&Node>, flag: bool) -> bool {
    node.and_then(Node::scalar) == Some(Scalar::Bool(flag))
}

/// Collects findings.
struct Report<'r, 'c> {
    checker: &'r mut Checker<'c>,
}

impl Report<'_, '_> {
    /// AWS refuses it.
    fn refuse(&mut self, node: &Node, message: String, hint: &str) {
        self.add(node, Severity::Error, message, hint);
    }

    /// AWS may refuse it, or it does not do what one may think.
    fn doubt(&mut self, node: &Node, message: String, hint: &str) {
        self.add(node, Severity::Warning, message, hint);
    }

    fn add(&mut self, node: &Node, severity: Severity, message: String, hint: &str) {
        let hint = Some(hint.to_owned());
        self.checker.add(node.at, severity, FindingCode::InvalidTaskDefinition, message, hint);
    }

    /// A whole number outside of the range that AWS documents.
    fn range(&mut self, node: Option<&Node>, at: &str, range: std::ops::RangeInclusive<u64>) {
        let Some(node) = node else { return };
        let Some(value) = node.whole().filter(|value| !range.contains(value)) else { return };
        let hint = format!("AWS documents {} to {}", range.start(), range.end());
        self.doubt(node, format!("`{at}` is {value}"), &hint);
    }

    /// Refuses the second one of a name, whose first place is kept in `names`.
    fn unique(
        &mut self,
        node: &Node,
        field: &str,
        at: &str,
        what: &str,
        names: &mut BTreeMap<String, String>,
    ) {
        let Some(value) = node.get(field) else { return };
        let Some(name) = value.text() else { return };
        if let Some(first) = names.get(name) {
            let message = format!("`{at}.{field}`: `{}` is already the {field} of `{first}`", shorten(name));
            self.refuse(value, message, &format!("{field}s of {what} are unique"));
        } else {
            names.insert(name.to_owned(), at.to_owned());
        }
    }
}
