use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::desired::kind::Mode;
use crate::desired::{
    DesiredState, Finding, FindingCode, Location, Origin, ResourceKind, SourceFile, assemble, parse_manifest,
};
use crate::diff::{Difference, Reason, Shown};
use crate::live::UnknownCategory;
use crate::name::{RelativePath, ResourceName};
use crate::plan::HeldWhy;

const TARGET: &str = "kind: Target\nmetadata: { name: prod }\n\
spec: { accountId: '111122223333', region: eu-central-1, cluster: main }\n";
const SECRET: &str = "kind: Secret\nmetadata: { name: db }\n\
spec: { target: prod, secretId: db, versionId: '11111111111111111111111111111111' }\n";
const WEB: &str = "kind: EcsService\nmetadata: { name: web }\n\
spec: { target: prod, service: web, taskDefinition: { revision: 'web:1' }, reveal: [LOG] }\n";
const API: &str = "kind: EcsService\nmetadata: { name: api }\n\
spec: { target: prod, service: api, secrets: [db], dependsOn: [web] }\n";
const STATE: &str = "kind: TerraformState\nmetadata: { name: app }\n\
spec: { target: prod, bucket: states, key: app.tfstate, resources: { aws_ecs_service.web: web } }\n";

/// What a commit with these documents wants.
fn state(documents: &[&str]) -> DesiredState {
    let before = "---\napiVersion: bowline.dev/v1alpha1\n";
    let text: String = documents.iter().flat_map(|one| [before, one]).collect();
    let path = RelativePath::parse("env.yaml").unwrap();
    let parsed = Arc::new(parse_manifest(&path, text.as_bytes()));
    let assembled = assemble(&[SourceFile { parsed, fallback: None }], &BTreeMap::new());
    assert_eq!(assembled.findings, []);
    assembled.state
}

fn base() -> DesiredState {
    state(&[TARGET, SECRET, WEB, API, STATE])
}

fn key(kind: ResourceKind, name: &str) -> ResourceKey {
    ResourceKey { kind, name: ResourceName::parse(name).unwrap() }
}

fn service(name: &str) -> ResourceKey {
    key(ResourceKind::EcsService, name)
}

fn names<T>(of: &BTreeMap<ResourceName, T>) -> Vec<&str> {
    of.keys().map(ResourceName::as_str).collect()
}

#[test]
fn only_what_changes_is_compared_with_what_it_refers_to() {
    let part = part(&base(), &state(&[TARGET, SECRET, &WEB.replace("web:1", "web:2"), API, STATE]));
    assert_eq!(part.changes, BTreeMap::from([(service("web"), Change::Changed)]));
    assert_eq!(part.told, BTreeSet::from([service("web")]));
    let compared = &part.state;
    assert_eq!(names(&compared.services), ["web"]);
    assert_eq!(names(&compared.states), ["app"], "it may own the service, too");
    assert_eq!(names(&compared.secrets), Vec::<&str>::new());

    let unchanged = super::part(&base(), &base());
    assert_eq!((unchanged.changes, unchanged.told), (BTreeMap::new(), BTreeSet::new()));
    assert_eq!(unchanged.state.targets.len(), 0, "nothing is asked for nothing");
}

#[test]
fn who_reads_a_secret_that_changes_is_told_of_too() {
    let part = part(&base(), &state(&[TARGET, &SECRET.replace('1', "2"), WEB, API, STATE]));
    let secret = key(ResourceKind::Secret, "db");
    assert_eq!(part.changes, BTreeMap::from([(secret.clone(), Change::Changed)]));
    assert_eq!(part.told, BTreeSet::from([secret, service("api")]));
    assert_eq!(names(&part.state.services), ["api", "web"], "api depends on web");
}

#[test]
fn what_is_added_and_removed_is_said() {
    let new = WEB.replace("web", "new");
    let part = part(&base(), &state(&[TARGET, SECRET, WEB, &new, STATE]));
    assert_eq!(
        part.changes,
        BTreeMap::from([(service("api"), Change::Removed), (service("new"), Change::Added)])
    );
    assert_eq!(part.told, BTreeSet::from([service("new")]));
}

