//! A rollback ahead of git: the last good revision at once, and a hold, before the commit that says the same.

use bowline_core::desired::kind::Mode;
use bowline_core::live::Observed;
use bowline_core::name::{HumanDuration, ResourceName};
use bowline_core::plan::{Action, Actor, Hold, Operation, Outcome};
use bowline_core::verb::{Glass, Refusal, break_glass};
use tokio_util::sync::CancellationToken;

use super::args::Selection;
use super::once;
use crate::config::Config;
use crate::engine::wiring;
use crate::execute::execute;
use crate::source::person;

/// Lets the service run its last good revision again and tells, as a sentence, what was done; or why nothing was.
pub(super) async fn apply(
    config: &Config,
    name: &ResourceName,
    reason: &str,
    lasts: HumanDuration,
) -> anyhow::Result<Result<String, Refusal>> {
    let shutdown = CancellationToken::new();
    // Whoever breaks the glass is at the shell: only what bowline.yaml says in words narrows it.
    let mut world = wiring::wire_to_look(config, Mode::Enforce, &shutdown).await?.world;
    let selection = Selection { service: Some(name.to_string()), ..Selection::default() };
    let snapshot = once::snapshot(&mut world, &selection).await?;
    once::look(&mut world, &snapshot).await;
    shutdown.cancel();
    let now = world.clock.now();
    let who = person().unwrap_or_else(|| "somebody".to_owned());
    let hold = Hold { until: now.checked_add(lasts.get())?, reason: format!("{reason} ({who})") };
    let live = world.live.as_ref().and_then(|live| live.services.get(name));
    let remembered = world.memory.services.get(name).and_then(|memory| memory.last_good.as_ref());
    let glass = Glass {
        desired: &snapshot.state,
        live: live.unwrap_or(&Observed::Missing),
        good: remembered.map(|good| &good.task_definition),
        ceiling: &world.ceiling,
        actor: Actor { instance: &world.instance, commit: &snapshot.commit },
    };
    let action = match break_glass(&glass, name, &hold) {
        Ok(action) => action,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let outcome = execute(&world.aws, &snapshot.state, &action).await;
    tell(&action, outcome, &hold).map(Ok)
}

fn tell(action: &Action, outcome: Outcome, hold: &Hold) -> anyhow::Result<String> {
    let name = &action.resource.name;
    let runs = match &action.operation {
        Operation::UpdateService { task_definition: Some(arn), .. } => {
            format!("runs {} again", arn.revision())
        }
        _ => "runs its last good revision already".to_owned(),
    };
    let until = format!("{:.0}", hold.until);
    match outcome {
        Outcome::Done { deployment_id, .. } => {
            let deployment = deployment_id.map(|id| format!(" (deployment {id})")).unwrap_or_default();
            Ok(format!("{name} {runs}{deployment}, ahead of git; Bowline leaves it alone until {until}"))
        }
        Outcome::AlreadyDone => Ok(format!("{name} {runs}; Bowline leaves it alone until {until}")),
        Outcome::Superseded { found } => {
            anyhow::bail!("{name} changed meanwhile, and nothing was done: {found}; run the same again")
        }
        Outcome::Failed(why) => anyhow::bail!("{name}: {}; {}", why.message, why.hint),
    }
}
