//! May it happen? `If-Match` and its relatives, for writes and for reads.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use super::S3Request;
use super::error::S3Error;
use super::store::{Bucket, Object};

/// Checks the conditions of a PUT, a copy or a completed upload against what is there now.
pub(super) fn check_put(request: &S3Request, bucket: &Bucket, key: &str) -> Result<(), S3Error> {
    let current = bucket.current(key);
    match request.header("if-none-match") {
        // A delete marker does not count as an object.
        Some("*") if current.is_some() => return Err(S3Error::precondition_failed("If-None-Match")),
        Some("*") | None => {}
        // S3 knows no other value on writes.
        Some(_) => return Err(S3Error::not_implemented("If-None-Match")),
    }
    match (request.header("if-match"), current) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(S3Error::no_such_key(key)),
        (Some(wanted), Some(object)) if matches(wanted, &object.etag) => Ok(()),
        (Some(_), Some(_)) => Err(S3Error::precondition_failed("If-Match")),
    }
}

/// Checks the condition of a deletion, which looks at the current version only.
pub(super) fn check_delete(wanted: Option<&str>, bucket: &Bucket, key: &str) -> Result<(), S3Error> {
    let Some(wanted) = wanted else { return Ok(()) };
    let newest = bucket.newest(key).ok_or_else(|| S3Error::no_such_key(key))?;
    match newest.object() {
        Some(object) if matches(wanted, &object.etag) => Ok(()),
        // Under a delete marker there is something, but nothing that could match.
        Some(_) | None => Err(S3Error::precondition_failed("If-Match")),
    }
}

/// Checks the conditions of a GET or HEAD. An entity tag counts for more than a date.
pub(super) fn check_read(request: &S3Request, object: &Object, modified: Timestamp) -> Result<(), S3Error> {
    let date = |name: &str| request.header(name).and_then(parse_http_date);
    match request.header("if-match") {
        Some(wanted) if !matches(wanted, &object.etag) => {
            return Err(S3Error::precondition_failed("If-Match"));
        }
        None if date("if-unmodified-since").is_some_and(|limit| modified > limit) => {
            return Err(S3Error::precondition_failed("If-Unmodified-Since"));
        }
        Some(_) | None => {}
    }
    let unchanged = match request.header("if-none-match") {
        Some(known) => matches(known, &object.etag),
        None => date("if-modified-since").is_some_and(|limit| modified <= limit),
    };
    if unchanged { Err(S3Error::not_modified().header("etag", object.etag.as_str())) } else { Ok(()) }
}

/// Compares entity tags; clients send them with and without quotes, several separated by commas.
pub(super) fn matches(wanted: &str, etag: &str) -> bool {
    let bare = |text: &str| text.trim().trim_matches('"').to_owned();
    wanted.split(',').any(|one| one.trim() == "*" || bare(one) == bare(etag))
}

fn parse_http_date(text: &str) -> Option<Timestamp> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    PARSER.parse_timestamp(text).ok()
}
