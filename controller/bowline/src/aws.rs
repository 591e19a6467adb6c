//! How do we talk to AWS? A Target and a call in, typed live values or an [`AwsError`] out.
//!
//! The only room that names `aws_sdk_*`. May import core's `name`, `desired` and `live` types. It must not know why a
//! call is made: `observe` and `execute` ask, this room answers, throttled to half of AWS's rates and retried in one place.

mod api;
pub(crate) mod autoscaling;
mod call;
mod client;
pub(crate) mod ecs;
mod error;
mod identity;
mod limiter;
pub(crate) mod load_balancing;
pub(crate) mod s3_tfstate;
pub(crate) mod secrets;
mod settings;

pub use api::{Api, Bucket, Service};
pub use client::Aws;
pub(crate) use client::Session;
pub(crate) use error::{AwsError, Effect};
pub(crate) use limiter::Priority;
pub use settings::AwsSettings;

/// A time of the SDK as core's time.
fn timestamp(time: aws_smithy_types::DateTime) -> Option<jiff::Timestamp> {
    jiff::Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}
