//! `bowline plan`: what differs and what `apply` would do. Changes nothing, here or at AWS.

use tokio_util::sync::CancellationToken;

use super::args::Selection;
use super::once;
use super::output::Output;
use crate::config::Config;
use crate::engine::wiring;

pub(super) async fn plan(config: &Config, selection: &Selection, output: Output) -> anyhow::Result<u8> {
    let shutdown = CancellationToken::new();
    let wired = wiring::wire_to_look(config, once::unset_mode(config), &shutdown).await?;
    let mut world = wired.world;
    let snapshot = once::snapshot(&mut world, selection).await?;
    once::tell_uncommitted(config);
    let pass = once::look(&mut world, &snapshot).await;
    shutdown.cancel();
    let code = once::exit_code(&pass, &snapshot.findings);
    output.result(&once::document(config, &snapshot, &pass, code), || {
        once::render(config, &snapshot, &pass, true)
    })?;
    Ok(code)
}
