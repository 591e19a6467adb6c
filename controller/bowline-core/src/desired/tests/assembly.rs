//! The files of a commit, held against each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;
use crate::name::ResourceName;

pub(super) fn name(text: &str) -> ResourceName {
    ResourceName::parse(text).unwrap()
}

pub(super) fn document(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: bowline.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n---\n"
    )
}

pub(super) fn target(name: &str, cluster: &str, region: &str) -> String {
    document("Target", name, &format!("accountId: \"111122223333\", region: {region}, cluster: {cluster}"))
}

pub(super) fn service(name: &str, rest: &str) -> String {
    document("EcsService", name, &format!("target: prod, service: {name}{rest}"))
}

pub(super) fn secret(name: &str, target: &str) -> String {
    document(
        "Secret",
        name,
        &format!("target: {target}, secretId: {name}, versionId: 6f1a3a52-9d1b-4a0e-8a54-2f7f0c4b9d11"),
    )
}

pub(super) fn parsed(at: &str, text: &str) -> Arc<ParsedFile> {
    Arc::new(parse_manifest(&path(at), text.as_bytes()))
}

pub(super) fn file(at: &str, text: &str) -> SourceFile {
    SourceFile { parsed: parsed(at, text), fallback: None }
}

pub(super) fn no_task_definitions() -> BTreeMap<RelativePath, Arc<ParsedTaskDefinition>> {
    BTreeMap::new()
}

/// What can be used, and what cannot and why.
pub(super) fn outcome(state: &DesiredState) -> (Vec<String>, Vec<String>) {
    let used = state
        .targets
        .keys()
        .map(|name| format!("Target/{name}"))
        .chain(state.services.keys().map(|name| format!("EcsService/{name}")))
        .chain(state.secrets.keys().map(|name| format!("Secret/{name}")))
        .chain(state.states.keys().map(|name| format!("TerraformState/{name}")))
        .collect();
    let invalid = state.invalid.iter().map(|(key, why)| format!("{key}: {why}")).collect();
    (used, invalid)
}

#[test]
fn a_whole_repository_comes_together() {
    let files = [
        file("targets.yaml", &target("prod", "main", "eu-central-1")),
        file(
            "prod/web.yaml",
            &(service("web", ", secrets: [db], dependsOn: [api], taskDefinition: {file: ../td/web.json}")
                + &service("api", ", taskDefinition: {revision: \"api:3\"}")),
        ),
        file("prod/db.yaml", &secret("db", "prod")),
        file(
            "prod/state.yaml",
            &document("TerraformState", "net", "target: prod, bucket: states, key: net.tfstate"),
        ),
        file("other.yaml", "apiVersion: v1\nkind: List\n"),
    ];
    let referenced = referenced_task_definitions(&files);
    assert_eq!(referenced, BTreeSet::from([path("td/web.json")]));
    let text = br#"{"family": "web", "memory": "64", "containerDefinitions": [{"name": "a", "image": "b"}]}"#;
    let parsed = Arc::new(parse_task_definition(&path("td/web.json"), text));
    let Assembled { state, findings } =
        assemble(&files, &BTreeMap::from([(path("td/web.json"), parsed.clone())]));
    expect(&findings, "");
    let used = ["Target/prod", "EcsService/api", "EcsService/web", "Secret/db", "TerraformState/net"];
    assert_eq!(outcome(&state), (used.map(str::to_owned).to_vec(), Vec::new()));
    assert_eq!(state.skipped, 1);
    assert_eq!(
        state.services[&name("web")].task_definition,
        Some(WantedTaskDefinition::Content {
            file: path("td/web.json"),
            family: "web".to_owned(),
            content: parsed.content.clone().unwrap(),
        })
    );
    assert!(matches!(state.services[&name("api")].task_definition, Some(WantedTaskDefinition::Revision(_))));
}

