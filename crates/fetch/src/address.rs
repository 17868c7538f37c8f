//! What kind of place an address is.
//!
//! The table follows the IANA special-purpose address registries: what is not plainly a public unicast
//! address is something else, so that a block nobody thought of is refused and not admitted.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of place an address is; only [`AddressClass::Public`] is fetched from without a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressClass {
    /// A public unicast address.
    Public,
    /// 127.0.0.0/8 and `::1`.
    Loopback,
    /// RFC 1918: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16.
    Private,
    /// RFC 4193: `fc00::/7`.
    UniqueLocal,
    /// 169.254.0.0/16 and `fe80::/10`: the metadata services of clouds live here.
    LinkLocal,
    /// RFC 6598: 100.64.0.0/10.
    CarrierGradeNat,
    /// 224.0.0.0/4 and `ff00::/8`.
    Multicast,
    /// 0.0.0.0/8 and `::`; on many systems a connection to it reaches the machine itself.
    Unspecified,
    /// `::ffff:0:0/96`: an IPv4 address in IPv6 clothes, which would slip past a list of IPv4 blocks.
    MappedV4,
    /// Addresses that carry an IPv4 address to a translator: NAT64, 6to4, Teredo, IPv4-compatible.
    Translated,
    /// TEST-NET-1 to -3, `2001:db8::/32`, `3fff::/20`.
    Documentation,
    /// Everything else: benchmarks, protocol assignments, reserved and unassigned blocks, broadcast.
    Reserved,
}

