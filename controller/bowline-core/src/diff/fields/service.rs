//! UpdateService, field by field: how settings are compared, what a change of them does, and how they are taken back.
//!
//! Fields are those of botocore 1.44.5 and the three that only CreateService takes; a test holds them equal to the shapes
//! that manifests are checked with. Keys of sources: `docs/reference/service-fields.md`.

use super::Literal::{Flag, Json, Number, Text};
use super::Rule::{Confidential, Default, Keyed, Map, NameOrArn, Ordered, Role, Same, Set};
use super::{Field, Reveal, Table};
use crate::desired::kind::service_settings_schema;

/// One top-level field of `settings`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What a change of it does.
    pub effect: Effect,
    /// Where AWS shows it.
    pub shown: ShownBy,
    /// Under which controllers UpdateService takes it.
    pub taken: Taken,
    /// Where the effect is known from.
    pub source: &'static str,
}

/// What a change of a setting does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// A deployment starts.
    Deployment,
    /// AWS takes it only with a deployment that is forced.
    ForcedDeployment,
    /// Nothing starts; tasks that are launched later have it.
    NewTasks,
    /// It is in force at once.
    AtOnce,
    /// It cannot be changed: the service has to be created anew.
    Recreation,
}

/// Where AWS shows a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownBy {
    /// DescribeServices, on the service.
    Service,
    /// DescribeServices, on the PRIMARY deployment.
    PrimaryDeployment,
    /// DescribeServiceRevisions only.
    Revision,
}

/// Under which deployment controllers UpdateService takes a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// ECS only.
    Ecs,
    /// ECS and CODE_DEPLOY.
    CodeDeploy,
    /// Any.
    Always,
}

/// How a setting that Bowline managed is taken back when git does not have it any more: leaving a field out of a request
/// resets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// By this value, as JSON.
    To(&'static str),
    /// By a value that depends on the scheduling strategy, as JSON.
    ByStrategy {
        /// Of a REPLICA service.
        replica: &'static str,
        /// Of a DAEMON service.
        daemon: &'static str,
    },
    /// By leaving it out of its structure, which AWS replaces as a whole.
    Omit,
}

const fn setting(
    name: &'static str,
    effect: Effect,
    shown: ShownBy,
    taken: Taken,
    source: &'static str,
) -> Setting {
    Setting { name, effect, shown, taken, source }
}

