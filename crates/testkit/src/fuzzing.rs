//! What the fuzz targets do with their bytes. The same functions replay the kept corpus in the test command, on stable.
//!
//! Each target says what must hold of every input, beside that nothing panics: above all that nobody who lacks the key
//! ever makes anything that verifies.

use std::sync::LazyLock;

use carnet_token::access_token::Unverified;
use carnet_token::compact::{self, Compact, Sealed};
use carnet_token::proof::{
    Body, BodyDigester, Certificate, Presentation, ProofRules, RequestView, certificate, dpop,
    message_signature, shr,
};
use carnet_token::{Jwk, KeyRef, PublicKey, json};

use crate::ClientKeyPair;

/// A target: the name of its corpus, and what is done with each input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("json", strict_json),
    ("compact", compact_jws),
    ("shr", signed_request),
    ("dpop", dpop_proof),
    ("signature_input", signature_input),
    ("request", whole_request),
    ("client_cert", client_cert),
    ("jwk", jwk),
];

const NOW: i64 = 1_800_000_000;

/// A key that nobody has: made anew by every process.
static KEY: LazyLock<PublicKey> = LazyLock::new(|| {
    let pair = ClientKeyPair::es256("widgetco-2027-01");
    let public = pair.signing_key().public_jwk().map(PublicKey::from_jwk);
    public.expect("a public half").expect("a good key")
});

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn bound() -> KeyRef {
    KeyRef::new(KEY.kid(), KEY.thumbprint())
}

/// A request with these header fields.
fn request<'a>(headers: &'a [(&'a str, &'a [u8])], body: Body<'a>) -> RequestView<'a> {
    RequestView {
        method: "GET",
        scheme: "https",
        authority: "1r.example",
        path: "/logistics-objects/1a8ded38",
        query: Some("embedded=true&note=a%20b+c"),
        headers,
        body,
        certificate: Certificate::None,
    }
}

/// Strict JSON is JSON: what passes here, any reader takes, and for the same value.
pub fn strict_json(bytes: &[u8]) {
    if let Ok(value) = json::parse(bytes) {
        let other: serde_json::Value = serde_json::from_slice(bytes).expect("JSON for every reader");
        assert_eq!(value, other);
    }
}

/// A compact JWS has one spelling, and is no token of anybody by itself.
pub fn compact_jws(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let Ok(compact) = Compact::parse(text) else { return };
    assert!(text.len() <= compact::MAX_LENGTH);
    assert_eq!(format!("{}.{}", compact.signing_input(), compact.signature()), text);
    let again = carnet_token::base64url::encode(compact.signature_bytes());
    assert_eq!(again, compact.signature(), "two texts for one signature");
    assert!(KEY.verify(compact.signing_input().as_bytes(), compact.signature()).is_err(), "forged");
    if let Ok(token) = Unverified::parse(text) {
        let _ = (token.unverified_issuer(), token.kid(), token.algorithm());
    }
}

/// Nobody without the key makes a signed request.
pub fn signed_request(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let _ = Sealed::parse(text, shr::MAX_LENGTH);
    for legacy in [false, true] {
        let Ok(shown) = shr::Presented::parse(text, legacy) else { continue };
        let checked = shown.check(&bound(), Some(&KEY), &request(&[], Body::Empty), &ProofRules::STRICT, NOW);
        assert!(checked.is_err(), "forged: {text}");
    }
}

/// Nobody without the key makes a `DPoP` proof that the token is bound to.
pub fn dpop_proof(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let Ok(shown) = dpop::Presented::parse(text) else { return };
    let view = request(&[], Body::Empty);
    let checked = shown.check("the token", &bound(), Some(&KEY), &view, &ProofRules::STRICT, NOW);
    assert!(checked.is_err(), "forged: {text}");
    let _ = shown.check_without_token(&view, &ProofRules::STRICT, NOW);
}

/// `Signature-Input`, a line break, `Signature`: nobody without the key signs a message.
pub fn signature_input(bytes: &[u8]) {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let (input, signature) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let headers = [
        ("authorization", &b"PoP a.b.c"[..]),
        ("accept", b"application/ld+json"),
        ("signature-input", input),
        ("signature", signature),
    ];
    let view = request(&headers, Body::Empty);
    if let Ok(Some(shown)) = message_signature::Presented::of(&view) {
        assert!(shown.check(&bound(), Some(&KEY), &view, &ProofRules::STRICT, NOW).is_err(), "forged");
    }
    let _ = message_signature::label_of(&view);
    let receipt = message_signature::verify_response(
        200,
        &headers,
        Body::Empty,
        &view,
        &KEY,
        ProofRules::STRICT.window,
        NOW,
    );
    assert!(receipt.is_err(), "forged");
}

/// Header fields, one per line as `name: value`, and after an empty line a body: a request is taken apart, whatever it is.
pub fn whole_request(bytes: &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((bytes, &b""[..]), |end| (&bytes[..end], &bytes[end + 2..]));
    let headers: Vec<(&str, &[u8])> = head
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((text(&line[..colon])?, &line[colon + 1..]))
        })
        .collect();
    let mut digester = BodyDigester::for_request(&headers);
    digester.update(body);
    let digest = digester.finish();
    let view = request(&headers, Body::Digest(&digest));
    for legacy in [false, true] {
        if let Ok(shown) = Presentation::of(&view, legacy) {
            assert!(!shown.access_token().is_empty());
        }
    }
}

/// A certificate that a proxy tells of.
pub fn client_cert(bytes: &[u8]) {
    let headers = [("client-cert", bytes)];
    if let Ok(Some(der)) = certificate::client_cert_field(&request(&headers, Body::Empty)) {
        assert!(!der.is_empty() && der.len() <= certificate::MAX_LENGTH);
    }
}

/// A key that passes is public, and keeps its thumbprint whatever is said about it.
pub fn jwk(bytes: &[u8]) {
    let Ok(jwk) = Jwk::parse(bytes) else { return };
    if let Ok(key) = PublicKey::from_jwk(&jwk) {
        assert!(!jwk.is_private());
        let again = Jwk::from_value(&jwk.to_value()).expect("what was written");
        assert_eq!(again.thumbprint().ok(), Some(key.thumbprint()));
    }
}
