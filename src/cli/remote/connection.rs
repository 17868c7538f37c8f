use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use carnet_client::{Api, ApiError, ClientAuthentication, FetchPolicy, Method, Problem, TokenSource, Url};
use clap::Args;
use serde_json::Value;

use crate::cli::local::Failure;
use crate::data_dir::Credentials;

/// Whom to ask, as whom, and how to print the answer.
#[derive(Debug, Clone, Args)]
pub(super) struct Connection {
    /// The administrator's credentials, as `carnet serve` wrote them: admin-credentials.json in its data folder.
    #[arg(long, value_name = "FILE", env = "CARNET_CREDENTIALS")]
    credentials: PathBuf,
    /// Print the server's JSON instead of a table.
    #[arg(long)]
    pub(super) json: bool,
}

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
        Server::open(read(&self.credentials)?, &self.credentials, scope)
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
        Ok(Self { api, token_endpoint: credentials.token_endpoint, admin_url: credentials.admin_url })
    }

    async fn call(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let answer = self.api.call(method, segments, query, body).await;
        answer.map(|answer| answer.body).map_err(|error| self.explain(error))
    }

    fn explain(&self, error: ApiError) -> Failure {
        Failure(match error {
            ApiError::Token(error) => format!("no token from {}: {error}", self.token_endpoint),
            ApiError::Problem(problem) => sentence(&problem),
            other => format!("{}: {other}", self.admin_url),
        })
    }
}

/// A problem in one line: what the server says, and every field that it has not named in it.
fn sentence(problem: &Problem) -> String {
    let said = problem.detail.as_deref().unwrap_or(&problem.title);
    let mut line = format!("refused ({}): {said}", problem.status);
    for error in problem.errors.iter().filter(|error| !said.contains(&error.field)) {
        let _ = write!(line, "; {} {}", error.field, error.reason);
    }
    if let Some(instance) = &problem.instance {
        let _ = write!(line, " ({instance})");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_sentence_with_every_field() {
        let field = |field: &str, reason: &str| carnet_client::FieldError {
            field: field.to_owned(),
            reason: reason.to_owned(),
        };
        let problem = Problem {
            status: 400,
            kind: "about:blank".to_owned(),
            title: "Bad".to_owned(),
            detail: Some("name must not be blank".to_owned()),
            instance: None,
            errors: vec![field("name", "must not be blank"), field("roles[1]", "stands twice")],
        };
        assert_eq!(sentence(&problem), "refused (400): name must not be blank; roles[1] stands twice");
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
