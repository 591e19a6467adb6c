//! Buckets themselves: creating, finding, removing, and their versioning.

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};

use super::error::S3Error;
use super::store::{Bucket, Versioning};
use super::xml::{Element, Writer};
use super::{Answer, S3, S3Request, insert, iso_8601, respond, xml};
use crate::context::CallContext;

/// The region whose buckets have no location, and where creating one's own bucket again succeeds.
const CLASSIC_REGION: &str = "us-east-1";

impl S3 {
    pub(super) fn list_buckets(&self, context: &CallContext) -> Response<Bytes> {
        let mut document = Writer::document("ListAllMyBucketsResult");
        document.nested("Owner", |owner| owner.element("ID", &context.account));
        document.nested("Buckets", |buckets| {
            for (name, bucket) in self.buckets.iter().filter(|(_, bucket)| bucket.owner == context.account) {
                buckets.nested("Bucket", |entry| {
                    entry.element("Name", name);
                    entry.element("CreationDate", &iso_8601(bucket.created));
                    entry.element("BucketRegion", &bucket.region);
                });
            }
        });
        xml(document.finish())
    }

    pub(super) fn create_bucket(&mut self, context: &CallContext, request: &S3Request, name: &str) -> Answer {
        check_name(name)?;
        check_location(request, &context.region)?;
        let mut headers = HeaderMap::new();
        insert(&mut headers, "location", &format!("/{name}"));
        match self.buckets.get(name) {
            Some(bucket) if bucket.owner != context.account => Err(S3Error::conflict(
                "BucketAlreadyExists",
                "The requested bucket name is not available. The bucket namespace is shared by all users of the \
                 system. Please select a different name and try again.",
                name,
            )),
            Some(bucket) if bucket.region != CLASSIC_REGION || context.region != CLASSIC_REGION => {
                Err(S3Error::conflict(
                    "BucketAlreadyOwnedByYou",
                    "Your previous request to create the named bucket succeeded and you already own it.",
                    name,
                ))
            }
            Some(_) => Ok(respond(StatusCode::OK, headers, Bytes::new())),
            None => {
                let bucket = Bucket::new(&context.account, &context.region, context.now);
                self.buckets.insert(name.to_owned(), bucket);
                Ok(respond(StatusCode::OK, headers, Bytes::new()))
            }
        }
    }

    pub(super) fn head_bucket(&self, request: &S3Request, name: &str) -> Answer {
        let bucket = self.bucket(request, name)?;
        let mut headers = HeaderMap::new();
        insert(&mut headers, "x-amz-bucket-region", &bucket.region);
        insert(&mut headers, "x-amz-access-point-alias", "false");
        insert(&mut headers, "content-type", "application/xml");
        Ok(respond(StatusCode::OK, headers, Bytes::new()))
    }

    pub(super) fn delete_bucket(&mut self, request: &S3Request, name: &str) -> Answer {
        let bucket = self.bucket(request, name)?;
        if !bucket.keys.is_empty() {
            return Err(S3Error::conflict(
                "BucketNotEmpty",
                "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
                name,
            ));
        }
        self.buckets.remove(name);
        Ok(respond(StatusCode::NO_CONTENT, HeaderMap::new(), Bytes::new()))
    }

    pub(super) fn get_location(&self, request: &S3Request, name: &str) -> Answer {
        let bucket = self.bucket(request, name)?;
        let text = if bucket.region == CLASSIC_REGION { "" } else { bucket.region.as_str() };
        Ok(xml(Writer::document_of_text("LocationConstraint", text)))
    }

    pub(super) fn get_versioning(&self, request: &S3Request, name: &str) -> Answer {
        let status = match self.bucket(request, name)?.versioning {
            Versioning::Never => None,
            Versioning::Enabled => Some("Enabled"),
            Versioning::Suspended => Some("Suspended"),
        };
        let mut document = Writer::document("VersioningConfiguration");
        document.optional("Status", status);
        Ok(xml(document.finish()))
    }

    pub(super) fn put_versioning(&mut self, request: &S3Request, name: &str) -> Answer {
        let bucket = self.bucket_mut(request, name)?;
        let wanted = Element::parse(&request.body, "VersioningConfiguration");
        bucket.versioning = match wanted.as_ref().and_then(|element| element.child_text("Status")) {
            Some("Enabled") => Versioning::Enabled,
            Some("Suspended") => Versioning::Suspended,
            _ => return Err(S3Error::malformed_xml()),
        };
        Ok(respond(StatusCode::OK, HeaderMap::new(), Bytes::new()))
    }
}

fn check_name(name: &str) -> Result<(), S3Error> {
    let inner =
        |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b".-".contains(&letter);
    let outer = |letter: Option<&u8>| letter.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    let valid = (3..=63).contains(&bytes.len())
        && bytes.iter().all(|letter| inner(*letter))
        && outer(bytes.first())
        && outer(bytes.last());
    if valid { Ok(()) } else { Err(S3Error::bucket_name(name)) }
}

/// Everywhere but in the classic region the request must name the region that it is sent to.
fn check_location(request: &S3Request, region: &str) -> Result<(), S3Error> {
    let named = if request.body.is_empty() {
        None
    } else {
        let body = Element::parse(&request.body, "CreateBucketConfiguration");
        let body = body.ok_or_else(S3Error::malformed_xml)?;
        body.child_text("LocationConstraint").filter(|text| !text.is_empty()).map(str::to_owned)
    };
    match named {
        None if region == CLASSIC_REGION => Ok(()),
        None => Err(S3Error::location(
            "The unspecified location constraint is incompatible for the region specific endpoint this request \
             was sent to.",
        )),
        Some(named) if named == region && named != CLASSIC_REGION => Ok(()),
        Some(named) => Err(S3Error::location(&format!(
            "The {named} location constraint is incompatible for the region specific endpoint this request was \
             sent to."
        ))),
    }
}
