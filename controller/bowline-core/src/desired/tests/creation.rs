//! `create` of an EcsService: what ECS would refuse is found at its place, before any call.

use super::*;

/// The findings of a spec with these further lines.
fn findings(lines: &str) -> Vec<Finding> {
    let indented = format!("  {}\n", lines.replace('\n', "\n  "));
    let text = format!(
        "apiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata:\n  name: web\nspec:\n  target: prod\n  service: web\n{indented}"
    );
    manifest(&text).findings
}

const REVISION: &str = "taskDefinition: {revision: \"web:1\"}\n";

#[test]
fn what_create_service_takes_is_taken() {
    let network = "networkConfiguration: {awsvpcConfiguration: {subnets: [subnet-1]}}";
    for lines in [
        "desiredCount: 2\ncreate: {}".to_owned(),
        format!("desiredCount: 2\ncreate: {{launchType: FARGATE, {network}}}"),
        format!(
            "settings: {{{network}}}\ncreate: {{launchType: FARGATE, desiredCount: 2, tags: [{{key: team, value: shop}}]}}"
        ),
        format!(
            "create: {{desiredCount: 1, capacityProviderStrategy: [{{capacityProvider: FARGATE_SPOT}}], {network}, platformVersion: LATEST}}"
        ),
        "create: {schedulingStrategy: DAEMON, launchType: EC2, deploymentController: {type: ECS}}".to_owned(),
    ] {
        expect(&findings(&format!("{REVISION}{lines}")), "");
    }
}

