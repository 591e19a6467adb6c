//! One call as its handler sees it: who calls, where, and with which parameters.

use std::collections::BTreeMap;

use git2::Oid;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use super::caller::Caller;
use super::numbers::Numbers;
use super::reply::{Answer, Refusal};
use super::repository::Repository;
use super::urls::Urls;

/// A call, with everything that was understood of it before its handler runs.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) now: Timestamp,
    pub(super) caller: Caller,
    pub(super) parameters: BTreeMap<&'static str, String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Body,
    pub(super) urls: Urls,
}

/// A call on one repository.
pub(super) struct Scope<'a> {
    pub(super) repository: &'a mut Repository,
    pub(super) call: &'a Call,
    pub(super) numbers: &'a mut Numbers,
}

impl Call {
    /// A part of the path.
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// A number in the path; 404 when it is none.
    pub(super) fn number(&self, name: &str) -> Result<u64, Refusal> {
        self.parameter(name).parse().map_err(|_| Refusal::not_found())
    }

    /// A field of the query.
    pub(super) fn asked(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// One page of a list, with `Link` where there are more.
    pub(super) fn page<T>(&self, items: Vec<T>, render: impl FnMut(T) -> Value) -> Answer {
        let (shown, link) = self.cut(items);
        let mut answer = Answer::ok(shown.into_iter().map(render).collect());
        answer.headers.extend(link.map(|link| ("link", link)));
        answer
    }

    /// The items of the page that was asked for, and the `Link` header.
    pub(super) fn cut<T>(&self, items: Vec<T>) -> (Vec<T>, Option<String>) {
        let number = |name: &str, default: usize| {
            self.asked(name)
                .and_then(|text| text.parse().ok())
                .filter(|number| *number > 0)
                .unwrap_or(default)
        };
        let (per_page, page) = (number("per_page", 30).min(100), number("page", 1));
        let pages = items.len().div_ceil(per_page).max(1);
        let relations = [("prev", page - 1), ("next", page + 1), ("last", pages), ("first", 1)];
        let links: Vec<String> = relations
            .into_iter()
            .filter(|(name, to)| match *name {
                "prev" | "first" => page > 1,
                _ => page < pages && *to <= pages,
            })
            .map(|(name, to)| format!("<{}>; rel=\"{name}\"", self.urls.page(&self.query, to)))
            .collect();
        let shown = items.into_iter().skip((page - 1).saturating_mul(per_page)).take(per_page).collect();
        (shown, (!links.is_empty()).then(|| links.join(", ")))
    }
}

/// The JSON object that a call carries.
#[derive(Debug)]
pub(super) struct Body(Value);

impl Body {
    /// Reads a body; nothing at all counts as an empty object.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.is_empty() {
            return Ok(Self(Value::Object(serde_json::Map::new())));
        }
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "Problems parsing JSON"))?;
        match value {
            Value::Object(_) | Value::Array(_) => Ok(Self(value)),
            Value::Null => Self::read(&[]),
            _ => Err(Refusal::new(StatusCode::BAD_REQUEST, "Body should be a JSON object")),
        }
    }

    /// All of it.
    pub(super) fn value(&self) -> &Value {
        &self.0
    }

    /// A field that is there and not null.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text that may be absent.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let wrong = |value: &Value| wrong_type(name, value, "string");
        self.get(name).map(|value| value.as_str().ok_or_else(|| wrong(value))).transpose()
    }

    /// A text that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        let missing = || Refusal::unprocessable(format!("Invalid request.\n\n\"{name}\" wasn't supplied."));
        self.text(name)?.ok_or_else(missing)
    }

    /// A switch; absent means `default`.
    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, Refusal> {
        let Some(value) = self.get(name) else { return Ok(default) };
        value.as_bool().ok_or_else(|| wrong_type(name, value, "boolean"))
    }

    /// A list of texts; absent means empty.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let texts = value.as_array().map(|items| items.iter().map(|item| item.as_str().map(str::to_owned)));
        let texts: Option<Option<Vec<String>>> = texts.map(Iterator::collect);
        texts.flatten().ok_or_else(|| wrong_type(name, value, "array of strings"))
    }

    /// A commit, tree or blob id.
    pub(super) fn oid(&self, name: &str) -> Result<Oid, Refusal> {
        parse_oid(self.required(name)?)
    }
}

/// A full object id; GitHub takes no short ones where it writes.
pub(super) fn parse_oid(text: &str) -> Result<Oid, Refusal> {
    let whole = text.len() == 40;
    whole.then(|| Oid::from_str(text).ok()).flatten().ok_or_else(|| {
        Refusal::unprocessable("The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
    })
}

fn wrong_type(name: &str, value: &Value, wanted: &str) -> Refusal {
    let shown = if value.is_null() { "nil".to_owned() } else { value.to_string() };
    let message = format!("Invalid request.\n\nFor 'properties/{name}', {shown} is not a {wanted}.");
    Refusal::unprocessable(message)
}
