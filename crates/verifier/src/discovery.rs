//! From an issuer to its key set and its revocation feed: OpenID Connect Discovery 1.0 §4, RFC 8414 §3.

mod directory;

use std::time::Duration;

use carnet_fetch::{Clamps, FetchError, Fetched, Fetcher, Limits, same_place};
use carnet_token::{KeySetError, json};
use http::StatusCode;
use url::Url;

pub(crate) use directory::Directory;

/// Why no key set could be had. Logged where it happens; the sender sees a 503.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum KeyTrouble {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("status {0}")]
    Status(u16),
    #[error("the answer is not JSON but {0}")]
    MediaType(String),
    #[error("key set: {0}")]
    KeySet(#[from] KeySetError),
    #[error("metadata: {0}")]
    Metadata(&'static str),
    #[error("the issuer does not publish the keys that sign its lists and feeds")]
    NoListKeys,
    #[error("the task that reads the key set ended")]
    Task,
}

impl KeyTrouble {
    /// Whether the server could not be asked, as opposed to having said something that is refused.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Fetch(_) | Self::Status(_))
    }
}

/// The part of the metadata that a resource server needs.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) jwks_uri: Url,
    /// Where the registered keys of a client are, with `{client_id}` in the place of its name, if the issuer says so.
    pub(crate) client_keys: Option<String>,
    /// The revocation feed, if the issuer has one.
    pub(crate) feed: Option<Advertised>,
    pub(crate) lifetime: Duration,
}

/// Where an issuer's revocation feed is, and the keys that sign it: private members of the metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Advertised {
    /// There, both of them.
    At { revocations_uri: Url, trust_list_jwks_uri: Url },
    /// Nowhere that may be asked: not a URL, on another host, or without the keys.
    Unusable,
}

/// Ask both well-known places; the second only if the first does not exist.
pub(crate) async fn discover(
    fetcher: &Fetcher,
    issuer: &str,
    key_hosts: &[String],
) -> Result<Metadata, KeyTrouble> {
    let base: Url = issuer.parse().map_err(|_| KeyTrouble::Metadata("the issuer is not a URL"))?;
    let limits = Limits::key_set().with_port(base.port());
    let mut last = KeyTrouble::Metadata("no place to look");
    for url in places(&base) {
        let answer = fetcher.get(&url, limits.clone()).await?;
        if answer.status == StatusCode::NOT_FOUND {
            last = KeyTrouble::Status(404);
            continue;
        }
        let body = json_body(&answer)?;
        let (jwks_uri, client_keys, feed) = check(body, issuer, &base, key_hosts)?;
        return Ok(Metadata {
            jwks_uri,
            client_keys,
            feed,
            lifetime: answer.freshness(&Clamps::metadata()).lifetime(),
        });
    }
    Err(last)
}

/// OpenID Connect appends to the issuer's path, RFC 8414 puts itself before it.
fn places(base: &Url) -> [Url; 2] {
    let path = base.path().trim_end_matches('/').to_owned();
    let (mut openid, mut oauth) = (base.clone(), base.clone());
    openid.set_path(&format!("{path}/.well-known/openid-configuration"));
    oauth.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
    [openid, oauth]
}

/// 200 and something that calls itself JSON, or does not call itself anything more specific.
pub(crate) fn json_body(answer: &Fetched) -> Result<&[u8], KeyTrouble> {
    if answer.status != StatusCode::OK {
        return Err(KeyTrouble::Status(answer.status.as_u16()));
    }
    match answer.media_type().as_deref() {
        None | Some("" | "application/json" | "text/json" | "text/plain" | "application/octet-stream") => {}
        Some(other) if other.ends_with("+json") => {}
        Some(other) => return Err(KeyTrouble::MediaType(other.chars().take(64).collect())),
    }
    Ok(&answer.bytes)
}

fn check(
    body: &[u8],
    issuer: &str,
    base: &Url,
    key_hosts: &[String],
) -> Result<(Url, Option<String>, Option<Advertised>), KeyTrouble> {
    let metadata = json::parse_object(body).map_err(|_| KeyTrouble::Metadata("not a JSON object"))?;
    let text = |name: &str| metadata.get(name).and_then(serde_json::Value::as_str);
    // RFC 8414 §3.3: a document that speaks for somebody else is not used.
    if text("issuer") != Some(issuer) {
        return Err(KeyTrouble::Metadata("issuer is not the expected one"));
    }
    let uri = text("jwks_uri").ok_or(KeyTrouble::Metadata("no jwks_uri"))?;
    let uri: Url = uri.parse().map_err(|_| KeyTrouble::Metadata("jwks_uri is not a URL"))?;
    if !same_place(base, &uri) && !key_hosts.iter().any(|allowed| is_at(&uri, allowed)) {
        return Err(KeyTrouble::Metadata("jwks_uri is on another host"));
    }
    let template = text("client_jwks_uri_template").map(str::to_owned);
    Ok((uri, template, advertised(&metadata, base)))
}

/// The feed and its keys, from the issuer itself: a host that may keep the key set has no say in what is revoked.
///
/// An address that is refused is kept as one that nothing can be fetched from: an issuer whose feed cannot be followed
/// is not one without a feed.
fn advertised(metadata: &serde_json::Map<String, serde_json::Value>, base: &Url) -> Option<Advertised> {
    let feed = metadata.get("revocations_uri")?;
    let own = |value: Option<&serde_json::Value>| {
        let url = value.and_then(serde_json::Value::as_str).and_then(|text| text.parse::<Url>().ok());
        url.filter(|url| same_place(base, url) && url.fragment().is_none())
    };
    match (own(Some(feed)), own(metadata.get("trust_list_jwks_uri"))) {
        (Some(revocations_uri), Some(trust_list_jwks_uri)) => {
            Some(Advertised::At { revocations_uri, trust_list_jwks_uri })
        }
        _ => Some(Advertised::Unusable),
    }
}

