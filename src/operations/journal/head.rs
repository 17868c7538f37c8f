use super::SignedHead;
use crate::db;
use crate::operations::{Context, Refusal};

/// The newest head of the journal that the audit key has signed.
///
/// # Errors
/// [`Refusal::NotFound`] in the first moments of an installation, when none is signed yet.
pub async fn head(context: &Context) -> Result<SignedHead, Refusal> {
    let newest = db::signed_head::newest(context.database.reader().pool()).await?;
    newest.ok_or_else(|| Refusal::not_found("signed head", "newest"))
}