#[test]
fn of_two_resources_of_one_name_neither_is_used() {
    let files = [
        file("b.yaml", &service("web", "")),
        file(
            "a.yaml",
            &(target("prod", "main", "eu-central-1")
                + &service("web", "")
                + &service("api", ", dependsOn: [web]")),
        ),
    ];
    let Assembled { state, findings } = assemble(&files, &no_task_definitions());
    expect(
        &findings,
        "\
b.yaml:3:18 Error Duplicate: there is a second EcsService/web
  | metadata: {name: web}
  = rename or remove one of the two; until then neither is used
  > a.yaml:8:18 the first one
",
    );
    let invalid = [
        "EcsService/api: it refers to EcsService/web, which cannot be used",
        "EcsService/web: it stands twice: in a.yaml:8 and in b.yaml:3",
    ];
    assert_eq!(outcome(&state), (vec!["Target/prod".to_owned()], invalid.map(str::to_owned).to_vec()));
}

#[test]
fn of_two_resources_that_manage_one_service_neither_is_used() {
    let files = [file(
        "a.yaml",
        &[
            target("prod", "main", "eu-central-1"),
            target("same", "main", "eu-central-1"),
            document("EcsService", "one", "target: prod, service: web"),
            document("EcsService", "a-second", "target: same, service: web"),
            document("EcsService", "third", "target: prod, service: api"),
        ]
        .concat(),
    )];
    let Assembled { state, findings } = assemble(&files, &no_task_definitions());
    expect(&findings, "\
a.yaml:19:31 Error Duplicate: EcsService/one already manages service web of cluster main in 111122223333, eu-central-1
  | spec: {target: same, service: web}
  = remove one of the two resources; until then neither is used
  > a.yaml:14:31 the first one
");
    assert_eq!(outcome(&state).0, ["Target/prod", "Target/same", "EcsService/third"]);
}

#[test]
fn a_dangling_reference_names_what_exists() {
    let files = [file(
        "a.yaml",
        &[
            target("production", "main", "eu-central-1"),
            document(
                "EcsService",
                "web",
                "target: prodution, service: web, secrets: [cache], dependsOn: [wbe]",
            ),
            secret("db", "production"),
            document(
                "TerraformState",
                "net",
                "target: production, bucket: states, key: k, resources: {aws_ecs_service.x: api}",
            ),
            service("api", ", taskDefinition: {file: api.json}")
                .replace("target: prod", "target: production"),
        ]
        .concat(),
    )];
    let Assembled { state, findings } = assemble(&files, &no_task_definitions());
    expect(
        &findings,
        "\
a.yaml:9:16 Error DanglingReference: `spec.target`: there is no Target named `prodution`
  | spec: {target: prodution, service: web, secrets: [cache], dependsOn: [wbe]}
  = did you mean `production`?
a.yaml:9:51 Error DanglingReference: `spec.secrets[0]`: there is no Secret named `cache`
  | spec: {target: prodution, service: web, secrets: [cache], dependsOn: [wbe]}
  = Secret resources: there is only `db`
a.yaml:9:71 Error DanglingReference: `spec.dependsOn[0]`: there is no EcsService named `wbe`
  | spec: {target: prodution, service: web, secrets: [cache], dependsOn: [wbe]}
  = EcsService resources: there is only `api`
a.yaml:24:65 Error DanglingReference: `spec.taskDefinition.file`: there is no file api.json
  | spec: {target: production, service: api, taskDefinition: {file: api.json}}
  = the path is relative to the folder of a.yaml
",
    );
    assert_eq!(outcome(&state).0, ["Target/production", "Secret/db", "TerraformState/net"]);
}

#[test]
fn dependencies_that_go_in_a_circle_are_refused_with_what_hangs_on_them() {
    let files = [
        file(
            "a.yaml",
            &(target("prod", "main", "eu-central-1")
                + &service("a", ", dependsOn: [b, free]")
                + &service("b", ", dependsOn: [c]")),
        ),
        file(
            "c.yaml",
            &(service("c", ", dependsOn: [a]") + &service("d", ", dependsOn: [b]") + &service("free", "")),
        ),
    ];
    let Assembled { state, findings } = assemble(&files, &no_task_definitions());
    expect(
        &findings,
        "\
a.yaml:9:46 Error InvalidValue: `spec.dependsOn` goes in a circle: a -> b -> c -> a
  | spec: {target: prod, service: a, dependsOn: [b, free]}
  = remove one of these dependencies; until then none of the services is used
  > a.yaml:14:46 EcsService/b depends on the next one here
  > c.yaml:4:46 EcsService/c depends on the next one here
",
    );
    let invalid = [
        "EcsService/a: its dependencies go in a circle: a -> b -> c -> a",
        "EcsService/b: its dependencies go in a circle: a -> b -> c -> a",
        "EcsService/c: its dependencies go in a circle: a -> b -> c -> a",
        "EcsService/d: it refers to EcsService/b, which cannot be used",
    ];
    assert_eq!(outcome(&state).1, invalid);
}

#[test]
fn a_secret_of_another_region_is_a_warning_and_of_another_cluster_is_fine() {
    let files = [file(
        "a.yaml",
        &[
            target("prod", "main", "eu-central-1"),
            target("batch", "batch", "eu-central-1"),
            target("far", "main", "us-east-1"),
            secret("near", "batch"),
            secret("away", "far"),
            secret("arn", "prod").replace(
                "secretId: arn",
                "secretId: \"arn:aws:secretsmanager:us-east-1:111122223333:secret:a\"",
            ),
            service("web", ", secrets: [near, away]"),
        ]
        .concat(),
    )];
    let Assembled { state, findings } = assemble(&files, &no_task_definitions());
    expect(&findings, "\
a.yaml:29:32 Warning InvalidValue: `spec.secretId` is in 111122223333 us-east-1, its Target `prod` in 111122223333 eu-central-1
  | spec: {target: prod, secretId: \"arn:aws:secretsmanager:us-east-1:111122223333:secret:a\", versionId: 6f1a3a52-9d1b-4a0e-8a54-2f7f0c4b9d11}
a.yaml:34:52 Warning InvalidValue: `spec.secrets[1]`: Secret/away is in 111122223333 us-east-1, the service in 111122223333 eu-central-1
  | spec: {target: prod, service: web, secrets: [near, away]}
  = check `spec.target` of Secret/away in a.yaml:24
");
    assert_eq!(state.services.len(), 1);
}

#[test]
fn a_task_definition_file_with_errors_holds_its_services() {
    let files = [file(
        "a.yaml",
        &(target("prod", "main", "eu-central-1")
            + &service("web", ", taskDefinition: {file: web.json}")
            + &service("api", ", taskDefinition: {file: wbe.json}")),
    )];
    let task_definitions =
        BTreeMap::from([(path("web.json"), Arc::new(parse_task_definition(&path("web.json"), b"{}")))]);
    let Assembled { state, findings } = assemble(&files, &task_definitions);
    expect(
        &findings,
        "\
a.yaml:14:59 Error DanglingReference: `spec.taskDefinition.file`: there is no file wbe.json
  | spec: {target: prod, service: api, taskDefinition: {file: wbe.json}}
  = did you mean web.json?
web.json:1:1 Error MissingField: `containerDefinitions` is missing
  | {}
web.json:1:1 Error MissingField: `family` is missing
  | {}
",
    );
    let invalid = [
        "EcsService/api: there is no file wbe.json",
        "EcsService/web: its task definition web.json has errors",
    ];
    assert_eq!(outcome(&state).1, invalid);
}

#[test]
fn the_order_of_the_files_does_not_matter() {
    let mut files = vec![
        file("a.yaml", &(target("prod", "main", "eu-central-1") + &service("web", ", dependsOn: [api]"))),
        file("b.yaml", &(service("web", "") + &service("api", ", dependsOn: [web]"))),
        file(
            "c.yaml",
            &(secret("db", "nowhere") + &document("Policy", "p", "") + &document("Policy", "p", "")),
        ),
    ];
    let first = assemble(&files, &no_task_definitions());
    files.reverse();
    assert_eq!(assemble(&files, &no_task_definitions()), first);
    assert_eq!(first.findings.iter().filter(|f| f.code == FindingCode::Duplicate).count(), 2);
}
