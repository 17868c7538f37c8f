//! The list of known attacks on access tokens, each sent through a `Verifier` that fetches its keys over HTTP.
//!
//! A second server stands by whose address appears in headers and claims: nothing may ever ask it.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "support/iap.rs"]
mod iap;

use std::time::Duration;

use carnet_verifier::{Clock, Verifier};
use iap::{AUDIENCE, Iap, NOW, Signer, b64, builder, claims, clock};
use serde_json::{Value, json};

/// What is wrong, the token, and the reason in the log.
type Row = (&'static str, String, &'static str);

struct Stage {
    /// The issuer that is trusted.
    iap: Iap,
    /// Another trusted issuer, whose key has the same kid.
    other: Iap,
    /// Not trusted; named in `jku`, `x5u` and `iss`.
    tripwire: Iap,
    verifier: Verifier,
    clock: Clock,
}

impl Stage {
    async fn set() -> Self {
        let (iap, other, tripwire) = (Iap::start("k1").await, Iap::start("k1").await, Iap::start("k1").await);
        let clock = clock();
        let policy = iap.policy().uri_prefixes(["https://1r.widgetco.example/", "https://widgetco.example/"]);
        let verifier =
            builder(&clock).trust(policy).trust(other.policy().typ_jwt_allowed(true)).build().unwrap();
        Self { iap, other, tripwire, verifier, clock }
    }

    fn claims(&self) -> Value {
        claims(&self.iap.issuer, NOW)
    }

    fn good(&self) -> String {
        self.iap.signer.token(&self.iap.issuer)
    }

    /// The good header with one member changed, signed with the good key.
    fn header(&self, name: &str, value: Value) -> String {
        let mut header = self.iap.signer.header();
        header[name] = value;
        self.iap.signer.sign(header.to_string(), self.claims().to_string())
    }

    fn header_without(&self, name: &str) -> String {
        let mut header = self.iap.signer.header();
        header.as_object_mut().unwrap().remove(name);
        self.iap.signer.sign(header.to_string(), self.claims().to_string())
    }

    /// The good claims with one member changed, signed with the good key.
    fn claim(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims();
        claims[name] = value;
        self.iap.signer.sign(self.iap.signer.header().to_string(), claims.to_string())
    }

    fn claim_without(&self, name: &str) -> String {
        let mut claims = self.claims();
        claims.as_object_mut().unwrap().remove(name);
        self.iap.signer.sign(self.iap.signer.header().to_string(), claims.to_string())
    }

    fn raw_header(&self, header: impl AsRef<[u8]>) -> String {
        self.iap.signer.sign(header, self.claims().to_string())
    }

    fn raw_payload(&self, payload: impl AsRef<[u8]>) -> String {
        self.iap.signer.sign(self.iap.signer.header().to_string(), payload)
    }

    /// The payload text with more text before its last brace.
    fn payload_with(&self, more: &str) -> String {
        let text = self.claims().to_string();
        self.raw_payload(format!("{}{more}}}", &text[..text.len() - 1]))
    }

    async fn code(&self, token: &str) -> &'static str {
        match self.verifier.verify_bearer(token).await {
            Ok(_) => "accepted",
            Err(challenge) => {
                let reason = challenge.reason().code();
                assert_eq!(challenge.status(), 401, "{reason}");
                reason
            }
        }
    }

    async fn run(&self, rows: Vec<Row>, count: usize) {
        assert_eq!(rows.len(), count);
        assert_eq!(self.code(&self.good()).await, "accepted", "before");
        let mut wrong = Vec::new();
        for (what, token, expected) in rows {
            let got = self.code(&token).await;
            if got != expected {
                wrong.push(format!("{what}: {got}, not {expected}"));
            }
        }
        assert_eq!(self.code(&self.good()).await, "accepted", "afterwards");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert_eq!(self.tripwire.hits.all(), (0, 0, 0), "the tripwire was touched");
        assert_eq!(self.iap.hits.all(), (1, 1, 0), "one fetch for the whole list");
    }
}

