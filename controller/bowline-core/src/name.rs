//! What is a valid name? Text in, a type that cannot be wrong out.
//!
//! One macro makes each newtype, its parser, its serde form and its JSON Schema. The text is shared: the name of a resource stands
//! in a dozen places, and there are thousands. Nothing here may depend on another room.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Text that is not a valid name: what was found, what is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not {expected}")]
pub struct NameError {
    /// The text that was given.
    pub found: String,
    /// What would have been accepted, in words: "a 12-digit AWS account id".
    pub expected: &'static str,
}

macro_rules! names {
    ($( $(#[$doc:meta])* $name:ident, $format:literal, $expected:literal, $check:expr; )*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name(Arc<str>);

            impl $name {
                /// The value of `format` in the JSON Schema.
                pub const FORMAT: &str = $format;

                /// Parses the text.
                pub fn parse(text: &str) -> Result<Self, NameError> {
                    let check: fn(&str) -> bool = $check;
                    if check(text) {
                        Ok(Self(text.into()))
                    } else {
                        Err(NameError { found: text.to_owned(), expected: $expected })
                    }
                }

                /// The text itself.
                pub fn as_str(&self) -> &str {
                    &self.0
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(formatter)
                }
            }

            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.serialize_str(&self.0)
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let text = String::deserialize(deserializer)?;
                    Self::parse(&text).map_err(serde::de::Error::custom)
                }
            }

            impl JsonSchema for $name {
                fn schema_name() -> std::borrow::Cow<'static, str> {
                    stringify!($name).into()
                }

                fn inline_schema() -> bool {
                    true
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({ "type": "string", "format": $format })
                }
            }
        )*

        /// Checks `text` against the named `format` of the JSON Schema; a format that is not ours accepts everything.
        pub fn check(format: &str, text: &str) -> Result<(), NameError> {
            match format {
                $( $format => $name::parse(text).map(|_| ()), )*
                HumanDuration::FORMAT => HumanDuration::parse(text).map(|_| ()),
                _ => Ok(()),
            }
        }

        /// What the named `format` accepts, in words: "a 12-digit AWS account id".
        pub fn expected(format: &str) -> Option<&'static str> {
            match format {
                $( $format => Some($expected), )*
                HumanDuration::FORMAT => Some(HumanDuration::EXPECTED),
                _ => None,
            }
        }
    };
}

fn all(text: &str, least: usize, most: usize, accept: fn(char) -> bool) -> bool {
    (least..=most).contains(&text.chars().count()) && text.chars().all(accept)
}

impl EndTime {
    /// The moment itself.
    pub fn timestamp(&self) -> jiff::Timestamp {
        // The text was parsed before, so it can be again.
        self.0.parse().unwrap_or_default()
    }
}

impl Default for InstanceName {
    /// `bowline`: enough where there is one instance.
    fn default() -> Self {
        Self("bowline".into())
    }
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '-' || character == '_'
}

fn is_resource_name(text: &str) -> bool {
    all(text, 1, 63, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_revision(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(family, revision)| {
        all(family, 1, 255, is_word)
            && all(revision, 1, 9, |c| c.is_ascii_digit())
            && !revision.starts_with('0')
    })
}

fn is_account(text: &str) -> bool {
    all(text, 12, 12, |c| c.is_ascii_digit())
}

/// The resource part of an ARN of the service: what follows the account. IAM's ARNs have no region.
fn arn_resource<'a>(text: &'a str, service: &str) -> Option<&'a str> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, found, region, account, resource]
            if partition.starts_with("aws")
                && *found == service
                && (if service == "iam" { region.is_empty() } else { is_region(region) })
                && is_account(account) =>
        {
            Some(resource)
        }
        _ => None,
    }
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    match parts.as_slice() {
        [first, middle @ .., last] => {
            all(first, 2, 4, |c| c.is_ascii_lowercase())
                && (1..=3).contains(&middle.len())
                && middle.iter().all(|part| all(part, 1, 16, |c| c.is_ascii_lowercase()))
                && all(last, 1, 2, |c| c.is_ascii_digit())
        }
        _ => false,
    }
}

fn is_secret_id(text: &str) -> bool {
    let is_name = |name: &str| all(name, 1, 512, |c| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c));
    if text.starts_with("arn:") {
        arn_resource(text, "secretsmanager")
            .and_then(|resource| resource.strip_prefix("secret:"))
            .is_some_and(is_name)
    } else {
        is_name(text)
    }
}

