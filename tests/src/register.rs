//! Task definitions registered by boto3, and read by Bowline.

use std::path::Path;
use std::process::Command;

use bowline::config::CeilingSettings;
use bowline::observe::{self, Scope};
use bowline::source::folder;
use bowline_core::desired::TaskDefinitionContent;
use bowline_core::desired::kind::Mode;
use bowline_core::live::Observed;
use bowline_core::name::ResourceName;
use bowline_core::plan::Need;
use bowline_core::policy::Ceiling;
use serde_json::Value;

use crate::aws::{bowlines, credentials};
use crate::judges;
use crate::process::run;
use crate::servers::{ACCOUNT, REGION};
use crate::world::target;

/// What boto3 does before it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Holds each definition against AWS's service model.
    Model,
    /// Nothing: some lack what is required, on purpose.
    Nothing,
}

/// Registers all of them; gives their ARNs in the same order.
pub async fn register(endpoint: &str, definitions: &[Value], check: Check) -> Vec<String> {
    register_in(&[REGION], endpoint, definitions, check).await
}

/// As [`register`], in each of these regions in turn.
pub async fn register_in(
    regions: &[&str],
    endpoint: &str,
    definitions: &[Value],
    check: Check,
) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("definitions.json");
    let text = serde_json::to_string(definitions).expect("JSON can be written");
    std::fs::write(&file, text).expect("a file can be written");
    let mut command = Command::new(judges::program("python"));
    credentials(&mut command, folder.path(), ACCOUNT)
        .arg(judges::repository().join("tests/judges/register.py"))
        .arg(endpoint)
        .arg(regions.join(","))
        .arg(&file);
    if check == Check::Nothing {
        command.arg("--lenient");
    }
    let answers = run(command).await.with_code(0).json();
    let answers = answers.as_array().expect("a list");
    let arns = answers.iter().zip(definitions).map(|(answer, definition)| {
        answer["arn"].as_str().unwrap_or_else(|| panic!("{answer}\n{}", definition["family"])).to_owned()
    });
    arns.collect()
}

/// Reads the revisions as Bowline does before it compares.
pub async fn read(endpoint: &str, arns: &[String]) -> Vec<TaskDefinitionContent> {
    let aws = bowlines(endpoint).await;
    let home = tempfile::tempdir().expect("a folder can be made");
    std::fs::write(home.path().join("target.yaml"), target("observe")).expect("a file can be written");
    let (desired, findings) = folder::read(Path::new(home.path())).expect("the folder can be read");
    assert!(findings.is_empty(), "{findings:?}");
    let prod = ResourceName::parse("prod").expect("a name");
    let need = |arn: &String| Need::TaskDefinition { target: prod.clone(), reference: arn.clone() };
    let mut live = observe::observe(&aws, &desired, &anything(), None, Scope::ALL).await;
    observe::read(&aws, &desired, &mut live, &arns.iter().map(need).collect()).await;
    let found = arns.iter().map(|arn| match live.task_definitions.get(&(prod.clone(), arn.clone())) {
        Some(Observed::Known { value, .. }) => value.content.clone(),
        other => panic!("{arn}: {}", serde_json::to_string(&other).expect("it can be written")),
    });
    found.collect()
}

/// A ceiling that allows everything.
pub fn anything() -> Ceiling {
    CeilingSettings::default().ceiling(Mode::Enforce)
}
