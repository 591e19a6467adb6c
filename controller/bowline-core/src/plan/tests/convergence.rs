//! Properties, against a small model of ECS and Secrets Manager: what is generated is played until nothing is left to do.

mod by_hand;
mod model;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use by_hand::{change, meddle};
use model::{Answers, Fate, Model};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::desired::{DesiredState, TaskDefinitionContent};
use crate::live::{
    Live, LiveService, Observed, PastDeployment, PastDeploymentStatus, ProbeOutcome, ProbeResult,
    UnknownCategory,
};
use crate::name::{HostPattern, ResourceName, RestartToken};
use crate::plan::fixture::*;
use crate::plan::*;
use crate::policy::{Ceiling, GitStanding, approve};

/// One pass takes this long; a heal delay is two of them and a bit.
const PASS_SECONDS: i64 = 400;
/// Every generated world is at rest after so many passes: chains of dependencies, each with its own waves and heal delay.
const MOST_PASSES: usize = 40;
/// A tag that others put on each revision that is there from the beginning.
const FOREIGN: [&str; 2] = ["cost-center", "42"];
const IMAGES: [&str; 4] = ["a", "b", "c", "crash"];

/// Which task definition git wants.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    /// The pinned revision, 1 to 4 (4 crashes).
    Revision(u32),
    /// An image from a file.
    Image(&'static str),
    /// Whatever runs.
    Unmanaged,
}

/// What is generated of one service.
#[derive(Debug, Clone)]
struct Service {
    /// The revision that runs, 1 to 3.
    live: u32,
    wanted: Wanted,
    fate: Fate,
    /// The instance that has claimed it; ours is `bowline`.
    owner: Option<&'static str>,
    /// False where it has yet to be created.
    exists: bool,
    /// Settings that are live, and that git wants.
    settings: (Value, Value),
    counts: (u32, Option<u32>),
    token: Option<(&'static str, Option<&'static str>)>,
    /// The tag `team` that its file names.
    team: Option<&'static str>,
    secrets: Vec<bool>,
    depends_on: Vec<bool>,
    /// How its health condition answers; absent where it has none.
    answers: Option<Answers>,
}

/// Pinned and current version of a secret, 1 to 3.
type SecretVersions = (u32, u32);

fn service(fates: Vec<Fate>, owners: Vec<Option<&'static str>>) -> impl Strategy<Value = Service> {
    let wanted = prop_oneof![
        2 => (1..=4_u32).prop_map(Wanted::Revision),
        2 => prop::sample::select(vec!["a", "b", "new", "crash"]).prop_map(Wanted::Image),
        1 => Just(Wanted::Unmanaged),
    ];
    let exists = prop_oneof![4 => Just(true), 1 => Just(false)];
    let fate = (prop::sample::select(fates), prop::sample::select(owners), exists);
    let token = prop::option::of((
        prop::sample::select(vec!["t1", "t2"]),
        prop::option::of(prop::sample::select(vec!["t1@-", "t2@-", "t1@ecs-svc/1", "t1@ecs-svc/0"])),
    ));
    let flags = || prop::collection::vec(any::<bool>(), 3);
    let settings = (settings(&["1.3.0", "1.2.0"]), settings(&["1.3.0", "LATEST", "crash"]));
    let team = prop::option::of(prop::sample::select(vec!["shop", "pay"]));
    let counts = (0..3_u32, prop::option::of(0..3_u32), team);
    let answers = vec![Answers::Right, Answers::Wrong, Answers::WrongOnceChanged, Answers::Nobody];
    let answers = prop::option::of(prop::sample::select(answers));
    ((1..=3_u32, wanted), fate, settings, counts, token, (flags(), flags()), answers).prop_map(
        |((live, wanted), (fate, owner, exists), settings, counts, token, (secrets, depends_on), answers)| {
            Service {
                live,
                wanted,
                fate,
                owner,
                exists,
                settings,
                counts: (counts.0, counts.1),
                token,
                team: counts.2,
                secrets,
                depends_on,
                answers,
            }
        },
    )
}

