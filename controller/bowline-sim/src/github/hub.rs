//! Everything that the simulated GitHub remembers, and the way of a call through it: who calls, how often, what, and
//! whether they may.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::apps::{App, Installation};
use super::asked::{Asked, Credentials, What};
use super::call::{Body, Call, Scope};
use super::caller::{Caller, Token};
use super::graphql;
use super::jwt;
use super::numbers::{Numbers, hex};
use super::permission;
use super::rate::{Limits, Resource};
use super::reply::{Answer, Handled, Refusal};
use super::repository::Repository;
use super::route::{Handler, Parameters, Route, find};
use super::settle::Circumstances;
use super::urls::Urls;
use super::webhook::{Delivery, Hook, Parcel, Webhook, ping_event};
use crate::ids::Ids;

/// The simulated GitHub.
pub(super) struct Hub {
    pub(super) repositories: Vec<Repository>,
    pub(super) apps: BTreeMap<u64, App>,
    pub(super) installations: BTreeMap<u64, Installation>,
    pub(super) limits: Limits,
    pub(super) numbers: Numbers,
    tokens: BTreeMap<String, Token>,
    ids: Ids,
}

/// A call's answer, and what it leaves to be sent.
pub(super) struct Done {
    pub(super) response: Response<Bytes>,
    pub(super) parcels: Vec<Parcel>,
    /// Who called, as far as known.
    pub(super) login: String,
}

impl Hub {
    pub(super) fn new(limits: Limits, seed: u64) -> Self {
        Self {
            repositories: Vec::new(),
            apps: BTreeMap::new(),
            installations: BTreeMap::new(),
            limits,
            numbers: Numbers::default(),
            tokens: BTreeMap::new(),
            ids: Ids::new(seed),
        }
    }

    /// A new token with GitHub's prefix: `ghs` for installations, `github_pat` for people.
    pub(super) fn hand_out(&mut self, prefix: &str, token: Token) -> String {
        let text = format!("{prefix}_{}{}", self.ids.hex32(), &self.ids.hex32()[..4]);
        self.tokens.insert(text.clone(), token);
        text
    }

    pub(super) fn revoke(&mut self, token: &str) {
        self.tokens.remove(token);
    }

    /// Takes back all tokens of some callers.
    pub(super) fn revoke_where(&mut self, whose: impl Fn(&Caller) -> bool) {
        self.tokens.retain(|_, token| !whose(&token.caller));
    }

    /// Who has a token, unless it is gone or has expired.
    pub(super) fn holder(&self, token: &str, now: Timestamp) -> Option<&Caller> {
        let known = self.tokens.get(token).filter(|known| known.expires.is_none_or(|expires| now < expires));
        known.map(|known| &known.caller)
    }

    pub(super) fn repository(&mut self, owner: &str, name: &str) -> Option<&mut Repository> {
        self.repositories.iter_mut().find(|repository| repository.is_called(owner, name))
    }

    /// Who calls; `None` is somebody without credentials.
    pub(super) fn caller(
        &self,
        credentials: &Credentials,
        now: Timestamp,
    ) -> Result<Option<Caller>, Refusal> {
        let refuse = |message: &str| {
            let refusal = Refusal::new(StatusCode::UNAUTHORIZED, message);
            Err(refusal.documented_at("https://docs.github.com/rest"))
        };
        let token = match credentials {
            Credentials::None => return Ok(None),
            Credentials::Unreadable => return refuse("Bad credentials"),
            Credentials::Token(token) => token,
        };
        if let Some(caller) = self.holder(token, now) {
            return Ok(Some(caller.clone()));
        }
        if token.split('.').count() != 3 {
            return refuse("Bad credentials");
        }
        let app = jwt::claimed_app(token).and_then(|id| self.apps.get(&id));
        let Some(app) = app else {
            let refusal = Refusal::new(StatusCode::NOT_FOUND, "Integration not found");
            return Err(refusal.documented_at("https://docs.github.com/rest"));
        };
        // Its caller made it by the wall clock; simulated time may be far from it.
        match jwt::check(token, &app.key, Timestamp::now()) {
            Ok(()) => Ok(Some(app.caller())),
            Err(message) => refuse(message),
        }
    }

