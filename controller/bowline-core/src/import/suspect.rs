//! Does a value look as if it were confidential? Asked of everything free in a task definition, and in the settings of a service,
//! before it is written to a file.
//!
//! Simple rules, and rather one refusal too many: whoever knows better says so by name. They find what was put there in good
//! faith, not what somebody hides.

use serde_json::{Map, Value};

use crate::desired::TaskDefinitionContent;
use crate::diff::fields::{Rule, SERVICE};

/// A value that looks confidential: where, and why. The value itself is never in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Suspect {
    /// The service at ECS.
    pub service: String,
    /// The container.
    pub container: String,
    /// The environment variable, label or option; or `command`, `entryPoint`, `healthCheck`.
    pub variable: String,
    /// What gave it away.
    pub because: Because,
}

/// What makes a value look confidential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// What it is called.
    Name,
    /// What it looks like.
    Value,
}

impl Because {
    /// As a person reads it.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Name => "by its name",
            Self::Value => "by its value",
        }
    }
}

/// Words in a name that mean a secret. `PASSWORD` also at the end of a word (`DBPASSWORD`), like all but `KEY` and `PASS`.
const SECRET_WORDS: [&str; 11] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PWD",
    "SECRET",
    "SECRETS",
    "TOKEN",
    "TOKENS",
    "APIKEY",
    "CREDENTIAL",
    "CREDENTIALS",
];
/// The same, as whole words only: others end so (`MONKEY`, `COMPASS`).
const WHOLE_WORDS: [&str; 3] = ["KEY", "KEYS", "PASS"];
/// Last words of names of what is only about a secret: `TOKEN_URL`, `SECRET_ARN`, `PASSWORD_MIN_LENGTH`.
const ABOUT: [&str; 30] = [
    "ALGORITHM",
    "ARN",
    "AUDIENCE",
    "BUCKET",
    "COUNT",
    "DAYS",
    "DIR",
    "ENABLED",
    "ENDPOINT",
    "EXPIRY",
    "FILE",
    "HEADER",
    "HOST",
    "HOURS",
    "ID",
    "ISSUER",
    "LENGTH",
    "LIMIT",
    "MINUTES",
    "NAME",
    "PATH",
    "POLICY",
    "PREFIX",
    "REGION",
    "SECONDS",
    "TIMEOUT",
    "TTL",
    "TYPE",
    "URI",
    "URL",
];
/// How tokens begin that their issuers made recognisable (as their documentation, and secret scanners, list them): AWS,
/// GitHub, GitLab, Slack, Stripe, OpenAI and others, Google, npm, SendGrid, private keys.
const TOKEN_STARTS: [&str; 20] = [
    "AKIA",
    "ASIA",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "sk_live_",
    "rk_live_",
    "sk-",
    "AIza",
    "npm_",
    "SG.",
    "-----BEGIN ",
    "https://hooks.slack.com/services/",
];
/// Parts of connection strings that a secret follows.
const ASSIGNMENTS: [&str; 5] = ["password=", "pwd=", "accountkey=", "sharedaccesskey=", "token="];
/// Headers that carry credentials although their names do not say so.
const SECRET_HEADERS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];
/// Names whose long random-looking value is an identity of code, not a secret.
const DIGEST_WORDS: [&str; 6] = ["COMMIT", "SHA", "DIGEST", "REVISION", "CHECKSUM", "BUILD"];

/// Everything in the content that looks confidential and is not in `allowed`, in the order of the content.
pub(super) fn suspects(
    service: &str,
    content: &TaskDefinitionContent,
    allowed: impl Fn(&str) -> bool,
) -> Vec<Suspect> {
    let mut found = Vec::new();
    for container in list(content.value().get("containerDefinitions")) {
        let name = container.get("name").and_then(Value::as_str).unwrap_or_default();
        let mut add = |variable: &str, because: Option<Because>| {
            if let Some(because) = because.filter(|_| !allowed(variable)) {
                let (service, container) = (service.to_owned(), name.to_owned());
                let suspect = Suspect { service, container, variable: variable.to_owned(), because };
                if !found.contains(&suspect) {
                    found.push(suspect);
                }
            }
        };
        for variable in list(container.get("environment")) {
            let text = |field| variable.get(field).and_then(Value::as_str).unwrap_or_default();
            add(text("name"), looks_secret(text("name"), text("value")));
        }
        for maps in ["/dockerLabels", "/logConfiguration/options", "/firelensConfiguration/options"] {
            for (key, value) in container.pointer(maps).and_then(Value::as_object).into_iter().flatten() {
                add(key, looks_secret(key, value.as_str().unwrap_or_default()));
            }
        }
        for (field, at) in
            [("command", "/command"), ("entryPoint", "/entryPoint"), ("healthCheck", "/healthCheck/command")]
        {
            let words = list(container.pointer(at)).filter_map(Value::as_str);
            let is_secret = words.flat_map(str::split_whitespace).any(value_looks_secret);
            add(field, is_secret.then_some(Because::Value));
        }
    }
    found
}