#[test]
fn targets_and_places_are_those_of_the_base_branch() {
    let elsewhere = TARGET.replace(
        "cluster: main",
        "cluster: payroll, assumeRole: { arn: 'arn:aws:iam::111122223333:role/admin' }",
    );
    let other = TARGET.replace("prod", "other");
    let state_elsewhere = STATE.replace("states", "payroll-states");
    let moved = WEB.replace("target: prod", "target: other");
    let after = state(&[&elsewhere, &other, SECRET, &moved, API, &state_elsewhere]);
    let part = part(&base(), &after);
    assert_eq!(part.whole.targets, base().targets);
    let why = |key: &ResourceKey| match part.changes.get(key) {
        Some(Change::NotCompared(why)) => why.clone(),
        other => panic!("{key}: {other:?}"),
    };
    assert_eq!(why(&service("web")), "the base branch has no Target other yet");
    assert_eq!(
        why(&key(ResourceKind::TerraformState, "app")),
        "a state is read only where the base branch has it"
    );
    assert!(why(&key(ResourceKind::Target, "prod")).starts_with("a Target takes effect when it is merged"));
    assert!(why(&key(ResourceKind::Target, "other")).starts_with("a Target takes effect when it is merged"));
    assert_eq!(part.told, BTreeSet::new());
    assert_eq!(names(&part.whole.services), Vec::<&str>::new(), "api depends on web, which is not compared");
    assert_eq!(names(&part.whole.states), Vec::<&str>::new());
}

#[test]
fn what_changes_only_observed_targets_is_told_from_what_changes_any_other() {
    let looked_at = TARGET.replace("cluster: main", "cluster: main, mode: observe");
    let acted_on = TARGET.replace("prod", "live").replace("cluster: main", "cluster: live, mode: propose");
    let (web, live) = (WEB, WEB.replace("web", "live").replace("target: prod", "target: live"));
    let base = state(&[&looked_at, &acted_on, SECRET, web, API, &live]);
    let second = |text: &str| text.replace(":1'", ":2'");
    let moved = web.replace("target: prod", "target: live");
    // (what the pull request has, and whether it is only about what is observed)
    let cases: [(&[&str], bool); 7] = [
        (&[&looked_at, &acted_on, SECRET, &second(web), API, &live], true),
        (&[&looked_at, &acted_on, &SECRET.replace('1', "2"), web, API, &live], true),
        (&[&looked_at, &acted_on, SECRET, &live], true),
        (&[&looked_at.replace("observe", "enforce"), &acted_on, SECRET, web, API, &live], true),
        (&[&looked_at, &acted_on, SECRET, &second(web), API, &second(&live)], false),
        (&[&looked_at, &acted_on, SECRET, &moved, API, &live], false),
        (&[&looked_at, &acted_on, SECRET, web, API, &live], false),
    ];
    for (documents, expected) in cases {
        let after = state(documents);
        let part = part(&base, &after);
        assert_eq!(is_only_observed(&base, &after, &part, Mode::Enforce), expected, "{:?}", part.changes);
        let ceiling = is_only_observed(&base, &after, &part, Mode::Observe);
        assert_eq!(ceiling, !part.changes.is_empty(), "under a ceiling of observe: {:?}", part.changes);
    }
}

#[test]
fn values_are_revealed_only_where_the_base_branch_does() {
    let web = WEB.replace("[LOG]", "[LOG, DATABASE_PASSWORD]");
    let new = WEB.replace("web", "new");
    let part = part(&base(), &state(&[TARGET, SECRET, &web, &new, API, STATE]));
    let reveal = |name: &str| {
        part.state.services.get(&ResourceName::parse(name).unwrap()).unwrap().resource.spec.reveal.clone()
    };
    assert_eq!(reveal("web"), ["LOG"]);
    assert_eq!(reveal("new"), Vec::<String>::new());
}

fn finding(path: &str, line: usize, severity: Severity) -> Finding {
    Finding {
        location: Location { path: path.to_owned(), line, column: 3 },
        severity,
        code: FindingCode::UnknownField,
        message: "`desiredCont` is not a field".to_owned(),
        hint: Some("did you mean `desiredCount`?".to_owned()),
        snippet: Some("desiredCont: hunter2".to_owned()),
        related: Vec::new(),
    }
}

/// A state in which this service stands in this file, from this line on.
fn standing(path: &str, line: usize) -> DesiredState {
    let mut state = state(&[TARGET, WEB]);
    let web = state.services.values_mut().next().unwrap();
    Arc::make_mut(&mut web.resource).origin = Origin { path: path.to_owned(), line, stale: false };
    state
}

