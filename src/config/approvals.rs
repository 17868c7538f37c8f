use super::ConfigError;
use super::check::{refuse, within};
use super::raw::RawApproval;
use crate::registry::Sensitive;

/// What one administrator cannot do alone.
#[derive(Debug, Clone)]
pub struct Approvals {
    /// What waits for a second administrator; nothing if that is switched off.
    pub operations: Vec<Sensitive>,
    /// How long it waits, in seconds.
    pub expires_after: i64,
}

impl Approvals {
    pub(super) fn validate(raw: RawApproval) -> Result<Self, ConfigError> {
        let expires_after = within("approval.expires_after", raw.expires_after, 604_800, 60, 2_592_000)?;
        let all = || Sensitive::ALL.map(|operation| operation.as_str().to_owned()).to_vec();
        let mut operations = Vec::new();
        // Read also when it is switched off: a typo shall not wait for the day when it is switched on.
        for word in raw.operations.unwrap_or_else(all) {
            match word.parse::<Sensitive>() {
                Ok(operation) => operations.push(operation),
                Err(reason) => return refuse("approval.operations", reason.to_string()),
            }
        }
        if !raw.required.unwrap_or(false) {
            operations.clear();
        }
        Ok(Self { operations, expires_after })
    }
}
