//! Where a request really comes from.
//!
//! Throttling and address lists are worth as much as this: whoever can choose the address that the server sees gets
//! around both. So a header is believed only from the peers that the operator names, only the one header that the
//! operator's proxy writes, and in it only as far as trusted proxies wrote it.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use http::HeaderMap;

use crate::config::{ForwardedHeader, Proxies};

/// The address from which a request comes, as an extension of the request; trusted proxies are looked through. IPv4
/// addresses are IPv4 addresses, also when they come mapped into IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// Notes in a request where it comes from. One without [`ConnectInfo`], or whose origin cannot be known, gets no
/// [`ClientAddress`].
pub(super) fn note(request: &mut Request, proxies: &Proxies) {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    if let Some(address) = peer.and_then(|peer| origin(peer, request.headers(), proxies)) {
        request.extensions_mut().insert(ClientAddress(address));
    }
}

/// The right-most hop that is no trusted proxy.
fn origin(peer: IpAddr, headers: &HeaderMap, proxies: &Proxies) -> Option<IpAddr> {
    let peer = peer.to_canonical();
    if proxies.hide_local && is_local(peer) {
        // A proxy nobody told us of: all the world comes from here.
        return None;
    }
    let mut nearest = peer;
    if !proxies.trusts(peer) {
        return Some(nearest);
    }
    // From the right: what stands further left was written by whoever the next hop says it was, and by nobody if it
    // did not. Cut at every comma, also within quotes: no address has one, and a quote that a stranger opens on the
    // left must not swallow what the proxy wrote on the right.
    let fields = headers.get_all(proxies.header.name()).iter().rev();
    // Of bytes, not of a text: a byte that a stranger writes on the left must not make the whole field unreadable.
    let hops = fields.flat_map(|field| field.as_bytes().rsplit(|byte| *byte == b','));
    for hop in hops {
        let hop = std::str::from_utf8(hop).unwrap_or("?");
        let address = match proxies.header {
            ForwardedHeader::XForwardedFor => node(hop.trim()),
            ForwardedHeader::Forwarded => for_parameter(hop).and_then(node),
        };
        // A hop that is hidden (RFC 7239 §6.2, §6.3) or malformed: what is left of it nobody vouches for.
        let Some(address) = address else { break };
        nearest = address.to_canonical();
        if !proxies.trusts(nearest) {
            break;
        }
    }
    Some(nearest)
}

/// This machine, its containers, and the networks in which proxies stand.
fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let shared = first == 100 && second & 0xc0 == 64; // RFC 6598
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || shared
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// The `for` parameter of one element of `Forwarded` (RFC 7239 §4).
///
/// None for one in which a quote opens and does not close, or something is escaped: it can be a piece of a quoted value,
/// in which whoever wrote that value has put a `for` of its own.
fn for_parameter(element: &str) -> Option<&str> {
    if element.contains('\\') || element.matches('"').count() % 2 == 1 {
        return None;
    }
    let mut values = element.split(';').filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    });
    let value = values.next()?;
    // Twice is not once: a proxy writes one.
    if values.next().is_some() {
        return None;
    }
    Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

