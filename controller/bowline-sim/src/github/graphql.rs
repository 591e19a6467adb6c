//! GitHub's GraphQL, as far as auto-merge needs it: documents are parsed and checked as a whole against the fields that
//! exist, before anything is done.

mod mutations;
mod objects;
mod schema;

use async_graphql_parser::types::{
    DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql_parser::{Pos, Positioned, parse_query};
use async_graphql_value::ConstValue;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::asked::Asked;
use super::caller::Caller;
use super::hub::Hub;
use super::reply::{Answer, Handled, Refusal};
use super::urls::Urls;
use schema::Known;

/// Why a field has no value. GitHub answers such a call with 200 all the same.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GraphError {
    /// GitHub's own: `NOT_FOUND`, `FORBIDDEN`, `UNPROCESSABLE`, ...
    kind: &'static str,
    message: String,
}

impl GraphError {
    fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    fn forbidden(caller: &Caller) -> Self {
        let who = if caller.installation().is_some() { "integration" } else { "personal access token" };
        Self::new("FORBIDDEN", format!("Resource not accessible by {who}"))
    }
}

/// Who asks, when, and by which address.
struct Asker<'a> {
    caller: &'a Caller,
    now: Timestamp,
    urls: &'a Urls,
}

/// A document, with the values of its variables.
struct Document<'a> {
    parsed: &'a ExecutableDocument,
    variables: &'a Value,
}

/// What is wrong with a document: nothing of it is done.
type Invalid = Vec<Value>;

/// The first field that a body asks for, which names the call.
pub(super) fn root_field(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let parsed = parse_query(body["query"].as_str().unwrap_or_default()).ok();
    let name = parsed.and_then(|parsed| {
        let operation = operation(&parsed, body["operationName"].as_str())?;
        let first = operation.node.selection_set.node.items.first()?;
        match &first.node {
            Selection::Field(field) => Some(field.node.name.node.to_string()),
            _ => None,
        }
    });
    name.unwrap_or_else(|| "(unreadable)".to_owned())
}

/// Answers a document.
pub(super) fn answer(hub: &mut Hub, asked: &Asked, caller: &Caller, now: Timestamp) -> Handled {
    if asked.method != "POST" {
        return Err(Refusal::not_found());
    }
    let body: Value = serde_json::from_slice(&asked.body)
        .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "Problems parsing JSON"))?;
    let Some(text) = body["query"].as_str() else {
        let message = "A query attribute must be specified and must be a string.";
        return Ok(Answer::ok(json!({"errors": [{"message": message}]})));
    };
    let parsed = match parse_query(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            return Ok(Answer::ok(json!({"errors": [{"message": format!("Parse error: {error}")}]})));
        }
    };
    let Some(operation) = operation(&parsed, body["operationName"].as_str()) else {
        return Ok(Answer::ok(json!({"errors": [{"message": "An operation name is required"}]})));
    };
    let document = Document { parsed: &parsed, variables: &body["variables"] };
    let root = match operation.node.ty {
        OperationType::Mutation => "Mutation",
        OperationType::Query | OperationType::Subscription => "Query",
    };
    let mut wrong = document.missing_variables(&operation.node);
    wrong.extend(document.check(&operation.node.selection_set.node, root));
    if !wrong.is_empty() {
        return Ok(Answer::ok(json!({"errors": wrong})));
    }
    let who = Asker { caller, now, urls: &asked.urls };
    Ok(Answer::ok(document.execute(hub, &who, &operation.node, root)))
}

fn operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a Positioned<OperationDefinition>> {
    match &document.operations {
        DocumentOperations::Single(operation) => Some(operation),
        DocumentOperations::Multiple(named) => {
            let wanted = name?;
            named.iter().find(|(name, _)| name.as_str() == wanted).map(|(_, operation)| operation)
        }
    }
}

fn place(at: Pos) -> Value {
    json!([{"line": at.line, "column": at.column}])
}

