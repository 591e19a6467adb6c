//! Multipart uploads, as clients use them for objects of more than a few megabytes.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use md5::{Digest, Md5};

use super::condition::{check_put, matches};
use super::error::S3Error;
use super::object::{encryption_of, metadata_of, whole_second};
use super::payload::{Payload, hex};
use super::store::{Object, Upload};
use super::tagging::parse_tag_header;
use super::xml::{Element, Writer};
use super::{Answer, S3, S3Request, Target, insert, respond, xml_with};
use crate::context::CallContext;

const MAXIMUM_PART: u32 = 10_000;

impl S3 {
    pub(super) fn create_upload(&mut self, request: &S3Request, target: &Target<'_>) -> Answer {
        let upload = Upload {
            key: target.key.to_owned(),
            metadata: metadata_of(request)?,
            encryption: encryption_of(request),
            tags: parse_tag_header(request)?,
            parts: BTreeMap::new(),
        };
        let headers = upload.encryption.clone();
        let id = self.new_id(target);
        let mut document = Writer::document("InitiateMultipartUploadResult");
        document.element("Bucket", target.bucket);
        document.element("Key", target.key);
        document.element("UploadId", &id);
        self.bucket_mut(request, target.bucket)?.uploads.insert(id, upload);
        Ok(xml_with(headers, document.finish()))
    }

    pub(super) fn upload_part(&mut self, request: &S3Request, target: &Target<'_>) -> Answer {
        let payload = Payload::read(request)?;
        let text = request.query("partNumber").unwrap_or_default();
        let number = text.parse().ok().filter(|number| (1..=MAXIMUM_PART).contains(number));
        let number = number.ok_or_else(|| {
            let message = "Part number must be an integer between 1 and 10000, inclusive";
            S3Error::invalid_argument("partNumber", text, message)
        })?;
        let upload = self.upload_mut(request, target)?;
        let digest: [u8; 16] = Md5::digest(&payload.bytes).into();
        let mut headers = upload.encryption.clone();
        insert(&mut headers, "etag", &format!("\"{}\"", hex(&digest)));
        insert(&mut headers, payload.checksum.algorithm.header(), &payload.checksum.value);
        upload.parts.insert(number, (payload.bytes, digest));
        Ok(respond(StatusCode::OK, headers, Bytes::new()))
    }

    pub(super) fn complete_upload(
        &mut self,
        context: &CallContext,
        request: &S3Request,
        target: &Target<'_>,
    ) -> Answer {
        let upload = self.upload_mut(request, target)?;
        let (bytes, etag) = assemble(upload, &request.body)?;
        let new_id = self.new_id(target);
        let bucket = self.bucket_mut(request, target.bucket)?;
        check_put(request, bucket, target.key)?;
        let id = request.query("uploadId").unwrap_or_default();
        let upload = bucket.uploads.remove(id).ok_or_else(|| S3Error::no_such_upload(id))?;
        let Upload { metadata, encryption, tags, .. } = upload;
        let mut headers = encryption.clone();
        let mut document = Writer::document("CompleteMultipartUploadResult");
        document.element("Location", &format!("/{}/{}", target.bucket, target.key));
        document.element("Bucket", target.bucket);
        document.element("Key", target.key);
        document.element("ETag", &etag);
        let object = Object { bytes, etag, checksum: None, metadata, encryption, tags };
        if let Some(id) = bucket.put(target.key, object, new_id, whole_second(context.now)) {
            insert(&mut headers, "x-amz-version-id", &id);
        }
        Ok(xml_with(headers, document.finish()))
    }

    pub(super) fn abort_upload(&mut self, request: &S3Request, target: &Target<'_>) -> Answer {
        self.upload_mut(request, target)?;
        let id = request.query("uploadId").unwrap_or_default();
        self.bucket_mut(request, target.bucket)?.uploads.remove(id);
        Ok(respond(StatusCode::NO_CONTENT, HeaderMap::new(), Bytes::new()))
    }

    fn upload_mut(&mut self, request: &S3Request, target: &Target<'_>) -> Result<&mut Upload, S3Error> {
        let id = request.query("uploadId").unwrap_or_default();
        let found = self.bucket_mut(request, target.bucket)?.uploads.get_mut(id);
        found.filter(|upload| upload.key == target.key).ok_or_else(|| S3Error::no_such_upload(id))
    }
}

/// Joins the parts that the client lists. The entity tag is the MD5 of the parts' MD5s, with their number.
fn assemble(upload: &Upload, body: &[u8]) -> Result<(Bytes, String), S3Error> {
    let body = Element::parse(body, "CompleteMultipartUpload").ok_or_else(S3Error::malformed_xml)?;
    let mut bytes = BytesMut::new();
    let mut digests = Vec::new();
    let mut previous = 0;
    for part in body.children("Part") {
        let number = part.child_text("PartNumber").and_then(|text| text.parse::<u32>().ok());
        let (number, etag) = number.zip(part.child_text("ETag")).ok_or_else(S3Error::malformed_xml)?;
        if number <= previous {
            return Err(S3Error::new(
                StatusCode::BAD_REQUEST,
                "InvalidPartOrder",
                "The list of parts was not in ascending order. Parts must be ordered by part number.",
            ));
        }
        previous = number;
        let found = upload.parts.get(&number).filter(|(_, digest)| matches(etag, &hex(digest)));
        let (part, digest) = found.ok_or_else(|| {
            S3Error::invalid_part(
                "One or more of the specified parts could not be found. The part may not have been uploaded, or \
                 the specified entity tag may not match the part's entity tag.",
            )
        })?;
        bytes.extend_from_slice(part);
        digests.extend_from_slice(digest);
    }
    if digests.is_empty() {
        return Err(S3Error::malformed_xml());
    }
    let etag = format!("\"{}-{}\"", hex(&Md5::digest(&digests)), digests.len() / 16);
    Ok((bytes.freeze(), etag))
}
