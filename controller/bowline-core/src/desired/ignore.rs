//! `spec.ignore` of an EcsService: patterns that can match no field. One with a slip would do nothing, and what it was meant to
//! leave to its owner would be overwritten.

use super::check::Checker;
use super::finding::{FindingCode, Severity};
use super::node::Node;
use super::suggest::{self, shorten};
use crate::diff::fields::{Field, Rule, SERVICE, TASK_DEFINITION, Table};
use crate::diff::path::parts;

/// Checks every pattern.
pub(super) fn check(spec: &Node, checker: &mut Checker<'_>) {
    let pinned = spec.get("taskDefinition").is_some_and(|source| source.get("revision").is_some());
    for item in spec.get("ignore").map(Node::items).unwrap_or_default() {
        let Some(text) = item.text().filter(|text| !text.is_empty() && !text.contains(char::is_whitespace))
        else {
            continue;
        };
        let mut add = |severity, message: String, hint: String| {
            checker.add(item.at, severity, FindingCode::InvalidValue, message, Some(hint));
        };
        let shown = shorten(text);
        if text == "*" {
            let message =
                "`spec.ignore`: `*` covers every field, so nothing of this service is ever repaired";
            add(Severity::Warning, message.to_owned(), "name the fields that somebody else owns".to_owned());
        } else if let Err(Useless { why, hint }) = useful(text, Place::Root) {
            add(Severity::Error, format!("`spec.ignore`: `{shown}` can match no field: {why}"), hint);
        } else if pinned && useful(text, Place::Pinned).is_err() {
            // No error: a rollback may have to pin a revision where git had a file, and that has to be in force.
            let message = format!(
                "`spec.ignore`: `{shown}` does nothing: `spec.taskDefinition.revision` takes a revision with all that is in it"
            );
            let hint =
                "ignore taskDefinition as a whole, or give its content with `spec.taskDefinition.file`";
            add(Severity::Warning, message, hint.to_owned());
        }
    }
}

/// Why a pattern can match nothing, and what to write in its place.
struct Useless {
    why: String,
    hint: String,
}

impl Useless {
    fn new(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { why: why.into(), hint: hint.into() }
    }
}

