use crate::registry::words;

words! {
    /// What a key is for. A key has one purpose for ever; a thumbprint in two roles stops the start.
    Purpose {
        /// Signs access tokens; its public half is published.
        AccessToken = "access-token",
        /// Keeps client secrets as MACs; never leaves the server in any form.
        SecretMac = "secret-mac",
    } known "access-token, secret-mac"
}
