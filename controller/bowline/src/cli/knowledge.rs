//! What a verb has to know of the state of things: from the running controller, or, where none answers, by looking.

use bowline_core::desired::how_to_accept;
use bowline_core::name::{CommitId, ResourceName};
use bowline_core::plan::ResourceReport;
use bowline_core::policy::GitStanding;
use bowline_core::verb::Refused;
use tokio_util::sync::CancellationToken;

use super::args::Selection;
use super::{once, remote};
use crate::config::Config;
use crate::engine::reconcile::standing_of;
use crate::engine::refusal;
use crate::engine::status::{Standing, Status};
use crate::engine::wiring;
use crate::store::Store;

/// The status of the running controller, if one answers and it reads the configured repository.
pub(super) async fn status(config: &Config) -> Option<Status> {
    let status = remote::get::<Status>(config, "/api/v1/status").await.ok()?;
    let ours = Status::starting(config, status.started_at).git;
    let same = |one: &Status| {
        (&one.git.repo, &one.git.reference, &one.git.path) == (&ours.repo, &ours.reference, &ours.path)
    };
    (same(&status) && status.pass.is_some()).then_some(status)
}

/// The state of one service.
pub(super) async fn service(config: &Config, name: &ResourceName) -> anyhow::Result<ResourceReport> {
    let is_it = |report: &&ResourceReport| {
        report.resource.kind == bowline_core::desired::ResourceKind::EcsService
            && report.resource.name == *name
    };
    if let Some(status) = status(config).await
        && let Some(report) = status.resources.iter().find(is_it)
    {
        return Ok(report.clone());
    }
    let selection = Selection { service: Some(name.to_string()), ..Selection::default() };
    let shutdown = CancellationToken::new();
    let mut world = wiring::wire_to_look(config, once::unset_mode(config), &shutdown).await?.world;
    let snapshot = once::snapshot(&mut world, &selection).await?;
    let pass = once::look(&mut world, &snapshot).await;
    shutdown.cancel();
    let report = pass.approved.reports.values().find(is_it).cloned();
    report.ok_or_else(|| anyhow::anyhow!("the state of EcsService/{name} is not known"))
}

/// What of git is refused. A controller or its store has to tell: from the repository alone it cannot be seen.
pub(super) async fn refused(config: &Config) -> anyhow::Result<Option<Refused>> {
    if let Some(status) = status(config).await {
        let reason = status.git.reason.unwrap_or_default();
        let Some(commit) = status.git.commit else { return Ok(None) };
        return match status.git.standing {
            Standing::ForcePushed | Standing::Shrunk => {
                let why = reason.replace(&format!("; {}", how_to_accept(&commit.id)), "");
                Ok(Some(Refused { head: CommitId::parse(&commit.id)?, why }))
            }
            Standing::Fresh | Standing::Unread => Ok(None),
            Standing::Stale => anyhow::bail!("the controller cannot read the repository: {reason}"),
        };
    }
    let has_store = config.store.as_ref().is_some_and(|store| store.exists());
    if !has_store {
        anyhow::bail!(
            "no controller for this repository answers at http://{}, and there is no store: what was applied before is not known, so \
             neither is what is refused. Say where the controller listens with --listen, or run this beside its bowline.yaml",
            config.listen
        );
    }
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
