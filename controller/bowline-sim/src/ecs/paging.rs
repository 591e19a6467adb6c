//! Paging of list operations.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::error::invalid;
use super::shape::Input;
use crate::context::ApiError;

/// One page and where the next one begins.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next_token: Option<String>,
}

/// Cuts the page that `nextToken` and `maxResults` ask for. A token names the last item of the page before, so
/// items that come or go between two calls neither repeat nor hide others.
pub(super) fn page<T>(
    input: &Input,
    items: Vec<T>,
    default_size: usize,
    name: impl Fn(&T) -> &str,
) -> Result<Page<T>, ApiError> {
    let size = match input.integer("maxResults") {
        None => default_size,
        Some(size) => usize::try_from(size)
            .ok()
            .filter(|size| (1..=100).contains(size))
            .ok_or_else(|| invalid("maxResults must be between 1 and 100."))?,
    };
    let start = match input.text("nextToken") {
        None => 0,
        Some(token) => {
            let last = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid("Invalid token."))?;
            let found = items.iter().position(|item| name(item).as_bytes() == last);
            found.ok_or_else(|| invalid("Invalid token."))? + 1
        }
    };
    let more = items.len() > start + size;
    let items: Vec<T> = items.into_iter().skip(start).take(size).collect();
    let next_token = items.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(name(last)));
    Ok(Page { items, next_token })
}

/// A page of ARNs as the reply of a list operation.
pub(super) fn arns(
    input: &Input,
    field: &str,
    arns: Vec<String>,
    default_size: usize,
) -> Result<Value, ApiError> {
    let page = page(input, arns, default_size, String::as_str)?;
    Ok(reply(field, page.items.into(), page.next_token))
}

/// A list reply; `nextToken` only when there is more.
pub(super) fn reply(field: &str, items: Value, next_token: Option<String>) -> Value {
    let mut reply = Map::new();
    reply.insert(field.to_owned(), items);
    if let Some(token) = next_token {
        reply.insert("nextToken".to_owned(), token.into());
    }
    Value::Object(reply)
}
