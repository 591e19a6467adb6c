//! Where the independent servers are known to answer otherwise than AWS, so that the contract cannot hold there.
//!
//! The simulator has no row: where it differs, it is wrong. A row is taken out as soon as its case holds; a test makes
//! sure of that, and of the count.

/// One case that does not hold at one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownDifference {
    /// `moto` or `ministack`.
    pub server: &'static str,
    /// The case, by the name of its function.
    pub case: &'static str,
    /// A text that the failure contains, so that another failure of the same case is seen.
    pub symptom: &'static str,
    /// What AWS does, what this server does, and how we know.
    pub why: &'static str,
}

/// All of them.
pub const KNOWN_DIFFERENCES: &[KnownDifference] = &[
    KnownDifference {
        server: "moto",
        case: "the_circuit_breaker_is_seen",
        symptom: "it was created with one",
        why: "AWS describes a service with its deploymentConfiguration; moto drops the field in CreateService.",
    },
    KnownDifference {
        server: "moto",
        case: "past_deployments_come_newest_first",
        symptom: "category: Unsupported",
        why: "moto does not have ListServiceDeployments: HTTP 500 with its web server's own page (NotImplementedError).",
    },
    KnownDifference {
        server: "moto",
        case: "every_running_task_has_a_start",
        symptom: "left: 0",
        why: "moto's services have a running count but no tasks; only RunTask and StartTask make some.",
    },
    KnownDifference {
        server: "moto",
        case: "a_task_definition_is_changed_by_a_new_deployment",
        symptom: "assertion `left == right` failed",
        why: "AWS starts a new PRIMARY deployment; moto changes the service's field and leaves the deployment as it was.",
    },
    KnownDifference {
        server: "moto",
        case: "an_inactive_task_definition_is_refused",
        symptom: "Done",
        why: "AWS refuses UpdateService to a deregistered revision (`TaskDefinition is inactive`); moto accepts it.",
    },
    KnownDifference {
        server: "ministack",
        case: "a_task_definition_comes_back_as_it_was_registered",
        symptom: "pidMode is , git does not have it",
        why: "AWS leaves pidMode and ipcMode out when they were not given; ministack answers with empty texts.",
    },
    KnownDifference {
        server: "ministack",
        case: "past_deployments_come_newest_first",
        symptom: "left: []",
        why: "ministack's ListServiceDeployments and DescribeServiceRevisions are stubs: always empty, whatever was deployed.",
    },
    KnownDifference {
        server: "ministack",
        case: "a_scalable_target_is_read_and_one_that_is_not_there_is_missing",
        symptom: "category: Unsupported",
        why: "ministack has no Application Auto Scaling: it answers with a bare HTTP 400, and Bowline then says nothing of it.",
    },
    KnownDifference {
        server: "ministack",
        case: "an_inactive_task_definition_is_refused",
        symptom: "Done",
        why: "AWS refuses UpdateService to a deregistered revision (`TaskDefinition is inactive`); ministack accepts it.",
    },
];

/// How a field is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// It does not come back, or as something else.
    Changed,
    /// It comes back as empty text where it was left out; what is given comes back.
    EmptyText,
}

/// A field of a task definition that does not come back from a server as it was registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostField {
    /// `moto` or `ministack`.
    pub server: &'static str,
    /// The field, as in `docs/reference/task-definition-fields.md`; everything below it is meant, too.
    pub path: &'static str,
    /// In which way.
    pub how: Lost,
    /// What the server does instead.
    pub why: &'static str,
}

/// All of them. The simulator has none: where it loses a field, it is wrong.
pub const LOST_FIELDS: &[LostField] = &[
    LostField {
        server: "moto",
        path: "containerDefinitions.resourceRequirements.sharingStrategy",
        how: Lost::Changed,
        why: "moto answers in the shape of its own botocore, which is older than the field.",
    },
    LostField {
        server: "moto",
        path: "enableFaultInjection",
        how: Lost::Changed,
        why: "moto's RegisterTaskDefinition does not read the field.",
    },
    LostField {
        server: "moto",
        path: "networkMode",
        how: Lost::Changed,
        why: "moto answers `awsvpc` whatever was given, unless requiresCompatibilities is EC2 alone or left out.",
    },
    LostField {
        server: "moto",
        path: "trustedExecutionConfiguration",
        how: Lost::Changed,
        why: "moto's RegisterTaskDefinition does not read the field.",
    },
    LostField {
        server: "ministack",
        path: "enableFaultInjection",
        how: Lost::Changed,
        why: "ministack's RegisterTaskDefinition does not read the field.",
    },
    LostField {
        server: "ministack",
        path: "executionRoleArn",
        how: Lost::EmptyText,
        why: "AWS leaves the field out; ministack answers with empty text.",
    },
    LostField {
        server: "ministack",
        path: "inferenceAccelerators",
        how: Lost::Changed,
        why: "ministack's RegisterTaskDefinition does not read the field.",
    },
    LostField {
        server: "ministack",
        path: "ipcMode",
        how: Lost::EmptyText,
        why: "AWS leaves the field out; ministack answers with empty text.",
    },
    LostField {
        server: "ministack",
        path: "pidMode",
        how: Lost::EmptyText,
        why: "AWS leaves the field out; ministack answers with empty text.",
    },
    LostField {
        server: "ministack",
        path: "taskRoleArn",
        how: Lost::EmptyText,
        why: "AWS leaves the field out; ministack answers with empty text.",
    },
    LostField {
        server: "ministack",
        path: "trustedExecutionConfiguration",
        how: Lost::Changed,
        why: "ministack's RegisterTaskDefinition does not read the field.",
    },
];

