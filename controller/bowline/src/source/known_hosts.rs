//! Is this SSH host key the one that known_hosts holds? The file's text, a host and a key in, a [`Trust`] out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// What known_hosts says of a host key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trust {
    /// It holds exactly this key for the host.
    Known,
    /// It holds another key of this type for the host, on that line.
    Changed { line: usize },
    /// It marks this key as revoked, on that line.
    Revoked { line: usize },
    /// It holds no key of this type for the host; the types that it does hold.
    Unknown { others: Vec<String> },
}

/// The name under which a host stands in known_hosts: `host`, or `[host]:port` when the port is not 22.
pub(super) fn entry_name(host: &str, port: u16) -> String {
    if port == 22 { host.to_lowercase() } else { format!("[{}]:{port}", host.to_lowercase()) }
}

/// Looks the key up. As OpenSSH does, an entry for the bare host is accepted for any port if the key is the same.
pub(super) fn check(text: &str, host: &str, port: u16, key_type: &str, key: &[u8]) -> Trust {
    let name = entry_name(host, port);
    let bare = host.to_lowercase();
    let mut known = false;
    let mut changed = None;
    let mut others = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let Some(entry) = Entry::parse(line) else { continue };
        let (exact, loose) = (entry.covers(&name), entry.covers(&bare));
        if !exact && !loose {
            continue;
        }
        let same = entry.key == key;
        match entry.marker {
            None if same => known = true,
            None if exact && entry.key_type == key_type => changed = changed.or(Some(number)),
            None if exact && !others.iter().any(|other| other == entry.key_type) => {
                others.push(entry.key_type.to_owned());
            }
            Some("@revoked") if same => return Trust::Revoked { line: number },
            // Among them @cert-authority: it signs host certificates, which libssh2 does not speak.
            Some(_) | None => {}
        }
    }
    match (known, changed) {
        (true, _) => Trust::Known,
        (false, Some(line)) => Trust::Changed { line },
        (false, None) => Trust::Unknown { others },
    }
}

struct Entry<'a> {
    marker: Option<&'a str>,
    hosts: &'a str,
    key_type: &'a str,
    key: Vec<u8>,
}

impl<'a> Entry<'a> {
    /// `[@marker] hosts type base64 [comment]`; comments, blank and broken lines are none.
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split_whitespace().peekable();
        if words.peek()?.starts_with('#') {
            return None;
        }
        let marker = words.next_if(|word| word.starts_with('@'));
        let (hosts, key_type, key) = (words.next()?, words.next()?, words.next()?);
        Some(Self { marker, hosts, key_type, key: STANDARD.decode(key).ok()? })
    }

    fn covers(&self, name: &str) -> bool {
        if let Some(hashed) = self.hosts.strip_prefix("|1|") {
            return hashed_covers(hashed, name).unwrap_or(false);
        }
        let mut covered = false;
        for pattern in self.hosts.split(',') {
            match pattern.strip_prefix('!') {
                Some(refused) if matches(&refused.to_lowercase(), name) => return false,
                Some(_) => {}
                None => covered |= matches(&pattern.to_lowercase(), name),
            }
        }
        covered
    }
}

/// `salt|HMAC-SHA1(salt, name)`, both in Base64.
fn hashed_covers(hashed: &str, name: &str) -> Option<bool> {
    let (salt, hash) = hashed.split_once('|')?;
    let mut mac = Hmac::<Sha1>::new_from_slice(&STANDARD.decode(salt).ok()?).ok()?;
    mac.update(name.as_bytes());
    Some(mac.verify_slice(&STANDARD.decode(hash).ok()?).is_ok())
}

/// `*` stands for any text, `?` for one character.
fn matches(pattern: &str, name: &str) -> bool {
    match (pattern.chars().next(), name.chars().next()) {
        (None, None) => true,
        (Some('*'), _) => {
            matches(&pattern[1..], name)
                || name.chars().next().is_some_and(|first| matches(pattern, &name[first.len_utf8()..]))
        }
        (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
            matches(&pattern[wanted.len_utf8()..], &name[found.len_utf8()..])
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const TWO: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn look(text: &str, host: &str, port: u16) -> Trust {
        check(text, host, port, "ssh-ed25519", &STANDARD.decode(ONE).unwrap())
    }

    #[test]
    fn plain_lists_patterns_and_ports() {
        let cases = [
            (format!("git.example ssh-ed25519 {ONE} comment"), "git.example", 22, Trust::Known),
            (format!("a,GIT.example,b ssh-ed25519 {ONE}"), "Git.Example", 22, Trust::Known),
            (
                format!("*.example,!git.example ssh-ed25519 {ONE}"),
                "git.example",
                22,
                Trust::Unknown { others: vec![] },
            ),
            (format!("*.ex?mple ssh-ed25519 {ONE}"), "git.example", 22, Trust::Known),
            (format!("[git.example]:2222 ssh-ed25519 {ONE}"), "git.example", 2222, Trust::Known),
            (
                format!("[git.example]:2222 ssh-ed25519 {ONE}"),
                "git.example",
                22,
                Trust::Unknown { others: vec![] },
            ),
            (format!("git.example ssh-ed25519 {ONE}"), "git.example", 2222, Trust::Known),
            (
                format!("git.example ssh-ed25519 {TWO}"),
                "git.example",
                2222,
                Trust::Unknown { others: vec![] },
            ),
            (
                format!("# note\n\ngit.example ssh-ed25519 {TWO}"),
                "git.example",
                22,
                Trust::Changed { line: 3 },
            ),
            (
                format!("git.example ssh-ed25519 {TWO}\ngit.example ssh-ed25519 {ONE}"),
                "git.example",
                22,
                Trust::Known,
            ),
            (
                format!("git.example ssh-rsa {TWO}"),
                "git.example",
                22,
                Trust::Unknown { others: vec!["ssh-rsa".into()] },
            ),
            (
                format!("git.example ssh-ed25519 {ONE}\n@revoked * ssh-ed25519 {ONE}"),
                "git.example",
                22,
                Trust::Revoked { line: 2 },
            ),
            (
                format!("@cert-authority * ssh-ed25519 {ONE}"),
                "git.example",
                22,
                Trust::Unknown { others: vec![] },
            ),
            ("git.example ssh-ed25519".to_owned(), "git.example", 22, Trust::Unknown { others: vec![] }),
        ];
        for (text, host, port, wanted) in cases {
            assert_eq!(look(&text, host, port), wanted, "{text}");
        }
    }
}