impl AddressClass {
    /// The class of `address`.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::of_v4(v4),
            IpAddr::V6(v6) => Self::of_v6(v6),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            [0, ..] => Self::Unspecified,
            [127, ..] => Self::Loopback,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Self::Private,
            [169, 254, ..] => Self::LinkLocal,
            [100, 64..=127, ..] => Self::CarrierGradeNat,
            [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Self::Documentation,
            // Protocol assignments, AS112, AMT, 6to4 relay anycast, benchmarks, class E and broadcast.
            [192, 0, 0, _]
            | [192, 31, 196, _]
            | [192, 52, 193, _]
            | [192, 88, 99, _]
            | [192, 175, 48, _]
            | [198, 18..=19, ..]
            | [240..=255, ..] => Self::Reserved,
            [224..=239, ..] => Self::Multicast,
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0] => Self::Unspecified,
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            [0, 0, 0, 0, 0, 0xffff, ..] => Self::MappedV4,
            [0, 0, 0, 0, 0, 0, ..] | [0x64, 0xff9b, ..] | [0x2001, 0, ..] | [0x2002, ..] => Self::Translated,
            [0xfc00..=0xfdff, ..] => Self::UniqueLocal,
            [0xfe80..=0xfebf, ..] => Self::LinkLocal,
            [0xff00..=0xffff, ..] => Self::Multicast,
            [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Self::Documentation,
            // 2001::/23 is set aside for protocols (ORCHID, benchmarks, AMT); AS112 has a block of its own.
            [0x2001, 0..=0x01ff, ..] | [0x2620, 0x004f, 0x8000, ..] => Self::Reserved,
            // Only 2000::/3 has ever been handed out for global unicast.
            [0x2000..=0x3fff, ..] => Self::Public,
            _ => Self::Reserved,
        }
    }

    /// Whether an address of this class may be connected to.
    ///
    /// `private` opens the networks of a laboratory: private, unique-local, carrier-grade NAT, and the mapped
    /// spelling of such an address. It opens neither loopback nor link-local.
    pub(crate) fn admits(address: IpAddr, private: bool) -> Result<(), Self> {
        let class = Self::of(address);
        let inner = match address {
            IpAddr::V6(v6) if class == Self::MappedV4 => v6.to_ipv4_mapped().map(Self::of_v4),
            _ => None,
        };
        match class {
            Self::Public => Ok(()),
            Self::Private | Self::UniqueLocal | Self::CarrierGradeNat if private => Ok(()),
            Self::MappedV4
                if private && matches!(inner, Some(Self::Public | Self::Private | Self::CarrierGradeNat)) =>
            {
                Ok(())
            }
            refused => Err(refused),
        }
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::UniqueLocal => "unique-local",
            Self::LinkLocal => "link-local",
            Self::CarrierGradeNat => "carrier-grade NAT",
            Self::Multicast => "multicast",
            Self::Unspecified => "unspecified",
            Self::MappedV4 => "IPv4-mapped",
            Self::Translated => "translated",
            Self::Documentation => "documentation",
            Self::Reserved => "reserved",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[(&str, AddressClass)] = &[
        ("8.8.8.8", AddressClass::Public),
        ("1.1.1.1", AddressClass::Public),
        ("172.15.255.255", AddressClass::Public),
        ("172.32.0.0", AddressClass::Public),
        ("100.63.255.255", AddressClass::Public),
        ("100.128.0.0", AddressClass::Public),
        ("223.255.255.255", AddressClass::Public),
        ("0.0.0.0", AddressClass::Unspecified),
        ("0.1.2.3", AddressClass::Unspecified),
        ("127.0.0.1", AddressClass::Loopback),
        ("127.255.255.254", AddressClass::Loopback),
        ("10.0.0.1", AddressClass::Private),
        ("172.16.0.1", AddressClass::Private),
        ("172.31.255.255", AddressClass::Private),
        ("192.168.1.1", AddressClass::Private),
        ("169.254.169.254", AddressClass::LinkLocal),
        ("100.64.0.1", AddressClass::CarrierGradeNat),
        ("100.127.255.255", AddressClass::CarrierGradeNat),
        ("224.0.0.1", AddressClass::Multicast),
        ("239.255.255.255", AddressClass::Multicast),
        ("192.0.2.1", AddressClass::Documentation),
        ("198.51.100.7", AddressClass::Documentation),
        ("203.0.113.9", AddressClass::Documentation),
        ("192.0.0.8", AddressClass::Reserved),
        ("192.88.99.1", AddressClass::Reserved),
        ("198.18.0.1", AddressClass::Reserved),
        ("198.19.255.255", AddressClass::Reserved),
        ("240.0.0.1", AddressClass::Reserved),
        ("255.255.255.255", AddressClass::Reserved),
        ("2606:4700:4700::1111", AddressClass::Public),
        ("2a00:1450:4001::1", AddressClass::Public),
        ("::", AddressClass::Unspecified),
        ("::1", AddressClass::Loopback),
        ("fc00::1", AddressClass::UniqueLocal),
        ("fd12:3456::1", AddressClass::UniqueLocal),
        ("fe80::1", AddressClass::LinkLocal),
        ("febf::1", AddressClass::LinkLocal),
        ("fec0::1", AddressClass::Reserved),
        ("ff02::1", AddressClass::Multicast),
        ("::ffff:127.0.0.1", AddressClass::MappedV4),
        ("::ffff:8.8.8.8", AddressClass::MappedV4),
        ("::127.0.0.1", AddressClass::Translated),
        ("64:ff9b::7f00:1", AddressClass::Translated),
        ("64:ff9b:1::a00:1", AddressClass::Translated),
        ("2002:7f00:1::", AddressClass::Translated),
        ("2001::1", AddressClass::Translated),
        ("2001:db8::1", AddressClass::Documentation),
        ("3fff::1", AddressClass::Documentation),
        ("2001:10::1", AddressClass::Reserved),
        ("100::1", AddressClass::Reserved),
        ("5f00::1", AddressClass::Reserved),
        ("4000::1", AddressClass::Reserved),
    ];

    #[test]
    fn every_class_is_recognised_at_its_edges() {
        for (text, class) in TABLE {
            assert_eq!(AddressClass::of(text.parse().unwrap()), *class, "{text}");
        }
        assert_eq!(TABLE.len(), 52);
    }

    #[test]
    fn without_a_switch_only_public_addresses_are_admitted() {
        for (text, class) in TABLE {
            let admitted = AddressClass::admits(text.parse().unwrap(), false).is_ok();
            assert_eq!(admitted, *class == AddressClass::Public, "{text}");
        }
    }

    #[test]
    fn private_networks_never_include_loopback_or_link_local() {
        for text in [
            "127.0.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "169.254.169.254",
            "0.0.0.0",
            "64:ff9b::7f00:1",
            "224.0.0.1",
        ] {
            assert!(AddressClass::admits(text.parse().unwrap(), true).is_err(), "{text}");
        }
        for text in ["10.0.0.1", "192.168.0.9", "fd00::1", "100.64.0.1", "::ffff:10.0.0.1", "8.8.8.8"] {
            assert!(AddressClass::admits(text.parse().unwrap(), true).is_ok(), "{text}");
        }
    }
}