/// When a setting of a service is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostBy {
    /// CreateService; UpdateService takes it.
    Creating,
    /// UpdateService; CreateService takes it.
    Updating,
    /// Both.
    Both,
}

/// A setting of a service that does not come back from a server as it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostSetting {
    /// `moto` or `ministack`.
    pub server: &'static str,
    /// The field, as in `docs/reference/service-fields.md`; everything below it is meant, too.
    pub path: &'static str,
    /// When.
    pub by: LostBy,
    /// What the server does instead.
    pub why: &'static str,
}

/// All of them. The simulator has none: where it loses a setting, it is wrong.
pub const LOST_SETTINGS: &[LostSetting] = &[
    LostSetting {
        server: "moto",
        path: "availabilityZoneRebalancing",
        by: LostBy::Creating,
        why: "moto's CreateService does not read the field.",
    },
    LostSetting {
        server: "moto",
        path: "capacityProviderStrategy",
        by: LostBy::Creating,
        why: "moto's CreateService does not read the field.",
    },
    LostSetting {
        server: "moto",
        path: "deploymentConfiguration",
        by: LostBy::Creating,
        why: "moto's CreateService does not read the field.",
    },
    LostSetting {
        server: "moto",
        path: "enableECSManagedTags",
        by: LostBy::Creating,
        why: "moto's CreateService does not read the field.",
    },
    LostSetting {
        server: "moto",
        path: "enableExecuteCommand",
        by: LostBy::Creating,
        why: "moto's CreateService does not read the field.",
    },
    LostSetting {
        server: "moto",
        path: "gatewayConnectors",
        by: LostBy::Both,
        why: "only service revisions show the field, and moto has none.",
    },
    LostSetting {
        server: "moto",
        path: "healthCheckGracePeriodSeconds",
        by: LostBy::Creating,
        why: "moto's CreateService does not read the field.",
    },
    LostSetting {
        server: "moto",
        path: "monitoring",
        by: LostBy::Both,
        why: "only service revisions show the field, and moto has none.",
    },
    LostSetting {
        server: "moto",
        path: "placementConstraints",
        by: LostBy::Creating,
        why: "moto's CreateService does not read the field.",
    },
    LostSetting {
        server: "moto",
        path: "placementStrategy",
        by: LostBy::Creating,
        why: "moto's CreateService does not read the field.",
    },
    LostSetting {
        server: "moto",
        path: "role",
        by: LostBy::Creating,
        why: "moto's CreateService does not read the field.",
    },
    LostSetting {
        server: "moto",
        path: "serviceConnectConfiguration",
        by: LostBy::Both,
        why: "moto's deployments do not have the field.",
    },
    LostSetting {
        server: "moto",
        path: "volumeConfigurations",
        by: LostBy::Both,
        why: "moto's deployments do not have the field.",
    },
    LostSetting {
        server: "moto",
        path: "vpcLatticeConfigurations",
        by: LostBy::Both,
        why: "moto's deployments do not have the field.",
    },
    LostSetting {
        server: "ministack",
        path: "availabilityZoneRebalancing",
        by: LostBy::Both,
        why: "ministack's answers do not have the field.",
    },
    LostSetting {
        server: "ministack",
        path: "deploymentController",
        by: LostBy::Updating,
        why: "ministack's UpdateService does not read the field.",
    },
    LostSetting {
        server: "ministack",
        path: "enableECSManagedTags",
        by: LostBy::Updating,
        why: "ministack's UpdateService does not read the field.",
    },
    LostSetting {
        server: "ministack",
        path: "gatewayConnectors",
        by: LostBy::Both,
        why: "only service revisions show the field, and ministack's DescribeServiceRevisions is a stub.",
    },
    LostSetting {
        server: "ministack",
        path: "monitoring",
        by: LostBy::Both,
        why: "only service revisions show the field, and ministack's DescribeServiceRevisions is a stub.",
    },
    LostSetting {
        server: "ministack",
        path: "placementConstraints",
        by: LostBy::Both,
        why: "ministack answers with an empty list, whatever was given.",
    },
    LostSetting {
        server: "ministack",
        path: "placementStrategy",
        by: LostBy::Both,
        why: "ministack answers with an empty list, whatever was given.",
    },
    LostSetting {
        server: "ministack",
        path: "propagateTags",
        by: LostBy::Updating,
        why: "ministack's UpdateService does not read the field.",
    },
    LostSetting {
        server: "ministack",
        path: "serviceConnectConfiguration",
        by: LostBy::Both,
        why: "ministack's deployments do not have the field.",
    },
    LostSetting {
        server: "ministack",
        path: "serviceRegistries",
        by: LostBy::Updating,
        why: "ministack's UpdateService does not read the field.",
    },
    LostSetting {
        server: "ministack",
        path: "volumeConfigurations",
        by: LostBy::Both,
        why: "ministack's deployments do not have the field.",
    },
    LostSetting {
        server: "ministack",
        path: "vpcLatticeConfigurations",
        by: LostBy::Both,
        why: "ministack's deployments do not have the field.",
    },
];
