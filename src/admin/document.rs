use utoipa::openapi::path::{HttpMethod, Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::tag::Tag;
use utoipa::openapi::{
    Components, Content, ContentBuilder, Header, InfoBuilder, LicenseBuilder, ObjectBuilder, OpenApi,
    OpenApiBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Type,
};
use utoipa::{PartialSchema as _, ToSchema};

use super::api_error::{Problem, ProblemField};
use super::approvals::ApprovalBody;
use super::{json_body, routes};

/// The name of the security scheme in the document.
pub(super) const SCHEME: &str = "administration_token";

const DESCRIPTION: &str = "Registers participants, their ONE Record IDs, their clients with secrets and keys, \
resource servers and administrators.\n\nEvery request but the one for this document needs an administration token: a \
token request by client credentials with the scope that the route names gives one, or with `admin:read`, which covers \
every `admin:…:read`, or `admin:write`, which covers every `admin:…:write` and `admin:approve`. It is opaque and lives \
for five minutes at most.\n\nMembers that are null are as if they were left out, unless they say what null means; \
members that are not known are refused. Times are RFC 3339 texts in UTC.\n\nWhat can be shown alone has an `ETag`, and \
a request that changes it takes `If-Match`. A POST takes an `Idempotency-Key`, a text of the caller's choice: within 24 \
hours, the same request with the same key is done once, and answered again with `Idempotent-Replayed: true` and without \
secrets (`Idempotent-Secret-Withheld: true` says that there was one).\n\nWhere the server is configured so, sensitive \
requests are answered with 202 and wait until a second administrator approves them.";

const TAGS: [(&str, &str); 13] = [
    ("participants", "Companies registered with this identity provider."),
    ("identifiers", "ONE Record IDs of a participant."),
    (
        "initial access tokens",
        "With one of these a participant's machines register themselves. Each is shown once.",
    ),
    ("clients", "Machines of participants."),
    ("client secrets", "Several live at once, so that rotation never needs an outage. Each is shown once."),
    ("client keys", "Registered public keys."),
    ("tokens", "Access tokens that are taken back before they expire."),
    ("resource servers", "Audiences: servers that accept access tokens."),
    ("signing keys", "Keys of this provider: they rotate by themselves, on demand, or are dropped at once."),
    ("administrators", "People who use this API, each with a client of their own."),
    ("approvals", "Requests that wait for a second administrator."),
    ("journal", "What was done, by whom: append-only, each record chained to the one before."),
    ("document", "This document."),
];

/// The answers that say no: status, name in the document, what they mean.
const REFUSALS: [(u16, &str, &str); 12] = [
    (400, "BadRequest", "The request cannot be read, or members of it break rules; `errors` names each."),
    (401, "Unauthorized", "No administration token, or one that is not, or no longer, valid."),
    (403, "Forbidden", "The token does not have the scope that this needs, or you give more than you have."),
    (404, "NotFound", "There is no such thing."),
    (405, "MethodNotAllowed", "The path does not know that method; `Allow` names those that it does."),
    (
        409,
        "Conflict",
        "What is registered stands against it; `errors` names the member. With `Retry-After`, the same request with the \
         same `Idempotency-Key` came twice at once.",
    ),
    (412, "PreconditionFailed", "`If-Match` names another version than the current one, which `ETag` names."),
    (413, "PayloadTooLarge", "The body has more than 65536 bytes."),
    (415, "UnsupportedMediaType", "The body is not `application/json`."),
    (
        422,
        "UnprocessableContent",
        "The `Idempotency-Key` was used for another request within the last 24 hours.",
    ),
    (500, "InternalError", "The server made a mistake; its log tells more under `instance`."),
    (
        503,
        "Unavailable",
        "The database does not answer; nothing was changed. `Retry-After` says when to try again.",
    ),
];

/// The OpenAPI document of the administration API, made from its code.
#[must_use]
pub fn openapi() -> OpenApi {
    let (_, made) = routes().split_for_parts();
    let mut document = OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Carnet administration API")
                .version("1")
                .description(Some(DESCRIPTION))
                .license(Some(LicenseBuilder::new().name("Apache-2.0 OR MIT").build()))
                .build(),
        )
        .tags(Some(TAGS.map(|(name, description)| {
            let mut tag = Tag::new(name);
            tag.description = Some(description.to_owned());
            tag
        })))
        .build();
    document.paths = made.paths;
    document.components = made.components;
    add_components(document.components.get_or_insert_with(Components::new));
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in [
            (HttpMethod::Get, &mut item.get),
            (HttpMethod::Post, &mut item.post),
            (HttpMethod::Delete, &mut item.delete),
            (HttpMethod::Patch, &mut item.patch),
        ] {
            if let Some(operation) = operation {
                complete(operation, path, &method);
            }
        }
    }
    document
}

