//! What a simulated service is told of a call, and how it words a refusal.

/// Who calls, where and when: what every simulated service needs to know of a request.
pub(crate) struct CallContext {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) now: jiff::Timestamp,
    pub(crate) request_id: String,
    pub(crate) principal_arn: String,
}

/// An error as AWS words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl ApiError {
    /// A refusal of the request: HTTP 400.
    pub(crate) fn bad_request(code: &str, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.to_owned(), message: message.into() }
    }
}
