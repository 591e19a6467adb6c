//! Answers and refusals, worded as GitHub words them.

use http::StatusCode;
use serde_json::{Value, json};

/// What a call is answered with when it is not refused.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Option<Value>,
    pub(super) headers: Vec<(&'static str, String)>,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    message: String,
    errors: Vec<Value>,
    /// A page other than the operation's own.
    documentation: Option<String>,
    pub(super) headers: Vec<(&'static str, String)>,
}

/// What handlers return.
pub(super) type Handled = Result<Answer, Refusal>;

impl Answer {
    /// 200 with a body.
    pub(super) fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body: Some(body), headers: Vec::new() }
    }

    /// 201 with a body and, where the body has a `url`, its location.
    pub(super) fn created(body: Value) -> Self {
        let location = body.get("url").and_then(Value::as_str).map(|url| ("location", url.to_owned()));
        Self { status: StatusCode::CREATED, body: Some(body), headers: location.into_iter().collect() }
    }

    /// 202 with a body.
    pub(super) fn accepted(body: Value) -> Self {
        Self { status: StatusCode::ACCEPTED, body: Some(body), headers: Vec::new() }
    }

    /// 204.
    pub(super) fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, headers: Vec::new() }
    }
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), errors: Vec::new(), documentation: None, headers: Vec::new() }
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found")
    }

    pub(super) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    pub(super) fn not_allowed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, message)
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// 422 `Validation Failed`: what is wrong with one field.
    pub(super) fn invalid(resource: &str, field: &str, code: &str) -> Self {
        let mut refusal = Self::unprocessable("Validation Failed");
        refusal.errors.push(json!({"resource": resource, "field": field, "code": code}));
        refusal
    }

    /// 422 `Validation Failed`: what is wrong, in words.
    pub(super) fn custom(resource: &str, message: impl Into<String>) -> Self {
        let mut refusal = Self::unprocessable("Validation Failed");
        refusal.errors.push(json!({"resource": resource, "code": "custom", "message": message.into()}));
        refusal
    }

    /// The git object store said no: GitHub tells no more than this.
    pub(super) fn bad_object() -> Self {
        Self::unprocessable("GitRPC::BadObjectState")
    }

    /// With the page that explains it.
    pub(super) fn documented_at(mut self, url: &str) -> Self {
        self.documentation = Some(url.to_owned());
        self
    }

    pub(super) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The words for the person who reads it.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// The body: `message`, `errors` where there are any, `documentation_url` and `status`.
    pub(super) fn body(&self, operation_page: Option<&str>) -> Value {
        let mut body = json!({"message": self.message});
        if !self.errors.is_empty() {
            body["errors"] = self.errors.clone().into();
        }
        let own = self.documentation.clone();
        let page = own.or_else(|| operation_page.map(|page| format!("https://docs.github.com/rest/{page}")));
        body["documentation_url"] = page.unwrap_or_else(|| "https://docs.github.com/rest".to_owned()).into();
        body["status"] = self.status.as_u16().to_string().into();
        body
    }
}

impl From<git2::Error> for Refusal {
    /// What the handlers do not expect of the object store is what GitHub does not expect of its own.
    fn from(_: git2::Error) -> Self {
        Self::bad_object()
    }
}