#[test]
fn what_ecs_would_refuse_is_found() {
    expect(
        &findings(&format!(
            "{REVISION}\
desiredCount: 2
settings:
  enableExecuteCommand: true
create:
  desiredCount: 3
  enableExecuteCommand: true
  launchType: FARGATE
  capacityProviderStrategy: [{{capacityProvider: FARGATE}}]
  schedulingStrategy: DAEMON
  deploymentController: {{type: CODE_DEPLOY}}
  deploymentConfiguration: {{canaryConfiguration: {{canaryPercent: 10}}}}
  tags: [{{key: \"bowline:owner\", value: me}}, {{key: a}}, {{key: a}}]
  launchTyp: EC2"
        )),
        "\
prod/web.yaml:13:5 Error InvalidValue: `spec.create.desiredCount` says again what `spec.desiredCount` says
  |     desiredCount: 3
  = remove it from `create`: what is managed is also what it begins with
prod/web.yaml:13:19 Error InvalidValue: a DAEMON service takes no `desiredCount`: ECS decides how many tasks there are
  |     desiredCount: 3
  = remove it, or create a REPLICA service
prod/web.yaml:14:5 Error InvalidValue: `spec.create.enableExecuteCommand` says again what `spec.settings.enableExecuteCommand` says
  |     enableExecuteCommand: true
  = remove it from `create`: what is managed is also what it begins with
prod/web.yaml:15:17 Error InvalidValue: Fargate tasks need `networkConfiguration.awsvpcConfiguration.subnets`
  |     launchType: FARGATE
  = add it to `settings` to manage it, or to `create` to begin with
prod/web.yaml:15:17 Error InvalidValue: a DAEMON service cannot run on Fargate
  |     launchType: FARGATE
  = use `launchType: EC2`, or a REPLICA service
prod/web.yaml:15:17 Error InvalidValue: there are both `launchType` and `capacityProviderStrategy`
  |     launchType: FARGATE
  = keep one: ECS places a service by the one or the other
prod/web.yaml:18:34 Error InvalidValue: Bowline creates services of the deployment controller ECS only
  |     deploymentController: {type: CODE_DEPLOY}
  = leave `deploymentController` out, or create the service by other means and remove `create`
prod/web.yaml:19:31 Error InvalidValue: `spec.create.deploymentConfiguration.canaryConfiguration` does not go with ROLLING, the strategy of a new service that names none
  |     deploymentConfiguration: {canaryConfiguration: {canaryPercent: 10}}
  = remove it, or write `strategy: CANARY`
prod/web.yaml:20:18 Error InvalidValue: tags that begin with `bowline:` or `aws:` are written by Bowline and by AWS
  |     tags: [{key: \"bowline:owner\", value: me}, {key: a}, {key: a}]
  = remove it
prod/web.yaml:20:63 Error InvalidValue: the tag stands here a second time
  |     tags: [{key: \"bowline:owner\", value: me}, {key: a}, {key: a}]
  = remove one of the two
prod/web.yaml:21:5 Error UnknownField: `spec.create` has no field `launchTyp`
  |     launchTyp: ...
  = did you mean `launchType`?
",
    );
}

#[test]
fn settings_of_a_service_to_be_created_have_to_go_with_its_strategy() {
    let settings = "settings: {deploymentConfiguration: {canaryConfiguration: {canaryPercent: 10}}}";
    expect(&findings(&format!("{REVISION}{settings}")), "");
    expect(
        &findings(&format!("{REVISION}desiredCount: 2\n{settings}\ncreate: {{launchType: EC2}}")),
        "\
prod/web.yaml:10:40 Error InvalidValue: `spec.settings.deploymentConfiguration.canaryConfiguration` does not go with ROLLING, the strategy of a new service that names none
  |   settings: {deploymentConfiguration: {canaryConfiguration: {canaryPercent: 10}}}
  = remove it, or write `strategy: CANARY`
",
    );
}

#[test]
fn what_is_missing_or_does_not_fit_is_found() {
    expect(
        &findings(
            "settings: {networkConfiguration: {awsvpcConfiguration: {subnets: [subnet-1]}}}\ncreate: {launchType: EC2, role: old, platformVersion: LATEST}",
        ),
        "\
prod/web.yaml:9:11 Error InvalidValue: `spec.create` does not say how many tasks to begin with
  |   create: {launchType: EC2, role: old, platformVersion: LATEST}
  = add `desiredCount` to `spec` or, where autoscaling owns it, to `create`
prod/web.yaml:9:11 Error InvalidValue: `spec.create` needs `spec.taskDefinition`: ECS creates no service without one
  |   create: {launchType: EC2, role: old, platformVersion: LATEST}
  = add it, with `revision` or `file`
prod/web.yaml:9:35 Error InvalidValue: ECS takes no `role` for a service in awsvpc mode: it uses its service-linked role
  |   create: {launchType: EC2, role: old, platformVersion: LATEST}
  = remove it
prod/web.yaml:9:57 Error InvalidValue: `platformVersion` is for Fargate only
  |   create: {launchType: EC2, role: old, platformVersion: LATEST}
  = remove it, or create the service with `launchType: FARGATE`
",
    );
}

/// Nothing live is there from which a structure could take what AWS requires; an update takes it from there.
#[test]
fn what_an_update_takes_from_live_has_to_be_there() {
    let partial = "\
settings:
  deploymentConfiguration:
    deploymentCircuitBreaker: {enable: true}
    alarms: {alarmNames: [high-5xx]}";
    let create = "create: {desiredCount: 1, launchType: FARGATE, networkConfiguration: {awsvpcConfiguration: {assignPublicIp: ENABLED}}}";
    expect(
        &findings(&format!("{REVISION}{partial}\n{create}")),
        "\
prod/web.yaml:11:33 Error MissingField: `spec.settings.deploymentConfiguration.deploymentCircuitBreaker.rollback` is missing
  |       deploymentCircuitBreaker: {enable: true}
  = add it: a service is created with nothing that could be taken from what is live
prod/web.yaml:12:15 Error MissingField: `spec.settings.deploymentConfiguration.alarms.enable` is missing
  |       alarms: {alarmNames: [high-5xx]}
  = add it: a service is created with nothing that could be taken from what is live
prod/web.yaml:12:15 Error MissingField: `spec.settings.deploymentConfiguration.alarms.rollback` is missing
  |       alarms: {alarmNames: [high-5xx]}
  = add it: a service is created with nothing that could be taken from what is live
prod/web.yaml:13:94 Error MissingField: `spec.create.networkConfiguration.awsvpcConfiguration.subnets` is missing
  |   create: {desiredCount: 1, launchType: FARGATE, networkConfiguration: {awsvpcConfiguration: {assignPublicIp: ENABLED}}}
  = add it: a service is created with nothing that could be taken from what is live
",
    );
    expect(&findings(&format!("{REVISION}{partial}")), "");
    let whole = "\
settings:
  deploymentConfiguration:
    deploymentCircuitBreaker: {enable: true, rollback: true}
    alarms: {alarmNames: [high-5xx], enable: true, rollback: false}
create: {desiredCount: 1, networkConfiguration: {awsvpcConfiguration: {subnets: [subnet-1]}}}";
    expect(&findings(&format!("{REVISION}{whole}")), "");
}
