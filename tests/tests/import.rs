//! `bowline import`: what is live, as manifests whose first plan is empty, from servers of three makes.

#[path = "import/landscape.rs"]
mod landscape;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bowline_sim::{Fault, FaultRule, Simulator, SimulatorConfig};
use bowline_tests::aws::Cli;
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::git::Remote;
use bowline_tests::process::Ended;
use bowline_tests::servers::{ACCOUNT, Server};
use bowline_tests::world::{World, version};
use serde_json::{Value, json};

use landscape::{Landscape, Service};

/// Sorts of services that a file may be made of.
const EVERYWHERE: [Service; 5] =
    [Service::Web, Service::Worker, Service::Gateway, Service::Agent, Service::Shop];
/// Those that moto has. A DAEMON service has no tasks there, and gets a pendingCount below zero: nothing that AWS would say.
const MOTO: [Service; 4] = [Service::Web, Service::Worker, Service::Gateway, Service::Shop];
/// AWS leaves both fields out when they were not given; ministack answers with empty texts. On Fargate they are errors, so that
/// no file is made of what runs there: it is pinned, and told.
const MINISTACK_WARNINGS: [&str; 2] = [
    "`ipcMode` is ``, not one of the values that it may have",
    "`pidMode` is ``, not one of the values that it may have",
];

/// A person with a folder, a repository, and credentials.
struct Desk {
    bowline: Bowline,
    remote: Remote,
}

impl Desk {
    fn at(endpoint: &str) -> Self {
        let remote = Remote::new();
        Self { bowline: Bowline::new(endpoint, &remote.path().display().to_string()), remote }
    }

    fn folder(&self) -> PathBuf {
        self.bowline.home().join("git")
    }

    /// `bowline import ARGUMENTS git`.
    async fn import(&self, arguments: &str) -> Ended {
        self.bowline.run(&format!("import {arguments} git")).await
    }

    /// Every file below the folder, by path.
    fn files(&self) -> BTreeMap<String, String> {
        files(&self.folder())
    }

    /// Commits the folder, after it was found valid without a warning.
    async fn commit(&self) {
        self.commit_with(&[]).await;
    }

    /// Commits the folder, after it was found valid with no other warnings than these.
    async fn commit_with(&self, warnings: &[&str]) {
        let found = self.bowline.run("validate git -o json").await.with_code(0).json();
        let findings = found["findings"].as_array().unwrap();
        assert!(findings.iter().all(|one| warnings.contains(&one["message"].as_str().unwrap())), "{found:#}");
        let files = self.files();
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        self.remote.commit("Import what runs", &files);
    }

    /// Every service that ECS deploys has a task definition file, or none has.
    fn has_files(&self, wanted: bool, landscape: &Landscape) {
        let files = self.files().into_keys().filter(|path| path.starts_with("prod/services/"));
        let files = files.filter(|path| Path::new(path).extension().is_some_and(|end| end == "json")).count();
        assert_eq!(files, if wanted { landscape.deployed() } else { 0 });
    }