/// The top-level fields, sorted by name.
#[rustfmt::skip] // One row, one line.
pub const SETTINGS: &[Setting] = &[
    setting("availabilityZoneRebalancing", Effect::AtOnce, ShownBy::Service, Taken::Ecs, "BC: \"doesn't trigger a new service deployment\""),
    setting("capacityProviderStrategy", Effect::ForcedDeployment, ShownBy::Service, Taken::Ecs, "AWS's answer otherwise: \"you must force a new deployment\"; TFP-svc asks for force_new_deployment, too"),
    setting("deploymentConfiguration", Effect::AtOnce, ShownBy::Service, Taken::CodeDeploy, "BC: \"doesn't trigger a new service deployment\""),
    setting("deploymentController", Effect::AtOnce, ShownBy::Service, Taken::Always, "UPD: from CODE_DEPLOY to ECS or EXTERNAL, and between these two; never to CODE_DEPLOY"),
    setting("enableECSManagedTags", Effect::NewTasks, ShownBy::Service, Taken::Always, "BC: \"Only tasks launched after the update will reflect the update\""),
    setting("enableExecuteCommand", Effect::NewTasks, ShownBy::Service, Taken::Ecs, "BC: \"doesn't trigger a new service deployment\""),
    setting("gatewayConnectors", Effect::Deployment, ShownBy::Revision, Taken::Ecs, "BC: a part of the service revision; its text says nothing of deployments"),
    setting("healthCheckGracePeriodSeconds", Effect::AtOnce, ShownBy::Service, Taken::Always, "BC: \"doesn't trigger a new service deployment\""),
    setting("launchType", Effect::Recreation, ShownBy::Service, Taken::Ecs, "BC: CreateService only; TFP-svc: ForceNew; capacityProviderStrategy can replace it, and an empty one leads \"back to the launch type\""),
    setting("loadBalancers", Effect::Deployment, ShownBy::Service, Taken::Ecs, "BC: \"triggers a new service deployment\""),
    setting("monitoring", Effect::Deployment, ShownBy::Revision, Taken::Ecs, "BC: a part of the service revision; its text says nothing of deployments"),
    setting("networkConfiguration", Effect::Deployment, ShownBy::Service, Taken::Ecs, "BC: \"triggers a new service deployment\""),
    setting("placementConstraints", Effect::NewTasks, ShownBy::Service, Taken::Always, "BC: \"doesn't trigger a new service deployment\"; running tasks are not moved"),
    setting("placementStrategy", Effect::NewTasks, ShownBy::Service, Taken::Always, "BC: \"doesn't trigger a new service deployment\"; running tasks are not moved"),
    setting("platformVersion", Effect::Deployment, ShownBy::Service, Taken::Ecs, "BC: \"triggers a new service deployment\""),
    setting("propagateTags", Effect::NewTasks, ShownBy::Service, Taken::Always, "BC: \"Only tasks launched after the update will reflect the update\""),
    setting("role", Effect::Recreation, ShownBy::Service, Taken::Ecs, "BC: CreateService only; TFP-svc: ForceNew"),
    setting("schedulingStrategy", Effect::Recreation, ShownBy::Service, Taken::Ecs, "BC: CreateService only; TFP-svc: ForceNew"),
    setting("serviceConnectConfiguration", Effect::Deployment, ShownBy::PrimaryDeployment, Taken::Ecs, "BC: \"triggers a new service deployment\""),
    setting("serviceRegistries", Effect::Deployment, ShownBy::Service, Taken::Ecs, "BC: \"triggers a new service deployment\""),
    setting("volumeConfigurations", Effect::Deployment, ShownBy::PrimaryDeployment, Taken::Ecs, "BC: \"triggers a new service deployment\""),
    setting("vpcLatticeConfigurations", Effect::Deployment, ShownBy::PrimaryDeployment, Taken::Ecs, "BC: \"triggers a new service deployment\""),
];

