//! `carnet request`: one request to a resource server, with a token and the proof that it is one's own.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use carnet_client::{HeaderMap, Method, ResourceError, Response, Url};
use clap::Args;

use super::login::{self, Login};
use super::output::{self, Output};
use super::stop::Stop;
use super::terminal;

/// `carnet request`
#[derive(Debug, Args)]
#[command(
    after_help = "The body of the answer goes to standard output; the exit status is 0 for an answer of 200 to 299. A \
                  nonce that the server asks for is answered, and a bound token is never sent as a bearer token.\n\n\
                  Examples:\n  carnet request GET https://1r.example/airline/awb-1 --issuer https://iap.example \\\n    \
                  --client-id 01ARZ3NDEKTSV4RRFFQ69G5FAW --key private-key.json\n  \
                  carnet request POST https://1r.example/airline --data awb.json --content-type application/ld+json \\\n    \
                  --issuer https://iap.example --client-id 01ARZ3NDEKTSV4RRFFQ69G5FAW --key private-key.json --proof httpsig"
)]
pub struct Request {
    /// The method, such as GET.
    method: String,
    /// The address.
    url: Url,
    /// A file with the body, `-` for standard input.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// The type of the body.
    #[arg(long, value_name = "TYPE", default_value = "application/ld+json")]
    content_type: String,
    /// A further header field, as `name: value`; may be repeated.
    #[arg(long = "header", value_name = "FIELD")]
    headers: Vec<String>,
    /// Print the status and the header fields of the answer, too.
    #[arg(long)]
    include: bool,
    #[command(flatten)]
    login: Login,
}

/// Sends it.
pub(super) async fn run(request: Request) -> Result<Output, Stop> {
    let method: Method = request
        .method
        .to_ascii_uppercase()
        .parse()
        .map_err(|_| Stop::usage(format!("{} is no method", request.method)))?;
    let body = request.data.as_deref().map(read_body).transpose()?;
    let headers = headers(&request, body.is_some())?;
    let resource = request.login.resource(&request.url)?;
    let answer = resource.send(&method, &request.url, &headers, body.unwrap_or_default()).await;
    let answer = answer.map_err(|error| match error {
        ResourceError::Token(error) => Stop::failed(login::sentence(&error)),
        other => Stop::failed(format!("{}: {other}", request.url)),
    })?;
    let text = shown(&answer, request.include);
    if answer.status.is_success() {
        return Ok(text.into());
    }
    terminal::print(&text);
    Err(Stop::failed(refusal(&request.url, &answer)))
}

fn headers(request: &Request, has_body: bool) -> Result<HeaderMap, Stop> {
    let wrong = |field: &str| Stop::usage(format!("--header {field:?} is not of the form `name: value`"));
    let mut headers = HeaderMap::new();
    if has_body {
        let value = request.content_type.parse().map_err(|_| {
            Stop::usage(format!("--content-type {:?} cannot stand in a header", request.content_type))
        })?;
        headers.insert("content-type", value);
    }
    for field in &request.headers {
        let (name, value) = field.split_once(':').ok_or_else(|| wrong(field))?;
        let name: carnet_client::HeaderName = name.trim().parse().map_err(|_| wrong(field))?;
        headers.append(name, value.trim().parse().map_err(|_| wrong(field))?);
    }
    Ok(headers)
}

fn read_body(path: &Path) -> Result<Vec<u8>, Stop> {
    let mut body = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_end(&mut body).map(drop)
    } else {
        std::fs::read(path).map(|bytes| body = bytes)
    };
    read.map_err(|error| Stop::usage(format!("{} cannot be read: {error}", path.display())))?;
    Ok(body)
}

fn shown(answer: &Response, include: bool) -> String {
    let mut text = String::new();
    if include {
        let _ = writeln!(text, "{}", answer.status);
        for (name, value) in &answer.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            let _ = writeln!(text, "{name}: {}", output::printable(&value));
        }
        text.push('\n');
    }
    text.push_str(&output::printable_lines(&String::from_utf8_lossy(&answer.body)));
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// What the server says about its refusal, as far as it stands in a challenge.
fn refusal(url: &Url, answer: &Response) -> String {
    let challenge = answer.headers.get("www-authenticate").and_then(|value| value.to_str().ok());
    match challenge {
        Some(challenge) => format!("{url} answered {}: {}", answer.status, output::printable(challenge)),
        None => format!("{url} answered {}", answer.status),
    }
}
