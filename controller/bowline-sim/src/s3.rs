//! What would Amazon S3 answer?
//!
//! A request that the server has already split into bucket, key and query in, an HTTP response out. Buckets live in one
//! name space over all accounts, as at AWS. The clock and the caller come in through the [`CallContext`]; nothing here
//! knows of sockets, signatures or the other services.

mod bucket;
mod checksum;
mod condition;
mod copy;
mod delete;
mod error;
mod list;
mod multipart;
mod object;
mod payload;
mod range;
mod read;
mod store;
mod tagging;
#[cfg(test)]
mod tests;
mod versions;
mod xml;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use sha2::{Digest, Sha256};

use crate::context::CallContext;
use error::S3Error;
use payload::hex;
use store::Bucket;

/// All buckets.
#[derive(Default)]
pub(crate) struct S3 {
    buckets: BTreeMap<String, Bucket>,
    /// Counts the ids that were given out, so that none is given twice.
    issued: u64,
}

/// One request, with its path and query decoded.
pub(crate) struct S3Request {
    pub(crate) method: Method,
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl S3Request {
    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(present, _)| present == name).map(|(_, value)| value.as_str())
    }

    fn has(&self, name: &str) -> bool {
        self.query(name).is_some()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The sub-resource that decides which operation is meant, if any.
    fn subresource(&self) -> &str {
        let named = ["versioning", "location", "versions", "delete", "tagging", "uploads", "uploadId"];
        // Asked for by name, so that they are refused instead of being taken for a plain GET or PUT.
        let refused =
            ["acl", "policy", "lifecycle", "encryption", "cors", "website", "object-lock", "attributes"];
        named.into_iter().chain(refused).find(|name| self.has(name)).unwrap_or_default()
    }

    /// Refuses a caller who believes that the bucket is somebody else's.
    fn check_expected_owner(&self, bucket: &Bucket) -> Result<(), S3Error> {
        match self.header("x-amz-expected-bucket-owner") {
            Some(owner) if owner != bucket.owner => Err(S3Error::access_denied()),
            _ => Ok(()),
        }
    }
}

type Answer = Result<Response<Bytes>, S3Error>;

impl S3 {
    /// Answers one request.
    pub(crate) fn handle(&mut self, context: &CallContext, request: &S3Request) -> Response<Bytes> {
        let answer = self.route(context, request);
        let mut response = answer.unwrap_or_else(|error| error_response(&error, context, request));
        let host_id = hex(&Sha256::digest(&context.request_id));
        let headers = response.headers_mut();
        insert(headers, "x-amz-request-id", &context.request_id);
        insert(headers, "x-amz-id-2", &host_id);
        insert(headers, "server", "AmazonS3");
        response
    }

    fn route(&mut self, context: &CallContext, request: &S3Request) -> Answer {
        match (&request.bucket, &request.key) {
            (None, _) => match request.method {
                Method::GET => Ok(self.list_buckets(context)),
                _ => Err(S3Error::method_not_allowed(request.method.as_str(), "SERVICE")),
            },
            (Some(bucket), None) => self.route_bucket(context, request, bucket),
            (Some(bucket), Some(key)) => {
                self.bucket(request, bucket)?;
                self.route_object(context, request, &Target { bucket, key })
            }
        }
    }

    fn route_bucket(&mut self, context: &CallContext, request: &S3Request, name: &str) -> Answer {
        match (request.method.as_str(), request.subresource()) {
            ("PUT", "") => self.create_bucket(context, request, name),
            ("PUT", "versioning") => self.put_versioning(request, name),
            ("HEAD", "") => self.head_bucket(request, name),
            ("DELETE", "") => self.delete_bucket(request, name),
            ("POST", "delete") => self.delete_objects(context, request, name),
            ("GET", "location") => self.get_location(request, name),
            ("GET", "versioning") => self.get_versioning(request, name),
            ("GET", "versions") => versions::list_versions(self.bucket(request, name)?, request, name),
            ("GET", "") if request.query("list-type") == Some("2") => {
                list::list_objects(self.bucket(request, name)?, request, name)
            }
            (method, _) => Err(S3Error::method_not_allowed(method, "BUCKET")),
        }
    }

