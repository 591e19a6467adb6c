//! What leaves git is set back, row by row, and read by boto3.

use std::fmt::Write as _;

use bowline_core::diff::fields::{RESETS, Reset, SETTINGS as ROWS, ShownBy};
use bowline_tests::bowline::Bowline;
use bowline_tests::calls::{call, make};
use bowline_tests::generate::place::SETTINGS;
use bowline_tests::generate::services::{Network, revision, samples};
use bowline_tests::git::Remote;
use bowline_tests::register::Check;
use bowline_tests::until::until;
use bowline_tests::world::{CLUSTER, service, target};
use serde_json::{Map, Value, json};

use super::cases::unchanged;
use super::{paths, prepared, simulator};

/// One row of the resets, on a service of its own.
struct Taken {
    name: String,
    path: &'static str,
    reset: Reset,
    /// What the service has, and git lists at first.
    settings: Value,
}

impl Taken {
    fn pointer(&self) -> String {
        SETTINGS.find(&self.settings, self.path).unwrap().pointer
    }

    /// What git lists in the end.
    fn rest(&self) -> Value {
        let mut rest = self.settings.clone();
        let pointer = self.pointer();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        rest.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        rest
    }

    /// What the field is set to; nothing where it is left out.
    fn wanted(&self) -> Option<Value> {
        let daemon = self.settings["schedulingStrategy"] == "DAEMON";
        match self.reset {
            Reset::To(json) => serde_json::from_str(json).ok(),
            Reset::ByStrategy { replica, daemon: of_daemon } => {
                serde_json::from_str(if daemon { of_daemon } else { replica }).ok()
            }
            Reset::Omit => None,
        }
    }
}

/// A service for each row, and for a DAEMON where its default is another. What is AWS's own already cannot be set back.
fn rows(network: &Network) -> Vec<Taken> {
    let samples = samples(network);
    let daemon = |settings: &Value| settings["schedulingStrategy"] == "DAEMON";
    let mut rows = Vec::new();
    for (path, reset) in RESETS {
        let name = format!("reset-{}", rows.len());
        let row =
            |settings: &Value| Taken { name: name.clone(), path, reset: *reset, settings: settings.clone() };
        let fits = |settings: &&Value| {
            let place = SETTINGS.find(settings, path).map(|place| place.pointer);
            let found = place.and_then(|pointer| settings.pointer(&pointer).cloned());
            settings.get("deploymentController").is_none()
                && found.is_some()
                && row(settings).wanted() != found
        };
        let replica = samples.iter().filter(|settings| !daemon(settings)).find(fits);
        rows.push(row(replica.unwrap_or_else(|| panic!("no sample has {path}"))));
        let own = samples
            .iter()
            .filter(|settings| daemon(settings) && matches!(reset, Reset::ByStrategy { .. }))
            .find(fits);
        rows.extend(own.map(|settings| Taken { name: format!("{name}-daemon"), ..row(settings) }));
    }
    rows
}

fn manifests(rows: &[Taken], settings: impl Fn(&Taken) -> Value) -> String {
    let mut manifests = target("enforce");
    for row in rows {
        let spec =
            json!({"taskDefinition": {"revision": revision(&row.settings)}, "settings": settings(row)});
        writeln!(manifests, "---\n{}", service(&row.name, spec)).unwrap();
    }
    manifests
}

