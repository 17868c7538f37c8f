use axum::extract::FromRequestParts;
use carnet_token::base64url;
use http::request::Parts;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::api_error::ApiError;
use super::parameters::{Parameters, fault};
use crate::operations::{Context, ListRequest};

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

/// Which items of a list: the parameters beside those of [`PageQuery`].
pub(super) trait Filter: IntoParams + Sized {
    /// What they are called.
    const NAMES: &'static [&'static str];

    /// Takes them out of those that came.
    ///
    /// # Errors
    ///
    /// The first one that says something else than its name.
    fn take(given: &mut Parameters) -> Result<Self, ApiError>;
}

/// Which page of a list, and which of its items.
#[derive(Debug)]
pub(super) struct Filtered<F> {
    pub(super) filter: F,
    page: PageQuery,
}

impl PageQuery {
    const NAMES: [&'static str; 2] = ["limit", "cursor"];

    fn take(given: &mut Parameters) -> Result<Self, ApiError> {
        Ok(Self { limit: given.number("limit", 200)?, cursor: open(given.text("cursor"))? })
    }

    pub(super) fn request(&self) -> ListRequest {
        self.request_after("")
    }

    /// The page after the item with this key, unless a cursor says otherwise.
    fn request_after(&self, key: &str) -> ListRequest {
        let after = self.cursor.as_deref().unwrap_or(key);
        ListRequest { after: after.to_owned(), limit: self.limit.unwrap_or(50) }
    }
}

impl<F> Filtered<F> {
    pub(super) fn request(&self) -> ListRequest {
        self.page.request()
    }

    /// The same, where the first page begins after the item with this key.
    pub(super) fn request_after(&self, key: &str) -> ListRequest {
        self.page.request_after(key)
    }
}

impl FromRequestParts<Context> for PageQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Context) -> Result<Self, ApiError> {
        Self::take(&mut Parameters::read(parts.uri.query(), &Self::NAMES)?)
    }
}

impl<F: Filter> FromRequestParts<Context> for Filtered<F> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Context) -> Result<Self, ApiError> {
        let known = [F::NAMES, &PageQuery::NAMES].concat();
        let mut given = Parameters::read(parts.uri.query(), &known)?;
        Ok(Self { page: PageQuery::take(&mut given)?, filter: F::take(&mut given)? })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