#[test]
fn a_finding_that_the_branch_has_already_is_told_from_what_a_pull_request_brings() {
    let warning = |path, line| finding(path, line, Severity::Warning);
    let other_code = Finding { code: FindingCode::InvalidValue, ..warning("a.yaml", 3) };
    let other_message = Finding { message: "another".to_owned(), ..warning("a.yaml", 3) };
    let before = (&standing("a.yaml", 2), &[warning("a.yaml", 3)][..]);
    // (where it is by now, what is found, which of it is new)
    let cases: [(DesiredState, Vec<Finding>, &[usize]); 8] = [
        (standing("a.yaml", 2), vec![warning("a.yaml", 3)], &[]),
        (standing("a.yaml", 8), vec![warning("a.yaml", 9)], &[]),
        (standing("moved/web.yaml", 1), vec![warning("moved/web.yaml", 2)], &[]),
        (standing("a.yaml", 2), vec![warning("a.yaml", 3), warning("a.yaml", 5)], &[1]),
        (standing("a.yaml", 4), vec![warning("a.yaml", 3), warning("a.yaml", 5)], &[0]),
        (standing("a.yaml", 2), vec![warning("a.yaml", 0), warning("b.yaml", 3)], &[0, 1]),
        (standing("a.yaml", 2), vec![other_code, other_message], &[0, 1]),
        (standing("a.yaml", 2), vec![finding("a.yaml", 3, Severity::Error)], &[0]),
    ];
    for (after, found, new) in cases {
        let findings = Findings::compare(before, (&after, &found));
        let brought: Vec<&Finding> = new.iter().map(|index| &found[*index]).collect();
        assert_eq!(findings.brought.iter().collect::<Vec<_>>(), brought, "{found:#?}");
        assert_eq!(findings.standing.len(), found.len() - new.len());
    }
    let on_files = Findings::compare(
        (&standing("a.yaml", 2), &[warning("web.json", 1)]),
        (&standing("a.yaml", 2), &[warning("web.json", 7)]),
    );
    assert_eq!(on_files.brought, [], "of a task definition file, its path is what it is about");
}

/// The warnings of the branch, where they are known; how the service changes, its warnings then, and how many come with it.
type Case = (Option<Vec<Warning>>, Change, Vec<Warning>, usize);

#[test]
fn a_warning_that_comes_with_a_pull_request_is_red_and_one_of_the_branch_or_of_live_is_not() {
    let breaker = || Warning::CircuitBreakerOff;
    let count = |wanted| Warning::CountAutoscaled { wanted, minimum: 1, maximum: 9 };
    let managed = |attributes: &[&str]| Warning::ManagedByTerraform {
        place: "aws_ecs_service.web in states/app.tfstate".to_owned(),
        state: ResourceName::parse("app").unwrap(),
        address: "aws_ecs_service.web".to_owned(),
        attributes: attributes.iter().map(|one| (*one).to_owned()).collect(),
    };
    let ends = || Warning::SuspensionEnds { resource: service("web"), until: jiff::Timestamp::UNIX_EPOCH };
    let drift = || Warning::ImageDrift {
        container: "web".to_owned(),
        image: "web:1".to_owned(),
        resolved: None,
        running: Vec::new(),
        pin: "web@sha256:1".to_owned(),
    };
    let cases: [Case; 9] = [
        (Some(vec![]), Change::Changed, vec![breaker(), count(2), managed(&["desired_count"])], 3),
        (Some(vec![breaker(), count(2)]), Change::Changed, vec![breaker(), count(5)], 0),
        (Some(vec![breaker()]), Change::Changed, vec![count(5)], 1),
        (Some(vec![managed(&["cpu", "tags"])]), Change::Changed, vec![managed(&["tags"])], 0),
        (Some(vec![managed(&["tags"])]), Change::Changed, vec![managed(&["cpu", "tags"])], 1),
        (None, Change::Changed, vec![breaker()], 0),
        (None, Change::Added, vec![breaker()], 1),
        (None, Change::Added, vec![ends(), drift()], 0),
        (Some(vec![]), Change::Changed, vec![ends(), drift()], 0),
    ];
    for (known, change, found, brought) in cases {
        let Seen::Compared(mut compared) = compared(|report| report.warnings.clone_from(&found)) else {
            panic!()
        };
        compared.changes = vec![(service("web"), change)];
        compared.before.extend(known.clone().map(|known| (service("web"), known)));
        let verdict = preview(Seen::Compared(compared), &[]).verdict();
        let expected = match brought {
            0 => (Conclusion::Success, "nothing on live would change"),
            1 => (Conclusion::Failure, "1 warning that the branch does not have"),
            _ => (Conclusion::Failure, "3 warnings that the branch does not have"),
        };
        assert_eq!((verdict.conclusion, verdict.summary.as_str()), expected, "{known:?} {found:?}");
    }
}

