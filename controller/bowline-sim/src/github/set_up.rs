//! What a person does on GitHub's pages: repositories, tokens, apps, protection, webhooks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::apps::{App, Installation};
use super::caller::{Caller, CallerKind, Token};
use super::config::{GitHubApp, SetUpError};
use super::git::Git;
use super::hub::Hub;
use super::jwt::PublicKey;
use super::permission::{Access, Permissions};
use super::protection::Protection;
use super::repository::{Repository, RepositorySettings};

/// `owner/name`, in two.
pub(super) fn parts(full_name: &str) -> Result<(&str, &str), SetUpError> {
    let name = full_name.split_once('/');
    name.filter(|(owner, name)| {
        let plain = |text: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            !text.is_empty() && !text.starts_with('.') && text.bytes().all(allowed)
        };
        plain(owner) && plain(name)
    })
    .ok_or_else(|| SetUpError::Name(full_name.to_owned()))
}

impl Hub {
    pub(super) fn known(&mut self, full_name: &str) -> Result<&mut Repository, SetUpError> {
        let (owner, name) = parts(full_name)?;
        self.repository(owner, name).ok_or_else(|| SetUpError::NoRepository(full_name.to_owned()))
    }

    /// Makes an empty repository below `root` and says where it lies.
    pub(super) fn create_repository(
        &mut self,
        root: &Path,
        full_name: &str,
        settings: RepositorySettings,
        now: Timestamp,
    ) -> Result<PathBuf, SetUpError> {
        let (owner, name) = parts(full_name)?;
        if self.repository(owner, name).is_some() {
            return Err(SetUpError::RepositoryExists(full_name.to_owned()));
        }
        let path = root.join(owner).join(format!("{name}.git"));
        let git = Git::create(&path, &settings.default_branch).map_err(|error| SetUpError::Git {
            name: full_name.to_owned(),
            reason: error.message().to_owned(),
        })?;
        let repository = Repository::new(&mut self.numbers, owner, name, git, settings, now);
        self.repositories.push(repository);
        Ok(path)
    }

    pub(super) fn protect(
        &mut self,
        full_name: &str,
        branch: &str,
        rules: Option<Protection>,
    ) -> Result<(), SetUpError> {
        let protections = &mut self.known(full_name)?.protections;
        match rules {
            Some(rules) => drop(protections.insert(branch.to_owned(), rules)),
            None => drop(protections.remove(branch)),
        }
        Ok(())
    }

    /// A personal access token; without `repositories` it sees all.
    pub(super) fn create_token(
        &mut self,
        login: &str,
        permissions: Permissions,
        repositories: Option<&[String]>,
    ) -> Result<String, SetUpError> {
        let repositories = repositories.map(|names| self.ids_of(names)).transpose()?;
        // GitHub gives it to every token.
        let permissions = if permissions.allow("metadata", Access::Read) {
            permissions
        } else {
            permissions.read("metadata")
        };
        let caller = Caller { login: login.to_owned(), kind: CallerKind::Person, permissions, repositories };
        Ok(self.hand_out("github_pat", Token { caller, expires: None }))
    }

    fn ids_of(&mut self, names: &[String]) -> Result<BTreeSet<u64>, SetUpError> {
        names.iter().map(|name| Ok(self.known(name)?.id)).collect()
    }

    pub(super) fn register(&mut self, app: GitHubApp, now: Timestamp) -> Result<(), SetUpError> {
        let key = PublicKey::from_pem(&app.public_key).ok_or(SetUpError::PublicKey(app.id))?;
        let GitHubApp { id, slug, owner, permissions, .. } = app;
        self.apps.insert(id, App { id, slug, owner, key, permissions, created: now });
        Ok(())
    }

    /// Installs an app on repositories of one owner; its id.
    pub(super) fn install(
        &mut self,
        app: u64,
        account: &str,
        repositories: &[String],
        now: Timestamp,
    ) -> Result<u64, SetUpError> {
        if !self.apps.contains_key(&app) {
            return Err(SetUpError::NoApp(app));
        }
        let repositories = self.ids_of(repositories)?;
        let id = self.numbers.next();
        let account = account.to_owned();
        self.installations.insert(id, Installation { id, app, account, repositories, created: now });
        Ok(id)
    }

    /// Takes an app's access back; its tokens are gone with it.
    pub(super) fn uninstall(&mut self, installation: u64) {
        self.installations.remove(&installation);
        self.revoke_where(|caller| caller.installation() == Some(installation));
    }

    /// Lets all calls of a token's holder but so many be used up.
    pub(super) fn leave(&mut self, token: &str, calls: u32, now: Timestamp) -> Result<(), SetUpError> {
        let who = self.holder(token, now).ok_or(SetUpError::NoToken)?.limited_as();
        self.limits.leave(&who, calls, now);
        Ok(())
    }
}
