//! The 2020 vocabulary and its other spellings.

use oxrdf::vocab::rdf;
use oxrdf::{NamedNode, Term, Triple};

/// `@vocab` of every document of this generation.
pub(super) const VOCAB: &str = "http://onerecord.iata.org/";
/// How later clients of the generation write it.
const VOCAB_HTTPS: &str = "https://onerecord.iata.org/";

pub(super) const REVISION: &str = "http://onerecord.iata.org/revision";

/// Whether a class belongs to ONE Record, whichever way it is spelt.
pub(super) fn is_known(class: &str) -> bool {
    [VOCAB, VOCAB_HTTPS].iter().any(|vocab| class.len() > vocab.len() && class.starts_with(vocab))
}

/// The one spelling of a term: `https://onerecord.iata.org/Class#property` and
/// `https://onerecord.iata.org/property` become `http://onerecord.iata.org/property`. The namespaces of 3.x
/// (`…/ns/cargo#`) are other vocabularies: they stay as they are.
fn canonical(iri: &str) -> Option<String> {
    let local = iri.strip_prefix(VOCAB).or_else(|| iri.strip_prefix(VOCAB_HTTPS))?;
    let name = local.rsplit_once('#').map_or(local, |(_, name)| name);
    let plain = !name.is_empty() && !local.contains(['/', '?']);
    plain.then(|| format!("{VOCAB}{name}")).filter(|canonical| canonical != iri)
}

/// Maps properties and classes to their one spelling.
pub(super) fn canonical_terms(mut triple: Triple) -> Triple {
    if triple.predicate == rdf::TYPE
        && let Term::NamedNode(class) = &triple.object
        && let Some(class) = canonical(class.as_str())
    {
        triple.object = NamedNode::new_unchecked(class).into();
    }
    if let Some(predicate) = canonical(triple.predicate.as_str()) {
        triple.predicate = NamedNode::new_unchecked(predicate);
    }
    triple
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_term_are_one_term() {
        let table = [
            (
                "https://onerecord.iata.org/AirWaybill#pieceCount",
                Some("http://onerecord.iata.org/pieceCount"),
            ),
            ("http://onerecord.iata.org/AirWaybill#pieceCount", Some("http://onerecord.iata.org/pieceCount")),
            ("https://onerecord.iata.org/AirWaybill", Some("http://onerecord.iata.org/AirWaybill")),
            ("http://onerecord.iata.org/pieceCount", None),
            ("https://onerecord.iata.org/ns/cargo#Piece", None),
            ("http://onerecord.iata.org/", None),
            ("http://onerecord.iata.org/Piece#", None),
            ("http://onerecord.iata.org.evil.example/x", None),
        ];
        for (spelling, expected) in table {
            assert_eq!(canonical(spelling).as_deref(), expected, "{spelling}");
        }
    }
}
