//! Proves that `bowline-core` decides and does nothing else: from its dependency tree, and from its sources.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::steps::{cargo, output, root, say};

/// Crates that talk, wait, log or draw random numbers. None may be in the tree of `bowline-core`, however deep.
const FORBIDDEN_CRATES: &[&str] = &[
    "tokio",
    "async-std",
    "smol",
    "futures",
    "hyper",
    "reqwest",
    "axum",
    "git2",
    "gix",
    "octocrab",
    "sqlx",
    "rusqlite",
    "tracing",
    "log",
    "rand",
    "getrandom",
    "iana-time-zone",
    "chrono",
    "dirs",
    "tempfile",
];

/// Prefixes of such crates.
const FORBIDDEN_PREFIXES: &[&str] = &["aws-", "tokio-", "tracing-", "futures-"];

/// What a pure source never says, and what it would mean.
const FORBIDDEN_SOURCE: &[(&str, &str)] = &[
    ("std::env", "reads the environment"),
    ("std::fs", "reads files"),
    ("std::net", "talks to the network"),
    ("std::process", "starts or ends processes"),
    ("std::thread", "waits or spawns"),
    ("std::io", "does input or output"),
    ("SystemTime", "reads the clock"),
    ("Instant::now", "reads the clock"),
    ("Timestamp::now", "reads the clock"),
    ("Zoned::now", "reads the clock"),
    ("TimeZone::system", "reads the machine's time zone"),
    ("HashMap", "iterates in random order: use BTreeMap"),
    ("HashSet", "iterates in random order: use BTreeSet"),
    ("async fn", "waits"),
    (".await", "waits"),
    ("println!", "prints"),
    ("eprintln!", "prints"),
    ("static mut", "keeps hidden state"),
    ("Mutex", "keeps shared state"),
    ("RefCell", "keeps hidden state"),
];

/// Fails with every violation named.
pub(crate) fn run() -> Result<()> {
    let mut violations = impure_crates(&tree()?);
    let sources = rust_files(&root().join("controller/bowline-core/src"))?;
    if sources.is_empty() {
        bail!("found no sources of bowline-core: the check would prove nothing");
    }
    for path in &sources {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let shown = path.strip_prefix(root()).unwrap_or(path).display().to_string();
        violations.extend(impure_lines(&shown, &text));
    }
    if violations.is_empty() {
        say(&format!(
            "bowline-core is pure: {} source files, no forbidden crate in its dependency tree",
            sources.len()
        ));
        return Ok(());
    }
    bail!("bowline-core is not pure:\n  {}", violations.join("\n  "))
}

/// The names of all crates that `bowline-core` is linked with. Build scripts and derive macros run at compile time only, so
/// `normal` edges are what counts; a proc-macro's own dependencies are left out for the same reason.
fn tree() -> Result<Vec<String>> {
    let text = output(cargo(&[
        "tree",
        "--locked",
        "--package",
        "bowline-core",
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]))?;
    let names: Vec<String> =
        text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    if names.len() < 2 {
        bail!("`cargo tree` listed no dependencies of bowline-core: the check would prove nothing");
    }
    Ok(names)
}

fn impure_crates(names: &[String]) -> Vec<String> {
    let mut found: Vec<String> = names
        .iter()
        .filter(|name| {
            FORBIDDEN_CRATES.contains(&name.as_str())
                || FORBIDDEN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        })
        .map(|name| format!("its dependency tree holds `{name}`"))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Lines outside comments that say something impure. Test modules count too: core needs no I/O to be tested.
fn impure_lines(path: &str, text: &str) -> Vec<String> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .flat_map(|(index, line)| {
            FORBIDDEN_SOURCE
                .iter()
                .filter(move |(word, _)| line.contains(word))
                .map(move |(word, meaning)| format!("{path}:{}: `{word}` {meaning}", index + 1))
        })
        .collect()
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_each_impure_line_and_what_it_means() {
        let text = "fn a() {}\n// std::fs in a comment is fine\nlet now = Timestamp::now();\nuse std::env;\n";
        assert_eq!(
            impure_lines("core/src/a.rs", text),
            [
                "core/src/a.rs:3: `Timestamp::now` reads the clock",
                "core/src/a.rs:4: `std::env` reads the environment"
            ]
        );
    }

    #[test]
    fn names_each_impure_crate_once() {
        let names = ["serde", "tokio", "aws-sdk-ecs", "tokio"].map(str::to_owned);
        assert_eq!(
            impure_crates(&names),
            ["its dependency tree holds `aws-sdk-ecs`", "its dependency tree holds `tokio`"]
        );
    }

    #[test]
    fn the_tree_of_core_is_pure() {
        run().expect("bowline-core is pure");
    }
}
