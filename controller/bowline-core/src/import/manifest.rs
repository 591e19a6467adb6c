//! One manifest per resource, in a folder per Target: `prod/target.yaml`, `prod/services/web.yaml`, `prod/secrets/db.yaml`.

mod secret;
mod service;
mod target;
mod terraform_state;

use std::collections::BTreeMap;

use super::names::Names;
use super::yaml::Yaml;
use super::{Folder, Inventory, Manifests, Options, Site, Unit, left_out};
use crate::desired::{Origin, ResourceKey, ResourceKind};
use crate::name::ResourceName;

/// What is to be written for everything that was read, and what there is to tell about it.
///
/// Guarantees: the files parse without errors, every reference resolves, and a plan right after finds no differences, as far
/// as live is settled by then; what is not is in `notes`. What the folder declares in files of its own is not in `units`.
pub fn manifests(folder: Folder<'_>, inventories: &[Inventory], options: &Options) -> Manifests {
    let names = Names::of(folder.state);
    let mut writer =
        Writer { folder, options, names, secrets: BTreeMap::new(), result: Manifests::default() };
    let mut inventories: Vec<&Inventory> = inventories.iter().collect();
    inventories.sort_by(|one, other| one.site.name.cmp(&other.site.name));
    for inventory in inventories {
        for (name, service) in &inventory.services {
            if let Some(why) = left_out(&service.live) {
                writer.result.skipped.insert((inventory.site.name.clone(), name.clone()), why);
            }
        }
        if inventory.services.is_empty() {
            writer.note(&format!("cluster {}", inventory.site.target.cluster), "it has no services");
        }
        target::write(&mut writer, &inventory.site);
        let services = service::name(&mut writer, inventory);
        secret::write(&mut writer, inventory, &services);
        service::write(&mut writer, inventory, &services);
        terraform_state::write(&mut writer, inventory);
    }
    writer.result.units.sort_by(|one, other| one.files.first().cmp(&other.files.first()));
    writer.result.suspects.sort();
    writer.result
}

/// What has been written so far.
struct Writer<'a> {
    folder: Folder<'a>,
    options: &'a Options,
    names: Names,
    /// Secret resources by the ARN of their secret.
    secrets: BTreeMap<String, ResourceName>,
    result: Manifests,
}

impl Writer<'_> {
    /// Where a resource stands that the folder declares. One that no import wrote is only told.
    fn standing(&mut self, site: &Site, key: &ResourceKey, origin: &Origin) -> Standing {
        let at = self.folder.inside(&origin.path).to_owned();
        if at == path(site, key) {
            return Standing::Written;
        }
        self.result.elsewhere.insert(key.clone(), at);
        Standing::Elsewhere
    }

    fn unit(&mut self, resource: ResourceKey, standing: Standing, files: Vec<(String, String)>) {
        let declared = match standing {
            Standing::New => false,
            Standing::Written => true,
            Standing::Elsewhere => return,
        };
        self.result.units.push(Unit { resource, declared, files });
    }

    fn note(&mut self, about: &str, sentence: impl Into<String>) {
        self.result.notes.insert((about.to_owned(), sentence.into()));
    }
}

/// What the folder says of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Nothing.
    New,
    /// It declares it where an import writes it.
    Written,
    /// It declares it in a file of its own, which is left alone.
    Elsewhere,
}

/// A name for something of a Target, and what the folder says of it.
type Named = (ResourceName, Standing);

fn key(kind: ResourceKind, name: &ResourceName) -> ResourceKey {
    ResourceKey { kind, name: name.clone() }
}

/// Where a resource is written, from the folder.
fn path(site: &Site, key: &ResourceKey) -> String {
    let folder = match key.kind {
        ResourceKind::Target => return format!("{}/target.yaml", key.name),
        ResourceKind::EcsService => "services",
        ResourceKind::Secret => "secrets",
        ResourceKind::TerraformState => "terraform-states",
        ResourceKind::Policy => "policies",
        ResourceKind::AlertRoute => "alert-routes",
    };
    format!("{}/{folder}/{}.yaml", site.name, key.name)
}

/// A document with its envelope; `spec` writes what is below it.
fn document(key: &ResourceKey, comment: Option<&str>, spec: impl FnOnce(&mut Yaml)) -> String {
    let mut yaml = Yaml::default();
    if let Some(comment) = comment {
        yaml.comment(comment);
    }
    yaml.text("apiVersion", "bowline.dev/v1alpha1");
    yaml.text("kind", key.kind.as_str());
    yaml.map("metadata", |metadata| metadata.text("name", key.name.as_str()));
    yaml.map("spec", spec);
    yaml.finish()
}
