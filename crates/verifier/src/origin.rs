//! Under which address clients reach this server.

use url::Url;

/// Scheme and authority of a server, as its clients know them: proofs are compared with these and never with what a
/// header field says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) scheme: String,
    /// Host and, unless it is the default one, port.
    pub(crate) authority: String,
}

impl Origin {
    /// The origin of an absolute `https` or `http` URL; its path does not matter.
    pub(crate) fn of(url: &str) -> Option<Self> {
        let url: Url = url.parse().ok()?;
        if !matches!(url.scheme(), "https" | "http") || !url.username().is_empty() || url.password().is_some()
        {
            return None;
        }
        let host = url.host_str()?;
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Some(Self { scheme: url.scheme().to_owned(), authority })
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_and_authority() {
        for (url, origin) in [
            ("https://1r.example", Some("https://1r.example")),
            ("https://1R.Example:443/x?y", Some("https://1r.example")),
            ("http://127.0.0.1:8080/", Some("http://127.0.0.1:8080")),
            ("https://[::1]:8443", Some("https://[::1]:8443")),
            ("urn:example:server", None),
            ("1r.example", None),
            ("https://user@1r.example", None),
        ] {
            assert_eq!(Origin::of(url).map(|origin| origin.url()).as_deref(), origin, "{url}");
        }
    }
}
