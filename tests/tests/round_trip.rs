//! Task definitions that boto3 registers and services run: a plan has no difference where nothing was changed, and exactly the one
//! path where one field was.

#[path = "round_trip/plan.rs"]
mod plan;

use std::collections::BTreeSet;

use bowline_core::desired::{TaskDefinitionContent, parse_task_definition};
use bowline_core::diff::fields::TASK_DEFINITION;
use bowline_core::diff::{Difference, Shown, diff_task_definition};
use bowline_core::name::RelativePath;
use bowline_sim::{Simulator, SimulatorConfig};
use bowline_tests::bowline::TIME_SCALE;
use bowline_tests::generate::changes::{
    Change, Reported, of_each_default, of_each_field, of_each_order, of_each_spelling, of_each_tag,
};
use bowline_tests::generate::place::{DEFINITION, field, within};
use bowline_tests::generate::samples::every_field;
use bowline_tests::generate::{samples, task_definitions};
use bowline_tests::known_differences::{LOST_FIELDS, Lost, LostField};
use bowline_tests::planned::{Endpoint, planned};
use bowline_tests::register::{Check, read, register};
use bowline_tests::servers::Server;
use serde_json::Value;

/// The lists whose order means something. Written anew here, since the changes are made by the table.
const ORDERED: [&str; 8] = [
    "containerDefinitions.command",
    "containerDefinitions.dnsSearchDomains",
    "containerDefinitions.dnsServers",
    "containerDefinitions.entryPoint",
    "containerDefinitions.environmentFiles",
    "containerDefinitions.healthCheck.command",
    "containerDefinitions.links",
    "containerDefinitions.linuxParameters.tmpfs.mountOptions",
];

/// How many are made by chance.
const VARIED: usize = 200;

async fn simulator() -> Simulator {
    let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
    Simulator::start(config).await.unwrap()
}

fn everything() -> Vec<Value> {
    let mut all = samples::all();
    all.extend(task_definitions("varied", VARIED));
    all
}

/// What differs between what git would hold and what was read.
fn differing(wanted: &Value, found: &TaskDefinitionContent) -> Vec<Difference> {
    diff_task_definition(&TaskDefinitionContent::new(wanted.clone()), found, &[], &[])
}

/// What a server is known to lose, and which of that it did lose.
struct Losses {
    rows: Vec<&'static LostField>,
    seen: BTreeSet<&'static str>,
}

impl Losses {
    fn of(server: &str) -> Self {
        let rows = LOST_FIELDS.iter().filter(|row| row.server == server).collect();
        Self { rows, seen: BTreeSet::new() }
    }

    /// The paths without those that are known to be lost.
    fn leave(&mut self, differences: Vec<Difference>) -> Vec<String> {
        let empty = Shown::Text(String::new());
        let mut left = Vec::new();
        for Difference { path, wanted, found, .. } in differences {
            let lost = |row: &&&LostField| match row.how {
                Lost::Changed => within(&field(&path), row.path),
                Lost::EmptyText => path == row.path && wanted == Shown::Absent && found == empty,
            };
            match self.rows.iter().find(lost) {
                Some(row) => drop(self.seen.insert(row.path)),
                None => left.push(path),
            }
        }
        left
    }

    /// Whether a change of this field cannot be seen.
    fn has(&self, field: &str) -> bool {
        let mut changed = self.rows.iter().filter(|row| row.how == Lost::Changed);
        changed.any(|row| within(field, row.path) || within(row.path, field))
    }

    /// Every row is needed, and there are as many as are known.
    fn are(self, known: usize) {
        let rows: BTreeSet<&str> = self.rows.iter().map(|row| row.path).collect();
        assert_eq!(self.seen, rows, "rows that are not needed any more go out of the table");
        assert_eq!(rows.len(), known);
        assert!(self.rows.iter().all(|row| row.why.len() > 20), "every row says why");
    }
}

