use crate::registry::words;

words! {
    /// What a key is for. A key has one purpose for ever; a thumbprint in two roles stops the start.
    Purpose {
        /// Signs access tokens; its public half is published.
        AccessToken = "access-token",
        /// Keeps client secrets as MACs; never leaves the server in any form.
        SecretMac = "secret-mac",
        /// Signs trust lists and revocation feeds; its public half is published in a set of its own.
        TrustList = "trust-list",
        /// Signs the heads of the journal.
        Audit = "audit",
    } known "access-token, secret-mac, trust-list, audit"
}

words! {
    /// Where a key stands in its life: announced → active → retiring → retired, or revoked from any of them.
    KeyState {
        /// Published so that caches learn it; signs nothing yet.
        Announced = "announced",
        /// Signs.
        Active = "active",
        /// Published until what it signed has expired; its private half is gone.
        Retiring = "retiring",
        /// Neither published nor used.
        Retired = "retired",
        /// Dropped at once, before its time.
        Revoked = "revoked",
    } known "announced, active, retiring, retired, revoked"
}

impl KeyState {
    /// Whether the public half stands in the published set.
    #[must_use]
    pub fn is_published(self) -> bool {
        matches!(self, Self::Announced | Self::Active | Self::Retiring)
    }
}
