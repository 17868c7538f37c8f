//! What tokens are bound to, and how each request proves it.

use std::fmt;
use std::sync::Arc;

use carnet_ambient::Entropy;
use carnet_token::proof::{
    Body, BodyDigest, Certificate, ProofKind, RequestView, dpop, message_signature, shr,
};
use carnet_token::{SigningKey, base64url};
use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, HeaderValue};
use url::Url;

use crate::{AccessToken, TokenError};

pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
const SIGNATURE: HeaderName = HeaderName::from_static("signature");

/// The key that tokens are bound to, and the kind of proof that is made with it.
#[derive(Clone)]
pub(crate) struct Binding {
    key: Arc<SigningKey>,
    kind: ProofKind,
}

/// What a token request says about binding.
#[derive(Default)]
pub(crate) struct Asked {
    pub parameters: Vec<(&'static str, String)>,
    /// The `DPoP` field.
    pub proof: Option<HeaderValue>,
}

/// A request before it is proven.
pub(crate) struct Unproven<'a> {
    pub method: &'a str,
    pub url: &'a Url,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

impl Binding {
    pub(crate) fn new(key: SigningKey, kind: ProofKind) -> Self {
        Self { key: Arc::new(key), kind }
    }

    pub(crate) fn check(&self) -> Result<(), TokenError> {
        if self.kind == ProofKind::Mtls {
            return Err(TokenError::Configuration(
                "a key does not prove a certificate: choose shr, dpop or httpsig".to_owned(),
            ));
        }
        if self.key.public_jwk().is_none() {
            return Err(TokenError::Configuration("the public half of the key is not known".to_owned()));
        }
        Ok(())
    }

    pub(crate) fn kind(&self) -> ProofKind {
        self.kind
    }

    /// What the token endpoint must answer: anything else is no token for this client.
    pub(crate) fn token_type(&self) -> &'static str {
        match self.kind {
            ProofKind::Dpop => "DPoP",
            _ => "PoP",
        }
    }

    /// What asks for a bound token: parameters, or for `DPoP` a proof.
    pub(crate) fn ask(
        &self,
        endpoint: &Url,
        now: i64,
        nonce: Option<&str>,
        entropy: &Entropy,
    ) -> Result<Asked, TokenError> {
        if self.kind != ProofKind::Dpop {
            let named = serde_json::json!({ "kid": self.key.kid() }).to_string();
            let parameters = vec![("token_type", "pop".to_owned()), ("req_cnf", base64url::encode(named))];
            return Ok(Asked { parameters, proof: None });
        }
        let jti = fresh(entropy);
        let url = endpoint.as_str();
        let making = dpop::Making { method: "POST", url, now, jti: &jti, access_token: None, nonce };
        let proof = dpop::make(&making, &self.key).map_err(|error| TokenError::Proof(error.to_string()))?;
        Ok(Asked { parameters: Vec::new(), proof: Some(sensitive(&proof)?) })
    }

    /// The fields that carry token and proof, for one request: `now` in seconds since 1970 UTC.
    pub(crate) fn prove(
        &self,
        token: &AccessToken,
        request: &Unproven<'_>,
        now: i64,
        nonce: Option<&str>,
        entropy: &Entropy,
    ) -> Result<HeaderMap, TokenError> {
        let wrong = |error: &dyn fmt::Display| TokenError::Proof(error.to_string());
        let jti = fresh(entropy);
        let digest = BodyDigest::of(request.body);
        let mut added = HeaderMap::new();
        match self.kind {
            ProofKind::Mtls => return Err(wrong(&"a key does not prove a certificate")),
            ProofKind::Shr => {
                let making = shr::Making { access_token: token.expose(), now, jti: &jti, nonce };
                let made =
                    look(request, request.headers, &digest, |view| shr::make(&making, view, &self.key))?;
                let made = made.map_err(|error| wrong(&error))?;
                added.insert(AUTHORIZATION, sensitive(&format!("PoP {made}"))?);
            }
            ProofKind::Dpop => {
                let (method, url) = (request.method, request.url.as_str());
                let access_token = Some(token.expose());
                let making = dpop::Making { method, url, now, jti: &jti, access_token, nonce };
                let made = dpop::make(&making, &self.key).map_err(|error| wrong(&error))?;
                added.insert(AUTHORIZATION, sensitive(&format!("DPoP {}", token.expose()))?);
                added.insert(DPOP, sensitive(&made)?);
                // A proof says nothing about the body; a signature beside it does.
                if !request.body.is_empty() {
                    self.sign(&mut added, request, &digest, now, &jti)?;
                }
            }
            ProofKind::MessageSignature => {
                added.insert(AUTHORIZATION, sensitive(&format!("PoP {}", token.expose()))?);
                self.sign(&mut added, request, &digest, now, &jti)?;
            }
        }
        Ok(added)
    }

    fn sign(
        &self,
        added: &mut HeaderMap,
        request: &Unproven<'_>,
        digest: &BodyDigest,
        now: i64,
        nonce: &str,
    ) -> Result<(), TokenError> {
        if !request.body.is_empty() {
            added.insert(CONTENT_DIGEST, sensitive(&message_signature::content_digest(digest))?);
        }
        let mut all = request.headers.clone();
        all.extend(added.iter().map(|(name, value)| (name.clone(), value.clone())));
        let making = message_signature::Making { keyid: self.key.kid(), now, nonce };
        let fields =
            look(request, &all, digest, |view| message_signature::sign_request(&making, view, &self.key))?;
        let fields = fields.map_err(|error| TokenError::Proof(error.to_string()))?;
        added.insert(SIGNATURE_INPUT, sensitive(&fields.signature_input)?);
        added.insert(SIGNATURE, sensitive(&fields.signature)?);
        Ok(())
    }
}

/// Shows a request as its receiver will see it.
fn look<T>(
    request: &Unproven<'_>,
    headers: &HeaderMap,
    digest: &BodyDigest,
    look: impl FnOnce(&RequestView<'_>) -> T,
) -> Result<T, TokenError> {
    let url = request.url;
    let host = url.host_str().ok_or_else(|| TokenError::Proof(format!("{url} has no host")))?;
    let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let lines: Vec<(&str, &[u8])> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    Ok(look(&RequestView {
        method: request.method,
        scheme: url.scheme(),
        authority: &authority,
        path: url.path(),
        query: url.query(),
        headers: &lines,
        body: Body::Digest(digest),
        certificate: Certificate::None,
    }))
}

/// 128 random bits and more: no proof is ever made twice.
fn fresh(entropy: &Entropy) -> String {
    base64url::encode(entropy.bytes::<18>())
}

fn sensitive(text: &str) -> Result<HeaderValue, TokenError> {
    let mut value = HeaderValue::from_str(text).map_err(|error| TokenError::Proof(error.to_string()))?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Binding")
            .field("kid", &self.key.kid())
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
