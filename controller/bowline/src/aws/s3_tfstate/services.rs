//! Finds a few `aws_ecs_service` in a state that arrives in pieces, and takes from them what core keeps. Everything else is
//! passed over while it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{BufReader, Read};

use bowline_core::desired::terraform::TerraformService;
use bytes::{Buf, Bytes};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use tokio::sync::mpsc::Receiver;

/// Terraform's name of a service.
const SERVICE: &str = "aws_ecs_service";

/// The services that were found, by address; `None` where the state has none there.
pub(super) type Services = BTreeMap<String, Option<TerraformService>>;

/// The pieces of a body, as a blocking reader. It ends when the other side is gone.
pub(super) struct Pieces {
    receiver: Receiver<Bytes>,
    piece: Bytes,
}

impl Pieces {
    pub(super) fn new(receiver: Receiver<Bytes>) -> Self {
        Self { receiver, piece: Bytes::new() }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

/// Looks for these addresses. The error says what is wrong with the document, and shows nothing of it.
pub(super) fn find(body: impl Read, addresses: &BTreeSet<String>) -> Result<Services, &'static str> {
    let mut found: Services = addresses.iter().map(|address| (address.clone(), None)).collect();
    let mut document = serde_json::Deserializer::from_reader(BufReader::new(body));
    match Document(&mut found).deserialize(&mut document) {
        Ok(()) => Ok(found),
        Err(error) if error.is_eof() => Err("the document is cut off"),
        Err(error) if error.is_syntax() => Err("the object is not a JSON document"),
        Err(_) => Err("the document is not a Terraform state of format version 4"),
    }
}

struct Document<'a>(&'a mut Services);

struct Resources<'a>(&'a mut Services);

struct Resource<'a>(&'a mut Services);

#[derive(Default)]
struct Head {
    module: Option<String>,
    mode: Option<String>,
    kind: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Instance {
    index_key: Option<Value>,
    attributes: Option<Value>,
    #[serde(default)]
    sensitive_attributes: Option<Vec<Vec<Step>>>,
    /// An object that waits to be destroyed.
    deposed: Option<IgnoredAny>,
}

/// A step of a path to a sensitive value.
#[derive(Deserialize)]
struct Step {
    value: Value,
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a state")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key::<String>()? {
            if field == "resources" {
                map.next_value_seed(Resources(self.0))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Resources<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Resources<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of resources")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Resource(self.0))?.is_some() {}
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Resource<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Resource<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a resource")
    }

    /// Terraform writes what a resource is before its instances, so that those of others are passed over. Where somebody sorted
    /// the fields, each instance is reduced to what matters before the next one is read.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut head = Head::default();
        let mut found = Vec::new();
        while let Some(field) = map.next_key::<String>()? {
            match field.as_str() {
                "module" => head.module = map.next_value()?,
                "mode" => head.mode = map.next_value()?,
                "type" => head.kind = map.next_value()?,
                "name" => head.name = map.next_value()?,
                "instances" if head.may_be_asked_for(self.0) => found = map.next_value::<Vec<Reduced>>()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let Some(address) = head.address() else { return Ok(()) };
        for Reduced(found) in found {
            let Some((index, service)) = found else { continue };
            if let Some(place) = self.0.get_mut(&format!("{address}{index}")) {
                *place = Some(service);
            }
        }
        Ok(())
    }
}

impl Head {
    /// False if what is known already says that nobody asked for it.
    fn may_be_asked_for(&self, services: &Services) -> bool {
        if self.kind.as_deref().is_some_and(|kind| kind != SERVICE) {
            return false;
        }
        let Some(address) = self.address() else {
            return self.kind.is_none() || self.mode.is_none() || self.name.is_none();
        };
        let is_it = |asked: &String| {
            asked.strip_prefix(&address).is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
        };
        services.keys().any(is_it)
    }

