//! Commands on the data folder of this machine, and the flags of what serves.

mod audit_verify;
mod backup;
mod doctor;
mod health;
mod reset;
mod restore;
mod rewrap;
mod serve_args;

pub use audit_verify::{AuditVerifyArgs, audit_verify};
pub use backup::{BackupArgs, BackupCommand, KeygenArgs, backup};
pub use doctor::{DoctorArgs, doctor};
pub use health::{HealthArgs, health};
pub use reset::{ResetArgs, reset};
pub use restore::{RestoreArgs, restore};
pub use rewrap::{RewrapArgs, rewrap};
pub use serve_args::{DemoArgs, RecordServeArgs, ServeArgs};

use serde_json::json;

/// A sentence for the one who typed the command, and an exit status that is not zero.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

impl Failure {
    /// What goes to standard error: the sentence, or with `as_json` a document of the form that the API's problems have
    /// (RFC 9457).
    #[must_use]
    pub fn said(&self, as_json: bool) -> String {
        if !as_json {
            return format!("carnet: {self}\n");
        }
        let document = json!({ "type": "about:blank", "title": "The command failed", "detail": self.0 });
        format!("{document:#}\n")
    }

    /// From anything that explains itself.
    pub fn from_error(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}
