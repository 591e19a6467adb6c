//! Services that boto3 creates and changes and Bowline plans: no difference where nothing was changed, and exactly the one path
//! where one setting was.

#[path = "service_round_trip/cases.rs"]
mod cases;
#[path = "service_round_trip/imports.rs"]
mod imports;
#[path = "service_round_trip/losses.rs"]
mod losses;
#[path = "service_round_trip/resets.rs"]
mod resets;

use std::fmt::Write as _;

use bowline_sim::{Simulator, SimulatorConfig};
use bowline_tests::aws::Cli;
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::calls::{call, make};
use bowline_tests::generate::changes::Reported;
use bowline_tests::generate::place::SETTINGS;
use bowline_tests::generate::services::{Network, revision, samples, task_definitions, varied};
use bowline_tests::git::Remote;
use bowline_tests::register::{Check, register};
use bowline_tests::servers::{ACCOUNT, Server};
use bowline_tests::world::{CLUSTER, service, target};
use serde_json::{Value, json};

use cases::{Case, changed, orders, spellings, unchanged, written_defaults};
use losses::Losses;

/// How many are made by chance.
const VARIED: usize = 200;

async fn simulator() -> Simulator {
    let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
    Simulator::start(config).await.unwrap()
}

/// The cluster and the task definitions that services run.
async fn prepared(url: &str) {
    make(url, &[call("create_cluster", &json!({"clusterName": CLUSTER}))], Check::Model).await;
    register(url, &task_definitions(), Check::Nothing).await;
}

/// Two subnets and two security groups that moto has: it looks whether they exist.
async fn network_of(moto: &Server) -> Network {
    let home = tempfile::tempdir().unwrap();
    let aws = Cli::new(&moto.url, ACCOUNT, home.path());
    let texts = |found: Value| -> Vec<String> { serde_json::from_value(found).unwrap() };
    let subnets = texts(aws.run("ec2 describe-subnets --query Subnets[].SubnetId").await);
    let vpc = aws.run("ec2 describe-vpcs --query Vpcs[0].VpcId").await;
    let more = format!(
        "ec2 create-security-group --group-name more --description more --vpc-id {}",
        vpc.as_str().unwrap()
    );
    aws.run(&more).await;
    let groups = texts(aws.run("ec2 describe-security-groups --query SecurityGroups[].GroupId").await);
    Network { subnets, groups, needs_groups: true }
}

/// Creates the services of all cases, changes those that are to be changed, and gives the paths that a plan tells of each.
async fn told(url: &str, cases: &[Case]) -> Vec<Vec<String>> {
    for (check, strict) in [(Check::Model, true), (Check::Nothing, false)] {
        let of = cases.iter().filter(|case| case.strict == strict);
        make(url, &of.map(Case::creation).collect::<Vec<_>>(), check).await;
    }
    let updates: Vec<Value> = cases.iter().filter_map(Case::update).collect();
    make(url, &updates, Check::Nothing).await;
    let mut manifests = target("observe");
    for case in cases {
        let deployed = case.created["deploymentController"]["type"].as_str().unwrap_or("ECS") == "ECS";
        let mut spec = json!({"settings": case.listed});
        if deployed {
            spec["taskDefinition"] = json!({"revision": revision(&case.created)});
        }
        writeln!(manifests, "---\n{}", service(&case.name, spec)).unwrap();
    }
    let remote = Remote::new();
    remote.commit("What is live, but for the changes", &[("all.yaml", &manifests)]);
    let server = remote.serve(None);
    let plan = Bowline::new(url, &server.url()).plan().await;
    let (code, plan) = (plan.code, plan.json());
    let unknown = plan["resources"].as_array().unwrap().iter().find(|report| !report["unknown"].is_null());
    assert!([0, 1].contains(&code), "{unknown:#?} {:#} {:#}", plan["totals"], plan["findings"]);
    cases.iter().map(|case| paths(&plan, &case.name)).collect()
}

