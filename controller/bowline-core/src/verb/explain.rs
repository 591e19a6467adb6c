//! Why is a resource in its state, what is waited for, and what can a person do?

mod rollback;

use jiff::Timestamp;
use serde::Serialize;

use crate::desired::ResourceKind;
use crate::plan::{Evidence, HeldWhy, ResourceReport, ServiceMemory, Sync, WaitingOn};

pub use rollback::{ExplainedRollback, RollbackSeen};

/// The state of a resource, in sentences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// `EcsService/web`.
    pub resource: String,
    /// Its state in one word; stable.
    pub sync: Sync,
    /// What that means.
    pub means: &'static str,
    /// What differs, and why nothing, or not everything, is done about it.
    pub because: Vec<String>,
    /// The rollback that is under way, or ended lately.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback: Option<ExplainedRollback>,
    /// What wrong answers to health conditions held, as far as a store on this machine has it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answer>,
    /// What is waited for.
    pub waits_for: Option<String>,
    /// What a person can do; empty where there is nothing to do.
    pub can_do: Vec<String>,
}

/// What a wrong answer to a health condition held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The condition, by what it is called.
    pub condition: String,
    /// When the answer came.
    pub at: Timestamp,
    /// Its beginning.
    pub text: String,
}

/// What the failed rollout's health conditions were answered, by what is remembered of the service.
pub fn answers(report: &ResourceReport, memory: Option<&ServiceMemory>) -> Vec<Answer> {
    let failed = report.failed.as_ref().and_then(|failed| memory?.attempts.get(&failed.spec_hash));
    let evidence = failed.and_then(|attempt| attempt.aftermath.evidence.as_ref());
    let bodies = evidence.into_iter().flat_map(Evidence::bodies);
    bodies
        .map(|(condition, at, text)| Answer { condition: condition.to_owned(), at, text: text.to_owned() })
        .collect()
}

/// Explains the state after the last pass. `rollback` is the newest one of the resource, if one is under way or ended lately.
pub fn explain(report: &ResourceReport, rollback: Option<&RollbackSeen>) -> Explanation {
    let name = report.resource.name.as_str();
    let mut because: Vec<String> = report.differences.iter().map(ToString::to_string).collect();
    because.extend(report.unknown.iter().map(|why| why.message.clone()));
    because.extend(report.held.iter().map(ToString::to_string));
    because.extend(report.warnings.iter().map(ToString::to_string));
    because.extend(report.notes.iter().cloned());
    let mut can_do: Vec<String> = report.unknown.iter().map(|why| why.hint.clone()).collect();
    can_do.extend(rollback.into_iter().flat_map(|rollback| rollback.advice(name)));
    let goes_back = rollback.is_some_and(RollbackSeen::goes_back);
    let advised = report.held.iter().flat_map(|why| advice(why, report));
    // Git goes back already.
    can_do.extend(advised.filter(|one| !goes_back || *one != go_back(name)));
    can_do.extend(report.warnings.iter().map(crate::plan::Warning::hint));
    if can_do.is_empty() {
        can_do.extend(usual(report, name));
    }
    let mut seen = std::collections::BTreeSet::new();
    can_do.retain(|one| seen.insert(one.clone()));
    Explanation {
        resource: report.resource.to_string(),
        sync: report.sync,
        means: meaning(report.sync),
        because,
        rollback: rollback.map(RollbackSeen::explained),
        answers: Vec::new(),
        waits_for: report.waiting_on.as_ref().map(ToString::to_string),
        can_do,
    }
}

fn go_back(name: &str) -> String {
    format!("go back in git: bowline rollback {name}")
}

fn meaning(sync: Sync) -> &'static str {
    match sync {
        Sync::InSync => "live is as git says",
        Sync::Drifted => "live is not as git says",
        Sync::Progressing => "a rollout is under way",
        Sync::AwaitingGit => "what git wants has failed before, so git has to change",
        Sync::Missing => "git has it, and AWS has not",
        Sync::Unknown => "it could not be read, so nothing is concluded and nothing done",
        Sync::Invalid => "what git says of it cannot be used",
    }
}

