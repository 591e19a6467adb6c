//! Replies: how each protocol words an error, and bodies that can be cut short on purpose.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use hyper::body::{Body, Frame, SizeHint};
use serde_json::json;
use tokio::time::Sleep;

use crate::context::ApiError;
use crate::faults::Fault;
use crate::request::Service;
use crate::{elb, sts};

/// Something a service refuses whatever the operation, worded by each protocol in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    MissingToken,
    ExpiredToken,
    AccessDenied,
    Throttled,
    ServerError,
    Unavailable,
}

impl Refusal {
    /// The error, as `service` words it to `principal` calling `operation`.
    pub(crate) fn word(self, service: Service, principal: &str, operation: &str) -> ApiError {
        let json = matches!(service, Service::Ecs | Service::SecretsManager | Service::Autoscaling);
        let denied = format!(
            "User: {principal} is not authorized to perform: {}:{operation} on resource: * because no identity-based policy allows the {}:{operation} action",
            service.name(),
            service.name()
        );
        let (status, code, message) = match (self, service) {
            (Self::MissingToken, Service::S3) => (403, "AccessDenied", "Access Denied"),
            (Self::MissingToken, Service::Sts | Service::ElasticLoadBalancing) => {
                (403, "MissingAuthenticationToken", "Request is missing Authentication Token")
            }
            (Self::MissingToken, _) => {
                (400, "MissingAuthenticationTokenException", "Missing Authentication Token")
            }
            (Self::ExpiredToken, Service::S3) => (400, "ExpiredToken", "The provided token has expired."),
            (Self::ExpiredToken, Service::Sts | Service::ElasticLoadBalancing) => {
                (403, "ExpiredToken", "The security token included in the request is expired")
            }
            (Self::ExpiredToken, _) => {
                (400, "ExpiredTokenException", "The security token included in the request is expired")
            }
            (Self::AccessDenied, _) if json => (400, "AccessDeniedException", denied.as_str()),
            (Self::AccessDenied, _) => (403, "AccessDenied", denied.as_str()),
            (Self::Throttled, Service::S3) => (503, "SlowDown", "Please reduce your request rate."),
            (Self::Throttled, Service::Sts | Service::ElasticLoadBalancing) => {
                (400, "Throttling", "Rate exceeded")
            }
            (Self::Throttled, _) => (400, "ThrottlingException", "Rate exceeded"),
            (Self::ServerError, Service::Ecs) => {
                (500, "ServerException", "Service Unavailable. Please try again later.")
            }
            (Self::ServerError, Service::SecretsManager) => {
                (500, "InternalServiceError", "An error occurred on the server side.")
            }
            (Self::ServerError, Service::Autoscaling) => {
                (500, "InternalServiceException", "The service encountered an internal error.")
            }
            (Self::ServerError, Service::S3) => {
                (500, "InternalError", "We encountered an internal error. Please try again.")
            }
            (Self::ServerError, Service::Sts | Service::ElasticLoadBalancing) => {
                (500, "InternalFailure", "Internal failure")
            }
            (Self::Unavailable, Service::S3) => {
                (503, "ServiceUnavailable", "Please reduce your request rate.")
            }
            (Self::Unavailable, _) => (503, "ServiceUnavailable", "Service is unable to handle request."),
        };
        ApiError { status, code: code.to_owned(), message: message.to_owned() }
    }
}

/// A reply of AWS JSON 1.1.
pub(crate) fn json_reply(status: u16, body: impl Into<Bytes>, request_id: &str) -> Response<Bytes> {
    build(status, "application/x-amz-json-1.1", "x-amzn-requestid", request_id, body.into())
}

/// A reply of the query protocol.
pub(crate) fn xml_reply(status: u16, body: impl Into<Bytes>, request_id: &str) -> Response<Bytes> {
    build(status, "text/xml", "x-amzn-requestid", request_id, body.into())
}

