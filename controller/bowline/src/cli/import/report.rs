//! What was imported, as JSON and as text.

use std::fmt::Write as _;
use std::path::Path;

use bowline_core::desired::ResourceKey;
use bowline_core::import::{Inventory, Manifests, Suspect, WhyNot};
use owo_colors::OwoColorize;
use serde::Serialize;

use super::write::{Fate, Plan};
use crate::engine::status::STATUS_VERSION;

/// The result as JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    version: u32,
    /// The folder as it was given.
    folder: String,
    targets: Vec<Target>,
    /// Paths from the folder, of the files that were written.
    written: Vec<String>,
    resources: Vec<Line>,
    skipped: Vec<Skipped>,
    notes: Vec<Note>,
    /// Values that look confidential: while there is one, nothing is written.
    suspects: Vec<Suspect>,
    /// Files that would have been overwritten: while there is one, nothing is written.
    in_the_way: Vec<Obstacle>,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    name: String,
    account_id: String,
    region: String,
    cluster: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    resource: ResourceKey,
    state: State,
    files: Vec<String>,
    /// Changed lines, of what was left alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differs: Vec<String>,
}

/// What became of a resource; stable, for `-o json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// Its files were written.
    Written,
    /// Its files would have been written, and something else forbids it.
    Withheld,
    /// Its files say the same already.
    Unchanged,
    /// An earlier import wrote it, and it says something else by now.
    LeftAlone,
    /// The folder declares it in a file of its own.
    Declared,
}

#[derive(Debug, Serialize)]
struct Skipped {
    target: String,
    service: String,
    why: WhyNot,
}

#[derive(Debug, Serialize)]
struct Note {
    about: String,
    note: String,
}

#[derive(Debug, Serialize)]
struct Obstacle {
    path: String,
    found: String,
}

/// Everything there is to tell.
pub(super) fn document(
    folder: &Path,
    inventories: &[Inventory],
    manifests: &Manifests,
    plan: &Plan,
    exit_code: u8,
) -> Document {
    let wrote = exit_code == 0;
    let mut resources: Vec<Line> = plan
        .resources
        .iter()
        .map(|(resource, files, fate)| {
            let (state, differs) = match fate {
                Fate::Written if wrote => (State::Written, Vec::new()),
                Fate::Written => (State::Withheld, Vec::new()),
                Fate::Unchanged => (State::Unchanged, Vec::new()),
                Fate::LeftAlone(differs) => (State::LeftAlone, differs.clone()),
            };
            Line { resource: resource.clone(), state, files: files.clone(), differs }
        })
        .collect();
    resources.extend(manifests.elsewhere.iter().map(|(resource, path)| Line {
        resource: resource.clone(),
        state: State::Declared,
        files: vec![path.clone()],
        differs: Vec::new(),
    }));
    let skipped = manifests.skipped.iter().map(|((target, service), why)| Skipped {
        target: target.to_string(),
        service: service.to_string(),
        why: *why,
    });
    let targets = inventories.iter().map(|inventory| Target {
        name: inventory.site.name.to_string(),
        account_id: inventory.site.target.account_id.to_string(),
        region: inventory.site.target.region.to_string(),
        cluster: inventory.site.target.cluster.to_string(),
    });
    let notes = manifests.notes.iter().map(|(about, note)| Note { about: about.clone(), note: note.clone() });
    let in_the_way =
        plan.in_the_way.iter().map(|(path, found)| Obstacle { path: path.clone(), found: found.clone() });
    Document {
        version: STATUS_VERSION,
        folder: folder.display().to_string(),
        targets: targets.collect(),
        written: if wrote { plan.files.keys().cloned().collect() } else { Vec::new() },
        resources,
        skipped: skipped.collect(),
        notes: notes.collect(),
        suspects: manifests.suspects.clone(),
        in_the_way: in_the_way.collect(),
        exit_code,
    }
}

