//! Attacks through the JOSE header: which algorithm, whose key.

use carnet_token::{Algorithm, IssuerRules, Refusal, base64url};
use serde_json::{Value, json};

use crate::forge::{Forge, claims, header, with, without};
use crate::{
    Attempt::{Token, Under},
    Rows,
};
use Refusal::{AtAlg, AtSig, Crit, UnknownKid};

pub fn algorithms(forge: &Forge, rows: &mut Rows) {
    let with_alg = |alg: Value| forge.signed(&with(header(), "alg", alg), &claims());
    rows.push(("control: an honest token of every algorithm", {
        let keys = [&forge.rs256, &forge.ps256, &forge.es256, &forge.eddsa];
        keys.map(|key| Token(forge.honest(key), Ok(()))).into()
    }));
    rows.push(("alg none, without signature and with one", {
        let names = ["none", "None", "NONE", "noNE", "nOnE", "none ", ""];
        let unsigned = |name: &str| forge.unsigned(&with(header(), "alg", name.into()), &claims());
        let bare = names.map(|name| Token(unsigned(name), Err(AtAlg)));
        let signed = names.map(|name| Token(with_alg(name.into()), Err(AtAlg)));
        bare.into_iter().chain(signed).collect()
    }));
    rows.push(("alg missing, null, a number, an array, an object", {
        let mut tries = vec![Token(forge.signed(&without(header(), "alg"), &claims()), Err(AtAlg))];
        for alg in [json!(null), json!(256), json!(["RS256"]), json!({"RS256": 1}), json!(true)] {
            tries.push(Token(with_alg(alg), Err(AtAlg)));
        }
        tries
    }));
    rows.push(("alg in another case or with blanks", {
        ["rs256", "Rs256", "RS256 ", " RS256", "RS256\u{0}"]
            .map(|alg| Token(with_alg(alg.into()), Err(AtAlg)))
            .into()
    }));
    rows.push(("HMAC keyed with the public key as PEM", {
        let pem = forge.public_pem();
        vec![
            Token(forge.hmac("HS256", pem.as_bytes()), Err(AtAlg)),
            Token(forge.hmac("HS256", pem.trim_end().as_bytes()), Err(AtAlg)),
            Token(forge.hmac("HS384", pem.as_bytes()), Err(AtAlg)),
            Token(forge.hmac("HS512", pem.as_bytes()), Err(AtAlg)),
        ]
    }));
    rows.push(("HMAC keyed with the public key as JWK", {
        let jwk = forge.rs256.public_jwk().unwrap();
        let n = jwk.n.clone().unwrap();
        vec![
            Token(forge.hmac("HS256", jwk.to_value().to_string().as_bytes()), Err(AtAlg)),
            Token(forge.hmac("HS256", n.as_bytes()), Err(AtAlg)),
            Token(forge.hmac("HS256", &base64url::decode(&n).unwrap()), Err(AtAlg)),
        ]
    }));
    rows.push(("HMAC keyed with the public key as DER", {
        vec![Token(forge.hmac("HS256", &forge.public_der()), Err(AtAlg))]
    }));
    rows.push(("HMAC with an empty key, as if the key were not found", {
        vec![Token(forge.hmac("HS256", b""), Err(AtAlg)), Token(forge.hmac("HS256", b"\0"), Err(AtAlg))]
    }));
    rows.push(("another RSA algorithm under a key pinned to RS256", {
        use jsonwebtoken::Algorithm::{PS256, PS384, PS512, RS384, RS512};
        [RS384, RS512, PS256, PS384, PS512].map(|alg| Token(forge.rsa_as(alg), Err(AtAlg))).into()
    }));
    rows.push(("an algorithm of another key type under the kid of an RSA key", {
        let sign = |key, alg: &str| forge.signed_by(key, &with(header(), "alg", alg.into()), &claims());
        vec![
            Token(sign(&forge.es256, "ES256"), Err(AtAlg)),
            Token(sign(&forge.eddsa, "EdDSA"), Err(AtAlg)),
            Token(sign(&forge.es256, "ES384"), Err(AtAlg)),
            Token(sign(&forge.es256, "ES256K"), Err(AtAlg)),
        ]
    }));
    rows.push(("an algorithm that this issuer may not use", {
        let narrow = |algorithms: &[Algorithm]| IssuerRules {
            algorithms: algorithms.to_vec(),
            ..forge.rules1.clone()
        };
        vec![
            Under(Box::new(narrow(&[Algorithm::Es256])), forge.honest(&forge.rs256), Err(AtAlg)),
            Under(Box::new(narrow(&[])), forge.honest(&forge.rs256), Err(AtAlg)),
            Under(Box::new(narrow(&[Algorithm::Rs256])), forge.honest(&forge.rs256), Ok(())),
        ]
    }));
}

