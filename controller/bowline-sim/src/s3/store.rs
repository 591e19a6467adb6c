//! What is in a bucket? Keys, each with its versions and delete markers, under three states of versioning.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;

use super::checksum::Checksum;

/// The id of a version that was written while versioning was off or suspended.
pub(super) const NULL: &str = "null";

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Versioning {
    Never,
    Enabled,
    Suspended,
}

pub(super) struct Bucket {
    pub(super) owner: String,
    pub(super) region: String,
    pub(super) created: Timestamp,
    pub(super) versioning: Versioning,
    /// Versions of each key, newest last; no key without a version.
    pub(super) keys: BTreeMap<String, Vec<Version>>,
    pub(super) uploads: BTreeMap<String, Upload>,
}

pub(super) struct Version {
    pub(super) id: String,
    pub(super) modified: Timestamp,
    pub(super) entry: Entry,
}

pub(super) enum Entry {
    Object(Box<Object>),
    DeleteMarker,
}

#[derive(Clone)]
pub(super) struct Object {
    pub(super) bytes: Bytes,
    /// With its quotes, as it stands in the header.
    pub(super) etag: String,
    pub(super) checksum: Option<Checksum>,
    /// Content headers and `x-amz-meta-*`.
    pub(super) metadata: HeaderMap,
    /// `x-amz-server-side-encryption` and its companions.
    pub(super) encryption: HeaderMap,
    pub(super) tags: Vec<(String, String)>,
}

/// A multipart upload that is neither completed nor aborted.
pub(super) struct Upload {
    pub(super) key: String,
    pub(super) metadata: HeaderMap,
    pub(super) encryption: HeaderMap,
    pub(super) tags: Vec<(String, String)>,
    /// The bytes of each part and their MD5.
    pub(super) parts: BTreeMap<u32, (Bytes, [u8; 16])>,
}

/// What a deletion did, for the response headers.
pub(super) struct Deleted {
    pub(super) version_id: Option<String>,
    pub(super) delete_marker: bool,
}

impl Version {
    pub(super) fn object(&self) -> Option<&Object> {
        match &self.entry {
            Entry::Object(object) => Some(object),
            Entry::DeleteMarker => None,
        }
    }
}

impl Bucket {
    pub(super) fn new(owner: &str, region: &str, created: Timestamp) -> Self {
        Self {
            owner: owner.to_owned(),
            region: region.to_owned(),
            created,
            versioning: Versioning::Never,
            keys: BTreeMap::new(),
            uploads: BTreeMap::new(),
        }
    }

    /// The newest version of a key, be it an object or a delete marker.
    pub(super) fn newest(&self, key: &str) -> Option<&Version> {
        self.keys.get(key)?.last()
    }

    pub(super) fn version(&self, key: &str, id: &str) -> Option<&Version> {
        self.keys.get(key)?.iter().find(|version| version.id == id)
    }

    pub(super) fn version_mut(&mut self, key: &str, id: Option<&str>) -> Option<&mut Version> {
        let versions = self.keys.get_mut(key)?;
        match id {
            Some(id) => versions.iter_mut().find(|version| version.id == id),
            None => versions.last_mut(),
        }
    }

    /// The object that a plain GET of the key would return.
    pub(super) fn current(&self, key: &str) -> Option<&Object> {
        self.newest(key)?.object()
    }

    /// Stores an object; answers the version id that the response names, if the bucket was ever versioned.
    pub(super) fn put(
        &mut self,
        key: &str,
        object: Object,
        new_id: String,
        now: Timestamp,
    ) -> Option<String> {
        self.push(key, Entry::Object(Box::new(object)), new_id, now)
    }

    /// Deletes the key, which leaves a marker in a versioned bucket, or one version for good.
    pub(super) fn delete(
        &mut self,
        key: &str,
        version_id: Option<&str>,
        new_id: String,
        now: Timestamp,
    ) -> Deleted {
        if let Some(id) = version_id {
            let delete_marker = self.version(key, id).is_some_and(|version| version.object().is_none());
            self.remove(key, id);
            return Deleted { version_id: Some(id.to_owned()), delete_marker };
        }
        if self.versioning == Versioning::Never {
            self.keys.remove(key);
            return Deleted { version_id: None, delete_marker: false };
        }
        let version_id = self.push(key, Entry::DeleteMarker, new_id, now);
        Deleted { version_id, delete_marker: true }
    }

    fn push(&mut self, key: &str, entry: Entry, new_id: String, now: Timestamp) -> Option<String> {
        let (id, reported) = match self.versioning {
            Versioning::Enabled => (new_id.clone(), Some(new_id)),
            Versioning::Suspended => (NULL.to_owned(), Some(NULL.to_owned())),
            Versioning::Never => (NULL.to_owned(), None),
        };
        let versions = self.keys.entry(key.to_owned()).or_default();
        // There is one null version at most: a new one takes the place of the old one.
        versions.retain(|version| version.id != id);
        versions.push(Version { id, modified: now, entry });
        reported
    }

    fn remove(&mut self, key: &str, id: &str) {
        if let Some(versions) = self.keys.get_mut(key) {
            versions.retain(|version| version.id != id);
            if versions.is_empty() {
                self.keys.remove(key);
            }
        }
    }
}
