//! Every call to AWS that Bowline makes, with the quota it counts against, as data.

use super::error::Repeat;

/// An AWS service, by the name that its SDK goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Elastic Container Service.
    Ecs,
    /// Secrets Manager.
    SecretsManager,
    /// Simple Storage Service.
    S3,
    /// Security Token Service.
    Sts,
    /// Elastic Load Balancing, version 2.
    ElasticLoadBalancing,
    /// Application Auto Scaling.
    ApplicationAutoScaling,
}

impl Service {
    /// The name, as in metrics and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ecs => "ECS",
            Self::SecretsManager => "SecretsManager",
            Self::S3 => "S3",
            Self::Sts => "STS",
            Self::ElasticLoadBalancing => "ElasticLoadBalancing",
            Self::ApplicationAutoScaling => "ApplicationAutoScaling",
        }
    }
}

/// A quota that several API actions of one account and region share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bucket {
    /// ECS service read: DescribeServices, ListServices.
    ServiceRead,
    /// ECS service modify: UpdateService, CreateService.
    ServiceModify,
    /// ECS task definition read.
    TaskDefinitionRead,
    /// ECS task definition modify: RegisterTaskDefinition.
    TaskDefinitionModify,
    /// ECS service deployment: ListServiceDeployments, DescribeServiceDeployments.
    ServiceDeployment,
    /// ECS service revision: DescribeServiceRevisions.
    ServiceRevision,
    /// ECS cluster resource read: DescribeTasks, ListTasks.
    ClusterResourceRead,
    /// ECS cluster read: ListClusters.
    ClusterRead,
    /// ECS tag modify: TagResource, UntagResource.
    TagModify,
    /// Secrets Manager, DescribeSecret.
    SecretRead,
    /// Secrets Manager, ListSecretVersionIds.
    SecretList,
    /// Secrets Manager, everything that writes.
    SecretModify,
    /// S3, GET and HEAD.
    ObjectRead,
    /// STS, GetCallerIdentity.
    Identity,
    /// Elastic Load Balancing, everything that reads.
    LoadBalancingRead,
    /// Application Auto Scaling, DescribeScalableTargets.
    ScalableTargetRead,
}

impl Bucket {
    /// AWS's documented rate: how many calls at once, and how many more each second.
    ///
    /// ECS: "Request throttling for the Amazon ECS API". Secrets Manager: the quota page (10,000/s for reads, 50/s for
    /// writes; lists count 100/s). S3: 5,500 GET/HEAD each second and prefix ("Best practices design patterns:
    /// optimizing Amazon S3 performance"). STS: 600/s for each account and region (IAM and STS quotas page).
    /// Elastic Load Balancing: 40 at once for everything that reads, and 10 more a second ("Request throttling for the
    /// Elastic Load Balancing API").
    /// Application Auto Scaling publishes no rate: as little as the slowest read of ECS.
    pub fn documented(self) -> (f64, f64) {
        match self {
            Self::ServiceRead | Self::ClusterResourceRead => (100.0, 20.0),
            Self::ServiceModify => (50.0, 5.0),
            Self::TaskDefinitionRead
            | Self::ServiceDeployment
            | Self::ServiceRevision
            | Self::ClusterRead
            | Self::ScalableTargetRead => (50.0, 20.0),
            Self::TaskDefinitionModify => (20.0, 1.0),
            Self::TagModify => (20.0, 10.0),
            Self::SecretRead => (10_000.0, 10_000.0),
            Self::SecretList => (100.0, 100.0),
            Self::SecretModify => (50.0, 50.0),
            Self::ObjectRead => (5_500.0, 5_500.0),
            Self::Identity => (600.0, 600.0),
            Self::LoadBalancingRead => (40.0, 10.0),
        }
    }
}

