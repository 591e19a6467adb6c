//! `settings` of an EcsService: everything that UpdateService can change, in AWS's own field names.

use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::desired::shapes;

/// Settings of a service, in the field names of UpdateService: as git wants them, as they are live, or as they were last
/// managed. In git only what is listed is managed: field by field inside of objects, lists as a whole. Not normalised (see
/// `diff::fields::SERVICE`).
///
/// Kept as JSON text, since those of thousands of services are held at once and few of them are looked into; and shared, since
/// what is live, remembered and in git is the same in nearly every pass.
#[derive(Clone, Default)]
pub struct ServiceSettings {
    /// Absent when there is no field.
    shared: Option<Arc<Shared>>,
}

struct Shared {
    /// A JSON object without spaces.
    text: Box<str>,
    /// What these settings, as they are live, were found to agree with first. Not a part of the value: it only saves finding it
    /// out anew while all three stay.
    agreed: OnceLock<Agreed>,
}

/// What git said and what was remembered when nothing differed, and nothing was to be done or told.
struct Agreed {
    git: ServiceSettings,
    remembered: ServiceSettings,
}

impl ServiceSettings {
    /// These fields.
    pub fn new(fields: &Map<String, Value>) -> Self {
        if fields.is_empty() {
            return Self::default();
        }
        Self::of_text(serde_json::to_string(fields).unwrap_or_default())
    }

    /// These fields with their values as JSON text, for which the caller vouches.
    pub fn of_json<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut text = String::new();
        for (field, json) in fields {
            text.push(if text.is_empty() { '{' } else { ',' });
            text.extend([&Value::from(field).to_string(), ":", json]);
        }
        if !text.is_empty() {
            text.push('}');
        }
        Self::of_text(text)
    }

    fn of_text(text: String) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        Self { shared: Some(Arc::new(Shared { text: text.into(), agreed: OnceLock::new() })) }
    }

    fn text(&self) -> &str {
        self.shared.as_ref().map_or("", |shared| &shared.text)
    }

    /// The fields.
    pub fn fields(&self) -> Map<String, Value> {
        #[cfg(test)]
        READINGS.with(|readings| readings.set(readings.get() + 1));
        // The text was made from fields, so it can only be empty or an object.
        serde_json::from_str(self.text()).unwrap_or_default()
    }

    /// Whether nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.shared.is_none()
    }

    /// Whether these settings, as they are live, were found to agree with exactly these: nothing has to be looked into again.
    pub(crate) fn agree_still(&self, git: &Self, remembered: &Self) -> bool {
        let agreed = self.shared.as_ref().and_then(|shared| shared.agreed.get());
        agreed.is_some_and(|agreed| agreed.git == *git && agreed.remembered == *remembered)
    }

    /// Notes that git wants nothing else than these, as they are live, and that nothing is to be done or told.
    pub(crate) fn note_agreement(&self, git: &Self, remembered: &Self) {
        if let Some(shared) = &self.shared {
            shared.agreed.get_or_init(|| Agreed { git: git.clone(), remembered: remembered.clone() });
        }
    }

    /// Whether values of a field of this name may be confidential: options of a log driver may hold a token, details of a hook
    /// anything.
    pub(in crate::desired) fn is_confidential(field: &str) -> bool {
        matches!(field, "options" | "secretOptions" | "hookDetails" | "header")
    }
}

#[cfg(test)]
thread_local! {
    static READINGS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
impl ServiceSettings {
    /// How often settings were read on this thread.
    pub(crate) fn readings() -> usize {
        READINGS.with(std::cell::Cell::get)
    }
}

impl PartialEq for ServiceSettings {
    fn eq(&self, other: &Self) -> bool {
        match (&self.shared, &other.shared) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one.text == other.text,
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

impl Eq for ServiceSettings {}

impl fmt::Debug for ServiceSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("ServiceSettings").field(&self.text()).finish()
    }
}

impl Serialize for ServiceSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The text as it is: memory of thousands of services is written down in every pass.
        let text = if self.is_empty() { "{}" } else { self.text() };
        serde_json::from_str::<&RawValue>(text).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ServiceSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(|fields| Self::new(&fields))
    }
}

impl JsonSchema for ServiceSettings {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ServiceSettings".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::try_from(SCHEMA.clone()).unwrap_or_default()
    }
}