#[test]
fn what_the_branch_has_already_is_said_and_its_errors_are_red() {
    let with = |brought: &[Severity], standing: &[Severity]| {
        let findings = |of: &[Severity]| of.iter().map(|one| finding("a.yaml", 4, *one)).collect();
        let mut preview = preview(compared(text("1", "2")), &[]);
        preview.findings = Findings { brought: findings(brought), standing: findings(standing) };
        (preview.verdict().conclusion, preview.verdict().summary, comment(&preview))
    };
    let (error, warning) = (Severity::Error, Severity::Warning);
    let cases: [(&[Severity], &[Severity], Conclusion, &str); 5] = [
        (
            &[],
            &[warning],
            Conclusion::Success,
            "1 resource on live would change; 1 warning is on the branch already",
        ),
        (
            &[],
            &[warning, warning],
            Conclusion::Success,
            "1 resource on live would change; 2 warnings are on the branch already",
        ),
        (&[], &[error], Conclusion::Failure, "1 error in the files, on the branch already"),
        (&[error], &[error], Conclusion::Failure, "2 errors in the files, 1 of them on the branch already"),
        (&[warning], &[warning], Conclusion::Failure, "1 warning that the branch does not have"),
    ];
    for (brought, standing, conclusion, summary) in cases {
        let (found, told, text) = with(brought, standing);
        assert_eq!((found, told.as_str()), (conclusion, summary));
        assert_eq!(text.contains("**New findings**"), !brought.is_empty(), "{text}");
        assert_eq!(
            text.contains("**Errors that the branch has already**"),
            standing.contains(&error),
            "{text}"
        );
    }
}

fn preview(seen: Seen, findings: &[Finding]) -> Preview {
    Preview {
        instance: InstanceName::default(),
        head: CommitId::parse(&"a".repeat(40)).unwrap(),
        base: CommitId::parse(&"b".repeat(40)).unwrap(),
        findings: Findings { brought: findings.to_vec(), standing: Vec::new() },
        seen,
    }
}

fn difference(path: &str, found: Shown, wanted: Shown) -> Difference {
    Difference { path: path.to_owned(), reason: Reason::Changed, wanted, found, note: None, owner: None }
}

/// A comparison in which one service comes out like this.
fn compared(change: impl FnOnce(&mut ResourceReport)) -> Seen {
    let mut report = ResourceReport::new(service("web"), &ResourceName::parse("prod").unwrap());
    change(&mut report);
    Seen::Compared(Compared {
        changes: vec![(service("web"), Change::Changed)],
        reports: vec![report],
        before: BTreeMap::new(),
        actions: vec!["EcsService/web: update".to_owned()],
        refused: None,
    })
}

fn text(found: &str, wanted: &str) -> impl FnOnce(&mut ResourceReport) {
    let one = difference("desiredCount", Shown::Text(found.to_owned()), Shown::Text(wanted.to_owned()));
    move |report| {
        report.sync = Sync::Drifted;
        report.differences.push(one);
    }
}

#[test]
fn red_is_for_errors_and_new_warnings_and_not_knowing_is_neither_red_nor_drift() {
    let verdict = |preview: &Preview| {
        let verdict = preview.verdict();
        (verdict.conclusion, verdict.summary, verdict.is_worth_telling)
    };
    let unknown = |report: &mut ResourceReport| {
        report.set_unknown(crate::plan::fixture::reason(UnknownCategory::Throttled));
    };
    let invalid = |report: &mut ResourceReport| report.sync = Sync::Invalid;
    let refused = |why: &str| {
        let Seen::Compared(compared) = compared(|_| {}) else { panic!() };
        Seen::Compared(Compared { refused: Some(why.to_owned()), ..compared })
    };
    let (error, warning) =
        ([finding("a.yaml", 1, Severity::Error)], [finding("a.yaml", 1, Severity::Warning)]);
    let cases = [
        (compared(text("1", "2")), &[][..], Conclusion::Success, "1 resource on live would change", true),
        (
            compared(text("1", "2")),
            &warning,
            Conclusion::Failure,
            "1 warning that the branch does not have",
            true,
        ),
        (compared(unknown), &warning, Conclusion::Failure, "1 warning that the branch does not have", true),
        (Seen::Files, &warning, Conclusion::Failure, "1 warning that the branch does not have", true),
        (compared(|_| {}), &[], Conclusion::Success, "nothing on live would change", true),
        (
            Seen::Compared(Compared::default()),
            &[],
            Conclusion::Success,
            "nothing that Bowline reads changes",
            false,
        ),
        (compared(text("1", "2")), &error, Conclusion::Failure, "1 error in the files", true),
        (Seen::Files, &error, Conclusion::Failure, "1 error in the files", true),
        (compared(invalid), &[], Conclusion::Failure, "1 resource cannot be used as written", true),
        (Seen::Unusable("it is empty".to_owned()), &[], Conclusion::Failure, "it is empty", true),
        (
            compared(unknown),
            &[],
            Conclusion::Neutral,
            "cannot tell: 1 resource could not be compared with live",
            true,
        ),
        (refused("too much vanishes"), &[], Conclusion::Neutral, "cannot tell: too much vanishes", true),
        (
            Seen::CannotTell("in conflict".to_owned()),
            &[],
            Conclusion::Neutral,
            "cannot tell: in conflict",
            true,
        ),
        (
            Seen::Files,
            &[],
            Conclusion::Neutral,
            "cannot tell: from a fork, so nothing was compared with live; its files are valid",
            false,
        ),
    ];
    for (seen, findings, conclusion, summary, worth) in cases {
        let preview = preview(seen, findings);
        assert_eq!(verdict(&preview), (conclusion, summary.to_owned(), worth), "{preview:#?}");
    }
    let long = preview(Seen::CannotTell("x".repeat(500)), &[]);
    assert_eq!(long.verdict().summary.chars().count(), 140);
}

