//! What was read beyond the regular pass, and what is still to be read.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::report::{Need, WaitingOn};
use crate::desired::kind::{HealthCondition, ServiceSettings};
use crate::live::{Live, LiveTaskDefinition, Observed, PastDeployment, UnknownCategory, UnknownReason};
use crate::name::{ResourceName, TaskDefinitionArn};

/// Something that a decision needs and that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blocked {
    /// What, as a sentence.
    what: String,
    /// Why it could not be read; absent while nobody has tried.
    why: Option<Box<UnknownReason>>,
}

impl Blocked {
    /// What is waited for.
    pub(crate) fn waiting_on(&self) -> WaitingOn {
        let what = match &self.why {
            Some(why) => format!("{}: {}", self.what, why.message),
            None => format!("{}: not read yet", self.what),
        };
        WaitingOn::Read { what }
    }

    /// As the reason for which a resource is unknown.
    pub(crate) fn reason(&self) -> UnknownReason {
        self.why.as_deref().cloned().unwrap_or_else(|| not_read(&self.what))
    }

    /// True when the endpoint cannot answer this at all.
    pub(crate) fn is_unsupported(&self) -> bool {
        self.why.as_ref().is_some_and(|why| why.category == UnknownCategory::Unsupported)
    }
}

/// Nobody has read it in this pass.
pub(crate) fn not_read(what: &str) -> UnknownReason {
    UnknownReason {
        category: UnknownCategory::NotRead,
        message: format!("{what} has not been read yet"),
        hint: "it is read in the next pass".to_owned(),
        aws: None,
    }
}

/// Answers from what was read; what was not is noted as a [`Need`].
pub(crate) struct Reads<'a> {
    live: &'a Live,
    needs: BTreeSet<Need>,
}

type Answer<'a, T> = Result<Option<&'a T>, Blocked>;

impl<'a> Reads<'a> {
    pub(crate) fn new(live: &'a Live) -> Self {
        Self { live, needs: BTreeSet::new() }
    }

    /// What is still to be read.
    pub(crate) fn into_needs(self) -> BTreeSet<Need> {
        self.needs
    }

