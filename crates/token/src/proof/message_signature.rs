//! HTTP message signatures (RFC 9421) with `Content-Digest` (RFC 9530), in the profile of this network.
//!
//! A request is signed with the tag [`REQUEST_TAG`] and covers `@method`, `@target-uri` and `authorization`, which ties
//! signature and access token together; one with content also `content-type` and `content-digest`. A signature over
//! `Content-Digest` proves nothing until the digest is compared with the body, so that this is never left out.
//!
//! Algorithms are those of the key, as in JWS, and never of a parameter alone: ES256 is `ecdsa-p256-sha256`, `EdDSA` is
//! `ed25519`, RS256 is `rsa-v1_5-sha256`; PS256 has no name in RFC 9421 and goes without one.

mod base;
mod digest;
mod input;

use sfv::{Dictionary, Parser};

use super::{
    Body, Checked, Covered, ProofError, ProofKind, ProofRules, ReplayKey, RequestView, Window, key, target,
};
use crate::{Algorithm, KeyRef, PublicKey, SignError, SigningKey, Thumbprint};

pub use base::Message;
pub use digest::content_digest;
use input::Input;

/// The tag of signatures that prove possession of an access token's key.
pub const REQUEST_TAG: &str = "onerecord-pop";

/// The tag of signatures by which a server confirms what it answered.
pub const RESPONSE_TAG: &str = "onerecord-resp";

/// The shortest `nonce`, in characters.
pub const MIN_NONCE_LENGTH: usize = 16;

/// The longest `nonce`, in characters.
pub const MAX_NONCE_LENGTH: usize = 256;

/// How far after `created` a signature may `expire`, in seconds.
pub const MAX_LIFETIME: i64 = 300;

/// The longest `Signature-Input` and `Signature`, in bytes, of all lines together.
const MAX_FIELD_LENGTH: usize = 8 * 1024;

/// The signature of a request that carries [`REQUEST_TAG`]. Nobody has verified it.
#[derive(Debug)]
pub struct Presented {
    input: Input,
    signature: Vec<u8>,
}

impl Presented {
    /// Finds the one signature with the tag; `None` when the request has no signature at all. Labels are not signed
    /// and mean nothing.
    ///
    /// # Errors
    /// [`ProofError`] when none or several have the tag, or it cannot be read.
    pub fn of(request: &RequestView<'_>) -> Result<Option<Self>, ProofError> {
        find(&Message::Request(request), REQUEST_TAG)
    }

    /// Compares it with the key that the token is bound to, and with the request. `now` is seconds since 1970 UTC.
    ///
    /// # Errors
    /// The first [`ProofError`] that applies.
    pub fn check(
        &self,
        key_ref: &KeyRef,
        registered: Option<&PublicKey>,
        request: &RequestView<'_>,
        rules: &ProofRules<'_>,
        now: i64,
    ) -> Result<Checked, ProofError> {
        let input = &self.input;
        let keyid = input.keyid.as_deref().ok_or(ProofError::Malformed)?;
        let key = key::bound(key_ref, None, Some(keyid), registered)?;
        // Of a key that the token names by thumbprint alone, the registered name is as good.
        if keyid != key.kid() && keyid != key.thumbprint().to_string() && key_ref.kid() != Some(keyid) {
            return Err(ProofError::CnfMismatch);
        }
        if !rules.algorithms.contains(&key.algorithm()) {
            return Err(ProofError::Alg);
        }
        input.verify(&self.signature, &Message::Request(request), &key)?;
        // From here on the parameters are the sender's.
        let created = input.created.ok_or(ProofError::Created)?;
        if !rules.window.admits(created, now) {
            return Err(ProofError::Created);
        }
        let expires = input.expires;
        let ends = |expires: i64| now >= expires || expires > created.saturating_add(MAX_LIFETIME);
        if expires.is_some_and(ends) {
            return Err(ProofError::Created);
        }
        let length = MIN_NONCE_LENGTH..=MAX_NONCE_LENGTH;
        let nonce = input.nonce.as_deref().filter(|nonce| length.contains(&nonce.len()));
        let nonce = nonce.ok_or(ProofError::Nonce)?;
        check_coverage(input, request)?;
        let covers_digest = input.covers("content-digest");
        if covers_digest {
            digest::check(request, request.body)?;
        }
        if rules.is_before_start(created) {
            return Err(ProofError::MadeBeforeStart);
        }
        let until = rules.keep_until(created);
        let keep_until = expires.map_or(until, |expires| until.min(expires.saturating_add(2)));
        let identity = format!("httpsig\n{}\n{nonce}", key.thumbprint());
        let digest = *Thumbprint::of(identity.as_bytes()).as_bytes();
        let covered = Covered { target: true, query: true, body: covers_digest };
        let replay = ReplayKey { digest, keep_until };
        Ok(Checked::by_key(ProofKind::MessageSignature, key.thumbprint(), covered, replay))
    }
}

