//! Secrets: those that an imported service reads when a task of it starts, each on the version that is current.

use std::collections::{BTreeMap, BTreeSet};

use super::service::Subject;
use super::{Named, Standing, Writer, document, key, path};
use crate::desired::ResourceKind;
use crate::import::{Inventory, secrets_read_at_start};
use crate::live::LiveSecret;
use crate::name::{SecretId, SecretVersionId};

/// Writes the secrets of one Target, and notes which of them cannot be pinned, and why.
pub(super) fn write(writer: &mut Writer<'_>, inventory: &Inventory, services: &[Subject<'_>]) {
    let mut readers: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for service in services {
        for id in service.content().map(secrets_read_at_start).unwrap_or_default() {
            readers.entry(id).or_default().insert(service.called.as_str());
        }
    }
    let mut new: BTreeMap<String, (&LiveSecret, SecretVersionId)> = BTreeMap::new();
    for (id, readers) in &readers {
        match pinnable(inventory, id) {
            Ok((secret, version)) => drop(new.insert(secret.arn.clone(), (secret, version))),
            Err(why) => {
                let readers: Vec<&str> = readers.iter().copied().collect();
                let sentence = format!("it is not imported: {why}. It is read by {}", readers.join(", "));
                writer.note(&format!("secret {}", secret_name(id)), sentence);
            }
        }
    }
    for (arn, (name, standing)) in name(writer, inventory, &new) {
        writer.secrets.insert(arn.clone(), name.clone());
        let Some((secret, version)) = new.get(&arn) else { continue };
        let key = key(ResourceKind::Secret, &name);
        let text = document(&key, None, |spec| {
            spec.text("target", inventory.site.name.as_str());
            spec.text("secretId", secret_name(&secret.arn));
            spec.comment("The version that AWSCURRENT is on. The value is never read.");
            spec.text("versionId", version.as_str());
        });
        let path = path(&inventory.site, &key);
        writer.unit(key, standing, vec![(path, text)]);
    }
}

/// The current version of a secret, or why it cannot be pinned.
fn pinnable<'a>(
    inventory: &'a Inventory,
    id: &str,
) -> Result<(&'a LiveSecret, SecretVersionId), &'static str> {
    let target = &inventory.site.target;
    let place = (target.account_id.as_str(), target.region.as_str());
    if !is_in(id, place) {
        return Err("it is in another account or region than the Target");
    }
    let Some(Some(secret)) = inventory.secrets.get(id) else { return Err("there is no such secret") };
    if secret.deleted_at.is_some() {
        return Err("it is marked for deletion");
    }
    if secret.rotated_elsewhere {
        return Err("AWS rotates it by itself, so that its current version is not git's to say");
    }
    let Some(current) = secret.current() else { return Err("it has no current version") };
    let version = SecretVersionId::parse(current)
        .map_err(|_| "the id of its current version is not one that can be pinned")?;
    Ok((secret, version))
}

/// Whether the secret can be of this account and region: what has no ARN is.
fn is_in(id: &str, place: (&str, &str)) -> bool {
    SecretId::parse(id).is_ok_and(|id| id.place().is_none_or(|found| found == place))
}

/// Names by ARN, but for what another Target of the same account and region has brought.
fn name(
    writer: &mut Writer<'_>,
    inventory: &Inventory,
    secrets: &BTreeMap<String, (&LiveSecret, SecretVersionId)>,
) -> BTreeMap<String, Named> {
    let mut named = BTreeMap::new();
    let mut new: BTreeMap<&str, &String> = BTreeMap::new();
    for arn in secrets.keys() {
        match declared(writer, inventory, arn) {
            Some(found) => drop(named.insert(arn.clone(), found)),
            None if writer.secrets.contains_key(arn) => {}
            None => drop(new.insert(secret_name(arn), arn)),
        }
    }
    let called = new.keys().copied().collect();
    for (called, name) in writer.names.give(ResourceKind::Secret, inventory.site.name.as_str(), &called) {
        named.insert(new[called].clone(), (name, Standing::New));
    }
    named
}

/// The resource that the folder has for this secret. It may be of another Target of the same account and region.
fn declared(writer: &mut Writer<'_>, inventory: &Inventory, arn: &str) -> Option<Named> {
    let state = writer.folder.state;
    let place = (&inventory.site.target.account_id, &inventory.site.target.region);
    let is_this = |id: &SecretId| {
        [arn, secret_name(arn)].contains(&id.as_str())
            || (id.place().is_some() && secret_name(id.as_str()) == secret_name(arn))
    };
    let (name, resource) = state.secrets.iter().find(|(_, resource)| {
        let target = state.targets.get(&resource.spec.target).map(|target| &target.spec);
        target.is_some_and(|target| (&target.account_id, &target.region) == place)
            && is_this(&resource.spec.secret_id)
    })?;
    Some((name.clone(), writer.standing(&inventory.site, &key(ResourceKind::Secret, name), &resource.origin)))
}

/// The name of a secret in its ARN, without the six characters that Secrets Manager adds.
fn secret_name(id: &str) -> &str {
    let Some((_, full)) = id.split_once(":secret:") else { return id };
    match full.rsplit_once('-') {
        Some((name, added)) if added.len() == 6 && added.chars().all(|c| c.is_ascii_alphanumeric()) => name,
        _ => full,
    }
}
