//! The extractor, the layer and the challenge as a response.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use axum::Router;
use axum::body::Body;
use axum::extract::FromRef;
use axum::routing::get;
use carnet_verifier::testing::TestIssuer;
use carnet_verifier::{AuthenticateLayer, Authenticated, Clock, Identity, Verifier};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

const AUDIENCE: &str = "https://1r.example";

#[derive(Clone)]
struct App {
    verifier: Verifier,
}

impl FromRef<App> for Verifier {
    fn from_ref(app: &App) -> Self {
        app.verifier.clone()
    }
}

async fn who(Authenticated(identity): Authenticated) -> String {
    identity.client_id.unwrap_or_default()
}

fn app() -> (Router, TestIssuer) {
    let clock = Clock::manual(1_800_000_000_000);
    let issuer = TestIssuer::new(&clock).unwrap();
    let verifier = Verifier::builder(AUDIENCE).trust(issuer.policy().unwrap()).clock(clock).build().unwrap();
    let extension = |request: Request<Body>| async move {
        let held = request.extensions().get::<Identity>().is_some();
        held.to_string()
    };
    let layered = Router::new()
        .route("/behind", get(who))
        .route("/extension", get(extension))
        .layer(AuthenticateLayer::new(verifier.clone()));
    let router = Router::new().route("/who", get(who)).merge(layered).with_state(App { verifier });
    (router, issuer)
}

async fn ask(router: &Router, path: &str, authorization: &[&str]) -> Response<Body> {
    let mut request = Request::get(path);
    for value in authorization {
        request = request.header("authorization", *value);
    }
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_good_token_reaches_the_handler() {
    let (router, issuer) = app();
    let bearer = format!("Bearer {}", issuer.token(AUDIENCE).client_id("widgetco").mint().unwrap());
    for (path, expected) in [("/who", "widgetco"), ("/behind", "widgetco"), ("/extension", "true")] {
        let response = ask(&router, path, &[&bearer]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), expected);
    }
}

#[tokio::test]
async fn without_credentials_every_scheme_is_offered_without_error() {
    let (router, _) = app();
    for path in ["/who", "/behind"] {
        let response = ask(&router, path, &[]).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let offered: Vec<_> = response.headers().get_all("www-authenticate").iter().collect();
        assert_eq!(offered.len(), 3, "PoP, DPoP, Bearer");
        assert_eq!(offered[2], "Bearer realm=\"https://1r.example\"");
    }
}

#[tokio::test]
async fn a_bad_token_gets_invalid_token() {
    let (router, issuer) = app();
    let expired = format!("Bearer {}", issuer.token(AUDIENCE).age(700).mint().unwrap());
    for path in ["/who", "/behind"] {
        for bearer in [expired.as_str(), "Bearer abc"] {
            let response = ask(&router, path, &[bearer]).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
            let challenge = response.headers()["www-authenticate"].to_str().unwrap();
            assert_eq!(challenge, "Bearer realm=\"https://1r.example\", error=\"invalid_token\"");
        }
    }
}

#[tokio::test]
async fn two_authorization_fields_are_a_bad_request() {
    let (router, issuer) = app();
    let bearer = format!("Bearer {}", issuer.token(AUDIENCE).mint().unwrap());
    let response = ask(&router, "/who", &[&bearer, &bearer]).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(response.headers()["www-authenticate"].to_str().unwrap().contains("error=\"invalid_request\""));
}

#[tokio::test]
async fn a_scope_can_be_asked_for() {
    let clock = Clock::manual(1_800_000_000_000);
    let issuer = TestIssuer::new(&clock).unwrap();
    let verifier = Verifier::builder(AUDIENCE).trust(issuer.policy().unwrap()).clock(clock).build().unwrap();
    let token = issuer.token(AUDIENCE).scope("logistics_objects:read").role("SHP").role("FWD");
    let identity = verifier.verify_bearer(&token.mint().unwrap()).await.unwrap();
    assert_eq!(identity.roles, ["SHP", "FWD"]);
    assert!(identity.require_scope("logistics_objects:read").is_ok());
    let challenge = verifier.dress(identity.require_scope("logistics_objects:write").unwrap_err());
    assert_eq!(challenge.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        challenge.www_authenticate()[0],
        "Bearer realm=\"https://1r.example\", error=\"insufficient_scope\", scope=\"logistics_objects:write\""
    );
}

#[tokio::test]
async fn the_method_counts_while_the_feed_is_missing() {
    let clock = Clock::manual(1_800_000_000_000);
    let issuer = TestIssuer::new(&clock).unwrap();
    let verifier = Verifier::builder(AUDIENCE)
        .trust(issuer.policy_with_feed().unwrap())
        .clock(clock.clone())
        .build()
        .unwrap();
    let layered =
        Router::new().route("/behind", get(who).post(who)).layer(AuthenticateLayer::new(verifier.clone()));
    let router = Router::new().route("/who", get(who).post(who)).merge(layered).with_state(App { verifier });
    let send = async |method: &str, path: &str| {
        let token = issuer.token(AUDIENCE).mint().unwrap();
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap()
    };
    for path in ["/behind", "/who"] {
        assert_eq!(send("POST", path).await.status(), StatusCode::OK, "{path}, none has come yet");
    }
    clock.advance(std::time::Duration::from_mins(10));
    for path in ["/behind", "/who"] {
        assert_eq!(send("GET", path).await.status(), StatusCode::OK, "{path}");
        let refused = send("POST", path).await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(refused.headers()["retry-after"], "1", "{path}");
    }
}
