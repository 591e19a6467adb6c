//! What a verb has to know of the state of things: from the running controller, or, where none answers, by looking.

use bowline_core::desired::{ResourceKey, ResourceKind, how_to_accept};
use bowline_core::name::{CommitId, ResourceName};
use bowline_core::plan::{Memory, ResourceReport};
use bowline_core::policy::GitStanding;
use bowline_core::verb::Refused;
use tokio_util::sync::CancellationToken;

use super::args::Selection;
use super::{once, remote};
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::reconcile::standing_of;
use crate::engine::refusal;
use crate::engine::status::{RollbackStatus, Standing, Status};
use crate::engine::wiring;
use crate::rollback::statuses;
use crate::store::Store;

/// How often the controller is asked whether something is refused, before it is believed that nothing is.
const LOOKS: usize = 3;
/// The pause before it is asked again.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// The status of the running controller, if one answers and it reads the configured repository.
pub(super) async fn status(config: &Config) -> Option<Status> {
    let status = remote::get::<Status>(config, "/api/v1/status").await.ok()?;
    let ours = Status::starting(config, status.started_at).git;
    let same = |one: &Status| {
        (&one.git.repo, &one.git.reference, &one.git.path) == (&ours.repo, &ours.reference, &ours.path)
    };
    (same(&status) && status.pass.is_some()).then_some(status)
}

/// The state of every resource: by the controller's last pass, or by looking now, at `selection`.
async fn reports(config: &Config, selection: &Selection) -> anyhow::Result<Vec<ResourceReport>> {
    if let Some(status) = status(config).await {
        return Ok(status.reports().cloned().collect());
    }
    look(config, selection).await
}

/// The state of every resource of `selection`, by looking now.
async fn look(config: &Config, selection: &Selection) -> anyhow::Result<Vec<ResourceReport>> {
    let shutdown = CancellationToken::new();
    let mut world = wiring::wire_to_look(config, once::unset_mode(config), &shutdown).await?.world;
    let snapshot = once::snapshot(&mut world, selection).await?;
    let pass = once::look(&mut world, &snapshot).await;
    shutdown.cancel();
    Ok(pass.approved.reports.into_values().map(|report| *report).collect())
}

/// The state of one service.
pub(super) async fn service(config: &Config, name: &ResourceName) -> anyhow::Result<ResourceReport> {
    let selection = Selection { service: Some(name.to_string()), ..Selection::default() };
    let key = ResourceKey { kind: ResourceKind::EcsService, name: name.clone() };
    let (mut found, others): (Vec<_>, Vec<_>) =
        reports(config, &selection).await?.into_iter().partition(|report| report.resource == key);
    found.pop().ok_or_else(|| {
        let services = others.iter().filter(|report| report.resource.kind == key.kind);
        anyhow::anyhow!("git has no {key}; it has: {}", listed(services.map(|report| &report.resource.name)))
    })
}

/// What there is, for somebody who named something else.
fn listed(known: impl Iterator<Item = impl ToString>) -> String {
    let known: Vec<String> = known.map(|one| one.to_string()).collect();
    if known.is_empty() { "nothing".to_owned() } else { known.join(", ") }
}

/// What is known of some resources.
pub(super) struct Known {
    /// Their state.
    pub(super) reports: Vec<ResourceReport>,
    /// Rollbacks that are under way, or ended within the last day, the newest first; of other resources, too.
    pub(super) rollbacks: Vec<RollbackStatus>,
    /// What a store on this machine remembers; nothing where there is none.
    pub(super) memory: Memory,
}

/// What is known of the resources that a name, or kind and name, stands for: at least one.
pub(super) async fn resources(config: &Config, wanted: &str) -> anyhow::Result<Known> {
    let (all, rollbacks) = match status(config).await {
        Some(status) => (status.reports().cloned().collect(), status.rollbacks),
        None => (look(config, &Selection::default()).await?, rollbacks(config).await?),
    };
    let is_meant = |report: &ResourceReport| {
        report.resource.name.as_str() == wanted || report.resource.to_string() == wanted
    };
    let (found, others): (Vec<_>, Vec<_>) = all.into_iter().partition(is_meant);
    if found.is_empty() {
        anyhow::bail!(
            "git has no resource `{wanted}`; it has: {}",
            listed(others.iter().map(|report| &report.resource))
        );
    }
    Ok(Known { reports: found, rollbacks, memory: memory(config).await? })
}

