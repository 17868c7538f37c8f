//! The stored form of a graph: blank nodes named, lines sorted, one hash.

use std::collections::{BTreeSet, HashMap};

use aws_lc_rs::digest;
use carnet_ambient::Entropy;
use oxrdf::vocab::{rdf, xsd};
use oxrdf::{BlankNode, NamedNode, NamedOrBlankNode, Term, Triple};
use oxttl::NTriplesParser;
use uuid::Uuid;

/// Scheme of the names that the server gives to nodes inside an object. Never accepted from outside.
const INTERNAL: &str = "internal:";

/// The longest URL that can name a company.
const COMPANY_BYTES: usize = 2_048;

/// A graph without blank nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub nquads: String,
    pub sha256: String,
    pub embedded: BTreeSet<String>,
    pub links: BTreeSet<String>,
    /// URLs at the top level.
    pub named: BTreeSet<String>,
}

/// A statement that does not belong into this object, or a name that only the server gives.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SubjectError {
    /// A statement about another resource.
    Foreign(String),
    /// An `internal:` IRI in a document from outside.
    Reserved(String),
}

impl Snapshot {
    /// Takes the statements of a document about `root`.
    ///
    /// # Errors
    /// When a statement is about something that has an address of its own: another logistics object is changed
    /// at its own address, by those who may. Its classes may be repeated beside a link.
    pub(super) fn take(
        root: &NamedNode,
        triples: &[Triple],
        entropy: &Entropy,
    ) -> Result<Self, SubjectError> {
        let classes: HashMap<&BlankNode, &NamedNode> = triples
            .iter()
            .filter_map(|triple| match (&triple.subject, &triple.object) {
                (NamedOrBlankNode::BlankNode(node), Term::NamedNode(class))
                    if triple.predicate == rdf::TYPE =>
                {
                    Some((node, class))
                }
                _ => None,
            })
            .collect();
        let mut names = Names { classes, given: HashMap::new(), entropy };
        let mut lines = BTreeSet::new();
        let mut snapshot = Self {
            nquads: String::new(),
            sha256: String::new(),
            embedded: BTreeSet::new(),
            links: BTreeSet::new(),
            named: BTreeSet::new(),
        };
        for triple in triples {
            let subject = match &triple.subject {
                NamedOrBlankNode::BlankNode(node) => names.of(node),
                NamedOrBlankNode::NamedNode(node) => {
                    own_subject(root, node, triple)?;
                    node.clone()
                }
            };
            let object = match &triple.object {
                Term::BlankNode(node) => names.of(node).into(),
                Term::NamedNode(node) if node.as_str().starts_with(INTERNAL) => {
                    return Err(SubjectError::Reserved(node.as_str().to_owned()));
                }
                Term::NamedNode(node) => {
                    if triple.predicate != rdf::TYPE && !is_part(root, node.as_str()) {
                        snapshot.links.insert(node.as_str().to_owned());
                    }
                    node.clone().into()
                }
                Term::Literal(literal) => literal.clone().into(),
            };
            if subject == *root && triple.predicate != rdf::TYPE {
                snapshot.named.extend(company(&object));
            }
            lines.insert(format!("{} .\n", Triple::new(subject, triple.predicate.clone(), object)));
        }
        snapshot.embedded = names.given.into_values().map(NamedNode::into_string).collect();
        snapshot.nquads = lines.into_iter().collect();
        snapshot.sha256 = sha256(snapshot.nquads.as_bytes());
        Ok(snapshot)
    }

    /// Whether the stored form says what it was made from: the writer writes terms that the reader refuses.
    pub(super) fn reads_back(&self) -> bool {
        parse(&self.nquads).is_some_and(|triples| triples.len() == self.nquads.lines().count())
    }
}

/// Names blank nodes: UUID version 5 of the node's class in a fresh namespace.
struct Names<'a> {
    classes: HashMap<&'a BlankNode, &'a NamedNode>,
    given: HashMap<BlankNode, NamedNode>,
    entropy: &'a Entropy,
}

impl Names<'_> {
    fn of(&mut self, node: &BlankNode) -> NamedNode {
        if let Some(name) = self.given.get(node) {
            return name.clone();
        }
        let namespace = Uuid::from_bytes(self.entropy.bytes::<16>());
        let class = self.classes.get(node).map_or("", |class| class.as_str());
        let id = Uuid::new_v5(&namespace, class.as_bytes());
        let name = NamedNode::new_unchecked(format!("{INTERNAL}{id}"));
        self.given.insert(node.clone(), name.clone());
        name
    }
}

fn own_subject(root: &NamedNode, subject: &NamedNode, triple: &Triple) -> Result<(), SubjectError> {
    if subject.as_str().starts_with(INTERNAL) {
        Err(SubjectError::Reserved(subject.as_str().to_owned()))
    } else if is_part(root, subject.as_str()) || triple.predicate == rdf::TYPE {
        Ok(())
    } else {
        Err(SubjectError::Foreign(subject.as_str().to_owned()))
    }
}

