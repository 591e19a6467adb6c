//! A rollback ahead of git: the last good revision at once, and a hold, before the commit that says the same.

use std::fmt::Write as _;

use bowline_core::desired::TaskDefinitionContent;
use bowline_core::desired::kind::Mode;
use bowline_core::live::{Observed, UnknownReason};
use bowline_core::name::{CommitId, HumanDuration, ResourceName, TaskDefinitionArn};
use bowline_core::plan::{Action, Actor, Hold, LastGood, Operation, Outcome};
use bowline_core::verb::{Glass, Refusal, StandIn, break_glass};
use tokio_util::sync::CancellationToken;

use super::args::Selection;
use super::once;
use crate::config::Config;
use crate::engine::reconcile::World;
use crate::engine::wiring;
use crate::execute::{Kept, NoStandIn, execute, kept, stand_in};
use crate::source::{Snapshot, person};

/// What was done ahead of git.
pub(super) struct Broken {
    /// As a sentence.
    pub(super) told: String,
    /// What was registered in the place of the last good revision, which ECS does not deploy any more.
    pub(super) stand_in: Option<StandIn>,
}

/// Lets the service run its last good revision again, registered anew if it was deregistered, and tells what was done; or why
/// nothing was.
pub(super) async fn apply(
    config: &Config,
    name: &ResourceName,
    reason: &str,
    lasts: HumanDuration,
) -> anyhow::Result<Result<Broken, Refusal>> {
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
    let mut action = match break_glass(&glass, name, &hold) {
        Ok(action) => action,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut stands_in = None;
    if let (Operation::UpdateService { task_definition: Some(arn), .. }, Some(good)) =
        (&mut action.operation, remembered)
        && let Some(found) = active(&world, &snapshot, (name, &action.target), good).await?
    {
        let (content, revision) = (found.content, found.arn.revision());
        stands_in = CommitId::parse(&good.commit).ok().map(|good| StandIn { good, content, revision });
        *arn = found.arn;
    }
    let outcome = execute(&world.aws, &snapshot.state, &action).await;
    let mut told = tell(&action, outcome, &hold)?;
    if let (Some(stand_in), Some(good)) = (&stands_in, remembered) {
        let (registered, good) = (&stand_in.revision, good.task_definition.revision());
        let _ = write!(told, "; {good} was deregistered, and {registered} has the same in it");
    }
    Ok(Ok(Broken { told, stand_in: stands_in }))
}

/// A revision that ECS deploys in the place of one that it does not.
struct Found {
    arn: TaskDefinitionArn,
    content: TaskDefinitionContent,
}

/// What stands in for the last good revision; none while ECS deploys that one.
async fn active(
    world: &World,
    snapshot: &Snapshot,
    (name, target): (&ResourceName, &ResourceName),
    good: &LastGood,
) -> anyhow::Result<Option<Found>> {
    let Some(found) = snapshot.state.targets.get(target) else { return Ok(None) };
    let session = world.aws.session(target, &found.spec).await;
    let failed = |why: UnknownReason| anyhow::anyhow!("{name}: {}; {}", why.message, why.hint);
    session.verify_account().await.map_err(failed)?;
    let arn = &good.task_definition;
    let content = match kept(&session, arn, good.content.as_ref())
        .await
        .map_err(|error| failed(error.reason))?
    {
        Kept::Active => return Ok(None),
        Kept::Inactive(content) => content,
        Kept::Gone => anyhow::bail!(
            "{name}: its last good revision {} is gone, and nobody kept its content; register it again, and release it: bowline release \
             {name} --revision N",
            arn.revision()
        ),
    };
    match stand_in(&world.aws, &session, &snapshot.state, (name, target), arn, &content).await {
        Ok(arn) => Ok(Some(Found { arn, content })),
        Err(NoStandIn::Failed(why)) => Err(failed(why)),
        Err(NoStandIn::Moved) => {
            anyhow::bail!(
                "{name}: somebody registered a revision meanwhile, and nothing was done; run the same again"
            )
        }
    }
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