/// How fields are taken back, sorted by path. A field without a row is left as it is: AWS has no reset for it, or [`LEFT`] says
/// why it is left. What belongs to one deployment strategy ([`OF_ONE_STRATEGY`]) goes with it instead.
#[rustfmt::skip] // One row, one line.
pub const RESETS: &[(&str, Reset)] = &[
    ("capacityProviderStrategy", Reset::To("[]")),
    ("deploymentConfiguration.alarms", Reset::To(r#"{"alarmNames":[],"enable":false,"rollback":false}"#)),
    ("deploymentConfiguration.alarms.alarmNames", Reset::To("[]")),
    ("deploymentConfiguration.alarms.enable", Reset::To("false")),
    ("deploymentConfiguration.alarms.rollback", Reset::To("false")),
    ("deploymentConfiguration.bakeTimeInMinutes", Reset::To("0")),
    ("deploymentConfiguration.canaryConfiguration", Reset::To(r#"{"canaryBakeTimeInMinutes":10,"canaryPercent":5.0}"#)),
    ("deploymentConfiguration.canaryConfiguration.canaryBakeTimeInMinutes", Reset::To("10")),
    ("deploymentConfiguration.canaryConfiguration.canaryPercent", Reset::To("5.0")),
    ("deploymentConfiguration.deploymentCircuitBreaker", Reset::To(r#"{"enable":false,"rollback":false}"#)),
    ("deploymentConfiguration.deploymentCircuitBreaker.enable", Reset::To("false")),
    ("deploymentConfiguration.deploymentCircuitBreaker.resetOnHealthyTask", Reset::To("true")),
    ("deploymentConfiguration.deploymentCircuitBreaker.rollback", Reset::To("false")),
    ("deploymentConfiguration.deploymentCircuitBreaker.thresholdConfiguration", Reset::To(r#"{"type":"BOUNDED_PERCENT","value":50}"#)),
    ("deploymentConfiguration.earlySuccessCriteria", Reset::To(r#"{"enable":false}"#)),
    ("deploymentConfiguration.lifecycleHooks", Reset::To("[]")),
    ("deploymentConfiguration.linearConfiguration", Reset::To(r#"{"stepBakeTimeInMinutes":6,"stepPercent":10.0}"#)),
    ("deploymentConfiguration.linearConfiguration.stepBakeTimeInMinutes", Reset::To("6")),
    ("deploymentConfiguration.linearConfiguration.stepPercent", Reset::To("10.0")),
    ("deploymentConfiguration.maximumPercent", Reset::ByStrategy { replica: "200", daemon: "100" }),
    ("deploymentConfiguration.minimumHealthyPercent", Reset::ByStrategy { replica: "100", daemon: "0" }),
    ("deploymentConfiguration.strategy", Reset::To(r#""ROLLING""#)),
    ("enableECSManagedTags", Reset::To("false")),
    ("enableExecuteCommand", Reset::To("false")),
    ("gatewayConnectors", Reset::To("[]")),
    ("healthCheckGracePeriodSeconds", Reset::To("0")),
    ("loadBalancers", Reset::To("[]")),
    ("monitoring", Reset::To(r#"{"metricConfigurations":[{"metricNames":["CPUUtilization","MemoryUtilization"],"resolutionSeconds":60}]}"#)),
    ("networkConfiguration.awsvpcConfiguration.assignPublicIp", Reset::To(r#""DISABLED""#)),
    ("placementConstraints", Reset::To("[]")),
    ("placementStrategy", Reset::To("[]")),
    ("platformVersion", Reset::To(r#""LATEST""#)),
    ("propagateTags", Reset::To(r#""NONE""#)),
    ("serviceConnectConfiguration", Reset::To(r#"{"enabled":false}"#)),
    ("serviceConnectConfiguration.accessLogConfiguration", Reset::Omit),
    ("serviceConnectConfiguration.accessLogConfiguration.includeQueryParameters", Reset::To(r#""DISABLED""#)),
    ("serviceConnectConfiguration.containerConfigurations", Reset::Omit),
    ("serviceConnectConfiguration.logConfiguration", Reset::Omit),
    ("serviceConnectConfiguration.logConfiguration.options", Reset::Omit),
    ("serviceConnectConfiguration.logConfiguration.secretOptions", Reset::Omit),
    ("serviceConnectConfiguration.services", Reset::Omit),
    ("serviceRegistries", Reset::To("[]")),
    ("volumeConfigurations", Reset::To("[]")),
    ("vpcLatticeConfigurations", Reset::To("[]")),
];

/// Fields that AWS could be given another value for and that are left even so when they leave git, each with the reason, sorted
/// by path.
pub const LEFT: &[(&str, &str)] = &[
    // BC: unset, it is ENABLED on a service that is created, DISABLED on one that never had it, and kept by UpdateService.
    // Neither is what the service was before git named it, and a wrong guess moves tasks between zones, or keeps them.
    (
        "availabilityZoneRebalancing",
        "AWS gives ENABLED to a new service and DISABLED to an older one that never had it; list the one that is meant",
    ),
    // BC: unset, it is ECS. UPD: nothing leads back to CODE_DEPLOY, so that a line that is missing is not enough to leave it.
    (
        "deploymentController.type",
        "AWS lets no service go back to CodeDeploy; list ECS if ECS is to deploy it from now on",
    ),
];

/// Members of `deploymentConfiguration` that AWS takes with one strategy only (BC: "Only valid when the deployment strategy is
/// CANARY", the same of LINEAR, "only with rolling deployment strategy"). The rest goes with any.
pub const OF_ONE_STRATEGY: &[(&str, &str)] = &[
    ("canaryConfiguration", "CANARY"),
    ("earlySuccessCriteria", ROLLING),
    ("linearConfiguration", "LINEAR"),
];

/// The deployment strategy of a service that names none.
pub(crate) const ROLLING: &str = "ROLLING";

/// Lists of target groups whose places ECS exchanges with the alternate ones at each deployment that shifts traffic (BC: "the
/// alternate target group and listener rules required for traffic shifting", of load balancers and of VPC Lattice alike).
pub(crate) const EXCHANGED: [&str; 2] = ["loadBalancers", "vpcLatticeConfigurations"];

/// The row of a top-level field.
pub(crate) fn setting_row(name: &str) -> Option<&'static Setting> {
    SETTINGS.binary_search_by(|row| row.name.cmp(name)).ok().map(|at| &SETTINGS[at])
}

/// Whether a change of a top-level field starts a deployment.
pub(crate) fn starts_deployment(name: &str) -> bool {
    setting_row(name).is_some_and(|row| matches!(row.effect, Effect::Deployment | Effect::ForcedDeployment))
}

/// Whether AWS takes a change of a top-level field only with a deployment that is forced.
pub(crate) fn has_to_be_forced(name: &str) -> bool {
    setting_row(name).is_some_and(|row| row.effect == Effect::ForcedDeployment)
}

/// How a field is taken back.
pub(crate) fn reset_of(path: &str) -> Option<Reset> {
    RESETS.binary_search_by(|(at, _)| (*at).cmp(path)).ok().map(|at| RESETS[at].1)
}

/// Why a field that left git is left as it is.
pub(crate) fn why_left(path: &str) -> &'static str {
    let own = LEFT.binary_search_by(|(at, _)| (*at).cmp(path)).ok().map(|at| LEFT[at].1);
    own.unwrap_or("AWS has no reset for it")
}

/// How settings are compared.
#[rustfmt::skip] // One row, one line.
pub const SERVICE: Table = Table::new(&[
    Field::new("availabilityZoneRebalancing", &[Default(Text("DISABLED"))], "BC: \"If the service never had\" one, it is DISABLED; new services get ENABLED since 2025-09 (TFP PR#44117)"),
    Field::new("capacityProviderStrategy", &[Keyed(&["capacityProvider"])], "TFP-svc: a set"),
    Field::new("capacityProviderStrategy.base", &[Default(Number(0))], "BC: \"the default value of 0 is used\""),
    Field::new("capacityProviderStrategy.capacityProvider", &[], "BC"),
    Field::new("capacityProviderStrategy.weight", &[Default(Number(0))], "BC: \"the default value of 0 is used\""),
    Field::new("deploymentConfiguration", &[], "BC"),
    Field::new("deploymentConfiguration.alarms", &[], "BC"),
    Field::new("deploymentConfiguration.alarms.alarmNames", &[Set], "TFP-svc: a set"),
    Field::new("deploymentConfiguration.alarms.enable", &[Default(Flag(false))], "BC: absent = not used"),
    Field::new("deploymentConfiguration.alarms.rollback", &[Default(Flag(false))], "BC: absent = not used"),
    Field::new("deploymentConfiguration.bakeTimeInMinutes", &[Default(Number(0))], "ecspresso PR#861: returned as 0"),
    Field::new("deploymentConfiguration.canaryConfiguration", &[], "BC"),
    Field::new("deploymentConfiguration.canaryConfiguration.canaryBakeTimeInMinutes", &[Default(Number(10))], "BC: \"The default value is 10\""),
    Field::new("deploymentConfiguration.canaryConfiguration.canaryPercent", &[Default(Number(5))], "BC: \"The default value is 5.0\""),
    Field::new("deploymentConfiguration.deploymentCircuitBreaker", &[], "BC"),
    Field::new("deploymentConfiguration.deploymentCircuitBreaker.enable", &[Default(Flag(false))], "ECSP: returned as false"),
    Field::new("deploymentConfiguration.deploymentCircuitBreaker.resetOnHealthyTask", &[Default(Flag(true))], "BC: \"The default is true\""),
    Field::new("deploymentConfiguration.deploymentCircuitBreaker.rollback", &[Default(Flag(false))], "ECSP: returned as false"),
    Field::new("deploymentConfiguration.deploymentCircuitBreaker.thresholdConfiguration", &[], "BC"),
    Field::new("deploymentConfiguration.deploymentCircuitBreaker.thresholdConfiguration.type", &[Default(Text("BOUNDED_PERCENT"))], "BC: \"The default is BOUNDED_PERCENT\""),
    Field::new("deploymentConfiguration.deploymentCircuitBreaker.thresholdConfiguration.value", &[Default(Number(50))], "BC: \"The default is 50\""),
    Field::new("deploymentConfiguration.earlySuccessCriteria", &[], "BC"),
    Field::new("deploymentConfiguration.earlySuccessCriteria.enable", &[Default(Flag(false))], "BC: absent = not used"),
    Field::new("deploymentConfiguration.earlySuccessCriteria.healthyPercent", &[], "BC"),
    Field::new("deploymentConfiguration.earlySuccessCriteria.sourceServiceRevisionCleanup", &[], "BC"),
    Field::new("deploymentConfiguration.lifecycleHooks", &[Keyed(&["hookTargetArn", "targetType"])], "TFP-svc: a set"),
    Field::new("deploymentConfiguration.lifecycleHooks.hookDetails", &[Map, Confidential(Reveal::Key)], "BC: any document, passed to the function; may hold credentials"),
    Field::new("deploymentConfiguration.lifecycleHooks.hookTargetArn", &[], "BC"),
    Field::new("deploymentConfiguration.lifecycleHooks.lifecycleStages", &[Ordered], "TFP-svc: a list"),
    Field::new("deploymentConfiguration.lifecycleHooks.roleArn", &[Role], "BC"),
    Field::new("deploymentConfiguration.lifecycleHooks.targetType", &[Default(Text("AWS_LAMBDA"))], "BC: \"the default value is AWS_LAMBDA\""),
    Field::new("deploymentConfiguration.lifecycleHooks.timeoutConfiguration", &[], "BC"),
    Field::new("deploymentConfiguration.lifecycleHooks.timeoutConfiguration.action", &[Default(Text("ROLLBACK"))], "BC: \"Default: ROLLBACK\""),
    Field::new("deploymentConfiguration.lifecycleHooks.timeoutConfiguration.timeoutInMinutes", &[Default(Number(1440))], "BC: \"Default: 1440\""),
    Field::new("deploymentConfiguration.linearConfiguration", &[], "BC"),
    Field::new("deploymentConfiguration.linearConfiguration.stepBakeTimeInMinutes", &[Default(Number(6))], "BC: \"The default value is 6\""),
    Field::new("deploymentConfiguration.linearConfiguration.stepPercent", &[Default(Number(10))], "BC: \"The default value is 10.0\""),
    Field::new("deploymentConfiguration.maximumPercent", &[], "BC: 200, for a DAEMON 100 (ECSP); always returned"),
    Field::new("deploymentConfiguration.minimumHealthyPercent", &[], "BC: 100, for a DAEMON 0 (ECSP); always returned"),
    Field::new("deploymentConfiguration.strategy", &[Default(Text("ROLLING"))], "ecspresso PR#861: returned as ROLLING"),
    Field::new("deploymentController", &[], "BC"),
    Field::new("deploymentController.type", &[Default(Text("ECS"))], "BC: absent = ECS; TFP-svc"),
    Field::new("enableECSManagedTags", &[Default(Flag(false))], "BC"),
    Field::new("enableExecuteCommand", &[Default(Flag(false))], "BC"),
    Field::new("gatewayConnectors", &[Keyed(&["portName"])], "BC: at most one"),
    Field::new("gatewayConnectors.deregistrationDelay", &[], "BC"),
    Field::new("gatewayConnectors.deregistrationDelay.timeoutSeconds", &[Default(Number(300))], "BC: \"The default value is 300 seconds\""),
    Field::new("gatewayConnectors.filters", &[], "BC"),
    Field::new("gatewayConnectors.filters.accessTypes", &[Set], "BC: the kinds of path that it applies to"),
    Field::new("gatewayConnectors.healthCheck", &[], "BC"),
    Field::new("gatewayConnectors.healthCheck.healthCheckIntervalSeconds", &[], "BC"),
    Field::new("gatewayConnectors.healthCheck.healthCheckPath", &[], "BC"),
    Field::new("gatewayConnectors.healthCheck.healthCheckPort", &[], "BC"),
    Field::new("gatewayConnectors.healthCheck.healthCheckProtocol", &[], "BC"),
    Field::new("gatewayConnectors.healthCheck.healthCheckTimeoutSeconds", &[], "BC"),
    Field::new("gatewayConnectors.healthCheck.healthyThresholdCount", &[], "BC"),
    Field::new("gatewayConnectors.healthCheck.matcher", &[], "BC"),
    Field::new("gatewayConnectors.healthCheck.matcher.grpcCode", &[], "BC"),
    Field::new("gatewayConnectors.healthCheck.matcher.httpCode", &[], "BC"),
    Field::new("gatewayConnectors.healthCheck.unhealthyThresholdCount", &[], "BC"),
    Field::new("gatewayConnectors.portName", &[], "BC"),
    Field::new("healthCheckGracePeriodSeconds", &[Default(Number(0))], "BC: \"the default value of 0 is used\""),
    Field::new("launchType", &[], "BC: omitted where a capacity provider strategy is used"),
    Field::new("loadBalancers", &[Keyed(&["targetGroupArn", "loadBalancerName"])], "TFP-svc: a set"),
    Field::new("loadBalancers.advancedConfiguration", &[], "BC"),
    Field::new("loadBalancers.advancedConfiguration.alternateTargetGroupArn", &[], "BC"),
    Field::new("loadBalancers.advancedConfiguration.productionListenerRule", &[], "BC"),
    Field::new("loadBalancers.advancedConfiguration.roleArn", &[Role], "BC"),
    Field::new("loadBalancers.advancedConfiguration.testListenerRule", &[], "BC"),
    Field::new("loadBalancers.containerName", &[], "BC"),
    Field::new("loadBalancers.containerPort", &[], "BC"),
    Field::new("loadBalancers.loadBalancerName", &[], "BC"),
    Field::new("loadBalancers.targetGroupArn", &[], "BC"),
    Field::new("monitoring", &[], "BC"),
    Field::new("monitoring.metricConfigurations", &[Keyed(&["metricNames"]), Default(Json(r#"[{"metricNames":["CPUUtilization","MemoryUtilization"],"resolutionSeconds":60}]"#))], "BC: one for each set of metrics; \"When not specified, Amazon ECS uses the default resolution of 60 seconds\""),
    Field::new("monitoring.metricConfigurations.metricNames", &[Set], "BC: names"),
    Field::new("monitoring.metricConfigurations.resolutionSeconds", &[], "BC: required"),
    Field::new("networkConfiguration", &[], "BC"),
    Field::new("networkConfiguration.awsvpcConfiguration", &[], "BC"),
    Field::new("networkConfiguration.awsvpcConfiguration.assignPublicIp", &[Default(Text("DISABLED"))], "BC: \"the default is DISABLED\"; ECSP; PIPECD"),
    Field::new("networkConfiguration.awsvpcConfiguration.securityGroups", &[Set], "TFP-svc: a set"),
    Field::new("networkConfiguration.awsvpcConfiguration.subnets", &[Set], "TFP-svc: a set"),
    Field::new("placementConstraints", &[Keyed(&["expression", "type"])], "TFP-svc: a set"),
    Field::new("placementConstraints.expression", &[], "BC"),
    Field::new("placementConstraints.type", &[], "BC"),
    Field::new("placementStrategy", &[Ordered], "TFP-svc: ordered_placement_strategy"),
    Field::new("placementStrategy.field", &[Same(&[("CPU", "cpu"), ("MEMORY", "memory"), ("host", "instanceId")])], "TFP-svc: returned in upper case; BC: host \"has the same effect\""),
    Field::new("placementStrategy.type", &[], "BC"),
    Field::new("platformVersion", &[Same(&[("1.0.0", "LATEST"), ("1.4.0", "LATEST")])], "Fargate platform versions: LATEST is 1.4.0 on Linux, 1.0.0 on Windows"),
    Field::new("propagateTags", &[Default(Text("NONE")), Same(&[("", "NONE")])], "BC: \"If no value is specified, the tags aren't propagated\"; TFP-svc"),
    Field::new("role", &[Role], "BC: a name or an ARN; returned as roleArn, that of the service-linked role where none was given"),
    Field::new("schedulingStrategy", &[Default(Text("REPLICA"))], "BC; TFP-svc"),
    Field::new("serviceConnectConfiguration", &[], "BC"),
    Field::new("serviceConnectConfiguration.accessLogConfiguration", &[], "BC"),
    Field::new("serviceConnectConfiguration.accessLogConfiguration.format", &[], "BC"),
    Field::new("serviceConnectConfiguration.accessLogConfiguration.includeQueryParameters", &[Default(Text("DISABLED"))], "BC: \"By default, this parameter is DISABLED\""),
    Field::new("serviceConnectConfiguration.containerConfigurations", &[Set], "BC: each object sets one setting"),
    Field::new("serviceConnectConfiguration.containerConfigurations.logLevel", &[Default(Text("info"))], "BC: \"the default is info\""),
    Field::new("serviceConnectConfiguration.enabled", &[Default(Flag(false))], "TFP-svc: {enabled: false} is the same as none"),
    Field::new("serviceConnectConfiguration.logConfiguration", &[], "BC"),
    Field::new("serviceConnectConfiguration.logConfiguration.logDriver", &[], "BC"),
    Field::new("serviceConnectConfiguration.logConfiguration.options", &[Map, Confidential(Reveal::Key)], "as in a task definition"),
    Field::new("serviceConnectConfiguration.logConfiguration.secretOptions", &[Keyed(&["name"])], "as in a task definition"),
    Field::new("serviceConnectConfiguration.logConfiguration.secretOptions.name", &[], "BC"),
    Field::new("serviceConnectConfiguration.logConfiguration.secretOptions.valueFrom", &[], "BC"),
    Field::new("serviceConnectConfiguration.namespace", &[NameOrArn], "BC: left out, it is the cluster's default namespace; so it has no reset"),
    Field::new("serviceConnectConfiguration.services", &[Keyed(&["portName"])], "BC: each is a named port"),
    Field::new("serviceConnectConfiguration.services.clientAliases", &[Keyed(&["port", "dnsName"])], "BC: at most one"),
    Field::new("serviceConnectConfiguration.services.clientAliases.dnsName", &[], "BC"),
    Field::new("serviceConnectConfiguration.services.clientAliases.port", &[], "BC"),
    Field::new("serviceConnectConfiguration.services.clientAliases.testTrafficRules", &[], "BC"),
    Field::new("serviceConnectConfiguration.services.clientAliases.testTrafficRules.header", &[], "BC"),
    Field::new("serviceConnectConfiguration.services.clientAliases.testTrafficRules.header.name", &[], "BC"),
    Field::new("serviceConnectConfiguration.services.clientAliases.testTrafficRules.header.value", &[], "BC"),
    Field::new("serviceConnectConfiguration.services.clientAliases.testTrafficRules.header.value.exact", &[Confidential(Reveal::As("testTrafficRules"))], "BC; may be what lets test traffic in"),
    Field::new("serviceConnectConfiguration.services.discoveryName", &[], "BC"),
    Field::new("serviceConnectConfiguration.services.ingressPortOverride", &[], "BC"),
    Field::new("serviceConnectConfiguration.services.portName", &[], "BC"),
    Field::new("serviceConnectConfiguration.services.timeout", &[], "BC"),
    Field::new("serviceConnectConfiguration.services.timeout.idleTimeoutSeconds", &[], "BC"),
    Field::new("serviceConnectConfiguration.services.timeout.perRequestTimeoutSeconds", &[], "BC"),
    Field::new("serviceConnectConfiguration.services.tls", &[], "BC"),
    Field::new("serviceConnectConfiguration.services.tls.issuerCertificateAuthority", &[], "BC"),
    Field::new("serviceConnectConfiguration.services.tls.issuerCertificateAuthority.awsPcaAuthorityArn", &[], "BC"),
    Field::new("serviceConnectConfiguration.services.tls.kmsKey", &[], "BC"),
    Field::new("serviceConnectConfiguration.services.tls.roleArn", &[Role], "BC"),
    Field::new("serviceRegistries", &[Keyed(&["registryArn"])], "BC: at most one"),
    Field::new("serviceRegistries.containerName", &[], "BC"),
    Field::new("serviceRegistries.containerPort", &[], "BC"),
    Field::new("serviceRegistries.port", &[], "BC"),
    Field::new("serviceRegistries.registryArn", &[], "BC"),
    Field::new("volumeConfigurations", &[Keyed(&["name"])], "BC: each is a volume of the task definition"),
    Field::new("volumeConfigurations.managedEBSVolume", &[], "BC"),
    Field::new("volumeConfigurations.managedEBSVolume.encrypted", &[], "BC"),
    Field::new("volumeConfigurations.managedEBSVolume.filesystemType", &[Default(Text("xfs"))], "BC: \"the xfs filesystem type is used by default\""),
    Field::new("volumeConfigurations.managedEBSVolume.iops", &[], "BC"),
    Field::new("volumeConfigurations.managedEBSVolume.kmsKeyId", &[], "BC"),
    Field::new("volumeConfigurations.managedEBSVolume.roleArn", &[Role], "BC"),
    Field::new("volumeConfigurations.managedEBSVolume.sizeInGiB", &[], "BC"),
    Field::new("volumeConfigurations.managedEBSVolume.snapshotId", &[], "BC"),
    Field::new("volumeConfigurations.managedEBSVolume.tagSpecifications", &[Keyed(&["resourceType"])], "BC: only volume"),
    Field::new("volumeConfigurations.managedEBSVolume.tagSpecifications.propagateTags", &[Default(Text("NONE"))], "BC: \"the tags aren't propagated\""),
    Field::new("volumeConfigurations.managedEBSVolume.tagSpecifications.resourceType", &[], "BC"),
    Field::new("volumeConfigurations.managedEBSVolume.tagSpecifications.tags", &[Keyed(&["key"])], "BC: tags"),
    Field::new("volumeConfigurations.managedEBSVolume.tagSpecifications.tags.key", &[], "BC"),
    Field::new("volumeConfigurations.managedEBSVolume.tagSpecifications.tags.value", &[Default(Text("")), Confidential(Reveal::Item)], "BC: optional; free text"),
    Field::new("volumeConfigurations.managedEBSVolume.throughput", &[], "BC"),
    Field::new("volumeConfigurations.managedEBSVolume.volumeInitializationRate", &[], "BC"),
    Field::new("volumeConfigurations.managedEBSVolume.volumeType", &[], "BC"),
    Field::new("volumeConfigurations.name", &[], "BC"),
    Field::new("vpcLatticeConfigurations", &[Keyed(&["targetGroupArn", "portName"])], "TFP-svc: a set"),
    Field::new("vpcLatticeConfigurations.advancedConfiguration", &[], "BC"),
    Field::new("vpcLatticeConfigurations.advancedConfiguration.alternateTargetGroupArn", &[], "BC"),
    Field::new("vpcLatticeConfigurations.advancedConfiguration.productionListenerRule", &[], "BC"),
    Field::new("vpcLatticeConfigurations.advancedConfiguration.testListenerRule", &[], "BC"),
    Field::new("vpcLatticeConfigurations.portName", &[], "BC"),
    Field::new("vpcLatticeConfigurations.roleArn", &[Role], "BC"),
    Field::new("vpcLatticeConfigurations.targetGroupArn", &[], "BC"),
], service_settings_schema);
