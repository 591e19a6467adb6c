//! Load balancers of a service, held against its task definition file.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::assembly::{document, file, outcome, target};
use super::*;

const FILE: &str = r#"{"family": "web", "memory": "64", "containerDefinitions": [
{"name": "web", "image": "b", "portMappings": [{"containerPort": 8080}, {"containerPortRange": "9000-9010"}]},
{"name": "log", "image": "b"}]}"#;

/// The commit of a service with these lines in its spec, and the file that it names.
fn assembled(lines: &str) -> Assembled {
    let service = format!(
        "apiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata: {{name: web}}\nspec:\n  target: prod\n  service: web\n{lines}"
    );
    let files =
        [file("target.yaml", &target("prod", "main", "eu-central-1")), file("prod/web.yaml", &service)];
    let web = path("prod/web.json");
    let parsed = Arc::new(parse_task_definition(&web, FILE.as_bytes()));
    assemble(&files, &BTreeMap::from([(web, parsed)]))
}

const NAMED: &str = "  taskDefinition: {file: web.json}\n";

#[test]
fn what_a_load_balancer_names_and_the_file_does_not_have_is_found_at_its_line() {
    let balancers = "  settings:
    loadBalancers:
    - {targetGroupArn: one, containerName: web, containerPort: 8080}
    - {targetGroupArn: two, containerName: wbe, containerPort: 8080}
    - targetGroupArn: three
      containerName: web
      containerPort: 8081
    - {targetGroupArn: four, containerName: log, containerPort: 80}
    - {targetGroupArn: five, containerName: web, containerPort: 9005}
";
    let Assembled { state, findings } = assembled(&format!("{NAMED}{balancers}"));
    expect(
        &findings,
        "\
prod/web.yaml:11:44 Error DanglingReference: `spec.settings.loadBalancers[1].containerName`: prod/web.json has no container `wbe`
  |     - {targetGroupArn: two, containerName: wbe, containerPort: 8080}
  = did you mean `web`?
prod/web.yaml:14:22 Error DanglingReference: `spec.settings.loadBalancers[2].containerPort`: the container `web` of prod/web.json does not map port 8081
  |       containerPort: 8081
  = add it to `portMappings`, or name one that is mapped: 8080, 9000-9010
prod/web.yaml:15:65 Error DanglingReference: `spec.settings.loadBalancers[3].containerPort`: the container `log` of prod/web.json does not map port 80
  |     - {targetGroupArn: four, containerName: log, containerPort: 80}
  = add it to `portMappings`, or name one that is mapped: none
",
    );
    let why = "EcsService/web: a load balancer sends traffic to what its task definition does not have";
    assert_eq!(outcome(&state), (vec!["Target/prod".to_owned()], vec![why.to_owned()]));
}

#[test]
fn load_balancers_of_a_creation_are_held_against_the_file_too() {
    let creation = "  desiredCount: 1
  ignore: [restart]
  create:
    launchType: EC2
    loadBalancers:
    - {targetGroupArn: two, containerName: wbe, containerPort: 8080}
";
    expect(
        &assembled(&format!("{NAMED}{creation}")).findings,
        "\
prod/web.yaml:13:44 Error DanglingReference: `spec.create.loadBalancers[0].containerName`: prod/web.json has no container `wbe`
  |     - {targetGroupArn: two, containerName: wbe, containerPort: 8080}
  = did you mean `web`?
",
    );
}

#[test]
fn where_git_does_not_say_what_runs_nothing_is_found() {
    let balancers =
        "  settings: {loadBalancers: [{targetGroupArn: one, containerName: envoy, containerPort: 80}]}\n";
    let ignored = "  ignore: [\"containerDefinitions[name=envoy]\"]\n";
    for lines in [
        format!("  taskDefinition: {{revision: \"web:1\"}}\n{balancers}"),
        format!("{NAMED}{balancers}{ignored}"),
        format!("{NAMED}  settings: {{loadBalancers: []}}\n"),
        format!("{NAMED}  settings: {{loadBalancers: [{{targetGroupArn: one}}]}}\n"),
    ] {
        expect(&assembled(&lines).findings, "");
    }
}

/// The line of a reference may hold something confidential, too.
#[test]
fn of_a_line_with_a_confidential_value_nothing_is_shown() {
    let spec = "target: production, service: web, settings: {serviceConnectConfiguration: {enabled: true, \
                logConfiguration: {logDriver: splunk, options: {splunk-token: hunter2}}}}";
    let files = [
        file("target.yaml", &target("prod", "main", "eu-central-1")),
        file("web.yaml", &document("EcsService", "web", spec)),
    ];
    expect(
        &assemble(&files, &BTreeMap::new()).findings,
        "\
web.yaml:4:16 Error DanglingReference: `spec.target`: there is no Target named `production`
  = Target resources: there is only `prod`
",
    );
}
