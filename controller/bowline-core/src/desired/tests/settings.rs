//! `settings` of an EcsService against the shapes of UpdateService.

use super::*;

fn with_settings(settings: &str) -> ParsedFile {
    let indented = format!("    {}\n", settings.replace('\n', "\n    "));
    manifest(&format!(
        "apiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata:\n  name: web\nspec:\n  target: prod\n  service: web\n  settings:\n{indented}"
    ))
}

#[test]
fn every_field_may_be_written_as_aws_takes_it() {
    let file = with_settings(
        "\
availabilityZoneRebalancing: ENABLED
capacityProviderStrategy: [{capacityProvider: FARGATE_SPOT, weight: 2, base: 1}]
deploymentConfiguration:
  deploymentCircuitBreaker: {enable: true, rollback: true, resetOnHealthyTask: false, thresholdConfiguration: {type: COUNT, value: 5}}
  maximumPercent: 200
  minimumHealthyPercent: 50
  alarms: {alarmNames: [high-5xx], enable: true, rollback: true}
  strategy: CANARY
  bakeTimeInMinutes: 5
  lifecycleHooks: [{hookTargetArn: \"arn:aws:lambda:eu-central-1:111122223333:function:check\", roleArn: \"arn:aws:iam::111122223333:role/hooks\", lifecycleStages: [PRE_SCALE_UP], hookDetails: {any: [thing, 1]}}]
  canaryConfiguration: {canaryPercent: 2.5, canaryBakeTimeInMinutes: 10}
deploymentController: {type: ECS}
enableECSManagedTags: true
enableExecuteCommand: true
gatewayConnectors: [{portName: http, filters: {accessTypes: [PRIVATE]}}]
healthCheckGracePeriodSeconds: 30
loadBalancers: []
monitoring: {metricConfigurations: [{metricNames: [CPUUtilization], resolutionSeconds: 20}]}
networkConfiguration: {awsvpcConfiguration: {subnets: [subnet-1], securityGroups: [sg-1], assignPublicIp: DISABLED}}
placementConstraints: [{type: distinctInstance}]
placementStrategy: [{type: spread, field: instanceId}]
platformVersion: LATEST
propagateTags: SERVICE
role: ecsServiceRole
schedulingStrategy: REPLICA
serviceConnectConfiguration: {enabled: true, namespace: internal, services: [{portName: http, clientAliases: [{port: 80}]}]}
serviceRegistries: [{registryArn: \"arn:aws:servicediscovery:eu-central-1:111122223333:service/srv-1\", port: 8080}]
volumeConfigurations: [{name: data, managedEBSVolume: {roleArn: \"arn:aws:iam::111122223333:role/ebs\", sizeInGiB: 10}}]
vpcLatticeConfigurations: []",
    );
    expect(&file.findings, "");
    let Some(ParsedResource::EcsService(service)) = &file.documents[0].resource else { panic!("no service") };
    assert_eq!(service.spec.settings.fields().len(), 21);
    assert_eq!(
        service.spec.settings.fields()["deploymentConfiguration"]["canaryConfiguration"]["canaryPercent"],
        2.5
    );
}

#[test]
fn what_goes_with_one_deployment_strategy_only_is_refused_beside_another() {
    let members = [
        "canaryConfiguration: {canaryPercent: 2.5}",
        "linearConfiguration: {stepPercent: 10, stepBakeTimeInMinutes: 6}",
        "earlySuccessCriteria: {enable: true, healthyPercent: 90, sourceServiceRevisionCleanup: DEFERRED}",
    ];
    let deployment = |lines: &[&str]| {
        with_settings(&format!("deploymentConfiguration:\n  {}", lines.join("\n  "))).findings
    };
    for (strategy, member) in ["CANARY", "LINEAR", "ROLLING"].into_iter().zip(members) {
        expect(&deployment(&[&format!("strategy: {strategy}"), member]), "");
    }
    // What it is laid over is not known here; and what is off is in nobody's way.
    expect(&deployment(&members), "");
    expect(&deployment(&["strategy: LINEAR", "earlySuccessCriteria: {enable: false}"]), "");
    let [canary, linear, early] = members;
    expect(
        &deployment(&["strategy: BLUE_GREEN", canary, linear, early]),
        "\
prod/web.yaml:11:7 Error InvalidValue: `spec.settings.deploymentConfiguration.canaryConfiguration` does not go with BLUE_GREEN
  |       canaryConfiguration: {canaryPercent: 2.5}
  = remove it, or write `strategy: CANARY`
prod/web.yaml:12:7 Error InvalidValue: `spec.settings.deploymentConfiguration.linearConfiguration` does not go with BLUE_GREEN
  |       linearConfiguration: {stepPercent: 10, stepBakeTimeInMinutes: 6}
  = remove it, or write `strategy: LINEAR`
prod/web.yaml:13:7 Error InvalidValue: `spec.settings.deploymentConfiguration.earlySuccessCriteria` does not go with BLUE_GREEN
  |       earlySuccessCriteria: {enable: true, healthyPercent: 90, sourceServiceRevisionCleanup: DEFERRED}
  = remove it, or write `strategy: ROLLING`
",
    );
}

#[test]
fn what_ecs_would_refuse_is_found_at_its_place() {
    let file = with_settings(
        "\
desiredCount: 3
enableExecuteCommnad: true
propagateTags: SERVCE
healthCheckGracePeriodSeconds: \"30\"
launchType: FARGATE
capacityProviderStrategy: [{weight: 1}]
deploymentConfiguration:
  maximumPercent: 100
  minimumHealthyPercent: 100
  canaryConfiguration: {canaryPercent: many}
serviceConnectConfiguration:
  enabled: true
  logConfiguration:
    logDriver: splunk
    options: {splunk-token: 5}
networkConfiguration: null",
    );
    expect(
        &file.findings,
        "\
prod/web.yaml:9:5 Error UnknownField: `spec.settings` has no field `desiredCount`
  |     desiredCount: ...
  = fields: there are `availabilityZoneRebalancing`, `capacityProviderStrategy`, `deploymentConfiguration`, `deploymentController`, `enableECSManagedTags`, `enableExecuteCommand`, `gatewayConnectors`, `healthCheckGracePeriodSeconds`, `launchType`, `loadBalancers`, `monitoring`, `networkConfiguration`, `placementConstraints`, `placementStrategy`, `platformVersion`, `propagateTags`, `role`, `schedulingStrategy`, `serviceConnectConfiguration`, `serviceRegistries`, `volumeConfigurations`, `vpcLatticeConfigurations`
prod/web.yaml:10:5 Error UnknownField: `spec.settings` has no field `enableExecuteCommnad`
  |     enableExecuteCommnad: ...
  = did you mean `enableExecuteCommand`?
prod/web.yaml:11:20 Warning InvalidValue: `spec.settings.propagateTags` is `SERVCE`, not one of the values that it may have
  |     propagateTags: SERVCE
  = did you mean `SERVICE`?
prod/web.yaml:12:36 Error InvalidValue: `spec.settings.healthCheckGracePeriodSeconds` is text; it must be a whole number
  |     healthCheckGracePeriodSeconds: \"30\"
  = write it without quotes
prod/web.yaml:13:17 Error InvalidValue: `spec.settings` has both `launchType` and `capacityProviderStrategy`
  |     launchType: FARGATE
  = keep one: ECS places a service by the one or the other
prod/web.yaml:14:32 Error MissingField: `spec.settings.capacityProviderStrategy[0].capacityProvider` is missing
  |     capacityProviderStrategy: [{weight: 1}]
prod/web.yaml:16:23 Error InvalidValue: with `maximumPercent` 100 and `minimumHealthyPercent` 100 no task could ever be replaced
  |       maximumPercent: 100
  = raise `maximumPercent`, or lower `minimumHealthyPercent`
prod/web.yaml:18:44 Error InvalidValue: `spec.settings.deploymentConfiguration.canaryConfiguration.canaryPercent` is text; it must be a number
  |       canaryConfiguration: {canaryPercent: many}
prod/web.yaml:23:33 Error InvalidValue: `spec.settings.serviceConnectConfiguration.logConfiguration.options.splunk-token` is a number; it must be text
  = write it in quotes
prod/web.yaml:24:27 Error InvalidValue: `spec.settings.networkConfiguration` has no value; it must be a mapping
  |     networkConfiguration: null
  = give it a value; a field that is not required may be left out
",
    );
}

#[test]
fn what_manages_nothing_or_can_be_no_percentage_is_a_warning() {
    let file =
        with_settings("deploymentConfiguration: {minimumHealthyPercent: -1}\nnetworkConfiguration: {}");
    expect(
        &file.findings,
        "\
prod/web.yaml:9:54 Warning InvalidValue: `spec.settings.deploymentConfiguration.minimumHealthyPercent` is below 0, which ECS refuses
  |     deploymentConfiguration: {minimumHealthyPercent: -1}
  = give a percentage of the desired count, such as 50 or 200
prod/web.yaml:10:27 Warning InvalidValue: `spec.settings.networkConfiguration` lists nothing, so nothing of it is managed
  |     networkConfiguration: {}
  = list the fields that git is to manage, or remove it
",
    );
}
