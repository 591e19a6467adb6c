//! `spec.settings` of an EcsService: what the shapes of UpdateService cannot say.

use std::collections::BTreeSet;

use super::check::Checker;
use super::finding::{FindingCode, Severity};
use super::kind::ServiceSettings;
use super::node::{Node, Position, Scalar, Tree};
use crate::diff::fields::{OF_ONE_STRATEGY, ROLLING};

/// The lines of a document that hold a part of a setting that may be confidential, also of one that it only begins with.
pub(super) fn confidential_lines(document: &Node) -> BTreeSet<usize> {
    let spec = document.get("spec");
    let fields = ["settings", "create"].into_iter().filter_map(|field| spec?.get(field));
    fields.flat_map(|settings| settings.lines_of(&ServiceSettings::is_confidential)).collect()
}

/// What ECS refuses in whatever service it stands, and what does not do what one may think.
pub(super) fn check(settings: &Node, is_created: bool, checker: &mut Checker<'_>) {
    doubtful(settings, checker);
    let mut refuse = |at: Position, message: &str, hint: &str| {
        let hint = Some(hint.to_owned());
        checker.add(at, Severity::Error, FindingCode::InvalidValue, message.to_owned(), hint);
    };
    let strategy = settings.get("capacityProviderStrategy").filter(|strategy| !strategy.items().is_empty());
    if let (Some(launch_type), Some(_)) = (settings.get("launchType"), strategy) {
        refuse(
            launch_type.at,
            "`spec.settings` has both `launchType` and `capacityProviderStrategy`",
            "keep one: ECS places a service by the one or the other",
        );
    }
    let Some(deployment) = settings.get("deploymentConfiguration") else { return };
    goes_with_strategy("spec.settings", deployment, is_created.then_some(ROLLING), &mut refuse);
    let percent = |field| deployment.get(field).and_then(|value: &Node| Some((value.at, value.whole()?)));
    if let (Some((at, most)), Some((_, least))) =
        (percent("maximumPercent"), percent("minimumHealthyPercent"))
        && most <= 100
        && least >= 100
    {
        refuse(
            at,
            "with `maximumPercent` 100 and `minimumHealthyPercent` 100 no task could ever be replaced",
            "raise `maximumPercent`, or lower `minimumHealthyPercent`",
        );
    }
}

/// What only goes with another deployment strategy than the one that is listed, or that the service would have without.
pub(super) fn goes_with_strategy(
    place: &str,
    deployment: &Node,
    unlisted: Option<&str>,
    refuse: &mut dyn FnMut(Position, &str, &str),
) {
    let listed = deployment.get("strategy");
    let Some(strategy) = listed.map_or(unlisted, Node::text) else { return };
    for entry in deployment.entries() {
        let own = OF_ONE_STRATEGY.iter().find(|(member, _)| *member == entry.key);
        let Some((member, only)) = own.filter(|(_, only)| *only != strategy) else { continue };
        let is_off = entry.value.get("enable").and_then(Node::scalar) == Some(Scalar::Bool(false));
        if !is_off {
            let whose = if listed.is_none() { ", the strategy of a new service that names none" } else { "" };
            let message =
                format!("`{place}.deploymentConfiguration.{member}` does not go with {strategy}{whose}");
            refuse(entry.at, &message, &format!("remove it, or write `strategy: {only}`"));
        }
    }
}

fn doubtful(settings: &Node, checker: &mut Checker<'_>) {
    let mut warn = |at: Position, message: String, hint: &str| {
        checker.add(at, Severity::Warning, FindingCode::InvalidValue, message, Some(hint.to_owned()));
    };
    for entry in settings.entries() {
        if matches!(&entry.value.tree, Tree::Map(inner) if inner.is_empty()) {
            let message = format!("`spec.settings.{}` lists nothing, so nothing of it is managed", entry.key);
            warn(entry.value.at, message, "list the fields that git is to manage, or remove it");
        }
    }
    for field in ["maximumPercent", "minimumHealthyPercent"] {
        let percent = settings.get("deploymentConfiguration").and_then(|deployment| deployment.get(field));
        let is_below = |percent: &&Node| matches!(percent.scalar(), Some(Scalar::Number(number)) if number.as_i64().is_some_and(|value| value < 0));
        if let Some(percent) = percent.filter(is_below) {
            let message =
                format!("`spec.settings.deploymentConfiguration.{field}` is below 0, which ECS refuses");
            warn(percent.at, message, "give a percentage of the desired count, such as 50 or 200");
        }
    }
}
