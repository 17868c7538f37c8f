use axum::extract::FromRequestParts;
use carnet_token::base64url;
use http::request::Parts;
use serde::Serialize;
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

use super::api_error::ApiError;
use super::parse_rfc3339;
use crate::operations::journal::Filter;
use crate::operations::{Context, FieldError, ListRequest};

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct List<T> {
    /// What stands on this page.
    pub(super) items: Vec<T>,
    /// The `cursor` of the next page; null on the last one.
    pub(super) next_cursor: Option<String>,
}

impl<T> List<T> {
    /// Renders a page; `last` is the key with which the next one begins, made opaque here.
    pub(super) fn new<I: Into<T>>(items: Vec<I>, last: Option<&String>) -> Self {
        Self {
            items: items.into_iter().map(Into::into).collect(),
            next_cursor: last.map(|key| base64url::encode(key.as_bytes())),
        }
    }
}

/// Which page of a list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// How many items at most; 50 unless given.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// Where the page begins: `next_cursor` of the page before it.
    #[param(max_length = 1024)]
    cursor: Option<String>,
}

/// Which page of the clients, and whose.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ClientQuery {
    /// Only the clients of this participant.
    #[param(max_length = 64)]
    pub(super) participant_id: Option<String>,
    /// How many items at most; 50 unless given.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// Where the page begins: `next_cursor` of the page before it.
    #[param(max_length = 1024)]
    cursor: Option<String>,
}

/// Which page of the signing keys, and whether those that have ended are wanted, too.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct KeyQuery {
    /// Also those that are retired or revoked; false unless given.
    #[param(value_type = Option<bool>)]
    pub(super) ended: bool,
    /// How many items at most; 50 unless given.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// Where the page begins: `next_cursor` of the page before it.
    #[param(max_length = 1024)]
    cursor: Option<String>,
}

impl KeyQuery {
    pub(super) fn request(&self) -> ListRequest {
        request(self.limit, self.cursor.as_deref())
    }
}

/// Which page of what will expire, and how soon.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ExpiringQuery {
    /// How many days to look ahead; 30 unless given.
    #[param(minimum = 1, maximum = 3660)]
    within_days: Option<i64>,
    /// How many items at most; 50 unless given.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// Where the page begins: `next_cursor` of the page before it.
    #[param(max_length = 1024)]
    cursor: Option<String>,
}

impl ExpiringQuery {
    pub(super) fn request(&self) -> ListRequest {
        request(self.limit, self.cursor.as_deref())
    }

    pub(super) fn within_days(&self) -> i64 {
        self.within_days.unwrap_or(30)
    }
}

/// Which page of the requests that wait for approval, and in which state.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ApprovalQuery {
    /// Only those of this state: `pending`, `approved`, `executed` or `rejected`.
    #[param(max_length = 16)]
    pub(super) state: Option<String>,
    /// How many items at most; 50 unless given.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// Where the page begins: `next_cursor` of the page before it.
    #[param(max_length = 1024)]
    cursor: Option<String>,
}

impl ApprovalQuery {
    pub(super) fn request(&self) -> ListRequest {
        request(self.limit, self.cursor.as_deref())
    }
}

/// Which page of the journal, and which records.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct JournalQuery {
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
    /// How many items at most; 50 unless given.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// Where the page begins: `next_cursor` of the page before it.
    #[param(max_length = 1024)]
    cursor: Option<String>,
}

impl JournalQuery {
    pub(super) fn request(&self) -> (Filter, ListRequest) {
        let filter = Filter {
            actor: self.actor.clone(),
            action: self.action.clone().unwrap_or_default(),
            subject: self.subject.clone(),
            since: self.since,
            until: self.until,
        };
        let from = self.from.map(|from| (from - 1).to_string());
        (filter, request(self.limit, self.cursor.as_deref().or(from.as_deref())))
    }
}

impl FromRequestParts<Context> for JournalQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Context) -> Result<Self, ApiError> {
        let known = ["actor", "action", "subject", "since", "until", "from", "limit", "cursor"];
        let [actor, action, subject, since, until, from, limit, cursor] = read(parts.uri.query(), known)?;
        let time = |name: &'static str, text: Option<String>| {
            let Some(text) = text else { return Ok(None) };
            let wrong = "must be a time in UTC such as 2027-01-15T08:00:00Z, or a day such as 2027-01-15";
            parse_rfc3339(&text).map(Some).ok_or_else(|| fault(name, wrong))
        };
        let from = match from.map(|text| (text.parse::<i64>(), text)) {
            Some((Ok(number), text)) if number >= 1 && number.to_string() == text => Some(number),
            Some(_) => return Err(fault("from", "must be the number of a record")),
            None => None,
        };
        Ok(Self {
            since: time("since", since)?,
            until: time("until", until)?,
            limit: limit.map(|text| parse_limit(&text)).transpose()?,
            cursor: open(cursor)?,
            actor,
            action,
            subject,
            from,
        })
    }
}

impl PageQuery {
    pub(super) fn request(&self) -> ListRequest {
        request(self.limit, self.cursor.as_deref())
    }
}

