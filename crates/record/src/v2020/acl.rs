//! The ACL of a logistics object (§9.1): Web Access Control, for single companies.

use std::collections::BTreeMap;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use oxrdf::vocab::rdf;
use oxrdf::{NamedNode, NamedOrBlankNode, Term, Triple};

use super::Face;
use super::actor::{Actor, READ, WRITE};
use super::address::Place;
use super::media::Media;
use super::problem::Problem;
use super::read::{View, tag, turtle};
use crate::core::{AclError, Address, Mode, Modes, Rule};
use crate::rdf::{Syntax, TreeStyle, read_graph};

const ACL: &str = "http://www.w3.org/ns/auth/acl#";
const STYLE: TreeStyle<'_> = TreeStyle { vocab: None, prefixes: &[("acl", ACL)] };
/// Authorizations in one document.
const MAX_RULES: usize = 100;
/// Statements of one Authorization.
const MAX_STATEMENTS: usize = 100;
const FRAGMENT_BYTES: usize = 128;

/// `GET {LOID}/acl`
pub(crate) async fn read(
    State(face): State<Face>,
    Extension(actor): Extension<Actor>,
    request: Request,
) -> Result<Response, Problem> {
    actor.require(READ, &face)?;
    let address = face.object(request.uri())?;
    let opened =
        face.core.open(&address, &actor.company, Mode::Control).await.map_err(|error| face.refused(error))?;
    if !opened.has_own_acl {
        return Err(Problem::not_found("no_own_acl"));
    }
    let media = Media::accepted(request.headers())?;
    let rules = face.core.rules(&opened).await.map_err(|error| Problem::internal(&error))?;
    let loid = face.addresses.loid(&address);
    let (roots, triples) = graph(&face, &loid, &rules);
    let body = match media.syntax() {
        Syntax::JsonLd => STYLE.graph(&roots, &triples).to_string().into_bytes(),
        Syntax::Turtle => turtle(&triples, &[("acl", ACL)]).map_err(|error| Problem::internal(&error))?,
    };
    let text = String::from_utf8_lossy(&body);
    let view = View { tag: tag(&[media.name(), &text]), media, acl: None };
    Ok(view.answer_to(request.headers(), body))
}

/// `POST {LOID}/acl`: adds Authorizations; the same hash IRI replaces.
pub(crate) async fn add(
    State(face): State<Face>,
    Extension(actor): Extension<Actor>,
    request: Request,
) -> Result<Response, Problem> {
    actor.require(WRITE, &face)?;
    let address = face.object(request.uri())?;
    face.core.open(&address, &actor.company, Mode::Control).await.map_err(|error| face.refused(error))?;
    let (parts, body) = request.into_parts();
    Media::accepted(&parts.headers)?;
    let media = Media::of_body(&parts.headers)?;
    let body = face.read_body(&parts.headers, body).await?;
    let (own, target) = (face.clone(), address.clone());
    let place = face.workers.place(body.len()).await;
    let work = place.work(move || own.rules(&target, media, &body)).await;
    let rules = work.map_err(|error| Problem::internal(&error))??;
    face.core.add_rules(&address, &actor.company, &rules).await.map_err(|error| refused(&face, error))?;
    let loid = face.addresses.loid(&address);
    tracing::info!(loid, company = actor.company, rules = rules.len(), "access rules stored");
    Ok(StatusCode::CREATED.into_response())
}

fn refused(face: &Face, error: AclError) -> Problem {
    match error {
        AclError::Open(error) => face.refused(error),
        AclError::Store(error) => Problem::internal(&error),
        AclError::TooMany => Problem::bad_request("too_many_rules", "the object has too many rules already"),
        AclError::Exceeds(rule) => {
            Problem::forbidden("exceeds_own_rights").because("nobody passes on more than he has").at(rule)
        }
        AclError::IntroducedByAnother(rule) => Problem::forbidden("foreign_rule")
            .because("another company introduced this Authorization")
            .at(rule),
    }
}

fn invalid(code: &'static str, message: &str, subject: &NamedOrBlankNode) -> Problem {
    Problem::bad_request(code, message).at(subject.to_string())
}

impl Face {
    /// Reads the Authorizations of a document.
    fn rules(&self, address: &Address, media: Media, body: &[u8]) -> Result<Vec<Rule>, Problem> {
        let base = format!("{}/acl", self.addresses.loid(address));
        let triples = read_graph(media.syntax(), body, &base, &self.limits)?;
        let mut by_subject: BTreeMap<String, (NamedOrBlankNode, Vec<(NamedNode, Term)>)> = BTreeMap::new();
        for triple in triples {
            let (_, statements) = by_subject
                .entry(triple.subject.to_string())
                .or_insert_with(|| (triple.subject.clone(), Vec::new()));
            statements.push((triple.predicate, triple.object));
        }
        // A node that is only said to be of some class stands beside a link, as published samples have it.
        by_subject.retain(|_, (_, statements)| !statements.iter().all(is_other_class));
        if by_subject.is_empty() {
            return Err(Problem::bad_request("no_authorization", "the document holds no acl:Authorization"));
        }
        let too_many = by_subject.len() > MAX_RULES
            || by_subject.values().any(|(_, statements)| statements.len() > MAX_STATEMENTS);
        if too_many {
            let message =
                format!("at most {MAX_RULES} Authorizations of {MAX_STATEMENTS} statements at a time");
            return Err(Problem::bad_request("too_many_rules", message));
        }
        by_subject
            .into_values()
            .map(|(subject, statements)| rule(self, address, &subject, statements))
            .collect()
    }
}

