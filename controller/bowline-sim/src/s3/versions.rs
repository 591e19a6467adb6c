//! Listing versions and delete markers: keys in order, within a key the newest first.

use super::error::S3Error;
use super::list::{Listing, write_object};
use super::store::{Bucket, Entry, Version};
use super::xml::Writer;
use super::{Answer, S3Request, iso_8601, xml};

/// Where a listing goes on: behind a whole key, or behind one version of it.
struct Marker<'a> {
    key: &'a str,
    version_id: Option<&'a str>,
}

/// One line of the listing.
enum Line<'a> {
    Version { key: &'a str, version: &'a Version, latest: bool },
    Prefix(&'a str),
}

pub(super) fn list_versions(bucket: &Bucket, request: &S3Request, name: &str) -> Answer {
    let listing = Listing::parse(request)?;
    let marker = parse_marker(request)?;
    let mut lines = lines(bucket, &listing, marker.as_ref());
    let truncated = lines.len() > listing.max_keys && listing.max_keys > 0;
    lines.truncate(listing.max_keys);
    let mut document = Writer::document("ListVersionsResult");
    listing.write_head(&mut document, name);
    document.element("KeyMarker", &listing.encode(request.query("key-marker").unwrap_or_default()));
    document.element("VersionIdMarker", request.query("version-id-marker").unwrap_or_default());
    document.element("IsTruncated", if truncated { "true" } else { "false" });
    match lines.last().filter(|_| truncated) {
        Some(Line::Version { key, version, .. }) => {
            document.element("NextKeyMarker", &listing.encode(key));
            document.element("NextVersionIdMarker", &version.id);
        }
        Some(Line::Prefix(prefix)) => document.element("NextKeyMarker", &listing.encode(prefix)),
        None => {}
    }
    let mut prefixes = Vec::new();
    for line in lines {
        match line {
            Line::Version { key, version, latest } => {
                write_version(&mut document, bucket, &listing.encode(key), version, latest);
            }
            Line::Prefix(prefix) => prefixes.push(prefix),
        }
    }
    listing.write_prefixes(&mut document, &prefixes);
    Ok(xml(document.finish()))
}

fn parse_marker(request: &S3Request) -> Result<Option<Marker<'_>>, S3Error> {
    let key = request.query("key-marker").filter(|key| !key.is_empty());
    let version_id = request.query("version-id-marker").filter(|id| !id.is_empty());
    match (key, version_id) {
        (Some(key), version_id) => Ok(Some(Marker { key, version_id })),
        (None, None) => Ok(None),
        (None, Some(id)) => Err(S3Error::invalid_argument(
            "version-id-marker",
            id,
            "A version-id marker cannot be specified without a key marker.",
        )),
    }
}

/// The lines behind the marker, one more than the page holds if there are more.
fn lines<'a>(bucket: &'a Bucket, listing: &Listing<'_>, marker: Option<&Marker<'_>>) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let mut last_prefix = None;
    for (key, versions) in bucket.keys.range(listing.prefix.to_owned()..) {
        if !key.starts_with(listing.prefix) || lines.len() > listing.max_keys {
            break;
        }
        if let Some(prefix) = listing.fold(key) {
            let seen = last_prefix == Some(prefix) || marker.is_some_and(|marker| prefix <= marker.key);
            if !seen {
                lines.push(Line::Prefix(prefix));
                last_prefix = Some(prefix);
            }
            continue;
        }
        let latest = versions.last().map(|version| version.id.as_str());
        lines.extend(behind(key, versions, marker).map(|version| Line::Version {
            key,
            version,
            latest: latest == Some(version.id.as_str()),
        }));
    }
    lines
}

/// The versions of a key, newest first, that are behind the marker.
fn behind<'a>(
    key: &str,
    versions: &'a [Version],
    marker: Option<&Marker<'_>>,
) -> impl Iterator<Item = &'a Version> {
    let shown = match marker {
        Some(marker) if key < marker.key => 0,
        Some(Marker { key: last, version_id }) if *last == key => {
            version_id.and_then(|id| versions.iter().position(|version| version.id == id)).unwrap_or(0)
        }
        _ => versions.len(),
    };
    versions.iter().take(shown).rev()
}

fn write_version(document: &mut Writer, bucket: &Bucket, key: &str, version: &Version, latest: bool) {
    let element = match &version.entry {
        Entry::Object(_) => "Version",
        Entry::DeleteMarker => "DeleteMarker",
    };
    document.nested(element, |entry| {
        entry.element("Key", key);
        entry.element("VersionId", &version.id);
        entry.element("IsLatest", if latest { "true" } else { "false" });
        match &version.entry {
            Entry::Object(object) => write_object(entry, version, object),
            Entry::DeleteMarker => entry.element("LastModified", &iso_8601(version.modified)),
        }
        entry.nested("Owner", |owner| owner.element("ID", &bucket.owner));
    });
}
