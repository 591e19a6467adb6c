//! What needs neither AWS nor a remote.

use serde_json::json;

use crate::place::{Place, TARGET, service};

const VERBS: [&str; 17] = [
    "validate", "plan", "apply", "import", "run", "status", "history", "diff", "restart", "scale", "release",
    "rollback", "retry", "accept", "suspend", "resume", "explain",
];

#[test]
fn help_is_as_documented() {
    let place = Place::new();
    insta::assert_snapshot!("help", place.bowline(&["--help"]).out);
    for verb in VERBS {
        let answer = place.bowline(&[verb, "--help"]);
        assert_eq!(answer.code, 0);
        // The options that every verb has are shown once, by the program's own help.
        let own = answer.out.split("\nGlobal options:").next().unwrap().to_owned();
        let after = answer.out.split("such as a simulator's\n").nth(1).unwrap_or_default();
        insta::assert_snapshot!(format!("help-{verb}"), format!("{own}\n[global options]\n{after}"));
    }
}

#[test]
fn a_valid_folder_is_valid() {
    let place = Place::new();
    place.write("desired/target.yaml", TARGET);
    place.write("desired/web.yaml", &service("web", "web:1", 2));
    let answer = place.bowline(&["validate", "desired"]);
    assert_eq!(
        (answer.code, answer.out.as_str(), answer.err.as_str()),
        (
            0,
            "desired: valid; 0 errors, 0 warnings in 1 Target, 1 EcsService, 0 Secret, 0 TerraformState\n",
            ""
        )
    );
    let answer = place.bowline(&["validate", "desired", "-o", "json"]);
    assert_eq!(answer.code, 0);
    assert_eq!(
        answer.json(),
        json!({
            "version": 1, "valid": true, "path": "desired", "findings": [],
            "resources": {
                "targets": 1, "services": 1, "secrets": 0, "states": 0, "invalid": 0, "skipped": 0,
            },
        })
    );
}

#[test]
fn every_finding_of_a_bad_folder_is_told_with_its_place() {
    let place = Place::new();
    place.write("desired/target.yaml", TARGET);
    place.write("desired/one.yaml", &service("web", "web:1", 2).replace("desiredCount", "desiredCuont"));
    place.write("desired/two.yaml", &service("api", "api", 2).replace("production", "prodution"));
    place.write("desired/three.yaml", "a: [\n");
    let answer = place.bowline(&["validate", "desired"]);
    assert_eq!(answer.code, 1, "{answer:?}");
    insta::assert_snapshot!("validate-bad", answer.out);
    let document = place.bowline(&["validate", "desired", "-o", "json"]).json();
    let places: Vec<String> = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            let at = &finding["location"];
            format!("{}:{}:{} {}", at["path"].as_str().unwrap(), at["line"], at["column"], finding["code"])
        })
        .collect();
    insta::assert_snapshot!("validate-bad-places", places.join("\n"));
}

#[test]
fn what_cannot_be_done_says_what_to_do() {
    let place = Place::new();
    place.write("bad.yaml", "lisen: 127.0.0.1:1\n");
    place.write("empty/README.md", "nothing yet");
    place.commit("One", &[("desired/target.yaml", TARGET)]);
    place.write("two.yaml", "sources: [{ repo: a }, { repo: b }]\n");
    place.write("away.yaml", "sources: [{ repo: nothing-here }]\nstore: ':memory:'\nlisten: 127.0.0.1:1\n");
    let mut told = String::new();
    for arguments in [
        &["plan"] as &[&str],
        &["--config", "nowhere.yaml", "plan"],
        &["--config", "bad.yaml", "run"],
        &["--config", "two.yaml", "run"],
        &["--config", "away.yaml", "plan"],
        &["plan", "--repo", "empty"],
        &["plan", "--repo", "repo/desired"],
        &["plan", "repo"],
        &["--config", "away.yaml", "status"],
        &["--config", "away.yaml", "diff", "web"],
        &["apply", "--repo", "."],
        &["validate", "nowhere"],
        &["validate", "empty"],
        &["validate", "bad.yaml"],
        &["status", "web"],
        &["status", "--listen", "here"],
        &["run"],
        &["plan", "--no-such-flag"],
    ] {
        let answer = place.bowline(arguments);
        assert_eq!((answer.code, answer.out.as_str()), (2, ""), "{arguments:?}: {answer:?}");
        told = format!("{told}$ bowline {}\n{}\n", arguments.join(" "), answer.err);
    }
    insta::assert_snapshot!("errors", told);
}

#[test]
fn errors_are_json_too() {
    let place = Place::new();
    place.write("bad.yaml", "lisen: 127.0.0.1:1\n");
    let answer = place.bowline(&["plan", "-o", "json"]);
    assert_eq!((answer.code, answer.err.as_str()), (2, ""));
    let message = "no repository is configured: write `sources` into a bowline.yaml (in this folder, or named with \
                   --config), or set BOWLINE_REPO; plan and apply also take --repo";
    assert_eq!(answer.json(), json!({ "error": { "message": message, "causes": [], "exitCode": 2 } }));
    for arguments in
        [&["--config", "bad.yaml", "run", "-o", "json"] as &[&str], &["plan", "-o", "json", "--nope"]]
    {
        let answer = place.bowline(arguments);
        assert_eq!((answer.code, answer.err.as_str()), (2, ""), "{arguments:?}");
        assert!(answer.json()["error"]["message"].is_string(), "{answer:?}");
    }
}
