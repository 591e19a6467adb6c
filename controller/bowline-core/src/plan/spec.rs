//! What identifies a deployment: the hash of its spec, and the fingerprint of the secret versions that it reads.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::memory::SpecHash;
use crate::desired::{DesiredService, DesiredState};
use crate::diff::canonical::{canonical_json, sha256_hex};
use crate::name::TaskDefinitionArn;

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

/// What is deployed, as far as the task definition goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deployed<'a> {
    /// The normal form of the content that git wants.
    Content(&'a str),
    /// What the service runs, where Bowline does not manage the task definition.
    Live(Option<&'a TaskDefinitionArn>),
}

/// SHA-256 of what is deployed (content as canonical JSON), followed by the secret versions and, where git lists any, by the
/// settings that start a deployment.
pub(crate) fn spec_hash(
    deployed: Deployed<'_>,
    versions: &Versions<'_>,
    settings: &Map<String, Value>,
) -> SpecHash {
    let deployed = match deployed {
        Deployed::Content(normal) => normal,
        Deployed::Live(arn) => arn.map_or("", TaskDefinitionArn::as_str),
    };
    let settings =
        if settings.is_empty() { String::new() } else { canonical_json(&Value::Object(settings.clone())) };
    SpecHash(sha256_hex(&format!("{deployed}\n{}{settings}", lines(versions))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::TaskDefinitionContent;
    use crate::diff::normal_text;
    use crate::plan::fixture::arn;
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
        let hash = |content, versions| spec_hash(Deployed::Content(content), versions, &Map::new());
        assert_eq!(hash(&short, &one), hash(&long, &one));
        assert_ne!(hash(&short, &one), hash(&other, &one));
        assert_ne!(hash(&short, &one), hash(&short, &two));
    }

    #[test]
    fn without_content_the_hash_sees_which_revision_runs() {
        let (six, seven) = (arn("web:6"), arn("web:7"));
        let one = Versions::from([("db", "1")]);
        let two = Versions::from([("db", "2")]);
        let hash = |arn, versions| spec_hash(Deployed::Live(arn), versions, &Map::new());
        assert_eq!(hash(Some(&six), &one), hash(Some(&six), &one));
        assert_ne!(hash(Some(&six), &one), hash(Some(&seven), &one));
        assert_ne!(hash(Some(&six), &one), hash(Some(&six), &two));
        assert_ne!(hash(Some(&six), &one), hash(None, &one));
    }

    #[test]
    fn the_hash_sees_the_settings_that_are_rolled_out() {
        let seven = arn("web:7");
        let hash = |settings: Value| {
            let Value::Object(settings) = settings else { panic!("no object") };
            spec_hash(Deployed::Live(Some(&seven)), &Versions::new(), &settings)
        };
        assert_ne!(hash(json!({"platformVersion": "1.3.0"})), hash(json!({})));
        assert_ne!(hash(json!({"platformVersion": "1.3.0"})), hash(json!({"platformVersion": "1.4.0"})));
    }

    #[test]
    fn the_fingerprint_is_sixteen_digits_of_sorted_lines() {
        let versions = Versions::from([("b", "2"), ("a", "1")]);
        assert_eq!(fingerprint(&versions), &sha256_hex("a=1\nb=2\n")[..16]);
    }
}
