//! Asks the conditions that are followed, each at its interval, and keeps the answers until a pass takes them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bowline_core::desired::DesiredState;
use bowline_core::desired::kind::HealthCondition;
use bowline_core::live::{Live, Observed, ProbeResult};
use bowline_core::name::{HostPattern, ResourceName};
use bowline_core::plan::{self, Followed};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Site, ask};
use crate::aws::Aws;
use crate::clock::Clock;

/// How many conditions are asked at once.
const AT_ONCE: usize = 32;
/// How many answers of a service wait for a pass: older ones are dropped.
const MOST_ANSWERS: usize = 1_000;

/// Answers by service.
type Answers = BTreeMap<ResourceName, Vec<ProbeResult>>;

/// What is followed of one service.
#[derive(Debug, Clone)]
struct Asked {
    site: Site,
    conditions: Vec<HealthCondition>,
}

/// The services that are followed.
type Round = Arc<BTreeMap<ResourceName, Asked>>;

/// Asks health conditions in a task of its own, which ends with `shutdown` or when this is dropped.
#[derive(Debug)]
pub struct Prober {
    hosts: Arc<BTreeSet<HostPattern>>,
    clock: Clock,
    shutdown: CancellationToken,
    round: watch::Sender<Round>,
    answers: Arc<Mutex<Answers>>,
    task: Option<JoinHandle<()>>,
}

impl Prober {
    /// Asks nothing until it is told what to follow.
    pub fn new(hosts: BTreeSet<HostPattern>, clock: Clock, shutdown: CancellationToken) -> Self {
        Self {
            hosts: Arc::new(hosts),
            clock,
            shutdown,
            round: watch::channel(Round::default()).0,
            answers: Arc::default(),
            task: None,
        }
    }

    /// Follows these conditions from now on, and no others.
    pub(crate) async fn follow(
        &mut self,
        aws: &Aws,
        desired: &DesiredState,
        followed: BTreeMap<ResourceName, Followed>,
    ) {
        let mut round = BTreeMap::new();
        for (name, Followed { target, conditions, target_groups }) in followed {
            let Some(target_spec) = desired.targets.get(&target) else { continue };
            let session = aws.session(&target, &target_spec.spec).await;
            let site = Site { hosts: Arc::clone(&self.hosts), session, target_groups };
            round.insert(name, Asked { site, conditions });
        }
        locked(&self.answers).retain(|name, _| round.contains_key(name));
        if round.is_empty() && self.round.borrow().is_empty() {
            return;
        }
        self.round.send_replace(Arc::new(round));
        if self.task.as_ref().is_none_or(JoinHandle::is_finished) {
            let (clock, answers) = (self.clock.clone(), Arc::clone(&self.answers));
            let asking = run(self.round.subscribe(), answers, clock);
            let shutdown = self.shutdown.clone();
            self.task = Some(tokio::spawn(async move {
                shutdown.run_until_cancelled(asking).await;
            }));
        }
    }

    /// The answers since they were last taken, each service's in the order of their times.
    pub(crate) fn take(&self) -> Answers {
        let mut answers = std::mem::take(&mut *locked(&self.answers));
        for of_service in answers.values_mut() {
            of_service.sort_by_key(|answer| answer.at);
        }
        answers
    }

