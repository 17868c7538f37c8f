//! What may be fetched, and how much of it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use url::{Host, Url};

use crate::{AddressClass, FetchError};

/// What may be fetched. The default is the strict one: `https` on port 443 of public addresses.
#[derive(Clone, Debug, Default)]
pub struct FetchPolicy {
    /// Admit 127.0.0.0/8, `[::1]` and `localhost`, with `http` and on any port. For demonstrations and tests.
    pub allow_insecure_loopback: bool,
    /// Admit private, unique-local and carrier-grade-NAT addresses (never loopback). For laboratories.
    pub allow_private_networks: bool,
    /// PEM certificates that replace the platform's roots.
    pub ca_bundle_pem: Option<Vec<u8>>,
    /// Ports admitted beside 443.
    pub ports: Vec<u16>,
    /// Names answered from here and not by the resolver; the answers are vetted like any other.
    pub hosts: BTreeMap<String, Vec<IpAddr>>,
}

impl FetchPolicy {
    /// The strict policy, with loopback admitted if `url` (which its operator configured) is on it.
    #[must_use]
    pub fn for_configured(url: &Url) -> Self {
        Self {
            allow_insecure_loopback: is_loopback(url),
            ports: url.port().into_iter().collect(),
            ..Self::default()
        }
    }

    /// Vet everything of a URL that can be judged without resolving its name.
    ///
    /// # Errors
    /// The member of [`FetchError`] that names the part that is refused.
    pub fn vet(&self, url: &Url, limits: &Limits) -> Result<(), FetchError> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::UserInfo);
        }
        let loopback = self.allow_insecure_loopback && is_loopback(url);
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            other => return Err(FetchError::Scheme(other.to_owned())),
        }
        match url.host() {
            // A trailing dot makes a second spelling of the same host, which would pass a comparison of hosts.
            Some(Host::Domain(name)) if name.is_empty() || name.ends_with('.') || name.starts_with('.') => {
                return Err(FetchError::Host(name.to_owned()));
            }
            Some(Host::Domain(_)) => {}
            Some(Host::Ipv4(address)) => self.vet_literal(address.into(), url)?,
            Some(Host::Ipv6(address)) => self.vet_literal(address.into(), url)?,
            None => return Err(FetchError::Host(String::new())),
        }
        let port = url.port_or_known_default().unwrap_or(0);
        if loopback || port == 443 || self.ports.contains(&port) || limits.port == Some(port) {
            Ok(())
        } else {
            Err(FetchError::Port(port))
        }
    }

    /// The connector never asks the resolver about a literal, so it has to be judged here.
    fn vet_literal(&self, address: IpAddr, url: &Url) -> Result<(), FetchError> {
        self.vet_address(address, url.host_str().unwrap_or_default()).or_else(|refused| {
            let loopback = AddressClass::of(address) == AddressClass::Loopback;
            if loopback && self.allow_insecure_loopback { Ok(()) } else { Err(refused) }
        })
    }

    /// Vet one answer of the resolver. A name is never admitted to loopback: only `localhost` is, elsewhere.
    pub(crate) fn vet_address(&self, address: IpAddr, host: &str) -> Result<(), FetchError> {
        AddressClass::admits(address, self.allow_private_networks)
            .map_err(|class| FetchError::Address { host: host.to_owned(), class })
    }
}

/// Whether the host is 127.0.0.0/8, `[::1]` or `localhost` as the URL spells it.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Whether `uri` lies where `issuer` does: same scheme, same host as a whole, and the same port or 443.
///
/// The port belongs to the host on loopback, where many servers share one address.
#[must_use]
pub fn same_place(issuer: &Url, uri: &Url) -> bool {
    let port = uri.port_or_known_default();
    let usual = issuer.scheme() == "https" && port == Some(443) && !is_loopback(issuer);
    issuer.scheme() == uri.scheme()
        && issuer.host() == uri.host()
        && (port == issuer.port_or_known_default() || usual)
}