/// A part of a service's settings that looks confidential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SettingSuspect {
    /// The fields that lead to it; those of the list where it is in one, which is managed as a whole.
    pub(super) names: Vec<String>,
    /// What it is called: an option, a header, a tag, or the field.
    pub(super) name: String,
    /// What gave it away.
    pub(super) because: Because,
}

/// Everything free in these settings that looks confidential, in their order.
pub(super) fn confidential_settings(settings: &Map<String, Value>) -> Vec<SettingSuspect> {
    let mut found = Vec::new();
    for (name, value) in settings {
        in_settings(name, &Place::default().child(name), value, &mut found);
    }
    found
}

/// The fields that lead to a value, as far as they are not in a list.
#[derive(Debug, Clone, Default)]
struct Place {
    names: Vec<String>,
    within_list: bool,
}

impl Place {
    fn child(&self, name: &str) -> Self {
        let mut child = self.clone();
        if !self.within_list {
            child.names.push(name.to_owned());
        }
        child
    }

    fn item(&self) -> Self {
        Self { within_list: true, ..self.clone() }
    }
}

/// Looks at what is free in a value: options and documents, headers, tags, paths. `path` is as in the table.
fn in_settings(path: &str, place: &Place, value: &Value, found: &mut Vec<SettingSuspect>) {
    let field = path.rsplit('.').next().unwrap_or(path);
    let mut add = |place: &Place, name: &str, because: Option<Because>| {
        let of = |because| SettingSuspect { names: place.names.clone(), name: name.to_owned(), because };
        found.extend(because.map(of));
    };
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    match value {
        Value::Object(keys) if SERVICE.row(path).is_some_and(|row| row.has(Rule::Map)) => {
            for (key, value) in keys {
                in_document(key, value, &mut |name, because| add(&place.child(key), name, Some(because)));
            }
        }
        Value::Object(_) if field == "header" => {
            let is_secret = SECRET_HEADERS.contains(&text("/name").to_ascii_lowercase().as_str());
            let because = is_secret.then_some(Because::Name);
            add(place, text("/name"), because.or_else(|| looks_secret(text("/name"), text("/value/exact"))));
        }
        Value::Object(_) if field == "tags" => {
            add(place, text("/key"), looks_secret(text("/key"), text("/value")));
        }
        Value::String(text) if field == "healthCheckPath" => {
            add(place, field, value_looks_secret(text).then_some(Because::Value));
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                in_settings(&format!("{path}.{name}"), &place.child(name), value, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                in_settings(path, &place.item(), item, found);
            }
        }
        _ => {}
    }
}

/// Every text of a document, each under the name of its field.
fn in_document(name: &str, value: &Value, add: &mut impl FnMut(&str, Because)) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                in_document(name, value, add);
            }
        }
        Value::Array(items) => {
            for item in items {
                in_document(name, item, add);
            }
        }
        Value::String(text) => {
            if let Some(because) = looks_secret(name, text) {
                add(name, because);
            }
        }
        _ => {}
    }
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

fn looks_secret(name: &str, value: &str) -> Option<Because> {
    let words: Vec<String> = words(name);
    if name_looks_secret(&words) && !is_harmless(&words, value) {
        return Some(Because::Name);
    }
    let is_digest = words.iter().any(|word| DIGEST_WORDS.contains(&word.as_str()));
    (value_looks_secret(value) && !(is_digest && is_hexadecimal(value))).then_some(Because::Value)
}

/// `dbPassword`, `DB_PASSWORD` and `db-password` are DB, PASSWORD.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() || (before.is_ascii_lowercase() && c.is_ascii_uppercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            word.push(c.to_ascii_uppercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty() && !word.chars().all(|c| c.is_ascii_digit()));
    words
}

fn name_looks_secret(words: &[String]) -> bool {
    if words.last().is_some_and(|last| ABOUT.contains(&last.as_str())) {
        return false;
    }
    words.iter().enumerate().any(|(at, word)| {
        let is_public = at > 0 && words[at - 1] == "PUBLIC";
        !is_public
            && (WHOLE_WORDS.contains(&word.as_str())
                || SECRET_WORDS.iter().any(|secret| word.ends_with(secret)))
    })
}

