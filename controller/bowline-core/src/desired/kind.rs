//! The kinds, one file each. The Rust types are the source of `crds/` and of `docs/spec/`.

mod ecs_service;
mod health;
mod secret;
mod service_creation;
mod service_settings;
mod suspension;
mod target;
mod terraform_state;

pub use ecs_service::{EcsService, Rollback, RollbackStrategy, Rollout, TaskDefinitionSource};
pub use health::{
    HealthCheck, HealthCondition, HttpCheck, MCP_PROTOCOL, MOST_CONDITIONS, MOST_MATCHED, McpCheck,
    TargetGroupCheck, TcpCheck,
};
pub use secret::{Rotation, Secret, SecretRollback};
pub use service_creation::ServiceCreation;
pub(in crate::desired) use service_settings::settings_alone_schema;
pub use service_settings::{ServiceSettings, service_settings_schema};
pub use suspension::Suspension;
pub use target::{AssumeRole, Capability, Constraints, Mode, Target};
pub use terraform_state::{StateCode, StateLock, StateVersion, TerraformState};

/// The only `apiVersion` that Bowline reads; documents with another one are skipped and counted.
pub const API_VERSION: &str = "bowline.dev/v1alpha1";
