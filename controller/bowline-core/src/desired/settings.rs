//! `spec.settings` of an EcsService: what the shapes of UpdateService cannot say.

use std::collections::BTreeSet;

use super::check::Checker;
use super::finding::{FindingCode, Severity};
use super::kind::ServiceSettings;
use super::node::{Node, Position};

/// The lines of a document that hold a part of a setting that may be confidential, also of one that it only begins with.
pub(super) fn confidential_lines(document: &Node) -> BTreeSet<usize> {
    let spec = document.get("spec");
    let fields = ["settings", "create"].into_iter().filter_map(|field| spec?.get(field));
    fields.flat_map(|settings| settings.lines_of(&ServiceSettings::is_confidential)).collect()
}

/// What ECS refuses in whatever service it stands.
pub(super) fn check(settings: &Node, checker: &mut Checker<'_>) {
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
