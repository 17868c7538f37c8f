//! An issuer in memory, for the tests of those who use this crate (feature `testing`).
//!
//! No network and no clock of its own: tokens and feeds are dated by the clock that it is given.

use std::sync::{Mutex, PoisonError};

use carnet_ambient::{Clock, Entropy};
use carnet_token::proof::{
    Body, BodyDigest, Certificate, ProofKind, RequestView, dpop, message_signature, shr,
};
use carnet_token::revocation::{self, Entry, FeedClaims};
use carnet_token::{
    AccessTokenClaims, AccessTokenTyp, Algorithm, ClaimNames, Confirmation, Jwk, KeyRef, KeySet, SigningKey,
    access_token,
};
use serde_json::json;

use crate::{IssuerPolicy, KeySource, RevocationSource};

pub use carnet_token::Thumbprint;
pub use carnet_token::revocation::Entry as RevocationEntry;

/// The issuer of a [`TestIssuer`]; `.invalid` never resolves (RFC 6761).
pub const ISSUER: &str = "https://iap.invalid";

/// An issuer in memory with fresh ES256 keys: one for its tokens, one for its revocation feed.
#[derive(Debug)]
pub struct TestIssuer {
    issuer: String,
    key: SigningKey,
    jwk: Jwk,
    list_key: SigningKey,
    list_jwk: Jwk,
    revoked: Mutex<Vec<Entry>>,
    clock: Clock,
    entropy: Entropy,
}

/// The key could not be made or used.
#[derive(Debug, thiserror::Error)]
#[error("test issuer: {0}")]
pub struct TestIssuerError(String);

fn failed(error: impl std::fmt::Display) -> TestIssuerError {
    TestIssuerError(error.to_string())
}

impl TestIssuer {
    /// An issuer called [`ISSUER`].
    ///
    /// # Errors
    /// [`TestIssuerError`] when no key can be made.
    pub fn new(clock: &Clock) -> Result<Self, TestIssuerError> {
        Self::named(ISSUER, clock)
    }

    /// An issuer with a name of your own.
    ///
    /// # Errors
    /// [`TestIssuerError`] when no key can be made.
    pub fn named(issuer: impl Into<String>, clock: &Clock) -> Result<Self, TestIssuerError> {
        let (key, jwk) = fresh_key("test")?;
        let (list_key, list_jwk) = fresh_key("test-list")?;
        Ok(Self {
            issuer: issuer.into(),
            key,
            jwk,
            list_key,
            list_jwk,
            revoked: Mutex::new(Vec::new()),
            clock: clock.clone(),
            entropy: Entropy::system(),
        })
    }

    /// The issuer's name.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The key that signs, for tokens that no honest issuer would mint.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The JWK set as the issuer would publish it.
    #[must_use]
    pub fn key_set_json(&self) -> String {
        json!({ "keys": [self.jwk.to_value()] }).to_string()
    }

    /// Trust this issuer without any network, bearer tokens included.
    ///
    /// # Errors
    /// [`TestIssuerError`] when the key set cannot be read.
    pub fn policy(&self) -> Result<IssuerPolicy, TestIssuerError> {
        let keys = KeySet::parse(self.key_set_json().as_bytes()).map_err(failed)?;
        Ok(IssuerPolicy::new(&self.issuer).keys(KeySource::Static(keys)).allow_bearer(true))
    }

    /// As [`TestIssuer::policy`], and the issuer has a revocation feed: hand it in with
    /// [`Verifier::take_feed`](crate::Verifier::take_feed).
    ///
    /// # Errors
    /// [`TestIssuerError`] when a key set cannot be read.
    pub fn policy_with_feed(&self) -> Result<IssuerPolicy, TestIssuerError> {
        let document = json!({ "keys": [self.list_jwk.to_value()] }).to_string();
        let keys = KeySet::parse(document.as_bytes()).map_err(failed)?;
        Ok(self.policy()?.revocations(RevocationSource::Local(keys)))
    }

