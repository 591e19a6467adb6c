//! Tags of the running revision: compared with the file, and changed in place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::desired::kind::Capability;
use crate::desired::{ResourceKey, ResourceKind};
use crate::diff::{Difference, Reason, Shown, tag_fingerprint};
use crate::live::{DeploymentController, UnknownCategory};
use crate::name::FieldPath;
use crate::plan::fixture::*;
use crate::plan::*;
use crate::policy::{GitStanding, approve};

const TEAM: &str = "taskDefinition.tags[key=team].value";

/// The service runs what its file says; the file names the first tags, and the revision has the second ones.
fn world(wanted: &[(&str, &str)], found: &[(&str, &str)]) -> Fixture {
    let file = content("web", "web:6");
    Fixture::new()
        .with_service("web", "web:6")
        .with_revision("web:6", file.clone())
        .with_file("web", tagged(&file, wanted))
        .with_task_definition_tags("web", found)
}

fn tags<T: FromIterator<(String, String)>>(pairs: &[(&str, &str)]) -> T {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn difference(path: &str, reason: Reason, wanted: Shown, found: Shown) -> Difference {
    Difference { path: path.to_owned(), reason, wanted, found, note: None, owner: None }
}

fn paths(report: &ResourceReport) -> Vec<&str> {
    report.differences.iter().map(|difference| difference.path.as_str()).collect()
}

#[test]
fn each_tag_of_the_file_is_compared_and_put_right_and_those_of_others_stay() {
    let mut world = world(
        &[("team", "shop"), ("tier", "1"), ("same", "x"), ("bowline:owner", "me")],
        &[("team", "others"), ("same", "x"), ("cost-center", "42"), ("bowline:commit", "1")],
    );
    world.spec("web").reveal = vec!["tier".to_owned()];
    let (added, absent) = (Shown::text("1"), Shown::Absent);
    assert_eq!(
        world.report("web").differences,
        [
            difference(TEAM, Reason::Changed, Shown::Length(4), Shown::Length(6)),
            difference("taskDefinition.tags[key=tier].value", Reason::Added, added, absent),
        ]
    );
    let plan = world.propose();
    let [action] = &plan.actions[..] else { panic!("{:?}", plan.actions) };
    let operation = Operation::TagTaskDefinition {
        task_definition: arn("web:6"),
        tags: TagsRequest(tags(&[("team", "shop"), ("tier", "1")])),
        removed: BTreeSet::new(),
    };
    let seen = Some(tag_fingerprint("others"));
    let seen = BTreeMap::from([("team".to_owned(), seen), ("tier".to_owned(), None)]);
    assert_eq!(
        (&action.operation, &action.expect, action.wave, &action.because),
        (
            &operation,
            &Expectation::TaskDefinitionTags {
                tags: seen,
                whose: whose(
                    world.desired.services.get(&name("web")).unwrap(),
                    world.live.services[&name("web")].known().map(AsRef::as_ref)
                )
            },
            Wave::TaskDefinitions,
            &plan.reports[&service_key("web")].differences
        )
    );
    assert_eq!(action.to_string(), "EcsService/web: set the tags team, tier of web:6");
    let told = serde_json::to_string(action).unwrap();
    assert!(told.contains(r#""tags":["team","tier"]"#) && !told.contains("shop"), "{told}");
}

#[test]
fn a_tag_that_bowline_managed_is_taken_off_when_it_leaves_git_unless_somebody_changed_it() {
    let mut world = world(&[("team", "shop")], &[("team", "shop"), ("old", "x"), ("cost-center", "42")]);
    assert!(world.propose().is_clean(), "nobody says that Bowline put it there");
    world.remember("web").managed_tags = tags(&[("team", "shop"), ("old", "x"), ("gone", "y")]);
    let removed =
        difference("taskDefinition.tags[key=old].value", Reason::Removed, Shown::Absent, Shown::Length(1));
    assert_eq!(world.report("web").differences, [removed]);
    assert_eq!(world.actions(), ["EcsService/web: remove the tag old of web:6"]);
    world.learn();
    assert_eq!(world.remember("web").managed_tags, tags(&[("team", "shop"), ("old", "x")]));
    let mut world = world.with_task_definition_tags("web", &[("team", "shop"), ("old", "theirs")]);
    assert!(world.propose().is_clean());
    let left = "web: taskDefinition.tags[key=old] is not managed any more and left as it is: somebody else changed it";
    let gone = "web: the drift is gone";
    let expected = [(EventKind::SettingLeft, left.to_owned()), (EventKind::DriftHealed, gone.to_owned())];
    assert_eq!(world.told(), expected);
    assert_eq!(
        (world.remember("web").managed_tags.clone(), world.told()),
        (tags(&[("team", "shop")]), vec![])
    );
}

#[test]
fn what_is_managed_is_remembered_once_it_is_in_sync_and_forgotten_with_the_file() {
    let mut world = world(&[("team", "shop"), ("tier", "1")], &[("team", "shop"), ("tier", "2")]);
    world.learn();
    assert_eq!(world.remember("web").managed_tags, tags(&[("team", "shop")]));
    // The last tag leaves git: it is still known who put it there.
    let mut world = world.with_file("web", content("web", "web:6"));
    assert_eq!(world.actions(), ["EcsService/web: remove the tag team of web:6"]);
    world = world.wanting("web", "web:6");
    assert!(world.propose().is_clean());
    world.learn();
    assert_eq!(world.remember("web").managed_tags, tags(&[]));
}

#[test]
fn only_what_runs_as_git_wants_it_and_was_read_is_compared() {
    let wants = &[("team", "shop")];
    // Another content is registered with its tags.
    let world_of = |found| world(wants, found);
    let other = world_of(&[])
        .with_revision("web:6", content("web", "other"))
        .with_recent("web", &["web:6"])
        .with_history("web", Vec::new());
    assert_eq!(other.actions(), ["EcsService/web: register a new revision of web"]);
    assert!(!paths(&other.report("web")).contains(&TEAM));
    // What was said of another revision, or could not be read.
    let mut stale = world_of(&[]);
    stale.live.task_definition_tags.get_mut(&name("web")).unwrap().about = arn("web:5").as_str().into();
    assert!(stale.propose().is_clean());
    let mut unread = world_of(&[]);
    let asked = unread.live.task_definition_tags.get_mut(&name("web")).unwrap();
    asked.found = Arc::new(unknown(UnknownCategory::Throttled));
    let plan = unread.propose();
    assert_eq!(plan.actions, []);
    let what = "the tags of web:6: Rate exceeded".to_owned();
    assert_eq!(plan.reports[&service_key("web")].waiting_on, Some(WaitingOn::Read { what }));
    assert!(plan.reports[&service_key("web")].has_unknown());
    assert_eq!(
        plan.reports[&ResourceKey { kind: ResourceKind::Target, name: name("prod") }].notes,
        ["whether tags of task definitions drifted could not be looked at: Rate exceeded"]
    );
    let mut elsewhere = world_of(&[]);
    elsewhere.live("web").controller = DeploymentController::CodeDeploy;
    assert_eq!(paths(&elsewhere.report("web")), Vec::<&str>::new());
}

#[test]
fn what_a_rule_covers_is_left_alone() {
    let mut world = world(&[("team", "shop"), ("tier", "1")], &[("team", "others"), ("tier", "2")]);
    world.spec("web").ignore = vec![FieldPath::parse("tags[key=team]").unwrap()];
    let report = world.report("web");
    assert_eq!(paths(&report), ["taskDefinition.tags[key=tier].value"]);
    let left: Vec<_> = report.left_alone.iter().map(|one| (one.path.as_str(), one.reason)).collect();
    assert_eq!(left, [(TEAM, Reason::IgnoredByRule)]);
    assert_eq!(world.actions(), ["EcsService/web: set the tag tier of web:6"]);
}

/// Two services run one revision.
fn two(of_web: &[(&str, &str)], of_api: &[(&str, &str)]) -> Fixture {
    let file = content("web", "web:6");
    world(of_web, &[("team", "others")])
        .with_service("api", "web:6")
        .with_file("api", tagged(&file, of_api))
        .with_task_definition_tags("api", &[("team", "others")])
}

#[test]
fn services_that_run_one_revision_change_its_tags_once_and_only_if_they_agree() {
    let agreed = two(&[("team", "shop")], &[("team", "shop")]);
    assert_eq!(agreed.actions(), ["EcsService/api: set the tag team of web:6"]);
    assert_eq!(agreed.report("web").waiting_on, Some(WaitingOn::Wave { of: vec![service_key("api")] }));
    // What may be done on one Target may not be on another.
    let mut on_two = two(&[("team", "shop")], &[("team", "shop")]);
    on_two.add_target("staging");
    let api = on_two.desired.services.get_mut(&name("api")).unwrap();
    Arc::make_mut(&mut api.resource).spec.target = name("staging");
    let file = content("web", "web:6");
    let definition = on_two.live.task_definitions[&(name("prod"), "web:6".to_owned())].clone();
    assert_eq!(definition.known().unwrap().content, file);
    on_two.live.task_definitions.insert((name("staging"), "web:6".to_owned()), definition);
    let set = ["EcsService/api: set the tag team of web:6", "EcsService/web: set the tag team of web:6"];
    assert_eq!((on_two.actions(), on_two.report("web").waiting_on), (set.map(str::to_owned).to_vec(), None));
    let apart = two(&[("team", "shop"), ("tier", "1")], &[("team", "others")]);
    assert_eq!(apart.actions(), ["EcsService/web: set the tag tier of web:6"]);
    let held = |other: &str| {
        let what = format!(
            "EcsService/{other} runs web:6, too, and wants its tag `team` otherwise: give both files the same tags"
        );
        [HeldWhy::NeedsPerson { what }]
    };
    assert_eq!(apart.report("web").held, held("api"));
    assert_eq!(apart.report("api").held, []);
    let mut removes = two(&[], &[("team", "others")]);
    removes.remember("web").managed_tags = tags(&[("team", "others")]);
    assert_eq!((removes.actions(), removes.report("web").held), (vec![], held("api").to_vec()));
}

/// The change of `api`'s plan was made a hundred seconds ago.
fn retagged(world: &mut Fixture) {
    let action = world.propose().actions[0].clone();
    let outcome = Outcome::Done { deployment_id: None, task_definition: None };
    record(&mut world.memory, &action, &outcome, &world.desired, COMMIT, at(-100));
}

#[test]
fn running_tasks_that_have_the_old_tags_are_counted_where_tasks_get_those_of_the_task_definition() {
    let wants = &[("team", "shop")];
    let mut world = two(wants, wants);
    for service in ["api", "web"] {
        let propagated = if service == "api" { "TASK_DEFINITION" } else { "SERVICE" };
        let settings = serde_json::json!({ "propagateTags": propagated });
        world.live(service).settings = serde_json::from_value(settings).unwrap();
        world.live.task_starts.insert(name(service), known(vec![at(-3600), at(-3000), at(-50)]));
    }
    world.learn();
    retagged(&mut world);
    world = world.with_task_definition_tags("web", wants).with_task_definition_tags("api", wants);
    let told =
        "taskDefinition.tags is applied, but 2 running tasks are still old: change `restart` to roll them";
    let report = world.report("api");
    assert_eq!((report.sync, report.notes), (Sync::InSync, vec![told.to_owned()]));
    assert_eq!(world.report("web").notes, Vec::<String>::new());
    // Whoever changed them: another service that runs the revision is told as well.
    let both = serde_json::json!({"propagateTags": "TASK_DEFINITION"});
    world.live("web").settings = serde_json::from_value(both).unwrap();
    assert_eq!(world.report("web").notes, [told]);
    // Until no such task is left.
    world.live.task_starts.insert(name("api"), known(vec![at(-60)]));
    world.live("web").deployments[0].created_at = Some(at(-10));
    world.learn();
    for service in ["api", "web"] {
        assert_eq!(world.report(service).notes, Vec::<String>::new());
        assert!(world.remember(service).changed_settings.is_empty());
    }
}

#[test]
fn it_needs_the_capability_to_deploy_and_a_suspended_service_is_left_alone() {
    let mut world = world(&[("team", "shop")], &[]);
    world.target("prod").capabilities.remove(&Capability::EcsDeploy);
    let approved = approve(world.propose(), &world.desired, &ceiling(), &GitStanding::Fresh);
    assert_eq!(approved.actions(), []);
    let capability = Capability::EcsDeploy;
    let why = HeldWhy::NotPermitted { target: name("prod"), capability, by_ceiling: false };
    assert_eq!(approved.reports[&service_key("web")].held, [why]);
    let world = world.suspended("web", 3600);
    assert_eq!((world.actions(), paths(&world.report("web"))), (vec![], vec![TEAM]));
}

#[test]
fn they_are_read_once_an_hour_and_again_before_they_are_changed() {
    let due = |world: &Fixture, seconds| {
        let due = due_seldom(&world.desired, &world.live, &world.memory, at(seconds));
        due.task_definition_tags.into_values().collect::<Vec<_>>()
    };
    let this = vec![arn("web:6").as_str().to_owned()];
    let mut unasked = world(&[("team", "shop")], &[]);
    unasked.live.task_definition_tags.clear();
    assert_eq!(due(&unasked, 0), this);
    let mut same = world(&[("team", "shop")], &[("team", "shop"), ("cost-center", "42")]);
    assert_eq!((due(&same, 3599), due(&same, 3600)), (vec![], this.clone()));
    same.remember("web").managed_tags = tags(&[("cost-center", "42")]);
    assert_eq!((due(&same, 59), due(&same, 60)), (vec![], this.clone()), "one is to be taken off");
    let mut other = world(&[("team", "shop")], &[]);
    assert_eq!((due(&other, 59), due(&other, 60)), (vec![], this));
    other.spec("web").ignore = vec![FieldPath::parse("taskDefinition").unwrap()];
    assert_eq!(due(&other, 60), Vec::<String>::new());
    let mut none = world(&[], &[]);
    none.live.task_definition_tags.clear();
    assert_eq!(due(&none, 0), Vec::<String>::new(), "git names none");
}
