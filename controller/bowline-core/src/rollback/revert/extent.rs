//! The whole of a commit, or which documents and files of it.

use std::collections::{BTreeMap, BTreeSet};

use super::choose::spec;
use super::kept::file_of;
use super::{Failing, PastCommit, Place, Step};
use crate::desired::{DesiredService, DesiredState, Resource, ResourceKey, ResourceKind};
use crate::name::{RelativePath, ResourceName};

/// One commit to take back, and what it is held against.
pub(super) struct View<'a> {
    pub(super) history: &'a [PastCommit],
    pub(super) head: &'a PastCommit,
    pub(super) commit: &'a PastCommit,
    /// The parent to go back to.
    pub(super) before: &'a PastCommit,
    /// The failing services whose deployment the commit changed.
    pub(super) concerned: &'a BTreeSet<&'a ResourceName>,
    pub(super) failing: &'a BTreeMap<ResourceName, Failing>,
}

/// What of a commit makes up the change of one service.
pub(super) enum Claim {
    Document(ResourceKey, Place),
    /// Its task definition file, which it has for itself.
    File(RelativePath),
    /// Its task definition file, which stays as it is for the others.
    SharedFile {
        file: RelativePath,
        others: ResourceName,
    },
    /// A secret that it reads, which stays as it is for the others.
    SharedSecret {
        secret: ResourceKey,
        others: ResourceName,
    },
}

/// What of the commit makes up the change of `name`.
pub(super) fn claims(view: &View<'_>, name: &ResourceName) -> Vec<Claim> {
    let mut claims = Vec::new();
    claims.extend(document(view, name));
    claims.extend(secrets(view, name));
    claims.extend(files(view, name));
    claims
}

/// Says whether the claims are all that the commit changed, and if not, what stays.
pub(super) fn settle(view: &View<'_>, step: &mut Step) {
    for (path, touched) in &view.commit.files {
        if step.files.iter().any(|file| file.as_str() == path) {
            continue;
        }
        let claimed = |key: &&ResourceKey| {
            let place = step.documents.get(key);
            place.is_some_and(|place| place.bad.as_str() == path || place.before.as_str() == path)
        };
        let others: Vec<&ResourceKey> = touched.resources.iter().filter(|key| !claimed(key)).collect();
        if touched.other {
            step.left.insert(path.clone());
        } else {
            step.left.extend(others.iter().map(|key| format!("{key} in {path}")));
        }
    }
    step.whole = step.left.is_empty();
}

/// Where a service's document is.
pub(super) fn path_of(service: &DesiredService) -> Option<RelativePath> {
    place(&service.resource)
}

fn place<S>(resource: &Resource<S>) -> Option<RelativePath> {
    RelativePath::parse(&resource.origin.path).ok()
}

fn document(view: &View<'_>, name: &ResourceName) -> Option<Claim> {
    let key = ResourceKey { kind: ResourceKind::EcsService, name: name.clone() };
    let at = |state: &DesiredState| state.services.get(name).and_then(path_of);
    let good = &view.failing.get(name)?.good;
    let last_good = view.history.iter().find(|commit| commit.id == *good)?;
    let place = Place {
        now: at(&view.head.state)?,
        bad: at(&view.commit.state)?,
        before: at(&view.before.state)?,
        good: (good.clone(), at(&last_good.state)?),
    };
    is_touched(view, &key, &place).then_some(Claim::Document(key, place))
}

fn is_touched(view: &View<'_>, key: &ResourceKey, place: &Place) -> bool {
    let paths = [&place.bad, &place.before];
    let files = paths.into_iter().filter_map(|path| view.commit.files.get(path.as_str()));
    files.into_iter().any(|touched| touched.resources.contains(key))
}

/// The secrets that it reads in both forms, and whose version the commit changed.
fn secrets(view: &View<'_>, name: &ResourceName) -> Vec<Claim> {
    let (Some(here), Some(then)) = (spec(&view.commit.state, name), spec(&view.before.state, name)) else {
        return Vec::new();
    };
    let changed = here
        .versions
        .iter()
        .filter(|(secret, version)| then.versions.get(*secret).is_some_and(|before| before != *version));
    let claim = |secret: &str| {
        let secret = ResourceName::parse(secret).ok()?;
        let at = |state: &DesiredState| state.secrets.get(&secret).and_then(place);
        let key = ResourceKey { kind: ResourceKind::Secret, name: secret.clone() };
        let reads = |service: &DesiredService| service.resource.spec.secrets.contains(&secret);
        if let Some(others) = other_user(view, &[view.commit, view.head], reads) {
            return Some(Claim::SharedSecret { secret: key, others });
        }
        let before = at(&view.before.state)?;
        let place = Place {
            now: at(&view.head.state)?,
            bad: at(&view.commit.state)?,
            good: (view.before.id.clone(), before.clone()),
            before,
        };
        Some(Claim::Document(key, place))
    };
    changed.filter_map(|(secret, _)| claim(secret)).collect()
}

/// The task definition files that it names before or after, as far as the commit changed them.
fn files(view: &View<'_>, name: &ResourceName) -> Vec<Claim> {
    let of = |commit: &PastCommit| commit.state.services.get(name).and_then(file_of).cloned();
    let then = of(view.before);
    let named: BTreeSet<RelativePath> = [of(view.commit), then.clone()].into_iter().flatten().collect();
    let changed = named.into_iter().filter(|file| view.commit.files.contains_key(file.as_str()));
    let claim = |file: RelativePath| {
        let uses = |service: &DesiredService| file_of(service) == Some(&file);
        match other_user(view, &[view.commit, view.before, view.head], uses) {
            None => Some(Claim::File(file)),
            // The document goes back to another one: what this one holds does not matter.
            Some(_) if then.as_ref() != Some(&file) => None,
            Some(others) => Some(Claim::SharedFile { file, others }),
        }
    };
    changed.filter_map(claim).collect()
}

/// A service that is none of those concerned, and uses something in one of the commits.
fn other_user(
    view: &View<'_>,
    commits: &[&PastCommit],
    uses: impl Fn(&DesiredService) -> bool,
) -> Option<ResourceName> {
    let all = commits.iter().flat_map(|commit| &commit.state.services);
    let mut found = all.filter(|(_, service)| uses(service)).map(|(name, _)| name);
    found.find(|name| !view.concerned.contains(name)).cloned()
}
