//! The rules by which no token becomes easier to use than its issuer meant it (proof-of-possession, downgrade rules).

use carnet_token::proof::{Presentation, ProofError, ProofKind, ProofKinds, ProofRules};
use carnet_token::{Algorithm, Confirmation, KeyRef, Thumbprint};

use super::stage::{NOW, Sent, Stage, key, public};

const LAX: ProofRules<'static> = ProofRules { allow_bearer: true, ..ProofRules::STRICT };

fn bearer(token: &str) -> Sent {
    Sent::get().with("authorization", &format!("Bearer {token}"))
}

#[test]
fn rule_1_a_bound_token_is_never_accepted_without_its_proof_whatever_the_scheme() {
    let stage = Stage::new();
    let token = stage.bound();
    for (scheme, fault) in [
        ("Bearer", ProofError::Downgrade),
        ("PoP", ProofError::NoSignature),
        ("DPoP", ProofError::ProofMissing),
        ("Basic", ProofError::NoCredentials),
    ] {
        let sent = Sent::get().with("authorization", &format!("{scheme} {token}"));
        assert_eq!(sent.view(|view| stage.judge_at(view, &LAX, NOW)), Err(fault), "{scheme}");
    }
}

#[test]
fn rule_2_a_key_bound_token_under_bearer_is_refused_even_beside_a_good_proof() {
    let stage = Stage::new();
    let token = stage.bound();
    for good in [stage.dpop(&token, &Sent::get()), stage.signed(&token, &Sent::get())] {
        let _ = good.view(|view| stage.judge(view)).unwrap();
        let sent = good.without("authorization").with("authorization", &format!("Bearer {token}"));
        assert_eq!(sent.view(|view| stage.judge_at(view, &LAX, NOW)), Err(ProofError::Downgrade));
    }
}

#[test]
fn rule_2_a_certificate_bound_token_comes_under_bearer_alone() {
    let stage = Stage::new();
    let certificate = b"a certificate".to_vec();
    let token = stage.mint(Some(&Confirmation::certificate(Thumbprint::of(&certificate))));
    let with = |sent: Sent| Sent { certificate: Some(certificate.clone()), ..sent };
    let checked = with(bearer(&token)).view(|view| stage.judge(view)).unwrap();
    assert!(checked.kinds().contains(ProofKind::Mtls) && checked.replay_keys().is_empty());
    for sent in [
        stage.dpop(&token, &Sent::get()),
        stage.shr(&token, &Sent::get()),
        stage.signed(&token, &Sent::get()),
    ] {
        assert_eq!(with(sent).view(|view| stage.judge_at(view, &LAX, NOW)), Err(ProofError::NotBound));
    }
}

#[test]
fn a_certificate_proves_nothing_about_what_is_written() {
    let stage = Stage::new();
    let certificate = b"a certificate".to_vec();
    let token = stage.mint(Some(&Confirmation::certificate(Thumbprint::of(&certificate))));
    let sent = Sent::post().with("authorization", &format!("Bearer {token}"));
    let sent = Sent { certificate: Some(certificate), ..sent };
    assert_eq!(sent.view(|view| stage.judge(view)), Err(ProofError::Uncovered));
    let lax = ProofRules { cover_body: false, ..ProofRules::STRICT };
    let _ = sent.view(|view| stage.judge_at(view, &lax, NOW)).unwrap();
}

#[test]
fn both_obligations_must_be_met_when_a_token_has_both() {
    let stage = Stage::new();
    let certificate = b"a certificate".to_vec();
    let client = public(&stage.client);
    let key_ref = KeyRef::new(client.kid(), client.thumbprint());
    let token = stage.mint(Some(&Confirmation::key_and_certificate(key_ref, Thumbprint::of(&certificate))));
    let proven = stage.shr(&token, &Sent::get());
    assert_eq!(proven.view(|view| stage.judge(view)), Err(ProofError::NoCertificate));
    let other = Sent { certificate: Some(b"another certificate".to_vec()), ..proven.clone() };
    assert_eq!(other.view(|view| stage.judge(view)), Err(ProofError::CnfMismatch));
    let alone = Sent { certificate: Some(certificate.clone()), ..bearer(&token) };
    assert_eq!(alone.view(|view| stage.judge_at(view, &LAX, NOW)), Err(ProofError::Downgrade));
    let both = Sent { certificate: Some(certificate), ..proven };
    let checked = both.view(|view| stage.judge(view)).unwrap();
    let kinds: Vec<_> = checked.kinds().iter().collect();
    assert_eq!(kinds, [ProofKind::Shr, ProofKind::Mtls]);
    assert!(checked.key().is_some() && checked.certificate().is_some());
}

