//! What a revert has to lead to.

use super::*;

/// One service that reads a secret, as `revision` and `version` say, with a setting that starts a deployment.
fn files(revision: &str, version: u8, setting: &str) -> Vec<(&'static str, String)> {
    let rest =
        format!(", taskDefinition: {{revision: '{revision}'}}, secrets: [db], settings: {{{setting}}}");
    vec![("target.yaml", target()), ("db.yaml", secret(version)), ("web.yaml", more("web", &rest))]
}

const ONE: &str = "platformVersion: 1.3.0";
const OTHER: &str = "platformVersion: 1.4.0";

fn wants(revision: &str, version: u8, setting: &str) -> DesiredState {
    state(&files(revision, version, setting).into_iter().collect())
}

#[test]
fn what_a_revert_misses_is_told_part_by_part() {
    let mut branch = Branch::new(&files("web:1", 1, ONE));
    let good = id(0);
    branch.commit(&files("web:2", 1, ONE));
    let active = GoodRevision::Active(revision("web:1"));
    let chosen = branch.choose_with(&[("web", &good)], &active);
    let [revert] = chosen.reverts.as_slice() else { panic!("{chosen:?}") };
    let missed =
        |revert: &Revert, after: &DesiredState| revert.missed(after).remove(&name("web")).unwrap_or_default();
    assert_eq!(missed(revert, &wants("web:1", 1, ONE)), "");
    assert_eq!(missed(revert, &wants("web:2", 1, ONE)), "its task definition");
    assert_eq!(missed(revert, &wants("web:1", 2, OTHER)), "the versions of its secrets and its settings");
    assert_eq!(missed(revert, &DesiredState::default()), "its document");

    // Others read the secret, so that it stays.
    let mut shared = revert.clone();
    shared.aims.shared.insert(name("db"));
    assert_eq!(missed(&shared, &wants("web:1", 2, ONE)), "");

    // A pinned revision stands for the good one.
    let pinned = revert.pinned_to_good().unwrap();
    assert_eq!(pinned.pins, BTreeMap::from([(name("web"), revision("web:1"))]));
    assert_eq!(pinned.pinned_to_good(), None);
    let mut other = revert.clone();
    other.registered(&name("web"), revision("web:7"));
    assert_eq!(missed(&other, &wants("web:7", 1, ONE)), "");
    assert_eq!(missed(&other, &wants("web:1", 1, ONE)), "its task definition");
}
