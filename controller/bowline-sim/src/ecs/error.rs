//! Refusals in the words of ECS.

use crate::context::ApiError;

pub(super) fn client(message: impl Into<String>) -> ApiError {
    ApiError::bad_request("ClientException", message)
}

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::bad_request("InvalidParameterException", message)
}

pub(super) fn cluster_not_found() -> ApiError {
    ApiError::bad_request("ClusterNotFoundException", "Cluster not found.")
}

pub(super) fn service_not_found() -> ApiError {
    ApiError::bad_request("ServiceNotFoundException", "Service not found.")
}

pub(super) fn service_not_active() -> ApiError {
    ApiError::bad_request("ServiceNotActiveException", "Service was not ACTIVE.")
}