#[tokio::test]
async fn attacks_on_the_algorithm() {
    let stage = Stage::set().await;
    let jwk = stage.iap.signer.jwk();
    let hmac = |key: &[u8]| {
        let header = json!({ "alg": "HS256", "typ": "at+jwt", "kid": "k1" });
        let input =
            format!("{}.{}", b64(header.to_string().as_bytes()), b64(stage.claims().to_string().as_bytes()));
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
        format!("{input}.{}", b64(aws_lc_rs::hmac::sign(&key, input.as_bytes()).as_ref()))
    };
    let unsigned = |alg: &str| {
        let header = json!({ "alg": alg, "typ": "at+jwt", "kid": "k1" }).to_string();
        format!("{}.{}.", b64(header.as_bytes()), b64(stage.claims().to_string().as_bytes()))
    };
    let pem =
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", jwk["x"].as_str().unwrap());
    let rows = vec![
        ("none, signed", stage.header("alg", json!("none")), "at_alg"),
        ("none, empty signature", unsigned("none"), "at_alg"),
        ("None", unsigned("None"), "at_alg"),
        ("noNE", unsigned("noNE"), "at_alg"),
        ("missing", stage.header_without("alg"), "at_alg"),
        ("array", stage.header("alg", json!(["ES256"])), "at_alg"),
        ("null", stage.header("alg", Value::Null), "at_alg"),
        ("number", stage.header("alg", json!(256)), "at_alg"),
        ("lower case", stage.header("alg", json!("es256")), "at_alg"),
        ("trailing blank", stage.header("alg", json!("ES256 ")), "at_alg"),
        ("HMAC with the JWK", hmac(jwk.to_string().as_bytes()), "at_alg"),
        ("HMAC with a PEM", hmac(pem.as_bytes()), "at_alg"),
        ("HMAC with the raw point", hmac(jwk["x"].as_str().unwrap().as_bytes()), "at_alg"),
        ("HMAC with nothing", hmac(b""), "at_alg"),
        ("RS256 with an EC key", stage.header("alg", json!("RS256")), "at_alg"),
        ("PS256 with an EC key", stage.header("alg", json!("PS256")), "at_alg"),
        ("EdDSA with an EC key", stage.header("alg", json!("EdDSA")), "at_alg"),
        ("ES384", stage.header("alg", json!("ES384")), "at_alg"),
        ("ES256K", stage.header("alg", json!("ES256K")), "at_alg"),
        ("RS384", stage.header("alg", json!("RS384")), "at_alg"),
    ];
    stage.run(rows, 20).await;
}

#[tokio::test]
async fn keys_that_the_token_brings_along_are_ignored() {
    let stage = Stage::set().await;
    let thief = Signer::new("k1");
    let url = format!("{}/jwks", stage.tripwire.issuer);
    let forged = |name: &str, value: Value| {
        let mut header = thief.header();
        header[name] = value;
        thief.sign(header.to_string(), stage.claims().to_string())
    };
    let rows = vec![
        ("another key under the same kid", thief.token(&stage.iap.issuer), "at_sig"),
        ("jwk", forged("jwk", thief.jwk()), "at_sig"),
        ("jku", forged("jku", json!(url)), "at_sig"),
        ("x5u", forged("x5u", json!(url)), "at_sig"),
        ("x5c", forged("x5c", json!(["MIIB"])), "at_sig"),
        ("x5t#S256", forged("x5t#S256", json!("AAAA")), "at_sig"),
        // Current samples carry `jku`: it is not an error, only never looked at.
        ("jku with a good signature", stage.header("jku", json!(url)), "accepted"),
        ("x5u with a good signature", stage.header("x5u", json!(url)), "accepted"),
        ("jwk with a good signature", stage.header("jwk", thief.jwk()), "accepted"),
        ("issuer at the tripwire", thief.token(&stage.tripwire.issuer), "untrusted_issuer"),
        ("its own key", stage.tripwire.signer.token(&stage.tripwire.issuer), "untrusted_issuer"),
        ("jku in cnf", stage.claim("cnf", json!({ "jku": url })), "cnf_unsupported"),
    ];
    stage.run(rows, 12).await;
}