/// What must be covered: without `authorization` a signature could be moved to another token.
fn check_coverage(input: &Input, request: &RequestView<'_>) -> Result<(), ProofError> {
    let mut wanted = vec!["@method", "@target-uri", "authorization"];
    if request.fields("dpop").next().is_some() {
        wanted.push("dpop");
    }
    match request.body {
        Body::Unread => return Err(ProofError::BodyUnread),
        body if !body.is_empty() => {
            wanted.extend(["content-type", "content-digest"]);
            // Joined they are what was signed; a server looks at one of them.
            request.only_field("content-type")?;
            if request.only_field("content-encoding")?.is_some() {
                wanted.push("content-encoding");
            }
        }
        _ => {}
    }
    let covered = wanted.iter().all(|name| input.covers(name));
    if covered { Ok(()) } else { Err(ProofError::Uncovered) }
}

/// The one signature of a message that has this tag; `None` when there are none at all.
fn find(message: &Message<'_>, tag: &str) -> Result<Option<Presented>, ProofError> {
    let dictionary = |name: &str| -> Result<Option<Dictionary>, ProofError> {
        let lines: Vec<&[u8]> = message.fields(name).collect();
        if lines.is_empty() {
            return Ok(None);
        }
        if lines.iter().map(|line| line.len()).sum::<usize>() > MAX_FIELD_LENGTH {
            return Err(ProofError::Malformed);
        }
        Parser::new(&lines.join(&b", "[..])).parse().map(Some).map_err(|_| ProofError::Malformed)
    };
    let (Some(inputs), Some(signatures)) = (dictionary("signature-input")?, dictionary("signature")?) else {
        return Ok(None);
    };
    let mut found = None;
    for (label, entry) in &inputs {
        if !Input::has_tag(entry, tag) {
            continue;
        }
        // Two readers could each verify another one.
        if found.is_some() {
            return Err(ProofError::Malformed);
        }
        let input = Input::of(entry)?;
        let signature = match signatures.get(label) {
            Some(sfv::ListEntry::Item(item)) => item.bare_item.as_byte_sequence(),
            _ => None,
        };
        let signature = signature.ok_or(ProofError::Malformed)?.to_vec();
        found = Some(Presented { input, signature });
    }
    found.map(Some).ok_or(ProofError::Tag)
}

/// The name of a key's algorithm in RFC 9421 §3.3, where it has one.
const fn name_of(algorithm: Algorithm) -> Option<&'static str> {
    match algorithm {
        Algorithm::Es256 => Some("ecdsa-p256-sha256"),
        Algorithm::EdDsa => Some("ed25519"),
        Algorithm::Rs256 => Some("rsa-v1_5-sha256"),
        Algorithm::Ps256 => None,
    }
}

/// The two fields of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    /// The value of `Signature-Input`.
    pub signature_input: String,
    /// The value of `Signature`.
    pub signature: String,
}

/// What a signature is made of, besides the message.
#[derive(Debug, Clone, Copy)]
pub struct Making<'a> {
    /// How the verifier knows the key: the `kid` under which it is registered, or its thumbprint.
    pub keyid: &'a str,
    /// Seconds since 1970 UTC.
    pub now: i64,
    /// Fresh random text of at least 16 characters.
    pub nonce: &'a str,
}

/// Why a message cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MakeError {
    /// A component is missing, or has a value that no signature can cover.
    #[error("{0} is missing or cannot be covered by a signature")]
    Component(String),
    /// `keyid` or `nonce` cannot stand between quotes.
    #[error("keyid and nonce must be printable ASCII")]
    Parameter,
    /// The key cannot be used.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// Signs a request whose `Authorization` field is there already, and with content its `Content-Type` and
/// [`content_digest`].
///
/// # Errors
/// [`MakeError`].
pub fn sign_request(
    making: &Making<'_>,
    request: &RequestView<'_>,
    key: &SigningKey,
) -> Result<Fields, MakeError> {
    target::path(request.path).map_err(|_| MakeError::Component("@target-uri".to_owned()))?;
    let mut components = vec!["\"@method\"", "\"@target-uri\"", "\"authorization\""];
    if request.fields("dpop").next().is_some() {
        components.push("\"dpop\"");
    }
    if !request.body.is_empty() {
        components.extend(["\"content-type\"", "\"content-digest\""]);
        if request.fields("content-encoding").next().is_some() {
            components.push("\"content-encoding\"");
        }
    }
    sign(making, &components, REQUEST_TAG, &Message::Request(request), key)
}

