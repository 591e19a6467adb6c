//! `spec.create` of an EcsService: what ECS would refuse, or what two fields say differently, before any call.

use std::collections::BTreeSet;

use serde_json::Value;

use super::check::Checker;
use super::finding::{FindingCode, Severity};
use super::kind::settings_alone_schema;
use super::node::{Node, Position, Tree};
use super::settings;
use crate::diff::fields::ROLLING;

/// How many tags a service may be created with: AWS takes 50, and Bowline adds up to six of its own.
const MOST_TAGS: usize = 44;

/// Checks `spec.create` against the rest of the spec.
pub(super) fn check(spec: &Node, checker: &mut Checker<'_>) {
    let Some(create) = spec.get("create") else { return };
    let given = Given { spec, create };
    for (path, fields) in [("spec.settings", spec.get("settings")), ("spec.create", Some(create))] {
        if let Some(fields) = fields {
            incomplete(settings_alone_schema(), fields, path, checker);
        }
    }
    let mut refuse = |at: Position, message: &str, hint: &str| {
        let hint = Some(hint.to_owned());
        checker.add(at, Severity::Error, FindingCode::InvalidValue, message.to_owned(), hint);
    };
    said_twice(&given, &mut refuse);
    count(&given, &mut refuse);
    placement(&given, &mut refuse);
    rest(&given, &mut refuse);
    if let Some(deployment) = create.get("deploymentConfiguration") {
        settings::goes_with_strategy("spec.create", deployment, Some(ROLLING), &mut refuse);
    }
    tags(create, &mut refuse);
}

/// A spec with `create`.
struct Given<'a> {
    spec: &'a Node,
    create: &'a Node,
}

impl<'a> Given<'a> {
    /// A field of CreateService, wherever it is given.
    fn field(&self, name: &str) -> Option<&'a Node> {
        let settings = self.spec.get("settings").and_then(|settings| settings.get(name));
        self.create.get(name).or(settings)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.field(name).and_then(Node::text)
    }

    fn is_daemon(&self) -> bool {
        self.text("schedulingStrategy") == Some("DAEMON")
    }

    /// The capacity providers that it names.
    fn providers(&self) -> impl Iterator<Item = &'a str> {
        let items = self.field("capacityProviderStrategy").map(Node::items).unwrap_or_default();
        items.iter().filter_map(|item| item.get("capacityProvider")?.text())
    }

    fn is_fargate(&self) -> bool {
        self.text("launchType") == Some("FARGATE")
            || self.providers().any(|provider| matches!(provider, "FARGATE" | "FARGATE_SPOT"))
    }

    fn awsvpc(&self) -> Option<&'a Node> {
        self.field("networkConfiguration")?.get("awsvpcConfiguration")
    }

    fn subnets(&self) -> Option<&'a Node> {
        self.awsvpc()?.get("subnets")
    }
}

type Refuse<'a> = dyn FnMut(Position, &str, &str) + 'a;

