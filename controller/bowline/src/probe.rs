//! Is it healthy? Health conditions in, one answer each out.
//!
//! [`Prober`] asks those that the core wants followed, each at its interval, in a task of its own; [`ask`] asks one. What an
//! answer holds stays here: only its status and size are told. Each connection is checked by the address that it goes to,
//! after the name was resolved. May import `aws` for target groups. It must not know what follows from an answer.

mod connect;
mod http;
mod mcp;
mod prober;
mod target_group;

use std::collections::BTreeSet;
use std::sync::Arc;

use bowline_core::desired::kind::{HealthCheck, HealthCondition};
use bowline_core::live::{ProbeBody, ProbeOutcome};
use bowline_core::name::HostPattern;

use crate::aws::Session;
use connect::Refusal;
pub use prober::Prober;

/// How many characters of a reason are kept.
const MOST_CHARACTERS: usize = 300;

/// What is needed to ask the conditions of one service.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// Hosts that may be probed.
    hosts: Arc<BTreeSet<HostPattern>>,
    /// The service's Target.
    session: Session,
    /// The target groups of each of its load balancers.
    target_groups: Vec<Vec<String>>,
}

/// Why a probe has no right answer.
#[derive(Debug)]
enum Wrong {
    /// The answer is wrong, or there is none.
    Failed(String),
    /// The answer is wrong, and holds this. The sentence says nothing of it but its size.
    Answered(String, Option<ProbeBody>),
    /// AWS could not be asked.
    Unknown(String),
    /// Nothing was sent.
    Refused(String),
}

impl From<Refusal> for Wrong {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotAllowed(why) => Self::Refused(why),
            Refusal::NoConnection(why) => Self::Failed(why),
        }
    }
}

/// Asks one condition, within its time limit. With what a wrong answer held.
pub(crate) async fn ask(site: &Site, condition: &HealthCondition) -> (ProbeOutcome, Option<ProbeBody>) {
    let limit = condition.timeout.get();
    let asked = async {
        match &condition.check {
            HealthCheck::Http(check) => http::ask(&site.hosts, check).await,
            HealthCheck::Tcp(check) => {
                connect::tcp(&site.hosts, check.host.as_str(), check.port).await?;
                Ok(())
            }
            HealthCheck::TargetGroup(check) => target_group::ask(site, check).await,
            HealthCheck::Mcp(check) => mcp::ask(&site.hosts, check).await,
        }
    };
    let asked = tokio::time::timeout(limit, asked).await;
    let late = || Wrong::Failed(format!("no answer within {}s", limit.as_secs()));
    let short = |text: String| text.chars().take(MOST_CHARACTERS).collect();
    match asked.unwrap_or_else(|_| Err(late())) {
        Ok(()) => (ProbeOutcome::Passed, None),
        Err(Wrong::Failed(why)) => (ProbeOutcome::Failed(short(why)), None),
        Err(Wrong::Answered(why, body)) => (ProbeOutcome::Failed(short(why)), body),
        Err(Wrong::Unknown(why)) => (ProbeOutcome::Unknown(short(why)), None),
        Err(Wrong::Refused(why)) => (ProbeOutcome::Refused(short(why)), None),
    }
}

#[cfg(test)]
mod tests;
