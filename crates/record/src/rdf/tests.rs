//! Each way to lose a statement in silence is one test, named for it.

use oxrdf::dataset::{CanonicalizationAlgorithm, CanonicalizationHashAlgorithm};
use oxrdf::{Dataset, GraphName, NamedNode, NamedOrBlankNode, Quad, Triple};

use super::*;

mod round_trip;

const LOID: &str = "https://a.example/airline/awb_1";
const STYLE: TreeStyle<'_> = TreeStyle { vocab: Some("http://onerecord.iata.org/"), prefixes: &[] };

fn json_ld(body: &str) -> Result<Document, InputError> {
    read_document(Syntax::JsonLd, body.as_bytes(), Some(LOID), &Limits::default())
}

fn turtle(body: &str) -> Result<Document, InputError> {
    read_document(Syntax::Turtle, body.as_bytes(), Some(LOID), &Limits::default())
}

fn lines(document: &Document) -> Vec<String> {
    let mut lines: Vec<String> = document.triples.iter().map(ToString::to_string).collect();
    lines.sort();
    lines
}

/// The canonical N-Quads of a graph (RDFC-1.0), equal for equal graphs whatever their labels are.
fn canonical(triples: &[Triple]) -> String {
    let mut dataset: Dataset = triples
        .iter()
        .map(|t| Quad::new(t.subject.clone(), t.predicate.clone(), t.object.clone(), GraphName::DefaultGraph))
        .collect();
    dataset.canonicalize(CanonicalizationAlgorithm::Rdfc10 {
        hash_algorithm: CanonicalizationHashAlgorithm::Sha256,
    });
    let mut lines: Vec<String> = dataset.iter().map(|quad| quad.to_string()).collect();
    lines.sort();
    lines.join("\n")
}

macro_rules! refused {
    ($($name:ident: $read:ident($body:expr) => $code:literal at $place:literal;)*) => { $(
        #[test]
        fn $name() {
            let body: &str = &$body;
            let error = $read(body).expect_err(body);
            assert_eq!((error.code, error.place.as_str()), ($code, $place), "{error}");
        }
    )* };
}

