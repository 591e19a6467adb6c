//! S3 as a client sees it: requests in, whole responses out.

mod conditions;
mod listings;
mod objects;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};

use super::{S3, S3Request};
use crate::context::CallContext;

const ACCOUNT: &str = "111122223333";

fn context() -> CallContext {
    CallContext {
        account: ACCOUNT.to_owned(),
        region: "eu-west-1".to_owned(),
        now: "2026-11-21T10:00:00.25Z".parse().unwrap(),
        request_id: "4442587FB7D0A2F9".to_owned(),
        principal_arn: format!("arn:aws:iam::{ACCOUNT}:user/test"),
    }
}

/// A call written like `GET bucket/key?versionId=null`.
fn call(s3: &mut S3, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Response<Bytes> {
    let (method, path) = line.split_once(' ').unwrap();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.to_owned())
    };
    let header = |(name, value): &(&str, &str)| {
        let name: HeaderName = name.parse().unwrap();
        (name, HeaderValue::from_str(value).unwrap())
    };
    let request = S3Request {
        method: Method::from_bytes(method.as_bytes()).unwrap(),
        bucket: some(bucket),
        key: some(key),
        query: query.split('&').filter(|text| !text.is_empty()).map(pair).collect(),
        headers: headers.iter().map(header).collect::<HeaderMap>(),
        body: Bytes::copy_from_slice(body),
    };
    s3.handle(&context(), &request)
}

fn get(s3: &mut S3, line: &str) -> Response<Bytes> {
    call(s3, line, &[], b"")
}

fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

/// Status and error code.
fn refusal(response: &Response<Bytes>) -> (u16, &str) {
    let code = text(response).split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    (response.status().as_u16(), code.map_or("", |(code, _)| code))
}

/// The texts of all elements of that name.
fn elements<'a>(response: &'a Response<Bytes>, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    text(response).split(open.as_str()).skip(1).filter_map(|rest| rest.split(close.as_str()).next()).collect()
}

const LOCATION: &[u8] = b"<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
    <LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";

fn versioning(s3: &mut S3, status: &str) {
    let body = format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
    assert_eq!(call(s3, "PUT tfs?versioning", &[], body.as_bytes()).status(), 200);
}

/// An S3 with the bucket `tfs`.
fn with_bucket() -> S3 {
    let mut s3 = S3::default();
    assert_eq!(call(&mut s3, "PUT tfs", &[], LOCATION).status(), 200);
    s3
}

/// The same with versioning enabled.
fn with_versions() -> S3 {
    let mut s3 = with_bucket();
    versioning(&mut s3, "Enabled");
    s3
}

/// Puts an object and answers its version id.
fn put(s3: &mut S3, key: &str, body: &str) -> String {
    let response = call(s3, &format!("PUT tfs/{key}"), &[], body.as_bytes());
    assert_eq!(response.status(), 200);
    header(&response, "x-amz-version-id").unwrap_or_default().to_owned()
}