/// An address, with or without a port: `192.0.2.7`, `192.0.2.7:443`, `2001:db8::7`, `[2001:db8::7]:443`.
fn node(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn proxies(header: ForwardedHeader) -> Proxies {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|range| range.parse().unwrap()).to_vec();
        Proxies { trusted, header, hide_local: false }
    }

    fn seen(header: ForwardedHeader, peer: &str, values: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header.name(), HeaderValue::from_static(value));
        }
        origin(peer.parse().unwrap(), &headers, &proxies(header)).unwrap().to_string()
    }

    #[test]
    fn a_stranger_is_not_believed() {
        for header in [ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded] {
            let claimed = ["198.51.100.1", "for=198.51.100.1"];
            assert_eq!(seen(header, "192.0.2.7", &claimed), "192.0.2.7");
            assert_eq!(seen(header, "::ffff:192.0.2.7", &claimed), "192.0.2.7");
        }
    }

    #[test]
    fn the_right_most_hop_that_is_no_proxy_counts() {
        let seen = |values: &[&'static str]| seen(ForwardedHeader::XForwardedFor, "10.0.0.1", values);
        assert_eq!(seen(&["192.0.2.7"]), "192.0.2.7");
        // What the client itself wrote stands left of what the proxy wrote.
        assert_eq!(seen(&["198.51.100.1, 192.0.2.7"]), "192.0.2.7");
        assert_eq!(seen(&["198.51.100.1", "192.0.2.7"]), "192.0.2.7");
        assert_eq!(seen(&["198.51.100.1, 192.0.2.7, 10.0.0.2"]), "192.0.2.7");
        assert_eq!(seen(&["192.0.2.7:55001"]), "192.0.2.7");
        assert_eq!(seen(&["2001:db8::7", "[fd00::1]:80"]), "2001:db8::7");
        assert_eq!(seen(&["::ffff:192.0.2.7"]), "192.0.2.7");
        assert_eq!(seen(&[]), "10.0.0.1");
        assert_eq!(seen(&["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn a_byte_that_is_no_text_hides_nobody() {
        for (header, value) in [
            (ForwardedHeader::XForwardedFor, &b"\xff, 192.0.2.7"[..]),
            (ForwardedHeader::XForwardedFor, b"\xe9\x82, 192.0.2.7, 10.0.0.2"),
            (ForwardedHeader::Forwarded, b"for=\xff, for=192.0.2.7"),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(header.name(), HeaderValue::from_bytes(value).unwrap());
            let seen = origin("10.0.0.1".parse().unwrap(), &headers, &proxies(header));
            assert_eq!(seen, Some("192.0.2.7".parse().unwrap()), "{value:?}");
        }
    }

    #[test]
    fn behind_a_hop_that_is_hidden_or_malformed_nobody_is_believed() {
        let x = |values: &[&'static str]| seen(ForwardedHeader::XForwardedFor, "10.0.0.1", values);
        assert_eq!(x(&["192.0.2.7, unknown"]), "10.0.0.1");
        assert_eq!(x(&["192.0.2.7,"]), "10.0.0.1");
        assert_eq!(x(&["192.0.2.7, x, 10.0.0.2"]), "10.0.0.2");
        let forwarded = |values: &[&'static str]| seen(ForwardedHeader::Forwarded, "10.0.0.1", values);
        assert_eq!(forwarded(&["for=192.0.2.7, for=_hidden"]), "10.0.0.1");
        assert_eq!(forwarded(&["for=192.0.2.7;for=192.0.2.8"]), "10.0.0.1");
    }

    #[test]
    fn the_standard_header_is_read_in_all_its_spellings() {
        let seen = |values: &[&'static str]| seen(ForwardedHeader::Forwarded, "10.0.0.1", values);
        assert_eq!(seen(&["for=192.0.2.7;proto=https"]), "192.0.2.7");
        assert_eq!(seen(&["proto=https; FOR=\"192.0.2.7:8080\""]), "192.0.2.7");
        assert_eq!(seen(&["for=\"[2001:db8::7]:4711\""]), "2001:db8::7");
        assert_eq!(seen(&["for=\"[2001:db8::7]\", for=10.0.0.2"]), "2001:db8::7");
        // A quote that the client opened does not swallow what the proxy wrote.
        assert_eq!(seen(&["for=\"198.51.100.1", "for=192.0.2.7"]), "192.0.2.7");
        assert_eq!(seen(&["for=\"198.51.100.1, for=192.0.2.7"]), "192.0.2.7");
        // Nor does a comma in what it copied from the client, here from its Host, let the client write a hop.
        assert_eq!(seen(&["for=192.0.2.7;host=\"a,for=198.51.100.1;x=\""]), "10.0.0.1");
        assert_eq!(seen(&["for=192.0.2.7;host=\"a,for=198.51.100.1;x=\\\"\""]), "10.0.0.1");
    }

    #[test]
    fn only_the_configured_header_is_read() {
        let mut headers = HeaderMap::new();
        headers.append("forwarded", HeaderValue::from_static("for=198.51.100.1"));
        let peer = "10.0.0.1".parse().unwrap();
        let seen = origin(peer, &headers, &proxies(ForwardedHeader::XForwardedFor));
        assert_eq!(seen, Some(peer));
    }

    #[test]
    fn a_neighbour_before_a_public_issuer_is_a_proxy_that_nobody_named() {
        let unknown = Proxies { hide_local: true, ..Proxies::default() };
        let headers = HeaderMap::new();
        for peer in [
            "127.0.0.1",
            "::1",
            "172.17.0.1",
            "::ffff:10.0.0.1",
            "100.64.0.1",
            "169.254.1.1",
            "fd00::1",
            "fe80::1",
        ] {
            assert_eq!(origin(peer.parse().unwrap(), &headers, &unknown), None, "{peer}");
        }
        for peer in ["192.0.2.7", "172.15.255.255", "100.128.0.1", "2001:db8::1"] {
            let peer = peer.parse().unwrap();
            assert_eq!(origin(peer, &headers, &unknown), Some(peer));
        }
    }
}