/// The JSON Schema of `settings`: what manifests are checked with.
pub fn service_settings_schema() -> &'static Value {
    &SCHEMA
}

static SCHEMA: LazyLock<Value> = LazyLock::new(|| shapes::schema(SHAPES, "ServiceSettings"));

/// The JSON Schema of `settings` in which only that is required which an update takes from what is live: what a service that is
/// created cannot do without.
pub(in crate::desired) fn settings_alone_schema() -> &'static Value {
    &ALONE
}

static ALONE: LazyLock<Value> = LazyLock::new(|| shapes::schema_alone(SHAPES, "ServiceSettings"));

/// UpdateServiceRequest without what names the service, what stands beside `settings` (`desiredCount`, `taskDefinition`) and
/// what is an action (`forceNewDeployment`); and the fields that only CreateService takes, which are compared but cannot be
/// changed. Source: botocore 1.44.5, `ecs/2014-11-13/service-2.json`. What the API requires inside of a structure that is
/// merged with the live one is required of a creation only.
const SHAPES: &str = "
ServiceSettings:
  capacityProviderStrategy=[CapacityProviderStrategyItem] deploymentConfiguration=DeploymentConfiguration
  availabilityZoneRebalancing=ENABLED|DISABLED networkConfiguration=NetworkConfiguration
  placementConstraints=[PlacementConstraint] placementStrategy=[PlacementStrategy] platformVersion=string
  healthCheckGracePeriodSeconds=integer deploymentController=DeploymentController
  enableExecuteCommand=boolean enableECSManagedTags=boolean loadBalancers=[LoadBalancer]
  propagateTags=TASK_DEFINITION|SERVICE|NONE serviceRegistries=[ServiceRegistry]
  serviceConnectConfiguration=ServiceConnectConfiguration volumeConfigurations=[ServiceVolumeConfiguration]
  vpcLatticeConfigurations=[VpcLatticeConfiguration] gatewayConnectors=[GatewayConnector]
  monitoring=MonitoringConfiguration launchType=EC2|FARGATE|EXTERNAL|MANAGED_INSTANCES role=string
  schedulingStrategy=REPLICA|DAEMON
CapacityProviderStrategyItem:
  capacityProvider!=string weight=integer base=integer
DeploymentConfiguration:
  deploymentCircuitBreaker=DeploymentCircuitBreaker maximumPercent=integer minimumHealthyPercent=integer
  alarms=DeploymentAlarms strategy=ROLLING|BLUE_GREEN|LINEAR|CANARY bakeTimeInMinutes=integer
  lifecycleHooks=[DeploymentLifecycleHook] linearConfiguration=LinearConfiguration
  canaryConfiguration=CanaryConfiguration earlySuccessCriteria=DeploymentEarlySuccessCriteria
DeploymentCircuitBreaker:
  enable~=boolean rollback~=boolean resetOnHealthyTask=boolean thresholdConfiguration=ThresholdConfiguration
ThresholdConfiguration:
  type!=COUNT|BOUNDED_PERCENT|UNBOUNDED_PERCENT value!=integer
DeploymentAlarms:
  alarmNames~=[string] rollback~=boolean enable~=boolean
DeploymentLifecycleHook:
  targetType=AWS_LAMBDA|PAUSE hookTargetArn=string roleArn=string
  lifecycleStages=[RECONCILE_SERVICE|PRE_SCALE_UP|POST_SCALE_UP|TEST_TRAFFIC_SHIFT|POST_TEST_TRAFFIC_SHIFT|PRE_PRODUCTION_TRAFFIC_SHIFT|PRODUCTION_TRAFFIC_SHIFT|POST_PRODUCTION_TRAFFIC_SHIFT]
  hookDetails=document timeoutConfiguration=DeploymentLifecycleHookTimeoutConfiguration
DeploymentLifecycleHookTimeoutConfiguration:
  timeoutInMinutes=integer action=ROLLBACK|CONTINUE
LinearConfiguration:
  stepPercent=number stepBakeTimeInMinutes=integer
CanaryConfiguration:
  canaryPercent=number canaryBakeTimeInMinutes=integer
DeploymentEarlySuccessCriteria:
  enable!=boolean healthyPercent=integer sourceServiceRevisionCleanup=BLOCKING|DEFERRED
NetworkConfiguration:
  awsvpcConfiguration=AwsVpcConfiguration
