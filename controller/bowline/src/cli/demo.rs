//! `bowline demo`: the playground, or the story.

use serde::Serialize;

use super::args;
use super::output::{Output, tell, write_out};
use crate::demo::{self, Step};
use crate::engine::status::STATUS_VERSION;

/// The result as JSON.
#[derive(Debug, Serialize)]
struct Document {
    version: u32,
    steps: Vec<Step>,
}

/// What happens is told as it happens: on standard output, or beside it when that is to hold JSON.
pub(super) async fn demo(args: &args::Demo, output: Output) -> anyhow::Result<u8> {
    let say = |line: &str| {
        let line = format!("{line}\n");
        if output.is_json() { tell(&line) } else { write_out(&line) }
    };
    let steps = demo::run(args.exit, &say).await?;
    output.result(&Document { version: STATUS_VERSION, steps }, String::new)?;
    Ok(0)
}