#[tokio::test]
async fn attacks_on_the_key_id() {
    let stage = Stage::set().await;
    let rows = vec![
        ("traversal", stage.header("kid", json!("../../../dev/null")), "unknown_kid"),
        ("SQL", stage.header("kid", json!("k1' OR '1'='1")), "unknown_kid"),
        ("LDAP", stage.header("kid", json!("*)(uid=*")), "unknown_kid"),
        ("NUL", stage.header("kid", json!("k1\u{0}")), "unknown_kid"),
        ("empty", stage.header("kid", json!("")), "unknown_kid"),
        ("case", stage.header("kid", json!("K1")), "unknown_kid"),
        ("URL", stage.header("kid", json!(stage.tripwire.issuer)), "unknown_kid"),
        ("number", stage.header("kid", json!(1)), "unknown_kid"),
        ("null", stage.header("kid", Value::Null), "unknown_kid"),
        ("array", stage.header("kid", json!(["k1"])), "unknown_kid"),
        ("too long", stage.header("kid", json!("k".repeat(300))), "unknown_kid"),
        ("missing", stage.header_without("kid"), "unknown_kid"),
    ];
    stage.run(rows, 12).await;
}

#[tokio::test]
async fn attacks_on_the_form() {
    let stage = Stage::set().await;
    let good = stage.good();
    let (head, signature) = good.rsplit_once('.').unwrap();
    let last = signature.chars().last().unwrap();
    // 64 bytes are 86 characters, the last of which has four unused bits.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let tail = alphabet.chars().nth(alphabet.find(last).unwrap() + 1).unwrap();
    let nest = |depth: usize| format!(",\"x\":{}{}", "[".repeat(depth), "]".repeat(depth));
    let header = stage.iap.signer.header().to_string();
    let doubled = |name: &str| format!("{},\"{name}\":\"ES256\"}}", &header[..header.len() - 1]);
    let parts: Vec<&str> = good.split('.').collect();
    let json_form = json!({ "payload": parts[1], "protected": parts[0], "signature": parts[2] }).to_string();
    let rows = vec![
        ("empty", String::new(), "malformed"),
        ("one part", "abc".into(), "malformed"),
        ("two parts", head.into(), "malformed"),
        ("four parts", format!("{good}.x"), "malformed"),
        ("five parts (JWE)", "a.b.c.d.e".into(), "malformed"),
        ("thousands of dots", ".".repeat(8000), "malformed"),
        ("larger than 8 KiB", stage.claim("x", json!("a".repeat(9000))), "malformed"),
        ("enormous", "a".repeat(1 << 20), "malformed"),
        ("JSON serialization", json_form, "malformed"),
        ("leading blank", format!(" {good}"), "malformed"),
        ("newline inside", good.replacen('.', ".\n", 1), "malformed"),
        ("padding", format!("{good}=="), "malformed"),
        ("the other alphabet", format!("{head}.{}+/", &signature[2..]), "malformed"),
        ("unused bits set", format!("{}{tail}", &good[..good.len() - 1]), "malformed"),
        ("header not JSON", stage.raw_header("not json"), "malformed"),
        ("header an array", stage.raw_header("[]"), "malformed"),
        ("payload not JSON", stage.raw_payload(good.as_bytes()), "malformed"),
        ("payload empty", stage.raw_payload(""), "malformed"),
        ("byte order mark", stage.raw_payload(format!("\u{feff}{}", stage.claims())), "malformed"),
        ("not UTF-8", stage.raw_payload(b"{\"iss\":\"\xff\"}"), "malformed"),
        ("lone surrogate", stage.payload_with(",\"x\":\"\\ud800\""), "malformed"),
        ("1e400", stage.payload_with(",\"x\":1e400"), "malformed"),
        ("NaN", stage.payload_with(",\"x\":NaN"), "malformed"),
        ("duplicate claim", stage.payload_with(",\"sub\":\"admin\""), "malformed"),
        ("duplicate claim by escape", stage.payload_with(",\"\\u0073ub\":\"admin\""), "malformed"),
        ("duplicate claim inside", stage.payload_with(",\"x\":{\"a\":1,\"a\":2}"), "malformed"),
        ("duplicate alg", stage.raw_header(doubled("alg")), "malformed"),
        ("duplicate alg by escape", stage.raw_header(doubled("\\u0061lg")), "malformed"),
        ("nine levels", stage.payload_with(&nest(9)), "malformed"),
        ("2500 levels", stage.payload_with(&nest(2500)), "malformed"),
        ("trailing garbage", stage.raw_payload(format!("{} x", stage.claims())), "malformed"),
        ("crit", stage.header("crit", json!(["exp"])), "crit"),
        ("crit empty", stage.header("crit", json!([])), "crit"),
        ("b64 false", stage.header("b64", json!(false)), "crit"),
    ];
    stage.run(rows, 34).await;
    assert_eq!(stage.clock.now(), NOW);
}