/// What a store on this machine remembers; nothing where there is none.
pub(super) async fn memory(config: &Config) -> anyhow::Result<Memory> {
    match config.store.as_ref().filter(|path| path.exists()) {
        Some(path) => Ok(Store::peek(path).await?.0),
        None => Ok(Memory::default()),
    }
}

/// The rollbacks that a store knows of.
async fn rollbacks(config: &Config) -> anyhow::Result<Vec<RollbackStatus>> {
    let Some(path) = config.store.as_ref().filter(|path| path.exists()) else { return Ok(Vec::new()) };
    let known = Store::peek_rollbacks(path).await?;
    Ok(statuses(known.values(), Clock::scaled(config.time_scale).now()))
}

/// What of git is refused. A controller or its store has to tell: from the repository alone it cannot be seen.
pub(super) async fn refused(config: &Config) -> anyhow::Result<Option<Refused>> {
    let has_store = config.store.as_ref().is_some_and(|store| store.exists());
    let mut answered = false;
    for look in 0..LOOKS {
        let Some(status) = status(config).await else { break };
        answered = true;
        if let Some(refused) = refused_by(status)? {
            return Ok(Some(refused));
        }
        if has_store || look + 1 == LOOKS {
            break;
        }
        // Between reading git and the end of the pass over it, the controller has not judged yet.
        tokio::time::sleep(PAUSE).await;
    }
    match (has_store, answered) {
        (true, _) => refused_by_store(config).await,
        (false, true) => Ok(None),
        (false, false) => anyhow::bail!(
            "no controller for this repository answers at http://{}, and there is no store: what was applied before is not known, so \
             neither is what is refused. Say where the controller listens with --listen, or run this beside its bowline.yaml",
            config.listen
        ),
    }
}

/// What the controller's status says of it.
fn refused_by(status: Status) -> anyhow::Result<Option<Refused>> {
    let reason = status.git.reason.unwrap_or_default();
    let Some(commit) = status.git.commit else { return Ok(None) };
    match status.git.standing {
        Standing::ForcePushed | Standing::Shrunk => {
            let why = reason.replace(&format!("; {}", how_to_accept(&commit.id)), "");
            Ok(Some(Refused { head: CommitId::parse(&commit.id)?, why }))
        }
        Standing::Fresh | Standing::Unread => Ok(None),
        Standing::Stale => anyhow::bail!("the controller cannot read the repository: {reason}"),
    }
}

/// What the store's baselines say of the newest commit. AWS is not asked.
async fn refused_by_store(config: &Config) -> anyhow::Result<Option<Refused>> {
    let shutdown = CancellationToken::new();
    let mut world = wiring::wire_to_look(config, once::unset_mode(config), &shutdown).await?.world;
    let snapshot = once::snapshot(&mut world, &Selection::default()).await?;
    shutdown.cancel();
    let standing = standing_of(&world, &snapshot);
    if let GitStanding::Stale(why) = standing {
        anyhow::bail!(why);
    }
    let head = CommitId::parse(&snapshot.commit)?;
    Ok(refusal::why(&standing).map(|why| Refused { head, why }))
}

/// The commit with which a service was last good, if there is a store that knows it.
pub(super) async fn last_good(config: &Config, name: &ResourceName) -> anyhow::Result<Option<CommitId>> {
    let Some(path) = config.store.as_ref().filter(|path| path.exists()) else { return Ok(None) };
    let (memory, _) = Store::peek(path).await?;
    let known = memory.services.get(name).and_then(|service| service.last_good.as_ref());
    Ok(known.and_then(|good| CommitId::parse(&good.commit).ok()))
}

/// The commits that were acted from, newest first, as far as there is a store that knows them.
pub(super) async fn acted_from(config: &Config) -> anyhow::Result<Vec<CommitId>> {
    let Some(path) = config.store.as_ref().filter(|path| path.exists()) else { return Ok(Vec::new()) };
    let applied = Store::peek_applied(path).await?;
    Ok(applied.iter().filter_map(|commit| CommitId::parse(commit).ok()).collect())
}