    /// Answers a REST or GraphQL request.
    pub(super) fn answer(&mut self, asked: &Asked, now: Timestamp) -> Done {
        let resource = if matches!(asked.what, What::GraphQl) { Resource::GraphQl } else { Resource::Core };
        let page = match &asked.what {
            What::Rest(Some((route, _))) => Some(route.documentation),
            _ => None,
        };
        let mut parcels = self.settle(None, &asked.urls, now);
        let caller = self.caller(&asked.credentials, now);
        let login = match &caller {
            Ok(Some(caller)) => caller.login.clone(),
            _ => "anonymous".to_owned(),
        };
        let limited_as = match &caller {
            Ok(Some(caller)) => caller.limited_as(),
            _ => "127.0.0.1".to_owned(),
        };
        let handled = caller.and_then(|caller| {
            if asked.path != ["rate_limit"] {
                // GitHub counts what makes content; reads, and writing the same thing again, it does not.
                let creates = asked.method == "POST" && resource == Resource::Core;
                self.limits.admit(&limited_as, resource, creates, now)?;
            }
            self.handle(asked, caller, now)
        });
        parcels.extend(self.settle(Some(&login), &asked.urls, now));
        let mut response = respond(handled, page);
        if asked.method == "GET" && response.status() == StatusCode::OK {
            response = self.tagged(response, asked, &limited_as, resource, now);
        }
        for (name, value) in self.limits.headers(&limited_as, resource, now) {
            set(&mut response, name, &value);
        }
        let request_id = self.ids.uuid().to_ascii_uppercase();
        set(&mut response, "x-github-request-id", &request_id);
        set(&mut response, "x-github-media-type", "github.v3; format=json");
        set(&mut response, "x-github-api-version-selected", "2022-11-28");
        Done { response, parcels, login }
    }

    /// With an `ETag`, or without a body where the caller has it already. What changes nothing costs nothing.
    fn tagged(
        &mut self,
        response: Response<Bytes>,
        asked: &Asked,
        limited_as: &str,
        resource: Resource,
        now: Timestamp,
    ) -> Response<Bytes> {
        let digest = hex(&Sha256::digest(response.body()));
        let tag = format!("W/\"{digest}\"");
        let same = asked.if_none_match.as_deref() == Some(tag.as_str());
        let mut response = if same {
            self.limits.give_back(limited_as, resource, now);
            empty(StatusCode::NOT_MODIFIED)
        } else {
            response
        };
        set(&mut response, "etag", &tag);
        set(&mut response, "cache-control", "private, max-age=60, s-maxage=60");
        response
    }

