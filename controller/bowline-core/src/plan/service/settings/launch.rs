//! Where do tasks run: by a launch type, or by a capacity provider strategy that replaces it?

use serde_json::{Map, Value, json};

use super::Subject;
use crate::diff::fields::{Effect, Setting};
use crate::diff::settings::{owner, shown_path};
use crate::live::DeploymentController;

pub(super) const LAUNCH_TYPE: &str = "launchType";
const STRATEGY: &str = "capacityProviderStrategy";

/// Why `create.launchType` is not repaired where it could be.
pub(super) const REPLACED: &str = "create.launchType is only where the service began, and a capacity provider strategy has \
    replaced it since: move `launchType` to `settings`, and Bowline takes the strategy away again; or name the strategy there";

/// Where git names a launch type and somebody placed the service by a capacity provider strategy, an empty strategy leads "back
/// to the launch type" (BC, UpdateService): it is wanted then. Which launch type that is shows once it is live. Whether it is so.
pub(super) fn want_it_back(
    subject: &Subject<'_>,
    wanted: &mut Map<String, Value>,
    found: &Map<String, Value>,
) -> bool {
    let ignored = |field| subject.ignored.covers(&shown_path(&[field]));
    if !is_replaced(wanted, found)
        || subject.live.controller != DeploymentController::Ecs
        || ignored(LAUNCH_TYPE)
        || ignored(STRATEGY)
    {
        return false;
    }
    wanted.entry(STRATEGY).or_insert_with(|| json!([])).as_array().is_some_and(Vec::is_empty)
}

/// Whether a strategy is in the place of a launch type that is named and that AWS can lead back to. Managed Instances are to be
/// had by a strategy only, and machines of one's own never are.
pub(super) fn is_replaced(wanted: &Map<String, Value>, found: &Map<String, Value>) -> bool {
    let named = wanted.get(LAUNCH_TYPE).and_then(Value::as_str);
    matches!(named, Some("EC2" | "FARGATE")) && is_placed_by_strategy(found)
}

/// Who else sets a field. What nobody can change is nobody's, but for the launch type: it is a task set's under an external
/// controller, and CodeDeploy may put a strategy in its place.
pub(super) fn owner_of(
    subject: &Subject<'_>,
    row: &Setting,
    found: &Map<String, Value>,
) -> Option<&'static str> {
    let controller = subject.live.controller;
    let is_moved = row.name == LAUNCH_TYPE
        && (controller == DeploymentController::External || is_placed_by_strategy(found));
    owner(controller, row).filter(|_| row.effect != Effect::Recreation || is_moved)
}

fn is_placed_by_strategy(found: &Map<String, Value>) -> bool {
    found.get(STRATEGY).and_then(Value::as_array).is_some_and(|items| !items.is_empty())
}
