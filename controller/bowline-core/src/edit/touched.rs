//! Which resources differ between two forms of a file.

use std::collections::{BTreeMap, BTreeSet};

use super::slice::{lead, read};
use crate::desired::ResourceKey;
use crate::name::RelativePath;

/// What differs between two forms of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// The resources whose document is not the same, up to blank lines around it, or is in one form only.
    pub resources: BTreeSet<ResourceKey>,
    /// Whether something else differs: a document of another program, a comment outside of any document, or a file that
    /// holds no manifests.
    pub other: bool,
}

/// Compares two forms of a file; absent is a file that is not there.
pub fn touched(path: &RelativePath, before: Option<&[u8]>, after: Option<&[u8]>) -> Touched {
    let (Some(before), Some(after)) = (parts(path, before), parts(path, after)) else {
        return Touched { resources: BTreeSet::new(), other: true };
    };
    let keys: BTreeSet<&ResourceKey> = before.resources.keys().chain(after.resources.keys()).collect();
    let changed = keys.into_iter().filter(|key| before.resources.get(key) != after.resources.get(key));
    let resources: BTreeSet<ResourceKey> = changed.cloned().collect();
    let other = before.others != after.others;
    Touched { resources, other }
}

#[derive(Default)]
struct Parts<'a> {
    resources: BTreeMap<ResourceKey, Vec<&'a str>>,
    others: Vec<&'a str>,
}

/// The texts of a file by resource; none if they cannot be told apart.
fn parts<'a>(path: &RelativePath, bytes: Option<&'a [u8]>) -> Option<Parts<'a>> {
    let mut parts = Parts::default();
    let Some(bytes) = bytes else { return Some(parts) };
    let text = std::str::from_utf8(bytes).ok()?;
    for slice in read(path, text).ok()? {
        // A document that came before or behind this one is no change of this one.
        let part = lead(&text[slice.content]).1.trim_end();
        match slice.resource {
            Some(resource) => parts.resources.entry(resource).or_default().push(part),
            None if part.is_empty() => {}
            None => parts.others.push(part),
        }
    }
    Some(parts)
}
