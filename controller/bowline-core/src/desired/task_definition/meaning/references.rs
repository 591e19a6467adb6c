//! What names something else of the same file.

use std::collections::{BTreeMap, BTreeSet};

use super::{Report, Task, below, is, place};
use crate::desired::node::Node;
use crate::desired::suggest::{self, shorten};

/// A container's dependencies: what it waits for, and where that stands.
type Graph<'a> = BTreeMap<&'a str, Vec<(&'a str, &'a Node)>>;

pub(super) fn check(task: &Task<'_>, report: &mut Report<'_, '_>) {
    let containers = by_name(task.containers);
    let volumes = by_name(task.volumes);
    let mut graph = Graph::new();
    for (number, container) in task.containers.iter().enumerate() {
        let at = place(number);
        let own = container.get("name").and_then(Node::text);
        let items = |field: &str| container.get(field).map(Node::items).unwrap_or_default();
        for (index, mount) in items("mountPoints").iter().enumerate() {
            let at = format!("{at}.mountPoints[{index}].sourceVolume");
            known(mount.get("sourceVolume"), &at, "volume", &volumes, report);
        }
        for (index, from) in items("volumesFrom").iter().enumerate() {
            let at = format!("{at}.volumesFrom[{index}].sourceContainer");
            known(from.get("sourceContainer"), &at, "container", &containers, report);
        }
        for (index, link) in items("links").iter().enumerate() {
            let name = link.text().and_then(|text| text.split(':').next());
            known_as(link, name, &format!("{at}.links[{index}]"), "container", &containers, report);
        }
        for (index, dependency) in items("dependsOn").iter().enumerate() {
            let at = format!("{at}.dependsOn[{index}]");
            let on = dependency.get("containerName");
            if known(on, &format!("{at}.containerName"), "container", &containers, report) {
                condition(dependency, &at, &containers, report);
                if let (Some(own), Some(on)) = (own, on)
                    && let Some(name) = on.text()
                {
                    graph.entry(own).or_default().push((name, on));
                }
            }
        }
    }
    cycles(graph, report);
    let proxy = task.root.get("proxyConfiguration").and_then(|proxy| proxy.get("containerName"));
    known(proxy, "proxyConfiguration.containerName", "container", &containers, report);
    log_router(task, report);
}

fn by_name(nodes: &[Node]) -> BTreeMap<&str, &Node> {
    nodes.iter().filter_map(|node| Some((node.get("name")?.text()?, node))).collect()
}

/// Whether the name is there and is one of these; if it is another one, that is refused.
fn known(
    node: Option<&Node>,
    at: &str,
    what: &str,
    names: &BTreeMap<&str, &Node>,
    report: &mut Report<'_, '_>,
) -> bool {
    node.is_some_and(|node| known_as(node, node.text(), at, what, names, report))
}

fn known_as(
    node: &Node,
    name: Option<&str>,
    at: &str,
    what: &str,
    names: &BTreeMap<&str, &Node>,
    report: &mut Report<'_, '_>,
) -> bool {
    let Some(name) = name else { return false };
    if names.contains_key(name) {
        return true;
    }
    let message = format!("`{at}`: there is no {what} `{}`", shorten(name));
    report.refuse(node, message, &suggest::hint(name, &format!("{what}s"), names.keys().copied()));
    false
}

/// BC: COMPLETE and SUCCESS wait for an end, HEALTHY for a health check.
fn condition(dependency: &Node, at: &str, containers: &BTreeMap<&str, &Node>, report: &mut Report<'_, '_>) {
    let text = |field| dependency.get(field).and_then(Node::text);
    let Some(other) = text("containerName").and_then(|name| containers.get(name)) else { return };
    let Some(node) = dependency.get("condition") else { return };
    match text("condition") {
        Some(wait @ ("COMPLETE" | "SUCCESS")) if !is(other.get("essential"), false) => {
            let message = format!("`{at}.condition` is `{wait}`, but that container is essential");
            report.refuse(
                node,
                message,
                "set its `essential` to false: the task ends with an essential container",
            );
        }
        Some("HEALTHY") if other.get("healthCheck").is_none() => {
            let message = format!("`{at}.condition` is `HEALTHY`, but that container has no `healthCheck`");
            report.refuse(node, message, "give it a healthCheck, or wait for START");
        }
        _ => {}
    }
}

/// Refuses each ring of containers that wait for each other, once.
fn cycles(mut waiting: Graph<'_>, report: &mut Report<'_, '_>) {
    loop {
        let before = waiting.len();
        let held: BTreeSet<&str> = waiting.keys().copied().collect();
        waiting.retain(|_, on| on.iter().any(|(name, _)| held.contains(name)));
        if waiting.len() < before {
            continue;
        }
        let Some(start) = waiting.keys().next().copied() else { return };
        let mut way = vec![start];
        let mut at = start;
        while let Some((next, node)) =
            waiting.get(at).and_then(|on| on.iter().find(|(name, _)| held.contains(name)))
        {
            if let Some(first) = way.iter().position(|before| before == next) {
                let ring: Vec<String> = way[first..].iter().chain([next]).map(|name| shorten(name)).collect();
                let message = format!("containers wait for each other: {}", ring.join(" -> "));
                report.refuse(node, message, "remove one of these `dependsOn`");
                way.drain(..first);
                break;
            }
            way.push(next);
            at = next;
        }
        waiting.retain(|name, _| !way.contains(name));
    }
}

/// AWS refuses the log driver `awsfirelens` without a container that is the log router.
fn log_router(task: &Task<'_>, report: &mut Report<'_, '_>) {
    if task.containers.iter().any(|container| container.get("firelensConfiguration").is_some()) {
        return;
    }
    for (number, container) in task.containers.iter().enumerate() {
        if let Some(driver) = below(container, &["logConfiguration", "logDriver"])
            && driver.text() == Some("awsfirelens")
        {
            let at = place(number);
            let message = format!(
                "`{at}.logConfiguration.logDriver` is `awsfirelens`, but no container is the log router"
            );
            report.refuse(driver, message, "add a container with `firelensConfiguration`");
        }
    }
}
