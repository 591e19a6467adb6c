//! The settings of services, taken from the JSON of answers as it is and without looking into it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bowline_core::desired::kind::ServiceSettings;
use bowline_core::diff::fields::{SETTINGS, ShownBy};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// The fields of an object.
type Fields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

#[derive(Deserialize)]
struct Described<'a> {
    #[serde(borrow, default)]
    services: Vec<Fields<'a>>,
}

#[derive(Deserialize)]
struct Updated<'a> {
    #[serde(borrow)]
    service: Fields<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Revisions<'a> {
    #[serde(borrow, default)]
    service_revisions: Vec<Fields<'a>>,
}

/// The settings of each service in an answer of DescribeServices, by its name.
pub(super) fn described(body: &[u8]) -> Option<BTreeMap<String, ServiceSettings>> {
    let answer: Described<'_> = serde_json::from_slice(body).ok()?;
    let named = |service: &Fields<'_>| Some((read::<String>(service, "serviceName")?, of_service(service)));
    Some(answer.services.iter().filter_map(named).collect())
}

/// The settings of the service in an answer of UpdateService or CreateService.
pub(super) fn updated(body: &[u8]) -> Option<ServiceSettings> {
    let answer: Updated<'_> = serde_json::from_slice(body).ok()?;
    Some(of_service(&answer.service))
}

/// The settings of each service revision in an answer of DescribeServiceRevisions, by its ARN.
pub(super) fn revisions(body: &[u8]) -> Option<BTreeMap<String, ServiceSettings>> {
    let answer: Revisions<'_> = serde_json::from_slice(body).ok()?;
    let named = |revision: &Fields<'_>| {
        let settings = ServiceSettings::of_json(SETTINGS.iter().filter_map(|row| part(revision, row.name)));
        Some((read::<String>(revision, "serviceRevisionArn")?, settings))
    };
    Some(answer.service_revisions.iter().filter_map(named).collect())
}

fn of_service(service: &Fields<'_>) -> ServiceSettings {
    let deployments: Vec<Fields<'_>> = borrow(service, "deployments").unwrap_or_default();
    let is_primary =
        |deployment: &&Fields<'_>| read::<String>(deployment, "status").as_deref() == Some("PRIMARY");
    let primary = deployments.iter().find(is_primary);
    let parts = SETTINGS.iter().filter_map(|row| match row.shown {
        ShownBy::Service if row.name == "role" => part(service, "roleArn").map(|(_, json)| (row.name, json)),
        ShownBy::Service => part(service, row.name),
        ShownBy::PrimaryDeployment => part(primary?, row.name),
        ShownBy::Revision => None,
    });
    ServiceSettings::of_json(parts)
}

/// A field that says something.
fn part<'a>(fields: &Fields<'a>, name: &'static str) -> Option<(&'static str, &'a str)> {
    let json = fields.get(name)?.get();
    (!matches!(json, "null" | "[]" | "{}")).then_some((name, json))
}

fn read<T: DeserializeOwned>(fields: &Fields<'_>, name: &str) -> Option<T> {
    serde_json::from_str(fields.get(name)?.get()).ok()
}

fn borrow<'a, T: Deserialize<'a>>(fields: &Fields<'a>, name: &str) -> Option<T> {
    serde_json::from_str(fields.get(name)?.get()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn fields(settings: &ServiceSettings) -> Value {
        Value::Object(settings.fields())
    }

    #[test]
    fn settings_are_taken_from_the_service_and_from_its_primary_deployment() {
        let body = json!({"services": [{
            "serviceName": "web", "status": "ACTIVE", "roleArn": "arn:aws:iam::111122223333:role/ecs",
            "launchType": "FARGATE", "loadBalancers": [], "placementStrategy": null, "enableExecuteCommand": true,
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"], "newerThanTheSdk": 1}},
            "deployments": [
                {"status": "ACTIVE", "serviceConnectConfiguration": {"enabled": false}},
                {"status": "PRIMARY", "serviceConnectConfiguration": {"enabled": true}, "volumeConfigurations": []}],
            "events": [{"message": "x"}],
        }, {"status": "ACTIVE"}]})
        .to_string();
        let described = described(body.as_bytes()).unwrap();
        assert_eq!(described.keys().collect::<Vec<_>>(), ["web"]);
        assert_eq!(
            fields(&described["web"]),
            json!({
                "enableExecuteCommand": true, "launchType": "FARGATE", "role": "arn:aws:iam::111122223333:role/ecs",
                "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"], "newerThanTheSdk": 1}},
                "serviceConnectConfiguration": {"enabled": true},
            })
        );
        let updated =
            updated(json!({"service": {"platformVersion": "LATEST"}}).to_string().as_bytes()).unwrap();
        assert_eq!(fields(&updated), json!({"platformVersion": "LATEST"}));
    }

    #[test]
    fn a_revision_shows_what_no_service_does() {
        let body = json!({"serviceRevisions": [{"serviceRevisionArn": "arn:1", "monitoring": {"a": 1}, "taskDefinition": "x"}]});
        let revisions = revisions(body.to_string().as_bytes()).unwrap();
        assert_eq!(fields(&revisions["arn:1"]), json!({"monitoring": {"a": 1}}));
        assert_eq!(super::revisions(b"<html>"), None);
    }
}
