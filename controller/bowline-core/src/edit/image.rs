//! The image of one container in a task definition file, and nothing else of the file.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::EditError;
use crate::desired::{Severity, parse_task_definition};
use crate::name::RelativePath;

/// As much of a task definition file as is looked into; values are slices of the file's own text.
#[derive(Deserialize)]
struct Definition<'a> {
    #[serde(borrow, default, rename = "containerDefinitions")]
    containers: Vec<Container<'a>>,
}

#[derive(Deserialize)]
struct Container<'a> {
    #[serde(default)]
    name: String,
    #[serde(borrow, default)]
    image: Option<&'a RawValue>,
}

/// The task definition file with another image for one container. Every other byte is the same.
pub(super) fn image(
    path: &RelativePath,
    text: &str,
    container: &str,
    image: &str,
) -> Result<String, EditError> {
    let unreadable = |problem: String| EditError::Unreadable { path: path.clone(), problem };
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let definition: Definition<'_> = serde_json::from_str(body)
        .map_err(|error| unreadable(format!("it is not the JSON of a task definition ({error})")))?;
    let named = |one: &&Container<'_>| one.name == container;
    let mut found = definition.containers.iter().filter(named);
    let Some(written) = found.next().and_then(|one| one.image) else {
        return Err(EditError::NoContainer {
            path: path.clone(),
            container: container.to_owned(),
            known: definition.containers.iter().map(|one| one.name.clone()).collect(),
        });
    };
    if found.next().is_some() {
        return Err(unreadable(format!("it has two containers named {container}")));
    }
    if serde_json::from_str::<String>(written.get()).is_ok_and(|known| known == image) {
        return Ok(text.to_owned());
    }
    // The value is a slice of `text`, so its place is the distance of the two.
    let start = written.get().as_ptr().addr() - text.as_ptr().addr();
    let end = start + written.get().len();
    let after = [&text[..start], &Value::from(image).to_string(), &text[end..]].concat();
    let errors = |text: &str| {
        let findings = parse_task_definition(path, text.as_bytes()).findings;
        findings.into_iter().find(|finding| finding.severity == Severity::Error)
    };
    match (errors(text), errors(&after)) {
        (None, Some(finding)) => Err(unreadable(format!("with the image `{image}`, {}", finding.message))),
        (None, None) | (Some(_), _) => Ok(after),
    }
}