fn is_other_class((predicate, object): &(NamedNode, Term)) -> bool {
    *predicate == rdf::TYPE && !is_acl(object, "Authorization")
}

fn is_acl(term: &Term, local: &str) -> bool {
    matches!(term, Term::NamedNode(node) if node.as_str().strip_prefix(ACL) == Some(local))
}

fn rule(
    face: &Face,
    address: &Address,
    subject: &NamedOrBlankNode,
    statements: Vec<(NamedNode, Term)>,
) -> Result<Rule, Problem> {
    let loid = face.addresses.loid(address);
    let mut rule =
        Rule { fragment: fragment(face, &loid, subject)?, agents: Vec::new(), modes: Modes::default() };
    let (mut is_authorization, mut has_target) = (false, false);
    for (predicate, object) in statements {
        if predicate == rdf::TYPE {
            is_authorization |= is_acl(&object, "Authorization");
            continue;
        }
        let Term::NamedNode(value) = object else {
            return Err(invalid("acl_value", "the values of an Authorization are IRIs", subject));
        };
        match predicate.as_str().strip_prefix(ACL) {
            Some("agent") => {
                let agent = face.addresses.inward(value.as_str());
                if !rule.agents.contains(&agent) {
                    rule.agents.push(agent);
                }
            }
            Some("mode") => rule.modes = rule.modes | mode(&value, subject)?.into(),
            Some("accessTo") => {
                has_target = true;
                target(face, address, &value, subject)?;
            }
            Some("accessToClass" | "default") => {
                return Err(Problem::forbidden("container_rule")
                    .because("acl:accessToClass and acl:default stand in the ACL of the company, not of one object")
                    .at(subject.to_string()));
            }
            Some("agentGroup" | "agentClass") => {
                return Err(invalid(
                    "acl_unsupported",
                    "this server knows acl:agent only: name each company",
                    subject,
                ));
            }
            _ => {
                return Err(invalid(
                    "acl_property",
                    "the Authorization has a property that is not known",
                    subject,
                ));
            }
        }
    }
    let missing = [
        (!is_authorization, "the node is not of type acl:Authorization"),
        (rule.agents.is_empty(), "the Authorization has no acl:agent"),
        (!has_target, "the Authorization has no acl:accessTo"),
        (rule.modes.is_empty(), "the Authorization has no acl:mode"),
    ];
    match missing.into_iter().find(|(missing, _)| *missing) {
        Some((_, message)) => Err(invalid("acl_incomplete", message, subject)),
        None => Ok(rule),
    }
}

/// The part of the hash IRI after `#`; an Authorization without a name gets one.
fn fragment(face: &Face, loid: &str, subject: &NamedOrBlankNode) -> Result<String, Problem> {
    let NamedOrBlankNode::NamedNode(iri) = subject else {
        return Ok(face.core.entropy.ulid(&face.core.clock));
    };
    let fragment = iri.as_str().strip_prefix(loid).and_then(|rest| rest.strip_prefix("/acl#"));
    match fragment {
        Some(fragment) if !fragment.is_empty() && fragment.len() <= FRAGMENT_BYTES => Ok(fragment.to_owned()),
        _ => Err(invalid(
            "acl_subject",
            "an Authorization is a hash IRI of this ACL, such as <#reader>",
            subject,
        )),
    }
}

fn mode(value: &NamedNode, subject: &NamedOrBlankNode) -> Result<Mode, Problem> {
    let local = value.as_str().strip_prefix(ACL);
    Mode::ALL.into_iter().find(|mode| local == Some(mode.name())).ok_or_else(|| {
        invalid("acl_mode", "the modes are acl:Read, acl:Write, acl:Append and acl:Control", subject)
    })
}

/// An ACL speaks of its own object and of nothing else (§9.1).
fn target(
    face: &Face,
    address: &Address,
    value: &NamedNode,
    subject: &NamedOrBlankNode,
) -> Result<(), Problem> {
    if face.addresses.place(value.as_str()) == Place::Object(address.clone()) {
        return Ok(());
    }
    let field =
        value.as_str().strip_prefix(&face.addresses.loid(address)).is_some_and(|rest| rest.starts_with('/'));
    if field {
        return Err(invalid(
            "acl_unsupported",
            "rules for single fields are not kept by this server",
            subject,
        ));
    }
    Err(Problem::forbidden("foreign_target")
        .because("acl:accessTo must be the object that this ACL belongs to")
        .at(subject.to_string()))
}

/// Writes the stored rules.
fn graph(face: &Face, loid: &str, rules: &[Rule]) -> (Vec<NamedNode>, Vec<Triple>) {
    let term = |local: &str| NamedNode::new_unchecked(format!("{ACL}{local}"));
    let (mut roots, mut triples) = (Vec::new(), Vec::new());
    for rule in rules {
        let subject = NamedNode::new_unchecked(format!("{loid}/acl#{}", rule.fragment));
        let mut say = |predicate: NamedNode, object: NamedNode| {
            triples.push(Triple::new(subject.clone(), predicate, object));
        };
        say(rdf::TYPE.into_owned(), term("Authorization"));
        for agent in &rule.agents {
            say(term("agent"), NamedNode::new_unchecked(face.addresses.outward(agent)));
        }
        say(term("accessTo"), NamedNode::new_unchecked(loid));
        for mode in rule.modes.iter() {
            say(term("mode"), term(mode.name()));
        }
        roots.push(subject);
    }
    (roots, triples)
}
