//! Copying an object, which is also how an old version is made the current one again.

use http::HeaderMap;

use super::condition::{check_put, matches};
use super::error::S3Error;
use super::object::{encryption_of, etag_of, metadata_of, whole_second};
use super::read::find_version;
use super::tagging::{parse_tag_header, percent_decode};
use super::xml::Writer;
use super::{Answer, S3, S3Request, Target, insert, iso_8601, xml_with};
use crate::context::CallContext;

/// Where `x-amz-copy-source` points to.
struct Source {
    bucket: String,
    key: String,
    version_id: Option<String>,
}

impl Source {
    fn parse(request: &S3Request) -> Result<Self, S3Error> {
        let header = request.header("x-amz-copy-source").unwrap_or_default();
        let (path, version_id) = match header.split_once("?versionId=") {
            Some((path, id)) => (path, Some(percent_decode(id))),
            None => (header, None),
        };
        let path = percent_decode(path);
        match path.trim_start_matches('/').split_once('/') {
            Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
                Ok(Self { bucket: bucket.to_owned(), key: key.to_owned(), version_id })
            }
            _ => Err(S3Error::invalid_argument(
                "x-amz-copy-source",
                header,
                "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            )),
        }
    }
}

impl S3 {
    pub(super) fn copy_object(
        &mut self,
        context: &CallContext,
        request: &S3Request,
        target: &Target<'_>,
    ) -> Answer {
        let source = Source::parse(request)?;
        let replaces = |name: &str| request.header(name).is_some_and(|value| value == "REPLACE");
        let replaces_metadata = replaces("x-amz-metadata-directive");
        let onto_itself = source.bucket == target.bucket && source.key == target.key;
        if onto_itself && source.version_id.is_none() && !replaces_metadata {
            return Err(S3Error::invalid_request(
                "This copy request is illegal because it is trying to copy an object to itself without changing \
                 the object's metadata, storage class, website redirect location or encryption attributes.",
            ));
        }
        let from = self.buckets.get(&source.bucket).ok_or_else(|| S3Error::no_such_bucket(&source.bucket))?;
        let (version, found) = find_version(from, &source.key, source.version_id.as_deref(), "GET")?;
        let condition = request.header("x-amz-copy-source-if-match");
        if condition.is_some_and(|wanted| !matches(wanted, &found.etag)) {
            return Err(S3Error::precondition_failed("x-amz-copy-source-If-Match"));
        }
        let source_version = version.id.clone();
        let mut object = found.clone();
        if replaces_metadata {
            object.metadata = metadata_of(request)?;
        }
        if replaces("x-amz-tagging-directive") {
            object.tags = parse_tag_header(request)?;
        }
        object.encryption = encryption_of(request);
        let new_id = self.new_id(target);
        object.etag = etag_of(&object.bytes, &object.encryption, &new_id);
        let bucket = self.bucket_mut(request, target.bucket)?;
        check_put(request, bucket, target.key)?;
        let modified = whole_second(context.now);
        let mut document = Writer::document("CopyObjectResult");
        document.element("LastModified", &iso_8601(modified));
        document.element("ETag", &object.etag);
        let mut headers: HeaderMap = object.encryption.clone();
        insert(&mut headers, "x-amz-copy-source-version-id", &source_version);
        if let Some(id) = bucket.put(target.key, object, new_id, modified) {
            insert(&mut headers, "x-amz-version-id", &id);
        }
        Ok(xml_with(headers, document.finish()))
    }
}