pub fn key_sources(forge: &Forge, rows: &mut Rows) {
    let by_attacker = |name: &str, value: Value| {
        Token(forge.signed_by(&forge.attacker, &with(header(), name, value), &claims()), Err(AtSig))
    };
    let honest_with =
        |name: &str, value: Value| Token(forge.signed(&with(header(), name, value), &claims()), Ok(()));
    let jwk = forge.attacker.public_jwk().unwrap().to_value();
    rows.push(("jwk header with the attacker's key", vec![by_attacker("jwk", jwk.clone())]));
    rows.push(("jwk header with the attacker's key under a kid of its own", {
        let header = with(with(header(), "jwk", jwk), "kid", "attacker".into());
        vec![Token(forge.signed_by(&forge.attacker, &header, &claims()), Err(UnknownKid))]
    }));
    rows.push((
        "x5c header with the attacker's certificate",
        vec![by_attacker("x5c", json!(["MIIBqDCCAU2gAwIBAgIB"]))],
    ));
    rows.push(("x5u header", vec![by_attacker("x5u", "https://evil.example/cert.pem".into())]));
    rows.push(("jku header", {
        ["https://evil.example/jwks.json", "https://iap.example@evil.example/jwks.json", "file:///etc/passwd"]
            .map(|url| by_attacker("jku", url.into()))
            .into()
    }));
    rows.push(("key source headers of an honest issuer are ignored, not fatal", {
        vec![
            honest_with("jku", "https://iap.example/jwks.json".into()),
            honest_with("x5u", "https://iap.example/cert.pem".into()),
            honest_with("x5c", json!(["MIIB"])),
            honest_with("x5t#S256", "AAAA".into()),
            honest_with("jwk", json!({"kty": "oct", "k": "AAAA"})),
            honest_with("jwk", json!(1)),
        ]
    }));
    let with_kid = |kid: Value| Token(forge.signed(&with(header(), "kid", kid), &claims()), Err(UnknownKid));
    rows.push(("kid with path traversal", {
        ["../../../../dev/null", "/dev/null", "..\\..\\nul", "file:///dev/null", "./rs256", "rs256/../rs256"]
            .map(|kid| with_kid(kid.into()))
            .into()
    }));
    rows.push(("kid with SQL", {
        ["rs256' OR '1'='1", "x' UNION SELECT 'key' --", "rs256;--", "rs256%"]
            .map(|kid| with_kid(kid.into()))
            .into()
    }));
    rows.push(("kid with LDAP and shell syntax", {
        ["*)(uid=*))(|(uid=*", "rs256|id", "$(id)", "`id`"].map(|kid| with_kid(kid.into())).into()
    }));
    rows.push(("kid with NUL", {
        ["\u{0}", "rs256\u{0}", "\u{0}rs256", "rs256\u{0}.pem"].map(|kid| with_kid(kid.into())).into()
    }));
    rows.push((
        "kid empty or in another case",
        ["", "RS256", "Rs256", " rs256"].map(|kid| with_kid(kid.into())).into(),
    ));
    rows.push(("kid that is no string", {
        [json!(0), json!(null), json!(["rs256"]), json!({"rs256": 1}), json!(true)].map(with_kid).into()
    }));
    rows.push(("kid of more than 256 bytes", {
        vec![
            with_kid("k".repeat(257).into()),
            with_kid("k".repeat(2_000).into()),
            with_kid("k".repeat(256).into()),
        ]
    }));
    rows.push(("kid missing, as an invitation to try every key", {
        vec![Token(forge.signed(&without(header(), "kid"), &claims()), Err(UnknownKid))]
    }));
    rows.push(("crit, understood by nobody here", {
        let with_crit =
            |crit: Value| Token(forge.signed(&with(header(), "crit", crit), &claims()), Err(Crit));
        [json!(["http://x"]), json!([]), json!(["exp"]), json!("exp"), json!(null), json!(["alg"])]
            .map(with_crit)
            .into()
    }));
    rows.push(("b64 false, with and without crit", {
        let unencoded = with(header(), "b64", false.into());
        vec![
            Token(forge.signed(&unencoded, &claims()), Err(Crit)),
            Token(forge.signed(&with(unencoded, "crit", json!(["b64"])), &claims()), Err(Crit)),
            Token(forge.signed(&with(header(), "b64", true.into()), &claims()), Err(Crit)),
        ]
    }));
}