    /// Revoke something; the next [`TestIssuer::feed`] tells.
    pub fn revoke(&self, entry: RevocationEntry) {
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    /// The complete revocation feed as the issuer would publish it now.
    ///
    /// # Errors
    /// [`TestIssuerError`] when the signature cannot be made.
    pub fn feed(&self) -> Result<String, TestIssuerError> {
        let revoked = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        let iat = self.clock.now();
        let claims = FeedClaims {
            iss: &self.issuer,
            iat,
            exp: iat + revocation::LIFETIME,
            // Every entry is one change.
            seq: revoked.len() as u64,
            since: 0,
            entries: &revoked,
        };
        revocation::sign(&claims, &self.list_key).map_err(failed)
    }

    /// A token for `audience`, to be shaped and minted.
    pub fn token(&self, audience: impl Into<String>) -> TestToken<'_> {
        TestToken {
            issuer: self,
            audience: audience.into(),
            client_id: "test-client".to_owned(),
            agent_uri: None,
            iol_identifier: None,
            roles: Vec::new(),
            scope: None,
            lifetime: 600,
            age: 0,
            typ: AccessTokenTyp::AtJwt,
            confirmation: None,
        }
    }
}

/// A client with a key of its own that sends requests with proofs, as honest clients do.
#[derive(Debug)]
pub struct TestSender {
    key: SigningKey,
    clock: Clock,
    entropy: Entropy,
}

impl TestSender {
    /// A client with a fresh ES256 key.
    ///
    /// # Errors
    /// [`TestIssuerError`] when no key can be made.
    pub fn new(clock: &Clock) -> Result<Self, TestIssuerError> {
        let (key, _) = fresh_key("test-client-key")?;
        Ok(Self { key, clock: clock.clone(), entropy: Entropy::system() })
    }

    /// The key, for proofs that no honest client would make.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// What binds a token to this client's key, for [`TestToken::bound_to`].
    ///
    /// # Errors
    /// [`TestIssuerError`] when the key has no thumbprint.
    pub fn confirmation(&self) -> Result<Confirmation, TestIssuerError> {
        let jwk = self.key.public_jwk().ok_or_else(|| failed("no public key"))?;
        Ok(Confirmation::key(KeyRef::new(self.key.kid(), jwk.thumbprint().map_err(failed)?)))
    }

    /// The client's registered keys, for [`ClientKeySource::Static`](crate::ClientKeySource).
    ///
    /// # Errors
    /// [`TestIssuerError`] when the key set cannot be read.
    pub fn key_set(&self) -> Result<KeySet, TestIssuerError> {
        let jwk = self.key.public_jwk().ok_or_else(|| failed("no public key"))?;
        KeySet::parse(json!({ "keys": [jwk.to_value()] }).to_string().as_bytes()).map_err(failed)
    }

    /// The same request with the token and a proof of this kind; its URI must be absolute.
    ///
    /// # Errors
    /// [`TestIssuerError`] when the request cannot be signed, or the kind needs no signature ([`ProofKind::Mtls`]).
    pub fn sign(
        &self,
        kind: ProofKind,
        token: &str,
        mut request: http::Request<Vec<u8>>,
        nonce: Option<&str>,
    ) -> Result<http::Request<Vec<u8>>, TestIssuerError> {
        let (now, jti) = (self.clock.now(), self.entropy.alphanumeric(22));
        let digest = BodyDigest::of(request.body());
        let mut add = vec![];
        match kind {
            ProofKind::Mtls => return Err(failed("a certificate is shown by the connection")),
            ProofKind::Shr => {
                let making = shr::Making { access_token: token, now, jti: &jti, nonce };
                let made = view(&request, &digest, |view| shr::make(&making, view, &self.key));
                add.push(("authorization", format!("PoP {}", made?.map_err(failed)?)));
            }
            ProofKind::Dpop => {
                let url = request.uri().to_string();
                let method = request.method().as_str();
                let access_token = Some(token);
                let making = dpop::Making { method, url: &url, now, jti: &jti, access_token, nonce };
                let proof = dpop::make(&making, &self.key).map_err(failed)?;
                add.push(("authorization", format!("DPoP {token}")));
                add.push(("dpop", proof));
            }
            ProofKind::MessageSignature => {
                let authorization = format!("PoP {token}");
                request.headers_mut().insert("authorization", authorization.parse().map_err(failed)?);
                if !request.body().is_empty() {
                    let digest = message_signature::content_digest(&digest);
                    request.headers_mut().insert("content-digest", digest.parse().map_err(failed)?);
                }
                let making = message_signature::Making { keyid: self.key.kid(), now, nonce: &jti };
                let sign = |view: &RequestView<'_>| message_signature::sign_request(&making, view, &self.key);
                let fields = view(&request, &digest, sign)?.map_err(failed)?;
                add.push(("signature-input", fields.signature_input));
                add.push(("signature", fields.signature));
            }
        }
        for (name, value) in add {
            request.headers_mut().insert(name, value.parse().map_err(failed)?);
        }
        Ok(request)
    }
}