    /// The address, without the index of an instance; nothing if it is not a service that Terraform manages.
    fn address(&self) -> Option<String> {
        let kind = self.kind.as_deref().filter(|kind| *kind == SERVICE)?;
        self.mode.as_deref().filter(|mode| *mode == "managed")?;
        let module = self.module.as_ref().map(|module| format!("{module}.")).unwrap_or_default();
        Some(format!("{module}{kind}.{}", self.name.as_deref()?))
    }
}

/// An instance: its index as it stands in an address, and what core keeps of it.
#[derive(Deserialize)]
#[serde(from = "Instance")]
struct Reduced(Option<(String, TerraformService)>);

impl From<Instance> for Reduced {
    fn from(instance: Instance) -> Self {
        let index = match &instance.index_key {
            None | Some(Value::Null) => String::new(),
            // A text in quotes, as Terraform writes it.
            Some(key) => format!("[{key}]"),
        };
        let paths = instance.sensitive_attributes.iter().flatten();
        let sensitive = paths.filter_map(|path| path.first()?.value.as_str().map(str::to_owned)).collect();
        let attributes = instance.attributes.filter(|_| instance.deposed.is_none());
        Self(attributes.map(|attributes| (index, TerraformService::of(&attributes, &sensitive))))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(name: &str, instances: &Value) -> Value {
        json!({"mode": "managed", "type": "aws_ecs_service", "name": name,
            "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]", "instances": instances})
    }

    /// What a resource is stands before its instances.
    fn as_terraform_writes(state: &Value) -> String {
        let resources = state["resources"].as_array().unwrap().iter().map(|resource| {
            let mut resource = resource.clone();
            let instances = resource.as_object_mut().unwrap().remove("instances").unwrap();
            let head = resource.to_string();
            format!("{},\"instances\":{instances}}}", &head[..head.len() - 1])
        });
        format!("{{\"version\":4,\"resources\":[{}]}}", resources.collect::<Vec<_>>().join(","))
    }

    fn found(
        state: &str,
        addresses: &[&str],
    ) -> Result<BTreeMap<String, Option<Vec<&'static str>>>, &'static str> {
        let addresses = addresses.iter().map(|address| (*address).to_owned()).collect();
        let found = find(state.as_bytes(), &addresses)?;
        let set = |service: TerraformService| service.set.into_keys().collect();
        Ok(found.into_iter().map(|(address, service)| (address, service.map(set))).collect())
    }

    #[test]
    fn services_are_found_by_their_addresses() {
        let attributes = |argument: &str| json!({"schema_version": 0, "attributes": {argument: 2}, "sensitive_attributes": []});
        let mut indexed =
            [attributes("desired_count"), attributes("platform_version"), attributes("iam_role")];
        indexed[0]["index_key"] = json!(0);
        indexed[1]["index_key"] = json!("blue");
        indexed[2]["deposed"] = json!("0a1b2c3d");
        let mut module = service("web", &json!([attributes("launch_type")]));
        module["module"] = json!("module.app[\"x\"]");
        let mut data = service("data", &json!([attributes("desired_count")]));
        data["mode"] = json!("data");
        let state = json!({"version": 4, "outputs": {"resources": [1]}, "resources": [
            {"mode": "managed", "type": "aws_db_instance", "name": "web", "instances": [{"attributes": {"desired_count": 1}}]},
            service("web", &json!([attributes("task_definition")])),
            service("web_2", &json!(indexed)),
            module, data,
        ], "check_results": null});
        let asked = [
            "aws_ecs_service.web",
            "aws_ecs_service.web_2[0]",
            "aws_ecs_service.web_2[\"blue\"]",
            "aws_ecs_service.web_2",
            "module.app[\"x\"].aws_ecs_service.web",
            "aws_ecs_service.data",
            "aws_ecs_service.we",
        ];
        let expected = [
            ("aws_ecs_service.data", None),
            ("aws_ecs_service.we", None),
            ("aws_ecs_service.web", Some(vec!["task_definition"])),
            ("aws_ecs_service.web_2", None),
            ("aws_ecs_service.web_2[\"blue\"]", Some(vec!["platform_version"])),
            ("aws_ecs_service.web_2[0]", Some(vec!["desired_count"])),
            ("module.app[\"x\"].aws_ecs_service.web", Some(vec!["launch_type"])),
        ];
        let expected = BTreeMap::from(expected.map(|(address, set)| (address.to_owned(), set)));
        // This writes fields by the alphabet, and Terraform what the resource is first.
        let sorted = state.to_string();
        assert_eq!(found(&sorted, &asked), Ok(expected.clone()));
        assert_eq!(found(&as_terraform_writes(&state), &asked), Ok(expected));
    }

    #[test]
    fn a_sensitive_value_is_not_kept() {
        let instance = json!({"attributes": {"platform_version": "hunter2", "desired_count": 3},
            "sensitive_attributes": [[{"type": "get_attr", "value": "platform_version"}]]});
        let state = json!({"resources": [service("web", &json!([instance]))]});
        let addresses = BTreeSet::from(["aws_ecs_service.web".to_owned()]);
        let kept = find(state.to_string().as_bytes(), &addresses).unwrap();
        assert_eq!(
            kept["aws_ecs_service.web"].as_ref().unwrap().set,
            BTreeMap::from([("desired_count", Some(json!(3))), ("platform_version", None)])
        );
    }

    #[test]
    fn what_is_wrong_is_said_without_showing_anything() {
        let addresses = BTreeSet::new();
        let cases = [
            ("", "the document is cut off"),
            (r#"{"resources": [{"mode": "man"#, "the document is cut off"),
            (
                r#"{"resources": {"password": "hunter2"}}"#,
                "the document is not a Terraform state of format version 4",
            ),
            (r#"{"resources" hunter2}"#, "the object is not a JSON document"),
        ];
        for (text, expected) in cases {
            assert_eq!(find(text.as_bytes(), &addresses).map(|_| ()), Err(expected), "{text}");
        }
    }
}
