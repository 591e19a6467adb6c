//! Which operation a request is: method and path template, as GitHub's own description writes them.

use std::collections::BTreeMap;

use super::call::{Call, Scope};
use super::hub::Hub;
use super::permission::Needs;
use super::reply::Handled;
use super::{
    apps, branches, checks, comments, commits, compare, labels, merge_call, objects, protection, pulls, refs,
    repositories, reviews, statuses,
};

/// One operation.
pub(super) struct Route {
    method: &'static str,
    template: &'static str,
    pub(super) needs: Needs,
    /// The page of GitHub's documentation, below `/rest/`.
    pub(super) documentation: &'static str,
    pub(super) handler: Handler,
}

/// What an operation works on.
#[derive(Clone, Copy)]
pub(super) enum Handler {
    /// One repository that the caller sees.
    Repository(fn(&mut Scope<'_>) -> Handled),
    /// Anything else.
    Hub(fn(&mut Hub, &Call) -> Handled),
}

/// What the placeholders of a template stand for.
pub(super) type Parameters = BTreeMap<&'static str, String>;

type OnRepository = fn(&mut Scope<'_>) -> Handled;

impl Route {
    const fn on_repository(
        method: &'static str,
        template: &'static str,
        needs: Needs,
        documentation: &'static str,
        handler: OnRepository,
    ) -> Self {
        Self { method, template, needs, documentation, handler: Handler::Repository(handler) }
    }

    pub(super) const fn get(
        template: &'static str,
        needs: Needs,
        documentation: &'static str,
        handler: OnRepository,
    ) -> Self {
        Self::on_repository("GET", template, needs, documentation, handler)
    }

    pub(super) const fn post(
        template: &'static str,
        needs: Needs,
        documentation: &'static str,
        handler: OnRepository,
    ) -> Self {
        Self::on_repository("POST", template, needs, documentation, handler)
    }

    pub(super) const fn put(
        template: &'static str,
        needs: Needs,
        documentation: &'static str,
        handler: OnRepository,
    ) -> Self {
        Self::on_repository("PUT", template, needs, documentation, handler)
    }

    pub(super) const fn patch(
        template: &'static str,
        needs: Needs,
        documentation: &'static str,
        handler: OnRepository,
    ) -> Self {
        Self::on_repository("PATCH", template, needs, documentation, handler)
    }

    pub(super) const fn delete(
        template: &'static str,
        needs: Needs,
        documentation: &'static str,
        handler: OnRepository,
    ) -> Self {
        Self::on_repository("DELETE", template, needs, documentation, handler)
    }

    /// An operation on no repository.
    pub(super) const fn on_hub(
        method: &'static str,
        template: &'static str,
        documentation: &'static str,
        handler: fn(&mut Hub, &Call) -> Handled,
    ) -> Self {
        Self {
            method,
            template,
            needs: super::permission::NOTHING,
            documentation,
            handler: Handler::Hub(handler),
        }
    }

    /// `POST /repos/{owner}/{repo}/pulls`: its name in call records and fault rules.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.template)
    }
}

/// Placeholders that may stand for several segments: branches and refs have slashes.
const LONG: [&str; 3] = ["ref", "branch", "basehead"];

/// Every operation that is simulated.
fn all() -> impl Iterator<Item = &'static Route> {
    let tables = [
        apps::ROUTES,
        branches::ROUTES,
        checks::ROUTES,
        comments::ROUTES,
        commits::ROUTES,
        compare::ROUTES,
        labels::ROUTES,
        merge_call::ROUTES,
        objects::ROUTES,
        protection::ROUTES,
        pulls::ROUTES,
        refs::ROUTES,
        repositories::ROUTES,
        reviews::ROUTES,
        statuses::ROUTES,
    ];
    tables.into_iter().flatten()
}

/// Their names.
pub(super) fn names() -> Vec<String> {
    all().map(Route::name).collect()
}

/// The operation of a request whose path is already decoded, segment by segment.
pub(super) fn find(method: &str, path: &[String]) -> Option<(&'static Route, Parameters)> {
    let mut found: Vec<(&Route, Parameters)> = all()
        .filter(|route| route.method == method)
        .filter_map(|route| {
            let template: Vec<&'static str> = route.template.split('/').skip(1).collect();
            matched(&template, path).map(|parameters| (route, parameters))
        })
        .collect();
    // `/commits/{ref}/status` and `/commits/{ref}` both match `/commits/main/status`: the one with more fixed words is meant.
    found.sort_by_key(|(route, _)| {
        route.template.split('/').filter(|segment| !segment.starts_with('{')).count()
    });
    found.pop()
}

fn matched(template: &[&'static str], path: &[String]) -> Option<Parameters> {
    let [first, rest @ ..] = template else { return path.is_empty().then(Parameters::new) };
    let Some(name) = first.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else {
        return (path.first()? == first).then(|| matched(rest, path.get(1..)?)).flatten();
    };
    let longest = if LONG.contains(&name) { path.len() } else { path.len().min(1) };
    (1..=longest).find_map(|taken| {
        let mut parameters = matched(rest, path.get(taken..)?)?;
        parameters.insert(name, path.get(..taken)?.join("/"));
        Some(parameters)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(method: &str, path: &str) -> Option<(String, String)> {
        let path: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
        let (route, parameters) = find(method, &path)?;
        Some((route.name(), parameters.get("ref").cloned().unwrap_or_default()))
    }

    #[test]
    fn refs_may_have_slashes_and_fixed_words_win() {
        let found = |name: &str, reference: &str| Some((name.to_owned(), reference.to_owned()));
        assert_eq!(
            route("GET", "/repos/acme/infra/git/ref/heads/bowline/web"),
            found("GET /repos/{owner}/{repo}/git/ref/{ref}", "heads/bowline/web")
        );
        assert_eq!(
            route("GET", "/repos/acme/infra/commits/bowline/web/status"),
            found("GET /repos/{owner}/{repo}/commits/{ref}/status", "bowline/web")
        );
        assert_eq!(
            route("GET", "/repos/acme/infra/commits/status"),
            found("GET /repos/{owner}/{repo}/commits/{ref}", "status")
        );
        assert_eq!(route("GET", "/repos/acme/infra/nothing"), None);
        assert_eq!(route("PUT", "/repos/acme/infra/commits/main"), None);
    }
}