/// Signs a response to a request that was signed with `label`, so that its sender can prove what it was answered
/// (RFC 9421 §2.4). The response must have `Content-Type` and `Content-Digest`.
///
/// # Errors
/// [`MakeError`].
pub fn sign_response(
    making: &Making<'_>,
    label: Option<&str>,
    status: u16,
    headers: &[(&str, &[u8])],
    request: &RequestView<'_>,
    key: &SigningKey,
) -> Result<Fields, MakeError> {
    let signature = label.map(|label| format!("\"signature\";req;key=\"{label}\""));
    let mut components = vec![
        "\"@status\"",
        "\"content-digest\"",
        "\"content-type\"",
        "\"@method\";req",
        "\"@target-uri\";req",
    ];
    components.extend(signature.as_deref());
    let message = Message::Response { status, headers, request };
    sign(making, &components, RESPONSE_TAG, &message, key)
}

fn sign(
    making: &Making<'_>,
    components: &[&str],
    tag: &str,
    message: &Message<'_>,
    key: &SigningKey,
) -> Result<Fields, MakeError> {
    let quotable =
        |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\');
    if !quotable(making.keyid) || !quotable(making.nonce) {
        return Err(MakeError::Parameter);
    }
    let (created, keyid, nonce) = (making.now, making.keyid, making.nonce);
    let text = format!(
        "({});created={created};keyid=\"{keyid}\";nonce=\"{nonce}\";tag=\"{tag}\"",
        components.join(" ")
    );
    let input = Input::parse(&text).map_err(|_| MakeError::Parameter)?;
    let base = base::signature_base(&input, message)
        .map_err(|missing| MakeError::Component(missing.unwrap_or_else(|| "a component".to_owned())))?;
    let signature = key.sign_bytes(base.as_bytes())?;
    Ok(Fields {
        signature_input: format!("sig1={text}"),
        signature: format!("sig1=:{}:", base::base64(&signature)),
    })
}

/// Verifies a server's signature over its answer (see [`sign_response`]): that it is by `key`, was made at about `now` for
/// this request and, if that was signed, for that very one, and covers status, body and its type.
///
/// # Errors
/// The first [`ProofError`] that applies.
pub fn verify_response(
    status: u16,
    headers: &[(&str, &[u8])],
    body: Body<'_>,
    request: &RequestView<'_>,
    key: &PublicKey,
    window: Window,
    now: i64,
) -> Result<(), ProofError> {
    let message = Message::Response { status, headers, request };
    let presented = find(&message, RESPONSE_TAG)?.ok_or(ProofError::NoSignature)?;
    let named = presented.input.keyid.as_deref();
    if named.is_some_and(|named| named != key.kid() && named != key.thumbprint().to_string()) {
        return Err(ProofError::CnfMismatch);
    }
    presented.input.verify(&presented.signature, &message, key)?;
    let covers = |name| presented.input.covers(name);
    let of_request = |name| presented.input.covers_of_request(name);
    // An answer to a signed request names its signature: one to another request, however alike, is none to this.
    let of_this = match label_of(request) {
        Some(label) => presented.input.covers_signature_of_request(&label),
        None => true,
    };
    let content = body.is_empty() || covers("content-type");
    let target = of_request("@method") && of_request("@target-uri");
    if !(covers("@status") && covers("content-digest") && target && content && of_this) {
        return Err(ProofError::Uncovered);
    }
    let created = presented.input.created.ok_or(ProofError::Created)?;
    if !window.admits(created, now) {
        return Err(ProofError::Created);
    }
    digest::check_fields(headers, body)
}

/// The label under which a request is signed for this network: what a response signature refers to.
#[must_use]
pub fn label_of(request: &RequestView<'_>) -> Option<String> {
    let lines: Vec<&[u8]> = request.fields("signature-input").collect();
    let inputs: Dictionary = Parser::new(&lines.join(&b", "[..])).parse().ok()?;
    let mut tagged = inputs.iter().filter(|(_, entry)| Input::has_tag(entry, REQUEST_TAG));
    tagged.next().map(|(label, _)| label.as_str().to_owned())
}

/// `Accept-Signature` for a 401: what every request should be signed over (RFC 9421 §5). That one with a body needs more,
/// it cannot say.
#[must_use]
pub fn accept_signature() -> &'static str {
    "sig1=(\"@method\" \"@target-uri\" \"authorization\");created;tag=\"onerecord-pop\""
}
