//! What of a past commit has to be held for the choice of what to revert? Hundreds of commits of thousands of services are not.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::PastCommit;
use crate::desired::{DesiredService, DesiredState, WantedTaskDefinition};
use crate::name::{RelativePath, ResourceName};

/// The services for which a history is read, and what they share with others.
#[derive(Debug, Default)]
pub struct Kept {
    services: BTreeSet<ResourceName>,
    secrets: BTreeSet<ResourceName>,
    files: BTreeSet<RelativePath>,
}

impl Kept {
    /// For these services.
    pub fn of(services: BTreeSet<ResourceName>) -> Self {
        Self { services, ..Self::default() }
    }

    /// Notes what a commit says of them. A commit is held against the one before it, which is read next: so what is not needed
    /// is left out of a commit only after that.
    pub fn note(&mut self, state: &DesiredState) {
        for service in self.services.iter().filter_map(|name| state.services.get(name)) {
            self.secrets.extend(service.resource.spec.secrets.iter().cloned());
            self.files.extend(file_of(service).cloned());
        }
    }

    /// Leaves out of a commit what does not concern them: other services that read no secret and use no file of theirs.
    pub fn reduce(&self, commit: &mut PastCommit) {
        let is_needed = |name: &ResourceName, service: &DesiredService| {
            self.services.contains(name)
                || service.resource.spec.secrets.iter().any(|secret| self.secrets.contains(secret))
                || file_of(service).is_some_and(|file| self.files.contains(file))
        };
        let state = &commit.state;
        let services = state.services.iter().filter(|(name, service)| is_needed(name, service));
        let secrets = state.secrets.iter().filter(|(name, _)| self.secrets.contains(*name));
        commit.state = Arc::new(DesiredState {
            services: services.map(|(name, service)| (name.clone(), service.clone())).collect(),
            secrets: secrets.map(|(name, secret)| (name.clone(), secret.clone())).collect(),
            ..DesiredState::default()
        });
    }
}

/// The task definition file that a service uses.
pub(super) fn file_of(service: &DesiredService) -> Option<&RelativePath> {
    match &service.task_definition {
        Some(WantedTaskDefinition::Content { file, .. }) => Some(file),
        Some(WantedTaskDefinition::Revision(_)) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::name::CommitId;
    use crate::plan::fixture::{Fixture, content, name};
    use crate::rollback::revert::{Parent, Trailers};

    #[test]
    fn only_what_shares_a_secret_or_a_file_is_held_beside_them() {
        let world = ["api", "db", "mail", "web"].into_iter().fold(Fixture::new(), |world, of| {
            world.with_service(of, &format!("{of}:1")).with_file(of, content(of, "f"))
        });
        let world = world.with_reader("web", "key").with_reader("api", "key").with_reader("mail", "other");
        let world = world.with_secret("key", "1", "1").with_secret("other", "1", "1");
        let mut commit = PastCommit {
            id: CommitId::parse(&"a".repeat(40)).unwrap(),
            subject: String::new(),
            trailers: Trailers::default(),
            parent: Parent::None,
            files: BTreeMap::new(),
            state: Arc::new(world.desired),
        };
        let mut kept = Kept::of(BTreeSet::from([name("web")]));
        kept.note(&commit.state);
        let before = commit.state.clone();
        kept.reduce(&mut commit);
        assert_eq!(commit.state.services.keys().collect::<Vec<_>>(), [&name("api"), &name("web")]);
        assert_eq!(commit.state.secrets.keys().collect::<Vec<_>>(), [&name("key")]);
        assert_eq!(commit.state.services[&name("web")], before.services[&name("web")]);
    }
}
