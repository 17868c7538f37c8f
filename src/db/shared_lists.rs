use std::collections::HashMap;
use std::sync::Arc;

use super::{Error, Reading};

/// Lists of words as rows have them, each in memory once however many rows have it: of a million clients most have the
/// same scopes, which would be a fifth of what the image takes.
#[derive(Debug, Default)]
pub(super) struct SharedLists(HashMap<Box<str>, Arc<[String]>>);

impl SharedLists {
    /// The list in a column of JSON.
    pub(super) fn read(&mut self, row: &Reading<'_>, column: &'static str) -> Result<Arc<[String]>, Error> {
        row.with_text(column, |text| {
            if let Some(list) = self.0.get(text) {
                return Ok(Arc::clone(list));
            }
            let list: Arc<[String]> = serde_json::from_str(text).map_err(|reason| reason.to_string())?;
            self.0.insert(text.into(), Arc::clone(&list));
            Ok(list)
        })
    }
}
