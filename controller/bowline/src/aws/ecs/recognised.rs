//! Answers that were read before: what is the same to the byte is not read again.
//!
//! Between two passes nearly nothing changes, and ten services with their full histories are 150 KB of JSON. Taking the
//! SHA-256 of that costs a tenth of understanding it, and half a million strings less each pass at 1,000 services.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextMut;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use bowline_core::name::{AccountId, ClusterName, Region};
use bytes::Bytes;
use hyper::body::{Body, Frame};
use sha2::{Digest as _, Sha256};

use super::ServicesAnswer;
use crate::aws::client::Session;

/// SHA-256 of an answer's body.
type Digest = [u8; 32];

/// Ten services with their full histories, twice over, in bytes.
const MOST_ROOM: u64 = 300_000;

/// Twice as many batches as the largest cluster has; beyond it everything is forgotten, and read again once.
const MOST: usize = 1_000;

/// What was asked for: the answers to two batches never stand for each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Batch {
    account: AccountId,
    region: Region,
    cluster: ClusterName,
    services: Vec<String>,
}

impl Batch {
    pub(super) fn of(session: &Session, services: &[String]) -> Self {
        Self {
            account: session.account().clone(),
            region: session.region().clone(),
            cluster: session.cluster().clone(),
            services: services.to_vec(),
        }
    }
}

/// An answer that was understood, and the bytes that it was.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) digest: Digest,
    pub(super) answer: ServicesAnswer,
}

/// The newest answer to each batch.
#[derive(Debug, Default)]
pub(in crate::aws) struct Answers {
    known: Mutex<BTreeMap<Batch, Arc<Known>>>,
}

impl Answers {
    pub(super) fn known(&self, batch: &Batch) -> Option<Arc<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(batch).cloned()
    }

    pub(super) fn put(&self, batch: Batch, digest: Digest, answer: ServicesAnswer) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(batch, Arc::new(Known { digest, answer }));
    }
}

/// Takes the digest of an answer's body while it arrives. If it is the known one, the SDK gets an empty object instead.
#[derive(Debug, Clone)]
pub(super) struct Recogniser {
    known: Option<Digest>,
    seen: Arc<Mutex<Option<Digest>>>,
}

impl Recogniser {
    pub(super) fn new(known: Option<Digest>) -> Self {
        Self { known, seen: Arc::default() }
    }

    /// The digest of the answer that arrived last.
    pub(super) fn digest(&self) -> Option<Digest> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for Recogniser {
    fn name(&self) -> &'static str {
        "Recogniser"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        let inner = std::mem::replace(body, SdkBody::empty());
        *body = SdkBody::from_body_1_x(Arriving {
            held: Vec::with_capacity(inner.size_hint().exact().map_or(0, roomy)),
            inner,
            digest: Sha256::new(),
            arrived: false,
            recogniser: self.clone(),
        });
        Ok(())
    }
}

/// Room for a body whose server says how long it is, but for no more than answers are long.
fn roomy(length: u64) -> usize {
    usize::try_from(length.min(MOST_ROOM)).unwrap_or_default()
}

/// A body that is held until its last byte says whether it is known.
struct Arriving {
    inner: SdkBody,
    digest: Sha256,
    /// Copied: each piece of a body keeps the connection's buffer, 400 KB, from being used again.
    held: Vec<u8>,
    arrived: bool,
    recogniser: Recogniser,
}

impl Arriving {
    /// Nothing more comes: is it known?
    fn arrive(&mut self) {
        self.arrived = true;
        let digest: Digest = std::mem::take(&mut self.digest).finalize().into();
        *self.recogniser.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(digest);
        if self.recogniser.known == Some(digest) {
            self.held = b"{}".to_vec();
        }
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = aws_smithy_types::body::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        while !self.arrived {
            match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                Some(frame) => {
                    // Trailers say nothing that is read.
                    if let Ok(data) = frame?.into_data() {
                        self.digest.update(&data);
                        self.held.extend_from_slice(&data);
                    }
                }
                None => self.arrive(),
            }
        }
        let held = std::mem::take(&mut self.held);
        Poll::Ready((!held.is_empty()).then(|| Ok(Frame::data(held.into()))))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    /// What the SDK gets to read of a body, with the digest that was taken of it.
    async fn arrived(body: &'static str, known: Option<Digest>) -> (Bytes, Option<Digest>) {
        let recogniser = Recogniser::new(known);
        let arriving = Arriving {
            inner: SdkBody::from(body),
            digest: Sha256::new(),
            held: Vec::new(),
            arrived: false,
            recogniser: recogniser.clone(),
        };
        (arriving.collect().await.unwrap().to_bytes(), recogniser.digest())
    }

    #[tokio::test]
    async fn only_what_is_the_same_to_the_byte_is_not_read_again() {
        let (text, first) = arrived(r#"{"services":[]}"#, None).await;
        assert_eq!((&*text, first.is_some()), (&br#"{"services":[]}"#[..], true));
        assert_eq!(arrived(r#"{"services":[]}"#, first).await, (Bytes::from_static(b"{}"), first));
        let (text, other) = arrived(r#"{"services": []}"#, first).await;
        assert_eq!(&*text, br#"{"services": []}"#);
        assert_ne!(other, first);
    }
}
