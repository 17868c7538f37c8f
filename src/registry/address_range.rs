use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A range of IP addresses in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3), such as `192.0.2.0/24`; one address
/// alone is the range that holds only it.
///
/// An IPv4 address that comes in the clothes of IPv6 (`::ffff:192.0.2.7`, RFC 4291 §2.5.5.2) is the IPv4 address:
/// that is how a socket for both families shows it, and a list must not depend on how the server listens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AddressRange {
    network: IpAddr,
    prefix: u8,
}

/// Why a text is no range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressRangeError {
    /// It is none.
    #[error("is not an address or a range, such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32")]
    Syntax,
    /// The prefix is longer than the address.
    #[error("has a prefix length beyond {0}")]
    Prefix(u8),
    /// Address bits stand behind the prefix: a slip, and nobody knows in which half.
    #[error("has address bits behind its prefix; {0} would be the range around it")]
    HostBits(AddressRange),
    /// An IPv4 range in the clothes of IPv6.
    #[error("is an IPv4 range written as IPv6; write the IPv4 range")]
    Mapped,
}

impl AddressRange {
    /// Whether an address lies in the range; an IPv4-mapped one counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                address.to_bits() & v4_mask(self.prefix) == network.to_bits()
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                address.to_bits() & v6_mask(self.prefix) == network.to_bits()
            }
            _ => false,
        }
    }

    /// The first address of the range as it would stand in IPv6, which no range of another family shares.
    #[must_use]
    pub fn bits(&self) -> [u8; 16] {
        match self.network {
            IpAddr::V4(network) => network.to_ipv6_mapped().octets(),
            IpAddr::V6(network) => network.octets(),
        }
    }

    /// The range of this prefix length around an address; an IPv4-mapped one counts as IPv4.
    #[must_use]
    pub fn around(address: IpAddr, v4_prefix: u8, v6_prefix: u8) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let prefix = v4_prefix.min(32);
                Self { network: Ipv4Addr::from_bits(address.to_bits() & v4_mask(prefix)).into(), prefix }
            }
            IpAddr::V6(address) => {
                let prefix = v6_prefix.min(128);
                Self { network: Ipv6Addr::from_bits(address.to_bits() & v6_mask(prefix)).into(), prefix }
            }
        }
    }
}

fn v4_mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

fn v6_mask(prefix: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0)
}

impl FromStr for AddressRange {
    type Err = AddressRangeError;

    fn from_str(text: &str) -> Result<Self, AddressRangeError> {
        let (address, prefix) =
            text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| AddressRangeError::Syntax)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            // `+24` and `024` are no numbers that anybody would write.
            Some(digits) => {
                let number = digits.parse::<u16>().ok().filter(|number| number.to_string() == digits);
                let number = number.ok_or(AddressRangeError::Syntax)?;
                u8::try_from(number)
                    .ok()
                    .filter(|number| *number <= longest)
                    .ok_or(AddressRangeError::Prefix(longest))?
            }
        };
        if address.to_canonical() != address {
            return Err(AddressRangeError::Mapped);
        }
        let around = Self::around(address, prefix, prefix);
        if around.network == address { Ok(around) } else { Err(AddressRangeError::HostBits(around)) }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

impl fmt::Debug for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for AddressRange {
    type Error = AddressRangeError;

    fn try_from(text: String) -> Result<Self, AddressRangeError> {
        text.parse()
    }
}

impl From<AddressRange> for String {
    fn from(range: AddressRange) -> Self {
        range.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(range: &str, address: &str) -> bool {
        range.parse::<AddressRange>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_range_holds_its_addresses_and_no_neighbour() {
        for (range, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.128/25", "192.0.2.128", "192.0.2.127"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("2001:db8::1", "2001:db8::1", "2001:db8::2"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "ffff::", "192.0.2.7"),
        ] {
            assert!(contains(range, inside), "{range} holds {inside}");
            assert!(!contains(range, outside), "{range} does not hold {outside}");
        }
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address() {
        assert!(contains("192.0.2.0/24", "::ffff:192.0.2.7"));
        assert!(!contains("192.0.2.0/24", "::ffff:198.51.100.7"));
        assert!(!contains("::/0", "::ffff:192.0.2.7"), "an IPv6 range is not one of IPv4 addresses");
    }

    #[test]
    fn what_is_no_canonical_range_is_refused() {
        for wrong in
            ["", "x", "192.0.2", "192.0.2.0/", "192.0.2.0/x", "192.0.2.0/+24", "192.0.2.0/024", "[::1]"]
        {
            assert_eq!(wrong.parse::<AddressRange>(), Err(AddressRangeError::Syntax), "{wrong}");
        }
        assert_eq!("192.0.2.0/33".parse::<AddressRange>(), Err(AddressRangeError::Prefix(32)));
        assert_eq!("2001:db8::/129".parse::<AddressRange>(), Err(AddressRangeError::Prefix(128)));
        assert_eq!("192.0.2.0/300".parse::<AddressRange>(), Err(AddressRangeError::Prefix(32)));
        assert_eq!("::ffff:192.0.2.0/120".parse::<AddressRange>(), Err(AddressRangeError::Mapped));
        let said = "192.0.2.7/24".parse::<AddressRange>().unwrap_err().to_string();
        assert!(said.contains("192.0.2.0/24"), "{said}");
    }

    #[test]
    fn a_range_is_written_with_its_prefix() {
        for (given, written) in
            [("192.0.2.7", "192.0.2.7/32"), ("2001:DB8:0::/48", "2001:db8::/48"), ("0.0.0.0/0", "0.0.0.0/0")]
        {
            assert_eq!(given.parse::<AddressRange>().unwrap().to_string(), written);
        }
        let around = |text: &str| AddressRange::around(text.parse().unwrap(), 32, 64).to_string();
        assert_eq!(around("2001:db8:1:2:3::4"), "2001:db8:1:2::/64");
        assert_eq!(around("::ffff:192.0.2.7"), "192.0.2.7/32");
    }
}
