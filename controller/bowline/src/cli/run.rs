//! `bowline run`: the engine, until a signal.

use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::engine::{self, shutdown};

pub(super) async fn run(config: Config) -> anyhow::Result<u8> {
    let token = CancellationToken::new();
    shutdown::on_signals(token.clone())?;
    Box::pin(engine::run(config, token)).await?;
    Ok(0)
}
