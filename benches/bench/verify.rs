//! `verify.*`: the decision about a token by the embedded verifier, warm and without HTTP, beside the raw rate at which
//! the signature library verifies the same signatures: by its plain call, which takes the key as bytes; and for
//! orientation with the key kept prepared, which is the fastest that it can.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use carnet_testkit::ClientKeyPair;
use carnet_testkit::measure::{Figure, Goal};
use carnet_token::{
    AccessTokenClaims, AccessTokenTyp, ClaimNames, Confirmation, Jwk, access_token, base64url,
};
use carnet_verifier::{IssuerPolicy, KeySet, KeySource, Verifier};
use tokio::runtime::Builder;

use super::measurement::{Outcome, PER_SECOND, Setup};

pub const ISSUER: &str = "https://iap.bench.example";
pub const AUDIENCE: &str = "https://1r.bench.example";
pub const CLIENT: &str = "01JDB3N8Y6W0000000000000AA";
/// Different tokens, in turn: no two of them in a row are equal.
const TOKENS: usize = 64;

/// A key pair, and its public half as the library takes it.
pub struct Pair {
    pub key: ClientKeyPair,
    pub bytes: Bytes,
    prepared: ParsedPublicKey,
}

/// A public key as bytes.
pub enum Bytes {
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    Point(UnparsedPublicKey<Vec<u8>>),
}

impl Bytes {
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Unspecified> {
        match self {
            Self::Rsa(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
            Self::Point(key) => key.verify(message, signature),
        }
    }
}

pub fn rs256() -> Outcome<Pair> {
    let key = ClientKeyPair::rs256("bench");
    let jwk = public(&key)?;
    let components = RsaPublicKeyComponents { n: member(jwk.n.as_ref())?, e: member(jwk.e.as_ref())? };
    let prepared = components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)?;
    Ok(Pair { key, bytes: Bytes::Rsa(components), prepared })
}

pub fn es256() -> Outcome<Pair> {
    let key = ClientKeyPair::es256("bench");
    let jwk = public(&key)?;
    let point = [&[4][..], &member(jwk.x.as_ref())?, &member(jwk.y.as_ref())?].concat();
    let bytes = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    let prepared = bytes.parse()?;
    Ok(Pair { key, bytes: Bytes::Point(bytes), prepared })
}

fn public(key: &ClientKeyPair) -> Outcome<Jwk> {
    Ok(key.signing_key().public_jwk().ok_or("a key without public half")?.clone())
}

fn member(text: Option<&String>) -> Outcome<Vec<u8>> {
    Ok(base64url::decode(text.ok_or("a member is missing")?)?)
}

pub fn measure(setup: &Setup, name: &'static str, pair: &Pair) -> Outcome<Vec<Figure>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let entered = runtime.enter();
    let keys = KeySet::parse(pair.key.jwks().to_string().as_bytes())?;
    let policy = IssuerPolicy::new(ISSUER).keys(KeySource::Static(keys)).allow_bearer(true);
    let verifier = Verifier::builder(AUDIENCE).trust(policy).build()?;
    let tokens = (0..TOKENS).map(|_| token(setup, &pair.key, None)).collect::<Outcome<Vec<_>>>()?;
    let signed = tokens.iter().map(|token| taken_apart(token)).collect::<Outcome<Vec<_>>>()?;
    drop(entered);
    let (mut next, mut next_raw, mut next_prepared) = (0, 0, 0);
    let [value, floor, prepared] = setup.interleave([
        &mut || {
            setup.rate_of(|| {
                next = (next + 1) % TOKENS;
                let identity = runtime.block_on(verifier.verify_bearer(&tokens[next]));
                std::hint::black_box(identity.map_err(|challenge| format!("refused: {challenge:?}"))?);
                Ok(())
            })
        },
        &mut || {
            setup.rate_of(|| {
                next_raw = (next_raw + 1) % TOKENS;
                let (message, signature) = &signed[next_raw];
                Ok(pair.bytes.verify(message.as_bytes(), signature)?)
            })
        },
        &mut || {
            setup.rate_of(|| {
                next_prepared = (next_prepared + 1) % TOKENS;
                let (message, signature) = &signed[next_prepared];
                Ok(pair.prepared.verify_sig(message.as_bytes(), signature)?)
            })
        },
    ])?;
    Ok(vec![
        Figure::new(name, PER_SECOND, value)
            .floor("raw verification", floor, Some(Goal::AtLeast(0.85)))
            .beside("raw, key prepared", prepared, None),
    ])
}

pub fn token(setup: &Setup, key: &ClientKeyPair, cnf: Option<&Confirmation>) -> Outcome<String> {
    let (iat, jti) = (setup.clock.now(), setup.entropy.uuid());
    let claims = AccessTokenClaims {
        iss: ISSUER,
        sub: CLIENT,
        client_id: CLIENT,
        aud: &[AUDIENCE],
        exp: iat + 3_000,
        iat,
        nbf: iat - 5,
        jti: &jti,
        scope: Some("events:write logistics_objects:read logistics_objects:write"),
        cnf,
        logistics_agent_uri: Some(super::iap::AGENT),
        iol_identifier: Some(super::iap::IDENTIFIER),
        role: Some("CAR"),
        roles: &["CAR"],
        names: ClaimNames::standard(),
    };
    Ok(access_token::mint(&claims, AccessTokenTyp::AtJwt, key.signing_key())?)
}

/// What was signed, and the signature as bytes.
fn taken_apart(token: &str) -> Outcome<(String, Vec<u8>)> {
    let (message, signature) = token.rsplit_once('.').ok_or("a token without a signature")?;
    Ok((message.to_owned(), base64url::decode(signature)?))
}
