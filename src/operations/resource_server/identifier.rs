use url::{Host, Url};

use crate::config::Config;

const SCHEME: &str =
    "must be an absolute https URI (http only for a loopback host where allow_insecure_loopback is set)";

/// Checks what shall stand in `aud` (RFC 8707 §2: an absolute URI without fragment).
///
/// It is compared character by character, by this server and by the resource server, so that it is kept as it
/// was given.
pub(super) fn check(text: &str, config: &Config) -> Result<String, &'static str> {
    if config.tokens().network_audience.as_deref() == Some(text) {
        // Tokens for the whole network have rules of their own: a server that bore this name would escape them.
        return Err("is the network audience, which cannot be a single server");
    }
    check_uri(text, config.allow_insecure_loopback())
}

fn check_uri(text: &str, allow_insecure_loopback: bool) -> Result<String, &'static str> {
    if text.len() > 512 {
        return Err("must have at most 512 characters");
    }
    let printable = |b: u8| {
        b.is_ascii_graphic() && !matches!(b, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
    };
    if !text.bytes().all(printable) {
        return Err("must be printable ASCII: percent-encode what is not");
    }
    if text.contains('#') {
        return Err("must not have a fragment");
    }
    // Url::parse repairs `https:/host` and `https:host`; an identifier is never repaired.
    if !text.starts_with("https://") && !text.starts_with("http://") {
        return Err(SCHEME);
    }
    let url = Url::parse(text).map_err(|_| SCHEME)?;
    let host = url.host().ok_or(SCHEME)?;
    if url.scheme() == "http" && !(allow_insecure_loopback && is_loopback(&host)) {
        return Err(SCHEME);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain user information");
    }
    let origin = url.origin().ascii_serialization();
    let rest = text
        .strip_prefix(&origin)
        .ok_or("must begin with the scheme and host in lower case, without a default port")?;
    if rest.is_empty() || rest.starts_with(['/', '?']) {
        Ok(text.to_owned())
    } else {
        Err("must begin with the scheme and host in lower case, without a default port")
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_https_uris_are_kept_as_they_are() {
        for text in [
            "https://record.example",
            "https://record.example/",
            "https://record.example:8443/onerecord/v2?tenant=a",
            "https://[2001:db8::1]/x",
        ] {
            assert_eq!(check_uri(text, false).unwrap(), text);
        }
        for text in ["http://127.0.0.1:8082", "http://localhost/record", "http://[::1]:1/x"] {
            assert_eq!(check_uri(text, true).unwrap(), text);
            assert!(check_uri(text, false).is_err(), "{text}");
        }
    }

    #[test]
    fn what_two_readers_could_spell_differently_is_refused() {
        for text in [
            "",
            "record",
            "record.example",
            "urn:record",
            "ftp://record.example",
            "http://record.example",
            "https:record.example",
            "https:/record.example",
            "https://",
            "https:///x",
            "HTTPS://record.example",
            "https://Record.example",
            "https://record.example:443",
            "https://record.example:0443/",
            "https://user@record.example",
            "https://user:pw@record.example",
            "https://record.example/#f",
            "https://record.example#",
            "https://record.example/a b",
            "https://record.example/\n",
            "https://récord.example",
            "https://record.example\\x",
            "https://ex%61mple.com",
            "https://127.1/x",
            " https://record.example",
        ] {
            assert!(check_uri(text, true).is_err(), "{text}");
        }
        assert!(check_uri(&format!("https://record.example/{}", "a".repeat(500)), true).is_err());
    }
}
