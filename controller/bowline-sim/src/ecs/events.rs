//! Service events, in the words of AWS.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::ids::Ids;

/// AWS keeps the newest 100.
const KEPT: usize = 100;

/// One line of a service's history.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) at: Timestamp,
    pub(super) message: String,
}

/// The newest events of a service, newest first.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) entries: VecDeque<Event>,
}

impl Events {
    /// Adds `(service <name>) <what>`.
    pub(super) fn add(&mut self, ids: &mut Ids, at: Timestamp, service: &str, what: &str) {
        self.entries.truncate(KEPT - 1);
        self.entries.push_front(Event { id: ids.uuid(), at, message: format!("(service {service}) {what}") });
    }

    /// Adds what happened to several tasks, at most 10 to an event as AWS does.
    pub(super) fn add_tasks(
        &mut self,
        ids: &mut Ids,
        at: Timestamp,
        service: &str,
        what: &str,
        tasks: &[String],
    ) {
        for batch in tasks.chunks(10) {
            let names: Vec<String> = batch.iter().map(|task| format!("(task {task})")).collect();
            let what = what.replace("{}", &batch.len().to_string());
            self.add(ids, at, service, &format!("{what}: {}.", names.join(" ")));
        }
    }
}
