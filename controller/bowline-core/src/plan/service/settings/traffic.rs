//! Which target group is in production? After a blue/green deployment the two have changed places, and that is ECS's doing.

use serde_json::{Map, Value};

use super::Settings;
use crate::diff::fields::EXCHANGED;
use crate::diff::settings::{exchanges_target_groups, shown_path};
use crate::diff::{Difference, Reason, Shown};

/// Takes the wanted target groups in the order that is live, where they changed places.
pub(super) fn follow(wanted: &mut Map<String, Value>, found: &Map<String, Value>, settings: &mut Settings) {
    if !exchanges_target_groups(found) {
        return;
    }
    for field in EXCHANGED {
        let live = found.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let items = wanted.get_mut(field).and_then(Value::as_array_mut);
        for item in items.into_iter().flatten() {
            follow_one(field, item, live, settings);
        }
    }
}

fn follow_one(field: &str, item: &mut Value, live: &[Value], settings: &mut Settings) {
    let (Some(production), Some(alternate)) = groups(item) else { return };
    let (production, alternate) = (production.to_owned(), alternate.to_owned());
    let swapped = |live: &Value| groups(live) == (Some(&alternate), Some(&production));
    if production == alternate || !live.iter().any(swapped) {
        return;
    }
    if let Some(advanced) = item.get_mut("advancedConfiguration") {
        advanced["alternateTargetGroupArn"] = Value::from(production.clone());
    }
    item["targetGroupArn"] = Value::from(alternate.clone());
    settings.left_alone.push(Difference {
        path: format!("{}[targetGroupArn={production}].targetGroupArn", shown_path(&[field])),
        reason: Reason::OwnedBy,
        wanted: Shown::Text(production),
        found: Shown::Text(alternate),
        note: Some("a blue/green deployment exchanged the target groups".to_owned()),
        owner: Some("ECS blue/green".to_owned()),
    });
}

/// The target groups of an item: in production, and the alternate.
fn groups(item: &Value) -> (Option<&str>, Option<&str>) {
    let alternate = item.pointer("/advancedConfiguration/alternateTargetGroupArn");
    (item.get("targetGroupArn").and_then(Value::as_str), alternate.and_then(Value::as_str))
}
