//! `settings` of an EcsService: everything that UpdateService can change, in AWS's own field names.

use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::desired::shapes;

/// Settings of a service, in the field names of UpdateService: as git wants them, as they are live, or as they were last
/// managed. In git only what is listed is managed: field by field inside of objects, lists as a whole. Not normalised (see
/// `diff::fields::SERVICE`).
///
/// Kept as JSON text, since those of thousands of services are held at once and few of them are looked into.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceSettings {
    /// A JSON object without spaces; empty when there is no field.
    text: Box<str>,
}

impl ServiceSettings {
    /// These fields.
    pub fn new(fields: &Map<String, Value>) -> Self {
        if fields.is_empty() {
            return Self::default();
        }
        Self { text: serde_json::to_string(fields).unwrap_or_default().into() }
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
        Self { text: text.into() }
    }

    /// The fields.
    pub fn fields(&self) -> Map<String, Value> {
        // The text was made from fields, so it can only be empty or an object.
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// Whether nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether values of a field of this name may be confidential: options of a log driver may hold a token.
    pub(in crate::desired) fn is_confidential(field: &str) -> bool {
        matches!(field, "options" | "secretOptions")
    }
}

impl Serialize for ServiceSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields().serialize(serializer)
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

/// UpdateServiceRequest without what names the service, what stands beside `settings` (`desiredCount`, `taskDefinition`) and
/// what is an action (`forceNewDeployment`); and the fields that only CreateService takes, which are compared but cannot be
/// changed. Source: botocore 1.44.5, `ecs/2014-11-13/service-2.json`. What the API requires inside of a structure that is
/// merged with the live one is not required here.
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
  enable=boolean rollback=boolean resetOnHealthyTask=boolean thresholdConfiguration=ThresholdConfiguration
ThresholdConfiguration:
  type!=COUNT|BOUNDED_PERCENT|UNBOUNDED_PERCENT value!=integer
DeploymentAlarms:
  alarmNames=[string] rollback=boolean enable=boolean
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
  subnets=[string] securityGroups=[string] assignPublicIp=ENABLED|DISABLED
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