/// Values that no secret has, whatever they are called. A number is harmless (`MAX_TOKENS`) unless it may be a password.
fn is_harmless(words: &[String], value: &str) -> bool {
    let is_number = value.len() <= 6 && value.chars().all(|c| c.is_ascii_digit());
    let is_password =
        words.iter().any(|word| word.starts_with("PASS") || word.ends_with("PASSWORD") || word == "PWD");
    value.is_empty()
        || ["true", "false"].contains(&value)
        || (value.starts_with("arn:") && !value.contains(' '))
        || (is_number && !is_password)
}

fn value_looks_secret(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    TOKEN_STARTS.iter().any(|start| value.starts_with(start) && value.len() > start.len() + 8)
        || ASSIGNMENTS.iter().any(|assignment| {
            lower
                .split_once(assignment)
                .is_some_and(|(_, after)| !after.is_empty() && !after.starts_with('$'))
        })
        || has_url_password(value)
        || is_json_web_token(value)
        || is_random(value)
}

/// `scheme://user:password@host`.
fn has_url_password(value: &str) -> bool {
    let authority =
        value.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(rest));
    let user = authority.and_then(|authority| authority.rsplit_once('@')).map(|(user, _)| user);
    user.and_then(|user| user.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
}

fn is_json_web_token(value: &str) -> bool {
    value.starts_with("eyJ") && value.split('.').count() == 3
}

fn is_hexadecimal(value: &str) -> bool {
    value.chars().all(|c| c.is_ascii_hexdigit())
}

/// A key as a program makes it: 32 or more hexadecimal digits, or 20 or more characters of base64 in which capitals, small
/// letters and digits are mixed and hardly one comes twice (3.5 bits a character; English text has about 4 of 26 letters
/// only, and no digits between them). A UUID is an id.
fn is_random(value: &str) -> bool {
    let any = |test: fn(&char) -> bool| value.chars().any(|c| test(&c));
    let digits = any(char::is_ascii_digit);
    if value.len() >= 32 && is_hexadecimal(value) {
        return digits && any(char::is_ascii_alphabetic);
    }
    value.len() >= 20
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "+/=_-".contains(c))
        && digits
        && any(char::is_ascii_lowercase)
        && any(char::is_ascii_uppercase)
        && entropy(value) >= 3.5
}