/// How much of an answer is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the body, before and after decompression.
    pub body: usize,
    /// From the first look at the name to the last byte.
    pub total: Duration,
    /// A port that the operator configured for this very URL, beside those of the policy.
    pub port: Option<u16>,
}

impl Limits {
    /// The limits for key sets and metadata: 256 KiB, 5 s.
    #[must_use]
    pub fn key_set() -> Self {
        Self { body: 256 * 1024, total: Duration::from_secs(5), port: None }
    }

    /// The limits for an answer of a configured service: 4 MiB, 30 s.
    #[must_use]
    pub fn service() -> Self {
        Self { body: 4 * 1024 * 1024, total: Duration::from_secs(30), port: None }
    }

    /// Admit one port beside 443.
    #[must_use]
    pub fn with_port(mut self, port: Option<u16>) -> Self {
        self.port = port;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vet(policy: &FetchPolicy, url: &str) -> Result<(), FetchError> {
        policy.vet(&url.parse().unwrap(), &Limits::key_set())
    }

    #[test]
    fn the_strict_policy_admits_https_on_443_only() {
        let strict = FetchPolicy::default();
        assert_eq!(vet(&strict, "https://iap.example/x"), Ok(()));
        for (url, code) in [
            ("http://iap.example/", "scheme"),
            ("ftp://iap.example/", "scheme"),
            ("file:///etc/passwd", "scheme"),
            ("https://user@iap.example/", "userinfo"),
            ("https://:secret@iap.example/", "userinfo"),
            ("https://iap.example./", "host"),
            ("https://iap.example:8443/", "port"),
            ("https://iap.example:22/", "port"),
            ("https://127.0.0.1/", "address"),
            ("https://2130706433/", "address"),
            ("https://0x7f.1/", "address"),
            ("https://0177.0.0.1/", "address"),
            ("https://[::1]/", "address"),
            ("https://[::ffff:127.0.0.1]/", "address"),
            ("https://169.254.169.254/", "address"),
            ("https://10.0.0.1/", "address"),
            ("https://0.0.0.0/", "address"),
            ("http://127.0.0.1/", "scheme"),
            ("http://localhost/", "scheme"),
        ] {
            assert_eq!(vet(&strict, url).unwrap_err().code(), code, "{url}");
        }
    }

    #[test]
    fn a_configured_port_is_admitted() {
        let mut policy = FetchPolicy::default();
        policy.ports.push(8443);
        assert_eq!(vet(&policy, "https://iap.example:8443/"), Ok(()));
        let limits = Limits::key_set().with_port(Some(9443));
        assert_eq!(
            FetchPolicy::default().vet(&"https://iap.example:9443/".parse().unwrap(), &limits),
            Ok(())
        );
    }

    #[test]
    fn insecure_loopback_means_loopback_hosts_and_nothing_else() {
        let policy = FetchPolicy { allow_insecure_loopback: true, ..FetchPolicy::default() };
        for url in ["http://127.0.0.1:8080/", "http://127.9.9.9/", "http://[::1]:99/", "http://localhost:1/"]
        {
            assert_eq!(vet(&policy, url), Ok(()), "{url}");
        }
        for url in [
            "http://iap.example/",
            "http://10.0.0.1/",
            "https://10.0.0.1/",
            "http://localhost.example/",
            "http://[::ffff:127.0.0.1]/",
            "http://0.0.0.0/",
        ] {
            assert!(vet(&policy, url).is_err(), "{url}");
        }
    }

    #[test]
    fn private_networks_never_admit_loopback() {
        let policy = FetchPolicy { allow_private_networks: true, ..FetchPolicy::default() };
        assert_eq!(vet(&policy, "https://10.0.0.1/"), Ok(()));
        assert!(vet(&policy, "https://127.0.0.1/").is_err());
        assert!(vet(&policy, "https://[::1]/").is_err());
        assert!(vet(&policy, "http://10.0.0.1/").is_err());
    }
}
