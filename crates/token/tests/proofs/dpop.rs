use carnet_token::Algorithm;
use carnet_token::proof::nonce::NonceKey;
use carnet_token::proof::{NonceRule, ProofError, ProofKind, ProofRules, dpop};

use super::stage::{JTI, NOW, Sent, Stage};

type Make = fn(&Stage, &str, &Sent) -> Sent;

#[test]
fn what_is_made_is_accepted_for_every_kind_of_key() {
    for algorithm in Algorithm::ALL {
        let stage = Stage::with(algorithm);
        let checked = stage.dpop(&stage.bound(), &Sent::get()).view(|view| stage.judge(view)).unwrap();
        assert!(checked.kinds().contains(ProofKind::Dpop));
        assert!(checked.covered().target && !checked.covered().query && !checked.covered().body);
    }
}

#[test]
fn a_body_needs_more_than_dpop_unless_the_route_says_otherwise() {
    let stage = Stage::new();
    let sent = stage.dpop(&stage.bound(), &Sent::post());
    assert_eq!(sent.view(|view| stage.judge(view)), Err(ProofError::Uncovered));
    let lax = ProofRules { cover_body: false, ..ProofRules::STRICT };
    let _ = sent.view(|view| stage.judge_at(view, &lax, NOW)).unwrap();
    // A message signature beside it covers the body, and the proof.
    let both = stage.signed("", &sent);
    let checked = both.view(|view| stage.judge(view)).unwrap();
    assert!(checked.covered().body);
    assert_eq!(checked.replay_keys().len(), 2, "each of them may be used once");
    let changed = Sent { body: b"{}".to_vec(), ..both };
    assert_eq!(changed.view(|view| stage.judge(view)), Err(ProofError::ContentDigest));
}

#[test]
fn the_url_is_compared_as_a_whole() {
    let stage = Stage::new();
    let token = stage.bound();
    let of = |url: &str| {
        let making =
            dpop::Making { method: "GET", url, now: NOW, jti: JTI, access_token: Some(&token), nonce: None };
        let proof = dpop::make(&making, &stage.client).unwrap();
        Sent::get().with("authorization", &format!("DPoP {token}")).with("dpop", &proof)
    };
    for url in [
        "https://1r.example/logistics-objects/1a8ded38",
        "HTTPS://1R.Example:443/logistics-objects/1a8ded38",
        "https://1r.example/logistics%2dobjects/1a8ded38",
        "https://1r.example/logistics-objects/1a8ded38?other=1#f",
    ] {
        let _ = of(url).view(|view| stage.judge(view)).unwrap();
    }
    for url in [
        "http://1r.example/logistics-objects/1a8ded38",
        "https://evil.example/logistics-objects/1a8ded38",
        "https://1r.example:8443/logistics-objects/1a8ded38",
        "https://1r.example@evil.example/logistics-objects/1a8ded38",
        "https://evil@1r.example/logistics-objects/1a8ded38",
        // Compared without regard to case as a whole, these would pass (liboauth2 before 2.4.0).
        "https://1r.example/Logistics-Objects/1a8ded38",
        "https://1r.example/logistics-objects/1a8ded38/",
        "https://1r.example/x/../logistics-objects/1a8ded38",
        "https://1r.example//logistics-objects/1a8ded38",
        "/logistics-objects/1a8ded38",
        "1r.example/logistics-objects/1a8ded38",
        "",
    ] {
        assert_eq!(of(url).view(|view| stage.judge(view)), Err(ProofError::Htu), "{url}");
    }
}

#[test]
fn a_private_key_in_a_proof_is_refused() {
    // liboauth2 before 2.3.0 took it (CVE-2026-54431).
    let stage = Stage::new();
    let token = stage.bound();
    let sent = stage.dpop(&token, &Sent::get());
    let proof = sent.headers.iter().find(|(name, _)| name == "dpop").unwrap().1.clone();
    let proof = String::from_utf8(proof).unwrap();
    let (header, rest) = proof.split_once('.').unwrap();
    let header = carnet_token::base64url::decode(header).unwrap();
    let mut header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    header["jwk"]["d"] = "AAAA".into();
    let header = carnet_token::base64url::encode(header.to_string());
    let sent = sent.without("dpop").with("dpop", &format!("{header}.{rest}"));
    assert_eq!(sent.view(|view| stage.judge(view)), Err(ProofError::PrivateJwk));
}

#[test]
fn a_nonce_that_is_required_cannot_be_left_out() {
    let stage = Stage::new();
    let token = stage.bound();
    let nonces = NonceKey::new(&[1; 32], *b"the node");
    let rules = ProofRules { nonce: NonceRule::Required(&nonces), ..ProofRules::STRICT };
    let with = |nonce: Option<String>| Sent { nonce, ..Sent::get() };
    let foreign = NonceKey::new(&[2; 32], *b"the node").current(NOW);
    for make in [Stage::dpop, Stage::shr as Make] {
        let judge = |request: &Sent, now| {
            make(&stage, &token, request).view(|view| stage.judge_at(view, &rules, now))
        };
        let good = with(Some(nonces.current(NOW)));
        let _ = judge(&good, NOW).unwrap();
        // The nonce tells the time, so that a client without a good clock is served.
        let _ = judge(&good, NOW + 170).unwrap();
        for request in [with(None), with(Some(foreign.clone())), with(Some("n".to_owned()))] {
            assert_eq!(judge(&request, NOW), Err(ProofError::UseNonce));
        }
        assert_eq!(judge(&good, NOW + 180), Err(ProofError::UseNonce));
    }
}