impl Document<'_> {
    fn missing_variables(&self, operation: &OperationDefinition) -> Invalid {
        let missing = operation.variable_definitions.iter().filter(|definition| {
            let definition = &definition.node;
            let given = self.variables.get(definition.name.node.as_str());
            !definition.var_type.node.nullable
                && definition.default_value.is_none()
                && given.is_none_or(Value::is_null)
        });
        let tell = |definition: &Positioned<async_graphql_parser::types::VariableDefinition>| {
            let (name, kind) = (&definition.node.name.node, &definition.node.var_type.node);
            let message = format!("Variable ${name} of type {kind} was provided invalid value");
            json!({"message": message, "locations": place(definition.pos)})
        };
        missing.map(tell).collect()
    }

    /// The fields of one level, with fragments opened where they apply to `kind`.
    fn fields<'b>(&'b self, set: &'b SelectionSet, kind: &str) -> Vec<&'b Positioned<Field>> {
        let mut fields = Vec::new();
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => fields.push(field),
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref().map(|on| on.node.on.node.as_str());
                    if condition.is_none_or(|on| schema::applies(on, kind)) {
                        fields.extend(self.fields(&fragment.node.selection_set.node, kind));
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.parsed.fragments.get(&spread.node.fragment_name.node);
                    let fits = fragment.filter(|fragment| {
                        schema::applies(fragment.node.type_condition.node.on.node.as_str(), kind)
                    });
                    if let Some(fragment) = fits {
                        fields.extend(self.fields(&fragment.node.selection_set.node, kind));
                    }
                }
            }
        }
        fields
    }

    /// Whether every field exists on its type, and has fields of its own exactly where it must.
    fn check(&self, set: &SelectionSet, kind: &str) -> Invalid {
        let mut wrong = Vec::new();
        for field in self.fields(set, kind) {
            let name = field.node.name.node.as_str();
            let inner = &field.node.selection_set.node;
            let mut tell = |code: &str, message: String| {
                wrong.push(json!({
                    "message": message,
                    "locations": place(field.pos),
                    "extensions": {"code": code, "typeName": kind, "fieldName": name},
                }));
            };
            match schema::field(kind, name) {
                Known::No => tell("undefinedField", format!("Field '{name}' doesn't exist on type '{kind}'")),
                Known::Scalar if !inner.items.is_empty() => {
                    let message = format!("Selections can't be made on scalars (field '{name}')");
                    tell("selectionMismatch", message);
                }
                Known::Object(of) if inner.items.is_empty() => {
                    let message = format!(
                        "Field must have selections (field '{name}' returns {of} but has no selections)"
                    );
                    tell("selectionMismatch", message);
                }
                Known::Scalar => {}
                // What a node is shows only once it was found; its fields are checked against what it can be.
                Known::Object("Node") => wrong.extend(self.check(inner, "PullRequest")),
                Known::Object(of) => wrong.extend(self.check(inner, of)),
            }
        }
        wrong
    }

    fn execute(
        &self,
        hub: &mut Hub,
        asker: &Asker<'_>,
        operation: &OperationDefinition,
        root: &str,
    ) -> Value {
        let mut data = Map::new();
        let mut errors = Vec::new();
        for field in self.fields(&operation.selection_set.node, root) {
            let name = field.node.name.node.as_str();
            let key = field.node.response_key().node.to_string();
            let arguments = self.arguments(&field.node);
            let resolved = if root == "Mutation" {
                mutations::mutate(hub, asker, name, &arguments["input"])
            } else {
                objects::query(hub, asker, name, &arguments)
            };
            let shown =
                resolved.and_then(|value| self.select(hub, asker, &value, &field.node.selection_set.node));
            match shown {
                Ok(value) => drop(data.insert(key, value)),
                Err(error) => {
                    errors.push(json!({
                        "type": error.kind,
                        "path": [key],
                        "locations": place(field.pos),
                        "message": error.message,
                    }));
                    data.insert(key, Value::Null);
                }
            }
        }
        let mut body = json!({"data": data});
        if !errors.is_empty() {
            body["errors"] = errors.into();
        }
        body
    }

    /// The arguments of a field, with the variables in their places.
    fn arguments(&self, field: &Field) -> Value {
        let value = |name: &str| {
            let given = self.variables.get(name).cloned().unwrap_or_default();
            ConstValue::from_json(given).unwrap_or_default()
        };
        let all = field.arguments.iter().filter_map(|(name, argument)| {
            let constant = argument.node.clone().into_const_with(|name| Ok::<_, ()>(value(&name))).ok()?;
            Some((name.node.to_string(), constant.into_json().ok()?))
        });
        Value::Object(all.collect())
    }

    /// Of an object, what was asked for.
    fn select(
        &self,
        hub: &mut Hub,
        asker: &Asker<'_>,
        value: &Value,
        set: &SelectionSet,
    ) -> Result<Value, GraphError> {
        let Value::Object(object) = value else { return Ok(value.clone()) };
        let kind = object.get("__typename").and_then(Value::as_str).unwrap_or_default();
        let mut shown = Map::new();
        for field in self.fields(set, kind) {
            let name = field.node.name.node.as_str();
            // The one field with arguments of its own.
            let found = if (kind, name) == ("Repository", "pullRequest") {
                objects::pull_of(hub, asker, object, &self.arguments(&field.node))?
            } else {
                object.get(name).cloned().ok_or_else(|| {
                    let message = "Something went wrong while executing your query.";
                    GraphError::new("INTERNAL", message)
                })?
            };
            let found = self.select(hub, asker, &found, &field.node.selection_set.node)?;
            shown.insert(field.node.response_key().node.to_string(), found);
        }
        Ok(Value::Object(shown))
    }
}
