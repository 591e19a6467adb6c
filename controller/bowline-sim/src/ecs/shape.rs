//! The input shapes of the ECS API: what AWS JSON accepts, refuses and ignores.
//!
//! `shapes.txt` lists each structure with its members: `s` string, `i` integer, `n` number, `b` boolean,
//! `t` timestamp, `any`, `[x]` list, `{x}` map, otherwise a structure. It follows the ECS service model.

use std::collections::HashMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::context::ApiError;

/// A type of the service model.
enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    Any,
    List(Box<Kind>),
    Map(Box<Kind>),
    Structure(&'static str),
}

type Structures = HashMap<&'static str, HashMap<&'static str, Kind>>;

static STRUCTURES: LazyLock<Structures> = LazyLock::new(|| {
    include_str!("shapes.txt")
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let name = words.next()?;
            let members = words.filter_map(|word| word.split_once(':'));
            Some((name, members.map(|(name, kind)| (name, Kind::read(kind))).collect()))
        })
        .collect()
});

impl Kind {
    fn read(text: &'static str) -> Self {
        let inner = || Box::new(Self::read(&text[1..text.len() - 1]));
        match text {
            "s" => Self::Text,
            "i" => Self::Integer,
            "n" | "t" => Self::Number,
            "b" => Self::Boolean,
            "any" => Self::Any,
            _ if text.starts_with('[') => Self::List(inner()),
            _ if text.starts_with('{') => Self::Map(inner()),
            name => Self::Structure(name),
        }
    }

    /// Checks a value and drops what AWS ignores: unknown members and nulls.
    fn accept(&self, value: Value) -> Result<Value, ApiError> {
        Ok(match (self, value) {
            (Self::Structure(name), Value::Object(members)) => Value::Object(structure(name, members)?),
            (Self::List(item), Value::Array(items)) => {
                let items = items.into_iter().filter(|value| !value.is_null());
                Value::Array(items.map(|value| item.accept(value)).collect::<Result<_, _>>()?)
            }
            (Self::Map(item), Value::Object(members)) => {
                let members = members.into_iter().filter(|(_, value)| !value.is_null());
                Value::Object(members.map(|(name, value)| Ok((name, item.accept(value)?))).collect::<Result<
                    _,
                    ApiError,
                >>(
                )?)
            }
            (Self::Any, value)
            | (Self::Text, value @ Value::String(_))
            | (Self::Number, value @ Value::Number(_))
            | (Self::Boolean, value @ Value::Bool(_)) => value,
            (Self::Integer, Value::Number(number)) if number.is_i64() => Value::Number(number),
            (_, value) => {
                return Err(serialization(format!(
                    "{} can not be converted to {}",
                    token(&value),
                    self.title()
                )));
            }
        })
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Text => "a String",
            Self::Integer => "an Integer",
            Self::Number => "a Double",
            Self::Boolean => "a Boolean",
            Self::List(_) => "a List",
            Self::Any | Self::Map(_) | Self::Structure(_) => "an Object",
        }
    }
}

fn structure(name: &str, members: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let known = STRUCTURES.get(name);
    let mut accepted = Map::new();
    for (name, value) in members {
        if let Some(kind) = known.and_then(|known| known.get(name.as_str()))
            && !value.is_null()
        {
            accepted.insert(name, kind.accept(value)?);
        }
    }
    Ok(accepted)
}

fn token(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(number) if number.is_f64() => "FLOAT_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    }
}

fn serialization(message: String) -> ApiError {
    ApiError::bad_request("SerializationException", message)
}

/// Reads the body of an AWS JSON request; an empty one is an empty object.
pub(crate) fn parse(body: &[u8]) -> Result<Value, ApiError> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    serde_json::from_slice(body)
        .map_err(|_| serialization("Unable to parse the request body as JSON".to_owned()))
}

/// The input of an operation, its types checked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Input(pub(crate) Map<String, Value>);

impl Input {
    /// Checks a request body against an operation's input shape.
    pub(crate) fn read(operation: &str, body: &Value) -> Result<Self, ApiError> {
        match body {
            Value::Object(members) => Ok(Self(structure(operation, members.clone())?)),
            other => Err(serialization(format!("{} can not be converted to an Object", token(other)))),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// A text that is there and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name).and_then(Value::as_bool)
    }

    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Value::as_i64)
    }

    /// The items of a list; none when it is absent.
    pub(crate) fn list(&self, name: &str) -> &[Value] {
        self.0.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The texts of a list; none when it is absent.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.list(name).iter().filter_map(Value::as_str)
    }

    /// Whether `include` asks for `TAGS`.
    pub(crate) fn wants_tags(&self) -> bool {
        self.texts("include").any(|field| field == "TAGS")
    }
}

/// A time as AWS JSON writes it: seconds since 1970, to the millisecond.
pub(crate) fn epoch(at: Timestamp) -> Value {
    Value::from((at.as_duration().as_secs_f64() * 1000.0).round() / 1000.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_members_and_nulls_are_dropped() {
        let body = json!({"service": "web", "desiredCount": null, "colour": "red",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"], "colour": 1}}});
        let input = Input::read("UpdateService", &body).unwrap();
        let expected = json!({"service": "web",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"]}}});
        assert_eq!(Value::Object(input.0), expected);
    }

    #[test]
    fn wrong_types_are_refused() {
        let refusal = |body: Value| Input::read("UpdateService", &body).unwrap_err().message;
        assert_eq!(refusal(json!({"service": 1})), "NUMBER_VALUE can not be converted to a String");
        assert_eq!(refusal(json!({"desiredCount": "2"})), "STRING_VALUE can not be converted to an Integer");
        assert_eq!(refusal(json!({"desiredCount": 1.5})), "FLOAT_VALUE can not be converted to an Integer");
        assert_eq!(refusal(json!({"loadBalancers": {}})), "START_OBJECT can not be converted to a List");
    }
}
