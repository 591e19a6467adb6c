//! `create` of an EcsService: what CreateService is given besides what the rest of the manifest says.

use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::{ServiceSettings, service_settings_schema};

/// With what a service that does not exist is created, in the field names of CreateService. What `settings` lists is given
/// to it as well and does not stand here; what stands here is only where the service begins, and is not managed afterwards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceCreation(ServiceSettings);

impl ServiceCreation {
    /// The fields, `desiredCount` and `tags` included.
    pub fn fields(&self) -> Map<String, Value> {
        self.0.fields()
    }
}

impl Serialize for ServiceCreation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ServiceCreation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ServiceSettings::deserialize(deserializer).map(Self)
    }
}

impl JsonSchema for ServiceCreation {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ServiceCreation".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::try_from(SCHEMA.clone()).unwrap_or_default()
    }
}

/// That of `settings`, and the two fields that UpdateService has elsewhere or not at all.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = service_settings_schema().clone();
    // 5,000 tasks is the most that a service may have (ECS service quotas).
    schema["properties"]["desiredCount"] = json!({ "type": "integer", "minimum": 0, "maximum": 5000 });
    let tag = json!({
        "type": "object", "properties": { "key": { "type": "string" }, "value": { "type": "string" } },
        "required": ["key"], "additionalProperties": false,
    });
    schema["properties"]["tags"] = json!({ "type": "array", "items": tag });
    schema
});
