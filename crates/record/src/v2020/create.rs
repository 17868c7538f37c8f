//! Making a logistics object (§2.1): POST on the company, or on the address that the object is to have.

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{StatusCode, Uri};
use oxrdf::{Literal, NamedNode, NamedOrBlankNode, Term, Triple};

use super::Face;
use super::actor::{Actor, WRITE};
use super::address::{Addresses, Place, is_local_id};
use super::media::Media;
use super::problem::Problem;
use super::vocabulary::{REVISION, canonical_terms, is_known};
use crate::core::{Address, CreateError, NewObject, Prepared};
use crate::rdf::{Document, read_document};

/// `POST /{company}`
pub(crate) async fn at_company(
    State(face): State<Face>,
    Extension(actor): Extension<Actor>,
    request: Request,
) -> Result<Response, Problem> {
    actor.require(WRITE, &face)?;
    let [company] = segments(request.uri());
    own_company(&face, &actor, &company)?;
    if has_topic(request.uri()) {
        return Err(Problem::bad_request("no_subscriptions", "this server does not take subscriptions"));
    }
    create(&face, &actor, &company, None, request).await
}

/// `POST {LOID}`
pub(crate) async fn at_address(
    State(face): State<Face>,
    Extension(actor): Extension<Actor>,
    request: Request,
) -> Result<Response, Problem> {
    actor.require(WRITE, &face)?;
    let [company, id] = segments(request.uri());
    own_company(&face, &actor, &company)?;
    if !is_local_id(&id) {
        return Err(bad_id());
    }
    let address = Address { tenant: company.clone(), local_id: id };
    if face.core.exists(&address).await.map_err(|error| Problem::internal(&error))? {
        return Err(taken());
    }
    create(&face, &actor, &company, Some(address), request).await
}

/// Whether the query asks for a subscription, however it is spelt.
fn has_topic(uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "topic")
}

/// The path, as it was sent: an id has no need for escapes.
pub(super) fn segments<const N: usize>(uri: &Uri) -> [String; N] {
    let mut segments = uri.path().trim_start_matches('/').split('/');
    std::array::from_fn(|_| segments.next().unwrap_or_default().to_owned())
}

/// Only a company itself makes its objects.
fn own_company(face: &Face, actor: &Actor, path: &str) -> Result<(), Problem> {
    match face.addresses.tenant(path) {
        None => Err(Problem::not_found("unknown_company")),
        Some(tenant) if tenant.identifier == actor.company => Ok(()),
        Some(_) if face.settings.config.hide_existence => Err(Problem::not_found("wrong_company")),
        Some(_) => Err(Problem::forbidden("wrong_company")),
    }
}

async fn create(
    face: &Face,
    actor: &Actor,
    company: &str,
    target: Option<Address>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    Media::accepted(&parts.headers)?;
    let media = Media::of_body(&parts.headers)?;
    let body = face.read_body(&parts.headers, body).await?;
    let (own, asking, company) = (face.clone(), actor.clone(), company.to_owned());
    let place = face.workers.place(body.len()).await;
    let work = place.work(move || own.prepare(&asking, &company, target, media, &body)).await;
    let new = work.map_err(|error| Problem::internal(&error))??;
    face.core.create(&new).await.map_err(refused)?;
    let loid = face.addresses.loid(&new.address);
    tracing::info!(loid, company = actor.company, "logistics object created");
    Ok((StatusCode::CREATED, [(LOCATION, loid)]).into_response())
}

impl Face {
    /// From the bytes to what can be stored.
    fn prepare(
        &self,
        actor: &Actor,
        company: &str,
        target: Option<Address>,
        media: Media,
        body: &[u8],
    ) -> Result<Prepared, Problem> {
        let expected = target.as_ref().map(|address| self.addresses.loid(address));
        let document = read_document(media.syntax(), body, expected.as_deref(), &self.limits)?;
        let address = address(self, company, target, &document)?;
        let new = new_object(self, actor, address, document)?;
        self.core.prepare(new).map_err(refused)
    }
}

/// Where the object is to live: the address posted to, the `@id` of the document, or a fresh id.
fn address(
    face: &Face,
    company: &str,
    target: Option<Address>,
    document: &Document,
) -> Result<Address, Problem> {
    let named = match &document.root {
        NamedOrBlankNode::BlankNode(_) => None,
        NamedOrBlankNode::NamedNode(iri) => match face.addresses.place(iri.as_str()) {
            Place::Object(address) if address.tenant == company => Some(address),
            Place::Object(_) => return Err(Problem::forbidden("wrong_company")),
            Place::Malformed => return Err(bad_id()),
            Place::Elsewhere => {
                return Err(Problem::bad_request(
                    "foreign_id",
                    "the @id does not lie under the company's address",
                )
                .at("@id"));
            }
        },
    };
    match (target, named) {
        (Some(target), Some(named)) if target != named => {
            Err(Problem::bad_request("id_mismatch", "the @id is not the address that was posted to")
                .at("@id"))
        }
        (Some(address), _) | (None, Some(address)) => Ok(address),
        (None, None) => {
            let local_id = face.core.entropy.ulid(&face.core.clock);
            Ok(Address { tenant: company.to_owned(), local_id })
        }
    }
}

