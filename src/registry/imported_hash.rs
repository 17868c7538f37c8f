use std::fmt;
use std::str::FromStr;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use carnet_ambient::Entropy;
use zeroize::Zeroizing;

/// Memory of a hash made here, KiB: the first choice of OWASP's password storage guide, as are the next two.
const MEMORY: u32 = 19_456;
/// Passes over it.
const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;
const SALT_LEN: usize = 16;
const HASH_LEN: usize = 32;

/// The least memory of an imported hash, KiB, and the least of memory times passes: the weakest choice of that guide.
const LEAST_MEMORY: u32 = 7_168;
const LEAST_WORK: u32 = 35_840;
/// The most: what a common library's defaults need (64 MiB, 3 passes), and a little more. Beyond it a hash would be a
/// lever on this server's memory and time for everybody who knows the client id.
const MOST_MEMORY: u32 = 65_536;
const MOST_WORK: u32 = 262_144;
const MOST_LANES: u32 = 4;
/// The longest text of one.
const MOST_TEXT: usize = 256;

/// What is kept of a secret that a partner brought along: argon2id (RFC 9106), as a slow hash, since nobody knows how
/// such a secret was made.
#[derive(Clone, PartialEq, Eq)]
pub struct ImportedHash {
    memory: u32,
    passes: u32,
    lanes: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// Why a text is no hash that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportedHashError {
    /// Not a PHC string of argon2id, version 19.
    #[error("is not `$argon2id$v=19$m=…,t=…,p=…$SALT$HASH`, with salt and hash in base64 without padding")]
    Syntax,
    /// Costs too little to protect a secret that may have been chosen by a person.
    #[error("is weaker than argon2id should be: m must be 7168 or more, and m times t 35840 or more")]
    Weak,
    /// Costs more than a token request may.
    #[error(
        "costs too much for a token endpoint: m must be at most 65536, m times t at most 262144, p at most 4"
    )]
    Costly,
    /// Salt or hash are too short or too long.
    #[error("must have a salt of 8 to 48 bytes and a hash of 16 to 64 bytes")]
    Length,
}

/// The working memory of a hash, for one after the other.
pub struct HashMemory(Zeroizing<Vec<Block>>);

impl HashMemory {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Zeroizing::new(Vec::new()))
    }

    /// Whether it grew beyond what a hash made here needs.
    #[must_use]
    pub fn is_oversized(&self) -> bool {
        self.0.len() > MEMORY as usize
    }

    fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.len() < count {
            self.0 = Zeroizing::new(vec![Block::new(); count]);
        }
        &mut self.0[..count]
    }
}

impl Default for HashMemory {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for HashMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashMemory({} KiB)", self.0.len())
    }
}

impl ImportedHash {
    /// Hashes a secret; takes about 20 ms and 19 MiB.
    #[must_use]
    pub fn make(entropy: &Entropy, secret: &str, memory: &mut HashMemory) -> Self {
        let salt = entropy.bytes::<SALT_LEN>().to_vec();
        let mut made = Self { memory: MEMORY, passes: PASSES, lanes: LANES, salt, hash: vec![0; HASH_LEN] };
        made.hash = made.compute(secret, memory).unwrap_or_default();
        made
    }

    /// Whether this is the hash of a secret; takes as long as its parameters say.
    #[must_use]
    pub fn verify(&self, secret: &str, memory: &mut HashMemory) -> bool {
        self.compute(secret, memory)
            .is_some_and(|hash| constant_time::verify_slices_are_equal(&hash, &self.hash).is_ok())
    }

    fn compute(&self, secret: &str, memory: &mut HashMemory) -> Option<Vec<u8>> {
        let params = Params::new(self.memory, self.passes, self.lanes, Some(self.hash.len())).ok()?;
        let blocks = params.block_count();
        let mut out = vec![0; self.hash.len()];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(secret.as_bytes(), &self.salt, &mut out, memory.blocks(blocks))
            .ok()?;
        Some(out)
    }
}

impl FromStr for ImportedHash {
    type Err = ImportedHashError;

    fn from_str(text: &str) -> Result<Self, ImportedHashError> {
        use ImportedHashError as E;
        if text.len() > MOST_TEXT {
            return Err(E::Syntax);
        }
        let rest = text.strip_prefix("$argon2id$v=19$").ok_or(E::Syntax)?;
        let mut fields = rest.split('$');
        let (Some(costs), Some(salt), Some(hash), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(E::Syntax);
        };
        let mut costs = costs.split(',');
        let mut cost = |name: &str| {
            let digits = costs.next()?.strip_prefix(name)?;
            digits.parse::<u32>().ok().filter(|number| number.to_string() == digits)
        };
        let (memory, passes, lanes) = (cost("m="), cost("t="), cost("p="));
        let (Some(memory), Some(passes), Some(lanes), None) = (memory, passes, lanes, costs.next()) else {
            return Err(E::Syntax);
        };
        let bytes = |text: &str| STANDARD_NO_PAD.decode(text).map_err(|_| E::Syntax);
        let (salt, hash) = (bytes(salt)?, bytes(hash)?);
        let work = memory.saturating_mul(passes);
        if memory > MOST_MEMORY || work > MOST_WORK || lanes > MOST_LANES {
            return Err(E::Costly);
        }
        if memory < LEAST_MEMORY || work < LEAST_WORK || lanes == 0 {
            return Err(E::Weak);
        }
        if !(8..=48).contains(&salt.len()) || !(16..=64).contains(&hash.len()) {
            return Err(E::Length);
        }
        Ok(Self { memory, passes, lanes, salt, hash })
    }
}