#[tokio::test]
async fn attacks_on_the_signature() {
    let stage = Stage::set().await;
    let good = stage.good();
    let (input, _) = good.rsplit_once('.').unwrap();
    let with = |signature: &[u8]| format!("{input}.{}", b64(signature));
    let real = stage.iap.signer.signature(input);
    let mut flipped = real.clone();
    flipped[10] ^= 1;
    let order =
        b"\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51";
    let payload = b64(stage.claims().to_string().replace("widgetco", "admin").as_bytes());
    let swapped = {
        let parts: Vec<&str> = good.split('.').collect();
        format!("{}.{payload}.{}", parts[0], parts[2])
    };
    let mut der = vec![0x30, 0x44, 0x02, 0x20];
    der.extend(&real[..32]);
    der.extend([0x02, 0x20]);
    der.extend(&real[32..]);
    let rows = vec![
        ("none at all", format!("{input}."), "at_sig"),
        ("r = s = 0", with(&[0; 64]), "at_sig"),
        ("r = 0", with(&[&[0; 32], &real[32..]].concat()), "at_sig"),
        ("r = n", with(&[&order[..], &real[32..]].concat()), "at_sig"),
        ("s = n", with(&[&real[..32], &order[..]].concat()), "at_sig"),
        ("all ones", with(&[0xff; 64]), "at_sig"),
        ("63 bytes", with(&real[..63]), "at_sig"),
        ("65 bytes", with(&[&real[..], &[0]].concat()), "at_sig"),
        ("128 bytes", with(&[0; 128]), "at_sig"),
        ("DER", with(&der), "at_sig"),
        ("one bit", with(&flipped), "at_sig"),
        ("other claims", swapped, "at_sig"),
    ];
    stage.run(rows, 12).await;
}

#[tokio::test]
async fn attacks_on_the_times() {
    let stage = Stage::set().await;
    let rows = vec![
        ("exp gone by 31 s", stage.claim("exp", json!(NOW - 31)), "at_expired"),
        ("exp gone by the skew", stage.claim("exp", json!(NOW - 30)), "at_expired"),
        ("exp gone by less than the skew", stage.claim("exp", json!(NOW - 29)), "accepted"),
        ("exp with a fraction", stage.claim("exp", json!(1_800_000_100.5)), "accepted"),
        ("exp as text", stage.claim("exp", json!("1800000600")), "at_claims"),
        ("exp as a date", stage.claim("exp", json!("2027-03-031T10:38:01.000Z")), "at_claims"),
        ("exp true", stage.claim("exp", json!(true)), "at_claims"),
        ("exp null", stage.claim("exp", Value::Null), "at_claims"),
        ("exp missing", stage.claim_without("exp"), "at_claims"),
        ("exp negative", stage.claim("exp", json!(-1)), "at_expired"),
        ("exp beyond 2^53", stage.claim("exp", json!(1u64 << 60)), "at_claims"),
        ("exp in milliseconds", stage.claim("exp", json!((NOW + 600) * 1000)), "at_lifetime"),
        ("lifetime of two hours", stage.claim("exp", json!(NOW + 7200)), "at_lifetime"),
        ("nbf ahead", stage.claim("nbf", json!(NOW + 31)), "at_not_yet"),
        ("nbf within the skew", stage.claim("nbf", json!(NOW + 30)), "accepted"),
        ("nbf as text", stage.claim("nbf", json!("0")), "at_claims"),
        ("iat ahead", stage.claim("iat", json!(NOW + 31)), "at_not_yet"),
        ("iat missing", stage.claim_without("iat"), "at_claims"),
        ("iat as text", stage.claim("iat", json!("1800000000")), "at_claims"),
    ];
    stage.run(rows, 19).await;
}

