//! Administrators are clients of their own kind, and are shown as such; their secrets and keys are added and revoked as
//! those of every client.

pub(super) mod create;
pub(super) mod disable;
pub(super) mod enable;
pub(super) mod get;
pub(super) mod list;
pub(super) mod update;
