//! Access tokens made by an implementation that shares no code with this one, each with the answer that is right.
//!
//! `CARNET_PROOF_VECTORS=FILE` runs another file of the same format (`tests/vectors/README.md`).

#![expect(clippy::print_stdout, reason = "the count of what was run is the point of this test")]

use std::collections::{BTreeMap, HashMap};

use carnet_token::access_token::Unverified;
use carnet_token::{IssuerRules, KeySet, Refusal};
use serde::Deserialize;
use serde_json::Value;

const OWN_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/proof_vectors.json");
const OWN_AT_CASES: usize = 41;
const OWN_CASES: usize = 165;

#[derive(Deserialize)]
struct Vectors {
    audience: String,
    now: i64,
    skew: i64,
    trusted_jwks: HashMap<String, Value>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    kind: String,
    name: String,
    expect: String,
    #[serde(default)]
    token: String,
    now: Option<i64>,
}

/// The issuers that a resource server trusts, and the way that it takes a token: rules and key by the unverified
/// issuer, everything cheap before the key.
struct ResourceServer {
    audience: String,
    skew: i64,
    issuers: HashMap<String, (IssuerRules, KeySet)>,
}

impl ResourceServer {
    fn check(&self, token: &str, now: i64) -> Result<(), Refusal> {
        let unverified = Unverified::parse(token)?;
        let issuer = self.issuers.get(unverified.unverified_issuer());
        let (rules, keys) = issuer.ok_or(Refusal::UntrustedIssuer)?;
        let audiences = [&self.audience];
        unverified.precheck(rules, &audiences, now, self.skew)?;
        let key = unverified.kid().and_then(|kid| keys.get(kid)).ok_or(Refusal::UnknownKid)?;
        unverified.verify(rules, key, &audiences, now, self.skew).map(|_| ())
    }
}

#[test]
fn every_access_token_is_judged_as_the_vectors_say() {
    #[expect(clippy::disallowed_methods, reason = "the one switch of this test")]
    let foreign = std::env::var("CARNET_PROOF_VECTORS").ok();
    let file = foreign.as_deref().unwrap_or(OWN_FILE);
    let vectors: Vectors = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();

    let issuers = vectors.trusted_jwks.iter().map(|(issuer, keys)| {
        let mut rules = IssuerRules::new(issuer);
        rules.typ_jwt_allowed = true;
        (issuer.clone(), (rules, KeySet::parse(keys.to_string().as_bytes()).unwrap()))
    });
    let server =
        ResourceServer { audience: vectors.audience, skew: vectors.skew, issuers: issuers.collect() };

    let (mut run, mut disagree, mut other_word) = (0, 0, 0);
    let mut not_run: BTreeMap<&str, usize> = BTreeMap::new();
    for case in &vectors.cases {
        if case.kind != "at" {
            *not_run.entry(&case.kind).or_default() += 1;
            continue;
        }
        run += 1;
        let answer = server
            .check(&case.token, case.now.unwrap_or(vectors.now))
            .map_or_else(Refusal::code, |()| "accept");
        if (answer == "accept") != (case.expect == "accept") {
            disagree += 1;
            println!("DISAGREE {:?}: expected {}, answered {answer}", case.name, case.expect);
        } else if answer != case.expect {
            other_word += 1;
            println!("other word {:?}: expected {}, answered {answer}", case.name, case.expect);
        }
    }
    for (kind, count) in &not_run {
        println!("not run yet: {count} cases of kind {kind}");
    }
    println!("{run} cases, {disagree} disagree");
    assert_eq!(disagree, 0);
    if foreign.is_none() {
        assert_eq!(run, OWN_AT_CASES);
        assert_eq!(vectors.cases.len(), OWN_CASES);
        assert_eq!(other_word, 0);
    }
}
