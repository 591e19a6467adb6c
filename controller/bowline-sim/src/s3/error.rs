//! How S3 says no: a status, a code, a sentence, and what it was about.

use http::StatusCode;

/// A refusal, written as `<Error>` with its details as further elements.
#[derive(Debug)]
pub(super) struct S3Error {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) details: Vec<(&'static str, String)>,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl S3Error {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: Vec::new(), headers: Vec::new() }
    }

    fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// Adds a response header.
    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn no_such_bucket(bucket: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NoSuchBucket", "The specified bucket does not exist")
            .with("BucketName", bucket)
    }

    pub(super) fn no_such_key(key: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.").with("Key", key)
    }

    pub(super) fn no_such_version(key: &str, version: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NoSuchVersion", "The specified version does not exist.")
            .with("Key", key)
            .with("VersionId", version)
    }

    pub(super) fn no_such_upload(upload: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NoSuchUpload",
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been \
             aborted or completed.",
        )
        .with("UploadId", upload)
    }

    pub(super) fn precondition_failed(condition: &'static str) -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
        )
        .with("Condition", condition)
    }

    pub(super) fn not_modified() -> Self {
        Self::new(StatusCode::NOT_MODIFIED, "NotModified", "Not Modified")
    }

    pub(super) fn method_not_allowed(method: &str, resource: &'static str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
        )
        .with("Method", method)
        .with("ResourceType", resource)
    }

    pub(super) fn invalid_argument(name: &str, value: &str, message: &str) -> Self {
        Self::bad_request("InvalidArgument", message).with("ArgumentName", name).with("ArgumentValue", value)
    }

    pub(super) fn invalid_request(message: &str) -> Self {
        Self::bad_request("InvalidRequest", message)
    }

    pub(super) fn bad_digest(what: &str) -> Self {
        let message = if what == "Content-MD5" {
            "The Content-MD5 you specified did not match what we received.".to_owned()
        } else {
            format!("The {what} you specified did not match the calculated checksum.")
        };
        Self::bad_request("BadDigest", message)
    }

    pub(super) fn invalid_digest() -> Self {
        Self::bad_request("InvalidDigest", "The Content-MD5 you specified was invalid.")
    }

    pub(super) fn incomplete_body() -> Self {
        Self::bad_request(
            "IncompleteBody",
            "You did not provide the number of bytes specified by the Content-Length HTTP header",
        )
    }

    pub(super) fn malformed_xml() -> Self {
        Self::bad_request(
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        )
    }

    pub(super) fn invalid_part(message: &str) -> Self {
        Self::bad_request("InvalidPart", message)
    }

    pub(super) fn invalid_range(range: &str, size: usize) -> Self {
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", "The requested range is not satisfiable")
            .with("RangeRequested", range)
            .with("ActualObjectSize", size.to_string())
            .header("content-range", format!("bytes */{size}"))
    }

    pub(super) fn not_implemented(header: &str) -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "NotImplemented",
            "A header you provided implies functionality that is not implemented",
        )
        .with("Header", header)
    }

    pub(super) fn bucket_name(name: &str) -> Self {
        Self::bad_request("InvalidBucketName", "The specified bucket is not valid.").with("BucketName", name)
    }

    pub(super) fn location(message: &str) -> Self {
        Self::bad_request("IllegalLocationConstraintException", message)
    }

    pub(super) fn conflict(code: &'static str, message: &str, bucket: &str) -> Self {
        Self::new(StatusCode::CONFLICT, code, message).with("BucketName", bucket)
    }

    pub(super) fn access_denied() -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied")
    }
}