/// From the words of the document to those of the core.
fn new_object(
    face: &Face,
    actor: &Actor,
    address: Address,
    document: Document,
) -> Result<NewObject, Problem> {
    let root = NamedNode::new_unchecked(face.addresses.canonical(&address));
    let mut triples = Vec::with_capacity(document.triples.len());
    for triple in document.triples {
        let triple = canonical_terms(rename(triple, &document.root, &root));
        let triple = Addresses::map(triple, |iri| face.addresses.inward(iri));
        if triple.subject == NamedOrBlankNode::from(root.clone()) && triple.predicate.as_str() == REVISION {
            first_revision(&triple.object)?;
        } else {
            triples.push(triple);
        }
    }
    check_class(face, &root, &triples)?;
    // Once more in the words of the core: where a spelling was changed, a statement may have lost its node.
    let Document { triples, .. } = Document::new(root.clone().into(), triples, &face.limits)?;
    Ok(NewObject { address, owner: actor.company.clone(), root, triples })
}

fn rename(mut triple: Triple, from: &NamedOrBlankNode, to: &NamedNode) -> Triple {
    if triple.subject == *from {
        triple.subject = to.clone().into();
    }
    if Term::from(from.clone()) == triple.object {
        triple.object = to.clone().into();
    }
    triple
}

/// The revision is the server's. A document that was read elsewhere may carry it, if it says what is true.
fn first_revision(value: &Term) -> Result<(), Problem> {
    match value {
        Term::Literal(literal)
            if *literal == Literal::from(1) || *literal == Literal::new_simple_literal("1") =>
        {
            Ok(())
        }
        _ => Err(Problem::bad_request("revision", "the server counts revisions, from 1: leave it off")
            .at("/revision")),
    }
}

/// The document needs a class, and one that is kept here.
fn check_class(face: &Face, root: &NamedNode, triples: &[Triple]) -> Result<(), Problem> {
    let root = NamedOrBlankNode::from(root.clone());
    let mut classes = triples
        .iter()
        .filter(|triple| triple.subject == root && triple.predicate == oxrdf::vocab::rdf::TYPE)
        .filter_map(|triple| match &triple.object {
            Term::NamedNode(class) => Some(class.as_str()),
            _ => None,
        })
        .peekable();
    if classes.peek().is_none() {
        return Err(Problem::bad_request("no_type", "the logistics object needs an @type").at("/@type"));
    }
    let supported = &face.settings.config.supported_types;
    let known = |class: &str| {
        if supported.is_empty() { is_known(class) } else { supported.iter().any(|s| s == class) }
    };
    if classes.clone().any(known) {
        return Ok(());
    }
    let class = classes.next().unwrap_or_default().to_owned();
    Err(Problem::bad_request("unsupported_type", "objects of this class are not kept here")
        .at("/@type")
        .of(class))
}

fn bad_id() -> Problem {
    Problem::bad_request(
        "bad_id",
        "an id consists of letters, digits, _ and -, starts with a letter or digit, and is no reserved word",
    )
    .at("@id")
}

fn taken() -> Problem {
    Problem::new(StatusCode::CONFLICT, "id_taken", "There is a logistics object with this id")
}

fn refused(error: CreateError) -> Problem {
    match error {
        CreateError::Taken => taken(),
        CreateError::NoType => Problem::bad_request("no_type", "the logistics object needs an @type").at("/@type"),
        CreateError::TooLarge => Problem::bad_request("too_many_nodes", "the object has too many nodes or links"),
        CreateError::TooManyBytes(limit) => Problem::bad_request(
            "graph_too_large",
            format!("the statements, written in full, take more than {limit} bytes: send less, or shorter IRIs"),
        ),
        CreateError::Unreadable => {
            Problem::bad_request("unreadable", "the document holds a term that could not be read again")
        }
        CreateError::Foreign(iri) => Problem::bad_request(
            "foreign_statement",
            "the document describes something that has an @id of its own: create that separately and link to it, or \
             leave its @id off to embed it",
        )
        .at(iri),
        CreateError::Reserved(iri) => {
            Problem::bad_request("reserved_iri", "IRIs that start with internal: are given by the server alone").at(iri)
        }
        CreateError::Store(error) => Problem::internal(&error),
    }
}
