use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use crate::Clock;

const ALPHANUMERIC: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Where random bytes come from: the system's generator, or for tests a seed.
#[derive(Clone)]
pub struct Entropy(Source);

#[derive(Clone)]
enum Source {
    System(SystemRandom),
    Seeded(Arc<Mutex<Stream>>),
}

/// SHA-256 in counter mode: repeatable, for tests only.
struct Stream {
    seed: u64,
    counter: u64,
}

impl std::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Source::System(_) => "Entropy(system)",
            Source::Seeded(_) => "Entropy(seeded)",
        })
    }
}

impl Entropy {
    /// The operating system's cryptographic generator.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one door to randomness")]
    pub fn system() -> Self {
        Self(Source::System(SystemRandom::new()))
    }

    /// A repeatable stream for tests. Never use it for anything that must stay secret.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new(Stream { seed, counter: 0 }))))
    }

    /// Fills `out` with random bytes.
    ///
    /// A generator that fails ends the process: an identity provider that went on with predictable
    /// secrets would be worse than one that is down.
    pub fn fill(&self, out: &mut [u8]) {
        match &self.0 {
            Source::System(random) => {
                if random.fill(out).is_err() {
                    eprintln!("carnet: the system's random generator failed; stopping");
                    std::process::abort();
                }
            }
            Source::Seeded(stream) => {
                stream.lock().unwrap_or_else(PoisonError::into_inner).fill(out);
            }
        }
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// A ULID for a row made now: 26 characters that sort by time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that makes identifiers")]
    pub fn ulid(&self, clock: &Clock) -> String {
        let millis = u64::try_from(clock.now_millis()).unwrap_or(0);
        let random = u128::from_be_bytes(self.bytes()) >> 48;
        ulid::Ulid::from_parts(millis, random).to_string()
    }

    /// A random UUID (RFC 9562 §5.4, version 4) in its textual form.
    #[must_use]
    pub fn uuid(&self) -> String {
        let mut b: [u8; 16] = self.bytes();
        b[6] = (b[6] & 0x0f) | 0x40;
        b[8] = (b[8] & 0x3f) | 0x80;
        let n = u128::from_be_bytes(b);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            n >> 96,
            (n >> 80) & 0xffff,
            (n >> 64) & 0xffff,
            (n >> 48) & 0xffff,
            n & 0xffff_ffff_ffff
        )
    }

    /// `len` random letters and digits (5.95 bits each), without bias.
    #[must_use]
    pub fn alphanumeric(&self, len: usize) -> String {
        let mut out = String::with_capacity(len);
        while out.len() < len {
            for byte in self.bytes::<64>() {
                // 248 = 4 × 62: bytes above it would favour the first letters.
                if byte < 248 && out.len() < len {
                    out.push(char::from(ALPHANUMERIC[usize::from(byte % 62)]));
                }
            }
        }
        out
    }
}

impl Stream {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let mut block = [0; 16];
            block[..8].copy_from_slice(&self.seed.to_be_bytes());
            block[8..].copy_from_slice(&self.counter.to_be_bytes());
            self.counter += 1;
            let hash = digest::digest(&digest::SHA256, &block);
            chunk.copy_from_slice(&hash.as_ref()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_the_system_does_not() {
        let (a, b) = (Entropy::seeded(7), Entropy::seeded(7));
        assert_eq!(a.bytes::<40>(), b.bytes::<40>());
        assert_ne!(a.bytes::<16>(), Entropy::seeded(8).bytes::<16>());
        assert_ne!(Entropy::system().bytes::<16>(), Entropy::system().bytes::<16>());
    }

    #[test]
    fn identifiers_have_their_form() {
        let entropy = Entropy::seeded(1);
        let early = entropy.ulid(&Clock::manual(1_000));
        let late = entropy.ulid(&Clock::manual(2_000));
        assert!(early < late && early.len() == 26);
        let uuid = entropy.uuid();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
        let text = entropy.alphanumeric(43);
        assert!(text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric()));
    }
}