impl ClientQuery {
    pub(super) fn request(&self) -> ListRequest {
        request(self.limit, self.cursor.as_deref())
    }
}

fn request(limit: Option<i64>, after: Option<&str>) -> ListRequest {
    ListRequest { after: after.unwrap_or_default().to_owned(), limit: limit.unwrap_or(50) }
}

impl FromRequestParts<Context> for PageQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Context) -> Result<Self, ApiError> {
        let [limit, cursor] = read(parts.uri.query(), ["limit", "cursor"])?;
        Ok(Self { limit: limit.map(|text| parse_limit(&text)).transpose()?, cursor: open(cursor)? })
    }
}

impl FromRequestParts<Context> for ClientQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Context) -> Result<Self, ApiError> {
        let [limit, cursor, participant_id] = read(parts.uri.query(), ["limit", "cursor", "participant_id"])?;
        let limit = limit.map(|text| parse_limit(&text)).transpose()?;
        Ok(Self { participant_id, limit, cursor: open(cursor)? })
    }
}

impl FromRequestParts<Context> for KeyQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Context) -> Result<Self, ApiError> {
        let [ended, limit, cursor] = read(parts.uri.query(), ["ended", "limit", "cursor"])?;
        let ended = match ended.as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(fault("ended", "must be true or false")),
        };
        let limit = limit.map(|text| parse_limit(&text)).transpose()?;
        Ok(Self { ended, limit, cursor: open(cursor)? })
    }
}

impl FromRequestParts<Context> for ExpiringQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Context) -> Result<Self, ApiError> {
        let [limit, cursor, within_days] = read(parts.uri.query(), ["limit", "cursor", "within_days"])?;
        let limit = limit.map(|text| parse_limit(&text)).transpose()?;
        let within_days = within_days.map(|text| parse_number("within_days", &text, 3_660)).transpose()?;
        Ok(Self { within_days, limit, cursor: open(cursor)? })
    }
}

impl FromRequestParts<Context> for ApprovalQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Context) -> Result<Self, ApiError> {
        let [limit, cursor, state] = read(parts.uri.query(), ["limit", "cursor", "state"])?;
        let limit = limit.map(|text| parse_limit(&text)).transpose()?;
        Ok(Self { state, limit, cursor: open(cursor)? })
    }
}

/// Reads the parameters that are known; another one, or one that comes twice, is refused.
fn read<const N: usize>(
    query: Option<&str>,
    known: [&'static str; N],
) -> Result<[Option<String>; N], ApiError> {
    let mut values = [const { None }; N];
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let Some(at) = known.iter().position(|known| *known == name) else {
            let name = name.chars().take(100).collect::<String>();
            return Err(fault(name, format!("is not known here; known: {}", known.join(", "))));
        };
        if values[at].replace(value.into_owned()).is_some() {
            return Err(fault(known[at], "stands twice"));
        }
    }
    Ok(values)
}

fn parse_limit(text: &str) -> Result<i64, ApiError> {
    parse_number("limit", text, 200)
}

fn parse_number(name: &str, text: &str, most: i64) -> Result<i64, ApiError> {
    // `+5` and `05` are no numbers that this server would write.
    let number = text.parse::<i64>().ok().filter(|n| (1..=most).contains(n) && n.to_string() == text);
    number.ok_or_else(|| fault(name, format!("must be a number from 1 to {most}")))
}

/// The key inside an opaque cursor.
fn open(cursor: Option<String>) -> Result<Option<String>, ApiError> {
    let Some(cursor) = cursor else { return Ok(None) };
    let key = base64url::decode(&cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match key.filter(|key| (1..=512).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic())) {
        Some(key) => Ok(Some(key)),
        None => Err(fault("cursor", "must be the next_cursor of an earlier page")),
    }
}

fn fault(field: impl Into<String>, reason: impl Into<String>) -> ApiError {
    ApiError::invalid(vec![FieldError { field: field.into(), reason: reason.into() }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_plain_number_from_1_to_200() {
        assert_eq!(parse_limit("200").unwrap(), 200);
        for wrong in ["", "0", "201", "-1", "+5", "05", "5 ", "1.0", "x", "99999999999999999999"] {
            assert!(parse_limit(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_cursor_that_was_not_given_out_is_refused() {
        let cursor = List::<String>::new(Vec::<String>::new(), Some(&"01ARZ".to_owned())).next_cursor;
        assert_eq!(open(cursor).unwrap().as_deref(), Some("01ARZ"));
        for wrong in
            ["", "!", "AA", "AAA=", "\0", &base64url::encode("é".as_bytes()), &base64url::encode([b'a'; 513])]
        {
            assert!(open(Some(wrong.to_owned())).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn unknown_and_repeated_parameters_are_refused() {
        assert_eq!(read(Some("b=1"), ["a", "b"]).unwrap(), [None, Some("1".to_owned())]);
        assert!(read(Some("c=1"), ["a", "b"]).is_err());
        assert!(read(Some("a=1&a=1"), ["a", "b"]).is_err());
    }
}