macro_rules! apis {
    ($( $(#[$doc:meta])* $name:ident: $service:ident, $bucket:ident, $repeat:ident, $action:literal; )*) => {
        /// The calls that Bowline makes; there are no others.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Api {
            $( $(#[$doc])* $name, )*
        }

        impl Api {
            /// All of them.
            pub const ALL: &[Self] = &[$( Self::$name, )*];

            /// AWS's name of the operation.
            pub fn name(self) -> &'static str {
                match self { $( Self::$name => stringify!($name), )* }
            }

            /// Whose operation it is.
            pub fn service(self) -> Service {
                match self { $( Self::$name => Service::$service, )* }
            }

            /// The quota that it counts against.
            pub fn bucket(self) -> Bucket {
                match self { $( Self::$name => Bucket::$bucket, )* }
            }

            /// The IAM action that allows it.
            pub fn iam_action(self) -> &'static str {
                match self { $( Self::$name => $action, )* }
            }

            /// Whether it may be sent again although the first one may have arrived.
            pub(crate) fn repeat(self) -> Repeat {
                match self { $( Self::$name => Repeat::$repeat, )* }
            }
        }
    };
}

apis! {
    /// Whose credentials these are.
    GetCallerIdentity: Sts, Identity, Always, "sts:GetCallerIdentity";
    /// Credentials of a Target's role: sent by the SDK, when they are needed.
    AssumeRole: Sts, Identity, Always, "sts:AssumeRole";
    /// Services, ten at a time.
    DescribeServices: Ecs, ServiceRead, Always, "ecs:DescribeServices";
    /// A cluster's services, for `import`, and for what is left over: what is in git is asked for by name.
    ListServices: Ecs, ServiceRead, Always, "ecs:ListServices";
    /// The clusters of the account and region, for `import --all` only.
    ListClusters: Ecs, ClusterRead, Always, "ecs:ListClusters";
    /// One task definition revision.
    DescribeTaskDefinition: Ecs, TaskDefinitionRead, Always, "ecs:DescribeTaskDefinition";
    /// The revisions of a family.
    ListTaskDefinitions: Ecs, TaskDefinitionRead, Always, "ecs:ListTaskDefinitions";
    /// A service's deployments.
    ListServiceDeployments: Ecs, ServiceDeployment, Always, "ecs:ListServiceDeployments";
    /// Where a deployment stands: its stage, and what holds it.
    DescribeServiceDeployments: Ecs, ServiceDeployment, Always, "ecs:DescribeServiceDeployments";
    /// What deployments ran.
    DescribeServiceRevisions: Ecs, ServiceRevision, Always, "ecs:DescribeServiceRevisions";
    /// The tasks of a service, or of a cluster.
    ListTasks: Ecs, ClusterResourceRead, Always, "ecs:ListTasks";
    /// When they started, and which images they run.
    DescribeTasks: Ecs, ClusterResourceRead, Always, "ecs:DescribeTasks";
    /// A new revision. AWS has no token for it, so a second one is a second revision.
    RegisterTaskDefinition: Ecs, TaskDefinitionModify, WhenRefused, "ecs:RegisterTaskDefinition";
    /// A new service. Its clientToken makes a second one the same.
    CreateService: Ecs, ServiceModify, Always, "ecs:CreateService";
    /// A changed service. With forceNewDeployment a second one is a second deployment.
    UpdateService: Ecs, ServiceModify, WhenRefused, "ecs:UpdateService";
    /// Our own bad deployment stopped, so that ECS goes back. AWS documents no rate for it, so it counts as a change.
    StopServiceDeployment: Ecs, ServiceModify, WhenRefused, "ecs:StopServiceDeployment";
    /// A record on the service, or a tag of a task definition.
    TagResource: Ecs, TagModify, Always, "ecs:TagResource";
    /// A tag taken off a task definition.
    UntagResource: Ecs, TagModify, Always, "ecs:UntagResource";
    /// A secret's versions and labels, without values.
    DescribeSecret: SecretsManager, SecretRead, Always, "secretsmanager:DescribeSecret";
    /// When a secret's versions were created.
    ListSecretVersionIds: SecretsManager, SecretList, Always, "secretsmanager:ListSecretVersionIds";
    /// AWSCURRENT moved, as a compare-and-swap: a second one finds nothing to swap.
    UpdateSecretVersionStage: SecretsManager, SecretModify, WhenRefused, "secretsmanager:UpdateSecretVersionStage";
    /// The health of a target group's targets.
    DescribeTargetHealth: ElasticLoadBalancing, LoadBalancingRead, Always, "elasticloadbalancing:DescribeTargetHealth";
    /// Whether autoscaling moves the desired counts of services, fifty at a time.
    DescribeScalableTargets: ApplicationAutoScaling, ScalableTargetRead, Always, "application-autoscaling:DescribeScalableTargets";
    /// A state object's version.
    HeadObject: S3, ObjectRead, Always, "s3:GetObject";
    /// A state object's first fields, of the version that HeadObject named.
    GetObject: S3, ObjectRead, Always, "s3:GetObjectVersion";
}
