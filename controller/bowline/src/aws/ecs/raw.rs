//! Task definitions and settings of services pass as the JSON that AWS speaks, so that a field newer than the SDK is neither
//! lost nor changed.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;

/// Keeps what `read` takes from the answer's body, beside what the SDK makes of it.
pub(super) struct RawAnswer<T> {
    read: fn(&[u8]) -> Option<T>,
    taken: Arc<Mutex<Option<T>>>,
}

impl<T> RawAnswer<T> {
    pub(super) fn new(read: fn(&[u8]) -> Option<T>) -> Self {
        Self { read, taken: Arc::default() }
    }

    /// What was read; `None` where `read` could not make anything of the answer.
    pub(super) fn take(&self) -> Option<T> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<T> Clone for RawAnswer<T> {
    fn clone(&self) -> Self {
        Self { read: self.read, taken: Arc::clone(&self.taken) }
    }
}

impl<T> std::fmt::Debug for RawAnswer<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("RawAnswer")
    }
}

impl<T: Send + 'static> Intercept for RawAnswer<T> {
    fn name(&self) -> &'static str {
        "RawAnswer"
    }

    // Only here: before, the body is still a stream.
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let taken = context.response().body().bytes().and_then(self.read);
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = taken;
        Ok(())
    }
}

/// Sends this body instead of the one that the SDK made.
#[derive(Clone)]
pub(super) struct RawRequest {
    body: Arc<[u8]>,
}

impl RawRequest {
    pub(super) fn new(body: Arc<[u8]>) -> Self {
        Self { body }
    }
}

// A task definition may hold confidential environment values: it is not printed.
impl std::fmt::Debug for RawRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("RawRequest")
    }
}

impl Intercept for RawRequest {
    fn name(&self) -> &'static str {
        "RawRequest"
    }

    // Before signing, since the signature covers the body.
    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        request.headers_mut().insert("content-length", self.body.len().to_string());
        *request.body_mut() = SdkBody::from(self.body.as_ref());
        Ok(())
    }
}
