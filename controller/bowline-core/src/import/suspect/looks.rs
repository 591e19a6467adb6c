//! What does a secret look like? By its name, and by itself.

use super::Because;

/// Words in a name that mean a secret, also at the end of a word (`DBPASSWORD`, `requirepass`).
const SECRET_WORDS: [&str; 12] = [
    "PASS",
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
/// Words that end like one of them and are none.
const HARMLESS_WORDS: [&str; 7] =
    ["BYPASS", "COMPASS", "ENCOMPASS", "OVERPASS", "SURPASS", "TRESPASS", "UNDERPASS"];
/// Words that mean a secret as whole words only: others end so (`MONKEY`).
const WHOLE_WORDS: [&str; 2] = ["KEY", "KEYS"];
/// What means a secret where a name ends so: `REDIS_AUTH`; `VAULT_SECRET_ID`, which is what an AppRole logs in with.
const SECRET_ENDS: [&[&str]; 2] = [&["AUTH"], &["SECRET", "ID"]];
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
const ASSIGNMENTS: [&str; 6] = ["password=", "passwd=", "pwd=", "accountkey=", "sharedaccesskey=", "token="];
/// Headers that carry credentials although their names do not say so.
const SECRET_HEADERS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];
/// Names whose long random-looking value is an identity of code, not a secret.
const DIGEST_WORDS: [&str; 6] = ["COMMIT", "SHA", "DIGEST", "REVISION", "CHECKSUM", "BUILD"];

/// What gives a value away that is called so: its name, or itself.
pub(super) fn looks_secret(name: &str, value: &str) -> Option<Because> {
    if name.eq_ignore_ascii_case("header") {
        // As log routers take it: `Authorization Bearer ...`.
        let (header, value) = value.split_once([' ', ':']).unwrap_or((value, ""));
        return header_looks_secret(header, value.trim());
    }
    let words: Vec<String> = words(name);
    if name_looks_secret(&words) && !is_harmless(&words, value) {
        return Some(Because::Name);
    }
    let is_digest = words.iter().any(|word| DIGEST_WORDS.contains(&word.as_str()));
    (value_looks_secret(value) && !(is_digest && is_hexadecimal(value))).then_some(Because::Value)
}

/// The same for a header.
pub(super) fn header_looks_secret(name: &str, value: &str) -> Option<Because> {
    let is_secret = SECRET_HEADERS.contains(&name.to_ascii_lowercase().as_str());
    is_secret.then_some(Because::Name).or_else(|| looks_secret(name, value))
}

/// Whether a command has a secret among its words: as an argument, or as the one that belongs to an option (`--api-key X`).
pub(super) fn command_looks_secret(arguments: &[&str]) -> bool {
    let words: Vec<&str> = arguments.iter().flat_map(|argument| argument.split_whitespace()).collect();
    let is_option_with_secret = |pair: &[&str]| {
        pair[0].starts_with('-') && !pair[1].starts_with('-') && is_secret_argument(pair[0], pair[1])
    };
    arguments.iter().any(|argument| carries_credentials(argument))
        || words.iter().any(|word| value_looks_secret(word) || assigns_secret(word))
        || words.windows(2).any(is_option_with_secret)
}

/// Whether one of `name=value`, with commas or the like between them, is a secret: `username=u,pass=x`.
pub(super) fn assigns_secret(text: &str) -> bool {
    let parts = text.split([',', ';', '&', '?']);
    parts.filter_map(|part| part.split_once('=')).any(|(name, value)| is_secret_argument(name, value))
}

/// Whether an option takes this as a secret: not a variable's value, nor the file of a key.
fn is_secret_argument(option: &str, value: &str) -> bool {
    let words = words(option);
    let is_path = value.starts_with('/') && words.last().is_some_and(|last| last == "KEY");
    let value = value.trim_matches(['"', '\'']);
    name_looks_secret(&words) && !is_harmless(&words, value) && !value.starts_with('$') && !is_path
}

/// `Authorization: Bearer ...`, wherever it stands.
fn carries_credentials(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let Some((_, after)) = lower.split_once("authorization") else { return false };
    let after = after.trim_start_matches([':', '=', ' ', '"', '\'']);
    let credentials = after.split_once(' ').filter(|(scheme, _)| ["basic", "bearer"].contains(scheme));
    credentials
        .is_some_and(|(_, value)| !value.trim_start().is_empty() && !value.trim_start().starts_with('$'))
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
    let ends_with = |end: &&[&str]| words.len() >= end.len() && words[words.len() - end.len()..] == **end;
    if SECRET_ENDS.iter().any(ends_with) {
        return true;
    }
    if words.last().is_some_and(|last| ABOUT.contains(&last.as_str())) {
        return false;
    }
    words.iter().enumerate().any(|(at, word)| {
        let is_public = at > 0 && words[at - 1] == "PUBLIC";
        !is_public
            && (WHOLE_WORDS.contains(&word.as_str())
                || (!HARMLESS_WORDS.contains(&word.as_str())
                    && SECRET_WORDS.iter().any(|secret| word.ends_with(secret))))
    })
}

/// Values that no secret has, whatever they are called. A number is harmless (`MAX_TOKENS`) unless it may be a password.
fn is_harmless(words: &[String], value: &str) -> bool {
    let is_number = value.len() <= 6 && value.chars().all(|c| c.is_ascii_digit());
    let is_password = words.iter().any(|word| {
        word.starts_with("PASS") || word.ends_with("PASSWORD") || word.ends_with("PASS") || word == "PWD"
    });
    value.is_empty()
        || ["true", "false"].contains(&value)
        || (value.starts_with("arn:") && !value.contains(' '))
        || (is_number && !is_password)
}

/// Whether a value looks like a secret whatever it is called.
pub(super) fn value_looks_secret(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    TOKEN_STARTS.iter().any(|start| value.starts_with(start) && value.len() > start.len() + 8)
        || ASSIGNMENTS.iter().any(|assignment| {
            lower
                .split_once(assignment)
                .is_some_and(|(_, after)| !after.is_empty() && !after.starts_with('$'))
        })
        || carries_credentials(value)
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
            "DBPASS",
            "requirepass",
            "REDIS_AUTH",
            "BASIC_AUTH",
            "VAULT_SECRET_ID",
            "HTTP_Passwd",
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
            ("COMPASS", "north"),
            ("CACHE_BYPASS", "header"),
            ("AUTH_MODE", "oidc"),
            ("REQUIRE_AUTH", "true"),
            ("Header", "X-Team core"),
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
            "Authorization: Bearer abc",
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
    fn the_word_that_belongs_to_an_option_is_seen() {
        for command in [
            &["redis-server", "--requirepass", "x"][..],
            &["run", "--api-key=x"],
            &["sh", "-c", "DB_PASS='x' run"],
            &["mysqladmin ping --password hunter2"],
            &["curl", "-H", "Authorization: Bearer abc"],
            &["run", "--log-header", "X", "--options", "username=u,pass=x"],
        ] {
            assert!(command_looks_secret(command), "{command:?}");
        }
        for command in [
            &["serve", "--port", "8080"][..],
            &["redis-server", "--requirepass", "$REDIS_PASS"],
            &["sh", "-c", "run --password=$PASSWORD --api-key \"$KEY\""],
            &["nginx", "--tls-key", "/etc/tls/tls.key"],
            &["run", "--token-file=/run/token", "--password-stdin"],
            &["sort", "--key", "2"],
            &["curl", "-H", "Authorization: Bearer $TOKEN"],
        ] {
            assert!(!command_looks_secret(command), "{command:?}");
        }
    }
}