impl fmt::Display for ImportedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory, passes, lanes, salt, hash } = self;
        let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
        write!(f, "$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}")
    }
}

impl fmt::Debug for ImportedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImportedHash(m={}, t={}, p={})", self.memory, self.passes, self.lanes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ImportedHash, ImportedHashError> {
        text.parse()
    }

    const SALT: &str = "c29tZXNhbHQ";
    const HASH: &str = "AAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn a_hash_fits_its_secret_and_no_other_and_survives_being_written_down() {
        let mut memory = HashMemory::new();
        let made = ImportedHash::make(&Entropy::seeded(1), "correct horse battery", &mut memory);
        let text = made.to_string();
        assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
        let read = parse(&text).unwrap();
        assert_eq!(read, made);
        assert!(read.verify("correct horse battery", &mut memory));
        assert!(!read.verify("correct horse batterx", &mut memory));
        assert!(!read.verify("", &mut memory));
        let hash = text.rsplit('$').next().unwrap();
        assert!(!format!("{made:?}").contains(hash), "a hash does not belong into a log");
    }

    #[test]
    fn a_hash_of_the_reference_implementation_is_understood() {
        // From its own tests: argon2id, version 19, "password", "somesalt".
        let hash =
            parse("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
                .unwrap();
        let mut memory = HashMemory::new();
        assert!(hash.verify("password", &mut memory));
        assert!(!hash.verify("passwore", &mut memory));
        assert!(memory.is_oversized());
    }

    #[test]
    fn memory_is_used_again_whatever_was_in_it() {
        let mut memory = HashMemory::new();
        let entropy = Entropy::seeded(1);
        let (one, two) = (
            ImportedHash::make(&entropy, "first secret of all", &mut memory),
            ImportedHash::make(&entropy, "second secret of all", &mut memory),
        );
        assert!(one.verify("first secret of all", &mut memory));
        assert!(two.verify("second secret of all", &mut HashMemory::new()));
        assert_ne!(one.salt, two.salt);
        assert!(!memory.is_oversized());
    }

    #[test]
    fn a_hash_that_would_be_a_lever_is_refused() {
        for costs in [
            "m=65537,t=1,p=1",
            "m=65536,t=5,p=1",
            "m=7168,t=37,p=1",
            "m=4294967295,t=4294967295,p=1",
            "m=19456,t=2,p=5",
        ] {
            assert_eq!(
                parse(&format!("$argon2id$v=19${costs}${SALT}${HASH}")),
                Err(ImportedHashError::Costly),
                "{costs}"
            );
        }
    }

    #[test]
    fn a_hash_that_protects_too_little_is_refused() {
        for costs in
            ["m=7167,t=10,p=1", "m=19456,t=1,p=1", "m=7168,t=4,p=1", "m=19456,t=0,p=1", "m=19456,t=2,p=0"]
        {
            assert_eq!(
                parse(&format!("$argon2id$v=19${costs}${SALT}${HASH}")),
                Err(ImportedHashError::Weak),
                "{costs}"
            );
        }
        let with = |salt: &str, hash: &str| parse(&format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${hash}"));
        assert_eq!(with("c2FsdA", HASH), Err(ImportedHashError::Length));
        assert_eq!(with(SALT, "AAAA"), Err(ImportedHashError::Length));
        assert!(with(SALT, HASH).is_ok());
    }

    #[test]
    fn the_defaults_of_common_libraries_are_accepted() {
        for costs in [
            "m=65536,t=3,p=4",
            "m=19456,t=2,p=1",
            "m=47104,t=1,p=1",
            "m=12288,t=3,p=1",
            "m=9216,t=4,p=1",
            "m=7168,t=5,p=1",
        ] {
            assert!(parse(&format!("$argon2id$v=19${costs}${SALT}${HASH}")).is_ok(), "{costs}");
        }
    }

    #[test]
    fn another_form_is_refused() {
        let good = format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}${HASH}");
        assert!(parse(&good).is_ok());
        for wrong in [
            String::new(),
            good.replace("argon2id", "argon2i"),
            good.replace("v=19", "v=16"),
            good.replace("v=19$", ""),
            good.replace("m=19456,t=2", "t=2,m=19456"),
            good.replace("t=2", "t=02"),
            good.replace("p=1", "p=1,keyid=x"),
            good.replace(HASH, &format!("{HASH}==")),
            format!("{good}$"),
            format!("{good}\0"),
            format!(" {good}"),
            good.replace(SALT, &"c29t".repeat(80)),
        ] {
            assert_eq!(parse(&wrong), Err(ImportedHashError::Syntax), "{wrong}");
        }
    }
}