#[test]
fn rule_3_a_token_without_cnf_is_refused_unless_bearer_is_allowed() {
    let stage = Stage::new();
    let token = stage.mint(None);
    assert_eq!(bearer(&token).view(|view| stage.judge(view)), Err(ProofError::NotBound));
    let checked = bearer(&token).view(|view| stage.judge_at(view, &LAX, NOW)).unwrap();
    assert!(checked.kinds().is_empty() && checked.key().is_none());
    // A proof by whoever has found it makes it no better: the issuer never said whose it is.
    for sent in [
        stage.dpop(&token, &Sent::get()),
        stage.shr(&token, &Sent::get()),
        stage.signed(&token, &Sent::get()),
    ] {
        assert_eq!(sent.view(|view| stage.judge_at(view, &LAX, NOW)), Err(ProofError::NotBound));
    }
}

#[test]
fn rule_5_the_algorithm_is_that_of_the_key() {
    let stage = Stage::with(Algorithm::Rs256);
    let token = stage.bound();
    let only_es256 = ProofRules { algorithms: &[Algorithm::Es256], ..ProofRules::STRICT };
    for sent in [
        stage.dpop(&token, &Sent::get()),
        stage.shr(&token, &Sent::get()),
        stage.signed(&token, &Sent::get()),
    ] {
        assert_eq!(sent.view(|view| stage.judge_at(view, &only_es256, NOW)), Err(ProofError::Alg));
    }
    // A key that is registered for RS256 does not serve PS256: the token names it by its registered name.
    let registered = public(&stage.client);
    let mut jwk = stage.client.public_jwk().unwrap().clone();
    jwk.alg = Some("PS256".to_owned());
    let other = carnet_token::PublicKey::from_jwk(&jwk).unwrap();
    let token = stage.mint(Some(&Confirmation::key(KeyRef::from_kid("client-1"))));
    let sent = stage.signed(&token, &Sent::get());
    sent.view(|view| {
        let shown = Presentation::of(view, false).unwrap();
        let token = stage.validated(shown.access_token());
        let check = |key| shown.check(&token, Some(key), view, &ProofRules::STRICT, NOW).map(drop);
        assert_eq!(check(&registered), Ok(()));
        assert_eq!(check(&other), Err(ProofError::Sig));
    });
}

#[test]
fn a_kind_that_the_route_does_not_accept_is_refused() {
    let stage = Stage::new();
    let token = stage.bound();
    let rules = ProofRules { kinds: ProofKinds::ALL.without(ProofKind::Dpop), ..ProofRules::STRICT };
    let dpop = stage.dpop(&token, &Sent::get());
    assert_eq!(dpop.view(|view| stage.judge_at(view, &rules, NOW)), Err(ProofError::Kind));
    let _ = stage.signed("", &dpop).view(|view| stage.judge_at(view, &rules, NOW)).unwrap();
    let _ = stage.shr(&token, &Sent::get()).view(|view| stage.judge_at(view, &rules, NOW)).unwrap();
}

#[test]
fn a_name_of_a_key_is_nothing_without_its_issuer_and_client() {
    let stage = Stage::new();
    let token = stage.mint(Some(&Confirmation::key(KeyRef::from_kid("client-1"))));
    let sent = stage.shr(&token, &Sent::get());
    sent.view(|view| {
        let shown = Presentation::of(view, false).unwrap();
        let token = stage.validated(shown.access_token());
        assert!(shown.wants_registered_key(&token), "the key in the header proves nothing by itself");
        let check = |key: Option<&carnet_token::PublicKey>| {
            shown.check(&token, key, view, &ProofRules::STRICT, NOW).map(drop)
        };
        assert_eq!(check(None), Err(ProofError::UnknownPopKid));
        // Another client's key of the same name.
        let namesake = public(&key("client-1", Algorithm::Es256));
        assert_eq!(check(Some(&namesake)), Err(ProofError::CnfMismatch));
        assert_eq!(check(Some(&public(&stage.client))), Ok(()));
    });
}

#[test]
fn a_body_that_nobody_has_read_passes_no_proof() {
    use carnet_token::proof::{Body, RequestView};
    let stage = Stage::new();
    let certificate = b"a certificate".to_vec();
    let token = stage.bound();
    let by_certificate = stage.mint(Some(&Confirmation::certificate(Thumbprint::of(&certificate))));
    let tls = Sent { certificate: Some(certificate), ..bearer(&by_certificate) };
    for sent in [
        stage.shr(&token, &Sent::get()),
        stage.signed(&token, &Sent::get()),
        stage.dpop(&token, &Sent::get()),
        tls,
    ] {
        let judged = sent.view(|view| stage.judge(&RequestView { body: Body::Unread, ..*view }));
        assert_eq!(judged, Err(ProofError::BodyUnread));
    }
}
