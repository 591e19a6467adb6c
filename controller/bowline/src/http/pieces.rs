//! How is the status written without ever holding it as a whole? Of thousands of services it is megabytes of text.

use std::iter::once;
use std::ops::Range;
use std::sync::Arc;

use bowline_core::plan::ResourceReport;
use serde::ser::Error as _;
use serde_json::{Error, Result, to_string_pretty};

use crate::engine::status::Status;

/// How many resources are written at once: some 100 KB.
const RESOURCES: usize = 64;

/// What a pretty document says of no resources.
const NONE: &str = "\n  \"resources\": []";

/// The document as `serde_json` would write it, piece by piece, each made when it is asked for.
///
/// # Errors
/// The document cannot be written as JSON.
pub(super) fn pieces(status: &Status) -> Result<impl Iterator<Item = Result<String>> + use<>> {
    let resources = Arc::clone(&status.resources);
    let around = to_string_pretty(&Status { resources: Arc::default(), ..status.clone() })? + "\n";
    let (before, after) = around.split_once(NONE).ok_or_else(|| Error::custom("no list of resources"))?;
    let (begin, end) = if resources.is_empty() {
        (format!("{before}{NONE}"), after.to_owned())
    } else {
        (format!("{before}\n  \"resources\": ["), format!("\n  ]{after}"))
    };
    let starts = (0..resources.len()).step_by(RESOURCES);
    let lists = starts.map(move |start| list(&resources, start..resources.len().min(start + RESOURCES)));
    Ok(once(Ok(begin)).chain(lists).chain(once(Ok(end))))
}

/// Some resources inside of the document's list.
fn list(resources: &[Box<ResourceReport>], range: Range<usize>) -> Result<String> {
    let mut text = String::new();
    for (index, resource) in range.clone().zip(&resources[range]) {
        text.push_str(if index == 0 { "\n    " } else { ",\n    " });
        text.push_str(&to_string_pretty(resource)?.replace('\n', "\n    "));
    }
    Ok(text)
}