/// Of a service that exists a structure takes what git leaves out from what is live. Nothing lends it to one that is created.
fn incomplete(schema: &Value, node: &Node, path: &str, checker: &mut Checker<'_>) {
    // That it should be a mapping is told already.
    if !matches!(node.tree, Tree::Map(_)) {
        return;
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for name in required.filter(|name| node.get(name).is_none()) {
        let message = format!("`{path}.{name}` is missing");
        let hint = "add it: a service is created with nothing that could be taken from what is live";
        checker.add(node.at, Severity::Error, FindingCode::MissingField, message, Some(hint.to_owned()));
    }
    for entry in node.entries() {
        incomplete(
            &schema["properties"][entry.key.as_str()],
            &entry.value,
            &format!("{path}.{}", entry.key),
            checker,
        );
    }
}

fn said_twice(given: &Given<'_>, refuse: &mut Refuse<'_>) {
    let settings = given.spec.get("settings");
    for entry in given.create.entries() {
        let beside = match entry.key.as_str() {
            "desiredCount" => given.spec.get("desiredCount").map(|_| "spec.desiredCount".to_owned()),
            key => settings.and_then(|all| all.get(key)).map(|_| format!("spec.settings.{key}")),
        };
        if let Some(beside) = beside {
            let message = format!("`spec.create.{}` says again what `{beside}` says", entry.key);
            refuse(
                entry.at,
                &message,
                "remove it from `create`: what is managed is also what it begins with",
            );
        }
    }
}

fn count(given: &Given<'_>, refuse: &mut Refuse<'_>) {
    let count = given.create.get("desiredCount").or_else(|| given.spec.get("desiredCount"));
    match count {
        Some(count) if given.is_daemon() => refuse(
            count.at,
            "a DAEMON service takes no `desiredCount`: ECS decides how many tasks there are",
            "remove it, or create a REPLICA service",
        ),
        None if !given.is_daemon() => refuse(
            given.create.at,
            "`spec.create` does not say how many tasks to begin with",
            "add `desiredCount` to `spec` or, where autoscaling owns it, to `create`",
        ),
        Some(_) | None => {}
    }
}

/// On what the tasks are to run.
fn placement(given: &Given<'_>, refuse: &mut Refuse<'_>) {
    let strategy = given.field("capacityProviderStrategy").filter(|strategy| !strategy.items().is_empty());
    let launch_type = given.field("launchType");
    // Both in `settings` is refused there.
    let is_new = given.create.get("launchType").or_else(|| given.create.get("capacityProviderStrategy"));
    if let (Some(launch_type), Some(_), Some(_)) = (launch_type, strategy, is_new) {
        refuse(
            launch_type.at,
            "there are both `launchType` and `capacityProviderStrategy`",
            "keep one: ECS places a service by the one or the other",
        );
    }
    let place = launch_type.or(strategy).unwrap_or(given.create);
    // Subnets that are left out of a network are told with what else is incomplete.
    let subnets = given.subnets().map(|subnets| subnets.items().len());
    if given.is_fargate() && (given.awsvpc().is_none() || subnets == Some(0)) {
        refuse(
            place.at,
            "Fargate tasks need `networkConfiguration.awsvpcConfiguration.subnets`",
            "add it to `settings` to manage it, or to `create` to begin with",
        );
    }
    if given.is_fargate() && given.is_daemon() {
        refuse(
            place.at,
            "a DAEMON service cannot run on Fargate",
            "use `launchType: EC2`, or a REPLICA service",
        );
    }
    if let Some(version) = given.field("platformVersion")
        && matches!(given.text("launchType"), Some("EC2" | "EXTERNAL"))
    {
        refuse(
            version.at,
            "`platformVersion` is for Fargate only",
            "remove it, or create the service with `launchType: FARGATE`",
        );
    }
}

fn rest(given: &Given<'_>, refuse: &mut Refuse<'_>) {
    if given.spec.get("taskDefinition").is_none() {
        refuse(
            given.create.at,
            "`spec.create` needs `spec.taskDefinition`: ECS creates no service without one",
            "add it, with `revision` or `file`",
        );
    }
    let controller = given.field("deploymentController").and_then(|controller| controller.get("type"));
    if let Some(controller) = controller.filter(|controller| controller.text() != Some("ECS")) {
        refuse(
            controller.at,
            "Bowline creates services of the deployment controller ECS only",
            "leave `deploymentController` out, or create the service by other means and remove `create`",
        );
    }
    if let (Some(role), Some(_)) = (given.field("role"), given.subnets()) {
        refuse(
            role.at,
            "ECS takes no `role` for a service in awsvpc mode: it uses its service-linked role",
            "remove it",
        );
    }
}

fn tags(create: &Node, refuse: &mut Refuse<'_>) {
    let Some(tags) = create.get("tags") else { return };
    let mut seen = BTreeSet::new();
    for key in tags.items().iter().filter_map(|tag| tag.get("key")) {
        let text = key.text().unwrap_or_default();
        if text.starts_with("bowline:") || text.starts_with("aws:") {
            refuse(
                key.at,
                "tags that begin with `bowline:` or `aws:` are written by Bowline and by AWS",
                "remove it",
            );
        }
        if !seen.insert(text) {
            refuse(key.at, "the tag stands here a second time", "remove one of the two");
        }
    }
    if tags.items().len() > MOST_TAGS {
        refuse(
            tags.at,
            "a service can be created with 44 tags: AWS takes 50, and Bowline adds up to six",
            "remove some",
        );
    }
}
