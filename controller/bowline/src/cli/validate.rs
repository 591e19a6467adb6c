//! `bowline validate`: the desired state of a folder, and every finding in it.

use std::fmt::Write as _;

use bowline_core::desired::{DesiredState, Finding, Severity};
use owo_colors::OwoColorize;
use serde::Serialize;

use super::args::Validate;
use super::findings;
use super::output::Output;
use crate::engine::status::STATUS_VERSION;
use crate::source::folder;

/// The result as JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    version: u32,
    valid: bool,
    path: String,
    resources: Resources,
    findings: &'a [Finding],
}

/// How many resources of each kind there are.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Resources {
    targets: usize,
    services: usize,
    secrets: usize,
    states: usize,
    invalid: usize,
    /// Documents with another `apiVersion`.
    skipped: usize,
}

impl Resources {
    fn of(state: &DesiredState) -> Self {
        Self {
            targets: state.targets.len(),
            services: state.services.len(),
            secrets: state.secrets.len(),
            states: state.states.len(),
            invalid: state.invalid.len(),
            skipped: state.skipped,
        }
    }
}

pub(super) fn validate(args: &Validate, output: Output) -> anyhow::Result<u8> {
    let path = args.path.display();
    if args.path.is_file() {
        anyhow::bail!(
            "{path} is a file; give the folder that holds it: manifests are checked together with what they refer to"
        );
    }
    if !args.path.is_dir() {
        anyhow::bail!("there is no folder {path}; give the one that holds the manifests");
    }
    let (state, found) = folder::read(&args.path).map_err(|error| anyhow::anyhow!(error.sentence()))?;
    let valid = !found.iter().any(|finding| finding.severity == Severity::Error);
    let document = Document {
        version: STATUS_VERSION,
        valid,
        path: args.path.display().to_string(),
        resources: Resources::of(&state),
        findings: &found,
    };
    output.result(&document, || text(&document))?;
    Ok(u8::from(!valid))
}

fn text(document: &Document<'_>) -> String {
    let mut text = findings::render(document.findings);
    let Resources { targets, services, secrets, states, invalid, skipped } = document.resources;
    let verdict = if document.valid { "valid".green().to_string() } else { "not valid".red().to_string() };
    let _ = write!(
        text,
        "{}: {verdict}; {} in {targets} Target, {services} EcsService, {secrets} Secret, {states} TerraformState",
        document.path,
        findings::count(document.findings),
    );
    if invalid > 0 {
        let _ = write!(text, "; {invalid} cannot be used");
    }
    if skipped > 0 {
        let _ = write!(text, "; {skipped} with another apiVersion skipped");
    }
    text.push('\n');
    text
}
