//! What a task definition says about how its tasks will behave.

use std::time::Duration;

use serde_json::Value;

use super::registry::Registry;

/// How the tasks of a task definition fare. Image names decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Behaviour {
    /// They start and stay.
    Runs,
    /// This image cannot be pulled: a repository that ends in `/missing`.
    Missing { image: String },
    /// An essential container exits with 1 as it starts: `/crash`.
    Crashes { container: String },
    /// An essential container never passes a health check: `/unhealthy`.
    Unhealthy,
}

/// The container health check's timing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HealthCheck {
    /// Until the first check passes.
    pub(super) passes_after: Duration,
    /// Until enough checks in a row have failed.
    pub(super) fails_after: Duration,
}

/// A container, as its tasks show it.
#[derive(Debug, Clone)]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) cpu: i64,
    pub(super) memory: Option<i64>,
    pub(super) memory_reservation: Option<i64>,
    /// `versionConsistency`: ECS resolves the tag once for a deployment, and not for each task.
    pub(super) consistent: bool,
}

/// The part of a task definition that running its tasks needs.
#[derive(Debug)]
pub(super) struct Recipe {
    pub(super) arn: String,
    pub(super) family: String,
    pub(super) containers: Vec<Container>,
    /// Container name and port of each port mapping.
    pub(super) ports: Vec<(String, i64)>,
    /// The `valueFrom` of each container secret that Secrets Manager holds.
    pub(super) secrets: Vec<String>,
    pub(super) behaviour: Behaviour,
    pub(super) health_check: Option<HealthCheck>,
    pub(super) awsvpc: bool,
    pub(super) fargate: bool,
    pub(super) cpu: Option<String>,
    pub(super) memory: Option<String>,
    /// Where its images come from.
    registry: Registry,
}

impl Recipe {
    /// Reads a registered task definition, its defaults filled in.
    pub(super) fn of(definition: &Value, registry: Registry) -> Self {
        let containers = definition["containerDefinitions"].as_array().map_or(&[][..], Vec::as_slice);
        let text = |name: &str| definition[name].as_str().map(str::to_owned);
        let secrets = containers.iter().flat_map(|container| items(&container["secrets"]));
        let ports = containers.iter().flat_map(|container| {
            let name = container["name"].as_str().unwrap_or_default();
            items(&container["portMappings"])
                .filter_map(move |port| Some((name.to_owned(), port["containerPort"].as_i64()?)))
        });
        Self {
            arn: text("taskDefinitionArn").unwrap_or_default(),
            family: text("family").unwrap_or_default(),
            containers: containers.iter().map(Container::of).collect(),
            ports: ports.collect(),
            secrets: secrets
                .filter_map(|secret| secret["valueFrom"].as_str())
                .filter(|from| from.contains(":secretsmanager:"))
                .map(str::to_owned)
                .collect(),
            behaviour: behaviour(containers),
            health_check: containers.iter().find_map(health_check),
            awsvpc: definition["networkMode"] == "awsvpc",
            fargate: items(&definition["compatibilities"]).any(|kind| kind == "FARGATE"),
            cpu: text("cpu"),
            memory: text("memory"),
            registry,
        }
    }

    /// The digests that ECS resolves the containers' tags to when a deployment begins; nothing for those without version
    /// consistency.
    pub(super) fn resolve(&self) -> Vec<Option<String>> {
        let resolved =
            |container: &Container| container.consistent.then(|| self.registry.digest(&container.image));
        self.containers.iter().map(resolved).collect()
    }

    /// The digests that a task gets which pulls its images now.
    pub(super) fn pull(&self, resolved: &[Option<String>]) -> Vec<String> {
        let digest = |(index, container): (usize, &Container)| {
            let resolved = resolved.get(index).cloned().flatten();
            resolved.unwrap_or_else(|| self.registry.digest(&container.image))
        };
        self.containers.iter().enumerate().map(digest).collect()
    }
}

impl Container {
    fn of(definition: &Value) -> Self {
        Self {
            name: definition["name"].as_str().unwrap_or_default().to_owned(),
            image: definition["image"].as_str().unwrap_or_default().to_owned(),
            cpu: definition["cpu"].as_i64().unwrap_or_default(),
            memory: definition["memory"].as_i64(),
            memory_reservation: definition["memoryReservation"].as_i64(),
            consistent: definition["versionConsistency"] != "disabled",
        }
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn behaviour(containers: &[Value]) -> Behaviour {
    let is = |container: &Value, name: &str| {
        let repository = repository(container["image"].as_str().unwrap_or_default());
        repository.rsplit('/').next() == Some(name)
    };
    let essential = || containers.iter().filter(|container| container["essential"] != false);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(container) = containers.iter().find(|container| is(container, "missing")) {
        return Behaviour::Missing { image: text(&container["image"]) };
    }
    if let Some(container) = essential().find(|container| is(container, "crash")) {
        return Behaviour::Crashes { container: text(&container["name"]) };
    }
    if essential().any(|container| is(container, "unhealthy")) {
        Behaviour::Unhealthy
    } else {
        Behaviour::Runs
    }
}

/// An image name without its digest and tag.
fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => image,
    }
}

fn health_check(container: &Value) -> Option<HealthCheck> {
    let check = container.get("healthCheck").filter(|check| check["command"][0] != "NONE")?;
    let seconds = |name: &str| Duration::from_secs(check[name].as_u64().unwrap_or_default());
    let retries = u32::try_from(check["retries"].as_u64().unwrap_or(3)).unwrap_or(3);
    let interval = seconds("interval");
    Some(HealthCheck {
        passes_after: interval,
        fails_after: seconds("startPeriod").saturating_add(interval.saturating_mul(retries)),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_repository_decides_and_the_tag_does_not() {
        let of = |image: &str| behaviour(&[json!({"name": "app", "image": image})]);
        assert_eq!(of("registry:5000/demo/web"), Behaviour::Runs);
        assert_eq!(
            of("registry/demo/crash:1.2@sha256:00"),
            Behaviour::Crashes { container: "app".to_owned() }
        );
        assert_eq!(of("registry/demo/unhealthy"), Behaviour::Unhealthy);
        assert_eq!(of("registry/demo/web:crash"), Behaviour::Runs);
        assert_eq!(of("demo/missing:1"), Behaviour::Missing { image: "demo/missing:1".to_owned() });
    }

    #[test]
    fn only_essential_containers_take_their_task_down() {
        let containers = [
            json!({"name": "app", "image": "web"}),
            json!({"name": "job", "image": "demo/crash", "essential": false}),
        ];
        assert_eq!(behaviour(&containers), Behaviour::Runs);
    }
}