    fn route_object(&mut self, context: &CallContext, request: &S3Request, target: &Target<'_>) -> Answer {
        let copies = request.header("x-amz-copy-source").is_some();
        match (request.method.as_str(), request.subresource()) {
            ("PUT", "") if copies => self.copy_object(context, request, target),
            ("PUT", "") => self.put_object(context, request, target),
            ("GET" | "HEAD", "") => self.get_object(request, target),
            ("DELETE", "") => self.delete_object(context, request, target),
            ("GET", "tagging") => self.get_tagging(request, target),
            ("PUT", "tagging") => self.put_tagging(request, target),
            ("DELETE", "tagging") => self.delete_tagging(request, target),
            ("POST", "uploads") => self.create_upload(request, target),
            ("PUT", "uploadId") if !copies => self.upload_part(request, target),
            ("POST", "uploadId") => self.complete_upload(context, request, target),
            ("DELETE", "uploadId") => self.abort_upload(request, target),
            (method, _) => Err(S3Error::method_not_allowed(method, "OBJECT")),
        }
    }

    fn bucket(&self, request: &S3Request, name: &str) -> Result<&Bucket, S3Error> {
        let bucket = self.buckets.get(name).ok_or_else(|| S3Error::no_such_bucket(name))?;
        request.check_expected_owner(bucket)?;
        Ok(bucket)
    }

    fn bucket_mut(&mut self, request: &S3Request, name: &str) -> Result<&mut Bucket, S3Error> {
        let bucket = self.buckets.get_mut(name).ok_or_else(|| S3Error::no_such_bucket(name))?;
        request.check_expected_owner(bucket)?;
        Ok(bucket)
    }

    /// A new version or upload id: 32 characters, as S3's own are, and the same ones each time a scenario is played.
    fn new_id(&mut self, target: &Target<'_>) -> String {
        self.issued += 1;
        let hash = Sha256::digest(format!("{}/{}/{}", target.bucket, target.key, self.issued));
        let mut id = hex(&hash);
        id.truncate(32);
        id
    }
}

/// The object that a request is about.
struct Target<'a> {
    bucket: &'a str,
    key: &'a str,
}

/// Sets a header; a value that no header can carry is left out.
fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

fn respond(status: StatusCode, headers: HeaderMap, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn xml(document: String) -> Response<Bytes> {
    xml_with(HeaderMap::new(), document)
}

fn xml_with(mut headers: HeaderMap, document: String) -> Response<Bytes> {
    insert(&mut headers, "content-type", "application/xml");
    respond(StatusCode::OK, headers, document)
}

/// HEAD and 304 have no body, so that the client sees only the status there.
fn error_response(error: &S3Error, context: &CallContext, request: &S3Request) -> Response<Bytes> {
    let mut headers = HeaderMap::new();
    for (name, value) in &error.headers {
        insert(&mut headers, name, value);
    }
    if request.method == Method::HEAD || error.status == StatusCode::NOT_MODIFIED {
        return respond(error.status, headers, Bytes::new());
    }
    insert(&mut headers, "content-type", "application/xml");
    let mut document = xml::Writer::error();
    document.element("Code", error.code);
    document.element("Message", &error.message);
    for (name, value) in &error.details {
        document.element(name, value);
    }
    document.element("RequestId", &context.request_id);
    document.element("HostId", &hex(&Sha256::digest(&context.request_id)));
    respond(error.status, headers, document.finish())
}

/// A moment as S3's XML writes it.
fn iso_8601(moment: jiff::Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

/// A moment as HTTP headers write it.
fn http_date(moment: jiff::Timestamp) -> String {
    moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
