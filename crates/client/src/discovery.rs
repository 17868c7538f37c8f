//! Where the token endpoint is: RFC 8414 §3, OpenID Connect Discovery 1.0 §4.

use carnet_fetch::{Fetcher, Limits, same_place};
use carnet_token::json;
use http::StatusCode;
use url::Url;

use crate::TokenError;

/// Ask both well-known places; the second only if the first does not exist.
pub(crate) async fn token_endpoint(fetcher: &Fetcher, issuer: &str) -> Result<Url, TokenError> {
    let base: Url = issuer.parse().map_err(|_| refuse("the issuer is not a URL"))?;
    let path = base.path().trim_end_matches('/').to_owned();
    let places = [
        format!("{path}/.well-known/openid-configuration"),
        format!("/.well-known/oauth-authorization-server{path}"),
    ];
    for place in places {
        let mut url = base.clone();
        url.set_path(&place);
        let answer = fetcher.get(&url, Limits::key_set().with_port(base.port())).await?;
        match answer.status {
            StatusCode::OK => return check(&answer.bytes, issuer, &base),
            StatusCode::NOT_FOUND => {}
            other => return Err(TokenError::Metadata(format!("status {}", other.as_u16()))),
        }
    }
    Err(refuse("there is none (status 404)"))
}

fn check(body: &[u8], issuer: &str, base: &Url) -> Result<Url, TokenError> {
    let metadata = json::parse_object(body).map_err(|_| refuse("not a JSON object"))?;
    let text = |name: &str| metadata.get(name).and_then(serde_json::Value::as_str);
    // RFC 8414 §3.3: whoever answers for another issuer would receive the secrets meant for that one.
    if text("issuer") != Some(issuer) {
        return Err(refuse("it speaks for another issuer"));
    }
    let endpoint = text("token_endpoint").ok_or_else(|| refuse("it names no token_endpoint"))?;
    let endpoint: Url = endpoint.parse().map_err(|_| refuse("token_endpoint is not a URL"))?;
    if same_place(base, &endpoint) {
        Ok(endpoint)
    } else {
        Err(refuse("token_endpoint is on another host; configure it to allow that"))
    }
}

fn refuse(reason: &str) -> TokenError {
    TokenError::Metadata(reason.to_owned())
}