#[test]
fn two_fields_and_a_list_of_two_are_refused() {
    let stage = Stage::new();
    let sent = stage.dpop(&stage.bound(), &Sent::get());
    let proof = String::from_utf8(sent.headers.last().unwrap().1.clone()).unwrap();
    let twice = sent.clone().with("dpop", &proof);
    assert_eq!(twice.view(|view| stage.judge(view)), Err(ProofError::Malformed));
    let list = sent.without("dpop").with("dpop", &format!("{proof}, {proof}"));
    assert_eq!(list.view(|view| stage.judge(view)), Err(ProofError::Malformed));
}

#[test]
fn identifiers_of_impossible_length_are_refused() {
    let stage = Stage::new();
    let token = stage.bound();
    for (jti, good) in [("", false), ("j", true), (&"ü".repeat(256), true), (&"j".repeat(257), false)] {
        let making = dpop::Making {
            method: "GET",
            url: "https://1r.example/logistics-objects/1a8ded38",
            now: NOW,
            jti,
            access_token: Some(&token),
            nonce: None,
        };
        let proof = dpop::make(&making, &stage.client).unwrap();
        let sent = Sent::get().with("authorization", &format!("DPoP {token}")).with("dpop", &proof);
        assert_eq!(sent.view(|view| stage.judge(view)).is_ok(), good, "{}", jti.len());
    }
}

#[test]
fn the_sample_of_rfc_9449_is_taken_apart() {
    let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
    let presented = dpop::Presented::parse(proof).unwrap();
    assert_eq!(presented.thumbprint().to_string(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    let request = Sent {
        method: "POST".to_owned(),
        authority: "server.example.com".to_owned(),
        path: "/token".to_owned(),
        ..Sent::get()
    };
    let _ =
        request.view(|view| presented.check_without_token(view, &ProofRules::STRICT, 1_562_262_616)).unwrap();
}

#[test]
fn the_signature_of_a_proxy_beside_it_does_no_harm() {
    let stage = Stage::new();
    let sent = stage.dpop(&stage.bound(), &Sent::get());
    let sent = sent.with("signature-input", "p=(\"@path\");tag=\"proxy\"").with("signature", "p=:AAAA:");
    let checked = sent.view(|view| stage.judge(view)).unwrap();
    assert_eq!(checked.replay_keys().len(), 1);
}

#[test]
fn a_key_of_which_the_algorithm_is_known_serves_no_other() {
    let stage = Stage::with(Algorithm::Rs256);
    let der = {
        use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
        let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap().as_ref().to_vec()
    };
    let named = |algorithm| carnet_token::SigningKey::from_pkcs8_der("client-1", algorithm, &der).unwrap();
    let registered = Stage { client: named(Algorithm::Rs256), ..stage };
    // The same key, used for what it is not registered for.
    let other = Stage { client: named(Algorithm::Ps256), ..Stage::new() };
    let token =
        registered.mint(Some(&carnet_token::Confirmation::key(carnet_token::KeyRef::from_kid("client-1"))));
    for make in [Stage::dpop, Stage::shr as Make] {
        let _ = make(&registered, &token, &Sent::get()).view(|view| registered.judge(view)).unwrap();
        let judged = make(&other, &token, &Sent::get()).view(|view| registered.judge(view));
        assert_eq!(judged, Err(ProofError::Alg));
    }
}

#[test]
fn ed25519_has_two_names() {
    let stage = Stage::with(Algorithm::EdDsa);
    let token = stage.bound();
    let sent = stage.dpop(&token, &Sent::get());
    let proof = String::from_utf8(sent.headers.last().unwrap().1.clone()).unwrap();
    let part = |at: usize| carnet_token::base64url::decode(proof.split('.').nth(at).unwrap()).unwrap();
    let header = String::from_utf8(part(0)).unwrap().replace("\"EdDSA\"", "\"Ed25519\"");
    let renamed = stage.client.sign_parts(header.as_bytes(), &part(1)).unwrap();
    let sent = sent.without("dpop").with("dpop", &renamed);
    let _ = sent.view(|view| stage.judge(view)).unwrap();
}

#[test]
fn a_signature_beside_it_needs_no_key_to_be_looked_up() {
    use carnet_token::proof::Presentation;
    let stage = Stage::new();
    let sent = stage.signed("", &stage.dpop(&stage.bound(), &Sent::post()));
    sent.view(|view| {
        let shown = Presentation::of(view, false).unwrap();
        let token = stage.validated(shown.access_token());
        assert!(!shown.wants_registered_key(&token));
        let checked = shown.check(&token, None, view, &ProofRules::STRICT, NOW).unwrap();
        assert!(checked.covered().body);
    });
}

#[test]
fn while_a_server_starts_a_nonce_does_not_excuse_a_wrong_clock() {
    let stage = Stage::new();
    let token = stage.bound();
    let nonces = NonceKey::new(&[1; 32], *b"the node");
    let rules = ProofRules { nonce: NonceRule::Starting(&nonces), ..ProofRules::STRICT };
    for (make, fault) in [(Stage::dpop as Make, ProofError::Iat), (Stage::shr as Make, ProofError::Ts)] {
        let at = |now: i64| {
            let request = Sent { nonce: Some(nonces.current(now)), ..Sent::get() };
            make(&stage, &token, &request).view(|view| stage.judge_at(view, &rules, now))
        };
        let checked = at(NOW).unwrap();
        // Later it is judged by its own time alone: until then it must be remembered.
        assert!(checked.replay_keys()[0].keep_until >= NOW + 92);
        // By a clock that is ahead of the server's, so that its time will be good long after the nonce.
        assert_eq!(at(NOW - 200), Err(fault));
        let without = make(&stage, &token, &Sent::get());
        assert_eq!(without.view(|view| stage.judge_at(view, &rules, NOW)), Err(ProofError::UseNonce));
    }
}