/// The result as text.
pub(super) fn text(document: &Document) -> String {
    let mut text = String::new();
    for Target { name, account_id, region, cluster } in &document.targets {
        let _ = writeln!(
            text,
            "{}  cluster {cluster} in {account_id}, {region}",
            format!("Target/{name}").bold()
        );
    }
    table(document, &mut text);
    section(
        &mut text,
        "Skipped:",
        document.skipped.iter().map(|one| (one.service.as_str(), one.why.to_string())),
    );
    section(&mut text, "Notes:", document.notes.iter().map(|one| (one.about.as_str(), one.note.clone())));
    section(
        &mut text,
        "In the way, and not overwritten:",
        document.in_the_way.iter().map(|one| (one.path.as_str(), one.found.clone())),
    );
    suspects(document, &mut text);
    summary(document, &mut text);
    text
}

fn table(document: &Document, text: &mut String) {
    let width = |of: fn(&Line) -> usize| document.resources.iter().map(of).max().unwrap_or_default();
    let names = width(|one| one.resource.to_string().len());
    let files = width(|one| one.shown().len());
    if !document.resources.is_empty() {
        text.push('\n');
    }
    for line in &document.resources {
        let (symbol, told) = match line.state {
            State::Written => ("+".green().to_string(), ""),
            State::Withheld => ("x".red().to_string(), ""),
            State::Unchanged => ("=".to_owned(), "unchanged"),
            State::LeftAlone => {
                ("~".yellow().to_string(), "left alone; now it would be written otherwise (--force does):")
            }
            State::Declared => ("=".to_owned(), "declared already, left alone"),
        };
        let (resource, paths) = (line.resource.to_string(), line.shown());
        let row = format!("{symbol} {resource:names$}  {paths:files$}  {told}");
        let _ = writeln!(text, "{}", row.trim_end());
        for change in &line.differs {
            let _ = writeln!(text, "      {change}");
        }
    }
}

impl Line {
    /// Its files, as a shell would take them: `prod/services/web.{yaml,json}`.
    fn shown(&self) -> String {
        match self.files.as_slice() {
            [manifest, _] => format!("{}.{{yaml,json}}", manifest.strip_suffix(".yaml").unwrap_or(manifest)),
            files => files.join(", "),
        }
    }
}

fn section<'a>(text: &mut String, title: &str, lines: impl Iterator<Item = (&'a str, String)>) {
    let lines: Vec<(&str, String)> = lines.collect();
    let width = lines.iter().map(|(about, _)| about.len()).max();
    let Some(width) = width else { return };
    let _ = writeln!(text, "\n{title}");
    for (about, told) in lines {
        let _ = writeln!(text, "  {about:width$}  {told}");
    }
}

fn suspects(document: &Document, text: &mut String) {
    if document.suspects.is_empty() {
        return;
    }
    let width = |of: fn(&Suspect) -> &String| document.suspects.iter().map(|one| of(one).len()).max();
    let services = width(|one| &one.service).unwrap_or_default();
    let places = width(|one| &one.place).unwrap_or_default();
    text.push_str("\nThese values look confidential, and git would keep them for ever:\n");
    for Suspect { service, place, variable, because } in &document.suspects {
        let why = because.in_words();
        let _ = writeln!(text, "  {service:services$}  {place:places$}  {variable}  ({why})");
    }
    text.push_str(
        "  Move them to Secrets Manager, import without --files, or, if they are not confidential, give --allow-env NAME.\n",
    );
}

fn summary(document: &Document, text: &mut String) {
    let count = |state| document.resources.iter().filter(|one| one.state == state).count();
    let files = match document.written.len() {
        1 => "1 file written".to_owned(),
        count => format!("{count} files written"),
    };
    let mut parts = vec![files];
    for (state, told) in [
        (State::Unchanged, "unchanged"),
        (State::LeftAlone, "left alone"),
        (State::Declared, "declared already"),
    ] {
        if count(state) > 0 {
            parts.push(format!("{} {told}", count(state)));
        }
    }
    if !document.skipped.is_empty() {
        parts.push(format!("{} skipped", document.skipped.len()));
    }
    let folder = &document.folder;
    let _ = writeln!(text, "\n{folder}: {}", parts.join(", "));
    if document.exit_code != 0 {
        if !document.in_the_way.is_empty() {
            text.push_str("Move what is in the way, choose another folder, or give --force.\n");
        }
    } else if !document.written.is_empty() {
        let _ = write!(
            text,
            "\nNext, in the repository that Bowline reads:\n  bowline validate {folder}\n  git add {folder} && git commit -m \
             \"Import what runs\"\n  bowline plan --repo .\n"
        );
    }
}