AwsVpcConfiguration:
  subnets~=[string] securityGroups=[string] assignPublicIp=ENABLED|DISABLED
PlacementConstraint:
  type=distinctInstance|memberOf expression=string
PlacementStrategy:
  type=random|spread|binpack field=string
DeploymentController:
  type!=ECS|CODE_DEPLOY|EXTERNAL
LoadBalancer:
  targetGroupArn=string loadBalancerName=string containerName=string containerPort=integer
  advancedConfiguration=AdvancedConfiguration
AdvancedConfiguration:
  alternateTargetGroupArn=string productionListenerRule=string testListenerRule=string roleArn=string
ServiceRegistry:
  registryArn=string port=integer containerName=string containerPort=integer
ServiceConnectConfiguration:
  enabled!=boolean namespace=string services=[ServiceConnectService] logConfiguration=LogConfiguration
  accessLogConfiguration=ServiceConnectAccessLogConfiguration
  containerConfigurations=[ServiceConnectContainerConfiguration]
ServiceConnectService:
  portName!=string discoveryName=string clientAliases=[ServiceConnectClientAlias]
  ingressPortOverride=integer timeout=TimeoutConfiguration tls=ServiceConnectTlsConfiguration
ServiceConnectClientAlias:
  port!=integer dnsName=string testTrafficRules=ServiceConnectTestTrafficRules
ServiceConnectTestTrafficRules:
  header!=ServiceConnectTestTrafficHeaderRules
ServiceConnectTestTrafficHeaderRules:
  name!=string value=ServiceConnectTestTrafficHeaderMatchRules
ServiceConnectTestTrafficHeaderMatchRules:
  exact!=string
TimeoutConfiguration:
  idleTimeoutSeconds=integer perRequestTimeoutSeconds=integer
ServiceConnectTlsConfiguration:
  issuerCertificateAuthority!=ServiceConnectTlsCertificateAuthority kmsKey=string roleArn=string
ServiceConnectTlsCertificateAuthority:
  awsPcaAuthorityArn=string
LogConfiguration:
  logDriver!=json-file|syslog|journald|gelf|fluentd|awslogs|splunk|awsfirelens options={string}
  secretOptions=[Secret]
Secret:
  name!=string valueFrom!=string
ServiceConnectAccessLogConfiguration:
  format!=TEXT|JSON includeQueryParameters=DISABLED|ENABLED
ServiceConnectContainerConfiguration:
  logLevel=debug|info
ServiceVolumeConfiguration:
  name!=string managedEBSVolume=ServiceManagedEBSVolumeConfiguration
ServiceManagedEBSVolumeConfiguration:
  encrypted=boolean kmsKeyId=string volumeType=string sizeInGiB=integer snapshotId=string
  volumeInitializationRate=integer iops=integer throughput=integer tagSpecifications=[EBSTagSpecification]
  roleArn!=string filesystemType=ext3|ext4|xfs|ntfs
EBSTagSpecification:
  resourceType!=volume| tags=[Tag] propagateTags=TASK_DEFINITION|SERVICE|NONE
Tag:
  key=string value=string
VpcLatticeConfiguration:
  roleArn!=string targetGroupArn!=string portName!=string
  advancedConfiguration=VpcLatticeAdvancedConfiguration
VpcLatticeAdvancedConfiguration:
  alternateTargetGroupArn=string productionListenerRule=string testListenerRule=string
GatewayConnector:
  portName!=string healthCheck=GatewayConnectorHealthCheck filters=GatewayConnectorFilters
  deregistrationDelay=GatewayConnectorDeregistrationDelay
GatewayConnectorHealthCheck:
  healthCheckProtocol=HTTP|HTTPS healthCheckPort=integer healthCheckPath=string
  healthCheckTimeoutSeconds=integer healthCheckIntervalSeconds=integer healthyThresholdCount=integer
  unhealthyThresholdCount=integer matcher=GatewayConnectorHealthCheckMatcher
GatewayConnectorHealthCheckMatcher:
  httpCode=string grpcCode=string
GatewayConnectorFilters:
  accessTypes=[PUBLIC|PRIVATE]
GatewayConnectorDeregistrationDelay:
  timeoutSeconds=integer
MonitoringConfiguration:
  metricConfigurations=[MetricConfiguration]
MetricConfiguration:
  metricNames!=[string] resolutionSeconds!=integer
";