fn is_bucket(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    all(text, 3, 63, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.')
        && text.starts_with(inner)
        && text.ends_with(inner)
        && !text.contains("..")
}

fn is_task_definition_arn(text: &str) -> bool {
    arn_resource(text, "ecs")
        .and_then(|resource| resource.strip_prefix("task-definition/"))
        .is_some_and(is_revision)
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        })
}

fn is_relative_path(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('/')
        && !text.contains('\\')
        && text.split('/').all(|part| !part.is_empty())
}

/// The syntax that every cron has; croner alone would also take seconds, years, nicknames, and names of days in any field.
/// A schedule that never comes (`0 0 30 2 *`) is no schedule.
fn is_cron(text: &str) -> bool {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let fields: Vec<&str> = text.split_whitespace().collect();
    let is_field = |(index, field): (usize, &&str)| {
        field.split([',', '-', '/']).all(|part| match index {
            _ if part == "*" || all(part, 1, 2, |c| c.is_ascii_digit()) => true,
            3 => MONTHS.contains(&part.to_ascii_lowercase().as_str()),
            4 => DAYS.contains(&part.to_ascii_lowercase().as_str()),
            _ => false,
        })
    };
    // Any fixed moment will do: leap days come at most eight years later.
    let start = jiff::civil::date(2024, 1, 1).to_zoned(jiff::tz::TimeZone::UTC);
    fields.len() == 5
        && fields.iter().enumerate().all(is_field)
        && text
            .parse::<croner::Cron>()
            .is_ok_and(|cron| start.is_ok_and(|start| cron.find_next_occurrence(&start, false).is_ok()))
}

/// The grammar of RFC 3986, as far as a probe needs it: no user, no fragment, and an IPv6 address in brackets.
fn url_parts(text: &str) -> Option<UrlParts<'_>> {
    let (https, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return None,
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at_checked(end)?;
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => authority.split_at_checked(authority.find(':').unwrap_or(authority.len()))?,
    };
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().ok().filter(|port| *port > 0)?,
        None if port.is_empty() => {
            if https {
                443
            } else {
                80
            }
        }
        None => return None,
    };
    let target_is_plain = target.chars().all(|c| c.is_ascii_graphic() && c != '#');
    let bracketed = authority.starts_with('[');
    let host_fits = is_host(host) && bracketed == host.contains(':');
    (text.len() <= 2048 && host_fits && target_is_plain).then_some(UrlParts { https, host, port, target })
}

fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        all(label, 1, 63, |c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // Only digits and dots would be read as an address by some resolvers: `127.1` is 127.0.0.1.
    let looks_like_address = text.rsplit('.').next().is_some_and(|last| {
        last.chars().all(|c| c.is_ascii_digit()) || last.starts_with("0x") || last.starts_with("0X")
    });
    let is_name = text.len() <= 253 && !looks_like_address && text.split('.').all(label);
    is_name || text.parse::<core::net::IpAddr>().is_ok()
}

