use axum::extract::State;
use axum::response::Response;
use utoipa::IntoParams;

use super::RecordBody;
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayReadJournal;
use crate::admin::json_body::json_response;
use crate::admin::page::{Filter, Filtered, List, PageQuery};
use crate::admin::parameters::Parameters;
use crate::operations::{Context, journal};

/// Which records.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct JournalFilter {
    /// Only what this actor did, `client/ID` or `local/USER`.
    #[param(max_length = 256)]
    actor: Option<String>,
    /// Only actions that begin so: `client.` or `client.disable`.
    #[param(max_length = 256)]
    action: Option<String>,
    /// Only what was done to this, `kind/id`.
    #[param(max_length = 256)]
    subject: Option<String>,
    /// Not before this moment, or this day.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<i64>,
    /// Not after this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<i64>,
    /// The first record's number.
    #[param(minimum = 1)]
    from: Option<i64>,
}

impl Filter for JournalFilter {
    const NAMES: &'static [&'static str] = &["actor", "action", "subject", "since", "until", "from"];

    fn take(given: &mut Parameters) -> Result<Self, ApiError> {
        Ok(Self {
            actor: given.text("actor"),
            action: given.text("action"),
            subject: given.text("subject"),
            since: given.time("since")?,
            until: given.time("until")?,
            from: given.number("from", i64::MAX)?,
        })
    }
}

/// List the journal
///
/// The oldest record first; everything, or what passes the filters. Nothing is left out of a record, so that whoever
/// reads all of them can verify the chain.
#[utoipa::path(
    get,
    path = "/admin/v1/journal",
    operation_id = "listJournal",
    tag = "journal",
    security(("administration_token" = ["admin:audit:read"])),
    params(JournalFilter, PageQuery),
    responses(
        (status = 200, description = "A page.", body = List<RecordBody>)
    )
)]
pub(in crate::admin) async fn list(
    State(context): State<Context>,
    _: MayReadJournal,
    query: Filtered<JournalFilter>,
) -> Result<Response, ApiError> {
    let before = query.filter.from.map_or_else(String::new, |from| (from - 1).to_string());
    let request = query.request_after(&before);
    let JournalFilter { actor, action, subject, since, until, from: _ } = query.filter;
    let filter = journal::Filter { actor, action: action.unwrap_or_default(), subject, since, until };
    let page = journal::list(&context, &filter, &request).await?;
    Ok(json_response(&List::<RecordBody>::new(page.items, page.next_cursor.as_ref())))
}