fn add_components(components: &mut Components) {
    let token = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("opaque")
        .description(Some("An administration token of this server. A JWT is none."))
        .build();
    components.security_schemes.insert(SCHEME.to_owned(), SecurityScheme::Http(token));
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    components.schemas.insert(ProblemField::name().into_owned(), ProblemField::schema());
    components.responses.insert(ACCEPTED.to_owned(), RefOr::T(accepted()));
    for (status, name, description) in REFUSALS {
        let described = match status {
            401 | 403 => Some(("WWW-Authenticate", "The challenge of RFC 6750 section 3.")),
            405 => Some(("Allow", "The methods that the path knows.")),
            409 | 503 => Some(("Retry-After", "Seconds to wait.")),
            412 => Some(("ETag", "The version that it has now.")),
            _ => None,
        };
        let content: Content =
            ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
        let mut response =
            ResponseBuilder::new().description(description).content("application/problem+json", content);
        if let Some((name, description)) = described {
            response = response.header(name, header(description));
        }
        components.responses.insert(name.to_owned(), RefOr::T(response.build()));
    }
}

/// Adds to an operation what follows from its shape, so that no handler can forget it: the headers that it takes and the
/// refusals that it can meet.
fn complete(operation: &mut Operation, path: &str, method: &HttpMethod) {
    let guarded = operation.security.is_some();
    let changes = guarded && *method != HttpMethod::Get;
    let is_post = *method == HttpMethod::Post;
    let has_precondition =
        *method == HttpMethod::Patch || is_post && STEPS.iter().any(|step| path.ends_with(step));
    let has_body = operation.request_body.is_some();
    let has_query = operation.parameters.as_ref().is_some_and(|parameters| {
        parameters.iter().any(|parameter| parameter.parameter_in == ParameterIn::Query)
    });
    let headers = [has_precondition.then(if_match), is_post.then(idempotency_key)];
    for header in headers.into_iter().flatten() {
        operation.parameters.get_or_insert_default().push(header);
    }
    let answers = &mut operation.responses.responses;
    for (status, name, _) in REFUSALS {
        let possible = match status {
            400 => changes || has_query,
            401 | 403 | 500 | 503 => guarded,
            404 => path.contains('{'),
            // A handler that can meet a conflict of its own says so itself.
            409 => changes && !answers.contains_key("409"),
            412 => has_precondition,
            413 => changes,
            415 => has_body,
            422 => is_post,
            _ => true,
        };
        if possible {
            answers.insert(status.to_string(), RefOr::Ref(Ref::from_response_name(name)));
        }
    }
    if is_post {
        let done = answers.iter_mut().filter(|(status, _)| status.starts_with('2'));
        for (_, answer) in done {
            if let RefOr::T(answer) = answer {
                answer.headers.extend(replay_headers());
            }
        }
    }
    if operation.operation_id.as_deref().is_some_and(|id| SENSITIVE.contains(&id)) {
        answers.insert("202".to_owned(), RefOr::Ref(Ref::from_response_name(ACCEPTED)));
    }
}

/// What paths of requests end with that change something as a PATCH does.
const STEPS: [&str; 7] = ["/disable", "/enable", "/suspend", "/resume", "/approve", "/reject", "/execute"];

/// The operations that a second administrator may have to approve.
const SENSITIVE: [&str; 15] = [
    "addClientKeys",
    "addClientSecret",
    "addIdentifier",
    "createAdministrator",
    "createClient",
    "enableAdministrator",
    "enableClient",
    "enableParticipant",
    "enableResourceServer",
    "resumeIdentifier",
    "rotateClientSecret",
    "rotateSigningKey",
    "updateAdministrator",
    "updateClient",
    "updateParticipant",
];

/// The name of their answer in the document.
const ACCEPTED: &str = "WaitsForApproval";

fn accepted() -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(ApprovalBody::name()))).build();
    let mut response = ResponseBuilder::new()
        .description("Nothing was changed yet: a second administrator has to approve it.")
        .content("application/json", content)
        .header("Location", header("Where what becomes of it is shown."))
        .header("ETag", header("The version of the approval, for If-Match."))
        .build();
    response.headers.extend(replay_headers());
    response
}

/// What an answer has that an `Idempotency-Key` gave before.
fn replay_headers() -> [(String, Header); 2] {
    [
        (
            "Idempotent-Replayed".to_owned(),
            header("`true`: it was done before, and this is its answer again."),
        ),
        ("Idempotent-Secret-Withheld".to_owned(), header("`true`: there was a secret in it then.")),
    ]
}

fn header(description: &str) -> Header {
    let mut header = Header::new(String::schema());
    header.description = Some(description.to_owned());
    header
}

fn if_match() -> Parameter {
    header_parameter(
        "If-Match",
        "Versions (`ETag`), one of which it must have; without it, or with `*`, it is changed as it is.",
        ObjectBuilder::new().schema_type(Type::String).build(),
    )
}

fn idempotency_key() -> Parameter {
    header_parameter(
        "Idempotency-Key",
        "Makes a repeat of the same request within 24 hours harmless. A key belongs to one request.",
        ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(255))
            .pattern(Some("^[!-~]+$"))
            .build(),
    )
}

fn header_parameter(name: &str, description: &str, schema: utoipa::openapi::Object) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

/// The limit stands in a text above.
const _: () = assert!(json_body::LIMIT == 65_536);
