//! Does the task definition file have the container and the port to which a load balancer of the service sends traffic?

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Assembly, Candidate};
use crate::desired::finding::{Finding, FindingCode, Severity};
use crate::desired::kind::ServiceCreation;
use crate::desired::parse::ParsedResource;
use crate::desired::reference::WITH_LOAD_BALANCERS;
use crate::desired::suggest::{self, shorten};
use crate::desired::task_definition::{Lack, ParsedTaskDefinition, Ports};
use crate::name::RelativePath;

/// Refuses each service of which ECS would refuse the one with the other. "The container name and container port that are
/// specified in the load balancer configuration must remain in the task definition" (UPD).
pub(super) fn check(
    assembly: &mut Assembly<'_>,
    task_definitions: &BTreeMap<RelativePath, Arc<ParsedTaskDefinition>>,
) {
    let mut refused = Vec::new();
    for (key, candidate) in &assembly.candidates {
        let findings = lacking(candidate, task_definitions).unwrap_or_default();
        if !findings.is_empty() {
            refused.push((key.clone(), findings));
        }
    }
    for (key, findings) in refused {
        assembly.findings.extend(findings);
        let reason = "a load balancer sends traffic to what its task definition does not have";
        assembly.refuse(&key, reason.to_owned());
    }
}

fn lacking(
    candidate: &Candidate<'_>,
    task_definitions: &BTreeMap<RelativePath, Arc<ParsedTaskDefinition>>,
) -> Option<Vec<Finding>> {
    let document = candidate.document;
    // Spares looking into the settings of most services.
    document.marks.iter().find(|(path, _)| path.contains(".loadBalancers["))?;
    let ParsedResource::EcsService(service) = document.resource.as_ref()? else { return None };
    let file = document.task_definition.as_ref()?;
    // What is ignored stays as it is live, a container that somebody else adds, too: only the plan can look at that.
    if service.spec.ignore.iter().any(|pattern| may_cover_containers(pattern.as_str())) {
        return None;
    }
    let ports = Ports::of(task_definitions.get(file)?.content.as_ref()?.text())?;
    let creation = service.spec.create.as_ref().map(ServiceCreation::fields).unwrap_or_default();
    let fields = [service.spec.settings.fields(), creation];
    let findings = WITH_LOAD_BALANCERS.into_iter().zip(&fields).flat_map(|(within, fields)| {
        let balancers = fields.get("loadBalancers").and_then(Value::as_array).into_iter().flatten();
        let lacks = balancers.enumerate().filter_map(|(at, balancer)| Some((at, ports.lacks(balancer)?)));
        let place = move |at| format!("spec.{within}.loadBalancers[{at}]");
        lacks.map(move |(at, lack)| (place(at), lack))
    });
    Some(findings.map(|(place, lack)| finding(candidate, &place, lack, &ports, file)).collect())
}

fn may_cover_containers(pattern: &str) -> bool {
    ["containerDefinitions", "taskDefinition", "*"].into_iter().any(|root| pattern.starts_with(root))
}

fn finding(
    candidate: &Candidate<'_>,
    place: &str,
    lack: Lack<'_>,
    ports: &Ports,
    file: &RelativePath,
) -> Finding {
    let (field, message, hint) = match lack {
        Lack::Container(name) => (
            "containerName",
            format!("{file} has no container `{}`", shorten(name)),
            suggest::hint(name, "containers", ports.containers()),
        ),
        Lack::Port { container, port } => {
            let mapped = ports.mapped(container);
            let mapped = if mapped.is_empty() { "none".to_owned() } else { mapped.join(", ") };
            (
                "containerPort",
                format!("the container `{}` of {file} does not map port {port}", shorten(container)),
                format!("add it to `portMappings`, or name one that is mapped: {mapped}"),
            )
        }
    };
    let field = format!("{place}.{field}");
    let message = format!("`{field}`: {message}");
    candidate.finding(&field, Severity::Error, FindingCode::DanglingReference, message).with_hint(hint)
}