/// What can be done about a reason to hold.
fn advice(why: &HeldWhy, report: &ResourceReport) -> Vec<String> {
    let name = report.resource.name.as_str();
    match why {
        HeldWhy::Mode { mode, by_ceiling } => {
            let place = if *by_ceiling { "`ceiling.mode` in bowline.yaml" } else { "`mode` of the Target" };
            vec![format!("to let Bowline act, change {place} from {mode} to enforce")]
        }
        HeldWhy::NotPermitted { capability, by_ceiling, .. } => {
            let place = if *by_ceiling {
                "`ceiling.capabilities` in bowline.yaml"
            } else {
                "`capabilities` of the Target"
            };
            vec![format!("to let Bowline act, add {capability} to {place}")]
        }
        HeldWhy::OutsideCeiling { .. } => {
            vec![
                "allow the account and the role in `ceiling` of bowline.yaml, or correct the Target"
                    .to_owned(),
            ]
        }
        HeldWhy::Suspended { .. } => {
            vec![format!("to end it now: bowline resume {}", report.resource)]
        }
        HeldWhy::Quarantined { .. } => vec![
            format!("find out why: bowline history {name}, then the stopped tasks and their logs"),
            go_back(name),
            "or fix it in git: another image, revision or setting is another spec, and is tried".to_owned(),
            format!("or, if the reason lay elsewhere, try the same once more: bowline retry {name}"),
        ],
        HeldWhy::CommitFailed { resource, spec_hash, .. } => {
            let mut can_do = vec![format!("mend what failed: bowline explain {resource}")];
            if spec_hash.is_some() {
                can_do.push(format!("or start this all the same: bowline retry {name}"));
            }
            can_do
        }
        HeldWhy::HealDelay { .. } => vec![
            "put what somebody did by hand into git, or wait until it is healed".to_owned(),
            format!(
                "to keep Bowline off for longer: bowline suspend {} --until TIME --reason REASON",
                report.resource
            ),
        ],
        HeldWhy::ForcePush { .. } | HeldWhy::Shrunk { .. } => vec![
            "if it was meant: bowline accept".to_owned(),
            "if not: push a branch that contains the last applied commit, or bring the files back".to_owned(),
        ],
        HeldWhy::StaleGit { .. } => vec!["nothing; it goes on when the git server answers".to_owned()],
        HeldWhy::ChangeLimit { .. } => vec!["nothing; the rest follows in the next passes".to_owned()],
        HeldWhy::ActionFailed { hint, .. } => vec![hint.clone()],
        HeldWhy::OwnedByInstance { .. } | HeldWhy::OwnedByResource { .. } => {
            vec!["decide who owns it; the reason names the command that hands it over".to_owned()]
        }
        HeldWhy::NotCreatedByBowline => {
            vec!["create it, add `create` to its manifest, or delete its manifest".to_owned()]
        }
        HeldWhy::NewerThanPin { current } => vec![format!("pin {current} as `versionId` in git")],
        HeldWhy::LabelNotMovedBack { current } => vec![
            "if the older credential still works: write `rollback: label` into its manifest".to_owned(),
            format!("if not: pin {current} again, or a newer version with a credential that works"),
        ],
        HeldWhy::VersionMissing => vec!["pin a version that exists".to_owned()],
        HeldWhy::NeedsRecreation { field } => {
            vec![format!("take {field} back in git, or create the service anew by hand")]
        }
        HeldWhy::ReportOnly => vec!["repair it by hand, or change git".to_owned()],
        HeldWhy::NeedsPerson { what } => vec![what.clone()],
    }
}

/// What can be done where nothing is held.
fn usual(report: &ResourceReport, name: &str) -> Option<String> {
    match (report.sync, &report.waiting_on) {
        (Sync::InSync, None) => None,
        (_, Some(WaitingOn::Read { .. })) => Some("see what cannot be read: bowline status".to_owned()),
        (Sync::Progressing, _) | (_, Some(_)) => {
            Some(format!("wait; bowline history {name} tells what happens"))
        }
        (Sync::Invalid, None) => Some("see the mistake and its place: bowline validate".to_owned()),
        (Sync::Drifted | Sync::Missing, None) => Some("nothing; it is repaired in the next pass".to_owned()),
        (Sync::AwaitingGit, None) if report.resource.kind == ResourceKind::EcsService => Some(go_back(name)),
        (Sync::AwaitingGit | Sync::Unknown, None) => Some("look at it with bowline diff".to_owned()),
    }
}
