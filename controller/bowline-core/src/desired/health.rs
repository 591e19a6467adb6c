//! What the schema cannot say of health conditions.

use std::collections::BTreeSet;

use super::check::Checker;
use super::finding::{FindingCode, Severity};
use super::kind::{HealthCondition, MOST_CONDITIONS, MOST_MATCHED};
use super::node::Node;
use super::parse::not_zero;

/// The fields of which a condition has exactly one.
const CHECKS: [&str; 4] = ["http", "tcp", "targetGroup", "mcp"];
/// The most tools that one condition may name.
const MOST_TOOLS: usize = 100;

/// Checks `spec.health`.
pub(super) fn check(conditions: &Node, checker: &mut Checker<'_>) {
    let mut add = |node: &Node, code, message: String, hint: &str| {
        checker.add(node.at, Severity::Error, code, message, Some(hint.to_owned()));
    };
    if conditions.items().len() > MOST_CONDITIONS {
        let message = format!("`spec.health` has {} conditions", conditions.items().len());
        let hint = format!("keep the {MOST_CONDITIONS} that tell most");
        add(conditions, FindingCode::InvalidValue, message, &hint);
    }
    let mut seen = BTreeSet::new();
    for (index, condition) in conditions.items().iter().enumerate() {
        let path = format!("spec.health[{index}]");
        let given: Vec<&str> = CHECKS.into_iter().filter(|check| condition.get(check).is_some()).collect();
        let hint = "a condition has exactly one of `http`, `tcp`, `targetGroup`, `mcp`";
        if given.is_empty() && condition.text().is_none() {
            add(condition, FindingCode::MissingField, format!("`{path}` does not say what to ask"), hint);
        } else if given.len() > 1 {
            let message = format!("`{path}` has {} at once", given.join(" and "));
            add(condition, FindingCode::InvalidValue, message, hint);
        }
        let text = condition.get("http").and_then(|http| http.get("contains"));
        if let Some(text) =
            text.filter(|text| text.text().is_some_and(|t| t.is_empty() || t.len() > MOST_MATCHED))
        {
            let message = format!("`{path}.http.contains` has no text, or more than {MOST_MATCHED} bytes");
            add(text, FindingCode::InvalidValue, message, "name a short text that only a right answer has");
        }
        let tools = condition.get("mcp").and_then(|mcp| mcp.get("tools"));
        if let Some(tools) = tools.filter(|tools| tools.items().len() > MOST_TOOLS) {
            let message = format!("`{path}.mcp.tools` names {} tools", tools.items().len());
            add(tools, FindingCode::InvalidValue, message, "name at most 100");
        }
        // What cannot be read has its own findings.
        let typed = serde_json::from_value::<HealthCondition>(condition.to_value());
        if let Ok(typed) = typed
            && !seen.insert(typed.check.to_string())
        {
            let message = format!("`{path}` asks the same as another condition: {}", typed.check);
            add(condition, FindingCode::Duplicate, message, "remove one of the two");
        }
    }
    for (index, condition) in conditions.items().iter().enumerate() {
        for field in ["interval", "timeout"] {
            not_zero(&format!("spec.health[{index}].{field}"), condition.get(field), checker);
        }
    }
}
