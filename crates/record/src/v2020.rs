//! The face of ONE Record 2020 (the April 2020 "API & Security" specification). It translates words: addresses,
//! vocabulary, media types, errors. What is allowed is decided in `core`.

pub(crate) mod acl;
mod actor;
mod address;
mod body;
pub(crate) mod create;
mod media;
mod problem;
pub(crate) mod read;
mod vocabulary;
mod workers;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use carnet_verifier::{ReadsWithoutFeed, RouteRules, Verifier};
use http::{Method, StatusCode};

pub(crate) use address::is_local_id;

use crate::config::Settings;
use crate::core::{Core, OpenError};
use crate::rdf::Limits;
use actor::Actor;
pub(crate) use actor::{READ, WRITE};
use address::Addresses;
use problem::{Problem, Subject};
use workers::Workers;

/// What a handler needs.
#[derive(Clone)]
pub(crate) struct Face {
    pub(crate) core: Core,
    pub(crate) verifier: Verifier,
    settings: Arc<Settings>,
    addresses: Arc<Addresses>,
    limits: Limits,
    workers: Workers,
}

impl Face {
    pub(crate) fn new(settings: Settings, core: Core, verifier: Verifier) -> Self {
        let addresses = Addresses::new(&settings.base, &settings.tenants);
        let limits = core.limits;
        Self {
            core,
            verifier,
            settings: Arc::new(settings),
            addresses: Arc::new(addresses),
            limits,
            workers: Workers::new(),
        }
    }

    pub(crate) fn allows_reads_without_feed(&self) -> bool {
        self.settings.config.reads_without_feed == ReadsWithoutFeed::Allow
    }

    /// What this server calls itself in tokens.
    pub(crate) fn audience(&self) -> &str {
        &self.settings.config.audience
    }

    /// What every route asks of proofs.
    fn route(&self) -> RouteRules {
        let config = &self.settings.config;
        RouteRules::new().body_limit(config.body_limit).body_timeout(config.body_timeout)
    }

    /// What a caller without the right is told (§2.2, R-7).
    fn refused(&self, error: OpenError) -> Problem {
        match error {
            OpenError::Unknown => Problem::not_found("unknown_object"),
            OpenError::Forbidden if self.settings.config.hide_existence => {
                Problem::not_found("hidden_object")
            }
            OpenError::Forbidden => Problem::forbidden("no_right"),
            OpenError::Store(error) => Problem::internal(&error),
        }
    }
}

/// Lets nobody in without a good token of a company (§10). Runs before routing, so that the answer to a stranger
/// is the same wherever he knocks.
pub(crate) async fn authenticate(State(face): State<Face>, request: Request, next: Next) -> Response {
    let (identity, mut request) = match face.verifier.verify_request(request, face.route()).await {
        Ok(verified) => verified,
        Err(challenge) => return Problem::challenge(&challenge).into_response(),
    };
    let subject = Subject {
        issuer: identity.issuer.clone(),
        client_id: identity.client_id.clone().unwrap_or_default(),
    };
    let mut response = match Actor::new(identity, &face) {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    response.extensions_mut().insert(subject);
    response
}

/// Writes and logs each problem, once and in one form.
pub(crate) async fn finish(State(face): State<Face>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let subject = response.extensions_mut().remove::<Subject>();
    match response.extensions_mut().remove::<Problem>() {
        Some(problem) => {
            let id = face.core.entropy.uuid();
            problem.log(&id, &method, &path, subject.as_ref());
            let mut response = problem.render(&id, response);
            if method == Method::HEAD {
                *response.body_mut() = Body::empty();
            }
            response
        }
        None => response,
    }
}

pub(crate) async fn no_such_route() -> Problem {
    Problem::not_found("no_such_route")
}

/// axum adds `Allow`.
pub(crate) async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This method is not offered here")
}