/// Settings of each kind: one that starts a deployment (and fails, if it is `crash`), one for new tasks only, and a part of a
/// structure.
fn settings(platforms: &[&'static str]) -> impl Strategy<Value = Value> + use<> {
    let platform = prop::option::of(prop::sample::select(platforms.to_vec()));
    let flag = || prop::option::of(any::<bool>());
    (platform, flag(), flag()).prop_map(|(platform, execute, enable)| {
        let mut settings = Map::new();
        settings.extend(platform.map(|platform| ("platformVersion".to_owned(), json!(platform))));
        settings.extend(execute.map(|execute| ("enableExecuteCommand".to_owned(), json!(execute))));
        let breaker = enable.map(|enable| json!({"deploymentCircuitBreaker": {"enable": enable}}));
        settings.extend(breaker.map(|breaker| ("deploymentConfiguration".to_owned(), breaker)));
        Value::Object(settings)
    })
}

/// Worlds in which deployments may fail, whatever they deploy, or never end, and some services belong to others.
fn world() -> impl Strategy<Value = (DesiredState, Model)> {
    let fates = vec![Fate::Fine, Fate::Fine, Fate::Fine, Fate::Breaks, Fate::Hangs];
    world_of(fates, vec![None, None, Some("bowline"), Some("bowline"), Some("other")])
}

fn world_of(
    fates: Vec<Fate>,
    owners: Vec<Option<&'static str>>,
) -> impl Strategy<Value = (DesiredState, Model)> {
    let secrets = prop::collection::vec((1..=3_u32, 1..=3_u32), 0..3);
    (prop::collection::vec(service(fates, owners), 1..4), secrets, any::<bool>()).prop_map(
        |(services, secrets, keeps_id)| {
            let (desired, mut model) = build(&services, &secrets);
            model.keeps_id = keeps_id;
            (desired, model)
        },
    )
}

/// The revisions that a service has from the beginning, with a tag of others.
fn define(model: &mut Model, of: &str) {
    for (index, image) in IMAGES.iter().enumerate() {
        let revision = format!("{of}:{}", index + 1);
        model.definitions.insert(revision.clone(), content(of, image));
        model.tags.insert(revision, BTreeMap::from([FOREIGN.map(str::to_owned).into()]));
    }
}

fn file(of: &str, image: &str, team: Option<&str>) -> TaskDefinitionContent {
    let tags: Vec<(&str, &str)> = team.map(|team| ("team", team)).into_iter().collect();
    tagged(&content(of, image), &tags)
}

fn build(services: &[Service], secrets: &[SecretVersions]) -> (DesiredState, Model) {
    let mut fixture = Fixture::new();
    let mut model = Model::default();
    for (at_secret, (pinned, current)) in secrets.iter().enumerate() {
        let secret = format!("secret{at_secret}");
        fixture = fixture.with_secret(&secret, &pinned.to_string(), &current.to_string());
        let mut dates = BTreeMap::new();
        for id in 1..=3_u32 {
            dates.insert(version(&id.to_string()), at(i64::from(id) * 100 - 100_000));
        }
        model.dates.insert(name(&secret), dates);
    }
    for (at_service, service) in services.iter().enumerate() {
        let of = format!("s{at_service}");
        define(&mut model, &of);
        fixture = fixture.with_service(&of, &format!("{of}:{}", service.live));
        fixture = match service.wanted {
            Wanted::Revision(revision) => fixture.wanting(&of, &format!("{of}:{revision}")),
            Wanted::Image(image) => fixture.with_file(&of, file(&of, image, service.team)),
            Wanted::Unmanaged => fixture.unmanaged(&of),
        };
        model.fates.insert(name(&of), service.fate);
        fixture = match service.owner {
            Some(owner) => fixture.claimed_by(&of, owner, &service_key(&of).to_string()),
            None => fixture.unclaimed(&of),
        };
        let live = fixture.live(&of);
        live.desired_count = service.counts.0;
        live.running_count = service.counts.0;
        live.settings = serde_json::from_value(service.settings.0.clone()).unwrap();
        let live_settings = live.settings.clone();
        fixture.spec(&of).settings = serde_json::from_value(service.settings.1.clone()).unwrap();
        fixture.spec(&of).desired_count = service.counts.1;
        if let Some(answers) = service.answers {
            fixture.spec(&of).health = vec![tcp(&format!("{of}.test"), 1)];
            model.answers.insert(name(&of), answers);
        }
        if let Some((token, tag)) = service.token {
            fixture = fixture.restarting(&of, token);
            if let Some(tag) = tag {
                fixture = fixture.with_tag(&of, TagKey::Restart, tag);
            }
        }
        for (at_secret, _) in secrets.iter().enumerate().filter(|(index, _)| service.secrets[*index]) {
            fixture = fixture.with_reader(&of, &format!("secret{at_secret}"));
        }
        for before in (0..at_service).filter(|before| service.depends_on[*before]) {
            fixture.spec(&of).depends_on.push(name(&format!("s{before}")));
        }
        let first = past("1", &format!("{of}:{}", service.live), PastDeploymentStatus::Successful);
        let first = PastDeployment { settings: Some(live_settings), ..first };
        model.histories.insert(name(&of), vec![first]);
        model.starts.insert(name(&of), vec![at(-3600); service.counts.0 as usize]);
    }
    model.services = unshared(known_values(fixture.live.services));
    for (number, service) in services.iter().enumerate().filter(|(_, service)| !service.exists) {
        let of = name(&format!("s{number}"));
        let create = if service.counts.1.is_none() { json!({"desiredCount": 1}) } else { json!({}) };
        let wanted = fixture.desired.services.get_mut(&of).unwrap();
        Arc::make_mut(&mut wanted.resource).spec.create = Some(serde_json::from_value(create).unwrap());
        model.services.remove(&of);
        model.histories.remove(&of);
        model.starts.remove(&of);
        model.absent.insert(of);
    }
    let of_others = model.services.iter().filter(|(_, service)| owner(service) == Some("other"));
    model.of_others = of_others.map(|(name, service)| (name.clone(), service.clone())).collect();
    model.secrets = known_values(fixture.live.secrets);
    (fixture.desired, model)
}

fn unshared<T: Clone>(map: BTreeMap<ResourceName, Arc<T>>) -> BTreeMap<ResourceName, T> {
    map.into_iter().map(|(name, one)| (name, Arc::unwrap_or_clone(one))).collect()
}

fn known_values<T>(map: BTreeMap<ResourceName, Observed<T>>) -> BTreeMap<ResourceName, T> {
    map.into_iter()
        .filter_map(|(name, one)| match one {
            Observed::Known { value, .. } => Some((name, value)),
            Observed::Missing | Observed::Unknown { .. } => None,
        })
        .collect()
}

/// Conditions are asked at hosts of `test` only.
fn hosts() -> Ceiling {
    Ceiling { probe_hosts: BTreeSet::from([HostPattern::parse("*.test").unwrap()]), ..ceiling() }
}

/// Reads until nothing is missing.
fn read(desired: &DesiredState, model: &Model, memory: &Memory) -> Live {
    let mut live = model.observe();
    for _ in 0..8 {
        let needs = needs(desired, &live, memory, actor(), at(model.clock));
        if needs.is_empty() {
            return live;
        }
        for need in needs {
            model.answer(&mut live, &need);
        }
    }
    panic!("the needs never end");
}

/// One pass, as the engine makes it. What is left to do before it.
fn pass(desired: &DesiredState, model: &mut Model, memory: &mut Memory) -> Proposed {
    let live = read(desired, model, memory);
    let now = at(model.clock);
    learn(memory, desired, &live, actor(), now);
    let live = read(desired, model, memory);
    let proposed = propose(desired, &live, memory, actor(), now);
    let waves: Vec<Wave> = proposed.actions.iter().map(|action| action.wave).collect();
    assert!(waves.is_sorted(), "waves are ordered: {waves:?}");
    let approved = approve(proposed.clone(), desired, &hosts(), &GitStanding::Fresh);
    let first: BTreeSet<Wave> = approved.actions().iter().map(|action| action.wave).collect();
    assert!(first.len() <= 1, "one wave a pass: {first:?}");
    for action in approved.actions() {
        let outcome = model.apply(action);
        record(memory, action, &outcome, desired, COMMIT, now);
    }
    model.tick(PASS_SECONDS);
    proposed
}

fn at_rest(proposed: &Proposed) -> bool {
    proposed.actions.is_empty()
        && proposed.reports.values().all(|report| {
            let held = report.held.iter().any(|why| !matches!(why, HeldWhy::HealDelay { .. }));
            let waits =
                matches!(report.waiting_on, Some(WaitingOn::Dependency { .. } | WaitingOn::Wave { .. }));
            let delayed = report.held.iter().any(|why| matches!(why, HeldWhy::HealDelay { .. }));
            // What is held may have an older rollout of its own under way.
            !delayed && (held && !report.is_rolling() || waits || report.sync == Sync::InSync)
        })
}

/// Plays until nothing is left to do, and says in how many passes.
fn play(desired: &DesiredState, model: &mut Model, memory: &mut Memory, forget_at: Option<usize>) -> usize {
    for number in 0..MOST_PASSES {
        if forget_at == Some(number) {
            *memory = Memory::default();
        }
        let proposed = pass(desired, model, memory);
        // What an older commit began may still be judged and stopped, whatever the newer one waits for.
        let in_flight = memory.services.values().any(|service| service.in_flight.is_some());
        if at_rest(&proposed) && !in_flight && forget_at.is_none_or(|forget| number > forget) {
            return number;
        }
        assert!(number < MOST_PASSES - 1, "not at rest: {:#?}\n{:#?}", proposed.reports, proposed.actions);
    }
    MOST_PASSES
}

/// No task definition is deployed again after it failed, whatever is forgotten.
fn assert_no_loop(model: &Model) {
    assert_tries(model, 1);
}

/// What fails was tried so often at most, and what belongs to others is as it was.
fn assert_tries(model: &Model, most: usize) {
    for (of, before) in &model.of_others {
        let touched = |service: &LiveService| {
            (
                service.task_definition.clone(),
                service.desired_count,
                service.settings.clone(),
                service.tags.clone(),
            )
        };
        let revision = model.services[of].task_definition.as_ref().unwrap().revision();
        assert_eq!(model.tags[revision.as_str()].len(), 1, "{of} belongs to another instance");
        assert_eq!(touched(&model.services[of]), touched(before), "{of} belongs to another instance");
        assert_eq!(model.begun.get(of), None, "{of} belongs to another instance");
    }
    for tags in IMAGES.iter().enumerate().flat_map(|(index, _)| {
        model.services.keys().filter_map(move |of| model.tags.get(&format!("{of}:{}", index + 1)))
    }) {
        assert_eq!(tags.get(FOREIGN[0]).map(String::as_str), Some(FOREIGN[1]), "tags of others stay");
    }
    for (of, begun) in &model.begun {
        let fails = begun.iter().filter(|(arn, platform)| {
            let content = model.definitions[arn.revision().as_str()].value();
            model.fates[of] != Fate::Fine
                || *platform == Some(json!("crash"))
                || model.answers.get(of) == Some(&Answers::WrongOnceChanged)
                || content["containerDefinitions"][0]["image"] == "crash"
        });
        assert!(fails.count() <= most, "{of} was deployed again after it failed: {begun:?}");
        assert!(begun.len() <= 5, "{of} was deployed too often: {begun:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_world_comes_to_rest_and_stays_there((desired, mut model) in world()) {
        let mut memory = Memory::default();
        play(&desired, &mut model, &mut memory, None);
        assert_no_loop(&model);
        for _ in 0..4 {
            let again = pass(&desired, &mut model, &mut memory);
            prop_assert_eq!(again.actions, vec![]);
        }
        // The plan needs no memory to be empty, except for who waits for a restart that failed: ECS has put that right by
        // itself, and only memory knows that it was asked for. Nor for who is of one commit with what failed.
        let held = held_for_others(&desired, &model, &memory);
        let states = states(&desired, &model, &memory);
        let live = read(&desired, &model, &Memory::default());
        let mut forgetful = propose(&desired, &live, &Memory::default(), actor(), at(model.clock)).actions;
        forgetful.retain(|action| {
            let of = &action.resource.name;
            !waits_for_good(&desired, &states, of) && !held.contains(of)
        });
        prop_assert_eq!(forgetful, vec![]);
    }

    #[test]
    fn a_store_lost_at_any_pass_costs_no_loop((desired, mut model) in world(), forget_at in 0..12_usize) {
        let mut memory = Memory::default();
        play(&desired, &mut model, &mut memory, Some(forget_at));
        assert_no_loop(&model);
    }

    #[test]
    fn each_new_token_is_one_more_try((desired, mut model) in world(), forget in any::<bool>()) {
        let mut memory = Memory::default();
        play(&desired, &mut model, &mut memory, None);
        let mut desired = desired;
        for (number, token) in ["t3", "t4"].into_iter().enumerate() {
            // A token that nothing is recorded of is a baseline.
            let recorded = |of: &ResourceName| {
                let service = model.services.get(of);
                service.is_some_and(|service| service.tags.contains_key(TagKey::Restart.as_str()))
            };
            for (_, service) in desired.services.iter_mut().filter(|(of, _)| recorded(of)) {
                Arc::make_mut(&mut service.resource).spec.restart = Some(RestartToken::parse(token).unwrap());
            }
            if forget {
                memory = Memory::default();
            }
            play(&desired, &mut model, &mut memory, None);
            assert_tries(&model, number + 2);
            let again = pass(&desired, &mut model, &mut memory);
            prop_assert_eq!(again.actions, vec![]);
        }
    }

    #[test]
    fn a_commit_during_any_pass_costs_no_loop(
        (desired, mut model) in world(),
        revisions in prop::collection::vec(1..=4_u32, 3),
        passes in 0..6_usize,
    ) {
        let mut memory = Memory::default();
        for _ in 0..passes {
            pass(&desired, &mut model, &mut memory);
        }
        let mut world = Fixture { desired, ..Fixture::new() };
        for (number, of) in model.services.keys().enumerate() {
            world = world.wanting(of.as_str(), &format!("{of}:{}", revisions[number]));
        }
        model.begun.clear();
        play(&world.desired, &mut model, &mut memory, None);
        assert_tries(&model, 1);
        let again = pass(&world.desired, &mut model, &mut memory);
        prop_assert_eq!(again.actions, vec![]);
    }

    #[test]
    fn what_somebody_changes_by_hand_is_put_right((desired, mut model) in world_of(vec![Fate::Fine], vec![None, Some("bowline")]), changes in prop::collection::vec(change(), 1..4)) {
        // Otherwise the rollouts that put it right would be bad.
        model.answers.values_mut().for_each(|answers| *answers = Answers::Right);
        let mut memory = Memory::default();
        play(&desired, &mut model, &mut memory, None);
        let before = states(&desired, &model, &memory);
        // What was done by hand to what failed may let it be tried again.
        let mut held = held_for_others(&desired, &model, &memory);
        for change in &changes {
            meddle(&mut model, change);
        }
        model.tick(PASS_SECONDS);
        play(&desired, &mut model, &mut memory, None);
        let mut after = states(&desired, &model, &memory);
        held.extend(held_for_others(&desired, &model, &memory));
        after.retain(|service, _| !waits_for_good(&desired, &before, service) && !held.contains(service));
        for (service, state) in after {
            prop_assert_eq!(state, before[&service], "{:?}", service);
        }
    }

    #[test]
    fn a_crash_right_after_the_calls_costs_no_loop((desired, mut model) in world(), crash_at in 0..6_usize) {
        let mut memory = Memory::default();
        for _ in 0..crash_at {
            pass(&desired, &mut model, &mut memory);
        }
        let before = memory.clone();
        pass(&desired, &mut model, &mut memory);
        memory = before;
        play(&desired, &mut model, &mut memory, None);
        assert_no_loop(&model);
    }

    #[test]
    fn nothing_is_planned_from_the_unknown((desired, model) in world(), passes in 0..6_usize, hidden in 0..3_usize) {
        let (mut model, mut memory) = (model, Memory::default());
        for _ in 0..passes {
            pass(&desired, &mut model, &mut memory);
        }
        let mut live = model.observe();
        let of = name(&format!("s{hidden}"));
        if let Some(service) = live.services.get_mut(&of) {
            *service = unknown(UnknownCategory::Throttled);
        }
        // Half of the answers fail, too.
        for round in 0..40 {
            let needs = needs(&desired, &live, &memory, actor(), at(model.clock));
            for (number, need) in needs.iter().enumerate() {
                model.answer(&mut live, need);
                if (number + round) % 2 == 0 {
                    hide(&mut live, need);
                }
            }
        }
        prop_assert_eq!(needs(&desired, &live, &memory, actor(), at(model.clock)), BTreeSet::new());
        let proposed = propose(&desired, &live, &memory, actor(), at(model.clock));
        for action in &proposed.actions {
            let report = &proposed.reports[&action.resource];
            prop_assert_ne!(report.sync, Sync::Unknown);
            prop_assert_ne!(&action.resource.name, &of);
            let Operation::UpdateService { spec_hash, .. } = &action.operation else { continue };
            prop_assert!(spec_hash.is_none() || !report.has_unknown(), "{:?}", report);
        }
        // With the whole target unknown there is nothing to do.
        live.targets.insert(name("prod"), unknown(UnknownCategory::WrongAccount));
        let nothing = propose(&desired, &live, &memory, actor(), at(model.clock));
        prop_assert_eq!(&nothing.actions, &Vec::<Action>::new());
        prop_assert!(nothing.has_unknown());
    }
}

/// Where everything stands, apart from secrets that were newer than their pin, which a move back may settle.
fn states(desired: &DesiredState, model: &Model, memory: &Memory) -> BTreeMap<ResourceName, Sync> {
    let live = read(desired, model, memory);
    let proposed = propose(desired, &live, memory, actor(), at(model.clock));
    let services =
        proposed.reports.into_iter().filter(|(key, _)| key.kind == crate::desired::ResourceKind::EcsService);
    services.map(|(key, report)| (key.name, report.sync)).collect()
}

/// What is not started since something else failed of its commit, and what is not promoted for that.
fn held_for_others(desired: &DesiredState, model: &Model, memory: &Memory) -> BTreeSet<ResourceName> {
    let live = read(desired, model, memory);
    let reports = propose(desired, &live, memory, actor(), at(model.clock)).reports.into_values();
    let is_for_others = |why: &HeldWhy| matches!(why, HeldWhy::CommitFailed { .. });
    let held = reports.filter(|report| report.held.iter().any(is_for_others));
    held.map(|report| report.resource.name).collect()
}

/// Whether something that it depends on, near or far, does not come right: then what was done to it by hand stays, too.
fn waits_for_good(
    desired: &DesiredState,
    states: &BTreeMap<ResourceName, Sync>,
    service: &ResourceName,
) -> bool {
    desired.services[service]
        .resource
        .spec
        .depends_on
        .iter()
        .any(|before| states[before] != Sync::InSync || waits_for_good(desired, states, before))
}

fn hide(live: &mut Live, need: &Need) {
    match need.clone() {
        Need::TaskDefinition { target, reference } => {
            live.task_definitions.insert((target, reference), unknown(UnknownCategory::Throttled));
        }
        Need::RecentRevisions { target, family } => {
            live.recent_revisions.insert((target, family), unknown(UnknownCategory::Throttled));
        }
        Need::History { service } => {
            live.histories.insert(service, unknown(UnknownCategory::Denied));
        }
        Need::RevisionSettings { service } => {
            live.revision_settings.insert(service, unknown(UnknownCategory::Throttled));
        }
        Need::TaskStarts { service } => {
            live.task_starts.insert(service, unknown(UnknownCategory::Throttled));
        }
        Need::SecretVersionDates { secret } => {
            live.secret_version_dates.insert(secret, unknown(UnknownCategory::Denied));
        }
        Need::Health { service } => {
            let what = ProbeOutcome::Unknown("Rate exceeded".to_owned());
            let answer = ProbeResult {
                condition: format!("tcp {service}.test:80"),
                at: at(0),
                outcome: what,
                body: None,
            };
            live.probes.insert(service, vec![answer]);
        }
        Need::Progress { service, .. } => {
            live.progress.insert(service, unknown(UnknownCategory::Throttled));
        }
        Need::StoppedTasks { service, deployment_id } => {
            live.stopped_tasks.insert((service, deployment_id), unknown(UnknownCategory::Denied));
        }
    }
}
