use std::ops::ControlFlow;
use std::path::Path;

use carnet_ambient::Entropy;
use carnet_client::{
    Answer, Api, ApiError, Call, ClientAuthentication, FetchError, Method, Problem, StatusCode, TokenError,
    TokenSource,
};
use serde_json::Value;

use super::{PAGE, url};
use crate::cli::remote::output::Listed;
use crate::cli::remote::stop::Stop;
use crate::cli::remote::{approval, fetch_policy, flag};
use crate::data_dir::Credentials;

/// The administration API of one server.
pub(in crate::cli::remote) struct Server {
    api: Api,
    file: String,
    token_endpoint: String,
    admin_url: String,
    /// Whether people gave flags, by which the server's members are then called.
    has_flags: bool,
}

impl Server {
    pub(super) fn open(credentials: Credentials, path: &Path, scope: &str) -> Result<Self, Stop> {
        let wrong = |error: &dyn std::fmt::Display| Stop::usage(format!("{}: {error}", path.display()));
        let token_url = url("token_endpoint", &credentials.token_endpoint, path)?;
        let admin_url = url("admin_url", &credentials.admin_url, path)?;
        let authentication =
            ClientAuthentication::secret_basic(&credentials.client_id, credentials.client_secret.as_str());
        let tokens = TokenSource::builder(&credentials.issuer, authentication)
            .fetch_policy(fetch_policy(&token_url))
            .token_endpoint(token_url)
            .scope(scope_to_ask_for(scope, &credentials.scope))
            .build()
            .map_err(|error| wrong(&error))?;
        let reach = fetch_policy(&admin_url);
        let api = Api::new(admin_url, tokens, reach).map_err(|error| wrong(&error))?;
        let file = path.display().to_string();
        let Credentials { token_endpoint, admin_url, .. } = credentials;
        Ok(Self { api, file, token_endpoint, admin_url, has_flags: true })
    }

    /// The same for what a file says, whose members have the server's own names.
    pub(in crate::cli::remote) fn for_a_file(mut self) -> Self {
        self.has_flags = false;
        self
    }

    /// Reads one resource, with its version.
    pub(in crate::cli::remote) async fn read(&self, segments: &[&str]) -> Result<Answer, Stop> {
        self.call(Call::new(Method::GET, segments), segments).await
    }

    /// Changes something; with `etag`, only what still has that version.
    pub(in crate::cli::remote) async fn change(
        &self,
        method: Method,
        segments: &[&str],
        body: Option<&Value>,
        etag: Option<&str>,
    ) -> Result<Value, Stop> {
        // Without a key, a POST whose answer got lost could not be repeated: it may have made something already.
        let key = (method == Method::POST).then(|| Entropy::system().uuid());
        let call = Call::new(method, segments).body(body).if_match(etag).idempotency_key(key.as_deref());
        let answer = self.call(call, segments).await?;
        // 202: the server has taken it in, and another administrator has to approve it.
        if answer.status == StatusCode::ACCEPTED {
            let sentence = approval::waits(&answer.body);
            return Err(Stop::waits(answer.body, sentence));
        }
        Ok(answer.body)
    }

    /// Fetches a list, page by page, up to `limit` items.
    pub(in crate::cli::remote) async fn list(
        &self,
        segments: &[&str],
        filter: &[(&str, &str)],
        limit: Option<usize>,
    ) -> Result<Listed, Stop> {
        let mut items = Vec::new();
        let take = |page: Vec<Value>| {
            items.extend(page);
            ControlFlow::Continue(())
        };
        let next_cursor = self.pages(segments, filter, limit, take).await?;
        Ok(Listed { items, next_cursor })
    }

