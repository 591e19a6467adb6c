//! How an attempt went, as a sentence.

use bowline_core::plan::Outcome;

/// How an attempt went.
pub(super) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done { deployment_id: Some(id), .. } => format!("done ({id})"),
        Outcome::Done { .. } => "done".to_owned(),
        Outcome::AlreadyDone => "was done already".to_owned(),
        Outcome::Superseded { found } => format!("not done, somebody else was faster: {found}"),
        Outcome::Failed(why) => format!("failed: {}; {}", why.message, why.hint),
    }
}