fn is_at(uri: &Url, allowed: &str) -> bool {
    let host = uri.host_str().unwrap_or_default();
    match uri.port() {
        None => host == allowed,
        Some(port) => {
            allowed.strip_prefix(host).and_then(|rest| rest.strip_prefix(':')) == Some(&port.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(issuer: &str, document: &str, key_hosts: &[&str]) -> Result<String, KeyTrouble> {
        let hosts: Vec<String> = key_hosts.iter().map(|&host| host.to_owned()).collect();
        check(document.as_bytes(), issuer, &issuer.parse().unwrap(), &hosts).map(|(uri, ..)| uri.into())
    }

    fn document(issuer: &str, jwks_uri: &str) -> String {
        serde_json::json!({ "issuer": issuer, "jwks_uri": jwks_uri }).to_string()
    }

    #[test]
    fn a_document_of_another_issuer_is_refused() {
        for other in
            ["https://iap.example/", "https://IAP.example", "https://iap.example:443", "https://b.example"]
        {
            let document = document(other, "https://iap.example/jwks");
            assert!(judge("https://iap.example", &document, &[]).is_err(), "{other}");
        }
    }

    #[test]
    fn a_key_set_on_another_host_is_refused_unless_allowed() {
        let issuer = "https://iap.example";
        for uri in [
            "https://evil.example/jwks",
            "https://iap.example.evil.example/jwks",
            "https://eviliap.example/jwks",
            "https://iap.example:8443/jwks",
            "http://iap.example/jwks",
            "https://keys.iap.example/jwks",
            "https://169.254.169.254/",
        ] {
            assert!(judge(issuer, &document(issuer, uri), &[]).is_err(), "{uri}");
        }
        assert!(judge(issuer, &document(issuer, "https://iap.example/a/b?c"), &[]).is_ok());
        let elsewhere = document(issuer, "https://keys.example/jwks");
        assert!(judge(issuer, &elsewhere, &["keys.example"]).is_ok());
        assert!(judge(issuer, &elsewhere, &["keys"]).is_err());
        let port = document(issuer, "https://keys.example:8443/jwks");
        assert!(judge(issuer, &port, &["keys.example"]).is_err());
        assert!(judge(issuer, &port, &["keys.example:8443"]).is_ok());
    }

    #[test]
    fn on_loopback_the_port_belongs_to_the_host() {
        let issuer = "http://127.0.0.1:8080";
        assert!(judge(issuer, &document(issuer, "http://127.0.0.1:8080/jwks"), &[]).is_ok());
        for uri in ["http://127.0.0.1:8081/jwks", "http://127.0.0.1/jwks", "http://localhost:8080/jwks"] {
            assert!(judge(issuer, &document(issuer, uri), &[]).is_err(), "{uri}");
        }
    }

    #[test]
    fn a_document_with_duplicate_members_is_refused() {
        let twice = r#"{"issuer":"https://b.example","issuer":"https://iap.example","jwks_uri":"https://iap.example/j"}"#;
        assert!(judge("https://iap.example", twice, &[]).is_err());
    }

    #[test]
    fn a_feed_is_followed_at_the_issuer_alone() {
        let issuer = "https://iap.example";
        let judge = |feed: serde_json::Value, keys: serde_json::Value| {
            let mut metadata =
                serde_json::json!({ "issuer": issuer, "jwks_uri": "https://keys.example/jwks" });
            for (name, value) in [("revocations_uri", feed), ("trust_list_jwks_uri", keys)] {
                if !value.is_null() {
                    metadata[name] = value;
                }
            }
            let hosts = ["keys.example".to_owned()];
            check(metadata.to_string().as_bytes(), issuer, &issuer.parse().unwrap(), &hosts).unwrap().2
        };
        let (feed, keys) = ("https://iap.example/revocations", "https://iap.example/trusted-iaps/keys.json");
        let at = judge(feed.into(), keys.into());
        assert_eq!(
            at,
            Some(Advertised::At {
                revocations_uri: feed.parse().unwrap(),
                trust_list_jwks_uri: keys.parse().unwrap()
            })
        );
        assert_eq!(judge(serde_json::Value::Null, keys.into()), None);
        for (feed, keys) in [
            ("https://keys.example/revocations", keys),
            (feed, "https://keys.example/keys.json"),
            ("http://iap.example/revocations", keys),
            ("https://iap.example:8443/revocations", keys),
            ("https://iap.example@evil.example/revocations", keys),
            ("/revocations", keys),
            ("", keys),
            (feed, ""),
        ] {
            assert_eq!(judge(feed.into(), keys.into()), Some(Advertised::Unusable), "{feed} {keys}");
        }
        assert_eq!(judge(feed.into(), serde_json::Value::Null), Some(Advertised::Unusable));
        assert_eq!(judge(7.into(), keys.into()), Some(Advertised::Unusable));
    }

    #[test]
    fn both_well_known_places_are_made_from_the_path() {
        let places = |issuer: &str| super::places(&issuer.parse().unwrap()).map(String::from);
        assert_eq!(
            places("https://idp.example/realms/one"),
            [
                "https://idp.example/realms/one/.well-known/openid-configuration",
                "https://idp.example/.well-known/oauth-authorization-server/realms/one"
            ]
        );
        assert_eq!(places("https://idp.example/")[0], "https://idp.example/.well-known/openid-configuration");
        assert_eq!(
            places("https://idp.example")[1],
            "https://idp.example/.well-known/oauth-authorization-server"
        );
    }
}
