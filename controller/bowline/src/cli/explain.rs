//! `bowline explain`: why a resource is in its state, what is waited for, and what a person can do.

use std::fmt::Write as _;

use bowline_core::verb::{self, Explanation};
use owo_colors::OwoColorize;

use super::args::Explain;
use super::knowledge;
use super::output::Output;
use crate::config::Config;

pub(super) async fn explain(config: &Config, args: &Explain, output: Output) -> anyhow::Result<u8> {
    let reports = knowledge::resources(config, &args.resource).await?;
    let explanations: Vec<Explanation> = reports.iter().map(verb::explain).collect();
    output.result(&explanations, || explanations.iter().map(render).collect::<Vec<_>>().join("\n"))?;
    if reports.iter().any(bowline_core::plan::ResourceReport::has_unknown) {
        return Ok(super::FAILED);
    }
    Ok(u8::from(!reports.iter().all(bowline_core::plan::ResourceReport::is_clean)))
}

fn render(explanation: &Explanation) -> String {
    let Explanation { resource, sync, means, because, waits_for, can_do } = explanation;
    let mut text = format!("{}: {sync}: {means}\n", resource.bold());
    let mut list = |title: &str, lines: &mut dyn Iterator<Item = &String>| {
        let lines: Vec<&String> = lines.collect();
        if !lines.is_empty() {
            let _ = writeln!(text, "\n{title}");
        }
        for line in lines {
            let _ = writeln!(text, "  {line}");
        }
    };
    list("Because:", &mut because.iter());
    list("It waits for:", &mut waits_for.iter());
    list("What you can do:", &mut can_do.iter());
    text
}