/// Looks at a request as its receiver will.
fn view<T>(
    request: &http::Request<Vec<u8>>,
    digest: &BodyDigest,
    look: impl FnOnce(&RequestView<'_>) -> T,
) -> Result<T, TestIssuerError> {
    let lines = crate::verifier::header_lines(request.headers());
    let uri = request.uri();
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(failed("the URI is not absolute"));
    };
    Ok(look(&RequestView {
        method: request.method().as_str(),
        scheme,
        authority: authority.as_str(),
        path: uri.path(),
        query: uri.query(),
        headers: &lines,
        body: Body::Digest(digest),
        certificate: Certificate::None,
    }))
}

fn fresh_key(kid: &str) -> Result<(SigningKey, Jwk), TestIssuerError> {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
    let der = pair.to_pkcs8v1().map_err(failed)?;
    let key = SigningKey::from_pkcs8_der(kid, Algorithm::Es256, der.as_ref()).map_err(failed)?;
    let jwk = key.public_jwk().cloned().ok_or_else(|| failed("no public key"))?;
    Ok((key, jwk))
}

/// A token of a [`TestIssuer`] that has not been minted yet.
#[derive(Clone, Debug)]
#[must_use]
pub struct TestToken<'a> {
    issuer: &'a TestIssuer,
    audience: String,
    client_id: String,
    agent_uri: Option<String>,
    iol_identifier: Option<String>,
    roles: Vec<String>,
    scope: Option<String>,
    lifetime: i64,
    age: i64,
    typ: AccessTokenTyp,
    confirmation: Option<Confirmation>,
}

impl TestToken<'_> {
    /// `client_id` and `sub`.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = client_id.into();
        self
    }

    /// `logistics_agent_uri`.
    pub fn agent_uri(mut self, uri: impl Into<String>) -> Self {
        self.agent_uri = Some(uri.into());
        self
    }

    /// The ONE Record ID of the 2020 specification.
    pub fn iol_identifier(mut self, uri: impl Into<String>) -> Self {
        self.iol_identifier = Some(uri.into());
        self
    }

    /// One more role; the first is the main one.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// Scopes, separated by blanks.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// `exp` − `iat` in seconds, by default 600.
    pub fn lifetime(mut self, seconds: i64) -> Self {
        self.lifetime = seconds;
        self
    }

    /// How long ago it was issued, in seconds.
    pub fn age(mut self, seconds: i64) -> Self {
        self.age = seconds;
        self
    }

    /// `typ`, by default `at+jwt`.
    pub fn typ(mut self, typ: AccessTokenTyp) -> Self {
        self.typ = typ;
        self
    }

    /// `cnf`: bind it to a key or a certificate.
    pub fn bound_to(mut self, confirmation: Confirmation) -> Self {
        self.confirmation = Some(confirmation);
        self
    }

    /// Sign it.
    ///
    /// # Errors
    /// [`TestIssuerError`] when the signature cannot be made.
    pub fn mint(&self) -> Result<String, TestIssuerError> {
        let iat = self.issuer.clock.now() - self.age;
        let jti = self.issuer.entropy.uuid();
        let roles: Vec<&str> = self.roles.iter().map(String::as_str).collect();
        let claims = AccessTokenClaims {
            iss: &self.issuer.issuer,
            sub: &self.client_id,
            client_id: &self.client_id,
            aud: &[&self.audience],
            exp: iat + self.lifetime,
            iat,
            nbf: iat - 5,
            jti: &jti,
            scope: self.scope.as_deref(),
            cnf: self.confirmation.as_ref(),
            logistics_agent_uri: self.agent_uri.as_deref(),
            iol_identifier: self.iol_identifier.as_deref(),
            role: roles.first().copied(),
            roles: &roles,
            names: ClaimNames::standard(),
        };
        access_token::mint(&claims, self.typ, &self.issuer.key).map_err(failed)
    }
}
