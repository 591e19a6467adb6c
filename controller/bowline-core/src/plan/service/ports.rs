//! Does the wanted task definition keep what the service relies on: the ports that Service Connect holds fast, and those that its
//! load balancers send traffic to? ECS refuses an update that does not.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::gate::Spec;
use super::settings::Settings;
use super::task_definition::{TaskDefinition, running_content};
use super::{ServiceOutlook, Subject, Wanted};
use crate::desired::{Lack, Ports};
use crate::plan::reads::{Blocked, Reads};
use crate::plan::report::HeldWhy;

/// Notes why ECS would refuse the wanted task definition; whether it would.
pub(super) fn hold<'a>(
    subject: &Subject<'a>,
    reads: &mut Reads<'a>,
    wanted: &Wanted<'_, '_>,
    spec: &Spec,
    outlook: &mut ServiceOutlook<'a>,
) -> Result<bool, Blocked> {
    let differs = matches!(wanted.task_definition, TaskDefinition::Differs { .. });
    let content = spec.normal.as_deref().filter(|_| differs).and_then(Ports::of);
    let Some(content) = content else { return Ok(false) };
    let live = subject.live.settings.fields();
    let mut held = fixed(subject, reads, &live, &content, wanted.settings)?;
    held.extend(unnamed(&live, &content, wanted.settings));
    held.extend(unserved(&live, &content, wanted.settings));
    let refused = !held.is_empty();
    for why in held {
        outlook.report.hold(why);
    }
    Ok(refused)
}

/// A setting as the update leaves it.
fn afterwards<'s>(field: &str, live: &'s Map<String, Value>, settings: &'s Settings) -> Option<&'s Value> {
    settings.deploying.get(field).or_else(|| live.get(field))
}

/// Ports that Service Connect serves before and after the update, and that would be another kind of port. BC, PortMapping:
/// `protocol` and `appProtocol` are "immutable in a Service Connect service"; a change "requires a service deletion and
/// redeployment".
fn fixed<'a>(
    subject: &Subject<'a>,
    reads: &mut Reads<'a>,
    live: &Map<String, Value>,
    content: &Ports,
    settings: &Settings,
) -> Result<Vec<HeldWhy>, Blocked> {
    const FIELD: &str = "serviceConnectConfiguration";
    let (before, after) = (served(live.get(FIELD)), served(afterwards(FIELD, live, settings)));
    let used: BTreeSet<&str> = before.intersection(&after).copied().collect();
    if used.is_empty() {
        return Ok(Vec::new());
    }
    let running = running_content(subject, reads)?;
    let Some(running) = running.as_deref().and_then(Ports::of) else { return Ok(Vec::new()) };
    let mut held = Vec::new();
    for (container, port, wanted) in content.named().filter(|(_, port, _)| used.contains(port)) {
        let Some((_, _, found)) = running.named().find(|(_, name, _)| *name == port) else { continue };
        let changes = [
            ("protocol", wanted.protocol() != found.protocol()),
            ("appProtocol", wanted.app_protocol != found.app_protocol),
        ];
        held.extend(changes.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| {
            let at = format!("containerDefinitions[name={container}].portMappings[name={port}]");
            HeldWhy::NeedsRecreation { field: format!("taskDefinition.{at}.{field}") }
        }));
    }
    Ok(held)
}

/// Ports that the service names and the content does not. BC: `portName` "must match the name of one of the portMappings".
fn unnamed(live: &Map<String, Value>, content: &Ports, settings: &Settings) -> Vec<HeldWhy> {
    const CONNECT: &str = "serviceConnectConfiguration";
    const LATTICE: &str = "vpcLatticeConfigurations";
    let lattice = afterwards(LATTICE, live, settings).and_then(Value::as_array);
    let lattice = lattice.into_iter().flatten().filter_map(|one| one["portName"].as_str());
    let connect = served(afterwards(CONNECT, live, settings)).into_iter();
    let ports = connect.map(|port| (CONNECT, port)).chain(lattice.map(|port| (LATTICE, port)));
    let is_there = |port: &str| content.named().any(|(_, name, _)| name == port);
    ports
        .filter(|(_, port)| !is_there(port))
        .map(|(setting, port)| {
            let what = format!(
                "the service's {setting} names the port `{port}`, and no port mapping of the task definition that git wants has \
                 that name, so ECS refuses it: give one the name again, or name another one in `settings.{setting}`"
            );
            HeldWhy::NeedsPerson { what }
        })
        .collect()
}

/// The names of the ports that Service Connect serves, where it is on.
fn served(connect: Option<&Value>) -> BTreeSet<&str> {
    let connect = connect.filter(|connect| connect["enabled"] == Value::Bool(true));
    let services = connect.and_then(|connect| connect["services"].as_array());
    services.into_iter().flatten().filter_map(|service| service["portName"].as_str()).collect()
}

/// Load balancers that would send traffic to what is not there. Those in git are held against a file when it is read; these are
/// live, or git pins a revision.
fn unserved(live: &Map<String, Value>, content: &Ports, settings: &Settings) -> Vec<HeldWhy> {
    let balancers = afterwards("loadBalancers", live, settings).and_then(Value::as_array);
    let lacks =
        balancers.into_iter().flatten().filter_map(|balancer| Some((balancer, content.lacks(balancer)?)));
    lacks
        .map(|(balancer, lack)| {
            let (sent_to, lacking) = match lack {
                Lack::Container(container) => {
                    let port = balancer["containerPort"].as_u64();
                    let port = port.map_or_else(String::new, |port| format!(" on port {port}"));
                    (format!("the container `{container}`{port}"), "does not have that container")
                }
                Lack::Port { container, port } => {
                    (format!("the container `{container}` on port {port}"), "does not map that port")
                }
            };
            let names = ["targetGroupArn", "loadBalancerName"];
            let name = names.into_iter().find_map(|name| balancer[name].as_str());
            let name = name.map_or_else(String::new, |name| format!(" ({name})"));
            let what = format!(
                "the service's load balancer{name} sends traffic to {sent_to}, and the task definition that git wants \
                 {lacking}, so ECS refuses it: put it back, or say in `settings.loadBalancers` where the traffic is to go"
            );
            HeldWhy::NeedsPerson { what }
        })
        .collect()
}
