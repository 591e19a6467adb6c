//! What identifies a deployment: the hash of its spec, and the fingerprint of the secret versions that it reads.

use std::collections::BTreeMap;

use super::memory::SpecHash;
use crate::desired::{DesiredService, DesiredState};
use crate::diff::canonical::sha256_hex;

/// Version ids by Secret resource.
pub(crate) type Versions<'a> = BTreeMap<&'a str, &'a str>;

/// The versions that git pins for the secrets of a service.
pub(crate) fn pinned_versions<'a>(desired: &'a DesiredState, service: &'a DesiredService) -> Versions<'a> {
    let secrets = &service.resource.spec.secrets;
    secrets
        .iter()
        .filter_map(|name| {
            let secret = desired.secrets.get(name)?;
            Some((name.as_str(), secret.spec.version_id.as_str()))
        })
        .collect()
}

/// One `resource=versionId` a line, sorted.
fn lines(versions: &Versions<'_>) -> String {
    versions.iter().flat_map(|(name, version)| [*name, "=", *version, "\n"]).collect()
}

/// The first 16 hexadecimal digits of the SHA-256 of the secret versions: short enough for a tag.
pub(crate) fn fingerprint(versions: &Versions<'_>) -> String {
    sha256_hex(&lines(versions)).chars().take(16).collect()
}

/// SHA-256 of the content's normal form (`null` where Bowline does not manage the task definition),
/// followed by the secret versions.
pub(crate) fn spec_hash(normal: Option<&str>, versions: &Versions<'_>) -> SpecHash {
    let content = normal.unwrap_or("null");
    SpecHash(sha256_hex(&format!("{content}\n{}", lines(versions))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::TaskDefinitionContent;
    use crate::diff::normal_text;
    use serde_json::json;

    #[test]
    fn the_hash_sees_content_and_versions_but_no_defaults() {
        let short = normal_text(&TaskDefinitionContent::new(json!({"family": "web"})));
        let long = normal_text(&TaskDefinitionContent::new(
            json!({"family": "web", "networkMode": "bridge", "volumes": []}),
        ));
        let other =
            normal_text(&TaskDefinitionContent::new(json!({"family": "web", "networkMode": "awsvpc"})));
        let one = Versions::from([("db", "1")]);
        let two = Versions::from([("db", "2")]);
        assert_eq!(spec_hash(Some(&short), &one), spec_hash(Some(&long), &one));
        assert_ne!(spec_hash(Some(&short), &one), spec_hash(Some(&other), &one));
        assert_ne!(spec_hash(Some(&short), &one), spec_hash(Some(&short), &two));
        assert_ne!(spec_hash(Some(&short), &one), spec_hash(None, &one));
    }

    #[test]
    fn the_fingerprint_is_sixteen_digits_of_sorted_lines() {
        let versions = Versions::from([("b", "2"), ("a", "1")]);
        assert_eq!(fingerprint(&versions), &sha256_hex("a=1\nb=2\n")[..16]);
    }
}