/// An error in the protocol of `service`.
pub(crate) fn error_reply(service: Service, error: &ApiError, request_id: &str) -> Response<Bytes> {
    match service {
        Service::Ecs | Service::SecretsManager | Service::Autoscaling => {
            let mut body = json!({"__type": error.code});
            if !error.message.is_empty() {
                let name = if service == Service::SecretsManager { "Message" } else { "message" };
                body[name] = error.message.clone().into();
            }
            json_reply(error.status, body.to_string(), request_id)
        }
        Service::Sts => xml_reply(error.status, sts::error_xml(error, request_id), request_id),
        Service::ElasticLoadBalancing => {
            xml_reply(error.status, elb::error_xml(error, request_id), request_id)
        }
        Service::S3 => {
            let escaped = quick_xml::escape::escape(error.message.as_str());
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{escaped}</Message><RequestId>{request_id}</RequestId></Error>",
                error.code
            );
            build(error.status, "application/xml", "x-amz-request-id", request_id, body.into())
        }
    }
}

fn build(status: u16, kind: &'static str, id_header: &'static str, id: &str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    if let Ok(id) = header::HeaderValue::from_str(id) {
        response.headers_mut().insert(id_header, id);
    }
    response
}

/// What becomes of a call on the wire.
pub(crate) enum Outcome {
    Reply(Response<Bytes>),
    /// Its body ends early.
    Cut(Response<Bytes>),
    /// The connection closes without a reply.
    Close,
}

impl Outcome {
    /// The reply of a call that was applied, as a fault leaves it.
    pub(crate) fn under(fault: Option<&Fault>, response: Response<Bytes>) -> Self {
        match fault {
            Some(Fault::LostReply) => Self::Close,
            Some(Fault::TruncateBody) => Self::Cut(response),
            Some(Fault::HalfBody) => Self::Reply(response.map(|body| body.slice(..body.len() / 2))),
            _ => Self::Reply(response),
        }
    }

    /// The HTTP status; 0 without a reply.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Reply(response) | Self::Cut(response) => response.status().as_u16(),
            Self::Close => 0,
        }
    }

    pub(crate) fn on_the_wire(self) -> Result<Response<ReplyBody>, Dropped> {
        match self {
            Self::Reply(response) => {
                Ok(response.map(|body| ReplyBody::Whole((!body.is_empty()).then_some(body))))
            }
            Self::Cut(response) => Ok(response.map(|body| ReplyBody::cut(&body))),
            Self::Close => Err(Dropped),
        }
    }
}

/// A response body, whole or cut.
pub(crate) enum ReplyBody {
    /// All of it, or nothing more.
    Whole(Option<Bytes>),
    /// The first half, then, once that has left, an error that closes the connection.
    Cut { half: Option<Bytes>, full_length: u64, flush: Pin<Box<Sleep>> },
}

/// The connection is dropped on purpose.
#[derive(Debug, thiserror::Error)]
#[error("connection dropped by an injected fault")]
pub(crate) struct Dropped;

/// Enough for the first half to reach the client before the connection closes.
const FLUSH: Duration = Duration::from_millis(20);

impl ReplyBody {
    /// A body that announces the length of `body` but ends after half of it.
    pub(crate) fn cut(body: &Bytes) -> Self {
        let half = body.slice(..body.len() / 2);
        Self::Cut {
            half: Some(half),
            full_length: body.len() as u64,
            flush: Box::pin(tokio::time::sleep(FLUSH)),
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        match self.get_mut() {
            Self::Whole(body) => Poll::Ready(body.take().map(|body| Ok(Frame::data(body)))),
            Self::Cut { half, flush, .. } => match half.take() {
                Some(half) => Poll::Ready(Some(Ok(Frame::data(half)))),
                None => flush.as_mut().poll(context).map(|()| Some(Err(Dropped))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64)),
            Self::Cut { full_length, .. } => SizeHint::with_exact(*full_length),
        }
    }
}
