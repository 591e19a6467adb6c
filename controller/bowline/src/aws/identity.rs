//! Whose credentials are these? Asked before anything of a Target is read or written.

use std::time::Duration;

use bowline_core::live::{UnknownCategory, UnknownReason};
use bowline_core::name::AccountId;
use tokio::time::Instant;

use super::api::Api;
use super::client::Session;
use super::error::AwsError;
use super::limiter::Priority;

/// How long an answer is believed. A refusal or a failure is never remembered.
const BELIEVED_FOR: Duration = Duration::from_mins(5);

/// Who the credentials of one set of clients belong to, and when AWS said so.
#[derive(Debug, Default)]
pub(super) struct IdentityMemo {
    known: tokio::sync::Mutex<Option<(Instant, Caller)>>,
}

#[derive(Debug, Clone)]
struct Caller {
    account: String,
    arn: String,
}

impl Session {
    /// Makes sure that the caller's account is the Target's.
    pub(crate) async fn verify_account(&self) -> Result<(), UnknownReason> {
        // Held while asking, so that Targets that share credentials ask once.
        let mut known = self.clients().identity.known.lock().await;
        let caller = match known.as_ref() {
            Some((at, caller)) if at.elapsed() < BELIEVED_FOR => caller.clone(),
            _ => {
                *known = None;
                self.ask().await.map_err(|error| error.reason)?
            }
        };
        if caller.account != self.account().as_str() {
            return Err(self.wrong_account(&caller));
        }
        if known.is_none() {
            *known = Some((Instant::now(), caller));
        }
        Ok(())
    }

    /// The account that the credentials belong to, whichever the Target names: for a Target that is yet to be made.
    pub(crate) async fn caller_account(&self) -> Result<AccountId, UnknownReason> {
        let caller = self.ask().await.map_err(|error| error.reason)?;
        AccountId::parse(&caller.account).map_err(|error| {
            let (api, on) = (Api::GetCallerIdentity, "the credentials");
            AwsError::bad_answer(api, on, &error.to_string()).reason
        })
    }

    /// Credentials that were refused may be others by now: ask again next time.
    pub(crate) async fn forget_account(&self) {
        *self.clients().identity.known.lock().await = None;
    }

    /// `aws`, `aws-cn` or `aws-us-gov`, from the caller's ARN.
    pub(super) async fn partition(&self) -> String {
        let known = self.clients().identity.known.lock().await;
        let partition =
            known.as_ref().and_then(|(_, caller)| caller.arn.split(':').nth(1).map(str::to_owned));
        partition.unwrap_or_else(|| "aws".to_owned())
    }

    async fn ask(&self) -> Result<Caller, AwsError> {
        let on = match self.role() {
            Some(role) => format!("the credentials from role {}", role.arn),
            None => "the credentials".to_owned(),
        };
        let api = Api::GetCallerIdentity;
        let sts = &self.clients().sts;
        let answer = self.call(api, &on, Priority::Watch, || sts.get_caller_identity().send()).await?;
        let account =
            answer.account.ok_or_else(|| AwsError::bad_answer(api, &on, "the answer names no account"))?;
        Ok(Caller { account, arn: answer.arn.unwrap_or_default() })
    }

    fn wrong_account(&self, caller: &Caller) -> UnknownReason {
        let category = UnknownCategory::WrongAccount;
        let what = format!(
            "they belong to account {} ({}), the Target is in {}; nothing of it was read",
            caller.account,
            caller.arn,
            self.account()
        );
        AwsError::new(Api::GetCallerIdentity, "the credentials", category, &what).reason
    }
}
