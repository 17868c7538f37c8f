use std::path::{Path, PathBuf};

use carnet_client::{
    Api, ApiError, ClientAuthentication, FetchError, FetchPolicy, Method, Problem, TokenError, TokenSource,
    Url,
};
use clap::Args;
use serde_json::Value;

use super::flag;
use crate::cli::local::Failure;
use crate::data_dir::Credentials;

/// Whom to ask, as whom, and how to print the answer.
#[derive(Debug, Clone, Args)]
pub(super) struct Connection {
    /// The administrator's credentials, as `carnet serve` wrote them: admin-credentials.json in its data folder.
    #[arg(long, value_name = "FILE", env = "CARNET_CREDENTIALS")]
    credentials: Option<PathBuf>,
    /// Print the server's JSON instead of a table.
    #[arg(long)]
    pub(super) json: bool,
}

const NO_CREDENTIALS: &str =
    "give --credentials FILE or set CARNET_CREDENTIALS (admin-credentials.json in the server's data folder)";

/// How many items a page of a list has while all of them are fetched.
const PAGE: &str = "100";

impl Connection {
    /// Asks for one resource.
    pub(super) async fn get(&self, segments: &[&str]) -> Result<Value, Failure> {
        self.call(Method::GET, segments, &[], None).await
    }

    /// Changes something.
    pub(super) async fn send(
        &self,
        method: Method,
        segments: &[&str],
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        self.call(method, segments, &[], body).await
    }

    /// Fetches every page of a list.
    pub(super) async fn list(
        &self,
        segments: &[&str],
        filter: &[(&str, &str)],
    ) -> Result<Vec<Value>, Failure> {
        let server = self.open("admin:read")?;
        let (mut items, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut query = filter.to_vec();
            query.push(("limit", PAGE));
            if let Some(cursor) = &cursor {
                query.push(("cursor", cursor));
            }
            let page = server.call(Method::GET, segments, &query, None).await?;
            items.extend(page["items"].as_array().cloned().unwrap_or_default());
            match page["next_cursor"].as_str() {
                // A server that repeats itself must not keep us here for ever.
                Some(next) if cursor.as_deref() != Some(next) => cursor = Some(next.to_owned()),
                _ => return Ok(items),
            }
        }
    }

    /// Fetches a list that has one page only.
    pub(super) async fn list_whole(
        &self,
        segments: &[&str],
        filter: &[(&str, &str)],
    ) -> Result<Vec<Value>, Failure> {
        let page = self.call(Method::GET, segments, filter, None).await?;
        Ok(page["items"].as_array().cloned().unwrap_or_default())
    }

    async fn call(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        // Only what the command needs: a token that is lost on the way of a list changes nothing.
        let scope = if method == Method::GET { "admin:read" } else { "admin:write" };
        self.open(scope)?.call(method, segments, query, body).await
    }

    fn open(&self, scope: &str) -> Result<Server, Failure> {
        let path = self.credentials.as_deref().ok_or_else(|| Failure(NO_CREDENTIALS.to_owned()))?;
        Server::open(read(path)?, path, scope)
    }
}

fn read(path: &Path) -> Result<Credentials, Failure> {
    let bytes = std::fs::read(path).map_err(|error| {
        Failure(format!("the credentials file {} cannot be read: {error}", path.display()))
    })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Failure(format!("{} is no credentials file: {error}", path.display())))
}

/// Both addresses are the operator's own, and administration listeners mostly stand in private networks.
fn policy(url: &Url) -> FetchPolicy {
    FetchPolicy { allow_private_networks: true, ..FetchPolicy::for_configured(url) }
}

struct Server {
    api: Api,
    file: String,
    token_endpoint: String,
    admin_url: String,
}

impl Server {
    fn open(credentials: Credentials, path: &Path, scope: &str) -> Result<Self, Failure> {
        let url = |name: &str, text: &str| {
            text.parse::<Url>()
                .map_err(|error| Failure(format!("{name} in {} is no URL: {error}", path.display())))
        };
        let wrong = |error: &dyn std::fmt::Display| Failure(format!("{}: {error}", path.display()));
        let token_url = url("token_endpoint", &credentials.token_endpoint)?;
        let admin_url = url("admin_url", &credentials.admin_url)?;
        let authentication =
            ClientAuthentication::secret_basic(&credentials.client_id, credentials.client_secret.as_str());
        let tokens = TokenSource::builder(&credentials.issuer, authentication)
            .fetch_policy(policy(&token_url))
            .token_endpoint(token_url)
            .scope(scope)
            .build()
            .map_err(|error| wrong(&error))?;
        let reach = policy(&admin_url);
        let api = Api::new(admin_url, tokens, reach).map_err(|error| wrong(&error))?;
        let file = path.display().to_string();
        Ok(Self { api, file, token_endpoint: credentials.token_endpoint, admin_url: credentials.admin_url })
    }

    async fn call(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let answer = self.api.call(method, segments, query, body).await;
        answer.map(|answer| answer.body).map_err(|error| self.explain(error, segments))
    }

    fn explain(&self, error: ApiError, segments: &[&str]) -> Failure {
        Failure(match error {
            ApiError::Token(error) => {
                let advice = advice(&error, &self.file);
                format!("no token from {}: {error}{advice}", self.token_endpoint)
            }
            ApiError::Problem(problem) => sentence(&problem, segments),
            ApiError::Fetch(error) => {
                let advice = whether_it_runs(&error);
                format!("{}: the API cannot be reached: {error}{advice}", self.admin_url)
            }
            other => format!("{}: {other}", self.admin_url),
        })
    }
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
fn sentence(problem: &Problem, segments: &[&str]) -> String {
    let line = format!("refused ({}): {}", problem.status, flag::said(problem, segments));
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
    fn missing_credentials_name_the_flag_and_the_variable() {
        let connection = Connection { credentials: None, json: false };
        let said = connection.open("admin:read").err().unwrap().0;
        assert!(said.contains("--credentials FILE") && said.contains("CARNET_CREDENTIALS"), "{said}");
    }

    #[test]
    fn a_file_that_is_no_credentials_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.json");
        assert!(read(&path).unwrap_err().0.contains("cannot be read"));
        std::fs::write(&path, "{}").unwrap();
        assert!(read(&path).unwrap_err().0.contains("is no credentials file"));
    }
}
