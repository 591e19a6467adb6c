//! Port mappings: each by itself, and whether two want the same port.

use std::collections::{BTreeMap, BTreeSet};

use super::{Report, Task, place};
use crate::desired::node::Node;
use crate::desired::suggest::shorten;

/// What Bowline says of ports that two mappings want.
const ONCE: &str =
    "a port can be mapped once for each protocol: use another port, or remove one of the mappings";

pub(super) fn check(task: &Task<'_>, report: &mut Report<'_, '_>) {
    let mut mappings = Vec::new();
    for (number, container) in task.containers.iter().enumerate() {
        let Some(list) = container.get("portMappings") else { continue };
        let at = place(number);
        if task.network == "none" && !list.items().is_empty() {
            let message = format!("`{at}.portMappings` cannot be with `networkMode` `none`");
            report.refuse(list, message, "remove the port mappings, or use another network mode");
        }
        for (index, port) in list.items().iter().enumerate() {
            let at = format!("{at}.portMappings[{index}]");
            each(task, port, &at, report);
            mappings.push(Mapping { port, at, container: number });
        }
    }
    clashes(task, &mappings, report);
}

fn each(task: &Task<'_>, port: &Node, at: &str, report: &mut Report<'_, '_>) {
    for field in ["containerPort", "hostPort"] {
        if let Some(value) = port.get(field)
            && value.whole().is_some_and(|number| number > 65535)
        {
            report.refuse(value, format!("`{at}.{field}` is no port"), "ports are 1 to 65535");
        }
    }
    if let (Some(range), Some(_)) = (port.get("containerPortRange"), port.get("containerPort")) {
        let message = format!("`{at}` has both `containerPort` and `containerPortRange`");
        report.refuse(range, message, "use two mappings");
    }
    let whole = |field| port.get(field).and_then(Node::whole);
    if matches!(task.network, "awsvpc" | "host")
        && let Some(value) = port.get("hostPort")
        && let Some(host) = whole("hostPort").filter(|host| *host != 0)
        && let Some(inner) = whole("containerPort").filter(|inner| *inner != host)
    {
        let network = task.network;
        let message =
            format!("`{at}.hostPort` ({host}) is not `containerPort` ({inner}), as `{network}` needs");
        report.refuse(value, message, "remove hostPort");
    }
}

/// One item of a container's `portMappings`.
struct Mapping<'a> {
    port: &'a Node,
    at: String,
    container: usize,
}

impl<'a> Mapping<'a> {
    /// BC: anything else than `udp` is treated as tcp.
    fn protocol(&self) -> &'static str {
        match self.port.get("protocol").and_then(Node::text) {
            Some("udp") => "UDP",
            _ => "TCP",
        }
    }

    /// What it takes by the number in a field, if that is one.
    fn by_number(&'a self, field: &'static str) -> Option<Claim<'a>> {
        let node = self.port.get(field)?;
        let number = node.whole().filter(|number| *number != 0)?;
        Some(Claim { mapping: self, field, node, first: number, last: number })
    }

    /// What it takes inside of the container: a port, or a range of them.
    fn inside(&'a self) -> Option<Claim<'a>> {
        let field = "containerPortRange";
        let range = || {
            let node = self.port.get(field)?;
            let (first, last) = node.text()?.split_once('-')?;
            Some(Claim { mapping: self, field, node, first: first.parse().ok()?, last: last.parse().ok()? })
        };
        self.by_number("containerPort").or_else(range)
    }
}

/// Ports that a mapping takes.
#[derive(Clone, Copy)]
struct Claim<'a> {
    mapping: &'a Mapping<'a>,
    field: &'static str,
    node: &'a Node,
    first: u64,
    last: u64,
}

impl Claim<'_> {
    fn is_range(&self) -> bool {
        self.field == "containerPortRange"
    }
}

/// Two mappings that want the same port. AWS refuses a task that maps a host port twice ("TCP host port '80' is mapped
/// multiple times in task.", aws/amazon-ecs-agent#1220), and documents that a port is in one mapping of a container only, and
/// ranges do not overlap (BC, containerPortRange). It takes two mappings of one container's port to different host ports.
fn clashes(task: &Task<'_>, mappings: &[Mapping<'_>], report: &mut Report<'_, '_>) {
    // Under awsvpc and host, where containers share one network, the container's port is the host's.
    let shared = matches!(task.network, "awsvpc" | "host");
    let on_host = |mapping| {
        if shared { Mapping::inside(mapping) } else { mapping.by_number("hostPort") }
    };
    if task.network == "none" {
        return;
    }
    let mut refused = BTreeSet::new();
    for (earlier, later) in overlapping(mappings.iter().filter_map(on_host), |_| 0) {
        let ranges = earlier.is_range() || later.is_range();
        let documented = !ranges || earlier.mapping.container == later.mapping.container;
        tell(earlier, later, documented, report);
        refused.insert(later.mapping.at.as_str());
    }
    if shared {
        return;
    }
    let inside = mappings.iter().filter_map(Mapping::inside);
    for (earlier, later) in overlapping(inside, |claim| claim.mapping.container) {
        if !refused.contains(later.mapping.at.as_str()) {
            tell(earlier, later, earlier.is_range() || later.is_range(), report);
        }
    }
}

fn tell(earlier: Claim<'_>, later: Claim<'_>, refused: bool, report: &mut Report<'_, '_>) {
    let Claim { mapping, field, node, .. } = later;
    let taken = if later.is_range() {
        format!("a part of {}", node.text().map(shorten).unwrap_or_default())
    } else {
        format!("port {}", later.first)
    };
    let (at, protocol, other) = (&mapping.at, mapping.protocol(), &earlier.mapping.at);
    let message = format!("`{at}.{field}`: {protocol} {taken} is already mapped by `{other}`");
    if refused {
        report.refuse(node, message, ONCE);
    } else {
        report.doubt(node, message, ONCE);
    }
}

/// The claims that overlap an earlier one of the same scope and protocol, each once, with that one.
fn overlapping<'a>(
    claims: impl Iterator<Item = Claim<'a>>,
    scope: impl Fn(&Claim<'a>) -> usize,
) -> Vec<(Claim<'a>, Claim<'a>)> {
    let mut together: BTreeMap<_, Vec<(usize, Claim<'a>)>> = BTreeMap::new();
    for (order, claim) in claims.enumerate() {
        together.entry((scope(&claim), claim.mapping.protocol())).or_default().push((order, claim));
    }
    let mut found = Vec::new();
    for mut claims in together.into_values() {
        claims.sort_by_key(|(order, claim)| (claim.first, *order));
        let mut furthest: Option<(usize, Claim<'a>)> = None;
        for (order, claim) in claims {
            match furthest {
                Some((before, other)) if claim.first <= other.last => {
                    found.push(if before < order { (other, claim) } else { (claim, other) });
                    if claim.last > other.last {
                        furthest = Some((order, claim));
                    }
                }
                _ => furthest = Some((order, claim)),
            }
        }
    }
    found
}