/// Shannon's entropy of the characters, in bits each.
fn entropy(value: &str) -> f64 {
    let mut counts = std::collections::BTreeMap::new();
    for c in value.chars() {
        *counts.entry(c).or_insert(0_u32) += 1;
    }
    let all = f64::from(u32::try_from(value.chars().count()).unwrap_or(u32::MAX));
    counts.values().map(|count| f64::from(*count) / all).map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_of_secrets_are_seen() {
        for name in [
            "DB_PASSWORD",
            "dbPassword",
            "DBPASSWORD",
            "db-pass",
            "API_KEY",
            "apiKey",
            "STRIPE_SECRET",
            "GITHUB_TOKEN",
            "SECRET_KEY_BASE",
            "AWS_SECRET_ACCESS_KEY",
            "splunk-token",
            "CREDENTIALS",
            "TOKEN_2",
        ] {
            assert_eq!(looks_secret(name, "hunter2"), Some(Because::Name), "{name}");
        }
        assert_eq!(looks_secret("DB_PASSWORD", "123456"), Some(Because::Name));
    }

    #[test]
    fn what_is_only_about_a_secret_is_not_one() {
        for (name, value) in [
            ("TOKEN_URL", "https://login.example.com/token"),
            ("SECRET_ARN", "arn:aws:secretsmanager:eu-central-1:111122223333:secret:db"),
            ("DB_SECRET", "arn:aws:secretsmanager:eu-central-1:111122223333:secret:db"),
            ("PASSWORD_MIN_LENGTH", "12"),
            ("MAX_TOKENS", "4096"),
            ("TOKEN_TTL", "3600"),
            ("REQUIRE_API_KEY", "true"),
            ("DB_PASSWORD", ""),
            ("PUBLIC_KEY", "abc"),
            ("AWS_ACCESS_KEY_ID", "see-the-vault"),
            ("MONKEY", "chimp"),
            ("KEYCLOAK_REALM", "main"),
            ("KEY_PREFIX", "cache/"),
        ] {
            assert_eq!(looks_secret(name, value), None, "{name}");
        }
    }

    #[test]
    fn values_of_secrets_are_seen_whatever_they_are_called() {
        for value in [
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_abcdefghijklmnop",
            "https://hooks.slack.com/services/T000/B000/XXXXXXXX",
            "postgres://app:hunter2@db.internal:5432/app",
            "Server=db;User=app;Password=hunter2",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1",
            "0123456789abcdef0123456789abcdef",
            "-----BEGIN RSA PRIVATE KEY-----",
        ] {
            assert_eq!(looks_secret("SETTING", value), Some(Because::Value), "{value}");
        }
    }

    #[test]
    fn ordinary_values_are_not_suspected() {
        for (name, value) in [
            ("LOG_LEVEL", "info"),
            ("DATABASE_URL", "postgres://app@db.internal:5432/app"),
            ("CLIENT_ID", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"),
            ("CACHE", "prod-cache.ab12cd.ng.0001.euc1.cache.amazonaws.com"),
            ("IMAGE", "111122223333.dkr.ecr.eu-central-1.amazonaws.com/web:1.2.3"),
            ("GIT_SHA", "4b825dc642cb6eb9a060e54bf8d69288fbee4904"),
            ("BUCKET", "prod-google-workspace-mcp-tokens-eu-central-1"),
            ("JAVA_OPTS", "-Xmx512m -Dpassword=$DB_PASSWORD"),
        ] {
            assert_eq!(looks_secret(name, value), None, "{name}");
        }
    }

    #[test]
    fn every_free_place_of_a_container_is_looked_at_and_no_value_is_told() {
        let content = TaskDefinitionContent::new(json!({"containerDefinitions": [
            {"name": "web", "environment": [
                {"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "API_KEY", "value": "k"}, {"name": "PORT", "value": "1"},
            ]},
            {"name": "log", "command": ["run", "--password=hunter2"], "entryPoint": ["sh"],
             "healthCheck": {"command": ["CMD-SHELL", "curl http://a:hunter2@localhost"]},
             "dockerLabels": {"auth-token": "hunter2"}, "logConfiguration": {"options": {"splunk-token": "hunter2"}}},
        ]}));
        let found = suspects("prod-web", &content, |name| name == "API_KEY");
        let told: Vec<(&str, &str, Because)> =
            found.iter().map(|one| (one.container.as_str(), one.variable.as_str(), one.because)).collect();
        let (name, value) = (Because::Name, Because::Value);
        assert_eq!(
            told,
            [
                ("web", "DB_PASSWORD", name),
                ("log", "auth-token", name),
                ("log", "splunk-token", name),
                ("log", "command", value),
                ("log", "healthCheck", value),
            ]
        );
        assert!(!serde_json::to_string(&found).unwrap().contains("hunter2"));
    }

    #[test]
    fn what_is_free_in_settings_is_looked_at_and_nothing_else() {
        let arn = |name: &str| format!("arn:aws:iam::111122223333:role/{name}Ab12Cd34Ef56Gh78Ij90");
        let header = |name: &str, value: &str| json!({"name": name, "value": {"exact": value}});
        let alias = |header: Value| json!({"port": 80, "testTrafficRules": {"header": header}});
        let settings = json!({
            "deploymentConfiguration": {
                "alarms": {"alarmNames": ["TargetTracking-service/main/web-AlarmHigh-0a1b2c3d"]},
                "lifecycleHooks": [{"roleArn": arn("hook"), "hookDetails": {"to": {"apiKey": "k", "level": "info"}}}],
            },
            "gatewayConnectors": [{"healthCheck": {"healthCheckPath": "/health?token=abc"}}],
            "serviceConnectConfiguration": {
                "namespace": "ns-0a1b2c3d4e5f6071",
                "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": "hunter2", "splunk-url": "https://s"}},
                "services": [
                    {"portName": "http", "tls": {"kmsKey": "alias/key"}, "clientAliases": [alias(header("x-test", "1"))]},
                    {"portName": "grpc", "clientAliases": [alias(header("Authorization", "Basic 1"))]},
                ],
            },
            "volumeConfigurations": [{"managedEBSVolume": {"kmsKeyId": "1234", "tagSpecifications": [
                {"tags": [{"key": "team", "value": "core"}, {"key": "password", "value": "hunter2"}]}]}}],
        });
        let found = confidential_settings(settings.as_object().unwrap());
        let told: Vec<(String, &str, Because)> =
            found.iter().map(|one| (one.names.join("."), one.name.as_str(), one.because)).collect();
        let (name, value) = (Because::Name, Because::Value);
        let expected = [
            ("deploymentConfiguration.lifecycleHooks", "apiKey", name),
            ("gatewayConnectors", "healthCheckPath", value),
            ("serviceConnectConfiguration.logConfiguration.options.splunk-token", "splunk-token", name),
            ("serviceConnectConfiguration.services", "Authorization", name),
            ("volumeConfigurations", "password", name),
        ];
        assert_eq!(told, expected.map(|(path, name, because)| (path.to_owned(), name, because)));
    }
}
