//! What does this pass's observation teach? Rollouts are judged, good specs noted, drift told once.

mod health;
mod judge;
mod notice;
mod suspension;
mod tell;

use std::cell::Cell;

use jiff::Timestamp;

use super::event::{Event, EventKind};
use super::memory::Memory;
use super::orphans;
use super::ownership::Actor;
use super::propose;
use super::reads::Reads;
use super::report::ResourceReport;
use super::service;
use super::terraform_state;
use super::world::World;
use crate::desired::DesiredState;
use crate::live::{Live, Observed};
use crate::rollback;

/// Updates what is remembered from what was observed, before a plan is made: judges the rollouts that Bowline started, notes
/// what was good, what ECS rolled back and what somebody stepped back from. Events tell only what changed.
pub fn learn(
    memory: &mut Memory,
    desired: &DesiredState,
    live: &Live,
    actor: Actor<'_>,
    now: Timestamp,
) -> Vec<Event> {
    let commit = actor.commit;
    let mut events = health::note(memory, desired, live, now);
    let held_before = rollback::shared_outage(memory, now).is_some();
    events.extend(judge::judge(memory, desired, live, now));
    let outage = rollback::shared_outage(memory, now).filter(|_| !held_before);
    if let (Some(outage), Some(last)) = (outage, events.last().cloned()) {
        events.push(Event::new(now, &last.resource, EventKind::RollbackHeld, outage.sentence()));
    }
    let (services, secrets, others) = {
        let world = World::new(desired, live, memory, actor, now);
        let mut reads = Reads::new(live);
        let secrets = propose::secrets(&world, &mut reads);
        // One after the other: what is thought of thousands of services is not held at once.
        let facts = |(name, wanted)| {
            let seen = live.services.get(name).and_then(Observed::known).map(|seen| &**seen);
            notice::ServiceFacts::of(name, seen, service::outlook(&world, &mut reads, &secrets, name, wanted))
        };
        let service_facts: Vec<_> = desired.services.iter().map(facts).collect();
        let secret_facts: Vec<_> =
            secrets.iter().map(|(name, outlook)| notice::SecretFacts::of(name, &outlook.standing)).collect();
        let states = desired.states.iter().map(|(name, state)| terraform_state::report(&world, name, state));
        let others: Vec<ResourceReport> =
            secrets.values().map(|outlook| outlook.report.clone()).chain(states).collect();
        (service_facts, secret_facts, others)
    };
    let noticing = notice::Noticing { desired, live, commit, now, renewed: Cell::default() };
    for facts in &services {
        noticing.service(memory, facts, &mut events);
    }
    for facts in &secrets {
        noticing.secret(memory, facts);
    }
    let reports: Vec<&ResourceReport> =
        services.iter().map(notice::ServiceFacts::report).chain(&others).collect();
    tell::tell(memory, desired, &reports, commit, now, &mut events);
    suspension::tell(memory, &reports, now, &mut events);
    events.extend(orphans::learn(memory, desired, live, actor, now));
    events
}
