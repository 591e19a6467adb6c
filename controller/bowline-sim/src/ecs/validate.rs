//! What `RegisterTaskDefinition` refuses.

use serde_json::Value;

use super::defaults::{cpu_units, memory_mib};
use super::error::client;
use super::shape::Input;
use crate::context::ApiError;

/// Checks a `RegisterTaskDefinition` request the way AWS does, in its order and words.
pub(super) fn check(input: &Input) -> Result<(), ApiError> {
    let family = input.text("family").ok_or_else(|| client("Family should not be null or empty."))?;
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if family.len() > 255 || !family.bytes().all(valid) {
        return Err(client("Family contains invalid characters."));
    }
    if input.get("tags").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        return Err(client("Tags can not be empty."));
    }
    let containers = input.list("containerDefinitions");
    if containers.is_empty() {
        return Err(client("Container list cannot be empty."));
    }
    for container in containers {
        for field in ["name", "image"] {
            if container[field].as_str().is_none_or(str::is_empty) {
                return Err(client(format!("Container.{field} should not be null or empty.")));
            }
        }
    }
    if containers.iter().all(|container| container["essential"] == false) {
        return Err(client("At least one container must be marked as essential."));
    }
    let awsvpc = input.text("networkMode") == Some("awsvpc");
    if awsvpc && containers.iter().any(host_port_differs) {
        return Err(client(
            "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
        ));
    }
    if input.texts("requiresCompatibilities").any(|kind| kind == "FARGATE") {
        return check_fargate(input, awsvpc);
    }
    match containers.iter().find(|container| !input.has("memory") && !sized(container)) {
        Some(container) => Err(client(format!(
            "Invalid setting for container '{}'. At least one of 'memory' or 'memoryReservation' must be specified.",
            container["name"].as_str().unwrap_or_default()
        ))),
        None => Ok(()),
    }
}

fn sized(container: &Value) -> bool {
    container.get("memory").is_some() || container.get("memoryReservation").is_some()
}

fn host_port_differs(container: &Value) -> bool {
    container["portMappings"].as_array().into_iter().flatten().any(|port| {
        let host = port["hostPort"].as_i64().unwrap_or_default();
        host != 0 && Some(host) != port["containerPort"].as_i64()
    })
}

fn check_fargate(input: &Input, awsvpc: bool) -> Result<(), ApiError> {
    if !awsvpc {
        return Err(client("Fargate only supports network mode ‘awsvpc’."));
    }
    for field in ["cpu", "memory"] {
        if !input.has(field) {
            return Err(client(format!("Fargate requires that '{field}' be defined at the task level.")));
        }
    }
    let (cpu, memory) = (input.text("cpu").unwrap_or_default(), input.text("memory").unwrap_or_default());
    if !fargate_size(cpu_units(cpu), memory_mib(memory)) {
        return Err(client(format!(
            "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS documentation for the valid values."
        )));
    }
    if input.has("executionRoleArn") {
        return Ok(());
    }
    let containers = input.list("containerDefinitions");
    if containers.iter().any(|container| container["logConfiguration"]["logDriver"] == "awslogs") {
        return Err(client(
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
        ));
    }
    if containers
        .iter()
        .any(|container| container["image"].as_str().is_some_and(|image| image.contains(".dkr.ecr.")))
    {
        return Err(client(
            "Fargate requires task definition to have execution role ARN to support ECR images.",
        ));
    }
    Ok(())
}

/// The task sizes that Fargate offers (developer guide, "Fargate task sizes").
pub(super) fn fargate_size(cpu: Option<u32>, memory: Option<u32>) -> bool {
    let (Some(cpu), Some(memory)) = (cpu, memory) else { return false };
    let gib = |from: u32, to: u32, step: u32| {
        (from * 1024..=to * 1024).contains(&memory) && (memory - from * 1024).is_multiple_of(step * 1024)
    };
    match cpu {
        256 => [512, 1024, 2048].contains(&memory),
        512 => gib(1, 4, 1),
        1024 => gib(2, 8, 1),
        2048 => gib(4, 16, 1),
        4096 => gib(8, 30, 1),
        8192 => gib(16, 60, 4),
        16384 => gib(32, 120, 8),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(body: impl Into<Value>) -> String {
        let input = Input::read("RegisterTaskDefinition", &body.into()).unwrap();
        check(&input).map_or_else(|error| error.message, |()| String::new())
    }

    #[test]
    fn registrations_that_aws_refuses_are_refused() {
        let app = json!({"name": "app", "image": "web", "memory": 64});
        assert_eq!(refusal(json!({"containerDefinitions": [app]})), "Family should not be null or empty.");
        assert_eq!(
            refusal(json!({"family": "a b", "containerDefinitions": [app]})),
            "Family contains invalid characters."
        );
        assert_eq!(refusal(json!({"family": "a"})), "Container list cannot be empty.");
        assert_eq!(
            refusal(json!({"family": "a", "containerDefinitions": [{"name": "app"}]})),
            "Container.image should not be null or empty."
        );
        assert_eq!(
            refusal(json!({"family": "a", "containerDefinitions": [app], "tags": []})),
            "Tags can not be empty."
        );
        assert_eq!(refusal(json!({"family": "a", "containerDefinitions": [app]})), "");
        assert!(
            refusal(json!({"family": "a", "containerDefinitions": [{"name": "app", "image": "web"}]}))
                .starts_with("Invalid setting for container 'app'.")
        );
    }

    #[test]
    fn fargate_offers_certain_sizes_only() {
        let sized = |cpu: &str, memory: &str| {
            refusal(json!({"family": "a", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
                "cpu": cpu, "memory": memory, "containerDefinitions": [{"name": "app", "image": "web"}]}))
        };
        assert_eq!(sized("256", "512"), "");
        assert_eq!(sized("1 vCPU", "2GB"), "");
        assert!(
            sized("256", "4096").starts_with("No Fargate configuration exists for given values: 256 CPU")
        );
    }
}
