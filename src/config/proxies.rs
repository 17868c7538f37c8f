use std::net::IpAddr;

use super::check::{ConfigError, refuse};
use crate::registry::AddressRange;

/// The proxies that stand before the public listener, and how they tell whom they speak for.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// Whose word is taken.
    pub trusted: Vec<AddressRange>,
    /// The one header that they write.
    pub header: ForwardedHeader,
    /// Whether requests from this machine and from private networks come through a proxy that is not named, so that
    /// their address says nothing.
    pub hide_local: bool,
}

/// A header in which a proxy tells whom it speaks for.
///
/// One only: a proxy that writes one of them passes the other on as its client sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, a list of addresses.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl ForwardedHeader {
    /// Its name, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

impl Proxies {
    /// Whether that peer is one of the proxies.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted.iter().any(|range| range.contains(peer))
    }

    /// `behind_proxy`: whether the issuer is https without this server speaking TLS itself.
    pub(super) fn validate(
        trusted: Option<&[String]>,
        header: Option<&str>,
        behind_proxy: bool,
    ) -> Result<Self, ConfigError> {
        let mut ranges = Vec::new();
        for text in trusted.unwrap_or_default() {
            match text.parse::<AddressRange>() {
                Ok(range) => ranges.push(range),
                Err(reason) => return refuse("server.trusted_proxies", format!("`{text}` {reason}")),
            }
        }
        let header = match header.map(str::to_ascii_lowercase).as_deref() {
            None | Some("x-forwarded-for") => ForwardedHeader::XForwardedFor,
            Some("forwarded") => ForwardedHeader::Forwarded,
            Some(other) => {
                return refuse(
                    "server.forwarded_header",
                    format!("`{other}` is not X-Forwarded-For or Forwarded"),
                );
            }
        };
        Ok(Self { hide_local: behind_proxy && trusted.is_none(), trusted: ranges, header })
    }
}
