//! `DeleteService`.

use serde_json::{Value, json};

use super::Env;
use super::error::{invalid, service_not_active};
use super::region::Region;
use super::render;
use super::service::Status;
use super::shape::Input;
use crate::context::ApiError;

pub(super) fn delete(region: &mut Region, env: &mut Env<'_>, input: &Input) -> Result<Value, ApiError> {
    let service = region.cluster(input)?.current_service(env, input)?;
    if service.status != Status::Active {
        return Err(service_not_active());
    }
    if service.settings.desired > 0 && !service.daemon && input.flag("force") != Some(true) {
        return Err(invalid("The service cannot be stopped while it is scaled above 0."));
    }
    service.status = Status::Draining;
    service.settings.desired = 0;
    service.wake(env.call.now);
    Ok(json!({"service": render::service::with_tags(service)}))
}
