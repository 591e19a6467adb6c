//! Writing objects.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;

use super::condition::check_put;
use super::error::S3Error;
use super::payload::{Payload, md5_hex};
use super::store::Object;
use super::tagging::parse_tag_header;
use super::{Answer, S3, S3Request, Target, insert, respond};
use crate::context::CallContext;

const MAXIMUM_METADATA_BYTES: usize = 2048;

impl S3 {
    pub(super) fn put_object(
        &mut self,
        context: &CallContext,
        request: &S3Request,
        target: &Target<'_>,
    ) -> Answer {
        let payload = Payload::read(request)?;
        let metadata = metadata_of(request)?;
        let encryption = encryption_of(request);
        let tags = parse_tag_header(request)?;
        let new_id = self.new_id(target);
        let bucket = self.bucket_mut(request, target.bucket)?;
        check_put(request, bucket, target.key)?;
        let etag = etag_of(&payload.bytes, &encryption, &new_id);
        let mut headers = encryption.clone();
        insert(&mut headers, "etag", &etag);
        insert(&mut headers, payload.checksum.algorithm.header(), &payload.checksum.value);
        insert(&mut headers, "x-amz-checksum-type", "FULL_OBJECT");
        let checksum = Some(payload.checksum);
        let object = Object { bytes: payload.bytes, etag, checksum, metadata, encryption, tags };
        if let Some(id) = bucket.put(target.key, object, new_id, whole_second(context.now)) {
            insert(&mut headers, "x-amz-version-id", &id);
        }
        Ok(respond(StatusCode::OK, headers, Bytes::new()))
    }
}

/// S3 knows when an object was written to the second.
pub(super) fn whole_second(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}

/// The entity tag is the MD5 of the bytes, except under KMS, where nothing can be concluded from it.
pub(super) fn etag_of(bytes: &[u8], encryption: &HeaderMap, salt: &str) -> String {
    let kms = encryption
        .get("x-amz-server-side-encryption")
        .is_some_and(|algorithm| algorithm.as_bytes().starts_with(b"aws:kms"));
    let digest = if kms { md5_hex(&[bytes, salt.as_bytes()].concat()) } else { md5_hex(bytes) };
    format!("\"{digest}\"")
}

/// The headers that are kept with an object and come back with it.
pub(super) fn metadata_of(request: &S3Request) -> Result<HeaderMap, S3Error> {
    const KEPT: [&str; 6] = [
        "cache-control",
        "content-disposition",
        "content-language",
        "content-type",
        "expires",
        "x-amz-storage-class",
    ];
    let mut metadata = HeaderMap::new();
    let mut user_bytes = 0;
    for (name, value) in &request.headers {
        let user = name.as_str().strip_prefix("x-amz-meta-");
        if let Some(user) = user {
            user_bytes += user.len() + value.len();
        }
        if user.is_some() || KEPT.contains(&name.as_str()) {
            metadata.append(name.clone(), value.clone());
        }
    }
    if user_bytes > MAXIMUM_METADATA_BYTES {
        return Err(S3Error::new(
            StatusCode::BAD_REQUEST,
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size.",
        )
        .with("MaxSizeAllowed", MAXIMUM_METADATA_BYTES.to_string()));
    }
    // The framing is not an encoding of the object.
    let encodings = request.header("content-encoding").unwrap_or_default().split(',').map(str::trim);
    let kept: Vec<&str> = encodings.filter(|name| !name.is_empty() && *name != "aws-chunked").collect();
    if !kept.is_empty() {
        insert(&mut metadata, "content-encoding", &kept.join(","));
    }
    let default_type = HeaderValue::from_static("binary/octet-stream");
    metadata.entry(http::header::CONTENT_TYPE).or_insert(default_type);
    Ok(metadata)
}

/// How the object is encrypted; S3 encrypts each with AES256 unless told otherwise.
pub(super) fn encryption_of(request: &S3Request) -> HeaderMap {
    const ALGORITHM: HeaderName = HeaderName::from_static("x-amz-server-side-encryption");
    const COMPANIONS: [&str; 4] = [
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-server-side-encryption-bucket-key-enabled",
        "x-amz-server-side-encryption-customer-algorithm",
        "x-amz-server-side-encryption-customer-key-md5",
    ];
    let mut encryption = HeaderMap::new();
    for name in COMPANIONS.map(HeaderName::from_static) {
        if let Some(value) = request.headers.get(&name) {
            encryption.insert(name, value.clone());
        }
    }
    let customer_key = encryption.contains_key("x-amz-server-side-encryption-customer-algorithm");
    match request.headers.get(&ALGORITHM) {
        Some(value) => {
            encryption.insert(ALGORITHM, value.clone());
        }
        None if customer_key => {}
        None => {
            encryption.insert(ALGORITHM, HeaderValue::from_static("AES256"));
        }
    }
    encryption
}
