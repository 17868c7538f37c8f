//! What a server can do that was sent an honest request: it has the token, the proof, and all the time of the window.

use carnet_token::Algorithm;
use carnet_token::proof::{ProofError, ProofRules, dpop};

use super::stage::{JTI, NOW, Sent, Stage, key};

/// The same request, sent on to another server as if it were the sender.
fn elsewhere(sent: Sent) -> Sent {
    Sent { authority: "other.example".to_owned(), ..sent }
}

#[test]
fn it_cannot_send_the_request_on_to_another_server() {
    let stage = Stage::new();
    let token = stage.bound();
    for (sent, fault) in [
        (stage.shr(&token, &Sent::get()), ProofError::U),
        (stage.dpop(&token, &Sent::get()), ProofError::Htu),
        (stage.signed(&token, &Sent::get()), ProofError::Sig),
    ] {
        assert_eq!(elsewhere(sent).view(|view| stage.judge(view)), Err(fault));
    }
}

#[test]
fn it_cannot_use_the_token_under_a_key_of_its_own() {
    let stage = Stage::new();
    let token = stage.bound();
    let thief = Stage { client: key("client-1", Algorithm::Es256), ..Stage::new() };
    for sent in [thief.shr(&token, &Sent::get()), thief.dpop(&token, &Sent::get())] {
        assert_eq!(sent.view(|view| stage.judge(view)), Err(ProofError::CnfMismatch));
    }
    let sent = thief.signed(&token, &Sent::get());
    assert_eq!(sent.view(|view| stage.judge(view)), Err(ProofError::Sig));
}

#[test]
fn it_cannot_use_the_inner_token_as_a_bearer_token() {
    let stage = Stage::new();
    let sent = Sent::get().with("authorization", &format!("Bearer {}", stage.bound()));
    let lax = ProofRules { allow_bearer: true, ..ProofRules::STRICT };
    assert_eq!(sent.view(|view| stage.judge_at(view, &lax, NOW)), Err(ProofError::Downgrade));
}

#[test]
fn it_cannot_turn_one_kind_of_proof_into_another() {
    let stage = Stage::new();
    let token = stage.bound();
    let value = |sent: &Sent, name: &str| {
        let (_, value) = sent.headers.iter().find(|(field, _)| field == name).unwrap();
        String::from_utf8(value.clone()).unwrap()
    };
    let shr = value(&stage.shr(&token, &Sent::get()), "authorization").replace("PoP ", "");
    let dpop = value(&stage.dpop(&token, &Sent::get()), "dpop");
    // The signed request as a DPoP proof, and the DPoP proof as a signed request.
    let sent = Sent::get().with("authorization", &format!("DPoP {token}")).with("dpop", &shr);
    assert_eq!(sent.view(|view| stage.judge(view)), Err(ProofError::Typ));
    let sent = Sent::get().with("authorization", &format!("PoP {dpop}"));
    assert_eq!(sent.view(|view| stage.judge(view)), Err(ProofError::Typ));
    // Neither passes for an access token, under any scheme.
    for scheme in ["Bearer", "PoP", "DPoP"] {
        for proof in [&shr, &dpop] {
            assert!(carnet_token::access_token::Unverified::parse(proof).is_err(), "{scheme}");
        }
    }
}

#[test]
fn it_cannot_use_a_proof_for_itself_at_the_token_endpoint() {
    let stage = Stage::new();
    let sent = stage.dpop(&stage.bound(), &Sent::get());
    let at_the_iap = Sent {
        method: "POST".to_owned(),
        authority: "iap.example".to_owned(),
        path: "/token".to_owned(),
        query: None,
        ..sent
    };
    let judged = at_the_iap.view(|view| {
        let proof = dpop::Presented::of(view).unwrap().unwrap();
        proof.check_without_token(view, &ProofRules::STRICT, NOW)
    });
    assert_eq!(judged, Err(ProofError::Htm));
}

#[test]
fn it_cannot_use_a_proof_for_the_token_endpoint_at_a_resource() {
    let stage = Stage::new();
    let token = stage.bound();
    let making = dpop::Making {
        method: "GET",
        url: "https://1r.example/logistics-objects/1a8ded38",
        now: NOW,
        jti: JTI,
        access_token: None,
        nonce: None,
    };
    let proof = dpop::make(&making, &stage.client).unwrap();
    let sent = Sent::get().with("authorization", &format!("DPoP {token}")).with("dpop", &proof);
    assert_eq!(sent.view(|view| stage.judge(view)), Err(ProofError::Ath));
}

#[test]
fn it_cannot_put_the_token_into_the_query_as_well() {
    let stage = Stage::new();
    let token = stage.bound();
    for name in ["access_token", "pop_access_token"] {
        let sent = stage.shr(&token, &Sent { query: Some(format!("{name}={token}")), ..Sent::get() });
        assert_eq!(sent.view(|view| stage.judge(view)), Err(ProofError::SeveralCredentials));
    }
}
