//! Reading objects: GET and HEAD differ only in the body.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use super::condition::check_read;
use super::error::S3Error;
use super::range::{Span, parse_range};
use super::store::{Bucket, NULL, Object, Version, Versioning};
use super::{Answer, S3, S3Request, Target, http_date, insert, respond};

impl S3 {
    pub(super) fn get_object(&self, request: &S3Request, target: &Target<'_>) -> Answer {
        let bucket = self.bucket(request, target.bucket)?;
        let (version, object) =
            find_version(bucket, target.key, request.query("versionId"), request.method.as_str())?;
        check_read(request, object, version.modified)?;
        let mut headers = describe(version, object, request);
        if bucket.versioning != Versioning::Never {
            insert(&mut headers, "x-amz-version-id", &version.id);
        }
        let size = object.bytes.len();
        let span = request.header("range").map_or(Ok(None), |range| parse_range(range, size))?;
        let (status, bytes) = match span {
            Some(Span { first, end }) => {
                insert(&mut headers, "content-range", &format!("bytes {first}-{}/{size}", end - 1));
                // The checksum is that of the whole object.
                if let Some(checksum) = &object.checksum {
                    headers.remove(checksum.algorithm.header());
                }
                (StatusCode::PARTIAL_CONTENT, object.bytes.slice(first..end))
            }
            None => (StatusCode::OK, object.bytes.clone()),
        };
        insert(&mut headers, "content-length", &bytes.len().to_string());
        let body = if request.method == Method::HEAD { Bytes::new() } else { bytes };
        Ok(respond(status, headers, body))
    }
}

/// The version that a read is about, or S3's precise way of saying that there is none.
pub(super) fn find_version<'a>(
    bucket: &'a Bucket,
    key: &str,
    version_id: Option<&str>,
    method: &str,
) -> Result<(&'a Version, &'a Object), S3Error> {
    let Some(id) = version_id else {
        let newest = bucket.newest(key).ok_or_else(|| S3Error::no_such_key(key))?;
        let object = newest.object().ok_or_else(|| {
            S3Error::no_such_key(key)
                .header("x-amz-delete-marker", "true")
                .header("x-amz-version-id", newest.id.as_str())
        })?;
        return Ok((newest, object));
    };
    check_version_id(id)?;
    let version = bucket.version(key, id).ok_or_else(|| S3Error::no_such_version(key, id))?;
    let object = version.object().ok_or_else(|| {
        S3Error::method_not_allowed(method, "DeleteMarker")
            .header("allow", "DELETE")
            .header("x-amz-delete-marker", "true")
            .header("x-amz-version-id", id)
            .header("last-modified", http_date(version.modified))
    })?;
    Ok((version, object))
}

/// S3 tells an id that it could never have given out from one that is unknown.
pub(super) fn check_version_id(id: &str) -> Result<(), S3Error> {
    if id.is_empty() {
        return Err(S3Error::invalid_argument("versionId", id, "Version id cannot be the empty string"));
    }
    let well_formed = id == NULL || (id.len() == 32 && id.bytes().all(|letter| letter.is_ascii_graphic()));
    if well_formed {
        Ok(())
    } else {
        Err(S3Error::invalid_argument("versionId", id, "Invalid version id specified"))
    }
}

fn describe(version: &Version, object: &Object, request: &S3Request) -> HeaderMap {
    let mut headers = object.metadata.clone();
    headers.extend(object.encryption.clone());
    insert(&mut headers, "accept-ranges", "bytes");
    insert(&mut headers, "etag", &object.etag);
    insert(&mut headers, "last-modified", &http_date(version.modified));
    if !object.tags.is_empty() {
        insert(&mut headers, "x-amz-tagging-count", &object.tags.len().to_string());
    }
    let asked =
        request.header("x-amz-checksum-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("enabled"));
    if let Some(checksum) = object.checksum.as_ref().filter(|_| asked) {
        insert(&mut headers, checksum.algorithm.header(), &checksum.value);
        insert(&mut headers, "x-amz-checksum-type", "FULL_OBJECT");
    }
    headers
}