fn status_range(text: &str) -> Option<(u16, u16)> {
    let one = |text: &str| {
        let is_status = all(text, 3, 3, |c| c.is_ascii_digit());
        text.parse().ok().filter(|status| is_status && (100..=599).contains(status))
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((one(first)?, one(last)?)).filter(|(first, last)| first <= last)
}

names! {
    /// `metadata.name` of a resource: a DNS label, as in Kubernetes.
    ResourceName, "resource-name", "a name of 1 to 63 lower-case letters, digits and inner hyphens", is_resource_name;
    /// The name of a Bowline instance: what tells its services from those of another one in the same account.
    InstanceName, "bowline-instance-name", "a name of 1 to 63 lower-case letters, digits and inner hyphens", is_resource_name;
    /// An AWS account id.
    AccountId, "aws-account-id", "a 12-digit AWS account id", is_account;
    /// An AWS region, such as `eu-central-1`.
    Region, "aws-region", "an AWS region such as eu-central-1", is_region;
    /// The name of an ECS cluster.
    ClusterName, "ecs-cluster-name", "an ECS cluster name (1 to 255 letters, digits, hyphens, underscores)", |t| all(t, 1, 255, is_word);
    /// The name of an ECS service.
    ServiceName, "ecs-service-name", "an ECS service name (1 to 255 letters, digits, hyphens, underscores)", |t| all(t, 1, 255, is_word);
    /// A task definition revision as AWS abbreviates it: `family:42`.
    RevisionRef, "ecs-revision", "a task definition revision such as family:42", is_revision;
    /// The family of a task definition.
    Family, "ecs-family", "a task definition family (1 to 255 letters, digits, hyphens, underscores)", |t| all(t, 1, 255, is_word);
    /// The full ARN of a task definition revision.
    TaskDefinitionArn, "ecs-task-definition-arn", "a task definition ARN such as arn:aws:ecs:eu-central-1:111122223333:task-definition/family:42", is_task_definition_arn;
    /// A secret's name or ARN.
    SecretId, "secret-id", "a secret name (1 to 512 letters, digits and /_+=.@-) or its ARN", is_secret_id;
    /// The id of a secret's version (the `ClientRequestToken` with which it was written).
    SecretVersionId, "secret-version-id", "a secret version id (32 to 64 letters, digits, hyphens, underscores)", |t| all(t, 32, 64, is_word);
    /// The ARN of an IAM role.
    RoleArn, "iam-role-arn", "an IAM role ARN such as arn:aws:iam::111122223333:role/bowline",
        |t| arn_resource(t, "iam").and_then(|resource| resource.strip_prefix("role/")).is_some_and(|role| !role.is_empty());
    /// An S3 bucket.
    BucketName, "s3-bucket", "an S3 bucket name (3 to 63 lower-case letters, digits, dots, hyphens)", is_bucket;
    /// An S3 object key.
    ObjectKey, "s3-key", "an S3 object key (1 to 1024 bytes)", |t| !t.is_empty() && t.len() <= 1024;
    /// The id of one version of an S3 object.
    ObjectVersionId, "s3-version-id", "an S3 object version id", |t| !t.is_empty() && t.len() <= 1024 && !t.contains(char::is_whitespace);
    /// The lineage of a Terraform state: a UUID given once, at its creation.
    Lineage, "terraform-lineage", "a Terraform lineage (a UUID)", is_uuid;
    /// An argument of a Terraform resource as `ignore_changes` names it, or `all`.
    TerraformAttribute, "terraform-attribute", "an argument as `ignore_changes` names it, such as desired_count, or all",
        |t| all(t, 1, 64, |c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit());
    /// A full git commit id.
    CommitId, "git-commit", "a full git commit id (40 hexadecimal digits)", |t| all(t, 40, 40, |c| c.is_ascii_hexdigit());
    /// A token whose change restarts a service once; it is stored in a tag, so it is limited to what AWS allows there.
    RestartToken, "restart-token", "a token of 1 to 64 letters, digits and . _ : / = + -",
        |t| all(t, 1, 64, |c| c.is_ascii_alphanumeric() || "._:/=+-".contains(c));
    /// A moment, as RFC 3339 writes it.
    EndTime, "end-time", "a time with its zone, such as 2026-11-22T08:00:00Z", |t| t.parse::<jiff::Timestamp>().is_ok();
    /// Why somebody did something, in their own words.
    ReasonText, "reason", "a reason of 1 to 500 characters on one line",
        |t| !t.trim().is_empty() && all(t, 1, 500, |c| !c.is_control());
    /// A path inside the repository, `/`-separated, never absolute.
    RelativePath, "relative-path", "a relative path with / between its parts", is_relative_path;
    /// A five-field cron expression.
    CronExpression, "cron", "a cron expression of five fields, such as `0 3 1 * *`",
        is_cron;
    /// An IANA time zone.
    TimeZoneName, "time-zone", "an IANA time zone such as Europe/Berlin", |t| jiff::tz::TimeZone::get(t).is_ok();
    /// Where a probe goes: an `http` or `https` URL without user and fragment.
    ProbeUrl, "probe-url", "an http or https URL without user name and fragment, such as https://web.example.com/healthz",
        |t| url_parts(t).is_some();
    /// A host's name or its address.
    HostName, "host-name", "a host's name, or an IP address in full", is_host;
    /// A host that may be probed: its name or address, or `*.` and a domain for every name below it.
    HostPattern, "host-pattern", "a host's name, an IP address, or a pattern such as *.example.com",
        |t| is_host(t.strip_prefix("*.").unwrap_or(t)) && (!t.starts_with("*.") || t.parse::<core::net::IpAddr>().is_err());
    /// Status codes of HTTP: one, or from one to another.
    StatusCodes, "http-status", "a status code in quotes, or a range such as 200-299", |t| status_range(t).is_some();
    /// The ARN of a load balancer's target group.
    TargetGroupArn, "target-group-arn", "a target group ARN such as arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/web/0123456789abcdef",
        |t| arn_resource(t, "elasticloadbalancing").and_then(|resource| resource.strip_prefix("targetgroup/")).is_some_and(|rest| rest.contains('/'));
    /// A path to a field of a live service, such as `taskDefinition.containerDefinitions[name=web].image`.
    FieldPath, "field-path", "a field path such as taskDefinition.containerDefinitions[*].image", |t| !t.is_empty() && !t.contains(char::is_whitespace);
}

impl RevisionRef {
    /// The family and the revision number.
    pub fn parts(&self) -> (&str, u32) {
        self.0
            .rsplit_once(':')
            .map_or((self.as_str(), 0), |(family, revision)| (family, revision.parse().unwrap_or(0)))
    }
}

/// The parts of a [`ProbeUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UrlParts<'a> {
    /// Whether it is `https`.
    pub https: bool,
    /// The host; an IPv6 address without its brackets.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// Path and query as written; empty where there is none.
    pub target: &'a str,
}

