//! Terraform states: lineage, and the version that is current.

use std::collections::BTreeMap;

use super::{Standing, Writer, Yaml, document, key, path};
use crate::desired::ResourceKind;
use crate::import::Inventory;
use crate::live::LiveState;
use crate::name::{Lineage, ObjectVersionId};

/// Writes the states that were asked for.
pub(super) fn write(writer: &mut Writer<'_>, inventory: &Inventory) {
    let state = writer.folder.state;
    let account = &inventory.site.target.account_id;
    let mut named = BTreeMap::new();
    let mut new = BTreeMap::new();
    for place in inventory.states.keys() {
        let declared = state.states.iter().find(|(_, resource)| {
            let target = state.targets.get(&resource.spec.target);
            let here = target.is_some_and(|target| target.spec.account_id == *account);
            here && (&resource.spec.bucket, &resource.spec.key) == (&place.0, &place.1)
        });
        if let Some((name, resource)) = declared {
            let key = key(ResourceKind::TerraformState, name);
            named.insert(place, (name.clone(), writer.standing(&inventory.site, &key, &resource.origin)));
        } else {
            let key = place.1.as_str();
            new.insert(key.strip_suffix(".tfstate").unwrap_or(key), place);
        }
    }
    let called = new.keys().copied().collect();
    let given = writer.names.give(ResourceKind::TerraformState, inventory.site.name.as_str(), &called);
    named.extend(given.into_iter().map(|(called, name)| (new[called], (name, Standing::New))));
    for (place, (name, standing)) in named {
        let Some(live) = inventory.states.get(place) else { continue };
        let key = key(ResourceKind::TerraformState, &name);
        let text = document(&key, None, |spec| {
            spec.text("target", inventory.site.name.as_str());
            spec.text("bucket", place.0.as_str());
            spec.text("key", place.1.as_str());
            head(spec, live);
        });
        let path = path(&inventory.site, &key);
        writer.unit(key, standing, vec![(path, text)]);
    }
}

fn head(spec: &mut Yaml, live: &LiveState) {
    match Lineage::parse(&live.lineage) {
        Ok(lineage) => spec.text("lineage", lineage.as_str()),
        Err(_) => spec.comment("lineage is left out: the state's is no UUID."),
    }
    let id = live.version_id.as_deref().and_then(|id| ObjectVersionId::parse(id).ok());
    match id {
        Some(id) => {
            spec.comment(
                "The version that belongs to what is in git. Each `terraform apply` makes another one.",
            );
            spec.map("version", |version| {
                version.text("id", id.as_str());
                version.number("serial", live.serial);
            });
        }
        None => spec.comment("version is left out: the bucket keeps no versions."),
    }
}
