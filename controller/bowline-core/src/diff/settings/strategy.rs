//! Which settings come and go with the deployment strategy: with another one, AWS refuses them.

use serde_json::{Map, Value};

use super::removal::is_listed;
use super::{get, shown_path, unset};
use crate::diff::fields::{OF_ONE_STRATEGY, ROLLING};
use crate::diff::path::Ignored;

/// Where the members of [`OF_ONE_STRATEGY`] are.
const DEPLOYMENT: &str = "deploymentConfiguration";

/// Where the strategy is.
pub(super) const STRATEGY: [&str; 2] = [DEPLOYMENT, "strategy"];

/// The strategy that a service has once what git lists is laid over these settings.
fn laid_over<'a>(
    settings: &'a Map<String, Value>,
    wanted: &'a Map<String, Value>,
    ignored: &Ignored,
) -> &'a str {
    let listed = get(wanted, &STRATEGY).filter(|_| !ignored.covers(&shown_path(&STRATEGY)));
    listed.or_else(|| get(settings, &STRATEGY)).and_then(Value::as_str).unwrap_or(ROLLING)
}

/// The strategy that a service has once what left git is set back.
pub(super) fn after_removals<'a>(
    managed: &Map<String, Value>,
    wanted: &'a Map<String, Value>,
    found: &'a Map<String, Value>,
    ignored: &Ignored,
) -> &'a str {
    let now = laid_over(found, wanted, ignored);
    let was_managed = get(managed, &STRATEGY).and_then(Value::as_str) == Some(now);
    let goes = was_managed
        && get(wanted, &STRATEGY).is_none()
        && !ignored.covers(&shown_path(&STRATEGY))
        && !is_needed(wanted, now);
    if goes { ROLLING } else { now }
}

/// Whether git lists what only goes with this strategy, which is not the one that a service has by itself.
pub(super) fn is_needed(wanted: &Map<String, Value>, strategy: &str) -> bool {
    let own = |(member, only): &(&str, &str)| *only == strategy && is_listed(wanted, &[DEPLOYMENT, member]);
    strategy != ROLLING && OF_ONE_STRATEGY.iter().any(own)
}

/// Whether a field is a part of what only goes with another strategy.
pub(super) fn is_of_another(names: &[&str], strategy: &str) -> bool {
    let [DEPLOYMENT, member, ..] = names else { return false };
    OF_ONE_STRATEGY.iter().any(|(own, only)| own == member && *only != strategy)
}

/// Takes out what does not go with the strategy that the service will have.
pub(super) fn take_out_others(
    settings: &mut Map<String, Value>,
    wanted: &Map<String, Value>,
    ignored: &Ignored,
) {
    let strategy = laid_over(settings, wanted, ignored).to_owned();
    for (member, only) in OF_ONE_STRATEGY {
        if *only != strategy {
            unset(settings, &[DEPLOYMENT, member]);
        }
    }
}
