use carnet_token::Algorithm;
use carnet_token::proof::{ProofError, ProofKind, shr};

use super::stage::{Sent, Stage};

#[test]
fn what_is_made_is_accepted_for_every_kind_of_key_and_request() {
    for algorithm in Algorithm::ALL {
        let stage = Stage::with(algorithm);
        let token = stage.bound();
        for request in [
            Sent::get(),
            Sent::post(),
            Sent { query: None, ..Sent::get() },
            Sent { path: String::new(), ..Sent::get() },
        ] {
            let checked = stage.shr(&token, &request).view(|view| stage.judge(view)).unwrap();
            assert!(checked.kinds().contains(ProofKind::Shr));
            let covered = checked.covered();
            assert!(covered.target && covered.query && covered.body);
            assert_eq!(checked.replay_keys().len(), 1);
        }
    }
}

#[test]
fn a_key_in_the_header_needs_no_lookup_when_the_token_has_its_thumbprint() {
    let stage = Stage::new();
    let sent = stage.shr(&stage.bound(), &Sent::get());
    sent.view(|view| {
        let shown = carnet_token::proof::Presentation::of(view, false).unwrap();
        assert!(!shown.wants_registered_key(&stage.validated(shown.access_token())));
    });
}

#[test]
fn every_part_of_the_request_that_is_changed_on_the_way_is_noticed() {
    let stage = Stage::new();
    let token = stage.bound();
    let get = stage.shr(&token, &Sent::get());
    let post = stage.shr(&token, &Sent::post());
    let query = |query: &str| Sent { query: Some(query.to_owned()), ..get.clone() };
    let same = "embedded=true&at=2026-01-01T00%3A00%3A00Z&note=a%20b+c&flag";
    for (sent, fault) in [
        (Sent { method: "HEAD".to_owned(), ..get.clone() }, ProofError::M),
        (Sent { method: "get".to_owned(), ..get.clone() }, ProofError::M),
        (Sent { authority: "evil.example".to_owned(), ..get.clone() }, ProofError::U),
        (Sent { authority: "1r.example:8443".to_owned(), ..get.clone() }, ProofError::U),
        (Sent { path: "/logistics-objects/1a8ded38/".to_owned(), ..get.clone() }, ProofError::P),
        (Sent { path: "/Logistics-objects/1a8ded38".to_owned(), ..get.clone() }, ProofError::P),
        (Sent { path: "/logistics-objects%2F1a8ded38".to_owned(), ..get.clone() }, ProofError::P),
        (query(&format!("{same}&admin=1")), ProofError::Uncovered),
        (query(&format!("{same}&embedded=false")), ProofError::Q),
        (query(&same.replace("true", "false")), ProofError::Q),
        (query(&same.replace("%3A", "%3a")), ProofError::Q),
        (query(&same.replace('+', "%20")), ProofError::Q),
        (query(&same.replace("&flag", "")), ProofError::Q),
        (Sent { query: None, ..get.clone() }, ProofError::Q),
        (Sent { body: b"{}".to_vec(), ..post.clone() }, ProofError::B),
        (Sent { body: Vec::new(), ..post.clone() }, ProofError::B),
        (Sent { body: b"{}".to_vec(), ..get.clone() }, ProofError::B),
        (post.clone().without("content-type").with("content-type", "text/html"), ProofError::H),
        (post.clone().without("content-type"), ProofError::H),
        (post.with("content-type", "application/ld+json"), ProofError::H),
    ] {
        assert_eq!(sent.view(|view| stage.judge(view)), Err(fault));
    }
    // The same query in another order or with `&&` is another spelling of the same parameters.
    let reordered = query("flag&note=a%20b+c&&at=2026-01-01T00%3A00%3A00Z&embedded=true");
    let _ = reordered.view(|view| stage.judge(view)).unwrap();
}

#[test]
fn a_path_with_dot_segments_is_nobodys_to_sign() {
    let stage = Stage::new();
    let token = stage.bound();
    for path in ["/a/../b", "/%2e%2E/b", "/.", "/a b"] {
        let request = Sent { path: path.to_owned(), ..Sent::get() };
        let making = shr::Making { access_token: &token, now: 0, jti: "j", nonce: None };
        let made = request.view(|view| shr::make(&making, view, &stage.client));
        assert_eq!(made, Err(shr::MakeError::Target), "{path}");
        let sent = Sent { path: path.to_owned(), ..stage.shr(&token, &Sent::get()) };
        assert_eq!(sent.view(|view| stage.judge(view)), Err(ProofError::Malformed), "{path}");
    }
}

#[test]
fn a_parameter_that_occurs_twice_cannot_be_signed() {
    let stage = Stage::new();
    let token = stage.bound();
    let request = Sent { query: Some("a=1&b=2&a=3".to_owned()), ..Sent::get() };
    let making = shr::Making { access_token: &token, now: 0, jti: "j", nonce: None };
    let made = request.view(|view| shr::make(&making, view, &stage.client));
    assert_eq!(made, Err(shr::MakeError::Repeated("a".to_owned())));
}

#[test]
fn the_worked_example_of_the_draft_has_its_hashes() {
    // §4 of the draft: `b=bar a=foo c=duck`; its header hash is an erratum, this is the right one.
    use carnet_token::Thumbprint;
    let hash = |text: &str| Thumbprint::of(text.as_bytes()).to_string();
    assert_eq!(hash("b=bar&a=foo&c=duck"), "u4LgkGUWhP9MsKrEjA4dizIllDXluDku6ZqCeyuR-JY");
    assert_eq!(
        hash("content-type: application/json\netag: 742-3u8f34-3r2nvv3"),
        "P6z5XN4tTzHkfwe3XO1YvVUIurSuhvh_UG10N_j-aGs"
    );
}

#[test]
fn a_proof_longer_than_a_proxy_would_let_through_is_refused_before_it_is_decoded() {
    let stage = Stage::new();
    let long = format!("PoP {}.{}.AAAA", "A".repeat(10_000), "A".repeat(10_000));
    let sent = Sent::get().with("authorization", &long);
    assert_eq!(sent.view(|view| stage.judge(view)), Err(ProofError::Malformed));
}
