//! Turtle (RDF 1.1) in and out.

use oxrdf::Triple;
use oxttl::{TurtleParser, TurtleSerializer};

use super::Limits;
use super::document::normalize;
use super::error::InputError;
use super::statement::Meter;

/// Reads the statements of a turtle document. Without `base`, a relative IRI is an error unless the document
/// declares a base itself.
pub(super) fn read(body: &[u8], base: Option<&str>, limits: &Limits) -> Result<Vec<Triple>, InputError> {
    let mut parser = TurtleParser::new();
    if let Some(base) = base {
        parser = parser
            .with_base_iri(base)
            .map_err(|_| InputError::new("invalid_iri", "", "the address of the document is not an IRI"))?;
    }
    let mut triples = Vec::new();
    let mut meter = Meter::new(limits);
    for triple in parser.for_slice(body) {
        let triple = triple.map_err(|error| {
            let line = error.location().start.line + 1;
            InputError::new("malformed_turtle", format!("line {line}"), "the body is not valid turtle")
        })?;
        if triples.len() == limits.statements {
            return Err(InputError::new(
                "too_many_statements",
                "",
                format!("a document makes at most {} statements", limits.statements),
            ));
        }
        let triple = normalize(triple);
        meter.check(&triple)?;
        triples.push(triple);
    }
    Ok(triples)
}

/// Writes the statements in the order given, with the prefixes given.
pub(crate) fn write(triples: &[Triple], prefixes: &[(&str, &str)]) -> std::io::Result<Vec<u8>> {
    let mut serializer = TurtleSerializer::new();
    for (name, iri) in prefixes {
        serializer = serializer.with_prefix(*name, *iri).map_err(std::io::Error::other)?;
    }
    let mut writer = serializer.for_writer(Vec::new());
    for triple in triples {
        writer.serialize_triple(triple)?;
    }
    writer.finish()
}
