//! The tags of an object.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::error::S3Error;
use super::payload::Payload;
use super::read::find_version;
use super::store::{Entry, Object};
use super::xml::{Element, Writer};
use super::{Answer, S3, S3Request, Target, insert, respond, xml_with};

const MAXIMUM_TAGS: usize = 10;

impl S3 {
    pub(super) fn get_tagging(&self, request: &S3Request, target: &Target<'_>) -> Answer {
        let bucket = self.bucket(request, target.bucket)?;
        let (version, object) = find_version(bucket, target.key, request.query("versionId"), "GET")?;
        let mut headers = HeaderMap::new();
        insert(&mut headers, "x-amz-version-id", &version.id);
        let mut document = Writer::document("Tagging");
        document.nested("TagSet", |set| {
            for (key, value) in &object.tags {
                set.nested("Tag", |tag| {
                    tag.element("Key", key);
                    tag.element("Value", value);
                });
            }
        });
        Ok(xml_with(headers, document.finish()))
    }

    pub(super) fn put_tagging(&mut self, request: &S3Request, target: &Target<'_>) -> Answer {
        let payload = Payload::read(request)?;
        let body = Element::parse(&payload.bytes, "Tagging").ok_or_else(S3Error::malformed_xml)?;
        let tags = body.children("TagSet").flat_map(|set| set.children("Tag"));
        let tags: Option<Vec<(String, String)>> = tags
            .map(|tag| Some((tag.child_text("Key")?.to_owned(), tag.child_text("Value")?.to_owned())))
            .collect();
        let tags = checked(tags.ok_or_else(S3Error::malformed_xml)?)?;
        self.object_mut(request, target)?.tags = tags;
        Ok(respond(StatusCode::OK, HeaderMap::new(), Bytes::new()))
    }

    pub(super) fn delete_tagging(&mut self, request: &S3Request, target: &Target<'_>) -> Answer {
        self.object_mut(request, target)?.tags.clear();
        Ok(respond(StatusCode::NO_CONTENT, HeaderMap::new(), Bytes::new()))
    }

    fn object_mut(&mut self, request: &S3Request, target: &Target<'_>) -> Result<&mut Object, S3Error> {
        let id = request.query("versionId");
        let bucket = self.bucket_mut(request, target.bucket)?;
        find_version(bucket, target.key, id, request.method.as_str())?;
        match bucket.version_mut(target.key, id).map(|version| &mut version.entry) {
            Some(Entry::Object(object)) => Ok(object),
            Some(Entry::DeleteMarker) | None => Err(S3Error::no_such_key(target.key)),
        }
    }
}

/// The tags that come with a PUT, written like a query string.
pub(super) fn parse_tag_header(request: &S3Request) -> Result<Vec<(String, String)>, S3Error> {
    let text = request.header("x-amz-tagging").unwrap_or_default();
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    checked(
        pairs
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                (percent_decode(&key.replace('+', " ")), percent_decode(&value.replace('+', " ")))
            })
            .collect(),
    )
}

fn checked(tags: Vec<(String, String)>) -> Result<Vec<(String, String)>, S3Error> {
    if tags.len() > MAXIMUM_TAGS {
        let message = "Object tags cannot be greater than 10";
        return Err(S3Error::new(StatusCode::BAD_REQUEST, "BadRequest", message));
    }
    Ok(tags)
}

/// Resolves `%41`; what is no escape stays as it is.
pub(super) fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits =
            tail.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
