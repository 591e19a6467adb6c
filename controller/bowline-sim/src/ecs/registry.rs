//! What the tags of images stand for: somebody may push another image under the same tag.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// The digests of tags that were moved, by image. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Registry {
    moved: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Registry {
    /// Lets an image's tag stand for another digest from now on.
    pub(super) fn move_tag(&self, image: &str, digest: &str) {
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        moved.insert(image.to_owned(), digest.to_owned());
    }

    /// The digest that an image stands for: its own when it names one, else where its tag was moved to, else one derived from
    /// the name.
    pub(super) fn digest(&self, image: &str) -> String {
        if let Some((_, digest)) = image.split_once('@') {
            return digest.to_owned();
        }
        let moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        moved.get(image).cloned().unwrap_or_else(|| derived(image))
    }
}

fn derived(image: &str) -> String {
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(image.as_bytes()) {
        for nibble in [byte >> 4, byte & 15] {
            digest.extend(char::from_digit(nibble.into(), 16));
        }
    }
    digest
}