/// Where a pattern has led to.
#[derive(Clone, Copy)]
enum Place {
    /// The whole service.
    Root,
    /// The same, where git names a revision: a revision is taken with all that is in it.
    Pinned,
    /// Where anything may follow: what the user names.
    Anything,
    /// A value with nothing inside.
    Value,
    /// What `create` holds.
    Create,
    /// A whole request.
    Request(&'static Table),
    /// A field of one.
    Of(&'static Table, &'static Field),
    /// An item of a list whose items are told apart.
    Item(&'static Table, &'static Field),
}

/// Where a path may begin; the leading `taskDefinition` may be left out.
const OWN: [(&str, Place); 5] = [
    ("create", Place::Create),
    ("desiredCount", Place::Value),
    ("restart", Place::Value),
    ("settings", Place::Request(&SERVICE)),
    ("taskDefinition", Place::Request(&TASK_DEFINITION)),
];

/// What `create` has and `settings` has not.
const CREATE_ONLY: [&str; 2] = ["desiredCount", "tags"];

fn useful(pattern: &str, from: Place) -> Result<(), Useless> {
    if !is_balanced(pattern) {
        return Err(Useless::new(
            "its brackets do not belong together",
            "each `[` needs its `]`, as in containerDefinitions[*].image",
        ));
    }
    let mut places = vec![from];
    let mut walked = String::new();
    for part in parts(pattern) {
        if part.len() > 1 && part != "[*]" && part.contains('*') {
            return Err(Useless::new(
                format!("`*` stands for a whole part, not for some letters of `{}`", shorten(&part)),
                if part.starts_with('[') {
                    "write [*], or list each name"
                } else {
                    "write *, or list each field"
                },
            ));
        }
        let next: Vec<Place> = places.iter().flat_map(|place| place.step(&part)).collect();
        if next.is_empty() {
            return Err(nothing(&places, &walked, &part));
        }
        if !part.starts_with('[') && !walked.is_empty() {
            walked.push('.');
        }
        walked.push_str(&part);
        places = next;
    }
    Ok(())
}

/// What to say of a part that none of these places has.
fn nothing(places: &[Place], walked: &str, part: &str) -> Useless {
    let selector = places.iter().find_map(|place| place.selector());
    if let Some(name) = selector {
        let example = format!("write {walked}[*] for all of them, or {walked}[{name}=...] for one");
        return Useless::new(format!("`{}` is a list", shorten(walked)), example);
    }
    let mut known: Vec<&'static str> = places.iter().flat_map(|place| place.names()).collect();
    known.sort_unstable();
    known.dedup();
    let shown = shorten(part);
    if walked.is_empty() {
        let near = || suggest::nearest(part, known.iter().copied()).map(str::to_owned);
        let hint = deeper(part).or_else(near).map_or_else(
            || suggest::hint(part, "fields", known.iter().copied()),
            |meant| format!("did you mean `{meant}`?"),
        );
        return Useless::new(format!("there is no field `{shown}`"), hint);
    }
    let hint = if known.is_empty() {
        format!("write {walked}: it is compared as a whole")
    } else {
        suggest::hint(part, "fields", known.into_iter())
    };
    Useless::new(format!("`{}` has no `{shown}`", shorten(walked)), hint)
}

/// The outermost field of this name below the root, as a pattern.
fn deeper(name: &str) -> Option<String> {
    let below = |table: &'static Table, prefix: &'static str| {
        table.rows().iter().filter(|row| last(row.path) == name).map(move |row| {
            let mut pattern = prefix.to_owned();
            let mut field = String::new();
            for part in row.path.split('.') {
                field = if field.is_empty() { part.to_owned() } else { format!("{field}.{part}") };
                pattern.push_str(part);
                let is_list = table.row(&field).is_some_and(|row| matches!(row.list(), Rule::Keyed(_)));
                if field != row.path {
                    pattern.push_str(if is_list { "[*]." } else { "." });
                }
            }
            (row.path.split('.').count(), pattern)
        })
    };
    below(&SERVICE, "settings.").chain(below(&TASK_DEFINITION, "")).min().map(|(_, pattern)| pattern)
}

fn last(path: &'static str) -> &'static str {
    path.rsplit_once('.').map_or(path, |(_, last)| last)
}

impl Place {
    /// The places to which one more part leads.
    fn step(self, part: &str) -> Vec<Self> {
        let is = |name: &str| part == "*" || name == part;
        let fields = |table: &'static Table, of: &'static str| {
            let named = move |row: &&'static Field| is(last(row.path));
            children(table, of).filter(named).map(move |row| Self::Of(table, row)).collect::<Vec<Self>>()
        };
        match self {
            Self::Anything => vec![Self::Anything],
            Self::Value => Vec::new(),
            Self::Root => {
                let own = OWN.into_iter().filter(|(name, _)| is(name)).map(|(_, place)| place);
                own.chain(Self::Request(&TASK_DEFINITION).step(part)).collect()
            }
            Self::Pinned => {
                let own = OWN.into_iter().filter(|(name, _)| is(name));
                own.map(|(name, place)| if name == "taskDefinition" { Self::Value } else { place }).collect()
            }
            Self::Create => {
                let only = CREATE_ONLY.into_iter().filter(|name| is(name)).map(|_| Self::Anything);
                only.chain(Self::Request(&SERVICE).step(part)).collect()
            }
            Self::Request(table) => fields(table, ""),
            Self::Item(table, row) => fields(table, row.path),
            Self::Of(_, row) if row.has(Rule::Map) => {
                if part.starts_with('[') {
                    Vec::new()
                } else {
                    vec![Self::Anything]
                }
            }
            Self::Of(_, row) if row.has(Rule::Ordered) => Vec::new(),
            Self::Of(table, row) => match row.list() {
                Rule::Keyed(by) => {
                    let by = by.first().is_some_and(|by| part.starts_with(&format!("[{by}=")));
                    let fits = by || part == "*" || part == "[*]";
                    if fits { vec![Self::Item(table, row)] } else { Vec::new() }
                }
                Rule::Set if part == "*" || part.starts_with('[') => vec![Self::Anything],
                _ => fields(table, row.path),
            },
        }
    }

    /// The names that may follow, for a suggestion.
    fn names(self) -> Vec<&'static str> {
        let fields = |table, of| children(table, of).map(|row| last(row.path)).collect();
        match self {
            Self::Anything | Self::Value | Self::Pinned => Vec::new(),
            Self::Root => {
                OWN.into_iter().map(|(name, _)| name).chain(Self::Request(&TASK_DEFINITION).names()).collect()
            }
            Self::Create => CREATE_ONLY.into_iter().chain(Self::Request(&SERVICE).names()).collect(),
            Self::Request(table) => fields(table, ""),
            Self::Of(_, row) if row.has(Rule::Ordered) => Vec::new(),
            Self::Of(table, row) | Self::Item(table, row) => fields(table, row.path),
        }
    }

    /// By which field the items are told apart, if this is a list of such.
    fn selector(self) -> Option<&'static str> {
        match self {
            Self::Of(_, row) => match row.list() {
                Rule::Keyed(by) => by.first().copied(),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The rows right below a path; those that only AWS sets are never compared.
fn children(table: &'static Table, of: &'static str) -> impl Iterator<Item = &'static Field> {
    table.rows().iter().filter(move |row| {
        let parent = row.path.rsplit_once('.').map_or("", |(parent, _)| parent);
        parent == of && !row.has(Rule::ServerOnly)
    })
}

/// Whether brackets open and close in turn. One bracket inside of another belongs to the name of an item.
fn is_balanced(pattern: &str) -> bool {
    let depths = pattern.chars().scan(0_i64, |depth, character| {
        *depth += match character {
            '[' => 1,
            ']' => -1,
            _ => 0,
        };
        Some(*depth)
    });
    depths.clone().all(|depth| depth >= 0) && depths.last() == Some(0)
}
