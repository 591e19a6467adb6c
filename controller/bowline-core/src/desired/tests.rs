//! Tests of the whole room: files in, findings and desired state out.

#![allow(
    clippy::too_many_lines,
    reason = "tables of whole findings are long and still read from top to bottom"
)]

mod assembly;
mod broken_files;
mod creation;
mod files;
mod generated;
mod health;
mod ignore;
mod load_balancers;
mod manifests;
mod properties;
mod refused;
mod settings;
mod task_definitions;

use std::fmt::Write as _;

use super::*;
use crate::name::RelativePath;

fn path(text: &str) -> RelativePath {
    RelativePath::parse(text).unwrap()
}

fn manifest(text: &str) -> ParsedFile {
    parse_manifest(&path("prod/web.yaml"), text.as_bytes())
}

/// Everything that findings say, as a person would read it.
fn show(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let Location { path, line, column } = &finding.location;
        let (severity, code) = (finding.severity, finding.code);
        writeln!(text, "{path}:{line}:{column} {severity:?} {code:?}: {}", finding.message).unwrap();
        if let Some(snippet) = &finding.snippet {
            writeln!(text, "  | {snippet}").unwrap();
        }
        if let Some(hint) = &finding.hint {
            writeln!(text, "  = {hint}").unwrap();
        }
        for (Location { path, line, column }, label) in &finding.related {
            writeln!(text, "  > {path}:{line}:{column} {label}").unwrap();
        }
    }
    text
}

/// Asserts that the findings are exactly these.
#[track_caller]
fn expect(findings: &[Finding], expected: &str) {
    let shown = show(findings);
    assert!(shown == expected, "found:\n<<<\n{shown}>>>\nexpected:\n{expected}");
}
