//! What is a secret? Its versions, and the staging labels that each sit on one version at most.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::request::{RotationRules, Tag};

pub(super) const AWSCURRENT: &str = "AWSCURRENT";
pub(super) const AWSPENDING: &str = "AWSPENDING";
pub(super) const AWSPREVIOUS: &str = "AWSPREVIOUS";

/// Secrets Manager keeps this many of the newest versions, and all that are younger than a day.
const VERSIONS_KEPT: usize = 100;
const KEPT_AT_LEAST: SignedDuration = SignedDuration::from_hours(24);

/// The value of one version, as it came over the wire; binary values stay in base64.
#[derive(Clone, PartialEq)]
pub(super) enum SecretValue {
    Text(String),
    Binary(String),
}

/// One version. Its id is the `ClientRequestToken` of the call that made it.
pub(super) struct Version {
    pub(super) id: String,
    /// `None` while a rotation has announced the version but not yet put its value.
    pub(super) value: Option<SecretValue>,
    pub(super) stages: BTreeSet<String>,
    pub(super) created: Timestamp,
    pub(super) last_accessed: Option<Timestamp>,
}

impl Version {
    /// The value, if it is text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Some(SecretValue::Text(text)) => Some(text),
            Some(SecretValue::Binary(_)) | None => None,
        }
    }
}

/// How a secret is rotated.
pub(super) struct Rotation {
    pub(super) enabled: bool,
    pub(super) lambda_arn: String,
    pub(super) rules: Option<RotationRules>,
}

/// A secret with its versions, oldest first.
pub(super) struct Secret {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) kms_key_id: Option<String>,
    pub(super) tags: Vec<Tag>,
    pub(super) created: Timestamp,
    pub(super) last_changed: Timestamp,
    pub(super) last_accessed: Option<Timestamp>,
    /// When the recovery window ends, if the secret is marked for deletion.
    pub(super) deletion_date: Option<Timestamp>,
    pub(super) rotation: Option<Rotation>,
    pub(super) versions: Vec<Version>,
}

impl Secret {
    pub(super) fn version(&self, id: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.id == id)
    }

    pub(super) fn version_mut(&mut self, id: &str) -> Option<&mut Version> {
        self.versions.iter_mut().find(|version| version.id == id)
    }

    /// The version that a staging label sits on.
    pub(super) fn holder(&self, stage: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.stages.contains(stage))
    }

    /// The id of the version that a staging label sits on.
    pub(super) fn holder_id(&self, stage: &str) -> Option<String> {
        self.holder(stage).map(|version| version.id.clone())
    }

    /// Puts a label on a version, away from the one that had it. When AWSCURRENT moves, AWSPREVIOUS follows to the
    /// version that it left.
    pub(super) fn attach(&mut self, stage: &str, id: &str) {
        let left = self.holder_id(stage).filter(|holder| holder != id);
        self.place(stage, id);
        if let Some(left) = left.filter(|_| stage == AWSCURRENT) {
            self.place(AWSPREVIOUS, &left);
        }
    }

    fn place(&mut self, stage: &str, id: &str) {
        for version in &mut self.versions {
            version.stages.remove(stage);
        }
        if let Some(version) = self.version_mut(id) {
            version.stages.insert(stage.to_owned());
        }
    }

    /// Adds a version and drops the old ones that AWS would no longer keep.
    pub(super) fn add_version(&mut self, id: &str, value: Option<SecretValue>, now: Timestamp) {
        self.versions.push(Version {
            id: id.to_owned(),
            value,
            stages: BTreeSet::new(),
            created: now,
            last_accessed: None,
        });
        let mut surplus = self.versions.len().saturating_sub(VERSIONS_KEPT);
        self.versions.retain(|version| {
            let outdated = surplus > 0
                && version.stages.is_empty()
                && now.duration_since(version.created) >= KEPT_AT_LEAST;
            surplus -= usize::from(outdated);
            !outdated
        });
    }
}
