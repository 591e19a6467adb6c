use bowline_core::desired::{ResourceKey, ResourceKind};
use bowline_core::live::{AwsErrorDetail, UnknownCategory, UnknownReason};
use bowline_core::name::ResourceName;
use bowline_core::plan::{HeldWhy, WaitingOn};

use super::*;

fn report(name: &str, sync: Sync) -> ResourceReport {
    ResourceReport {
        resource: ResourceKey { kind: ResourceKind::EcsService, name: ResourceName::parse(name).unwrap() },
        target: Some(ResourceName::parse("production").unwrap()),
        sync,
        differences: Vec::new(),
        left_alone: Vec::new(),
        warnings: Vec::new(),
        held: Vec::new(),
        waiting_on: None,
        unknown: None,
        notes: Vec::new(),
        health: Vec::new(),
        failed: None,
    }
}

fn difference(path: &str, reason: Reason, found: Shown, wanted: Shown) -> Difference {
    Difference { path: path.to_owned(), reason, wanted, found, note: None, owner: None }
}

fn text(value: &str) -> Shown {
    Shown::Text(value.to_owned())
}

/// As a pipe sees it.
fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn a_resource_tells_each_difference_and_why_nothing_is_done() {
    let mut report = report("web", Sync::Drifted);
    report.differences = vec![
        difference("desiredCount", Reason::Changed, text("5"), text("3")),
        difference("environment[name=KEY].value", Reason::Changed, Shown::Length(12), Shown::Length(40)),
        difference("environment[name=NEW].value", Reason::Added, Shown::Absent, Shown::Length(4)),
        difference(
            "healthCheck",
            Reason::Changed,
            text("{\n  \"interval\": 30,\n  \"retries\": 3\n}"),
            text("{\n  \"interval\": 10,\n  \"retries\": 3\n}"),
        ),
    ];
    report.held = vec![HeldWhy::ReportOnly];
    report.notes = vec!["a note".to_owned()];
    insta::assert_snapshot!(plain(&detail(&report)), @r#"
    ~ EcsService/web on production: drifted
        desiredCount: 5 -> 3
        environment[name=KEY].value: changed (12 -> 40 chars)
        environment[name=NEW].value: (absent) -> (4 chars)
        healthCheck:
            {
          -   "interval": 30,
          +   "interval": 10,
              "retries": 3
            }
        held: reported only: this version of Bowline does not repair it
        note: a note
    "#);
}

#[test]
fn what_cannot_be_read_tells_what_aws_said_and_what_to_do() {
    let mut report = report("web", Sync::Unknown);
    report.unknown = Some(Box::new(UnknownReason {
        category: UnknownCategory::Denied,
        message: "DescribeServices was denied".to_owned(),
        hint: "allow ecs:DescribeServices".to_owned(),
        aws: Some(AwsErrorDetail {
            code: "AccessDeniedException".to_owned(),
            message: "no".to_owned(),
            request_id: Some("r-1".to_owned()),
        }),
    }));
    insta::assert_snapshot!(plain(&detail(&report)), @r"
    ? EcsService/web on production: unknown
        why:  DescribeServices was denied
              -> allow ecs:DescribeServices
        AWS:  AccessDeniedException: no (request r-1)
    ");
}

#[test]
fn what_is_unknown_for_one_reason_is_told_together() {
    let unknown = |name: &str, message: &str, request: &str| {
        let mut report = report(name, Sync::Unknown);
        report.unknown = Some(Box::new(UnknownReason {
            category: UnknownCategory::Denied,
            message: message.to_owned(),
            hint: "give Bowline credentials".to_owned(),
            aws: Some(AwsErrorDetail {
                code: "ExpiredToken".to_owned(),
                message: "no".to_owned(),
                request_id: Some(request.to_owned()),
            }),
        }));
        report
    };
    let mut noted = unknown("noted", "expired", "r-4");
    noted.notes = vec!["a note".to_owned()];
    let reports = [
        unknown("api", "expired", "r-1"),
        report("web", Sync::Drifted),
        unknown("jobs", "expired", "r-2"),
        unknown("mail", "denied", "r-3"),
        noted,
    ];
    insta::assert_snapshot!(plain(&details(reports.iter())), @r"
    ? EcsService/api on production: unknown
    ? EcsService/jobs on production: unknown
        why:  expired
              -> give Bowline credentials
        AWS:  ExpiredToken: no (request r-1)

    ~ EcsService/web on production: drifted

    ? EcsService/mail on production: unknown
        why:  denied
              -> give Bowline credentials
        AWS:  ExpiredToken: no (request r-3)

    ? EcsService/noted on production: unknown
        why:  expired
              -> give Bowline credentials
        AWS:  ExpiredToken: no (request r-4)
        note: a note
    ");
}

#[test]
fn the_table_is_aligned_and_tells_the_first_thing_to_know() {
    let mut held = report("a-longer-name", Sync::AwaitingGit);
    held.held = vec![HeldWhy::ReportOnly];
    let mut drifted = report("api", Sync::Drifted);
    drifted.differences = vec![difference("desiredCount", Reason::Changed, text("5"), text("3"))];
    let reports = [report("web", Sync::InSync), held, drifted];
    insta::assert_snapshot!(plain(&table(&reports.map(Box::new))), @r"
    = EcsService/web            production  in sync
    ! EcsService/a-longer-name  production  awaiting git  reported only: this version of Bowline does not repair it
    ~ EcsService/api            production  drifted       desiredCount
    ");
}

#[test]
fn totals_are_one_line() {
    let of = |states: &[(Sync, usize)]| {
        let many =
            states.iter().flat_map(|(state, count)| std::iter::repeat_n(report("web", *state), *count));
        totals(&many.collect::<Vec<_>>())
    };
    assert_eq!(of(&[]), "0 resources differ, 0 in sync\n");
    assert_eq!(of(&[(Sync::Drifted, 1), (Sync::InSync, 12)]), "1 resource differs, 12 in sync\n");
    assert_eq!(
        of(&[
            (Sync::Drifted, 1),
            (Sync::Missing, 1),
            (Sync::AwaitingGit, 1),
            (Sync::Unknown, 1),
            (Sync::Progressing, 2)
        ]),
        "3 resources differ, 0 in sync, 2 rolling out, 1 unknown\n"
    );
}

#[test]
fn what_differs_while_it_rolls_out_is_counted_as_different() {
    let mut web = report("web", Sync::Progressing);
    web.differences = vec![difference("desiredCount", Reason::Changed, text("5"), text("3"))];
    let reports = [web, report("api", Sync::Progressing), report("db", Sync::InSync)];
    assert_eq!(totals(&reports), "1 resource differs, 1 of them rolling out, 1 in sync, 1 rolling out\n");
}

#[test]
fn a_table_says_whose_a_service_is_and_details_how_to_change_that() {
    let mut web = report("web", Sync::Drifted);
    web.held = vec![HeldWhy::OwnedByInstance {
        owner: "blue".to_owned(),
        resource: None,
        service_arn: "arn:aws:ecs:eu-central-1:111122223333:service/main/web".to_owned(),
    }];
    let table = plain(&table(&[Box::new(web.clone())]));
    assert_eq!(table, "~ EcsService/web  production  drifted  belongs to instance `blue`\n");
    assert!(plain(&detail(&web)).contains("aws ecs untag-resource"));
}

#[test]
fn what_waits_for_itself_says_for_what() {
    let mut web = report("web", Sync::Missing);
    let waits = |report: &ResourceReport| plain(&detail(report)).lines().nth(1).map(str::to_owned);
    web.waiting_on = Some(WaitingOn::Wave { of: vec![report("db", Sync::InSync).resource] });
    assert_eq!(waits(&web).unwrap(), "    waits for EcsService/db");
    web.waiting_on = Some(WaitingOn::Wave { of: vec![web.resource.clone()] });
    assert_eq!(waits(&web).unwrap(), "    waits for its own record to be written in a tag");
    web.differences = vec![difference("service", Reason::Missing, Shown::Absent, text("web"))];
    assert!(plain(&detail(&web)).contains("    waits for its task definition to be registered\n"));
    web.held = vec![HeldWhy::Mode { mode: bowline_core::desired::kind::Mode::Observe, by_ceiling: false }];
    assert!(!plain(&detail(&web)).contains("waits for"));
}
