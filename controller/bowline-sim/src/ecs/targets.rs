//! The targets that ECS has registered with load balancers.

use super::region::Region;
use super::render::task::address;
use super::service::Service;
use super::task::{Phase, Task};
use crate::elb::Target;

/// The targets of a group; nothing where no service uses it.
pub(super) fn of_group(region: &Region, arn: &str) -> Option<Vec<Target>> {
    let mut targets = None;
    for service in region.clusters.values().flat_map(|cluster| cluster.services.values()) {
        if let Some(port) = port(service, arn) {
            let registered = service.tasks.iter().filter_map(|task| target(task, arn, port));
            targets.get_or_insert_with(Vec::new).extend(registered);
        }
    }
    targets
}

/// The port under which a service's tasks are registered with a group.
fn port(service: &Service, arn: &str) -> Option<i64> {
    let balancers = service.settings.template.load_balancers.as_array()?;
    balancers.iter().find(|balancer| balancer["targetGroupArn"] == arn)?["containerPort"].as_i64()
}

fn target(task: &Task, arn: &str, port: i64) -> Option<Target> {
    if task.made.template.target_group() != Some(arn) {
        return None;
    }
    let state = match task.phase {
        Phase::Running if task.good => "healthy",
        Phase::Running => "initial",
        Phase::Deactivating => "draining",
        _ => return None,
    };
    Some(Target { address: address(task), port, state })
}
