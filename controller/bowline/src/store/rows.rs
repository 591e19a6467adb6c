//! Memory as rows of JSON: one from text, and those that differ from what is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use bowline_core::name::{ResourceName, ServiceName};
use bowline_core::plan::{Memory, Orphan, TargetMemory};
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
    /// Whether rows that say the same are held twice.
    pub(super) unshared: bool,
}

impl Changes {
    /// From what is written to what is remembered. Nearly nothing changes in a pass, so that a row is compared before a text
    /// is made of it.
    pub(super) fn between(written: &Memory, memory: &Memory) -> Result<Self, serde_json::Error> {
        let mut changes = Self::of_part(written, memory)?;
        let Memory { services, resources, targets, orphans } = memory;
        changes.forget(SERVICES, &written.services, services);
        changes.forget(RESOURCES, &written.resources, resources);
        changes.forget(TARGETS, &written.targets, targets);
        changes.forget(ORPHANS, &written.orphans, orphans);
        Ok(changes)
    }

    /// As [`Self::between`], but what `part` does not speak of stays, and is not looked at.
    pub(super) fn of_part(written: &Memory, part: &Memory) -> Result<Self, serde_json::Error> {
        let Memory { services, resources, targets, orphans } = part;
        let mut changes = Self::default();
        changes.section(SERVICES, &written.services, services)?;
        changes.section(RESOURCES, &written.resources, resources)?;
        changes.section(TARGETS, &written.targets, targets)?;
        changes.section(ORPHANS, &written.orphans, orphans)?;
        Ok(changes)
    }

    fn section<K: Ord + ToString, V: Row>(
        &mut self,
        section: &'static str,
        written: &BTreeMap<K, V>,
        remembered: &BTreeMap<K, V>,
    ) -> Result<(), serde_json::Error> {
        for (key, value) in remembered {
            match written.get(key) {
                Some(written) if written.is_shared_with(value) => {}
                Some(written) if written == value => self.unshared = true,
                Some(_) | None => self.changed.push(((section, key.to_string()), value.text()?)),
            }
        }
        Ok(())
    }

    fn forget<K: Ord + ToString, V>(
        &mut self,
        section: &'static str,
        written: &BTreeMap<K, V>,
        remembered: &BTreeMap<K, V>,
    ) {
        let gone = written.keys().filter(|key| !remembered.contains_key(*key));
        self.gone.extend(gone.map(|key| (section, key.to_string())));
    }
}

/// One row of memory.
trait Row: PartialEq {
    /// As it stands in the store.
    fn text(&self) -> Result<String, serde_json::Error>;

    /// Whether both are known to say the same without being looked into.
    fn is_shared_with(&self, other: &Self) -> bool;
}

impl<T: PartialEq + Serialize> Row for Arc<T> {
    fn text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&**self)
    }

    fn is_shared_with(&self, other: &Self) -> bool {
        Self::ptr_eq(self, other)
    }
}

/// The few rows that are never shared.
macro_rules! own_row {
    ($row:ty) => {
        impl Row for $row {
            fn text(&self) -> Result<String, serde_json::Error> {
                serde_json::to_string(self)
            }

            fn is_shared_with(&self, other: &Self) -> bool {
                self == other
            }
        }
    };
}

own_row!(TargetMemory);
own_row!(BTreeMap<ServiceName, Orphan>);

/// Puts what a row says into memory. Sections that this version does not know say nothing.
pub(super) fn remember(
    memory: &mut Memory,
    section: &str,
    key: &str,
    text: &str,
) -> Result<(), serde_json::Error> {
    match section {
        SERVICES => {
            memory.services.insert(name(key)?, Arc::new(serde_json::from_str(text)?));
            Ok(())
        }
        RESOURCES => {
            memory.resources.insert(key.to_owned(), Arc::new(serde_json::from_str(text)?));
            Ok(())
        }
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
