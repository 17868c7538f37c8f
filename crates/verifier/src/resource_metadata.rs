//! What this server says of itself (RFC 9728).

use carnet_token::Algorithm;
use carnet_token::proof::{ProofKind, ProofKinds};
use serde_json::{Map, Value, json};

use crate::Verifier;

impl Verifier {
    /// The protected resource metadata of this server (RFC 9728 §2), to be served at
    /// `/.well-known/oauth-protected-resource` as `application/json`.
    ///
    /// `resource` must be the identifier that a client asked with, and `scopes` those that it may need.
    #[must_use]
    pub fn resource_metadata(&self, resource: &str, scopes: &[&str]) -> Value {
        let settings = self.settings();
        let kinds = self.spoken_kinds();
        let mut issuers: Vec<&str> = settings.issuers.keys().map(String::as_str).collect();
        issuers.sort_unstable();
        let algorithms = Algorithm::NAMES;
        let names: Vec<&str> = kinds.iter().map(ProofKind::as_str).collect();
        let mut document = Map::new();
        let mut say = |name: &str, value: Value| document.insert(name.to_owned(), value);
        say("resource", resource.into());
        say("authorization_servers", json!(issuers));
        if !scopes.is_empty() {
            say("scopes_supported", json!(scopes));
        }
        // Tokens come in the Authorization field, whatever the scheme.
        say("bearer_methods_supported", json!(["header"]));
        say("tls_client_certificate_bound_access_tokens", kinds.contains(ProofKind::Mtls).into());
        if kinds.contains(ProofKind::Dpop) {
            say("dpop_signing_alg_values_supported", json!(algorithms));
            let only_dpop = kinds == ProofKinds::NONE.with(ProofKind::Dpop) && !self.speaks_bearer();
            say("dpop_bound_access_tokens_required", only_dpop.into());
        }
        say("pop_methods_supported", json!(names));
        say("pop_signing_alg_values_supported", json!(algorithms));
        say("pop_required", (!self.speaks_bearer()).into());
        Value::Object(document)
    }
}