/// A document with `@vocab` around `members`.
fn vocab(members: &str) -> String {
    format!(r#"{{"@context":{{"@vocab":"http://onerecord.iata.org/"}},"@type":"Piece",{members}}}"#)
}

refused! {
    blank_inside_an_id_is_refused: json_ld(vocab(r#""@id":"https://a.example/air line/1","x":1"#)) => "invalid_iri" at "/@id";
    forbidden_character_in_an_id_is_refused: json_ld(vocab(r#""@id":"https://a.example/{id}","x":1"#)) => "invalid_iri" at "/@id";
    invalid_iri_of_a_nested_node_is_refused: json_ld(vocab(r#""part":[{"@id":"https://a.example/<x>"}]"#)) => "invalid_iri" at "/part/0/@id";
    relative_id_is_refused: json_ld(vocab(r#""@id":"airline/awb_1","x":1"#)) => "relative_iri" at "/@id";
    rooted_relative_id_is_refused: json_ld(vocab(r#""@id":"/airline/awb_1","x":1"#)) => "relative_iri" at "/@id";
    schemeless_id_is_refused: json_ld(vocab(r#""@id":"//a.example/awb_1","x":1"#)) => "relative_iri" at "/@id";
    fragment_id_without_base_is_refused: json_ld(vocab(r##""@id":"#it","x":1"##)) => "relative_iri" at "/@id";
    empty_id_is_refused: json_ld(vocab(r#""@id":"","x":1"#)) => "relative_iri" at "/@id";
    relative_link_is_refused: json_ld(vocab(r#""part":{"@id":"piece_7"}"#)) => "relative_iri" at "/part/@id";
    relative_value_of_an_iri_term_is_refused: json_ld(
        r#"{"@context":{"@vocab":"http://onerecord.iata.org/","part":{"@type":"@id"}},"@type":"Piece","part":"piece_7"}"#)
        => "relative_iri" at "/part";
    number_in_an_iri_term_is_refused: json_ld(
        r#"{"@context":{"@vocab":"http://onerecord.iata.org/","part":{"@type":"@id"}},"@type":"Piece","part":7}"#)
        => "malformed_id" at "/part";
    id_that_is_not_a_string_is_refused: json_ld(vocab(r#""@id":["https://a.example/1"],"x":1"#)) => "malformed_id" at "/@id";
    malformed_blank_node_label_is_refused: json_ld(vocab(r#""@id":"_:a b","x":1"#)) => "invalid_iri" at "/@id";
    unmapped_key_is_refused: json_ld(r#"{"@type":"http://onerecord.iata.org/Piece","weight":1}"#) => "unmapped_key" at "/weight";
    unmapped_type_is_refused: json_ld(r#"{"@type":"Piece"}"#) => "unmapped_key" at "/@type";
    key_with_a_blank_is_refused: json_ld(vocab(r#""gross weight":1"#)) => "invalid_iri" at "/gross weight";
    empty_key_is_refused: json_ld(vocab(r#""":1"#)) => "unmapped_key" at "/";
    blank_node_as_a_key_is_refused: json_ld(vocab(r#""_:p":1"#)) => "unmapped_key" at "/_:p";
    blank_node_as_a_type_is_refused: json_ld(vocab(r#""x":{"@type":"_:t"}"#)) => "unmapped_key" at "/x/@type";
    undefined_prefix_of_a_key_is_refused: json_ld(vocab(r#""cargo:weight":1"#)) => "undefined_prefix" at "/cargo:weight";
    undefined_prefix_of_a_type_is_refused: json_ld(r#"{"@type":"cargo:Piece"}"#) => "undefined_prefix" at "/@type";
    undefined_prefix_of_an_id_is_refused: json_ld(vocab(r#""part":{"@id":"ex:1"}"#)) => "undefined_prefix" at "/part/@id";
    undefined_prefix_of_a_datatype_is_refused: json_ld(vocab(r#""x":{"@value":"1","@type":"xsd:integer"}"#)) => "undefined_prefix" at "/x/@type";
    undefined_prefix_in_the_context_is_refused: json_ld(r#"{"@context":{"w":"cargo:weight"},"@type":"http://x.example/T","w":1}"#)
        => "undefined_prefix" at "/@context/w/cargo";
    prefix_without_delimiter_is_refused: json_ld(
        r#"{"@context":{"cargo":"https://onerecord.iata.org/ns/cargo"},"@type":"http://x.example/T","cargo:weight":1}"#)
        => "unusable_prefix" at "/cargo:weight";
    null_value_is_refused: json_ld(vocab(r#""weight":null"#)) => "null_value" at "/weight";
    null_in_an_array_is_refused: json_ld(vocab(r#""weight":[1,null]"#)) => "null_value" at "/weight/1";
    null_value_object_is_refused: json_ld(vocab(r#""weight":{"@value":null}"#)) => "null_value" at "/weight/@value";
    empty_array_is_refused: json_ld(vocab(r#""pieces":[]"#)) => "empty_array" at "/pieces";
    empty_type_array_is_refused: json_ld(vocab(r#""x":{"@type":[]}"#)) => "empty_array" at "/x/@type";
    array_in_an_array_is_refused: json_ld(vocab(r#""x":[[1],[2]]"#)) => "nested_array" at "/x/0";
    empty_object_is_refused: json_ld(vocab(r#""x":{}"#)) => "empty_object" at "/x";
    duplicate_member_is_refused: json_ld(r#"{"@context":{"@vocab":"http://x.example/"},"@type":"T","a":1,"a":2}"#)
        => "duplicate_member" at "line 1 column 64";
    graph_is_refused: json_ld(r#"{"@context":{"@vocab":"http://x.example/"},"@graph":[{"@type":"T"}]}"#) => "graph" at "/@graph";
    nested_graph_is_refused: json_ld(vocab(r#""x":{"@graph":[{"y":1}]}"#)) => "graph" at "/x/@graph";
    remote_context_is_refused: json_ld(r#"{"@context":"https://x.example/context.jsonld","@type":"http://x.example/T"}"#)
        => "remote_context" at "/@context";
    array_of_contexts_is_refused: json_ld(r#"{"@context":[{"@vocab":"http://x.example/"}],"@type":"T"}"#) => "context_array" at "/@context";
    null_context_is_refused: json_ld(r#"{"@context":null,"@type":"http://x.example/T"}"#) => "null_context" at "/@context";
    nested_context_is_refused: json_ld(vocab(r#""x":{"@context":{"@vocab":"http://y.example/"},"y":1}"#)) => "nested_context" at "/x/@context";
    context_import_is_refused: json_ld(r#"{"@context":{"@import":"https://x.example/c"},"@type":"http://x.example/T"}"#)
        => "unsupported_keyword" at "/@context/@import";
    base_in_the_context_is_refused: json_ld(r#"{"@context":{"@base":"https://x.example/"},"@type":"http://x.example/T"}"#)
        => "unsupported_keyword" at "/@context/@base";
    relative_vocab_is_refused: json_ld(r#"{"@context":{"@vocab":"ns/"},"@type":"T"}"#) => "relative_iri" at "/@context/@vocab";
    null_vocab_is_refused: json_ld(r#"{"@context":{"@vocab":null},"@type":"T"}"#) => "malformed_context" at "/@context/@vocab";
    null_term_is_refused: json_ld(r#"{"@context":{"@vocab":"http://x.example/","note":null},"@type":"T","note":"lost"}"#)
        => "null_term" at "/@context/note";
    keyword_alias_is_refused: json_ld(r#"{"@context":{"@vocab":"http://x.example/","id":"@id"},"@type":"T","id":"x"}"#)
        => "keyword_alias" at "/@context/id";
    term_with_a_reverse_property_is_refused: json_ld(
        r#"{"@context":{"@vocab":"http://x.example/","in":{"@reverse":"http://x.example/has"}},"@type":"T","in":"x"}"#)
        => "unsupported_keyword" at "/@context/in/@reverse";
    index_container_is_refused: json_ld(
        r#"{"@context":{"@vocab":"http://x.example/","p":{"@container":"@index"}},"@type":"T","p":{"a":"b"}}"#)
        => "unsupported_keyword" at "/@context/p/@container";
    json_datatype_of_a_term_is_refused: json_ld(
        r#"{"@context":{"@vocab":"http://x.example/","p":{"@type":"@json"}},"@type":"T","p":{"a":"b"}}"#)
        => "keyword_alias" at "/@context/p/@type";
    terms_that_define_each_other_are_refused: json_ld(
        r#"{"@context":{"a":"b:x","b":"a:x"},"@type":"http://x.example/T","a":1}"#)
        => "context_chain" at "/@context/a/b/a/b/a/b";
    scheme_redefined_as_a_prefix_is_refused: json_ld(
        r#"{"@context":{"https":"http://evil.example/"},"@type":"http://x.example/T"}"#)
        => "malformed_context" at "/@context/https";
    reverse_is_refused: json_ld(vocab(r#""@reverse":{"x":{"@id":"http://x.example/1"}}"#)) => "unsupported_keyword" at "/@reverse";
    included_is_refused: json_ld(vocab(r#""@included":[{"x":1}]"#)) => "unsupported_keyword" at "/@included";
    nest_is_refused: json_ld(vocab(r#""@nest":{"x":1}"#)) => "unsupported_keyword" at "/@nest";
    index_is_refused: json_ld(vocab(r#""x":{"@index":"a","y":1}"#)) => "unsupported_keyword" at "/x/@index";
    list_is_refused: json_ld(vocab(r#""x":{"@list":[1,2]}"#)) => "unsupported_keyword" at "/x/@list";
    set_is_refused: json_ld(vocab(r#""x":{"@set":[1,2]}"#)) => "unsupported_keyword" at "/x/@set";
    unknown_keyword_is_refused: json_ld(vocab(r#""@ignored":"silently""#)) => "unsupported_keyword" at "/@ignored";
    json_literal_is_refused: json_ld(vocab(r#""x":{"@value":{"a":1},"@type":"@json"}"#)) => "malformed_value" at "/x/@value";
    direction_is_refused: json_ld(vocab(r#""x":{"@value":"a","@direction":"rtl"}"#)) => "unsupported_keyword" at "/x/@direction";
    language_with_type_is_refused: json_ld(vocab(r#""x":{"@value":"a","@language":"en","@type":"http://x.example/t"}"#)) => "malformed_value" at "/x";
    malformed_language_is_refused: json_ld(vocab(r#""x":{"@value":"a","@language":"not a tag"}"#)) => "invalid_language" at "/x/@language";
    language_of_a_number_is_refused: json_ld(vocab(r#""x":{"@value":1,"@language":"en"}"#)) => "malformed_value" at "/x";
    number_that_would_lose_digits_is_refused: json_ld(vocab(r#""x":12345678901234567890"#)) => "inexact_number" at "/x";
    number_that_underflows_is_refused: json_ld(vocab(r#""x":1e-400"#)) => "number_precision" at "/x";
    number_of_twenty_digits_is_refused: json_ld(vocab(r#""x":[1, 1.0000000000000000001]"#)) => "number_precision" at "/x/1";
    fraction_of_twenty_digits_is_refused: json_ld(vocab(r#""x":{"@value":0.12345678901234567890}"#)) => "number_precision" at "/x/@value";
    fraction_with_a_decimal_datatype_is_refused: json_ld(vocab(r#""x":{"@value":20.5,"@type":"http://www.w3.org/2001/XMLSchema#decimal"}"#))
        => "number_datatype" at "/x/@value";
    fraction_of_a_term_with_a_decimal_datatype_is_refused: json_ld(
        r#"{"@context":{"@vocab":"http://x.example/","p":{"@type":"http://www.w3.org/2001/XMLSchema#decimal"}},"@type":"T","p":20.5}"#)
        => "number_datatype" at "/p";
    tagged_datatype_without_a_tag_is_refused: json_ld(vocab(r#""x":{"@value":"a","@type":"http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"}"#))
        => "language_missing" at "/x/@type";
    directed_datatype_without_a_tag_is_refused: json_ld(vocab(r#""x":{"@value":"a","@type":"http://www.w3.org/1999/02/22-rdf-syntax-ns#dirLangString"}"#))
        => "language_missing" at "/x/@type";
    term_of_a_tagged_datatype_is_refused: json_ld(
        r#"{"@context":{"@vocab":"http://x.example/","p":{"@type":"http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"}},"@type":"T","p":"a"}"#)
        => "language_missing" at "/@context/p/@type";
    internal_iri_is_refused: json_ld(vocab(r#""x":{"@id":"INTERNAL:1"}"#)) => "reserved_iri" at "`INTERNAL:1`";
    vocab_of_an_unknown_scheme_is_refused: json_ld(r#"{"@context":{"@vocab":"cargo:"},"@type":"Piece"}"#) => "undefined_prefix" at "";
    nul_character_is_refused: json_ld(vocab(r#""x":"a\u0000b""#)) => "nul_character" at "/x";
    several_documents_are_refused: json_ld(r#"[{"@type":"http://x.example/T"},{"@type":"http://x.example/T"}]"#) => "several_roots" at "";
    a_scalar_is_refused: json_ld("1") => "not_an_object" at "";
    an_empty_array_is_refused: json_ld("[]") => "several_roots" at "";
    an_empty_document_is_refused: json_ld("{}") => "empty_object" at "";
    a_mere_reference_is_refused: json_ld(r#"{"@id":"https://a.example/1"}"#) => "empty_document" at "";
    deep_nesting_is_refused: json_ld(format!("{}1{}", r#"{"http://x.example/p":"#.repeat(33), "}".repeat(33))) => "too_deep" at "line 1 column 705";
    turtle_relative_iri_is_refused: turtle("<awb_1> a <http://onerecord.iata.org/AirWaybill>.") => "malformed_turtle" at "line 1";
    turtle_undefined_prefix_is_refused: turtle("<https://a.example/1>\n a one:AirWaybill.") => "malformed_turtle" at "line 2";
    turtle_blank_in_an_iri_is_refused: turtle("< https://a.example/1> a <http://x.example/T>.") => "malformed_turtle" at "line 1";
    turtle_two_roots_are_refused: turtle("<https://a.example/1> a <http://x.example/T>. <https://a.example/2> a <http://x.example/T>.") => "several_roots" at "";
    turtle_circle_is_refused: turtle("<https://a.example/1> <http://x.example/p> <https://a.example/2>. <https://a.example/2> <http://x.example/p> <https://a.example/1>.") => "several_roots" at "";
    turtle_stray_statement_beside_the_target_is_refused: turtle(&format!("<{LOID}> a <http://x.example/T>. [] <http://x.example/p> 1 .")) => "several_roots" at "";
    turtle_without_statements_is_refused: turtle("@prefix a: <http://x.example/> .") => "empty_document" at "";
    turtle_prefixed_name_that_is_no_iri_is_refused: turtle(&format!("@prefix e: <http://e.example/>. <{LOID}> e:a\u{e0001} 1 .")) => "invalid_iri" at "";
    turtle_tagged_datatype_without_a_tag_is_refused: turtle(&format!("@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>. <{LOID}> a rdf:x; rdf:y \"a\"^^rdf:langString ."))
        => "malformed_turtle" at "line 1";
    turtle_directed_datatype_without_a_tag_is_refused: turtle(&format!("@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>. <{LOID}> a rdf:x; rdf:y \"a\"^^rdf:dirLangString ."))
        => "language_missing" at "";
    turtle_unknown_scheme_is_refused: turtle(&format!("<{LOID}> a <cargo:Piece>.")) => "undefined_prefix" at "";
    turtle_internal_predicate_is_refused: turtle(&format!("<{LOID}> <internal:p> 1 .")) => "reserved_iri" at "`internal:p`";
    turtle_internal_datatype_is_refused: turtle(&format!("<{LOID}> <http://x.example/p> \"1\"^^<Internal:t> .")) => "reserved_iri" at "`Internal:t`";
    turtle_long_iri_is_refused: turtle(&format!("<https://a.example/{}> a <http://x.example/T>.", "a".repeat(3000))) => "iri_too_long" at "";
    turtle_nul_character_is_refused: turtle(&format!("<{LOID}> <http://x.example/p> \"a\\u0000b\".")) => "nul_character" at "";
    turtle_deep_nesting_is_refused: turtle(&format!("<{LOID}> <http://x.example/p> {}1{}.", "[ <http://x.example/p> ".repeat(40), "]".repeat(40))) => "too_deep" at "";
}

/// The writer recurses: nodes side by side that point to each other by label must not make it follow the chain.
#[test]
fn a_chain_of_labels_is_written_flat() {
    let nodes: Vec<String> =
        (0..6_000).map(|n| format!(r#"{{"@id":"_:n{n}","next":{{"@id":"_:n{}"}}}}"#, n + 1)).collect();
    let body = format!(r#""@id":"{LOID}","all":[{}]"#, nodes.join(","));
    let document = json_ld(&vocab(&body)).unwrap();
    let mut triples = document.triples.clone();
    triples.rotate_right(1);
    let tree = STYLE.document(&NamedNode::new(LOID).unwrap(), &triples);
    assert_eq!(json_ld(&tree.to_string()).unwrap().triples.len(), triples.len());
}

#[test]
fn blanks_around_ids_are_trimmed_and_nothing_is_lost() {
    let document = json_ld(&vocab(
        r#""@id":" https://a.example/airline/awb_1 ","part":{"@id":"\thttps://a.example/p"}"#,
    ));
    assert_eq!(
        lines(&document.unwrap()),
        [
            "<https://a.example/airline/awb_1> <http://onerecord.iata.org/part> <https://a.example/p>",
            "<https://a.example/airline/awb_1> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://onerecord.iata.org/Piece>",
        ]
    );
}

#[test]
fn statements_are_bounded() {
    let limits = Limits { statements: 10, ..Limits::default() };
    let many = vocab(&format!(r#""x":[{}]"#, ["1"; 10].join(",")));
    let error = read_document(Syntax::JsonLd, many.as_bytes(), None, &limits).unwrap_err();
    assert_eq!(error.code, "too_many_statements");
    let many = format!(
        "<{LOID}> <http://x.example/p> {} .",
        (0..11).map(|n| n.to_string()).collect::<Vec<_>>().join(",")
    );
    let error = read_document(Syntax::Turtle, many.as_bytes(), None, &limits).unwrap_err();
    assert_eq!(error.code, "too_many_statements");
}

#[test]
fn a_long_prefix_cannot_multiply_a_small_body() {
    let prefix = format!("http://x.example/{}#", "a".repeat(100_000));
    let context = format!(r#"{{"@context":{{"p":"{prefix}"}},"@type":"p:T"}}"#);
    assert_eq!(json_ld(&context).unwrap_err().code, "iri_too_long");
    let context = format!(r#"{{"@context":{{"@vocab":"{prefix}"}},"@type":"T"}}"#);
    assert_eq!(json_ld(&context).unwrap_err().code, "iri_too_long");
    assert_eq!(turtle(&format!("@prefix p: <{prefix}> . <{LOID}> a p:T.")).unwrap_err().code, "iri_too_long");
}

/// Within the bound of each IRI, too: 2 kB for every byte or two of the body.
#[test]
fn many_long_iris_cannot_multiply_a_small_body() {
    let prefix = format!("http://x.example/{}#", "a".repeat(1_900));
    let values = vec!["1"; 10_000].join(",");
    let json = format!(r#"{{"@context":{{"@vocab":"{prefix}"}},"@type":"T","p":[{values}]}}"#);
    assert!(json.len() < 30_000);
    assert_eq!(json_ld(&json).unwrap_err().code, "graph_too_large");
    let ttl = format!("@prefix p: <{prefix}> . <{LOID}> a p:T; p:p {values} .");
    assert_eq!(turtle(&ttl).unwrap_err().code, "graph_too_large");
    let limits = Limits { graph_bytes: 400, ..Limits::default() };
    for (syntax, size) in [(Syntax::JsonLd, 100), (Syntax::Turtle, 500)] {
        let text = "x".repeat(size);
        let body = match syntax {
            Syntax::JsonLd => vocab(&format!(r#""@id":"{LOID}","p":"{text}""#)),
            Syntax::Turtle => format!("<{LOID}> <http://x.example/p> \"{text}\"@en ."),
        };
        let read = read_document(syntax, body.as_bytes(), Some(LOID), &limits);
        assert_eq!(read.err().map(|error| error.code), (size > 400).then_some("graph_too_large"));
    }
}

#[test]
fn nodes_at_the_top_are_bounded() {
    let many = |n: usize| format!("[{}]", vec![r#"{"http://x.example/p":1}"#; n].join(","));
    let read = |n: usize| read_graph(Syntax::JsonLd, many(n).as_bytes(), LOID, &Limits::default());
    assert_eq!(read(256).unwrap().len(), 256);
    assert_eq!(read(257).unwrap_err().code, "too_many_roots");
    let graph = format!(r#"{{"@graph":{}}}"#, many(257));
    let read = read_graph(Syntax::JsonLd, graph.as_bytes(), LOID, &Limits::default());
    assert_eq!(read.unwrap_err().code, "too_many_roots");
}

#[test]
fn numbers_that_are_held_exactly_are_kept() {
    let document = json_ld(&vocab(
        r#""@id":"https://a.example/1","x":[0.1, -2.50, 1e3, 0.0, 9007199254740991, {"@value":20.5,"@type":"http://www.w3.org/2001/XMLSchema#double"},
        {"@value":7.0,"@type":"http://www.w3.org/2001/XMLSchema#decimal"}]"#,
    ));
    let found = lines(&document.unwrap()).join("\n");
    for value in
        ["\"1.0E-1\"", "\"-2.5E0\"", "\"1000\"", "\"0\"", "\"9007199254740991\"", "\"2.05E1\"", "\"7\""]
    {
        assert!(found.contains(value), "{value}: {found}");
    }
}

#[test]
fn contexts_are_bounded() {
    let terms: Vec<String> = (0..300).map(|n| format!(r#""t{n}":"http://x.example/{n}""#)).collect();
    let body = format!(r#"{{"@context":{{{}}},"@type":"http://x.example/T"}}"#, terms.join(","));
    assert_eq!(json_ld(&body).unwrap_err().code, "too_many_terms");
}

#[test]
fn blank_node_labels_of_the_document_do_not_meet_the_root() {
    let document = json_ld(&vocab(r#""x":{"@id":"_:root0","y":1}"#)).unwrap();
    assert_eq!(document.root, NamedOrBlankNode::from(oxrdf::BlankNode::new("root1").unwrap()));
    assert_eq!(document.triples.len(), 3);
}

#[test]
fn https_xml_schema_means_xml_schema() {
    let document =
        json_ld(&vocab(r#""x":{"@value":"4","@type":"https://www.w3.org/2001/XMLSchema#integer"}"#)).unwrap();
    assert!(
        lines(&document)
            .iter()
            .any(|line| line.ends_with("\"4\"^^<http://www.w3.org/2001/XMLSchema#integer>"))
    );
}

#[test]
fn compacted_and_expanded_forms_are_the_same_graph() {
    let compacted = r#"{"@context":{"cargo":"https://onerecord.iata.org/ns/cargo#","xsd":"http://www.w3.org/2001/XMLSchema#",
        "cargo:date":{"@type":"xsd:date"},"sensor":{"@id":"cargo:sensor","@type":"@id"}},
        "@type":"cargo:Piece","cargo:date":"2026-01-01","sensor":"https://a.example/s","cargo:n":[1,2]}"#;
    let expanded = r#"[{"@type":["https://onerecord.iata.org/ns/cargo#Piece"],
        "https://onerecord.iata.org/ns/cargo#date":[{"@type":"http://www.w3.org/2001/XMLSchema#date","@value":"2026-01-01"}],
        "https://onerecord.iata.org/ns/cargo#sensor":[{"@id":"https://a.example/s"}],
        "https://onerecord.iata.org/ns/cargo#n":[{"@value":1},{"@value":2}]}]"#;
    let (compacted, expanded) = (json_ld(compacted).unwrap(), json_ld(expanded).unwrap());
    assert_eq!(canonical(&compacted.triples), canonical(&expanded.triples));
    assert_eq!(compacted.triples.len(), 5);
}

#[test]
fn turtle_and_json_ld_are_the_same_graph() {
    let json = vocab(
        r#""@id":"https://a.example/airline/awb_1","weight":{"@type":"Value","unit":"kg"},"n":4,"ok":true"#,
    );
    let ttl = "@prefix : <http://onerecord.iata.org/> .
        <https://a.example/airline/awb_1> a :Piece; :weight [ a :Value; :unit \"kg\" ]; :n 4; :ok true .";
    assert_eq!(canonical(&json_ld(&json).unwrap().triples), canonical(&turtle(ttl).unwrap().triples));
}

#[test]
fn the_tree_is_short_where_json_says_the_same() {
    let document = json_ld(
        r#"{"@context":{"@vocab":"http://onerecord.iata.org/","xsd":"http://www.w3.org/2001/XMLSchema#"},
        "@id":"https://a.example/airline/awb_1","@type":["AirWaybill","LogisticsObject"],"airlinePrefix":"020",
        "pieceCount":4,"coload":false,"weight":{"@value":"20.50","@type":"xsd:decimal"},"fraction":0.5,
        "note":[{"@value":"Tiere","@language":"de"}],"padded":{"@value":"007","@type":"xsd:integer"},
        "shipper":{"@id":"https://b.example/acme"},"foreign":{"@id":"https://b.example/x","@type":"http://other.example/T"},
        "http://other.example/p":"q","http://onerecord.iata.org/ns/odd:name":"kept",
        "piece":[{"@type":"Piece","weight":1},{"@type":"Piece","weight":2}]}"#,
    )
    .unwrap();
    let tree = STYLE.document(&NamedNode::new(LOID).unwrap(), &document.triples);
    assert_eq!(
        tree,
        serde_json::json!({
            "@context": {"@vocab": "http://onerecord.iata.org/"},
            "@id": LOID,
            "@type": ["AirWaybill", "LogisticsObject"],
            "airlinePrefix": "020",
            "pieceCount": 4,
            "coload": false,
            "weight": {"@value": "20.50", "@type": "http://www.w3.org/2001/XMLSchema#decimal"},
            "fraction": {"@value": "5.0E-1", "@type": "http://www.w3.org/2001/XMLSchema#double"},
            "note": {"@value": "Tiere", "@language": "de"},
            "padded": {"@value": "007", "@type": "http://www.w3.org/2001/XMLSchema#integer"},
            "shipper": {"@id": "https://b.example/acme"},
            "foreign": {"@id": "https://b.example/x", "@type": "http://other.example/T"},
            "http://other.example/p": "q",
            "http://onerecord.iata.org/ns/odd:name": "kept",
            "piece": [{"@type": "Piece", "weight": 1}, {"@type": "Piece", "weight": 2}],
        })
    );
}

#[test]
fn an_acl_may_use_fragments_graph_and_several_objects() {
    let base = "https://a.example/airline/awb_1/acl";
    let graph = r##"{"@context":{"acl":"http://www.w3.org/ns/auth/acl#"},"@graph":[
        {"@id":"#owner","@type":"acl:Authorization","acl:mode":{"@id":"acl:Read"}},
        {"@id":"#b","@type":"acl:Authorization","acl:mode":[{"@id":"acl:Read"},{"@id":"acl:Write"}]}]}"##;
    let array = r##"[{"@context":{"acl":"http://www.w3.org/ns/auth/acl#"},"@id":"#owner","@type":"acl:Authorization","acl:mode":{"@id":"acl:Read"}},
        {"@id":"#b","@type":["http://www.w3.org/ns/auth/acl#Authorization"],"http://www.w3.org/ns/auth/acl#mode":[
        {"@id":"http://www.w3.org/ns/auth/acl#Read"},{"@id":"http://www.w3.org/ns/auth/acl#Write"}]}]"##;
    let ttl =
        "@prefix acl: <http://www.w3.org/ns/auth/acl#>. <#owner> a acl:Authorization; acl:mode acl:Read.
        <#b> a acl:Authorization; acl:mode acl:Read, acl:Write.";
    let limits = Limits::default();
    let expected = canonical(&read_graph(Syntax::Turtle, ttl.as_bytes(), base, &limits).unwrap());
    for body in [graph, array] {
        let triples = read_graph(Syntax::JsonLd, body.as_bytes(), base, &limits).unwrap();
        assert_eq!(canonical(&triples), expected);
    }
    let relative = graph.replace("#owner", "owner");
    assert_eq!(
        read_graph(Syntax::JsonLd, relative.as_bytes(), base, &limits).unwrap_err().code,
        "relative_iri"
    );
}

/// Published documents of others, when a folder with them is named. They hold known mistakes: each is read and
/// written without loss, or refused with a reason.
#[test]
#[expect(clippy::disallowed_methods, reason = "the folder of foreign samples is a switch of the test run")]
fn foreign_samples_round_trip() {
    let Some(folder) = std::env::var("CARNET_SAMPLES").ok().filter(|folder| !folder.is_empty()) else {
        eprintln!("CARNET_SAMPLES is not set: foreign samples did NOT run");
        return;
    };
    let (mut run, mut refused) = (0, 0);
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let (syntax, base) = match path.extension().and_then(|kind| kind.to_str()) {
            Some("json") => (Syntax::JsonLd, "https://a.example/airline/awb_1/acl"),
            Some("ttl") => (Syntax::Turtle, "https://a.example/airline/awb_1/acl"),
            _ => continue,
        };
        run += 1;
        let body = std::fs::read(&path).unwrap();
        let triples = match read_graph(syntax, &body, base, &Limits::default()) {
            Ok(triples) => triples,
            Err(error) => {
                refused += 1;
                eprintln!("refused ({}): {}: {error}", error.code, path.display());
                continue;
            }
        };
        let ttl = write_turtle(&triples, &[]).unwrap();
        let again = read_graph(Syntax::Turtle, &ttl, base, &Limits::default()).unwrap();
        assert_eq!(canonical(&again), canonical(&triples), "{}", path.display());
        if let Ok(document) = Document::with_single_root(triples.clone(), None, &Limits::default())
            && let NamedOrBlankNode::NamedNode(root) = &document.root
        {
            let style = TreeStyle { vocab: None, prefixes: &[("api", "https://onerecord.iata.org/ns/api#")] };
            let tree = style.document(root, &triples).to_string();
            let again = read_graph(Syntax::JsonLd, tree.as_bytes(), base, &Limits::default()).unwrap();
            assert_eq!(canonical(&again), canonical(&triples), "{}", path.display());
        }
    }
    assert!(run > 0, "{folder} holds no sample");
    eprintln!("foreign samples: {run} run, {refused} refused with a reason");
}