    /// The plan of what is committed, which must be empty.
    async fn plans_nothing(&self, resources: usize) {
        let plan = self.bowline.plan().await.with_code(0).json();
        assert_eq!((&plan["actions"], &plan["later"]), (&json!([]), &json!([])), "{plan:#}");
        let reports = plan["resources"].as_array().unwrap();
        assert_eq!(reports.len(), resources, "{plan:#}");
        assert!(reports.iter().all(|report| report["differences"] == json!([])), "{plan:#}");
    }
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let at = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(at, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

async fn simulator() -> Simulator {
    let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
    Simulator::start(config).await.unwrap()
}

/// The operations that were called, each once, sorted.
fn called(simulator: &Simulator) -> Vec<String> {
    let mut called: Vec<String> = simulator.calls().into_iter().map(|call| call.operation).collect();
    called.sort();
    called.dedup();
    called
}

/// Imports a landscape in each form, and plans it. The warnings are those that the server is known to cause.
async fn round_trip(landscape: &Landscape, endpoint: &str, warnings: &[&str]) {
    for form in ["", "--counts", "--files", "--files --counts"] {
        let desk = Desk::at(endpoint);
        let ended = desk
            .import(&format!(
                "{form} --target prod --cluster main --terraform-state s3://states/prod/app.tfstate"
            ))
            .await;
        let told = ended.with_code(0).stdout;
        assert!(told.contains("Target/prod  cluster main in 111122223333, eu-central-1\n"), "{told}");
        if warnings.is_empty() {
            desk.has_files(form.contains("--files"), landscape);
        }
        desk.commit_with(warnings).await;
        desk.plans_nothing(landscape.resources()).await;

        let again = Desk::at(endpoint);
        again
            .import(&format!(
                "{form} --target prod --cluster main --terraform-state s3://states/prod/app.tfstate"
            ))
            .await
            .with_code(0);
        assert_eq!(again.files(), desk.files(), "another import of the same");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_imported_from_the_simulator_plans_nothing() {
    let simulator = simulator().await;
    let landscape = Landscape::new(World::new(&simulator.url()).await, &EVERYWHERE).await;
    round_trip(&landscape, &simulator.url(), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_imported_from_moto_plans_nothing() {
    let moto = Server::moto(2).await;
    round_trip(&Landscape::new(in_moto(&moto).await, &MOTO).await, &moto.url, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_imported_from_ministack_plans_nothing() {
    let ministack = Server::ministack().await;
    let world = World::new(&ministack.url).await;
    round_trip(&Landscape::new(world, &EVERYWHERE).await, &ministack.url, &MINISTACK_WARNINGS).await;
}

/// A cluster in a network that moto knows.
async fn in_moto(moto: &Server) -> World {
    let home = tempfile::tempdir().unwrap();
    let aws = Cli::new(&moto.url, ACCOUNT, home.path());
    let subnet = aws.run("ec2 describe-subnets --query Subnets[0].SubnetId").await;
    let group = aws.run("ec2 describe-security-groups --query SecurityGroups[0].GroupId").await;
    World::new(&moto.url).await.in_network([subnet, group].map(|id| id.as_str().unwrap().to_owned()))
}

/// Imports 200 services of these sorts, pinned and with files, and plans them.
async fn two_hundred(world: World, endpoint: &str, sorts: &[Service], warnings: &[&str]) {
    let landscape = Landscape::many(world, sorts, 200, 40).await;
    for form in ["", "--files"] {
        let desk = Desk::at(endpoint);
        desk.import(&format!("{form} --target prod --cluster main")).await.with_code(0);
        if warnings.is_empty() {
            desk.has_files(form == "--files", &landscape);
        }
        desk.commit_with(warnings).await;
        desk.plans_nothing(landscape.resources()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_mixed_services_of_the_simulator_plan_nothing_after_few_calls() {
    let simulator = simulator().await;
    two_hundred(World::new(&simulator.url()).await, &simulator.url(), &EVERYWHERE, &[]).await;
    let desk = Desk::at(&simulator.url());
    simulator.clear_calls();
    desk.import("--target prod --cluster main").await.with_code(0);
    let calls = simulator.calls();
    let count = |operation: &str| calls.iter().filter(|call| call.operation == operation).count();
    let expected = [
        ("ListServices", 2),
        ("DescribeServices", 20),
        // Not those that CodeDeploy deploys.
        ("DescribeTaskDefinition", 32),
        ("DescribeSecret", 2),
        // Of the 160 that ECS deploys.
        ("DescribeServiceRevisions", 8),
        // Once to learn the account, once to confirm it.
        ("GetCallerIdentity", 2),
    ];
    assert_eq!(expected.map(|(operation, _)| (operation, count(operation))), expected);
    assert_eq!(calls.len(), expected.iter().map(|(_, count)| count).sum::<usize>());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_mixed_services_of_moto_plan_nothing() {
    let moto = Server::moto(2).await;
    two_hundred(in_moto(&moto).await, &moto.url, &MOTO, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_mixed_services_of_ministack_plan_nothing() {
    let ministack = Server::ministack().await;
    let world = World::new(&ministack.url).await;
    two_hundred(world, &ministack.url, &EVERYWHERE, &MINISTACK_WARNINGS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_import_adds_what_is_new_and_leaves_alone_what_git_says() {
    let simulator = simulator().await;
    let landscape = Landscape::new(World::new(&simulator.url()).await, &[Service::Web]).await;
    let desk = Desk::at(&simulator.url());
    desk.import("--target prod --cluster main").await.with_code(0);
    let first = desk.files();

    let unchanged = desk.import("--target prod -o json").await.with_code(0).json();
    assert_eq!(unchanged["written"], json!([]));
    assert_eq!(
        states(&unchanged),
        ["Secret/app-db unchanged", "EcsService/web unchanged", "Target/prod declared"]
    );

    // A person takes over, another one deploys by hand, and a service is new.
    let target = first["prod/target.yaml"].replace("mode: observe", "mode: enforce");
    fs::write(desk.folder().join("prod/target.yaml"), &target).unwrap();
    let revision = landscape.world.revision("web", "registry.test/web:hotfix").await;
    landscape.point("web", &revision).await;
    landscape.add(Service::Worker).await;
    let later = desk.import("--target prod -o json").await.with_code(0).json();
    assert_eq!(later["written"], json!(["prod/services/worker-v2.yaml"]));
    let left_alone =
        later["resources"].as_array().unwrap().iter().find(|one| one["state"] == "left-alone").unwrap();
    assert_eq!(left_alone["differs"], json!(["~ prod/services/web.yaml: 3 lines differ"]));
    let mut expected = first.clone();
    expected.insert("prod/target.yaml".to_owned(), target);
    expected.insert(
        "prod/services/worker-v2.yaml".to_owned(),
        desk.files()["prod/services/worker-v2.yaml"].clone(),
    );
    assert_eq!(desk.files(), expected);

    desk.import("--target prod --force").await.with_code(0);
    assert!(desk.files()["prod/services/web.yaml"].contains("revision: web:2\n"));
    assert!(
        desk.files()["prod/target.yaml"].contains("mode: enforce\n"),
        "what is allowed is a person's to say"
    );
}

/// `Kind/name state` of each resource.
fn states(document: &Value) -> Vec<String> {
    let told = |one: &Value| {
        let text = |at: &str| one.pointer(at).unwrap().as_str().unwrap().to_owned();
        format!("{}/{} {}", text("/resource/kind"), text("/resource/name"), text("/state"))
    };
    document["resources"].as_array().unwrap().iter().map(told).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_clusters_become_targets_of_their_own() {
    let simulator = simulator().await;
    let url = simulator.url();
    Landscape::new(World::new(&url).await, &[Service::Web]).await;
    let blue = World::in_cluster(&url, "Blue_Cluster").await;
    let revision = blue.revision("blue", "registry.test/blue:1").await;
    blue.service("web", &revision, 1).await;
    World::in_cluster(&url, "empty").await;
    let desk = Desk::at(&url);
    desk.import("--all").await.with_code(0);
    let paths: Vec<String> = desk.files().into_keys().collect();
    let expected = [
        "blue-cluster/services/web.yaml",
        "blue-cluster/target.yaml",
        "main/secrets/app-db.yaml",
        "main/services/main-web.yaml",
        "main/target.yaml",
    ];
    assert_eq!(paths, expected);
    desk.commit().await;
    desk.plans_nothing(5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_way_is_not_overwritten_and_nothing_else_is_written() {
    let simulator = simulator().await;
    Landscape::new(World::new(&simulator.url()).await, &[Service::Web]).await;
    let desk = Desk::at(&simulator.url());
    fs::create_dir_all(desk.folder().join("prod/services")).unwrap();
    fs::write(desk.folder().join("prod/services/web.yaml"), "# password: hunter2\n").unwrap();
    let before = desk.files();
    let refused = desk.import("--target prod --cluster main").await.with_code(1);
    assert!(refused.stdout.contains("prod/services/web.yaml  a file of which 26 lines differ"), "{refused}");
    assert!(!refused.to_string().contains("hunter2"), "{refused}");
    assert_eq!(desk.files(), before);
    desk.import("--target prod --cluster main --force").await.with_code(0);
    desk.commit().await;
    desk.plans_nothing(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn confidential_looking_values_are_refused_by_name_until_they_are_allowed() {
    let simulator = simulator().await;
    let landscape = Landscape::new(World::new(&simulator.url()).await, &[Service::Web]).await;
    landscape.add(Service::Confidential).await;
    let desk = Desk::at(&simulator.url());
    let refused = desk.import("--files --target prod --cluster main").await.with_code(1);
    assert!(refused.stdout.contains("legacy  container app  DB_PASSWORD  (by its name)\n"), "{refused}");
    assert!(refused.stdout.contains("legacy  container app  UPSTREAM  (by its value)\n"), "{refused}");
    let document = desk.import("--files --target prod --cluster main -o json").await.with_code(1).json();
    let suspect = |variable, because| json!({"service": "legacy", "place": "container app", "variable": variable, "because": because});
    assert_eq!(document["suspects"], json!([suspect("DB_PASSWORD", "name"), suspect("UPSTREAM", "value")]));
    assert!(!format!("{refused}{document}").contains("hunter2"));
    assert_eq!(desk.files(), BTreeMap::new());

    // Pinned, the value stays where it is.
    desk.import("--target prod --cluster main").await.with_code(0);
    assert!(desk.files().values().all(|text| !text.contains("hunter2")));
    fs::remove_dir_all(desk.folder()).unwrap();
    let allowed = "--files --allow-env DB_PASSWORD --allow-env UPSTREAM --target prod --cluster main";
    desk.import(allowed).await.with_code(0);
    desk.commit().await;
    desk.plans_nothing(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_told_with_what_to_do_and_writes_nothing() {
    let simulator = simulator().await;
    Landscape::new(World::new(&simulator.url()).await, &[Service::Web]).await;
    let desk = Desk::at(&simulator.url());
    for (arguments, told) in [
        (
            "--target prod",
            "there is no Target `prod` in the folder (it has none); to make one, give its cluster: --cluster CLUSTER",
        ),
        (
            "--target prod --cluster nowhere",
            "Account 111122223333 has no cluster `nowhere` in eu-central-1: check the Target's cluster and region.",
        ),
        (
            "--target prod --cluster main --service web --service nope --service absent",
            "the cluster `main` has no service named `absent`, `nope`; ",
        ),
        ("--target prod --cluster main --account 444455556666", "they belong to account 111122223333"),
        (
            "--target prod --cluster main --terraform-state s3://states/none",
            "there is no object `s3://states/none`",
        ),
        (
            "--target prod --cluster main --terraform-state nothing",
            "a place such as s3://bucket/path/to/state.tfstate",
        ),
        ("--target Prod --cluster main", "a name of 1 to 63 lower-case letters"),
        ("", "<--target <NAME>|--cluster <CLUSTER>|--all>"),
    ] {
        let ended = desk.import(arguments).await.with_code(2);
        assert!(ended.stderr.contains(told), "{arguments}: {ended}");
        assert_eq!(desk.files(), BTreeMap::new(), "{arguments}");
    }
    fs::write(desk.folder(), "not a folder").unwrap();
    let ended = desk.import("--target prod --cluster main").await.with_code(2);
    assert!(ended.stderr.contains("git: is not a folder"), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_outside_of_the_ceiling_is_not_imported() {
    let simulator = simulator().await;
    Landscape::new(World::new(&simulator.url()).await, &[Service::Web]).await;
    let desk = Desk::at(&simulator.url());
    let config = "ceiling: { accounts: ['444455556666'] }\n";
    fs::write(desk.bowline.home().join("bowline.yaml"), config).unwrap();
    simulator.clear_calls();
    for arguments in ["--target prod --cluster main", "--all"] {
        let ended = desk.import(arguments).await.with_code(2);
        assert!(ended.stderr.contains("outside the ceiling of bowline.yaml: "), "{ended}");
    }
    assert_eq!(called(&simulator), ["GetCallerIdentity"]);
    assert_eq!(desk.files(), BTreeMap::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_with_errors_or_without_room_is_refused() {
    let simulator = simulator().await;
    Landscape::new(World::new(&simulator.url()).await, &[Service::Web]).await;
    let desk = Desk::at(&simulator.url());
    fs::create_dir(desk.folder()).unwrap();
    fs::write(desk.folder().join("web.yaml"), "apiVersion: bowline.dev/v1alpha1\nkind: EcsService\n")
        .unwrap();
    let ended = desk.import("--target prod --cluster main").await.with_code(2);
    assert!(ended.stderr.contains("see `bowline validate git`"), "{ended}");
    fs::remove_file(desk.folder().join("web.yaml")).unwrap();

    // A file where the Target's folder would be: root may write everywhere, so permissions alone prove nothing.
    fs::write(desk.folder().join("prod"), "a file").unwrap();
    let ended = desk.import("--target prod --cluster main").await.with_code(1);
    assert!(ended.stdout.contains("a file where a folder is needed"), "{ended}");
    assert_eq!(desk.files(), BTreeMap::from([("prod".to_owned(), "a file".to_owned())]));
    let ended = desk.bowline.run("import --target prod --cluster main /proc/nowhere").await.with_code(2);
    assert!(ended.stderr.contains("/proc/nowhere cannot be written to; nothing was written"), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_ends_it_with_the_reason_and_nothing_is_half_written() {
    let simulator = simulator().await;
    Landscape::new(World::new(&simulator.url()).await, &EVERYWHERE).await;
    let desk = Desk::at(&simulator.url());
    let import = "--target prod --cluster main --terraform-state s3://states/prod/app.tfstate";
    for (operation, fault, told) in [
        ("GetCallerIdentity", Fault::ExpiredToken, "renew them"),
        (
            "ListServices",
            Fault::AccessDenied,
            "Allow ecs:ListServices for the role that Bowline uses. deploy/iam/import.json",
        ),
        ("DescribeServices", Fault::Throttle, "run it again, or for some services at a time (--service)."),
        ("DescribeTaskDefinition", Fault::AccessDenied, "Allow ecs:DescribeTaskDefinition"),
        ("DescribeSecret", Fault::AccessDenied, "2 reads failed:"),
        ("HeadObject", Fault::AccessDenied, "s3:GetObject"),
    ] {
        simulator.add_fault(FaultRule::new(fault).operation(operation));
        let ended = desk.import(import).await.with_code(2);
        assert!(
            ended.stderr.contains(told) && ended.stderr.contains("Nothing was written."),
            "{operation}: {ended}"
        );
        assert_eq!(desk.files(), BTreeMap::new(), "{operation}");
        simulator.clear_faults();
    }
    // One throttle in between is repeated, and nothing is missed.
    simulator.add_fault(FaultRule {
        times: Some(2),
        ..FaultRule::new(Fault::Throttle).operation("DescribeSecret")
    });
    desk.import(import).await.with_code(0);
    assert!(desk.files().contains_key("prod/secrets/app-api.yaml"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_reads_are_made_and_no_value_of_a_secret_is_among_them() {
    let simulator = simulator().await;
    let landscape = Landscape::new(World::new(&simulator.url()).await, &EVERYWHERE).await;
    let desk = Desk::at(&simulator.url());
    simulator.clear_calls();
    desk.import("--all --files --counts").await.with_code(0);
    let expected = [
        "DescribeSecret",
        "DescribeServiceRevisions",
        "DescribeServices",
        "DescribeTaskDefinition",
        "GetCallerIdentity",
        "ListClusters",
        "ListServices",
    ];
    assert_eq!(called(&simulator), expected);
    let values: Vec<String> = desk.files().into_values().filter(|text| text.contains("value-1")).collect();
    assert_eq!(values, Vec::<String>::new());
    assert_eq!(landscape.world.current("app/db").await, Some(version(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_going_is_skipped_and_said_so() {
    let simulator = simulator().await;
    let landscape = Landscape::new(World::new(&simulator.url()).await, &[Service::Web]).await;
    landscape.delete("web").await;
    landscape.add(Service::Worker).await;
    let desk = Desk::at(&simulator.url());
    let document = desk
        .import("--target prod --cluster main --service web --service worker_v2 -o json")
        .await
        .with_code(0)
        .json();
    let why = document["skipped"][0]["why"].as_str().unwrap();
    assert!(["draining", "inactive"].contains(&why), "{document:#}");
    assert_eq!(document["written"], json!(["prod/services/worker-v2.yaml", "prod/target.yaml"]));
}
