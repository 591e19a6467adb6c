//! Git wants another deployment controller: does AWS take the change now?
//!
//! Not "during an ongoing service deployment"; and not "from the ECS deployment controller to any of the other controllers if it
//! uses VPC Lattice or Amazon ECS Service Connect", or if the deployment configuration includes "alarms, a deployment circuit
//! breaker, or a BLUE_GREEN deployment strategy" (UPD).

use serde_json::{Map, Value};

use super::settings::Settings;
use super::under_way::{self, Unwatched};
use super::{ServiceOutlook, Subject};
use crate::diff::settings::get;
use crate::live::DeploymentController;
use crate::plan::reads::Reads;
use crate::plan::report::HeldWhy;

const FIELD: &str = "deploymentController";

/// Takes the change back where AWS is known to refuse it, and says what comes first.
pub(super) fn withhold<'a>(
    subject: &Subject<'a>,
    reads: &mut Reads<'a>,
    settings: &mut Settings,
    outlook: &mut ServiceOutlook<'a>,
) {
    let Some(change) = settings.others.remove(FIELD) else { return };
    let mut fields = subject.live.settings.fields();
    let is_clear = subject.live.controller != DeploymentController::Ecs || obstacles(&fields).is_empty();
    let sent = settings.others.iter().chain(&settings.deploying);
    fields.extend(sent.map(|(field, value)| (field.clone(), value.clone())));
    let left = obstacles(&fields);
    if !is_clear && !left.is_empty() {
        outlook.report.hold(in_the_way(&left));
    }
    // What git turns off with the same commit is turned off first, and a deployment that begins now ends first.
    if !is_clear || outlook.deploys() || is_under_way(subject, reads, outlook) {
        return;
    }
    settings.others.insert(FIELD.to_owned(), change);
}

/// The setting that turns something off, and inside of `deploymentConfiguration` also what of it.
type Off = (&'static str, &'static str);

const DEPLOYMENT: &str = "deploymentConfiguration";

/// What AWS moves no service away from ECS with, and what turns it off.
fn obstacles(fields: &Map<String, Value>) -> Vec<(&'static str, Off)> {
    let is_on = |names: &[&str]| get(fields, names) == Some(&Value::Bool(true));
    let lattice = fields.get("vpcLatticeConfigurations").and_then(Value::as_array);
    let strategy = get(fields, &[DEPLOYMENT, "strategy"]).and_then(Value::as_str);
    let all = [
        (
            is_on(&["serviceConnectConfiguration", "enabled"]),
            "Service Connect",
            ("serviceConnectConfiguration", "{enabled: false}"),
        ),
        (lattice.is_some_and(|all| !all.is_empty()), "VPC Lattice", ("vpcLatticeConfigurations", "[]")),
        (
            is_on(&[DEPLOYMENT, "alarms", "enable"]),
            "deployment alarms",
            (DEPLOYMENT, "alarms: {enable: false}"),
        ),
        (
            is_on(&[DEPLOYMENT, "deploymentCircuitBreaker", "enable"]),
            "a deployment circuit breaker",
            (DEPLOYMENT, "deploymentCircuitBreaker: {enable: false}"),
        ),
        (strategy == Some("BLUE_GREEN"), "the strategy BLUE_GREEN", (DEPLOYMENT, "strategy: ROLLING")),
    ];
    all.into_iter().filter(|(is_there, ..)| *is_there).map(|(_, name, off)| (name, off)).collect()
}

fn in_the_way(left: &[(&str, Off)]) -> HeldWhy {
    let names: Vec<&str> = left.iter().map(|(name, _)| *name).collect();
    let (inside, beside): (Vec<Off>, Vec<Off>) =
        left.iter().map(|(_, off)| *off).partition(|(field, _)| *field == DEPLOYMENT);
    let mut off: Vec<String> = beside.iter().map(|(field, value)| format!("`{field}: {value}`")).collect();
    if !inside.is_empty() {
        let members: Vec<&str> = inside.iter().map(|(_, member)| *member).collect();
        off.push(format!("`{DEPLOYMENT}: {{{}}}`", members.join(", ")));
    }
    let what = format!(
        "settings.{FIELD} is not changed: AWS lets no service leave ECS that has {}; turn that off first, in `settings`: {}",
        names.join(", "),
        off.join(", ")
    );
    HeldWhy::NeedsPerson { what }
}

/// Whether a deployment is under way, which is waited for.
fn is_under_way<'a>(subject: &Subject<'a>, reads: &mut Reads<'a>, outlook: &mut ServiceOutlook<'a>) -> bool {
    // The wait for our own is noted already.
    if subject.in_flight().is_some() {
        return true;
    }
    let rollback = under_way::ecs_rollback(subject, reads);
    match rollback.or_else(|| under_way::somebody_elses_rollout(subject, reads)) {
        None => return false,
        Some(Unwatched::OnTime(waiting_on)) => drop(outlook.report.waiting_on.get_or_insert(waiting_on)),
        Some(Unwatched::Late(why)) => outlook.report.hold(why),
    }
    true
}
