//! Listing objects, and what all listings share: prefix, delimiter, page size and the encoding of keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::S3Error;
use super::store::{Bucket, Object, Version};
use super::xml::Writer;
use super::{Answer, S3Request, iso_8601, xml};

const MAXIMUM_PAGE: usize = 1000;

/// The parameters that every listing takes.
pub(super) struct Listing<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: Option<&'a str>,
    pub(super) max_keys: usize,
    url: bool,
}

impl<'a> Listing<'a> {
    pub(super) fn parse(request: &'a S3Request) -> Result<Self, S3Error> {
        let max_keys = match request.query("max-keys") {
            None => MAXIMUM_PAGE,
            Some(text) => text.parse().map_err(|_| {
                S3Error::invalid_argument(
                    "max-keys",
                    text,
                    "Provided max-keys not an integer or within integer range",
                )
            })?,
        };
        let url = match request.query("encoding-type") {
            None => false,
            Some("url") => true,
            Some(other) => {
                let message = "Invalid Encoding Method specified in Request";
                return Err(S3Error::invalid_argument("encoding-type", other, message));
            }
        };
        Ok(Self {
            prefix: request.query("prefix").unwrap_or_default(),
            delimiter: request.query("delimiter").filter(|text| !text.is_empty()),
            max_keys: max_keys.min(MAXIMUM_PAGE),
            url,
        })
    }

    /// The common prefix under which this key is folded away, if the delimiter says so.
    pub(super) fn fold<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter?;
        let rest = key.strip_prefix(self.prefix)?;
        let end = rest.find(delimiter)? + delimiter.len();
        key.get(..self.prefix.len() + end)
    }

    /// A key as the client asked to get it.
    pub(super) fn encode(&self, text: &str) -> String {
        if self.url { url_encode(text) } else { text.to_owned() }
    }

    /// The elements with which every listing starts.
    pub(super) fn write_head(&self, document: &mut Writer, bucket: &str) {
        document.element("Name", bucket);
        document.element("Prefix", &self.encode(self.prefix));
        document.optional("Delimiter", self.delimiter.map(|text| self.encode(text)).as_deref());
        document.element("MaxKeys", &self.max_keys.to_string());
        if self.url {
            document.element("EncodingType", "url");
        }
    }

    /// The elements with which every listing ends.
    pub(super) fn write_prefixes(&self, document: &mut Writer, prefixes: &[&str]) {
        for prefix in prefixes {
            document.nested("CommonPrefixes", |entry| entry.element("Prefix", &self.encode(prefix)));
        }
    }
}

/// What one page of `ListObjectsV2` holds.
#[derive(Default)]
struct Page<'a> {
    objects: Vec<(&'a str, &'a Version, &'a Object)>,
    prefixes: Vec<&'a str>,
    /// The last key or common prefix of the page, if there is more behind it.
    next: Option<&'a str>,
}

pub(super) fn list_objects(bucket: &Bucket, request: &S3Request, name: &str) -> Answer {
    let listing = Listing::parse(request)?;
    let token = request.query("continuation-token");
    let after = match token {
        Some(token) => decode_token(token)?,
        None => request.query("start-after").unwrap_or_default().to_owned(),
    };
    let page = page(bucket, &listing, &after);
    let mut document = Writer::document("ListBucketResult");
    listing.write_head(&mut document, name);
    document.element("KeyCount", &(page.objects.len() + page.prefixes.len()).to_string());
    document.element("IsTruncated", if page.next.is_some() { "true" } else { "false" });
    document.optional("ContinuationToken", token);
    document.optional("NextContinuationToken", page.next.map(|last| URL_SAFE_NO_PAD.encode(last)).as_deref());
    document.optional("StartAfter", request.query("start-after").map(|text| listing.encode(text)).as_deref());
    let with_owner = request.query("fetch-owner") == Some("true");
    for (key, version, object) in page.objects {
        document.nested("Contents", |entry| {
            entry.element("Key", &listing.encode(key));
            write_object(entry, version, object);
            if with_owner {
                entry.nested("Owner", |owner| owner.element("ID", &bucket.owner));
            }
        });
    }
    listing.write_prefixes(&mut document, &page.prefixes);
    Ok(xml(document.finish()))
}

/// What listings say about an object beside its key.
pub(super) fn write_object(entry: &mut Writer, version: &Version, object: &Object) {
    entry.element("LastModified", &iso_8601(version.modified));
    entry.element("ETag", &object.etag);
    if let Some(checksum) = &object.checksum {
        entry.element("ChecksumAlgorithm", checksum.algorithm.name());
        entry.element("ChecksumType", "FULL_OBJECT");
    }
    entry.element("Size", &object.bytes.len().to_string());
    let class = object.metadata.get("x-amz-storage-class").and_then(|class| class.to_str().ok());
    entry.element("StorageClass", class.unwrap_or("STANDARD"));
}

fn page<'a>(bucket: &'a Bucket, listing: &Listing<'_>, after: &str) -> Page<'a> {
    let mut page = Page::default();
    let mut last = None;
    if listing.max_keys == 0 {
        return page;
    }
    for (key, versions) in bucket.keys.range(listing.prefix.to_owned()..) {
        if !key.starts_with(listing.prefix) {
            break;
        }
        let Some((version, object)) =
            versions.last().and_then(|version| version.object().map(|object| (version, object)))
        else {
            continue;
        };
        let folded = listing.fold(key);
        let shown = folded.unwrap_or(key);
        // A page that ended on a common prefix is continued behind all keys under it.
        if shown <= after || page.prefixes.last().is_some_and(|prefix| Some(*prefix) == folded) {
            continue;
        }
        if page.objects.len() + page.prefixes.len() == listing.max_keys {
            page.next = last;
            break;
        }
        last = Some(shown);
        match folded {
            Some(prefix) => page.prefixes.push(prefix),
            None => page.objects.push((key, version, object)),
        }
    }
    page
}

fn decode_token(token: &str) -> Result<String, S3Error> {
    let decoded = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.ok_or_else(|| {
        S3Error::invalid_argument("continuation-token", token, "The continuation token provided is incorrect")
    })
}

fn url_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
