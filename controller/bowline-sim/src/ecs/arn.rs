//! ECS resource names: building ARNs, and reading the short names out of them.

/// Builds the ARNs of one account and region.
#[derive(Debug, Clone)]
pub(super) struct Arns {
    prefix: String,
}

impl Arns {
    pub(super) fn new(account: &str, region: &str) -> Self {
        Self { prefix: format!("arn:aws:ecs:{region}:{account}") }
    }

    pub(super) fn cluster(&self, cluster: &str) -> String {
        format!("{}:cluster/{cluster}", self.prefix)
    }

    pub(super) fn service(&self, cluster: &str, service: &str) -> String {
        format!("{}:service/{cluster}/{service}", self.prefix)
    }

    pub(super) fn task(&self, cluster: &str, id: &str) -> String {
        format!("{}:task/{cluster}/{id}", self.prefix)
    }

    pub(super) fn task_definition(&self, family: &str, revision: usize) -> String {
        format!("{}:task-definition/{family}:{revision}", self.prefix)
    }

    /// The short form of `reference`, whether it is one already or an ARN of this account and region; none for an
    /// ARN of another account, region or kind of resource.
    pub(super) fn short<'a>(&self, kind: &str, reference: &'a str) -> Option<&'a str> {
        if !reference.starts_with("arn:") {
            return Some(reference);
        }
        reference.strip_prefix(&self.prefix)?.strip_prefix(':')?.strip_prefix(kind)?.strip_prefix('/')
    }
}

/// The last part of a name with slashes.
pub(super) fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
