//! Who sits at the shell, by git's own word.

use git2::Config;

/// `Name <address>` as git would write it into a commit here: from `GIT_AUTHOR_NAME` and `GIT_AUTHOR_EMAIL`, then from git's
/// configuration of the user and the machine. None where git knows no name.
pub fn person() -> Option<String> {
    let config = Config::open_default().ok();
    let find = |variable: &str, entry: &str| {
        let written = std::env::var(variable).ok().filter(|value| !value.is_empty());
        written.or_else(|| config.as_ref()?.get_string(entry).ok())
    };
    let name = find("GIT_AUTHOR_NAME", "user.name")?;
    Some(match find("GIT_AUTHOR_EMAIL", "user.email") {
        Some(email) => format!("{name} <{email}>"),
        None => name,
    })
}
