//! Which secret is meant? Names, ARNs, and the `valueFrom` of a task definition.

use sha2::{Digest, Sha256};

use super::secret_not_found;
use crate::context::{ApiError, CallContext};

/// A `SecretId`: a name, or a full or partial ARN.
pub(super) enum SecretId {
    Name(String),
    Arn { arn: String, resource: String },
}

impl SecretId {
    /// An ARN of another region is simply not found; one of another account needs a resource policy, which the
    /// simulator does not have, so AWS would deny it.
    pub(super) fn parse_for_caller(secret_id: &str, context: &CallContext) -> Result<Self, ApiError> {
        let Some(arn) = Arn::parse(secret_id) else { return Ok(Self::Name(secret_id.to_owned())) };
        if arn.account != context.account {
            return Err(ApiError::bad_request(
                "AccessDeniedException",
                format!(
                    "User: {} is not authorized to perform the requested operation on resource: {secret_id} \
                     because no resource-based policy allows it",
                    context.principal_arn
                ),
            ));
        }
        if arn.region != context.region {
            return Err(secret_not_found());
        }
        Ok(Self::Arn { arn: secret_id.to_owned(), resource: arn.resource.to_owned() })
    }
}

/// The parts of a secret's ARN; `resource` is everything behind `secret:`.
struct Arn<'a> {
    region: &'a str,
    account: &'a str,
    resource: &'a str,
}

impl<'a> Arn<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(7, ':');
        let (arn, _partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (region, account, kind, resource) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        (arn == "arn" && service == "secretsmanager" && kind == "secret").then_some(Self {
            region,
            account,
            resource,
        })
    }
}

/// A parsed `valueFrom`. An empty part means "not given".
pub(super) struct ValueFrom {
    pub(super) account: String,
    pub(super) region: String,
    pub(super) id: SecretId,
    pub(super) json_key: Option<String>,
    pub(super) version_stage: Option<String>,
    pub(super) version_id: Option<String>,
}

impl ValueFrom {
    /// `None` when the ECS agent would call it malformed: it accepts the secret alone or with exactly three more
    /// parts, nothing between.
    pub(super) fn parse(text: &str, account: &str, region: &str) -> Option<Self> {
        let arn = Arn::parse(text);
        let resource = arn.as_ref().map_or(text, |arn| arn.resource);
        let parts: Vec<&str> = resource.split(':').collect();
        let (name, options) = match parts.as_slice() {
            [name] => (*name, ["", "", ""]),
            [name, key, stage, version] => (*name, [*key, *stage, *version]),
            _ => return None,
        };
        let [json_key, version_stage, version_id] =
            options.map(|part| (!part.is_empty()).then(|| part.to_owned()));
        let (account, region, id) = match arn {
            Some(found) => {
                let bare = text.strip_suffix(resource).map(|prefix| format!("{prefix}{name}"))?;
                let id = SecretId::Arn { arn: bare, resource: name.to_owned() };
                (found.account, found.region, id)
            }
            None => (account, region, SecretId::Name(name.to_owned())),
        };
        Some(Self {
            account: account.to_owned(),
            region: region.to_owned(),
            id,
            json_key,
            version_stage,
            version_id,
        })
    }
}

/// The ARN that AWS would make up: the six characters at its end are random there, here a hash of what identifies
/// the secret, so that a scenario gets the same ARNs each time it is played.
pub(super) fn arn_of(account: &str, region: &str, name: &str, generation: u32) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let hash = Sha256::digest(format!("{account}/{region}/{name}/{generation}"));
    let suffix: String = hash
        .iter()
        .take(6)
        .map(|byte| char::from(ALPHABET.get(usize::from(*byte) % ALPHABET.len()).copied().unwrap_or(b'A')))
        .collect();
    format!("arn:{}:secretsmanager:{region}:{account}:secret:{name}-{suffix}", partition(region))
}

fn partition(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}
