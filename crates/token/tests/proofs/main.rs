//! Proofs, made and checked: what honest clients send is accepted, and each way to misuse what was captured is refused.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod downgrade;
mod dpop;
mod malicious_server;
mod message_signature;
mod replay;
mod shr;
mod stage;