    /// Asks every condition of these services once, and notes the answers in `live`.
    pub(crate) async fn ask_now(
        &self,
        aws: &Aws,
        desired: &DesiredState,
        live: &mut Live,
        services: BTreeSet<ResourceName>,
    ) {
        let mut asking = JoinSet::new();
        for name in services {
            let Some(wanted) = desired.services.get(&name).map(|wanted| &wanted.resource.spec) else {
                continue;
            };
            let Some(target) = desired.targets.get(&wanted.target) else { continue };
            let session = aws.session(&wanted.target, &target.spec).await;
            let service = live.services.get(&name).and_then(Observed::known);
            let target_groups = service.map(|service| plan::target_groups(service)).unwrap_or_default();
            let site = Site { hosts: Arc::clone(&self.hosts), session, target_groups };
            for condition in &wanted.health {
                let (site, condition, name) = (site.clone(), condition.clone(), name.clone());
                let clock = self.clock.clone();
                asking.spawn(async move { (name, answer(&site, &condition, &clock).await) });
            }
        }
        while let Some(asked) = asking.join_next().await {
            if let Ok((name, answer)) = asked {
                live.probes.entry(name).or_default().push(answer);
            }
        }
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn answer(site: &Site, condition: &HealthCondition, clock: &Clock) -> ProbeResult {
    let (outcome, body) = ask(site, condition).await;
    tracing::debug!(condition = %condition.check, ?outcome, "asked a health condition");
    ProbeResult { condition: condition.check.to_string(), at: clock.now(), outcome, body }
}

/// Asks what is due, until nobody tells what to follow any more. A condition that is still being asked is not asked again.
async fn run(mut rounds: watch::Receiver<Round>, answers: Arc<Mutex<Answers>>, clock: Clock) {
    let mut schedule = Schedule::default();
    let mut asking: JoinSet<(Key, Duration, ProbeResult)> = JoinSet::new();
    loop {
        let round = Round::clone(&rounds.borrow_and_update());
        let room = AT_ONCE.saturating_sub(asking.len());
        let followed = round.iter().flat_map(|(name, asked)| {
            let key = |condition: &HealthCondition| (name.clone(), condition.check.to_string());
            asked.conditions.iter().map(move |condition| (key(condition), condition.interval.get()))
        });
        let (due, next) = schedule.due(followed, clock.now(), room);
        for key in due {
            let Some(asked) = round.get(&key.0) else { continue };
            let condition = asked.conditions.iter().find(|condition| condition.check.to_string() == key.1);
            let Some(condition) = condition.cloned() else { continue };
            let (site, clock) = (asked.site.clone(), clock.clone());
            let interval = condition.interval.get();
            asking.spawn(async move { (key, interval, answer(&site, &condition, &clock).await) });
        }
        let wait = next.map(|next| Duration::try_from(next.duration_since(clock.now())).unwrap_or_default());
        tokio::select! {
            changed = rounds.changed() => if changed.is_err() { return },
            Some(asked) = asking.join_next(), if !asking.is_empty() => {
                if let Ok((key, interval, answer)) = asked {
                    schedule.answered(&key, interval, clock.now());
                    if rounds.borrow().contains_key(&key.0) {
                        keep(&answers, key.0, answer);
                    }
                }
            }
            () = clock.sleep(wait.unwrap_or_default()), if wait.is_some() => {}
        }
    }
}

fn keep(answers: &Mutex<Answers>, service: ResourceName, answer: ProbeResult) {
    let mut answers = locked(answers);
    let of_service = answers.entry(service).or_default();
    of_service.push(answer);
    if of_service.len() > MOST_ANSWERS {
        of_service.remove(0);
    }
}

fn locked(answers: &Mutex<Answers>) -> MutexGuard<'_, Answers> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Service, and what the condition is called.
type Key = (ResourceName, String);

/// When each condition is due; one that is being asked has no time.
#[derive(Debug, Default)]
struct Schedule(BTreeMap<Key, Option<Timestamp>>);

impl Schedule {
    /// What is due now, at most `room` conditions, and when the next one is. What is followed newly is due at once, and one
    /// that is to be asked more often is due earlier. What is not followed any more is forgotten.
    fn due(
        &mut self,
        followed: impl IntoIterator<Item = (Key, Duration)>,
        now: Timestamp,
        room: usize,
    ) -> (Vec<Key>, Option<Timestamp>) {
        let mut known = std::mem::take(&mut self.0);
        let (mut due, mut next) = (Vec::new(), None);
        for (key, interval) in followed {
            let at = known.remove(&key).unwrap_or(Some(now)).map(|at| at.min(later(now, interval)));
            let is_due = at.is_some_and(|at| at <= now);
            if is_due && due.len() < room {
                due.push(key.clone());
                self.0.insert(key, None);
                continue;
            }
            // One that is due and has no room is asked when an answer makes some.
            next = [next, at.filter(|_| !is_due)].into_iter().flatten().min();
            self.0.insert(key, at);
        }
        (due, next)
    }

    fn answered(&mut self, key: &Key, interval: Duration, now: Timestamp) {
        if let Some(at) = self.0.get_mut(key) {
            *at = Some(later(now, interval));
        }
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| now.checked_add(by).ok()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use bowline_core::desired::{SourceFile, assemble, parse_manifest};
    use bowline_core::live::ProbeOutcome;
    use bowline_core::name::RelativePath;
    use tokio::net::TcpListener;

    use super::*;
    use crate::aws::AwsSettings;

    fn key(condition: &str) -> Key {
        (ResourceName::parse("web").unwrap(), condition.to_owned())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn every(seconds: u64, conditions: &[&str]) -> Vec<(Key, Duration)> {
        conditions.iter().map(|condition| (key(condition), Duration::from_secs(seconds))).collect()
    }

    #[test]
    fn each_is_asked_at_its_interval_after_its_answer() {
        let mut schedule = Schedule::default();
        let both = || every(10, &["a", "b"]);
        assert_eq!(schedule.due(both(), at(0), 9), (vec![key("a"), key("b")], None));
        // While it is being asked it is not asked again.
        assert_eq!(schedule.due(both(), at(60), 9), (vec![], None));
        schedule.answered(&key("a"), Duration::from_secs(10), at(61));
        assert_eq!(schedule.due(both(), at(62), 9), (vec![], Some(at(71))));
        assert_eq!(schedule.due(both(), at(71), 9), (vec![key("a")], None));
    }

    #[test]
    fn a_shorter_interval_counts_at_once_and_what_is_not_followed_is_forgotten() {
        let mut schedule = Schedule::default();
        schedule.due(every(60, &["a"]), at(0), 9);
        schedule.answered(&key("a"), Duration::from_mins(1), at(0));
        assert_eq!(schedule.due(every(10, &["a"]), at(1), 9), (vec![], Some(at(11))));
        assert_eq!(schedule.due([], at(2), 9), (vec![], None));
        assert_eq!(schedule.due(every(10, &["a"]), at(3), 9), (vec![key("a")], None));
    }

    #[test]
    fn without_room_the_others_wait_for_an_answer() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.due(every(10, &["a", "b"]), at(0), 1), (vec![key("a")], None));
        assert_eq!(schedule.due(every(10, &["a", "b"]), at(1), 0), (vec![], None));
        assert_eq!(schedule.due(every(10, &["a", "b"]), at(2), 1), (vec![key("b")], None));
    }

    /// A Target, and a service with a condition on a port of this machine.
    fn desired(port: u16) -> DesiredState {
        let text = format!(
            "apiVersion: bowline.dev/v1alpha1\nkind: Target\nmetadata: {{name: prod}}\nspec: {{accountId: '111122223333', \
             region: eu-central-1, cluster: main}}\n---\napiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata: \
             {{name: web}}\nspec: {{target: prod, service: web, health: [{{tcp: {{host: 127.0.0.1, port: {port}}}}}]}}\n"
        );
        let path = RelativePath::parse("web.yaml").unwrap();
        let parsed = Arc::new(parse_manifest(&path, text.as_bytes()));
        let assembled = assemble(&[SourceFile { parsed, fallback: None }], &BTreeMap::new());
        assert_eq!(assembled.findings, []);
        assembled.state
    }

    #[tokio::test]
    async fn what_is_followed_is_asked_again_and_again_until_shutdown() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let desired = desired(listener.local_addr().unwrap().port());
        let name = ResourceName::parse("web").unwrap();
        let clock = Clock::scaled(10_000.0);
        let aws = Aws::new(AwsSettings {
            endpoint_url: Some("http://127.0.0.1:1".to_owned()),
            clock: clock.clone(),
            limits: true,
            task_definition_cache: None::<PathBuf>,
        });
        let aws = aws.await;
        let shutdown = CancellationToken::new();
        let hosts = BTreeSet::from([
            HostPattern::parse("localhost").unwrap(),
            HostPattern::parse("127.0.0.1").unwrap(),
        ]);
        let mut prober = Prober::new(hosts, clock, shutdown.clone());
        let spec = &desired.services[&name].resource.spec;
        let followed = Followed {
            target: spec.target.clone(),
            conditions: spec.health.clone(),
            target_groups: Vec::new(),
        };
        prober.follow(&aws, &desired, BTreeMap::from([(name.clone(), followed)])).await;
        // Three connections are three questions; that there are more shows in the answers.
        for _ in 0..3 {
            listener.accept().await.unwrap();
        }
        let taken = prober.take();
        assert!(taken[&name].iter().all(|answer| answer.outcome == ProbeOutcome::Passed), "{taken:?}");
        shutdown.cancel();
        prober.task.take().unwrap().await.unwrap();
    }
}