#[test]
fn the_comment_says_what_would_change_and_what_is_wrong() {
    let seen = compared(|report| {
        text("1", "2")(report);
        report.differences.push(difference(
            "environment[name=KEY].value",
            Shown::Length(12),
            Shown::Length(40),
        ));
        report.hold(HeldWhy::ReportOnly);
    });
    let told = comment(&preview(seen, &[finding("a.yaml", 4, Severity::Warning)]));
    let expected = "\
<!-- bowline:preview bowline -->
### :x: Bowline: 1 warning that the branch does not have

What commit aaaaaaaa on top of bbbbbbbb would mean for live, if it were merged now.

**New findings**

```text
a.yaml:4:3: warning: `desiredCont` is not a field
    -> did you mean `desiredCount`?
```

**`EcsService/web`** on `prod`: would change

```text
desiredCount is 1, git wants 2
environment[name=KEY].value changed (12 -> 40 chars)
held: reported only: this version does not repair it
```

**What would be done**, as far as it is known before

```text
EcsService/web: update
```

Values of environment variables, commands and labels are shown by length.
";
    let held = HeldWhy::ReportOnly.to_string();
    assert_eq!(told, expected.replace("reported only: this version does not repair it", &held));
}

#[test]
fn what_a_pull_request_says_cannot_leave_its_block_or_call_anybody() {
    let seen = compared(text("````\n</details> @everyone", "</details> ``` @everyone <!-- bowline:preview"));
    let told = comment(&preview(seen, &[]));
    let fences: Vec<&str> = told.lines().filter(|line| line.starts_with("`````")).collect();
    assert_eq!(fences, ["`````text", "`````"], "{told}");
    let conflict = preview(Seen::CannotTell("in conflict: <img src=x> @everyone [a](b) #1".to_owned()), &[]);
    let headline = comment(&conflict).lines().nth(1).unwrap().to_owned();
    for call in ["<img", "@everyone", "](", "#1"] {
        assert!(!headline.contains(call), "{headline}");
    }
}

#[test]
fn a_comment_is_never_longer_than_github_takes() {
    let huge = "\u{1F600}".repeat(300);
    let report = |index: usize| {
        let mut report =
            ResourceReport::new(service(&format!("web-{index}")), &ResourceName::parse("prod").unwrap());
        for field in 0..60 {
            let shown = Shown::Text(huge.clone());
            report.differences.push(difference(&format!("field{field}"), shown, Shown::Absent));
        }
        report
    };
    let compared = Compared {
        changes: Vec::new(),
        reports: (0..40).map(report).collect(),
        before: BTreeMap::new(),
        actions: vec!["x".repeat(100_000)],
        refused: None,
    };
    let told = comment(&preview(Seen::Compared(compared), &[]));
    let length = told.chars().count();
    assert!((50_000..=65_536).contains(&length), "{length}");
    assert!(told.contains("more lines"), "of one resource");
    assert!(told.contains("There is more than fits: "), "{}", &told[told.len() - 400..]);
}

#[test]
fn two_instances_do_not_write_over_each_other() {
    let staging = InstanceName::parse("staging").unwrap();
    assert_eq!(context(&InstanceName::default()), "bowline/preview");
    assert_eq!(context(&staging), "bowline/preview/staging");
    assert_ne!(marker(&staging), marker(&InstanceName::default()));
    assert!(!marker(&InstanceName::parse("staging-2").unwrap()).starts_with(&marker(&staging)));
}
