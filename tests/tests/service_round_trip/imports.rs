//! Services of all settings, imported: the manifests are valid, the plan is empty, and another import writes the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bowline_tests::bowline::Bowline;
use bowline_tests::calls::make;
use bowline_tests::generate::services::{Network, samples, varied};
use bowline_tests::git::Remote;
use bowline_tests::register::Check;
use bowline_tests::servers::Server;
use serde_json::{Value, json};

use super::cases::{Case, unchanged};
use super::{network_of, prepared, simulator};

/// How many services there are.
const SERVICES: usize = 200;

/// What is imported, by path.
async fn imported(bowline: &Bowline, folder: &str) -> BTreeMap<String, String> {
    bowline.run(&format!("import --target prod --cluster main {folder}")).await.with_code(0);
    let findings = bowline.run(&format!("validate {folder} -o json")).await.with_code(0).json();
    assert_eq!(findings["findings"], json!([]), "{findings:#}");
    let files = |of: &Path| -> BTreeMap<String, String> {
        let entries =
            fs::read_dir(bowline.home().join(folder).join(of)).unwrap().map(|entry| entry.unwrap().path());
        let name = |path: &Path| of.join(path.file_name().unwrap()).display().to_string();
        entries
            .filter(|path| path.is_file())
            .map(|path| (name(&path), fs::read_to_string(&path).unwrap()))
            .collect()
    };
    let mut all = files(Path::new("prod"));
    all.extend(files(Path::new("prod/services")));
    all
}

async fn plans_nothing(url: &str, network: &Network) {
    prepared(url).await;
    let samples = samples(network);
    let mut cases = unchanged(&samples, "sample");
    cases.extend(unchanged(&varied(network, SERVICES - samples.len()), "varied"));
    make(url, &cases.iter().map(Case::creation).collect::<Vec<_>>(), Check::Model).await;
    let remote = Remote::new();
    let bowline = Bowline::new(url, &remote.path().display().to_string());
    let files = imported(&bowline, "git").await;
    assert_eq!(files.len(), SERVICES + 1, "the Target");
    assert_eq!(files, imported(&bowline, "again").await);
    let settings = files.values().filter(|text| text.contains("\n  settings:\n")).count();
    assert_eq!(settings, SERVICES, "each has a setting that is no default");
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    remote.commit("Import what runs", &files);
    let plan = bowline.plan().await.with_code(0).json();
    let reports = plan["resources"].as_array().unwrap();
    assert_eq!((&plan["actions"], reports.len()), (&json!([]), SERVICES + 1));
    let differs = |report: &&Value| report["differences"] != json!([]);
    assert_eq!(reports.iter().find(differs), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_settings_are_imported_from_the_simulator() {
    plans_nothing(&simulator().await.url(), &Network::anywhere()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_settings_are_imported_from_moto() {
    let moto = Server::moto(0).await;
    plans_nothing(&moto.url, &network_of(&moto).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_settings_are_imported_from_ministack() {
    plans_nothing(&Server::ministack().await.url, &Network::anywhere()).await;
}