#[tokio::test]
async fn attacks_on_the_issuer() {
    let stage = Stage::set().await;
    let issuer = &stage.iap.issuer;
    let named = |name: &str| stage.claim("iss", json!(name));
    let rows = vec![
        ("the other issuer's key", stage.other.signer.token(issuer), "at_sig"),
        ("our key, the other issuer", stage.iap.signer.token(&stage.other.issuer), "at_sig"),
        ("trailing slash", named(&format!("{issuer}/")), "untrusted_issuer"),
        ("a path", named(&format!("{issuer}/tenant")), "untrusted_issuer"),
        ("upper case", named(&issuer.to_uppercase()), "untrusted_issuer"),
        ("https", named(&issuer.replace("http:", "https:")), "untrusted_issuer"),
        ("userinfo", named(&issuer.replace("//", "//a@")), "untrusted_issuer"),
        ("leading blank", named(&format!(" {issuer}")), "untrusted_issuer"),
        ("localhost", named(&issuer.replace("127.0.0.1", "localhost")), "untrusted_issuer"),
        ("a prefix", named(&issuer[..issuer.len() - 1]), "untrusted_issuer"),
        ("empty", named(""), "untrusted_issuer"),
        ("array", stage.claim("iss", json!([issuer])), "malformed"),
        ("missing", stage.claim_without("iss"), "untrusted_issuer"),
    ];
    stage.run(rows, 13).await;
}

#[tokio::test]
async fn attacks_on_the_audience_and_the_claims() {
    let stage = Stage::set().await;
    let iol = "https://github.com/IATA-Cargo/ONE-Record/schema/iolIdentifier";
    let rows = vec![
        ("one string", stage.claim("aud", json!(AUDIENCE)), "accepted"),
        ("among others", stage.claim("aud", json!(["https://other.example", AUDIENCE])), "accepted"),
        ("another one", stage.claim("aud", json!("https://other.example")), "at_aud"),
        ("a longer one", stage.claim("aud", json!("https://1r.example.evil.example")), "at_aud"),
        ("a shorter one", stage.claim("aud", json!("https://1r.exampl")), "at_aud"),
        ("trailing slash", stage.claim("aud", json!("https://1r.example/")), "at_aud"),
        ("upper case", stage.claim("aud", json!("HTTPS://1R.EXAMPLE")), "at_aud"),
        ("empty array", stage.claim("aud", json!([])), "at_aud"),
        ("empty string", stage.claim("aud", json!("")), "at_aud"),
        ("sub missing", stage.claim_without("sub"), "at_claims"),
        ("sub a number", stage.claim("sub", json!(7)), "at_claims"),
        ("client_id missing", stage.claim_without("client_id"), "at_claims"),
        ("jti missing", stage.claim_without("jti"), "at_claims"),
        (
            "two names of one company",
            stage.claim("https://github./schema/iolIdentifier", json!("https://other.example/x")),
            "at_claims",
        ),
        (
            "agent outside its names",
            stage.claim("logistics_agent_uri", json!("https://1r.other.example/a")),
            "at_namespace",
        ),
        (
            "agent beside its names",
            stage.claim("logistics_agent_uri", json!("https://1r.widgetco.example.evil/a")),
            "at_namespace",
        ),
        ("company outside its names", stage.claim(iol, json!("https://other.example/x")), "at_namespace"),
        ("cnf empty", stage.claim("cnf", json!({})), "cnf_unsupported"),
        ("cnf text", stage.claim("cnf", json!("jkt")), "cnf_unsupported"),
        ("cnf unknown", stage.claim("cnf", json!({ "osc": "x" })), "cnf_unsupported"),
        (
            "a bound token as bearer",
            stage.claim("cnf", json!({ "jkt": "8u1HNz5pSBBJLOW9h_RVxG_B3Ps5lfXd-6hD5dR8agw" })),
            "downgrade",
        ),
    ];
    stage.run(rows, 21).await;
}

