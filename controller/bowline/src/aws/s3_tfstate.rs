//! A Terraform state in S3: which version is current, and its first fields. The rest of it holds secrets and is dropped.

mod scanner;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use bowline_core::live::{LiveState, UnknownCategory};
use bowline_core::name::{BucketName, ObjectKey};

use super::api::Api;
use super::client::Session;
use super::error::AwsError;
use super::limiter::Priority;
use super::timestamp;
use scanner::{Header, Scan, Scanner};

/// More than any state that Terraform can still handle.
const MOST_BYTES: usize = 512 << 20;
/// How often a state that is written while it is read is tried again.
const TRIES: usize = 3;

/// The code of S3's answer to a version that was replaced between two calls.
const CHANGED: &str = "PreconditionFailed";

impl Session {
    /// The state's current version; `None` when there is no such object. `known` spares reading the same version again.
    pub(crate) async fn read_state(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        known: Option<&LiveState>,
    ) -> Result<Option<LiveState>, AwsError> {
        let on = format!("s3://{bucket}/{key}");
        for _ in 0..TRIES {
            let Some(head) = self.head(bucket, key, &on).await? else { return Ok(None) };
            let etag = head.e_tag().unwrap_or_default();
            if let Some(known) =
                known.filter(|known| known.etag == etag && known.version_id == head.version_id)
            {
                return Ok(Some(known.clone()));
            }
            match self.header(bucket, key, &head, &on).await {
                Ok(header) => return Ok(Some(live(&head, header))),
                // Written between the two calls, in a bucket without versions.
                Err(error) if error.code() == Some(CHANGED) => {}
                Err(error) => return Err(error),
            }
        }
        Err(AwsError::bad_answer(Api::GetObject, &on, "the state changes faster than it can be read"))
    }

    async fn head(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        on: &str,
    ) -> Result<Option<HeadObjectOutput>, AwsError> {
        let api = Api::HeadObject;
        let send = || self.clients().s3.head_object().bucket(bucket.as_str()).key(key.as_str()).send();
        match self.call(api, on, Priority::Scan, send).await {
            Ok(head) if head.e_tag().is_some() => Ok(Some(head)),
            Ok(_) => Err(AwsError::bad_answer(api, on, "the answer has no ETag")),
            Err(error) if is_404(&error) => self.confirm_missing(bucket, key, on).await,
            Err(error) => Err(error),
        }
    }

    /// HeadObject has no body, so that a bucket that does not exist looks like an object that does not: GetObject tells.
    async fn confirm_missing(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        on: &str,
    ) -> Result<Option<HeadObjectOutput>, AwsError> {
        let api = Api::GetObject;
        let send = || {
            let call = self.clients().s3.get_object().bucket(bucket.as_str()).key(key.as_str());
            call.range("bytes=0-0").send()
        };
        match self.call(api, on, Priority::Scan, send).await {
            Ok(_) => Err(AwsError::bad_answer(api, on, "the object appeared while it was read")),
            Err(error) if error.code() == Some("NoSuchKey") => Ok(None),
            Err(error) if error.code() == Some("NoSuchBucket") => {
                Err(error.hinting(format!("There is no bucket `{bucket}`: check the manifest's `bucket`.")))
            }
            Err(error) => Err(error),
        }
    }

    async fn header(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        head: &HeadObjectOutput,
        on: &str,
    ) -> Result<Header, AwsError> {
        let api = Api::GetObject;
        let attempt = || async {
            let call = self.clients().s3.get_object().bucket(bucket.as_str()).key(key.as_str());
            // Without versioning, or in it as "null", the ETag makes sure that it is the object that HeadObject saw.
            let call = call.set_version_id(head.version_id.clone()).set_if_match(head.e_tag.clone());
            let mut object = call.send().await.map_err(|error| AwsError::from_sdk(api, on, &error))?;
            let mut scanner = Scanner::default();
            let mut read = 0;
            loop {
                let next = object.body.next().await.transpose();
                let chunk = next.map_err(|error| {
                    AwsError::bad_answer(api, on, &format!("the answer was cut off ({error})"))
                })?;
                let Some(chunk) = chunk else { break };
                read += chunk.len();
                match scanner.feed(&chunk) {
                    Scan::More if read <= MOST_BYTES => {}
                    Scan::More => return Err(refused(on, "the state is larger than 512 MiB")),
                    Scan::Done => break,
                    Scan::NotJson => return Err(refused(on, "the object is not a JSON document")),
                }
            }
            scanner.finish().map_err(|what| refused(on, what))
        };
        self.attempts(api, on, Priority::Scan, attempt).await
    }
}

/// An object that was read, and that is not a state that Bowline can use.
fn refused(on: &str, what: &str) -> AwsError {
    AwsError::new(Api::GetObject, on, UnknownCategory::Refused, what)
        .hinting("Check that `bucket` and `key` name a Terraform state of format version 4, not encrypted by OpenTofu.")
}

fn is_404(error: &AwsError) -> bool {
    matches!(error.code(), Some("NotFound" | "NoSuchKey" | "HTTP 404"))
}

fn live(head: &HeadObjectOutput, header: Header) -> LiveState {
    LiveState {
        version_id: head.version_id.clone().filter(|id| id != "null"),
        etag: head.e_tag.clone().unwrap_or_default(),
        last_modified: head.last_modified.and_then(timestamp),
        serial: header.serial,
        lineage: header.lineage,
        terraform_version: header.terraform_version,
    }
}
