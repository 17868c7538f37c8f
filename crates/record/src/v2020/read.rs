//! Reading a logistics object (§2.2): the latest revision, always.

use aws_lc_rs::digest;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use oxrdf::{Literal, NamedNode, NamedOrBlankNode, Triple};

use super::actor::{Actor, READ};
use super::address::{Addresses, is_local_id};
use super::create::segments;
use super::media::Media;
use super::problem::Problem;
use super::vocabulary::{REVISION, VOCAB};
use super::{Face, OpenError};
use crate::core::{Address, Mode, Opened, StoreError, Stored};
use crate::rdf::{Syntax, TreeStyle, write_turtle};

const STYLE: TreeStyle<'_> = TreeStyle { vocab: Some(VOCAB), prefixes: &[] };

/// `GET {LOID}`, `HEAD {LOID}`
pub(crate) async fn read(
    State(face): State<Face>,
    Extension(actor): Extension<Actor>,
    request: Request,
) -> Result<Response, Problem> {
    actor.require(READ, &face)?;
    let address = face.object(request.uri())?;
    let opened =
        face.core.open(&address, &actor.company, Mode::Read).await.map_err(|error| face.refused(error))?;
    let media = Media::accepted(request.headers())?;
    let view = View {
        tag: face.tag(&opened, media),
        media,
        acl: Some(format!("<{}/acl>; rel=\"acl\"", face.addresses.loid(&address))),
    };
    if matches(request.headers(), &view.tag) {
        return Ok(view.not_modified());
    }
    // The place first: while they wait, a thousand readers hold no copy of the object.
    let place = face.workers.place(opened.bytes).await;
    let stored = face.core.stored(&opened).await.map_err(|error| Problem::internal(&error))?;
    let (own, at, revision) = (face.clone(), address.clone(), opened.revision);
    let body = place
        .work(move || render(&own, &at, revision, &stored, media.syntax()))
        .await
        .map_err(|error| Problem::internal(&error))?
        .map_err(|error| Problem::internal(&error))?;
    Ok(view.answer(body))
}

impl Face {
    /// The address that the path names.
    ///
    /// # Errors
    /// 404 for a company that is not here, and for an id that no object can have.
    pub(super) fn object(&self, uri: &http::Uri) -> Result<Address, Problem> {
        let [tenant, local_id] = segments(uri);
        if self.addresses.tenant(&tenant).is_none() {
            return Err(Problem::not_found("unknown_company"));
        }
        if !is_local_id(&local_id) {
            return Err(self.refused(OpenError::Unknown));
        }
        Ok(Address { tenant, local_id })
    }

    /// The entity tag of the latest revision as everybody sees it: hash of all that the view is made of, so that a
    /// copy that is still good costs no rendering. It tells nothing of what is not shown only because nothing is
    /// left out; a view that leaves fields out (§9.3) needs the hash of what it shows.
    fn tag(&self, opened: &Opened, media: Media) -> String {
        let revision = opened.revision.to_string();
        let version = env!("CARGO_PKG_VERSION");
        tag(&[media.name(), version, self.addresses.spelling(), &revision, &opened.sha256])
    }
}

fn render(
    face: &Face,
    address: &Address,
    revision: i64,
    stored: &Stored,
    syntax: Syntax,
) -> Result<Vec<u8>, StoreError> {
    let root = NamedNode::new_unchecked(face.addresses.loid(address));
    let mut triples: Vec<Triple> = stored
        .triples()?
        .into_iter()
        .map(|triple| Addresses::map(triple, |iri| face.addresses.outward(iri)))
        .collect();
    triples.push(Triple::new(root.clone(), NamedNode::new_unchecked(REVISION), Literal::from(revision)));
    Ok(match syntax {
        Syntax::JsonLd => STYLE.document(&root, &triples).to_string().into_bytes(),
        Syntax::Turtle => {
            let root = NamedOrBlankNode::from(root);
            triples.sort_by_key(|triple| (triple.subject != root, triple.subject.to_string()));
            turtle(&triples, &[("", VOCAB), ("xsd", "http://www.w3.org/2001/XMLSchema#")])?
        }
    })
}

pub(super) fn turtle(triples: &[Triple], prefixes: &[(&str, &str)]) -> Result<Vec<u8>, StoreError> {
    write_turtle(triples, prefixes).map_err(|_| StoreError::Unwritable)
}

/// A strong entity tag: a hash over the parts.
pub(super) fn tag(parts: &[&str]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part.as_bytes());
        context.update(b"\n");
    }
    format!("\"{}\"", carnet_token::base64url::encode(context.finish().as_ref()))
}

/// What an answer says about its document.
pub(super) struct View {
    pub tag: String,
    pub media: Media,
    pub acl: Option<String>,
}

impl View {
    /// 200 with the document, or 304 when the caller has it already.
    pub(super) fn answer_to(self, request: &HeaderMap, body: Vec<u8>) -> Response {
        if matches(request, &self.tag) { self.not_modified() } else { self.answer(body) }
    }

    fn answer(self, body: Vec<u8>) -> Response {
        let media = HeaderValue::from_static(self.media.name());
        let mut response = self.with_headers(Response::new(Body::from(body)));
        response.headers_mut().insert(CONTENT_TYPE, media);
        response
    }

    fn not_modified(self) -> Response {
        let mut response = self.with_headers(Response::new(Body::empty()));
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    }

    fn with_headers(self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        headers.insert(VARY, HeaderValue::from_static("Accept, Authorization"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.extend(HeaderValue::try_from(self.tag).ok().map(|tag| (ETAG, tag)));
        headers.extend(self.acl.and_then(|link| HeaderValue::try_from(link).ok()).map(|link| (LINK, link)));
        response
    }
}

/// RFC 9110 §13.1.2: weak comparison.
fn matches(request: &HeaderMap, tag: &str) -> bool {
    let fields = request.get_all(IF_NONE_MATCH).iter().filter_map(|field| field.to_str().ok());
    fields
        .flat_map(|field| field.split(','))
        .map(str::trim)
        .any(|candidate| candidate == "*" || candidate.strip_prefix("W/").unwrap_or(candidate) == tag)
}
