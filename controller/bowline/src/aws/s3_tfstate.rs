//! A Terraform state in S3: which version is current, its first fields, and what core keeps of the services that git asks
//! about. The rest of it holds secrets and is dropped.

mod scanner;
mod services;

use std::collections::BTreeSet;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_smithy_types::byte_stream::ByteStream;
use bowline_core::live::{LiveState, UnknownCategory};
use bowline_core::name::{BucketName, ObjectKey};
use tokio::sync::mpsc;

use super::api::Api;
use super::client::Session;
use super::error::AwsError;
use super::limiter::Priority;
use super::timestamp;
use scanner::{Header, Scan, Scanner};
use services::{Pieces, Services};

/// More than any state that Terraform can still handle.
const MOST_BYTES: usize = 512 << 20;
/// How many pieces of a body may wait to be looked at.
const PIECES_AHEAD: usize = 4;
/// How often a state that is written while it is read is tried again.
const TRIES: usize = 3;

/// The code of S3's answer to a version that was replaced between two calls.
const CHANGED: &str = "PreconditionFailed";

impl Session {
    /// The state's current version, with the services at these addresses; `None` when there is no such object. `known` spares
    /// reading the same version again.
    pub(crate) async fn read_state(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        addresses: &BTreeSet<String>,
        known: Option<&LiveState>,
    ) -> Result<Option<LiveState>, AwsError> {
        let on = format!("s3://{bucket}/{key}");
        for _ in 0..TRIES {
            let Some(head) = self.head(bucket, key, &on).await? else { return Ok(None) };
            let etag = head.e_tag().unwrap_or_default();
            if let Some(known) = known.filter(|known| {
                known.etag == etag
                    && known.version_id == head.version_id
                    && addresses.iter().eq(known.services.keys())
            }) {
                return Ok(Some(known.clone()));
            }
            match self.body(bucket, key, addresses, &head, &on).await {
                Ok((header, services)) => return Ok(Some(live(&head, header, services))),
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

    /// Reads as much of the body as is asked for: its first fields, or, for the sake of services, all of it.
    async fn body(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        addresses: &BTreeSet<String>,
        head: &HeadObjectOutput,
        on: &str,
    ) -> Result<(Header, Services), AwsError> {
        let api = Api::GetObject;
        let attempt = || async {
            let call = self.clients().s3.get_object().bucket(bucket.as_str()).key(key.as_str());
            // Without versioning, or in it as "null", the ETag makes sure that it is the object that HeadObject saw.
            let call = call.set_version_id(head.version_id.clone()).set_if_match(head.e_tag.clone());
            let object = call.send().await.map_err(|error| AwsError::from_sdk(api, on, &error))?;
            take(object.body, addresses, on).await
        };
        self.attempts(api, on, Priority::Scan, attempt).await
    }
}

/// Takes from a body what is wanted, piece by piece.
async fn take(
    mut body: ByteStream,
    addresses: &BTreeSet<String>,
    on: &str,
) -> Result<(Header, Services), AwsError> {
    let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
    let all = !addresses.is_empty();
    // Should this end early, the other side comes to the end of its pieces and ends, too.
    let services = all.then(|| {
        let addresses = addresses.clone();
        tokio::task::spawn_blocking(move || services::find(Pieces::new(receiver), &addresses))
    });
    let (mut scanner, mut scan, mut read) = (Scanner::default(), Scan::More, 0);
    while let Some(chunk) = body.next().await.transpose().map_err(|error| {
        AwsError::bad_answer(Api::GetObject, on, &format!("the answer was cut off ({error})"))
    })? {
        read += chunk.len();
        if scan == Scan::More {
            scan = scanner.feed(&chunk);
        }
        match scan {
            Scan::NotJson => return Err(refused(on, "the object is not a JSON document")),
            _ if read > MOST_BYTES => return Err(refused(on, "the state is larger than 512 MiB")),
            Scan::Done if !all => break,
            // It has found out that it is no state.
            Scan::More | Scan::Done => {
                if all && sender.send(chunk).await.is_err() {
                    break;
                }
            }
        }
    }
    drop(sender);
    let header = scanner.finish().map_err(|what| refused(on, what))?;
    let services = match services {
        Some(services) => match services.await {
            Ok(services) => services.map_err(|what| refused(on, what))?,
            Err(_) => {
                return Err(AwsError::bad_answer(
                    Api::GetObject,
                    on,
                    "reading the state ended without an answer",
                ));
            }
        },
        None => Services::new(),
    };
    Ok((header, services))
}

/// An object that was read, and that is not a state that Bowline can use.
fn refused(on: &str, what: &str) -> AwsError {
    AwsError::new(Api::GetObject, on, UnknownCategory::Refused, what)
        .hinting("Check that `bucket` and `key` name a Terraform state of format version 4, not encrypted by OpenTofu.")
}

fn is_404(error: &AwsError) -> bool {
    matches!(error.code(), Some("NotFound" | "NoSuchKey" | "HTTP 404"))
}

fn live(head: &HeadObjectOutput, header: Header, services: Services) -> LiveState {
    LiveState {
        version_id: head.version_id.clone().filter(|id| id != "null"),
        etag: head.e_tag.clone().unwrap_or_default(),
        last_modified: head.last_modified.and_then(timestamp),
        serial: header.serial,
        lineage: header.lineage,
        terraform_version: header.terraform_version,
        services,
    }
}
