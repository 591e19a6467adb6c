//! The one place where calls wait for their turn, are repeated, and are counted.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use backon::{BackoffBuilder, ExponentialBuilder, Retryable};
use bowline_core::live::UnknownCategory;

use super::api::Api;
use super::client::Session;
use super::error::{AwsError, Effect};
use super::limiter::Priority;

/// How often a call is sent at most.
const ATTEMPTS: usize = 4;
/// How long is waited before the second attempt; it doubles, and jitter adds up to as much again.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

impl Session {
    /// Sends a call of the SDK: waits for its turn, repeats it as [`Api::repeat`] allows, and names what failed.
    ///
    /// `on` is the resource in words. The Target's `constraints.timeout` bounds all attempts together, waiting for a
    /// token of the rate limiter excepted.
    pub(crate) async fn call<T, E, F, Fut>(
        &self,
        api: Api,
        on: &str,
        priority: Priority,
        send: F,
    ) -> Result<T, AwsError>
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let attempt = || async {
            let answer = send().await.map_err(|error| AwsError::from_sdk(api, on, &error));
            if self.is_aws() { answer } else { answer.map_err(|error| error.at_another_endpoint(api)) }
        };
        self.attempts(api, on, priority, attempt).await
    }

    /// As [`Session::call`], for an attempt that reads its answer by itself.
    pub(crate) async fn attempts<T, F, Fut>(
        &self,
        api: Api,
        on: &str,
        priority: Priority,
        attempt: F,
    ) -> Result<T, AwsError>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, AwsError>>,
    {
        // In this order, so that scans queue where a watch overtakes them.
        self.turn(api, priority).await;
        // The semaphore is never closed, so there is always a permit in the end.
        let _permit = self.permits().acquire().await.ok();
        let first = Mutex::new(true);
        let last = Mutex::new(None);
        let one = || async {
            let repeated = !std::mem::take(&mut *first.lock().unwrap_or_else(PoisonError::into_inner));
            if repeated {
                self.turn(api, priority).await;
            }
            let answer = attempt().await;
            count(api, answer.as_ref().err());
            if answer.as_ref().is_err_and(|error| error.category() == UnknownCategory::Throttled) {
                self.throttled(api).await;
            }
            answer
        };
        let clock = self.clock();
        let all = one
            .retry(backoff())
            .sleep(move |wait| {
                let clock = clock.clone();
                async move { clock.sleep(wait).await }
            })
            .when(|error| error.may_repeat(api.repeat()))
            .notify(|error, wait| {
                tracing::debug!(operation = api.name(), %error, ?wait, "repeating a call to AWS");
                *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
            });
        // Boxed only now: hundreds of calls wait for their turn at a time, and what the SDK needs for one is 14 KB.
        if let Ok(answer) = tokio::time::timeout(self.timeout(), Box::pin(all)).await {
            return answer;
        }
        let what = format!("no answer within {} s", self.timeout().as_secs());
        let late = AwsError::new(api, on, UnknownCategory::Unreachable, &what);
        count(api, Some(&late));
        // What AWS said before tells more, but the attempt that was under way may have had its effect.
        let last = last.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or(late);
        Err(AwsError { effect: Effect::Possible, ..last })
    }
}

fn backoff() -> impl BackoffBuilder {
    ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(FIRST_WAIT)
        .with_max_delay(LONGEST_WAIT)
        .with_max_times(ATTEMPTS - 1)
}

fn count(api: Api, error: Option<&AwsError>) {
    let outcome = error.map_or("ok", |error| category_label(error.category()));
    metrics::counter!(
        "bowline_aws_calls_total",
        "service" => api.service().name(),
        "operation" => api.name(),
        "outcome" => outcome
    )
    .increment(1);
}

/// The category as a metric label; the same words as in `-o json`.
fn category_label(category: UnknownCategory) -> &'static str {
    match category {
        UnknownCategory::NotRead => "not-read",
        UnknownCategory::Throttled => "throttled",
        UnknownCategory::Denied => "denied",
        UnknownCategory::NoCredentials => "no-credentials",
        UnknownCategory::InvalidCredentials => "invalid-credentials",
        UnknownCategory::OutsideCeiling => "outside-ceiling",
        UnknownCategory::WrongAccount => "wrong-account",
        UnknownCategory::Unreachable => "unreachable",
        UnknownCategory::ServerError => "server-error",
        UnknownCategory::BadAnswer => "bad-answer",
        UnknownCategory::Unsupported => "unsupported",
        UnknownCategory::SuspiciouslyMissing => "suspiciously-missing",
        UnknownCategory::Refused => "refused",
    }
}
