//! What is written reads back: for made-up documents, and for the shapes that once lost something.

use super::*;

/// A class that is described, or hangs on a described class, must not fall out of the tree.
#[test]
fn what_is_said_about_a_class_is_written() {
    let prefix = "@prefix : <http://onerecord.iata.org/> . @base <https://a.example/airline/awb_1> .";
    let documents = [
        turtle(&format!("{prefix} <> a :Piece, <#T> . <#T> :secret \"lost?\"; :y [ :z 3 ] .")),
        turtle(&format!("{prefix} <> a :Piece; :a [ a <#T> ]; :b [ :c [ :d <#T> ] ] . <#T> :k 1 .")),
        turtle(&format!("{prefix} <> a :Piece, <#T>; :part <#T> . <#T> a <#U>; :k 1 . <#U> a <#T>, <#U> .")),
        json_ld(&vocab(&format!(
            r#""@id":"{LOID}","http://www.w3.org/1999/02/22-rdf-syntax-ns#type":{{"@id":"http://e.example/T","@type":"U"}}"#
        ))),
    ];
    for document in documents {
        let document = document.unwrap();
        let mut triples = document.triples;
        for _ in 0..triples.len() {
            triples.rotate_right(1);
            let tree = STYLE.document(&NamedNode::new(LOID).unwrap(), &triples).to_string();
            let again = json_ld(&tree).unwrap();
            assert_eq!(canonical(&again.triples), canonical(&triples), "{tree}");
        }
    }
}

#[test]
fn a_chain_of_described_classes_is_too_deep() {
    let chain: Vec<String> = (0..40).map(|n| format!("<#c{n}> a <#c{}> .", n + 1)).collect();
    let chain = chain.join(" ");
    let error = turtle(&format!("@base <{LOID}> . <> a <#c0> . {chain}")).unwrap_err();
    assert_eq!(error.code, "too_deep");
}

/// A small generator with a fixed seed, so that a failure repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn value(&mut self, depth: u64) -> serde_json::Value {
        use serde_json::json;
        match self.roll(if depth > 3 { 8 } else { 11 }) {
            0 => json!(self.roll(1_000_000)),
            1 => json!(-i64::try_from(self.roll(1_000)).unwrap()),
            2 => json!(self.roll(2) == 0),
            3 => json!(
                ["", "x", "naïve \"quoted\" \\ \n\t", "https://b.example/acme", "😀", " blank "]
                    [usize::try_from(self.roll(6)).unwrap()]
            ),
            4 => json!({"@id": format!("https://a.example/airline/p{}", self.roll(5))}),
            5 => {
                json!({"@value": format!("{}.50", self.roll(99)), "@type": "http://www.w3.org/2001/XMLSchema#decimal"})
            }
            6 => json!({"@value": "Fracht", "@language": "de-CH"}),
            7 => json!(f64::from(u32::try_from(self.roll(1_000)).unwrap()) / 8.0),
            8 => json!({"@id": format!("_:l{}", self.roll(3)), "seen": self.roll(9)}),
            _ => self.node(depth + 1),
        }
    }

    fn node(&mut self, depth: u64) -> serde_json::Value {
        let mut node = serde_json::Map::new();
        node.insert(
            "@type".to_owned(),
            ["Piece", "Value", "http://other.example/T"][usize::try_from(self.roll(3)).unwrap()].into(),
        );
        if self.roll(4) == 0 {
            // A class that is described, here or where somebody else names it.
            let class = |n: u64| format!("{LOID}#T{n}");
            let (named, described) = (class(self.roll(3)), class(self.roll(3)));
            let kind = class(self.roll(3));
            node.insert("@type".to_owned(), serde_json::json!(["Piece", named]));
            let value = serde_json::json!({"@id": described, "@type": kind, "seen": self.roll(9)});
            let key =
                ["http://www.w3.org/1999/02/22-rdf-syntax-ns#type", "kind"][usize::from(self.roll(2) == 0)];
            node.insert(key.to_owned(), value);
        }
        for _ in 0..self.roll(5) {
            let key = ["weight", "part", "note", "http://other.example/p", "revision"]
                [usize::try_from(self.roll(5)).unwrap()];
            let value = if self.roll(3) == 0 {
                (0..=self.roll(3)).map(|_| self.value(depth)).collect()
            } else {
                self.value(depth)
            };
            node.insert(key.to_owned(), value);
        }
        node.into()
    }
}

#[test]
fn what_is_written_reads_back_as_the_same_graph() {
    let root = NamedNode::new(LOID).unwrap();
    let mut dice = Dice(20_260_101);
    let mut statements = 0;
    for round in 0..400 {
        let mut body = dice.node(0);
        body["@context"] = serde_json::json!({"@vocab": "http://onerecord.iata.org/"});
        body["@id"] = LOID.into();
        let body = body.to_string();
        let document = json_ld(&body).unwrap_or_else(|error| panic!("round {round}: {error}: {body}"));
        statements += document.triples.len();
        let expected = canonical(&document.triples);
        let tree = STYLE.document(&root, &document.triples).to_string();
        assert_eq!(canonical(&json_ld(&tree).unwrap().triples), expected, "round {round}: {body}\n{tree}");
        let ttl = write_turtle(&document.triples, &[("", "http://onerecord.iata.org/")]).unwrap();
        let again = read_document(Syntax::Turtle, &ttl, Some(LOID), &Limits::default()).unwrap();
        assert_eq!(canonical(&again.triples), expected, "round {round}: {}", String::from_utf8_lossy(&ttl));
    }
    assert!(statements > 2_000, "the generator makes {statements} statements");
}
