//! Memory as rows of JSON: one from text, and those that differ from what is written.

use std::collections::BTreeMap;

use bowline_core::name::ResourceName;
use bowline_core::plan::Memory;
use serde::Serialize;
use serde::de::{DeserializeOwned, Error as _};

/// Where one row stands: its section of memory, and its key there.
pub(super) type Place = (&'static str, String);

const SERVICES: &str = "services";
const RESOURCES: &str = "resources";
const TARGETS: &str = "targets";
const ORPHANS: &str = "orphans";

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Rows that are new, or say something else.
    pub(super) changed: Vec<(Place, String)>,
    /// Rows that are no longer remembered.
    pub(super) gone: Vec<Place>,
}

impl Changes {
    /// From what is written to what is remembered. Nearly nothing changes in a pass, so that a row is compared before a text
    /// is made of it.
    pub(super) fn between(written: &Memory, memory: &Memory) -> Result<Self, serde_json::Error> {
        let Memory { services, resources, targets, orphans } = memory;
        let mut changes = Self::default();
        changes.section(SERVICES, &written.services, services)?;
        changes.section(RESOURCES, &written.resources, resources)?;
        changes.section(TARGETS, &written.targets, targets)?;
        changes.section(ORPHANS, &written.orphans, orphans)?;
        Ok(changes)
    }

    fn section<K: Ord + ToString, V: PartialEq + Serialize>(
        &mut self,
        section: &'static str,
        written: &BTreeMap<K, V>,
        remembered: &BTreeMap<K, V>,
    ) -> Result<(), serde_json::Error> {
        for (key, value) in remembered {
            if written.get(key) != Some(value) {
                self.changed.push(((section, key.to_string()), serde_json::to_string(value)?));
            }
        }
        let gone = written.keys().filter(|key| !remembered.contains_key(*key));
        self.gone.extend(gone.map(|key| (section, key.to_string())));
        Ok(())
    }
}

/// Puts what a row says into memory. Sections that this version does not know say nothing.
pub(super) fn remember(
    memory: &mut Memory,
    section: &str,
    key: &str,
    text: &str,
) -> Result<(), serde_json::Error> {
    match section {
        SERVICES => put(&mut memory.services, name(key)?, text),
        RESOURCES => put(&mut memory.resources, key.to_owned(), text),
        TARGETS => put(&mut memory.targets, name(key)?, text),
        ORPHANS => put(&mut memory.orphans, name(key)?, text),
        _ => Ok(()),
    }
}

/// Takes what `part` remembers into `memory`; what it does not speak of stays.
pub(super) fn take_over(memory: &mut Memory, part: &Memory) {
    let Memory { services, resources, targets, orphans } = part.clone();
    memory.services.extend(services);
    memory.resources.extend(resources);
    memory.targets.extend(targets);
    memory.orphans.extend(orphans);
}

fn put<K: Ord, V: DeserializeOwned>(
    into: &mut BTreeMap<K, V>,
    key: K,
    text: &str,
) -> Result<(), serde_json::Error> {
    into.insert(key, serde_json::from_str(text)?);
    Ok(())
}

fn name(key: &str) -> Result<ResourceName, serde_json::Error> {
    ResourceName::parse(key).map_err(serde_json::Error::custom)
}