    /// Fetches a list, page by page, up to `limit` items, and hands over each page as it comes, until that has had enough.
    /// Returns where the list goes on.
    pub(in crate::cli::remote) async fn pages(
        &self,
        segments: &[&str],
        filter: &[(&str, &str)],
        limit: Option<usize>,
        mut take: impl FnMut(Vec<Value>) -> ControlFlow<()>,
    ) -> Result<Option<String>, Stop> {
        let (mut count, mut cursor) = (0_usize, None::<String>);
        loop {
            // The last page is asked for in its exact size, so that the cursor behind it goes on where we end.
            let left = limit.map_or(PAGE, |limit| limit.saturating_sub(count).min(PAGE));
            let size = left.to_string();
            let mut query = filter.to_vec();
            query.push(("limit", &size));
            if let Some(cursor) = &cursor {
                query.push(("cursor", cursor));
            }
            let mut page = self.call(Call::new(Method::GET, segments).query(&query), segments).await?.body;
            let items = match page.get_mut("items").map(Value::take) {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            };
            count += items.len();
            let goes_on = take(items).is_continue();
            // A server that repeats itself must not keep us here for ever.
            let next = page["next_cursor"].as_str().filter(|next| cursor.as_deref() != Some(next));
            match next {
                Some(next) if goes_on && limit.is_none_or(|limit| count < limit) => {
                    cursor = Some(next.to_owned());
                }
                next => return Ok(next.map(str::to_owned)),
            }
        }
    }

    async fn call(&self, call: Call<'_>, segments: &[&str]) -> Result<Answer, Stop> {
        self.api.send(&call).await.map_err(|error| self.explain(error, segments))
    }

    fn explain(&self, error: ApiError, segments: &[&str]) -> Stop {
        Stop::failed(match error {
            ApiError::Token(error) => {
                let advice = advice(&error, &self.file);
                format!("no token from {}: {error}{advice}", self.token_endpoint)
            }
            ApiError::Problem(problem) => {
                let said = if self.has_flags {
                    flag::said(&problem, segments)
                } else {
                    problem.detail.clone().unwrap_or_else(|| problem.title.clone())
                };
                return Stop::refused(&problem, sentence(&problem, &said));
            }
            ApiError::Fetch(error) => {
                let advice = whether_it_runs(&error);
                format!("{}: the API cannot be reached: {error}{advice}", self.admin_url)
            }
            other => format!("{}: {other}", self.admin_url),
        })
    }
}

/// What the command needs; everything that the administrator has, where that is something narrower.
fn scope_to_ask_for(needed: &str, held: &str) -> String {
    let is_held = |scope: &str| held.split_ascii_whitespace().any(|held| held == scope);
    if held.is_empty() || needed.split_ascii_whitespace().all(is_held) { needed } else { held }.to_owned()
}

fn advice(error: &TokenError, file: &str) -> String {
    match error {
        TokenError::OAuth { error, .. } if error == "invalid_client" => format!(
            "; the credentials in {file} are wrong, revoked or older than 24 hours: \
             the operator makes new ones with carnet admin reset"
        ),
        TokenError::Fetch(error) => whether_it_runs(error).to_owned(),
        _ => String::new(),
    }
}

fn whether_it_runs(error: &FetchError) -> &'static str {
    // A failed TLS handshake is also no connection, but there something does run.
    match error {
        FetchError::Connect(reason) if reason.to_lowercase().contains("refused") => {
            "; is carnet serve running there?"
        }
        _ => "",
    }
}

/// A problem in one line.
fn sentence(problem: &Problem, said: &str) -> String {
    let line = format!("refused ({}): {said}", problem.status);
    match &problem.instance {
        Some(instance) => format!("{line} ({instance})"),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_client_is_told_how_to_get_new_credentials() {
        let refused = |error: &str| TokenError::OAuth {
            status: 401,
            error: error.to_owned(),
            description: None,
            retry_after: None,
        };
        assert!(advice(&refused("invalid_client"), "a.json").contains("in a.json are wrong"));
        assert_eq!(advice(&refused("invalid_scope"), "a.json"), "");
    }

    #[test]
    fn a_refused_connection_asks_for_the_server() {
        let refused = FetchError::Connect("Connection refused (os error 111)".to_owned());
        assert!(advice(&refused.into(), "a.json").contains("carnet serve"));
        assert_eq!(whether_it_runs(&FetchError::Connect("invalid peer certificate".to_owned())), "");
    }

    #[test]
    fn an_administrator_of_less_asks_for_what_it_has() {
        assert_eq!(scope_to_ask_for("admin:read", "admin:read admin:write"), "admin:read");
        assert_eq!(
            scope_to_ask_for("admin:read admin:write", "admin:write admin:read"),
            "admin:read admin:write"
        );
        assert_eq!(scope_to_ask_for("admin:write", "admin:read admin:clients"), "admin:read admin:clients");
        assert_eq!(scope_to_ask_for("admin:read", ""), "admin:read");
    }
}
