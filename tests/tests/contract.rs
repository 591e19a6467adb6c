//! The same cases, through Bowline's own observe and execute, against the simulator, moto and ministack.
//!
//! Each case holds at AWS. Where it does not hold at one of the servers, a row in `known_differences` says why.

#[path = "contract/executing.rs"]
mod executing;
#[path = "contract/observing.rs"]
mod observing;
#[path = "contract/site.rs"]
mod site;

use std::pin::Pin;

use bowline_sim::{Simulator, SimulatorConfig};
use bowline_tests::bowline::TIME_SCALE;
use bowline_tests::known_differences::{KNOWN_DIFFERENCES, KnownDifference};
use bowline_tests::servers::Server;
use site::{Endpoint, Site};

type Case = fn(Site) -> Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! cases {
    ($($room:ident::$case:ident,)*) => {
        &[$((stringify!($case), |site| Box::pin($room::$case(site)))),*]
    };
}

const CASES: &[(&str, Case)] = cases! {
    observing::a_service_is_read_with_its_deployment_and_tags,
    observing::the_circuit_breaker_is_seen,
    observing::a_missing_service_is_doubted_once_then_believed,
    observing::twelve_services_take_two_batches,
    observing::a_cluster_that_does_not_exist_leaves_its_services_unknown,
    observing::credentials_of_another_account_read_nothing,
    observing::a_task_definition_comes_back_as_it_was_registered,
    observing::a_task_definition_that_does_not_exist_is_missing,
    observing::the_ten_newest_revisions_come_newest_first,
    observing::past_deployments_come_newest_first,
    observing::every_running_task_has_a_start,
    observing::images_that_agree_are_known_and_not_kept,
    observing::a_scalable_target_is_read_and_one_that_is_not_there_is_missing,
    observing::a_secret_is_read_with_its_labels,
    observing::a_secret_that_does_not_exist_is_missing,
    observing::what_could_not_be_read_is_read_along_with_services,
    observing::every_labelled_version_of_a_secret_has_a_date,
    observing::a_state_is_read_with_version_serial_and_lineage,
    observing::a_state_that_does_not_exist_is_missing,
    executing::a_count_is_changed,
    executing::a_task_definition_is_changed_by_a_new_deployment,
    executing::a_forced_deployment_replaces_the_primary_one,
    executing::a_stale_expectation_changes_nothing,
    executing::an_inactive_task_definition_is_refused,
    executing::a_record_is_written_and_read_back,
    executing::a_service_is_created_once_with_its_tags,
    executing::a_revision_is_registered_once_at_a_time,
    executing::tags_of_a_revision_are_changed_in_place,
    executing::a_secret_is_promoted,
    executing::a_stale_promotion_changes_nothing,
    executing::a_swap_from_the_wrong_version_is_refused_by_the_service,
};

/// Runs all cases against a server, some at once, and holds what failed against the table.
async fn holds(server: &str, endpoint: &Endpoint, known: usize) {
    let rows: Vec<&KnownDifference> = KNOWN_DIFFERENCES.iter().filter(|row| row.server == server).collect();
    let mut wrong = Vec::new();
    for (number, (case, run)) in CASES.iter().enumerate() {
        let site = Site::new(endpoint, number).await;
        let failure = tokio::spawn(run(site)).await.err().map(|error| message(error.into_panic().as_ref()));
        let row = rows.iter().find(|row| row.case == *case);
        match (failure, row) {
            (None, None) => {}
            (Some(failure), Some(row)) if failure.contains(row.symptom) => {}
            (Some(failure), Some(row)) => {
                wrong.push(format!("{case} fails otherwise than `{}`: {failure}", row.symptom));
            }
            (Some(failure), None) => wrong.push(format!("{case} fails: {failure}")),
            (None, Some(_)) => wrong.push(format!("{case} holds: take its row out of the table")),
        }
    }
    assert!(wrong.is_empty(), "{server}:\n{}", wrong.join("\n"));
    assert_eq!(rows.len(), known, "rows of {server}");
    assert!(rows.iter().all(|row| row.why.len() > 40), "every row says why");
}

/// What a case that failed said.
fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds_at_the_simulator() {
    let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
    let simulator = Simulator::start(config).await.unwrap();
    holds("simulator", &Endpoint { url: simulator.url(), network: None }, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds_at_moto_but_for_what_is_known() {
    let moto = Server::moto(2).await;
    holds("moto", &Endpoint { url: moto.url.clone(), network: Some(moto.network().await) }, 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds_at_ministack_but_for_what_is_known() {
    let ministack = Server::ministack().await;
    holds("ministack", &Endpoint { url: ministack.url.clone(), network: None }, 4).await;
}
