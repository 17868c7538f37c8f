//! How long a proof is good for, and how long it must be remembered.

use carnet_token::proof::nonce::NonceKey;
use carnet_token::proof::{NonceRule, ProofError, ProofRules, Window};

use super::stage::{NOW, Sent, Stage};

type Make = fn(&Stage, &str, &Sent) -> Sent;
const MAKERS: [(Make, ProofError); 3] =
    [(Stage::shr, ProofError::Ts), (Stage::dpop, ProofError::Iat), (Stage::signed, ProofError::Created)];

#[test]
fn a_proof_is_good_within_its_window_and_remembered_for_longer_than_that() {
    let stage = Stage::new();
    let token = stage.bound();
    for (make, fault) in MAKERS {
        let sent = make(&stage, &token, &Sent::get());
        let at = |now| sent.view(|view| stage.judge_at(view, &ProofRules::STRICT, now));
        for now in [NOW - 30, NOW, NOW + 90] {
            let checked = at(now).unwrap();
            // Whenever it comes first: no later use may find it forgotten.
            assert_eq!(checked.replay_keys()[0].keep_until, NOW + 92);
        }
        for now in [NOW - 31, NOW + 91] {
            assert_eq!(at(now), Err(fault), "{}", now - NOW);
        }
    }
}

#[test]
fn one_proof_has_one_identity_however_often_and_wherever_it_is_shown() {
    let stage = Stage::new();
    let token = stage.bound();
    for (make, _) in MAKERS {
        let sent = make(&stage, &token, &Sent::get());
        let at = |now| sent.view(|view| stage.judge_at(view, &ProofRules::STRICT, now)).unwrap();
        let digest = at(NOW).replay_keys()[0].digest;
        assert_eq!(at(NOW + 50).replay_keys()[0].digest, digest);
        // Another spelling of the same URL.
        let other = Sent { authority: "1R.EXAMPLE:443".to_owned(), ..sent.clone() };
        let again = other.view(|view| stage.judge_at(view, &ProofRules::STRICT, NOW)).unwrap();
        assert_eq!(again.replay_keys()[0].digest, digest);
    }
}

#[test]
fn proofs_of_two_clients_never_have_one_identity() {
    let (one, other) = (Stage::new(), Stage::new());
    for (make, _) in MAKERS {
        let digest = |stage: &Stage| {
            let sent = make(stage, &stage.bound(), &Sent::get());
            sent.view(|view| stage.judge(view)).unwrap().replay_keys()[0].digest
        };
        assert_ne!(digest(&one), digest(&other), "the same jti is each client's own");
    }
}

#[test]
fn under_a_nonce_a_proof_is_remembered_for_as_long_as_the_nonce_is_good() {
    let stage = Stage::new();
    let token = stage.bound();
    let nonces = NonceKey::new(&[1; 32], *b"the node");
    let rules = ProofRules { nonce: NonceRule::Required(&nonces), ..ProofRules::STRICT };
    for (make, _) in &MAKERS[..2] {
        let sent = make(&stage, &token, &Sent { nonce: Some(nonces.current(NOW)), ..Sent::get() });
        let last = NOW + 179;
        let checked = sent.view(|view| stage.judge_at(view, &rules, last)).unwrap();
        assert!(checked.replay_keys()[0].keep_until > last);
        assert_eq!(sent.view(|view| stage.judge_at(view, &rules, last + 1)), Err(ProofError::UseNonce));
    }
}

#[test]
fn what_was_made_before_a_start_that_forgot_everything_is_refused() {
    let stage = Stage::new();
    let token = stage.bound();
    for (make, _) in MAKERS {
        let sent = make(&stage, &token, &Sent::get());
        let judge = |made_after| {
            let rules = ProofRules { made_after: Some(made_after), ..ProofRules::STRICT };
            sent.view(|view| stage.judge_at(view, &rules, NOW)).map(drop)
        };
        assert_eq!(judge(NOW), Err(ProofError::MadeBeforeStart));
        assert_eq!(judge(NOW - 1), Ok(()));
    }
}

#[test]
fn a_window_of_no_skew_ends_at_the_second() {
    let stage = Stage::new();
    let token = stage.bound();
    let window = Window { max_age: 5, skew: 0 };
    let rules = ProofRules { window, longest: window, ..ProofRules::STRICT };
    for (make, fault) in MAKERS {
        let sent = make(&stage, &token, &Sent::get());
        let at = |now| sent.view(|view| stage.judge_at(view, &rules, now)).map(drop);
        assert_eq!((at(NOW), at(NOW + 5)), (Ok(()), Ok(())));
        assert_eq!((at(NOW - 1), at(NOW + 6)), (Err(fault), Err(fault)));
    }
}