/// The paths of a service's differences.
fn paths(plan: &Value, name: &str) -> Vec<String> {
    let wanted = json!({"kind": "EcsService", "name": name});
    let mut reports = plan["resources"].as_array().unwrap().iter();
    let report = reports.find(|report| report["resource"] == wanted).unwrap();
    let path = |difference: &Value| difference["path"].as_str().unwrap().to_owned();
    let inside = |path: String| path.strip_prefix("settings.").map_or(path.clone(), str::to_owned);
    report["differences"].as_array().unwrap().iter().map(path).map(inside).collect()
}

/// Creates everything, and holds what is told of it against what is to be told.
async fn holds(url: &str, network: &Network, losses: &mut Losses) {
    prepared(url).await;
    let mut cases = unchanged(&samples(network), "sample");
    cases.extend(unchanged(&varied(network, VARIED), "varied"));
    cases.extend(changed(&samples(network)));
    is_told(url, &cases, losses).await;
}

async fn is_told(url: &str, cases: &[Case], losses: &mut Losses) {
    let told = told(url, cases).await;
    let mut wrong = Vec::new();
    for (case, paths) in cases.iter().zip(told) {
        if losses.hide(case, &paths) {
            continue;
        }
        let paths = losses.leave(case, paths);
        if !case.reported.is(&paths) {
            wrong.push(format!("{} {}: {paths:?} instead of {:?}", case.name, case.field, case.reported));
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_settings_are_valid_and_have_every_field() {
    let network = Network::anywhere();
    let (samples, varied) = (samples(&network), varied(&network, VARIED));
    for row in SETTINGS.compared() {
        let has = |all: &[Value]| all.iter().any(|one| SETTINGS.find(one, row.path).is_some());
        assert!(has(&samples), "no {} in any of the samples", row.path);
        // Of services that are made by chance, none is of a role's or behind a Classic Load Balancer.
        let rare = ["role", "loadBalancers.loadBalancerName"].contains(&row.path);
        assert!(rare || has(&varied), "no {} in any of the varied ones", row.path);
    }
    assert_eq!(varied, bowline_tests::generate::services::varied(&network, VARIED), "the same at every run");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_created_is_found_at_the_simulator() {
    let simulator = simulator().await;
    let mut losses = Losses::of("simulator");
    holds(&simulator.url(), &Network::anywhere(), &mut losses).await;
    losses.are(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_created_is_found_at_moto_but_for_what_is_known() {
    let moto = Server::moto(0).await;
    let mut losses = Losses::of("moto");
    holds(&moto.url, &network_of(&moto).await, &mut losses).await;
    losses.are(14);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_created_is_found_at_ministack_but_for_what_is_known() {
    let ministack = Server::ministack().await;
    let mut losses = Losses::of("ministack");
    holds(&ministack.url, &Network::anywhere(), &mut losses).await;
    losses.are(12);
}

/// Order, where it means nothing, spelling, and defaults that either side writes down change nothing; order, where it means
/// something, is one difference.
#[tokio::test(flavor = "multi_thread")]
async fn what_means_the_same_is_no_difference() {
    let simulator = simulator().await;
    let network = Network::anywhere();
    prepared(&simulator.url()).await;
    let bases = cases::bases(&network);
    let orders = orders(&bases);
    let ordered = orders.iter().filter(|case| case.reported != Reported::Nothing).map(|case| case.field);
    assert_eq!(
        ordered.collect::<Vec<_>>(),
        ["deploymentConfiguration.lifecycleHooks.lifecycleStages", "placementStrategy"]
    );
    let defaults = written_defaults(&bases);
    let spellings = spellings(&bases);
    assert_eq!((orders.len(), defaults.len(), spellings.len()), (22, 60, 24));
    let all: Vec<Case> = [orders, defaults, spellings].into_iter().flatten().collect();
    is_told(&simulator.url(), &all, &mut Losses::of("simulator")).await;
}
