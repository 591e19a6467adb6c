//! Names of resources, made from the names that things have at AWS: readable, valid, unique, and the same on every run.

use std::collections::{BTreeMap, BTreeSet};

use crate::desired::{DesiredState, ResourceKind};
use crate::diff::canonical::sha256_hex;
use crate::name::ResourceName;

/// The most characters that a resource's name has.
const MOST: usize = 63;
/// How many hexadecimal digits tell apart what would have one name. More are taken if even these are the same.
const DIGITS: usize = 6;

/// The names that are given away.
#[derive(Debug)]
pub(super) struct Names {
    taken: BTreeMap<ResourceKind, BTreeSet<ResourceName>>,
}

impl Names {
    /// Those that the desired state uses already.
    pub(super) fn of(state: &DesiredState) -> Self {
        let mut taken: BTreeMap<ResourceKind, BTreeSet<ResourceName>> = BTreeMap::new();
        taken.entry(ResourceKind::Target).or_default().extend(state.targets.keys().cloned());
        taken.entry(ResourceKind::EcsService).or_default().extend(state.services.keys().cloned());
        taken.entry(ResourceKind::Secret).or_default().extend(state.secrets.keys().cloned());
        taken.entry(ResourceKind::TerraformState).or_default().extend(state.states.keys().cloned());
        for key in state.invalid.keys() {
            taken.entry(key.kind).or_default().insert(key.name.clone());
        }
        Self { taken }
    }

    /// A name for each of these, by what it is called at AWS.
    ///
    /// A name is the lower-case form with hyphens for what a name may not have. Where several would have the same one, the
    /// one that is already written so keeps it, and the others end in digits made from the whole of what they are called: they
    /// do not change when another one comes or goes. What is taken gets `prefix` in front.
    pub(super) fn give<'a>(
        &mut self,
        kind: ResourceKind,
        prefix: &str,
        called: &BTreeSet<&'a str>,
    ) -> BTreeMap<&'a str, ResourceName> {
        let mut same: BTreeMap<String, usize> = BTreeMap::new();
        for text in called {
            *same.entry(slug(kind, text)).or_default() += 1;
        }
        let mut inexact: Vec<(bool, &str)> =
            called.iter().map(|text| (slug(kind, text) != **text, *text)).collect();
        inexact.sort_unstable();
        let taken = self.taken.entry(kind).or_default();
        let mut given = BTreeMap::new();
        for (inexact, text) in inexact {
            let slug = slug(kind, text);
            let shared = inexact && same.get(&slug).is_some_and(|count| *count > 1);
            let readable = [slug.clone(), format!("{prefix}-{slug}")].into_iter().filter(|_| !shared);
            let digest = sha256_hex(&format!("{prefix}/{text}"));
            let distinct =
                (DIGITS..=digest.len().min(MOST - 2)).map(|count| distinct(&slug, &digest[..count]));
            let free = readable
                .chain(distinct)
                .filter_map(|name| ResourceName::parse(&name).ok())
                .find(|name| !taken.contains(name));
            if let Some(name) = free {
                taken.insert(name.clone());
                given.insert(text, name);
            }
        }
        given
    }
}

fn slug(kind: ResourceKind, text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let parts: Vec<&str> =
        lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).collect();
    let mut slug = parts.join("-");
    slug.truncate(MOST);
    if slug.is_empty() {
        slug = kind.as_str().to_ascii_lowercase();
    }
    slug.trim_end_matches('-').to_owned()
}

fn distinct(slug: &str, digits: &str) -> String {
    let room = MOST.saturating_sub(digits.len() + 1).min(slug.len());
    format!("{}-{digits}", slug[..room].trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(names: &mut Names, prefix: &str, called: &[&'static str]) -> Vec<(&'static str, String)> {
        let given = names.give(ResourceKind::EcsService, prefix, &called.iter().copied().collect());
        assert_eq!(given.len(), called.len());
        given.into_iter().map(|(text, name)| (text, name.to_string())).collect()
    }

    fn new() -> Names {
        Names::of(&DesiredState::default())
    }

    #[test]
    fn a_name_is_what_it_is_called_as_far_as_a_name_may_be() {
        let wanted = [("API_v2", "api-v2"), ("__x", "x"), ("web", "web"), ("worker-", "worker")];
        let wanted = wanted.map(|(text, name)| (text, name.to_owned()));
        assert_eq!(given(&mut new(), "prod", &["web", "API_v2", "worker-", "__x"]), wanted);
        assert_eq!(given(&mut new(), "prod", &["___"]), [("___", "ecsservice".to_owned())]);
    }

    #[test]
    fn what_would_have_one_name_is_told_apart_whatever_else_there_is() {
        let two = given(&mut new(), "prod", &["my_app", "my-app"]);
        assert_eq!(two, [("my-app", "my-app".to_owned()), ("my_app", "my-app-b0ec1c".to_owned())]);
        let three = given(&mut new(), "prod", &["My-App", "my_app", "my-app"]);
        assert!(two.iter().all(|one| three.contains(one)), "{three:?}");
    }

    #[test]
    fn a_name_that_is_taken_gets_the_target_in_front() {
        let mut names = new();
        given(&mut names, "prod", &["web"]);
        assert_eq!(given(&mut names, "staging", &["web"]), [("web", "staging-web".to_owned())]);
        let third = &given(&mut names, "staging", &["web"])[0].1;
        assert!(third.starts_with("web-") && third.len() == "web-".len() + DIGITS, "{third}");
    }

    #[test]
    fn long_names_stay_valid_and_distinct() {
        let (one, other) = ("a".repeat(200), format!("{}b", "a".repeat(200)));
        let called = BTreeSet::from([one.as_str(), other.as_str()]);
        let given = new().give(ResourceKind::Secret, "prod", &called);
        let names: BTreeSet<&ResourceName> = given.values().collect();
        assert_eq!((names.len(), names.iter().all(|name| name.as_str().len() == MOST)), (2, true));
    }
}
