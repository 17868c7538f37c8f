use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::tag::Tag;
use utoipa::openapi::{
    Components, Content, ContentBuilder, Header, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref,
    RefOr, ResponseBuilder,
};
use utoipa::{PartialSchema as _, ToSchema};

use super::api_error::{Problem, ProblemField};
use super::{json_body, routes};

/// The name of the security scheme in the document.
pub(super) const SCHEME: &str = "administration_token";

const DESCRIPTION: &str = "Registers participants, their ONE Record IDs, their clients with secrets and keys, and \
resource servers.\n\nEvery request but the one for this document needs an administration token: a token request by \
client credentials with the scope `admin:read` or `admin:write` gives one. It is opaque and lives for five minutes at \
most.\n\nMembers that are null are as if they were left out; members that are not known are refused. Times are RFC \
3339 texts in UTC.";

const TAGS: [(&str, &str); 8] = [
    ("participants", "Companies registered with this identity provider."),
    ("identifiers", "ONE Record IDs of a participant."),
    ("clients", "Machines of participants."),
    ("client secrets", "Several live at once, so that rotation never needs an outage. Each is shown once."),
    ("client keys", "Registered public keys."),
    ("resource servers", "Audiences: servers that accept access tokens."),
    ("journal", "What was done, by whom: append-only, each record chained to the one before."),
    ("document", "This document."),
];

/// The answers that say no: status, name in the document, what they mean.
const REFUSALS: [(u16, &str, &str); 11] = [
    (400, "BadRequest", "The request cannot be read, or members of it break rules; `errors` names each."),
    (401, "Unauthorized", "No administration token, or one that is not, or no longer, valid."),
    (403, "Forbidden", "The token does not have the scope that this needs."),
    (404, "NotFound", "There is no such thing."),
    (405, "MethodNotAllowed", "The path does not know that method; `Allow` names those that it does."),
    (409, "Conflict", "What is registered stands against it; `errors` names the member."),
    (412, "PreconditionFailed", "`If-Match` names another version than the current one."),
    (413, "PayloadTooLarge", "The body has more than 65536 bytes."),
    (415, "UnsupportedMediaType", "The body is not `application/json`."),
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
        let has_id = path.contains('{');
        for (operation, has_precondition) in [
            (&mut item.get, false),
            (&mut item.post, false),
            (&mut item.delete, false),
            (&mut item.patch, true),
        ] {
            if let Some(operation) = operation {
                add_refusals(operation, has_id, has_precondition);
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
    for (status, name, description) in REFUSALS {
        let header = match status {
            401 | 403 => Some(("WWW-Authenticate", "The challenge of RFC 6750 section 3.")),
            405 => Some(("Allow", "The methods that the path knows.")),
            503 => Some(("Retry-After", "Seconds to wait.")),
            _ => None,
        };
        let content: Content =
            ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
        let mut response =
            ResponseBuilder::new().description(description).content("application/problem+json", content);
        if let Some((header, description)) = header {
            let mut described = Header::new(String::schema());
            described.description = Some(description.to_owned());
            response = response.header(header, described);
        }
        components.responses.insert(name.to_owned(), RefOr::T(response.build()));
    }
}

/// Adds to an operation the refusals that follow from its shape, so that no handler can forget one.
fn add_refusals(operation: &mut Operation, has_id: bool, has_precondition: bool) {
    let guarded = operation.security.is_some();
    let has_body = operation.request_body.is_some();
    let has_query = operation.parameters.as_ref().is_some_and(|parameters| {
        parameters.iter().any(|p| matches!(p.parameter_in, utoipa::openapi::path::ParameterIn::Query))
    });
    for (status, name, _) in REFUSALS {
        let possible = match status {
            400 => has_body || has_query,
            401 | 403 | 500 | 503 => guarded,
            404 => has_id,
            412 => has_precondition,
            413 | 415 => has_body,
            // A handler that can meet a conflict says so itself.
            409 => continue,
            _ => true,
        };
        if possible {
            let reference = RefOr::Ref(Ref::from_response_name(name));
            operation.responses.responses.insert(status.to_string(), reference);
        }
    }
}

/// The limit stands in a text above.
const _: () = assert!(json_body::LIMIT == 65_536);
