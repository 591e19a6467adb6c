//! Which ports do the containers of a task definition map, and by which names? What a service refers to, read without the rest.

use serde::Deserialize;
use serde_json::Value;

/// The containers of a task definition, with their ports.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ports {
    #[serde(default)]
    container_definitions: Vec<Container>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    #[serde(default)]
    name: String,
    #[serde(default)]
    port_mappings: Vec<Mapping>,
}

/// One port mapping.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Mapping {
    name: Option<String>,
    container_port: Option<u64>,
    container_port_range: Option<String>,
    protocol: Option<String>,
    /// How Service Connect's proxy speaks there.
    pub(crate) app_protocol: Option<String>,
}

/// What a load balancer sends traffic to and a task definition does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lack<'a> {
    /// The container.
    Container(&'a str),
    /// A port of a container that it has.
    Port { container: &'a str, port: u64 },
}

impl Ports {
    /// Those of a content; nothing where its text is not in the shape of one.
    pub(crate) fn of(content: &str) -> Option<Self> {
        serde_json::from_str(content).ok()
    }

    /// What an item of `loadBalancers` names and is not there.
    pub(crate) fn lacks<'a>(&self, balancer: &'a Value) -> Option<Lack<'a>> {
        let container = balancer.get("containerName")?.as_str()?;
        let Some(found) = self.container(container) else { return Some(Lack::Container(container)) };
        let port = balancer.get("containerPort")?.as_u64()?;
        let is_mapped = found.port_mappings.iter().any(|mapping| mapping.has(port));
        (!is_mapped).then_some(Lack::Port { container, port })
    }

    fn container(&self, name: &str) -> Option<&Container> {
        self.container_definitions.iter().find(|container| container.name == name)
    }

    /// The names of its containers.
    pub(crate) fn containers(&self) -> impl Iterator<Item = &str> + Clone {
        self.container_definitions.iter().map(|container| container.name.as_str())
    }

    /// The ports that a container maps, as text.
    pub(crate) fn mapped(&self, container: &str) -> Vec<String> {
        let mappings = self.container(container).map(|found| found.port_mappings.as_slice());
        let ports = mappings.into_iter().flatten().filter_map(|mapping| {
            mapping
                .container_port
                .map(|port| port.to_string())
                .or_else(|| mapping.container_port_range.clone())
        });
        ports.collect()
    }

    /// The port mappings that have a name, each as its container, its name and itself.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&str, &str, &Mapping)> {
        self.container_definitions.iter().flat_map(|container| {
            let mappings = container.port_mappings.iter();
            mappings.filter_map(|mapping| Some((container.name.as_str(), mapping.name.as_deref()?, mapping)))
        })
    }
}

impl Mapping {
    /// BC: anything else than `udp` is treated as tcp.
    pub(crate) fn protocol(&self) -> &str {
        self.protocol.as_deref().filter(|protocol| *protocol == "udp").unwrap_or("tcp")
    }

    fn has(&self, port: u64) -> bool {
        let range = self.container_port_range.as_deref().and_then(|range| range.split_once('-'));
        let in_range = range.is_some_and(|(first, last)| match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) => (first..=last).contains(&port),
            _ => false,
        });
        self.container_port == Some(port) || in_range
    }
}