    /// A task definition by ARN or `family:revision`; nothing when AWS does not know it.
    pub(crate) fn task_definition(
        &mut self,
        target: &ResourceName,
        reference: &str,
    ) -> Answer<'a, LiveTaskDefinition> {
        let short = reference.rsplit_once('/').map_or(reference, |(_, short)| short);
        let map = &self.live.task_definitions;
        let found = map
            .get(&(target.clone(), reference.to_owned()))
            .or_else(|| map.get(&(target.clone(), short.to_owned())));
        let need = Need::TaskDefinition { target: target.clone(), reference: reference.to_owned() };
        self.answer(found, need, || format!("the task definition {short}"))
    }

    /// The newest ACTIVE revisions of a family, newest first.
    pub(crate) fn recent_revisions(
        &mut self,
        target: &ResourceName,
        family: &str,
    ) -> Answer<'a, Vec<TaskDefinitionArn>> {
        let found = self.live.recent_revisions.get(&(target.clone(), family.to_owned()));
        let need = Need::RecentRevisions { target: target.clone(), family: family.to_owned() };
        self.answer(found, need, || format!("the revisions of {family}"))
    }

    /// A service's past deployments, newest first.
    pub(crate) fn history(&mut self, service: &ResourceName) -> Answer<'a, Vec<PastDeployment>> {
        let found = self.live.histories.get(service);
        let need = Need::History { service: service.clone() };
        self.answer(found, need, || format!("the past deployments of {service}"))
    }

    /// As [`Self::history`], but not from before the service was last read: a deployment may have ended since.
    pub(crate) fn fresh_history(&mut self, service: &ResourceName) -> Answer<'a, Vec<PastDeployment>> {
        let found = self.live.histories.get(service).filter(|history| self.is_fresh(service, history));
        let need = Need::History { service: service.clone() };
        self.answer(found, need, || format!("the past deployments of {service}"))
    }

    /// When a service's running tasks were started; not from before the service was last read, since tasks are replaced
    /// inside a deployment.
    pub(crate) fn task_starts(&mut self, service: &ResourceName) -> Answer<'a, Vec<Timestamp>> {
        let found = self.live.task_starts.get(service);
        let found = found.filter(|starts| self.is_fresh(service, starts));
        let need = Need::TaskStarts { service: service.clone() };
        self.answer(found, need, || format!("the tasks of {service}"))
    }

    /// As [`Self::task_starts`], but what was read a while ago is good enough.
    pub(crate) fn task_starts_seen(&mut self, service: &ResourceName) -> Answer<'a, Vec<Timestamp>> {
        let found = self.live.task_starts.get(service);
        let need = Need::TaskStarts { service: service.clone() };
        self.answer(found, need, || format!("the tasks of {service}"))
    }

    /// The settings that only the service revision of a service's PRIMARY deployment shows.
    pub(crate) fn revision_settings(&mut self, service: &ResourceName) -> Answer<'a, ServiceSettings> {
        let found = self.live.revision_settings.get(service);
        let need = Need::RevisionSettings { service: service.clone() };
        self.answer(found, need, || format!("the service revision of {service}"))
    }

    /// Asks where a deployment stands inside ECS; what is known of it, `rollout` takes from `live`.
    pub(crate) fn progress(&mut self, service: &ResourceName, deployment: &str) {
        if !self.live.progress.contains_key(service) {
            self.needs
                .insert(Need::Progress { service: service.clone(), deployment_id: deployment.to_owned() });
        }
    }

    /// Asks for the tasks of a deployment that stopped; `learn` takes them from `live`.
    pub(crate) fn stopped_tasks(&mut self, service: &ResourceName, deployment: &str) {
        let (service, deployment_id) = (service.clone(), deployment.to_owned());
        if !self.live.stopped_tasks.contains_key(&(service.clone(), deployment_id.clone())) {
            self.needs.insert(Need::StoppedTasks { service, deployment_id });
        }
    }

    /// Asks the health conditions of a service once, unless each was answered in this pass; whether that is still to come.
    pub(crate) fn health(
        &mut self,
        service: &ResourceName,
        conditions: &[HealthCondition],
    ) -> Result<(), Blocked> {
        let answered = self.live.probes.get(service);
        let has_answer = |condition: &HealthCondition| {
            let name = condition.check.to_string();
            answered.is_some_and(|answers| answers.iter().any(|answer| answer.condition == name))
        };
        if conditions.iter().all(has_answer) {
            return Ok(());
        }
        self.needs.insert(Need::Health { service: service.clone() });
        Err(Blocked { what: format!("the health of {service}"), why: None })
    }

    /// When a secret's versions were created.
    pub(crate) fn secret_version_dates(
        &mut self,
        secret: &ResourceName,
    ) -> Answer<'a, BTreeMap<String, Timestamp>> {
        let found = self.live.secret_version_dates.get(secret);
        let need = Need::SecretVersionDates { secret: secret.clone() };
        self.answer(found, need, || format!("the versions of {secret}"))
    }

    /// Whether something about a service was read no earlier than the service itself. What failed counts: asking again in the
    /// same pass would not help.
    fn is_fresh<T>(&self, service: &ResourceName, found: &Observed<T>) -> bool {
        match (self.live.services.get(service), found) {
            (Some(Observed::Known { at: seen, .. }), Observed::Known { at, .. }) => at >= seen,
            _ => true,
        }
    }

    fn answer<T>(
        &mut self,
        found: Option<&'a Observed<T>>,
        need: Need,
        what: impl Fn() -> String,
    ) -> Answer<'a, T> {
        match found {
            Some(Observed::Known { value, .. }) => Ok(Some(value)),
            Some(Observed::Missing) => Ok(None),
            Some(Observed::Unknown { why }) => {
                Err(Blocked { what: what(), why: Some(Box::new(UnknownReason::clone(why))) })
            }
            None => {
                self.needs.insert(need);
                Err(Blocked { what: what(), why: None })
            }
        }
    }
}