impl ProbeUrl {
    /// Its parts.
    pub fn parts(&self) -> UrlParts<'_> {
        url_parts(&self.0).unwrap_or(UrlParts { https: true, host: &self.0, port: 443, target: "" })
    }
}

impl StatusCodes {
    /// The first and the last of them.
    pub fn range(&self) -> std::ops::RangeInclusive<u16> {
        let (first, last) = status_range(&self.0).unwrap_or((200, 299));
        first..=last
    }

    /// Every status of a success: `200-299`.
    pub(crate) fn success() -> Self {
        Self("200-299".into())
    }
}

impl HostPattern {
    /// Whether it means this host: names are compared without regard to case, addresses by their value.
    pub fn matches(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        if let Some(domain) = self.0.strip_prefix("*.") {
            let below = host.len().checked_sub(domain.len() + 1).and_then(|at| host.split_at_checked(at));
            return below.is_some_and(|(label, rest)| {
                !label.is_empty() && rest.starts_with('.') && rest[1..].eq_ignore_ascii_case(domain)
            });
        }
        match (self.0.parse::<core::net::IpAddr>(), host.parse::<core::net::IpAddr>()) {
            (Ok(one), Ok(other)) => one == other,
            (Err(_), Err(_)) => self.0.eq_ignore_ascii_case(host),
            (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
        }
    }
}

impl TargetGroupArn {
    /// The target group's name.
    pub fn name(&self) -> &str {
        self.0.split('/').nth(1).unwrap_or(&self.0)
    }
}

impl RoleArn {
    /// The account that the role is in.
    pub fn account(&self) -> &str {
        self.0.split(':').nth(4).unwrap_or_default()
    }
}

impl SecretId {
    /// Account and region, if it is an ARN.
    pub fn place(&self) -> Option<(&str, &str)> {
        let mut parts = self.0.strip_prefix("arn:")?.split(':').skip(2);
        let region = parts.next()?;
        Some((parts.next()?, region))
    }
}

impl TaskDefinitionArn {
    /// The revision as AWS abbreviates it: `family:42`.
    pub fn revision(&self) -> RevisionRef {
        RevisionRef(
            self.0.rsplit_once('/').map_or_else(|| Arc::clone(&self.0), |(_, revision)| revision.into()),
        )
    }
}

/// A duration as people write it: `90s`, `15m`, `24h`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HumanDuration(Duration);

impl HumanDuration {
    /// The value of `format` in the JSON Schema.
    pub const FORMAT: &str = "duration-text";
    const EXPECTED: &str = "a duration such as 90s, 15m, 24h or 7d (at most 365d)";

    /// From whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// Parses a whole number followed by `s`, `m`, `h` or `d`; at most 365 days.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let error = || NameError { found: text.to_owned(), expected: Self::EXPECTED };
        let unit = text.chars().next_back().ok_or_else(error)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(error()),
        };
        let digits = &text[..text.len() - 1];
        if !all(digits, 1, 7, |c| c.is_ascii_digit()) {
            return Err(error());
        }
        let count: u64 = digits.parse().map_err(|_| error())?;
        // Longer ones could leave the range of time stamps when they are added to one.
        let total = count * seconds;
        if total > 365 * 86_400 {
            return Err(error());
        }
        Ok(Self(Duration::from_secs(total)))
    }

    /// As the standard library's type.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0 => formatter.write_str("0s"),
            s if s % 86_400 == 0 => write!(formatter, "{}d", s / 86_400),
            s if s % 3_600 == 0 => write!(formatter, "{}h", s / 3_600),
            s if s % 60 == 0 => write!(formatter, "{}m", s / 60),
            s => write!(formatter, "{s}s"),
        }
    }
}

impl Serialize for HumanDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for HumanDuration {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HumanDuration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": Self::FORMAT })
    }
}

#[cfg(test)]
mod tests;