#[tokio::test]
async fn other_tokens_are_not_access_tokens() {
    let stage = Stage::set().await;
    let other = |name: &str, value: Value| {
        let mut claims = claims(&stage.other.issuer, NOW);
        claims[name] = value;
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": "k1" });
        stage.other.signer.sign(header.to_string(), claims.to_string())
    };
    let rows = vec![
        ("application/at+jwt", stage.header("typ", json!("application/at+jwt")), "accepted"),
        ("AT+JWT", stage.header("typ", json!("AT+JWT")), "accepted"),
        ("JWT where it is not allowed", stage.header("typ", json!("JWT")), "at_typ"),
        ("typ missing", stage.header_without("typ"), "at_typ"),
        ("typ a number", stage.header("typ", json!(1)), "at_typ"),
        ("DPoP proof", stage.header("typ", json!("dpop+jwt")), "at_typ"),
        ("signed request", stage.header("typ", json!("pop")), "at_typ"),
        ("client assertion", stage.header("typ", json!("client-authentication+jwt")), "at_typ"),
        ("logout token", stage.header("typ", json!("logout+jwt")), "at_typ"),
        ("trust list", stage.header("typ", json!("iap-trust-list+jwt")), "at_typ"),
        ("JWT where it is allowed", other("scope", json!("a")), "accepted"),
        ("ID token with nonce", other("nonce", json!("n")), "at_typ"),
        ("ID token with at_hash", other("at_hash", json!("n")), "at_typ"),
        ("ID token with c_hash", other("c_hash", json!("n")), "at_typ"),
        ("DPoP proof as JWT", other("htm", json!("GET")), "at_typ"),
        ("DPoP proof as JWT, htu", other("htu", json!("https://1r.example/")), "at_typ"),
    ];
    stage.run(rows, 16).await;
}

#[tokio::test]
async fn keys_that_must_not_be_used_are_withheld_and_the_others_work() {
    let stage = Stage::set().await;
    let changed = |kid: &str, changes: &[(&str, Value)]| {
        let mut jwk = Signer::new(kid).jwk();
        for (name, value) in changes {
            jwk[*name] = value.clone();
        }
        jwk
    };
    let bad = [
        changed("off the curve", &[("y", json!(b64(&[1; 32])))]),
        changed("short", &[("x", json!(b64(&[1; 31])))]),
        changed("another curve", &[("crv", json!("secp256k1"))]),
        changed("for encryption", &[("use", json!("enc"))]),
        changed("to sign", &[("key_ops", json!(["sign"]))]),
        changed("another algorithm", &[("alg", json!("RS256"))]),
        changed("private", &[("d", json!(b64(&[1; 32])))]),
        json!({ "kty": "oct", "kid": "symmetric", "k": b64(b"secret"), "alg": "HS256" }),
        json!({ "kty": "RSA", "kid": "small", "alg": "RS256", "e": "AQAB", "n": b64(&[0xff; 128]) }),
        json!({ "kty": "RSA", "kid": "e one", "alg": "RS256", "e": "AQ", "n": b64(&[0xff; 256]) }),
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": "small order", "alg": "EdDSA", "x": b64(&[0; 32]) }),
    ];
    let mut keys = vec![stage.iap.signer.jwk()];
    keys.extend(bad.clone());
    stage.iap.set(|behaviour| behaviour.keys = json!({ "keys": keys }));
    let rows = bad.map(|jwk| {
        let alg = jwk["alg"].clone();
        let mut header = json!({ "alg": alg, "typ": "at+jwt", "kid": jwk["kid"] });
        if alg == "HS256" {
            header["alg"] = json!("ES256");
        }
        let token = stage.iap.signer.sign(header.to_string(), stage.claims().to_string());
        ("withheld", token, "unknown_kid")
    });
    stage.run(rows.into(), 11).await;
    assert_eq!(stage.verifier.status().iter().map(|status| status.keys).max(), Some(1));
}

#[tokio::test]
async fn without_the_policy_no_bearer_token_is_accepted() {
    let (iap, clock) = (Iap::start("k1").await, clock());
    let verifier = builder(&clock).trust(iap.policy().allow_bearer(false)).build().unwrap();
    let challenge = verifier.verify_bearer(&iap.signer.token(&iap.issuer)).await.unwrap_err();
    assert_eq!((challenge.reason().code(), challenge.status().as_u16()), ("bearer_not_allowed", 401));
}

#[tokio::test]
async fn a_token_is_last_accepted_a_second_before_the_skew_ends() {
    let stage = Stage::set().await;
    let token = stage.good();
    stage.clock.advance(Duration::from_secs(629));
    assert_eq!(stage.code(&token).await, "accepted");
    stage.clock.advance(Duration::from_secs(1));
    assert_eq!(stage.code(&token).await, "at_expired");
}
