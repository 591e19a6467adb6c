//! Deleting objects and versions, one by one or many in a call.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::condition::check_delete;
use super::error::S3Error;
use super::object::whole_second;
use super::payload::Payload;
use super::read::check_version_id;
use super::store::Deleted;
use super::xml::{Element, Writer};
use super::{Answer, S3, S3Request, Target, insert, respond, xml};
use crate::context::CallContext;

const MAXIMUM_KEYS: usize = 1000;

impl S3 {
    pub(super) fn delete_object(
        &mut self,
        context: &CallContext,
        request: &S3Request,
        target: &Target<'_>,
    ) -> Answer {
        let wanted = request.header("if-match");
        let deleted = self.delete_one(context, request, target, request.query("versionId"), wanted)?;
        let mut headers = HeaderMap::new();
        if let Some(id) = &deleted.version_id {
            insert(&mut headers, "x-amz-version-id", id);
        }
        if deleted.delete_marker {
            insert(&mut headers, "x-amz-delete-marker", "true");
        }
        Ok(respond(StatusCode::NO_CONTENT, headers, Bytes::new()))
    }

    pub(super) fn delete_objects(
        &mut self,
        context: &CallContext,
        request: &S3Request,
        bucket: &str,
    ) -> Answer {
        self.bucket(request, bucket)?;
        let payload = Payload::read(request)?;
        let body = Element::parse(&payload.bytes, "Delete").ok_or_else(S3Error::malformed_xml)?;
        let quiet = body.child_text("Quiet") == Some("true");
        if !(1..=MAXIMUM_KEYS).contains(&body.children("Object").count()) {
            return Err(S3Error::malformed_xml());
        }
        let mut document = Writer::document("DeleteResult");
        for object in body.children("Object") {
            let key = object.child_text("Key").ok_or_else(S3Error::malformed_xml)?;
            let version_id = object.child_text("VersionId");
            let target = Target { bucket, key };
            match self.delete_one(context, request, &target, version_id, object.child_text("ETag")) {
                Ok(_) if quiet => {}
                Ok(deleted) => write_deleted(&mut document, key, version_id, &deleted),
                Err(error) => document.nested("Error", |entry| {
                    entry.element("Key", key);
                    entry.optional("VersionId", version_id);
                    entry.element("Code", error.code);
                    entry.element("Message", &error.message);
                }),
            }
        }
        Ok(xml(document.finish()))
    }

    fn delete_one(
        &mut self,
        context: &CallContext,
        request: &S3Request,
        target: &Target<'_>,
        version_id: Option<&str>,
        wanted_etag: Option<&str>,
    ) -> Result<Deleted, S3Error> {
        if let Some(id) = version_id {
            check_version_id(id)?;
        }
        let new_id = self.new_id(target);
        let bucket = self.bucket_mut(request, target.bucket)?;
        check_delete(wanted_etag, bucket, target.key)?;
        Ok(bucket.delete(target.key, version_id, new_id, whole_second(context.now)))
    }
}

fn write_deleted(document: &mut Writer, key: &str, version_id: Option<&str>, deleted: &Deleted) {
    document.nested("Deleted", |entry| {
        entry.element("Key", key);
        entry.optional("VersionId", version_id);
        if deleted.delete_marker {
            entry.element("DeleteMarker", "true");
            entry.optional("DeleteMarkerVersionId", deleted.version_id.as_deref());
        }
    });
}
