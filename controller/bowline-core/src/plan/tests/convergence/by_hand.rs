//! What somebody changes by hand, behind Bowline's back.

use proptest::prelude::*;
use serde_json::Value;

use super::model::{Model, configure};
use super::settings;
use crate::live::Tags;
use crate::plan::fixture::*;

/// What somebody does by hand, on the service or secret with this number.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Scale(usize, u32),
    Deploy(usize, u32),
    MoveBack(usize),
    Untag(usize),
    Retag(usize, Option<&'static str>),
    Configure(usize, Value),
}

pub(super) fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (0..3_usize, 0..4_u32).prop_map(|(of, count)| Change::Scale(of, count)),
        (0..3_usize, 1..=3_u32).prop_map(|(of, revision)| Change::Deploy(of, revision)),
        (0..2_usize).prop_map(Change::MoveBack),
        (0..3_usize).prop_map(Change::Untag),
        (0..3_usize, prop::option::of(Just("other"))).prop_map(|(of, team)| Change::Retag(of, team)),
        (0..3_usize, settings(&["1.3.0", "1.2.0"]))
            .prop_map(|(of, settings)| Change::Configure(of, settings)),
    ]
}

pub(super) fn meddle(model: &mut Model, change: &Change) {
    match change {
        Change::Scale(of, count) => {
            if let Some(service) = model.services.get_mut(&name(&format!("s{of}"))) {
                service.desired_count = *count;
            }
        }
        Change::Deploy(of, revision) => {
            let service = name(&format!("s{of}"));
            if model.services.contains_key(&service) {
                model.deploy(&service, arn(&format!("s{of}:{revision}")));
            }
        }
        Change::MoveBack(of) => {
            if let Some(secret) = model.secrets.get_mut(&name(&format!("secret{of}"))) {
                let current = secret.current().unwrap().to_owned();
                secret.stages.get_mut(&current).unwrap().remove("AWSCURRENT");
                secret.stages.entry(version("1")).or_default().insert("AWSCURRENT".to_owned());
                secret.last_changed_at = Some(at(model.clock));
            }
        }
        Change::Untag(of) => {
            if let Some(service) = model.services.get_mut(&name(&format!("s{of}"))) {
                service.tags = Tags::default();
            }
        }
        Change::Retag(of, team) => {
            if let Some(service) = model.services.get(&name(&format!("s{of}"))) {
                let revision = service.task_definition.as_ref().unwrap().revision();
                let tags = model.tags.get_mut(revision.as_str()).unwrap();
                tags.remove("team");
                tags.extend(team.map(|team| ("team".to_owned(), team.to_owned())));
            }
        }
        Change::Configure(of, settings) => {
            let of = name(&format!("s{of}"));
            if let Some(service) = model.services.get_mut(&of)
                && configure(service, settings.as_object().unwrap())
            {
                let arn = service.task_definition.clone().unwrap();
                model.deploy(&of, arn);
            }
        }
    }
}