/// The object itself or a fragment of it.
fn is_part(root: &NamedNode, iri: &str) -> bool {
    iri.strip_prefix(root.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

/// The URL that a value may name a company with. The 2020 samples write such URLs as links and as plain text.
fn company(value: &Term) -> Option<String> {
    let text = match value {
        Term::NamedNode(node) => node.as_str(),
        Term::Literal(literal) if literal.datatype() == xsd::STRING || literal.datatype() == xsd::ANY_URI => {
            literal.value()
        }
        _ => return None,
    };
    let url = text.starts_with("https://") || text.starts_with("http://");
    (url && text.len() <= COMPANY_BYTES && !text.contains(char::is_whitespace)).then(|| text.to_owned())
}

/// Reads a stored graph.
pub(super) fn parse(nquads: &str) -> Option<Vec<Triple>> {
    NTriplesParser::new().for_slice(nquads).collect::<Result<_, _>>().ok()
}

/// Gives the nodes inside an object back their anonymity: the names are the server's own affair.
pub(crate) fn anonymous(triples: Vec<Triple>) -> Vec<Triple> {
    let mut labels: HashMap<NamedNode, BlankNode> = HashMap::new();
    let mut label = |node: &NamedNode| {
        node.as_str().starts_with(INTERNAL).then(|| {
            let next = labels.len();
            labels.entry(node.clone()).or_insert_with(|| BlankNode::new_unchecked(format!("b{next}"))).clone()
        })
    };
    triples
        .into_iter()
        .map(|triple| {
            let subject = match triple.subject {
                NamedOrBlankNode::NamedNode(node) => label(&node).map_or(node.into(), NamedOrBlankNode::from),
                other @ NamedOrBlankNode::BlankNode(_) => other,
            };
            let object = match triple.object {
                Term::NamedNode(node) => label(&node).map_or(node.into(), Term::from),
                other => other,
            };
            Triple::new(subject, triple.predicate, object)
        })
        .collect()
}

fn sha256(data: &[u8]) -> String {
    carnet_token::base64url::encode(digest::digest(&digest::SHA256, data).as_ref())
}

#[cfg(test)]
mod tests {
    use oxttl::TurtleParser;

    use super::*;

    const ROOT: &str = "https://a.example/airline/logistics-objects/awb_1";

    fn take(turtle: &str) -> Result<Snapshot, SubjectError> {
        let text = format!("@prefix : <http://onerecord.iata.org/> . @base <{ROOT}> . {turtle}");
        let triples: Vec<Triple> = TurtleParser::new().for_slice(&text).collect::<Result<_, _>>().unwrap();
        Snapshot::take(&NamedNode::new(ROOT).unwrap(), &triples, &Entropy::seeded(7))
    }

    #[test]
    fn lines_are_sorted_without_doubles_and_without_blank_nodes() {
        let snapshot = take("<> a :AirWaybill; :weight [ a :Value; :unit \"kg\" ]; :n 2, 1, 2 .").unwrap();
        let lines: Vec<&str> = snapshot.nquads.lines().collect();
        assert_eq!(lines.len(), 6);
        assert!(lines.is_sorted());
        assert!(!snapshot.nquads.contains("_:"));
        assert_eq!(snapshot.embedded.len(), 1);
        assert_eq!(snapshot.sha256, sha256(snapshot.nquads.as_bytes()));
        assert_eq!(parse(&snapshot.nquads).unwrap().len(), 6);
    }

    #[test]
    fn a_snapshot_that_cannot_be_read_again_is_noticed() {
        let root = NamedNode::new(ROOT).unwrap();
        let predicate = NamedNode::new("http://onerecord.iata.org/p").unwrap();
        let bad = NamedNode::new_unchecked;
        let lang = bad("http://www.w3.org/1999/02/22-rdf-syntax-ns#langString");
        for object in [
            Term::from(bad("http://x.example/a b")),
            bad("http://x.example/a\u{e0001}").into(),
            bad("http://x.example/a> <http://x.example/p> <http://x.example/b> .\n<http://x.example/c")
                .into(),
            oxrdf::Literal::new_typed_literal("x", lang).into(),
        ] {
            let triples = [Triple::new(root.clone(), predicate.clone(), object.clone())];
            let snapshot = Snapshot::take(&root, &triples, &Entropy::seeded(7)).unwrap();
            assert!(!snapshot.reads_back(), "{object}");
        }
        assert!(take("<> a :Piece; :note \"a\\nb\"@de-CH, \"\u{2028}\" .").unwrap().reads_back());
    }

    #[test]
    fn nodes_get_their_anonymity_back() {
        let snapshot = take("<> a :AirWaybill; :weight [ :unit \"kg\" ]; :other [ :unit \"lb\" ] .").unwrap();
        let triples = anonymous(parse(&snapshot.nquads).unwrap());
        let text: String = triples.iter().map(ToString::to_string).collect();
        assert!(!text.contains(INTERNAL) && text.contains("_:b0") && text.contains("_:b1"), "{text}");
    }

    #[test]
    fn statements_about_others_are_refused() {
        let foreign = take("<> :piece <https://a.example/p> . <https://a.example/p> :weight 1 .");
        assert_eq!(foreign, Err(SubjectError::Foreign("https://a.example/p".to_owned())));
        assert!(take("<> :piece <https://a.example/p> . <https://a.example/p> a :Piece .").is_ok());
        assert!(take("<> :part <#p> . <#p> :weight 1 .").is_ok());
    }

    #[test]
    fn names_of_the_server_are_refused_from_outside() {
        for turtle in ["<> :p <internal:1> .", "<> :p 1 . <internal:1> a :T ."] {
            assert_eq!(take(turtle), Err(SubjectError::Reserved("internal:1".to_owned())), "{turtle}");
        }
    }

    #[test]
    fn companies_count_at_the_top_level_only() {
        let snapshot = take(
            "<> a :AirWaybill; :shipper <https://b.example/acme>; :agent \"https://c.example/gha\"; \
             :note \"see https://d.example/x\"; :piece [ :owner <https://e.example/nested> ] .",
        )
        .unwrap();
        let named: Vec<&str> = snapshot.named.iter().map(String::as_str).collect();
        assert_eq!(named, ["https://b.example/acme", "https://c.example/gha"]);
        let links: Vec<&str> = snapshot.links.iter().map(String::as_str).collect();
        assert_eq!(links, ["https://b.example/acme", "https://e.example/nested"]);
    }
}
