//! Where do tasks run: by a launch type, or by a capacity provider strategy that replaces it?

use serde_json::{Map, Value, json};

use super::Subject;
use crate::diff::fields::{Effect, SERVICE, Setting};
use crate::diff::overlay::overlay_field;
use crate::diff::settings::{owner, shown_path};
use crate::live::DeploymentController;
use crate::plan::report::HeldWhy;

pub(super) const LAUNCH_TYPE: &str = "launchType";
const STRATEGY: &str = "capacityProviderStrategy";

/// Where the service was placed by the launch type that git names, and somebody put a capacity provider strategy in its place, an
/// empty strategy leads "back to the launch type" (BC, UpdateService): it is wanted then. Whether it is so. A service that never
/// had one would come back to one that nobody chose.
pub(super) fn want_it_back(
    subject: &Subject<'_>,
    wanted: &mut Map<String, Value>,
    managed: &Map<String, Value>,
    found: &Map<String, Value>,
) -> bool {
    if !is_replaced(wanted.get(LAUNCH_TYPE), found)
        || subject.live.controller != DeploymentController::Ecs
        || managed.get(LAUNCH_TYPE) != wanted.get(LAUNCH_TYPE)
        || subject.ignored.covers(&shown_path(&[LAUNCH_TYPE]))
    {
        return false;
    }
    let empty = json!([]);
    let place = (&*shown_path(&[STRATEGY]), STRATEGY);
    let sent = overlay_field(&SERVICE, place, Some(&empty), found.get(STRATEGY), &subject.ignored);
    if sent.as_ref() != Some(&empty) {
        return false;
    }
    wanted.entry(STRATEGY).or_insert(empty).as_array().is_some_and(Vec::is_empty)
}

/// Why a field that AWS cannot change on a service that exists is left; `path` is where git has it.
pub(super) fn unchangeable(
    subject: &Subject<'_>,
    (names, path): (&[&str], String),
    wanted: &Value,
    found: &Map<String, Value>,
) -> HeldWhy {
    if names == [LAUNCH_TYPE] && is_replaced(Some(wanted), found) {
        return replaced(subject, &path);
    }
    HeldWhy::NeedsRecreation { field: path }
}

/// Why a launch type in whose place a strategy stands is not brought back, with what a person can do.
fn replaced(subject: &Subject<'_>, field: &str) -> HeldWhy {
    let cluster = subject.world.desired.targets.get(subject.target).map(|target| &target.spec.cluster);
    let cluster = cluster.map(|cluster| format!(" --cluster {cluster}")).unwrap_or_default();
    let service = &subject.wanted.resource.spec.service;
    let what = format!(
        "a capacity provider strategy is in the place of {field}, and Bowline takes it away only where it knew the service with that \
         launch type, and nothing of the strategy is ignored: to keep the strategy, take {field} out of git; to go back, \
         `aws ecs update-service{cluster} --service {service} --capacity-provider-strategy '[]' --force-new-deployment`, and see \
         that tasks start"
    );
    HeldWhy::NeedsPerson { what }
}

/// Whether a strategy is in the place of a launch type that is named and that AWS can lead back to. Managed Instances are to be
/// had by a strategy only, and machines of one's own never are.
fn is_replaced(launch_type: Option<&Value>, found: &Map<String, Value>) -> bool {
    let named = launch_type.and_then(Value::as_str);
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
