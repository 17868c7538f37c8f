//! An issuer, its clients' keys, and a request.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use carnet_token::access_token::{self, Unverified};
use carnet_token::proof::{
    Body, BodyDigest, Certificate, Checked, Presentation, ProofError, ProofRules, RequestView,
    dpop as dpop_proof, message_signature as signature, shr as signed_request,
};
use carnet_token::{
    AccessToken, AccessTokenClaims, AccessTokenTyp, Algorithm, ClaimNames, Confirmation, IssuerRules, KeyRef,
    PublicKey, SigningKey,
};

pub const NOW: i64 = 1_800_000_000;
pub const HOST: &str = "1r.example";
const ISSUER: &str = "https://iap.example";
pub const JTI: &str = "a-fresh-text-of-the-client";

pub fn key(kid: &str, algorithm: Algorithm) -> SigningKey {
    let der = match algorithm {
        Algorithm::Rs256 | Algorithm::Ps256 => {
            let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
            AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap().as_ref().to_vec()
        }
        Algorithm::Es256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
            pair.to_pkcs8v1().unwrap().as_ref().to_vec()
        }
        Algorithm::EdDsa => Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap().as_ref().to_vec(),
    };
    SigningKey::from_pkcs8_der(kid, algorithm, &der).unwrap()
}

pub fn public(key: &SigningKey) -> PublicKey {
    PublicKey::from_jwk(key.public_jwk().unwrap()).unwrap()
}

pub struct Stage {
    pub issuer: SigningKey,
    pub client: SigningKey,
}

impl Stage {
    pub fn new() -> Self {
        Self::with(Algorithm::Es256)
    }

    pub fn with(algorithm: Algorithm) -> Self {
        Self { issuer: key("iap-1", Algorithm::EdDsa), client: key("client-1", algorithm) }
    }

    /// As this network binds: by registered name and thumbprint.
    pub fn bound(&self) -> String {
        let public = public(&self.client);
        self.mint(Some(&Confirmation::key(KeyRef::new(public.kid(), public.thumbprint()))))
    }

    pub fn mint(&self, cnf: Option<&Confirmation>) -> String {
        let claims = AccessTokenClaims {
            iss: ISSUER,
            sub: "client",
            client_id: "client",
            aud: &["https://1r.example"],
            exp: NOW + 600,
            iat: NOW,
            nbf: NOW,
            jti: "t",
            scope: None,
            cnf,
            logistics_agent_uri: None,
            iol_identifier: None,
            role: None,
            roles: &[],
            names: ClaimNames::standard(),
        };
        access_token::mint(&claims, AccessTokenTyp::AtJwt, &self.issuer).unwrap()
    }

    pub fn validated(&self, token: &str) -> AccessToken {
        let unverified = Unverified::parse(token).unwrap();
        let rules = IssuerRules::new(ISSUER);
        unverified.verify(&rules, &public(&self.issuer), &["https://1r.example"], NOW, 30).unwrap()
    }

    /// What a resource server makes of a request, at `now`.
    pub fn judge_at(
        &self,
        request: &RequestView<'_>,
        rules: &ProofRules<'_>,
        now: i64,
    ) -> Result<Checked, ProofError> {
        let shown = Presentation::of(request, false)?;
        let token = self.validated(shown.access_token());
        let registered = public(&self.client);
        let registered = shown.wants_registered_key(&token).then_some(&registered);
        shown.check(&token, registered, request, rules, now)
    }

    pub fn judge(&self, request: &RequestView<'_>) -> Result<Checked, ProofError> {
        self.judge_at(request, &ProofRules::STRICT, NOW)
    }

    pub fn shr(&self, token: &str, request: &Sent) -> Sent {
        let making = signed_request::Making {
            access_token: token,
            now: NOW,
            jti: JTI,
            nonce: request.nonce.as_deref(),
        };
        let proof = request.view(|view| signed_request::make(&making, view, &self.client).unwrap());
        request.clone().with("authorization", &format!("PoP {proof}"))
    }

    pub fn dpop(&self, token: &str, request: &Sent) -> Sent {
        let url = format!("https://{}{}", request.authority, request.path);
        let making = dpop_proof::Making {
            method: &request.method,
            url: &url,
            now: NOW,
            jti: JTI,
            access_token: Some(token),
            nonce: request.nonce.as_deref(),
        };
        let proof = dpop_proof::make(&making, &self.client).unwrap();
        request.clone().with("authorization", &format!("DPoP {token}")).with("dpop", &proof)
    }

    /// Signs what is there; `authorization` is set unless it is there already.
    pub fn signed(&self, token: &str, request: &Sent) -> Sent {
        let mut request = request.clone();
        if !request.headers.iter().any(|(name, _)| name == "authorization") {
            request = request.with("authorization", &format!("PoP {token}"));
        }
        if !request.body.is_empty() {
            let digest = signature::content_digest(&BodyDigest::of(&request.body));
            request = request.with("content-digest", &digest);
        }
        let making = signature::Making { keyid: self.client.kid(), now: NOW, nonce: JTI };
        let fields = request.view(|view| signature::sign_request(&making, view, &self.client).unwrap());
        request.with("signature-input", &fields.signature_input).with("signature", &fields.signature)
    }
}

/// A request as it goes over the wire.
#[derive(Clone)]
pub struct Sent {
    pub method: String,
    pub authority: String,
    pub path: String,
    pub query: Option<String>,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    pub certificate: Option<Vec<u8>>,
    pub nonce: Option<String>,
}

impl Sent {
    pub fn get() -> Self {
        Self {
            method: "GET".to_owned(),
            authority: HOST.to_owned(),
            path: "/logistics-objects/1a8ded38".to_owned(),
            query: Some("embedded=true&at=2026-01-01T00%3A00%3A00Z&note=a%20b+c&flag".to_owned()),
            headers: vec![("accept".to_owned(), b"application/ld+json".to_vec())],
            body: Vec::new(),
            certificate: None,
            nonce: None,
        }
    }

    pub fn post() -> Self {
        let body = br#"{"@type":"Notification"}"#.to_vec();
        Self {
            method: "POST".to_owned(),
            path: "/notifications".to_owned(),
            query: None,
            body,
            ..Self::get()
        }
        .with("content-type", "application/ld+json")
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    pub fn view<T>(&self, look: impl FnOnce(&RequestView<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let digest = BodyDigest::of(&self.body);
        look(&RequestView {
            method: &self.method,
            scheme: "https",
            authority: &self.authority,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &headers,
            body: Body::Digest(&digest),
            certificate: self.certificate.as_deref().map_or(Certificate::None, Certificate::Presented),
        })
    }
}