    fn handle(&mut self, asked: &Asked, caller: Option<Caller>, now: Timestamp) -> Handled {
        if matches!(asked.what, What::GraphQl) {
            let caller = caller.ok_or_else(|| {
                let message = "This endpoint requires you to be authenticated.";
                Refusal::new(StatusCode::UNAUTHORIZED, message)
            })?;
            return graphql::answer(self, asked, &caller, now);
        }
        let Some(caller) = caller else {
            // Nobody is told without credentials that something private exists.
            let read = asked.method == "GET";
            let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "Requires authentication");
            return Err(if read { Refusal::not_found() } else { refusal });
        };
        let by_id;
        let (route, parameters) = if let What::Rest(Some(found)) = &asked.what {
            (found.0, &found.1)
        } else {
            by_id = self.by_id(asked);
            by_id.as_ref().map(|found| (found.0, &found.1)).ok_or_else(Refusal::not_found)?
        };
        let body = if asked.method == "GET" { Body::read(&[]) } else { Body::read(&asked.body) }?;
        let call = Call {
            now,
            caller,
            parameters: parameters.clone(),
            query: asked.query.clone(),
            body,
            urls: asked.urls.clone(),
        };
        match route.handler {
            Handler::Hub(handler) => handler(self, &call),
            Handler::Repository(handler) => self.on_repository(asked, &call, route, handler),
        }
    }

    /// `/repositories/{id}/...`, where the redirects of renamed repositories lead.
    fn by_id(&self, asked: &Asked) -> Option<(&'static Route, Parameters)> {
        let [first, id, rest @ ..] = asked.path.as_slice() else { return None };
        let id: u64 = id.parse().ok().filter(|_| first == "repositories")?;
        let repository = self.repositories.iter().find(|repository| repository.id == id)?;
        let own = ["repos".to_owned(), repository.owner.clone(), repository.name.clone()];
        let path: Vec<String> = own.into_iter().chain(rest.iter().cloned()).collect();
        find(&asked.method, &path)
    }

    fn on_repository(
        &mut self,
        asked: &Asked,
        call: &Call,
        route: &Route,
        handler: fn(&mut Scope<'_>) -> Handled,
    ) -> Handled {
        let (owner, name) = (call.parameter("owner"), call.parameter("repo"));
        let Self { repositories, numbers, .. } = self;
        let seen = |repository: &Repository| call.caller.sees(repository.id);
        let found = repositories.iter().position(|known| known.is_called(owner, name) && seen(known));
        let Some(repository) = found.and_then(|index| repositories.get_mut(index)) else {
            let moved = repositories.iter().find(|known| known.was_called(owner, name) && seen(known));
            return match moved {
                Some(repository) => Ok(redirect(asked, call, repository)),
                None => Err(Refusal::not_found()),
            };
        };
        if !call.caller.allowed(route.needs) {
            return Err(permission::refuse(route.needs, call.caller.installation().is_some()));
        }
        handler(&mut Scope { repository, call, numbers })
    }

    /// Lets follow what follows from a change, and says what is to be sent. Without a `login`, it was the owner's.
    pub(super) fn settle(&mut self, login: Option<&str>, urls: &Urls, now: Timestamp) -> Vec<Parcel> {
        let Self { repositories, ids, .. } = self;
        let mut parcels = Vec::new();
        for repository in repositories {
            let owner = repository.owner.clone();
            repository.settle(Circumstances { urls, login: login.unwrap_or(&owner), now });
            for event in repository.take_events() {
                parcels.extend(repository.address(&event, now, || ids.uuid()));
            }
        }
        parcels
    }

    /// Adds a hook; it is greeted with a ping.
    pub(super) fn add_hook(
        &mut self,
        owner: &str,
        name: &str,
        webhook: Webhook,
        around: Circumstances<'_>,
    ) -> Option<(u64, Vec<Parcel>)> {
        let id = self.numbers.next();
        let Self { repositories, ids, .. } = self;
        let repository = repositories.iter_mut().find(|known| known.is_called(owner, name))?;
        repository.hooks.insert(id, Hook { webhook, deliveries: VecDeque::new() });
        let ping = ping_event(repository, around, id);
        let mut parcels = repository.address(&ping, around.now, || ids.uuid());
        // The others were greeted before.
        parcels.retain(|parcel| parcel.delivery.hook == id);
        Some((id, parcels))
    }

    /// All deliveries to the hooks of a repository, oldest first of each hook.
    pub(super) fn deliveries(&self, owner: &str, name: &str) -> Vec<Delivery> {
        let repository = self.repositories.iter().find(|known| known.is_called(owner, name));
        let hooks = repository.into_iter().flat_map(|repository| repository.hooks.values());
        hooks.flat_map(|hook| hook.deliveries.iter().cloned()).collect()
    }

    /// Sends something again, under the same `X-GitHub-Delivery`.
    pub(super) fn redeliver(&mut self, guid: &str, now: Timestamp) -> Option<Parcel> {
        self.repositories.iter_mut().find_map(|repository| {
            let id = repository.id;
            repository.hooks.values_mut().find_map(|hook| {
                let delivery = hook.deliveries.iter().find(|delivery| delivery.guid == guid)?.clone();
                Some(hook.parcel(id, Delivery { redelivery: true, status: None, at: now, ..delivery }))
            })
        })
    }

    /// Notes what the receiver said.
    pub(super) fn delivered(&mut self, parcel: &Parcel, status: u16) {
        let repository = self.repositories.iter_mut().find(|known| known.id == parcel.repository);
        let hook = repository.and_then(|repository| repository.hooks.get_mut(&parcel.delivery.hook));
        let under_way = hook.and_then(|hook| {
            hook.deliveries
                .iter_mut()
                .find(|delivery| delivery.guid == parcel.delivery.guid && delivery.status.is_none())
        });
        if let Some(delivery) = under_way {
            delivery.status = Some(status);
        }
    }
}

/// Where a renamed repository is now. Other methods than GET must keep theirs: 307.
fn redirect(asked: &Asked, call: &Call, repository: &Repository) -> Answer {
    let rest: Vec<&str> = asked.urls.path.trim_start_matches('/').split('/').skip(3).collect();
    let rest = if rest.is_empty() { String::new() } else { format!("/{}", rest.join("/")) };
    let url = format!("{}/repositories/{}{rest}", call.urls.api, repository.id);
    let (status, message) = if asked.method == "GET" {
        (StatusCode::MOVED_PERMANENTLY, "Moved Permanently")
    } else {
        (StatusCode::TEMPORARY_REDIRECT, "Temporary Redirect")
    };
    let documentation =
        "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects";
    let body = json!({"message": message, "url": url, "documentation_url": documentation});
    Answer { status, body: Some(body), headers: vec![("location", url)] }
}

/// An answer or a refusal, on the wire.
pub(super) fn respond(handled: Handled, page: Option<&str>) -> Response<Bytes> {
    let (status, body, headers) = match handled {
        Ok(answer) => (answer.status, answer.body, answer.headers),
        Err(refusal) => (refusal.status, Some(refusal.body(page)), refusal.headers),
    };
    let mut response = empty(status);
    if let Some(body) = body {
        *response.body_mut() = Bytes::from(body.to_string());
        set(&mut response, header::CONTENT_TYPE.as_str(), "application/json; charset=utf-8");
    }
    for (name, value) in headers {
        set(&mut response, name, &value);
    }
    response
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// Sets a header; what cannot stand in one is left out.
pub(super) fn set(response: &mut Response<Bytes>, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (header::HeaderName::try_from(name), HeaderValue::from_str(value)) {
        response.headers_mut().insert(name, value);
    }
}
