//! A machine's own login: what `carnet token get` and `carnet request` ask with.

use std::path::{Path, PathBuf};

use carnet_client::{
    Algorithm, ClientAuthentication, ProofKind, Resource, SigningKey, TokenError, TokenSource, Url,
};
use clap::{Args, ValueEnum};
use zeroize::Zeroizing;

use super::stop::Stop;
use super::{client_secret, fetch_policy};

/// Who asks, and what its tokens are bound to.
#[derive(Debug, Clone, Args)]
pub(super) struct Login {
    /// The identity provider's address, exactly as in its metadata.
    #[arg(long, value_name = "URL", env = "CARNET_ISSUER")]
    issuer: String,
    /// The machine's client id.
    #[arg(long, value_name = "ID", env = "CARNET_CLIENT_ID")]
    client_id: String,
    /// A file with its secret, `-` for standard input. Without it the machine authenticates with its key.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// A file with its private key, a JWK or PKCS#8 in PEM: its tokens are bound to it.
    #[arg(long, value_name = "FILE", env = "CARNET_CLIENT_KEY", required_unless_present = "secret_file")]
    key: Option<PathBuf>,
    /// The name under which the key is registered. Default: the `kid` of the JWK, or the thumbprint.
    #[arg(long, value_name = "KID", requires = "key")]
    kid: Option<String>,
    /// How possession of the key is proven. `none`: a bearer token, where the machine may have one.
    #[arg(long, value_name = "KIND", value_enum, default_value_t = Proof::Shr)]
    proof: Proof,
    /// A scope to ask for; may be repeated. Default: all that the machine may have.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// The resource server to use the token at; may be repeated. Default: the machine's default one.
    #[arg(long = "resource", value_name = "IDENTIFIER")]
    resources: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Proof {
    /// A signed HTTP request.
    Shr,
    /// `DPoP`, RFC 9449.
    Dpop,
    /// An HTTP message signature, RFC 9421.
    Httpsig,
    /// No proof.
    None,
}

impl Login {
    /// A source of tokens; no network is touched.
    pub(super) fn tokens(&self) -> Result<TokenSource, Stop> {
        let url: Url = self
            .issuer
            .parse()
            .map_err(|error| Stop::usage(format!("--issuer {} is no URL: {error}", self.issuer)))?;
        let key = self.key.as_deref().map(|path| read_key(path, self.kid.as_deref())).transpose()?;
        let authentication = match (&self.secret_file, &key) {
            (Some(path), _) => {
                ClientAuthentication::secret_basic(&self.client_id, client_secret::read(path)?.as_str())
            }
            (None, Some(key)) => ClientAuthentication::private_key_jwt(&self.client_id, key.clone()),
            (None, None) => return Err(Stop::usage("give --key FILE or --secret-file FILE")),
        };
        let mut builder = TokenSource::builder(&self.issuer, authentication).fetch_policy(fetch_policy(&url));
        builder = self.scopes.iter().fold(builder, carnet_client::TokenSourceBuilder::scope);
        builder = self.resources.iter().fold(builder, carnet_client::TokenSourceBuilder::resource);
        let kind = match self.proof {
            Proof::Shr => Some(ProofKind::Shr),
            Proof::Dpop => Some(ProofKind::Dpop),
            Proof::Httpsig => Some(ProofKind::MessageSignature),
            Proof::None => None,
        };
        if let (Some(key), Some(kind)) = (key, kind) {
            builder = builder.bound_to(key, kind);
        }
        builder.build().map_err(|error| Stop::usage(error.to_string()))
    }

    /// What sends to `url`.
    pub(super) fn resource(&self, url: &Url) -> Result<Resource, Stop> {
        Resource::new(self.tokens()?, fetch_policy(url)).map_err(|error| Stop::usage(error.to_string()))
    }
}

/// Why there is no token, and what to do about it.
pub(super) fn sentence(error: &TokenError) -> String {
    let advice = match error {
        TokenError::OAuth { error, .. } if error == "invalid_client" => {
            "; the client id, its secret or its key are wrong, or the client is registered for another way to authenticate"
        }
        TokenError::TokenType(_) => {
            "; give --key FILE if the client needs bound tokens, or --proof none if it gets bearer tokens"
        }
        _ => "",
    };
    format!("no token: {error}{advice}")
}

/// A private key in one of the forms in which people have it.
fn read_key(path: &Path, kid: Option<&str>) -> Result<SigningKey, Stop> {
    let text = Zeroizing::new(
        std::fs::read(path)
            .map_err(|error| Stop::usage(format!("{} cannot be read: {error}", path.display())))?,
    );
    let wrong = |reason: &str| {
        Stop::usage(format!("{} is no private key that can be used: {reason}", path.display()))
    };
    if text.trim_ascii_start().starts_with(b"{") {
        let mut value: serde_json::Value =
            serde_json::from_slice(&text).map_err(|error| wrong(&error.to_string()))?;
        if let Some(kid) = kid {
            value["kid"] = kid.into();
        }
        return SigningKey::from_jwk_value(&value).map_err(|error| wrong(&error.to_string()));
    }
    // A PEM file does not say what it is for; its key says what it can be.
    let read = |kid: &str| {
        [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256]
            .into_iter()
            .find_map(|algorithm| SigningKey::from_pkcs8_pem(kid, algorithm, &text).ok())
            .ok_or_else(|| wrong("neither a JWK nor PKCS#8 in PEM of an EC P-256, Ed25519 or RSA key"))
    };
    if let Some(kid) = kid {
        return read(kid);
    }
    let key = read("unnamed")?;
    let thumbprint = key.public_jwk().and_then(|jwk| jwk.thumbprint().ok());
    read(&thumbprint.ok_or_else(|| wrong("its public half is not known"))?.to_string())
}

#[cfg(test)]
mod tests {
    use carnet_testkit::ClientKeyPair;

    use super::*;

    #[test]
    fn a_jwk_keeps_its_name_unless_another_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.json");
        // RFC 8037 appendix A.1.
        let jwk = serde_json::json!({
            "kty": "OKP", "crv": "Ed25519", "kid": "2026-11", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        });
        std::fs::write(&path, jwk.to_string()).unwrap();
        assert_eq!(read_key(&path, None).unwrap().kid(), "2026-11");
        assert_eq!(read_key(&path, Some("other")).unwrap().kid(), "other");
    }

    #[test]
    fn what_is_no_private_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let public = ClientKeyPair::es256("k").jwk().to_string();
        for text in
            ["", "{", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", public.as_str()]
        {
            std::fs::write(&path, text).unwrap();
            assert!(read_key(&path, None).unwrap_err().sentence().contains("is no private key"), "{text}");
        }
        assert!(
            read_key(&folder.path().join("none"), None).unwrap_err().sentence().contains("cannot be read")
        );
    }
}
