//! Nothing is done to a resource for a while, and then again.

use jiff::Timestamp;

use super::{Draft, Refusal, path};
use crate::desired::kind::Suspension;
use crate::desired::{DesiredState, Origin, ResourceKey, ResourceKind};
use crate::edit::{Edit, FieldEdit, Scalar};
use crate::name::{ReasonText, ResourceName};

/// What can be suspended: `Kind/name`, or a name alone, which means the EcsService of that name if there is one, and otherwise
/// the Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspendable {
    /// The kind, if it was named.
    pub kind: Option<ResourceKind>,
    /// The name.
    pub name: ResourceName,
}

impl Suspendable {
    /// Parses `web`, `EcsService/web` or `Secret/db`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (kind, name) = match text.split_once('/') {
            Some((kind, name)) => {
                let known = ResourceKind::ALL.into_iter().find(|known| known.as_str() == kind);
                let unknown = || format!("`{kind}` is no kind; write EcsService/{name} or Secret/{name}");
                (Some(known.ok_or_else(unknown)?), name)
            }
            None => (None, text),
        };
        Ok(Self { kind, name: ResourceName::parse(name).map_err(|error| error.to_string())? })
    }

    fn key(&self, kind: ResourceKind) -> ResourceKey {
        ResourceKey { kind: self.kind.unwrap_or(kind), name: self.name.clone() }
    }
}

/// Suspends a resource until then.
pub fn suspend(
    desired: &DesiredState,
    what: &Suspendable,
    until: Timestamp,
    reason: &ReasonText,
    now: Timestamp,
) -> Result<Draft, Refusal> {
    let (resource, origin, known) = find(desired, what)?;
    let until = until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    // Compared as it is written down, to the second.
    if until.parse::<Timestamp>().is_ok_and(|until| until <= now) {
        return Err(Refusal::EndsBeforeItBegins { until });
    }
    if known.is_some_and(|known| known.until.as_str() == until && known.reason == *reason) {
        return Err(Refusal::AlreadySo { what: format!("the suspension of {resource} until {until}") });
    }
    let text = |value: &str| Scalar::Text(value.to_owned());
    let edits = vec![
        FieldEdit::set("spec.suspend.until", text(&until)),
        FieldEdit::set("spec.suspend.reason", text(reason.as_str())),
    ];
    let edit = Edit::Fields { path: path(origin)?, resource: resource.clone(), edits };
    let mut draft = Draft::about("suspend", resource.clone(), Some(edit));
    draft.subject = format!("Suspend {} until {until}", resource.name);
    draft.body.push(reason.to_string());
    draft.body.push("Until then it is looked at and reported, and nothing is done to it.".to_owned());
    Ok(draft)
}

/// Ends the suspension of a resource.
pub fn resume(desired: &DesiredState, what: &Suspendable, now: Timestamp) -> Result<Draft, Refusal> {
    let (resource, origin, known) = find(desired, what)?;
    let Some(known) = known else { return Err(Refusal::NotSuspended { resource }) };
    let edits = vec![FieldEdit::remove("spec.suspend")];
    let edit = Edit::Fields { path: path(origin)?, resource: resource.clone(), edits };
    let mut draft = Draft::about("resume", resource.clone(), Some(edit));
    draft.subject = format!("Resume {}", resource.name);
    let ended = if known.holds(now) { "It was suspended until" } else { "Its suspension had ended at" };
    draft.body.push(format!("{ended} {}: {}", known.until, known.reason));
    Ok(draft)
}

/// The resource, where it stands, and its suspension.
fn find<'a>(
    desired: &'a DesiredState,
    what: &Suspendable,
) -> Result<(ResourceKey, &'a Origin, Option<&'a Suspension>), Refusal> {
    let is_a = |kind| what.kind.is_none_or(|named| named == kind);
    if let Some(service) = desired.services.get(&what.name).filter(|_| is_a(ResourceKind::EcsService)) {
        let resource = &service.resource;
        return Ok((what.key(ResourceKind::EcsService), &resource.origin, resource.spec.suspend.as_ref()));
    }
    if let Some(secret) = desired.secrets.get(&what.name).filter(|_| is_a(ResourceKind::Secret)) {
        return Ok((what.key(ResourceKind::Secret), &secret.origin, secret.spec.suspend.as_ref()));
    }
    let resource = what.key(ResourceKind::EcsService);
    if let Some(kind) =
        what.kind.filter(|kind| !matches!(kind, ResourceKind::EcsService | ResourceKind::Secret))
    {
        return Err(Refusal::NotSuspendable { kind });
    }
    if let Some(why) = desired.invalid.get(&resource) {
        return Err(Refusal::Invalid { resource, why: why.clone() });
    }
    let services = desired.services.keys().map(|name| format!("EcsService/{name}"));
    let secrets = desired.secrets.keys().map(|name| format!("Secret/{name}"));
    Err(Refusal::NoSuch { resource, known: services.chain(secrets).collect() })
}