/// Registers each definition and plans nothing, then each with one field changed.
async fn holds(endpoint: &Endpoint, losses: &mut Losses) {
    let mut wrong = Vec::new();
    let definitions = everything();
    let pairs: Vec<(&Value, &Value)> = definitions.iter().map(|it| (it, it)).collect();
    let found = planned(endpoint, "unchanged", &pairs, Check::Model).await;
    for (wanted, differences) in definitions.iter().zip(found) {
        let paths = losses.leave(differences);
        if !paths.is_empty() {
            wrong.push(format!("{}: {paths:?}", wanted["family"]));
        }
    }
    let mut changes = of_each_field(*DEFINITION, &every_field());
    changes.retain(|change| !losses.has(change.field));
    // Tags are compared once the content is the same, which it never is where a field is lost.
    if losses.rows.is_empty() {
        changes.extend(of_each_tag(*DEFINITION, &every_field()));
    }
    wrong.extend(reported(endpoint, &every_field(), &changes, losses).await);
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Registers each changed definition and holds what is planned against the one in git.
async fn reported(
    endpoint: &Endpoint,
    wanted: &Value,
    changes: &[Change],
    losses: &mut Losses,
) -> Vec<String> {
    let pairs: Vec<(&Value, &Value)> = changes.iter().map(|change| (wanted, &change.definition)).collect();
    let found = planned(endpoint, "changed", &pairs, Check::Nothing).await;
    let mut wrong = Vec::new();
    for (change, differences) in changes.iter().zip(found) {
        let paths = losses.leave(differences);
        if !change.reported.is(&paths) {
            wrong.push(format!("{}: {paths:?} instead of {:?}", change.field, change.reported));
        }
    }
    wrong
}

#[test]
fn the_definitions_are_valid_and_have_every_field() {
    let definitions = everything();
    for definition in &definitions {
        let text = format!("{definition:#}");
        let parsed = parse_task_definition(&RelativePath::parse("a.json").unwrap(), text.as_bytes());
        assert!(parsed.findings.is_empty(), "{:#?}\n{text}", parsed.findings);
    }
    let (written, varied) = definitions.split_at(samples::all().len());
    let fields: Vec<&str> =
        TASK_DEFINITION.rows().iter().filter(|row| row.is_compared()).map(|row| row.path).collect();
    for path in fields {
        assert!(DEFINITION.find(&written[0], path).is_some(), "no {path} in the one that has every field");
        assert!(
            varied.iter().any(|it| DEFINITION.find(it, path).is_some()),
            "no {path} in any of the varied ones"
        );
    }
    assert_eq!(
        (varied.len(), varied),
        (VARIED, &task_definitions("varied", VARIED)[..]),
        "the same at every run"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_registered_is_found_at_the_simulator() {
    let simulator = simulator().await;
    let mut losses = Losses::of("simulator");
    holds(&Endpoint::new(&simulator.url()), &mut losses).await;
    losses.are(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_registered_is_found_at_moto_but_for_what_is_known() {
    let moto = Server::moto(2).await;
    let mut losses = Losses::of("moto");
    let network = moto.network().await;
    holds(&Endpoint { network, tasks: 2, ..Endpoint::new(&moto.url) }, &mut losses).await;
    losses.are(4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_registered_is_found_at_ministack_but_for_what_is_known() {
    let ministack = Server::ministack().await;
    let mut losses = Losses::of("ministack");
    holds(&Endpoint::new(&ministack.url), &mut losses).await;
    losses.are(7);
}

/// Order, where it means nothing, and spelling change nothing; order, where it means something, is one difference.
#[tokio::test(flavor = "multi_thread")]
async fn what_means_the_same_is_no_difference() {
    let simulator = simulator().await;
    let base = every_field();
    let mut changes = of_each_order(*DEFINITION, &base);
    changes.extend(of_each_spelling(&base));
    let ordered = changes.iter().filter(|change| change.reported != Reported::Nothing);
    let ordered: Vec<&str> = ordered.map(|change| change.field).collect();
    assert_eq!((changes.len(), &ordered[..]), (39, &ORDERED[..]), "33 lists and 6 spellings");
    let endpoint = Endpoint::new(&simulator.url());
    let wrong = reported(&endpoint, &base, &changes, &mut Losses::of("simulator")).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A default that is written down is no difference, whichever side writes it down.
#[tokio::test(flavor = "multi_thread")]
async fn a_default_may_be_written_down_or_left_out() {
    let simulator = simulator().await;
    let (without, with): (Vec<Value>, Vec<Change>) =
        of_each_default(*DEFINITION, &every_field()).into_iter().unzip();
    let written: Vec<Value> = with.iter().map(|change| change.definition.clone()).collect();
    let [left_out, written_down] = [&without, &written].map(|all| register_and_read(&simulator, all));
    let (left_out, written_down) = (left_out.await, written_down.await);
    let mut wrong = Vec::new();
    for (number, change) in with.iter().enumerate() {
        for (wanted, found) in
            [(&without[number], &written_down[number]), (&written[number], &left_out[number])]
        {
            let differences = differing(wanted, found);
            if !differences.is_empty() {
                wrong.push(format!("{}: {differences:?}", change.field));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(with.len(), 33);
}

async fn register_and_read(simulator: &Simulator, definitions: &[Value]) -> Vec<TaskDefinitionContent> {
    let url = simulator.url();
    let arns = register(&url, definitions, Check::Nothing).await;
    read(&url, &arns).await
}
