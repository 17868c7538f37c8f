//! The ROCA fingerprint (CVE-2017-15361): primes of one widespread generator have the form k·M + (65537^a mod M) with
//! M a product of small primes, so the modulus is a power of 65537 modulo each of them, with one exponent for all.

/// The odd primes of the smallest M in use; every larger M contains them.
const PRIMES: [u16; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether a modulus (big-endian) carries the fingerprint. An honest modulus does so with a chance far below 2^-100.
pub(super) fn has_fingerprint(modulus: &[u8]) -> bool {
    let mut congruences: Vec<(u16, u16)> = Vec::with_capacity(PRIMES.len());
    for prime in PRIMES {
        let Some((exponent, order)) = discrete_logarithm(residue(modulus, prime), prime) else {
            return false;
        };
        // One exponent must serve every prime: congruences are solvable together exactly if they are in pairs.
        let agrees = |&(other, its_order): &(u16, u16)| {
            let common = greatest_common_divisor(order, its_order);
            other % common == exponent % common
        };
        if !congruences.iter().all(agrees) {
            return false;
        }
        congruences.push((exponent, order));
    }
    true
}

fn residue(number: &[u8], prime: u16) -> u16 {
    number.iter().fold(0, |residue, byte| (residue * 256 + u16::from(*byte)) % prime)
}

/// The exponent `a` with 65537^a ≡ `residue`, and the order of 65537, modulo `prime`.
fn discrete_logarithm(residue: u16, prime: u16) -> Option<(u16, u16)> {
    let generator = residue_of_generator(prime);
    let (mut power, mut exponent, mut found) = (1, 0, None);
    loop {
        if power == residue {
            found = Some(exponent);
        }
        power = power * generator % prime;
        exponent += 1;
        if power == 1 {
            return found.map(|found| (found, exponent));
        }
    }
}

fn residue_of_generator(prime: u16) -> u16 {
    residue(&[1, 0, 1], prime)
}

const fn greatest_common_divisor(mut a: u16, mut b: u16) -> u16 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discrete_logarithm_is_found_where_there_is_one() {
        // 65537 ≡ 3 (mod 7), a generator: 3^2 = 2.
        assert_eq!(discrete_logarithm(2, 7), Some((2, 6)));
        // 65537 ≡ 4 (mod 13) has order 6: 2 is no power of it.
        assert_eq!(discrete_logarithm(2, 13), None);
        assert_eq!(discrete_logarithm(0, 13), None);
    }

    #[test]
    fn powers_of_the_generator_have_the_fingerprint_and_their_neighbours_do_not() {
        // 65537^k itself is such a number modulo everything.
        assert!(has_fingerprint(&[1, 0, 1]));
        assert!(has_fingerprint(&[1]));
        assert!(!has_fingerprint(&[1, 0, 3]));
        assert!(!has_fingerprint(&[0xff; 256]));
    }

    #[test]
    fn powers_with_another_exponent_for_each_prime_are_no_fingerprint() {
        // Modulo the primes in turn 65537^2 and 65537^1: a chance hit on each of them, but no power of 65537.
        let number = [
            0x04, 0x22, 0x82, 0x68, 0xff, 0x3d, 0x16, 0x11, 0x9d, 0xda, 0x72, 0x47, 0x48, 0x17, 0x5e, 0x3f,
            0x0b, 0xf1, 0x7a, 0x7f, 0x42, 0x5c, 0x48, 0x52, 0xcf, 0x34, 0xd6, 0xfc,
        ];
        assert!(PRIMES.iter().all(|prime| discrete_logarithm(residue(&number, *prime), *prime).is_some()));
        assert!(!has_fingerprint(&number));
    }
}