/// Each service as boto3 shows it: with what its PRIMARY deployment and its service revision show.
async fn shown(url: &str, rows: &[Taken]) -> Vec<Value> {
    let names: Vec<&String> = rows.iter().map(|row| &row.name).collect();
    let describe = |ten: &[&String]| call("describe_services", &json!({"cluster": CLUSTER, "services": ten}));
    let answers = make(url, &names.chunks(10).map(describe).collect::<Vec<_>>(), Check::Model).await;
    let services: Vec<&Value> =
        answers.iter().flat_map(|answer| answer["services"].as_array().unwrap()).collect();
    let revision = |service: &&Value| {
        let arn = service["currentServiceRevisions"][0]["arn"].clone();
        call("describe_service_revisions", &json!({"serviceRevisionArns": [arn]}))
    };
    let revisions = make(url, &services.iter().map(revision).collect::<Vec<_>>(), Check::Model).await;
    let taken_from = |from: ShownBy, value: &Value| -> Map<String, Value> {
        let here = ROWS.iter().filter(|row| row.shown == from);
        here.filter_map(|row| Some((row.name.to_owned(), value.get(row.name)?.clone()))).collect()
    };
    let merged = |(service, revision): (&&Value, &Value)| {
        let mut all = taken_from(ShownBy::Service, service);
        all.extend(taken_from(ShownBy::PrimaryDeployment, &service["deployments"][0]));
        all.extend(taken_from(ShownBy::Revision, &revision["serviceRevisions"][0]));
        Value::Object(all)
    };
    services.iter().zip(&revisions).map(merged).collect()
}

/// Waits until no deployment is under way.
async fn settled(url: &str, rows: &[Taken]) {
    until("the end of all rollouts", || async {
        let names: Vec<&String> = rows.iter().map(|row| &row.name).collect();
        let describe =
            |ten: &[&String]| call("describe_services", &json!({"cluster": CLUSTER, "services": ten}));
        let answers = make(url, &names.chunks(10).map(describe).collect::<Vec<_>>(), Check::Model).await;
        let mut services = answers.iter().flat_map(|answer| answer["services"].as_array().unwrap());
        let done = |service: &Value| {
            let deployments = service["deployments"].as_array().unwrap();
            deployments.len() == 1
                && deployments[0]["rolloutState"].as_str().is_none_or(|state| state == "COMPLETED")
        };
        services.all(done).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_that_can_be_set_back_is_when_it_leaves_git() {
    let simulator = simulator().await;
    let url = simulator.url();
    prepared(&url).await;
    let rows = rows(&Network::anywhere());
    assert_eq!(rows.len(), RESETS.len() + 1, "all rows, and one of a DAEMON");
    let created: Vec<Value> = rows
        .iter()
        .map(|row| {
            let mut case = unchanged(std::slice::from_ref(&row.settings), "").remove(0);
            case.name.clone_from(&row.name);
            case.creation()
        })
        .collect();
    make(&url, &created, Check::Model).await;
    settled(&url, &rows).await;
    let remote = Remote::new();
    remote.commit("List what is live", &[("all.yaml", &manifests(&rows, |row| row.settings.clone()))]);
    let server = remote.serve(None);
    let bowline = Bowline::new(&url, &server.url());
    let plan = bowline.apply().await.with_code(0).json();
    assert_eq!(plan["actions"].as_array().map_or(0, Vec::len), 0, "{plan:#}");

    remote.commit("Let go of one field each", &[("all.yaml", &manifests(&rows, Taken::rest))]);
    let plan = bowline.plan().await.with_code(1).json();
    for row in &rows {
        let told = paths(&plan, &row.name);
        let below = |path: &String| path.starts_with(row.path);
        assert!(!told.is_empty() && told.iter().all(below), "{} {told:?}", row.path);
    }
    bowline.apply().await.with_code(0);
    let plan = bowline.plan().await.with_code(0).json();
    assert!(rows.iter().all(|row| paths(&plan, &row.name).is_empty()), "{plan:#}");
    let mut wrong = Vec::new();
    for (row, shown) in rows.iter().zip(shown(&url, &rows).await) {
        let found = shown.pointer(&row.pointer());
        let empty = |value: &Value| *value == json!([]);
        let same = match row.wanted() {
            Some(wanted) => found == Some(&wanted) || found.is_none() && empty(&wanted),
            None => found.is_none(),
        };
        if !same {
            wrong.push(format!("{}: {found:?} instead of {:?}", row.path, row.wanted()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
