use carnet_token::proof::message_signature as signature;
use carnet_token::proof::{Body, BodyDigest, ProofError, ProofKind, ProofRules, Window};
use carnet_token::{Algorithm, Confirmation, KeyRef};

use super::stage::{JTI, NOW, Sent, Stage, key, public};

#[test]
fn what_is_made_is_accepted_for_every_kind_of_key_and_request() {
    for algorithm in Algorithm::ALL {
        let stage = Stage::with(algorithm);
        let token = stage.bound();
        for request in [Sent::get(), Sent::post(), Sent { query: Some(String::new()), ..Sent::get() }] {
            let checked = stage.signed(&token, &request).view(|view| stage.judge(view)).unwrap();
            assert!(checked.kinds().contains(ProofKind::MessageSignature));
            assert_eq!(checked.covered().body, !request.body.is_empty());
        }
    }
}

#[test]
fn every_part_of_the_request_that_is_changed_on_the_way_is_noticed() {
    let stage = Stage::new();
    let token = stage.bound();
    let get = stage.signed(&token, &Sent::get());
    let post = stage.signed(&token, &Sent::post());
    let other_token =
        stage.mint(Some(&Confirmation::key(KeyRef::from_jkt(public(&stage.client).thumbprint()))));
    let moved = get.clone().without("authorization").with("authorization", &format!("PoP {other_token}"));
    for (sent, fault) in [
        (Sent { method: "DELETE".to_owned(), ..get.clone() }, ProofError::Sig),
        (Sent { authority: "evil.example".to_owned(), ..get.clone() }, ProofError::Sig),
        (Sent { path: "/other".to_owned(), ..get.clone() }, ProofError::Sig),
        (Sent { query: Some("embedded=false".to_owned()), ..get.clone() }, ProofError::Sig),
        (Sent { query: None, ..get.clone() }, ProofError::Sig),
        (moved, ProofError::Sig),
        (Sent { body: b"{}".to_vec(), ..post.clone() }, ProofError::ContentDigest),
        (Sent { body: Vec::new(), ..post.clone() }, ProofError::ContentDigest),
        (Sent { body: b"{}".to_vec(), ..get.clone() }, ProofError::Uncovered),
        (post.clone().without("content-type").with("content-type", "text/html"), ProofError::Sig),
        (post.without("content-type"), ProofError::Malformed),
        (get.clone().without("signature"), ProofError::NoSignature),
        (get.clone().without("signature-input"), ProofError::NoSignature),
        (get.without("signature").with("signature", "sig2=:AAAA:"), ProofError::Malformed),
    ] {
        assert_eq!(sent.view(|view| stage.judge(view)), Err(fault));
    }
}

/// Signs with parameters of one's own choice, as a careless or malicious client would.
fn signed_as(stage: &Stage, token: &str, request: &Sent, input: &str) -> Sent {
    let request = request.clone().with("authorization", &format!("PoP {token}"));
    let (mut base, authorization) = (String::new(), format!("PoP {token}"));
    let (components, _) = input[1..].split_once(')').unwrap();
    for component in components.split(' ').filter(|component| !component.is_empty()) {
        let value = match component {
            "\"@method\"" => request.method.clone(),
            "\"@target-uri\"" => {
                format!("https://1r.example{}?{}", request.path, request.query.as_deref().unwrap())
            }
            "\"authorization\"" => authorization.clone(),
            "\"accept\"" => "application/ld+json".to_owned(),
            "\"@query-param\";name=\"note\"" => "a%20b%20c".to_owned(),
            "\"@query\"" => format!("?{}", request.query.as_deref().unwrap()),
            "\"@authority\"" => "1r.example".to_owned(),
            "\"@scheme\"" => "https".to_owned(),
            "\"@path\"" => request.path.clone(),
            "\"accept\";bs" => ":YXBwbGljYXRpb24vbGQranNvbg==:".to_owned(),
            "\"@request-target\"" => format!("{}?{}", request.path, request.query.as_deref().unwrap()),
            other => panic!("{other}"),
        };
        for part in [component, ": ", &value, "\n"] {
            base.push_str(part);
        }
    }
    base.push_str("\"@signature-params\": ");
    base.push_str(input);
    let bytes = stage.client.sign_bytes(base.as_bytes()).unwrap();
    let text = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(bytes)
    };
    request.with("signature-input", &format!("x={input}")).with("signature", &format!("x=:{text}:"))
}

#[test]
fn parameters_are_judged_one_by_one() {
    let stage = Stage::new();
    let token = stage.bound();
    let covered = "(\"@method\" \"@target-uri\" \"authorization\")";
    let tag = "tag=\"onerecord-pop\"";
    let rest = format!("nonce=\"{JTI}\";keyid=\"client-1\";{tag}");
    let judge =
        |input: &str| signed_as(&stage, &token, &Sent::get(), input).view(|view| stage.judge(view)).map(drop);
    for good in [
        format!("{covered};created={NOW};{rest}"),
        format!("{covered};{rest};created={NOW}"),
        format!("{covered};created={NOW};expires={};{rest}", NOW + 300),
        format!("{covered};created={NOW};{rest};alg=\"ecdsa-p256-sha256\""),
        format!(
            "{covered};created={NOW};nonce=\"{JTI}\";keyid=\"{}\";{tag}",
            public(&stage.client).thumbprint()
        ),
        format!(
            "(\"@method\" \"@target-uri\" \"authorization\" \"accept\" \"@query-param\";name=\"note\" \"@query\" \"@authority\" \
             \"@scheme\" \"@path\" \"accept\";bs \"@request-target\");created={NOW};{rest}"
        ),
    ] {
        assert_eq!(judge(&good), Ok(()), "{good}");
    }
    for (input, fault) in [
        (format!("{covered};{rest}"), ProofError::Created),
        (format!("{covered};created={};{rest}", NOW - 91), ProofError::Created),
        (format!("{covered};created={};{rest}", NOW + 31), ProofError::Created),
        (format!("{covered};created={NOW};expires={NOW};{rest}"), ProofError::Created),
        (format!("{covered};created={NOW};expires={};{rest}", NOW + 301), ProofError::Created),
        (format!("{covered};created=\"{NOW}\";{rest}"), ProofError::Malformed),
        (format!("{covered};created={NOW}.0;{rest}"), ProofError::Malformed),
        (format!("{covered};created={NOW};keyid=\"client-1\";{tag}"), ProofError::Nonce),
        (
            format!("{covered};created={NOW};nonce=\"fifteen-letters\";keyid=\"client-1\";{tag}"),
            ProofError::Nonce,
        ),
        (format!("{covered};created={NOW};nonce=\"{JTI}\";{tag}"), ProofError::Malformed),
        (format!("{covered};created={NOW};nonce=\"{JTI}\";keyid=\"other\";{tag}"), ProofError::CnfMismatch),
        (format!("{covered};created={NOW};nonce=\"{JTI}\";keyid=\"client-1\""), ProofError::Tag),
        (
            format!("{covered};created={NOW};nonce=\"{JTI}\";keyid=\"client-1\";tag=\"other\""),
            ProofError::Tag,
        ),
        (format!("{covered};created={NOW};{rest};alg=\"ed25519\""), ProofError::Alg),
        (format!("{covered};created={NOW};{rest};alg=\"hmac-sha256\""), ProofError::Alg),
        (format!("(\"@method\" \"authorization\");created={NOW};{rest}"), ProofError::Uncovered),
        (format!("(\"@method\" \"@target-uri\");created={NOW};{rest}"), ProofError::Uncovered),
        (format!("(\"@target-uri\" \"authorization\");created={NOW};{rest}"), ProofError::Uncovered),
        // `authorization` as a byte sequence is another component than the one that must be covered.
        (format!("(\"@method\" \"@target-uri\" \"accept\";bs);created={NOW};{rest}"), ProofError::Uncovered),
    ] {
        assert_eq!(judge(&input), Err(fault), "{input}");
    }
}

#[test]
fn what_no_component_can_be_is_malformed() {
    let stage = Stage::new();
    let token = stage.bound();
    let good = stage.signed(&token, &Sent::get());
    let all = "\"@method\" \"@target-uri\" \"authorization\"";
    for list in [
        format!("{all} \"@method\""),
        format!("{all} \"x\";a \"x\";a"),
        format!("{all} \"@unknown\""),
        format!("{all} \"@status\""),
        format!("{all} \"@method\";req"),
        format!("{all} \"Accept\""),
        format!("{all} \"not-there\""),
        format!("{all} \"accept\";tr"),
        format!("{all} \"accept\";sf;bs"),
        format!("{all} \"accept\";sf"),
        format!("{all} \"@query-param\";name=\"nothing\""),
        format!("{all} \"@query-param\""),
        format!("{all} \"@method\";name=\"x\""),
        format!("{all} accept"),
        format!("{all} \"\""),
        format!("{all} 1"),
        (0..40).map(|number| format!("\"f{number}\"")).collect::<Vec<_>>().join(" "),
    ] {
        let input =
            format!("sig1=({list});created={NOW};nonce=\"{JTI}\";keyid=\"client-1\";tag=\"onerecord-pop\"");
        let sent = good.clone().without("signature-input").with("signature-input", &input);
        assert_eq!(sent.view(|view| stage.judge(view)), Err(ProofError::Malformed), "{list}");
    }
    for input in ["sig1", "sig1=1", "sig1=(", "=()", "sig1=();tag=\"onerecord-pop\",", &"a".repeat(9000)] {
        let sent = good.clone().without("signature-input").with("signature-input", input);
        assert!(sent.view(|view| stage.judge(view)).is_err(), "{input}");
    }
}

#[test]
fn labels_mean_nothing_and_two_signatures_with_the_tag_are_ambiguous() {
    let stage = Stage::new();
    let token = stage.bound();
    let good = stage.signed(&token, &Sent::get());
    let rename = |name: &str, label: &str| {
        let value = good.headers.iter().find(|(field, _)| field == name).unwrap().1.clone();
        String::from_utf8(value).unwrap().replacen("sig1=", &format!("{label}="), 1)
    };
    let bare = || good.clone().without("signature").without("signature-input");
    let other = bare()
        .with("signature-input", &rename("signature-input", "proof"))
        .with("signature", &rename("signature", "proof"));
    let _ = other.view(|view| stage.judge(view)).unwrap();
    // One of a proxy beside it, with a tag of its own or none.
    let beside = good
        .clone()
        .with("signature-input", "ttrp=(\"@path\");tag=\"proxy\"")
        .with("signature", "ttrp=:AAAA:");
    let _ = beside.view(|view| stage.judge(view)).unwrap();
    let both = good
        .clone()
        .with("signature-input", &rename("signature-input", "sig2"))
        .with("signature", &rename("signature", "sig2"));
    assert_eq!(both.view(|view| stage.judge(view)), Err(ProofError::Malformed));
}

#[test]
fn every_digest_that_is_known_must_be_right() {
    let stage = Stage::new();
    let token = stage.bound();
    let right = "sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:";
    let wrong = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    let sha512 = {
        use base64::Engine as _;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, b"{}");
        format!("sha-512=:{}:", base64::engine::general_purpose::STANDARD.encode(digest))
    };
    let request = Sent { body: b"{}".to_vec(), ..Sent::post() };
    let judge = |field: &str| {
        let request =
            request.clone().with("authorization", &format!("PoP {token}")).with("content-digest", field);
        let making = signature::Making { keyid: "client-1", now: NOW, nonce: JTI };
        let fields = request.view(|view| signature::sign_request(&making, view, &stage.client)).unwrap();
        let request =
            request.with("signature-input", &fields.signature_input).with("signature", &fields.signature);
        let headers: Vec<(&str, &[u8])> =
            request.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let mut digester = carnet_token::proof::BodyDigester::for_request(&headers);
        digester.update(&request.body);
        let digest = digester.finish();
        request.view(|view| {
            let view = carnet_token::proof::RequestView { body: Body::Digest(&digest), ..*view };
            stage.judge(&view).map(drop)
        })
    };
    for field in
        [right.to_owned(), sha512.clone(), format!("{right}, {sha512}"), format!("md5=:AAAA:, {right}")]
    {
        assert_eq!(judge(&field), Ok(()), "{field}");
    }
    for field in [
        wrong.to_owned(),
        format!("{wrong}, {sha512}"),
        format!("{right}, sha-512=:AAAA:"),
        "md5=:mZFLkyvTelC5g8XnyQrpOw==:".to_owned(),
        "sha-256=?1".to_owned(),
        "sha-256=(:AAAA:)".to_owned(),
        "x".to_owned(),
    ] {
        assert_eq!(judge(&field), Err(ProofError::ContentDigest), "{field}");
    }
}

#[test]
fn a_server_signs_what_it_answered_and_the_client_can_prove_it() {
    let stage = Stage::new();
    let server = key("1r-receipts", Algorithm::EdDsa);
    let body = BodyDigest::of(b"created");
    let digest = signature::content_digest(&body);
    let sent = stage.signed(&stage.bound(), &Sent::post());
    sent.view(|request| {
        let label = signature::label_of(request);
        assert_eq!(label.as_deref(), Some("sig1"));
        let headers = [("content-type", &b"text/plain"[..]), ("content-digest", digest.as_bytes())];
        let making = signature::Making { keyid: "1r-receipts", now: NOW, nonce: JTI };
        let fields =
            signature::sign_response(&making, label.as_deref(), 201, &headers, request, &server).unwrap();
        let receipt = [
            headers[0],
            headers[1],
            ("signature-input", fields.signature_input.as_bytes()),
            ("signature", fields.signature.as_bytes()),
        ];
        let verify = |status, body: &[u8], request: &_| {
            let digest = BodyDigest::of(body);
            signature::verify_response(
                status,
                &receipt,
                Body::Digest(&digest),
                request,
                &public(&server),
                Window::DEFAULT,
                NOW,
            )
        };
        assert_eq!(verify(201, b"created", request), Ok(()));
        assert_eq!(verify(200, b"created", request), Err(ProofError::Sig));
        assert_eq!(verify(201, b"deleted", request), Err(ProofError::ContentDigest));
        let other = carnet_token::proof::RequestView { path: "/other", ..*request };
        assert_eq!(verify(201, b"created", &other), Err(ProofError::Sig));
        assert_eq!(
            signature::verify_response(
                201,
                &receipt,
                Body::Digest(&body),
                request,
                &public(&server),
                Window::DEFAULT,
                NOW + 91
            ),
            Err(ProofError::Created),
            "an old one, kept by somebody in between"
        );
        // One that does not name the signature of the request is for any request of that address.
        let making = signature::Making { keyid: "1r-receipts", now: NOW, nonce: JTI };
        let fields = signature::sign_response(&making, None, 201, &headers, request, &server).unwrap();
        let loose = [
            headers[0],
            headers[1],
            ("signature-input", fields.signature_input.as_bytes()),
            ("signature", fields.signature.as_bytes()),
        ];
        let judged = signature::verify_response(
            201,
            &loose,
            Body::Digest(&body),
            request,
            &public(&server),
            Window::DEFAULT,
            NOW,
        );
        assert_eq!(judged, Err(ProofError::Uncovered));
        // A receipt for one signed request is none for another, however alike they are.
        let again =
            carnet_token::proof::RequestView { headers: &[("signature", b"sig1=:AAAA:")], ..*request };
        assert_eq!(verify(201, b"created", &again), Err(ProofError::Sig));
    });
}

#[test]
fn nothing_but_printable_text_gets_into_the_parameters() {
    let stage = Stage::new();
    let request = Sent::get().with("authorization", "PoP x");
    for (keyid, nonce) in [("a\"", JTI), ("k", "0123456789abcdef\\"), ("k\n", JTI), ("kü", JTI)] {
        let making = signature::Making { keyid, now: NOW, nonce };
        let made = request.view(|view| signature::sign_request(&making, view, &stage.client));
        assert_eq!(made, Err(signature::MakeError::Parameter));
    }
    let making = signature::Making { keyid: "k", now: NOW, nonce: JTI };
    let broken = Sent { headers: vec![("authorization".to_owned(), b"PoP a\nx: y".to_vec())], ..Sent::get() };
    let made = broken.view(|view| signature::sign_request(&making, view, &stage.client));
    assert_eq!(made, Err(signature::MakeError::Component("authorization".to_owned())));
}

#[test]
fn the_longest_window_of_all_rules_decides_how_long_a_proof_is_remembered() {
    let stage = Stage::new();
    let sent = stage.signed(&stage.bound(), &Sent::get());
    let rules = ProofRules { longest: Window { max_age: 300, skew: 30 }, ..ProofRules::STRICT };
    let checked = sent.view(|view| stage.judge_at(view, &rules, NOW)).unwrap();
    assert_eq!(checked.replay_keys()[0].keep_until, NOW + 332);
}

#[test]
fn a_content_type_of_two_lines_is_no_content_type() {
    let stage = Stage::new();
    // Joined they are the very text that was signed; a server would take the first for the type.
    let request = Sent { headers: vec![], ..Sent::post() };
    let one = request.clone().with("content-type", "text/turtle; p=\"x, text/html\"");
    let signed = stage.signed(&stage.bound(), &one);
    let _ = signed.view(|view| stage.judge(view)).unwrap();
    let two = signed
        .without("content-type")
        .with("content-type", "text/turtle; p=\"x")
        .with("content-type", "text/html\"");
    assert_eq!(two.view(|view| stage.judge(view)), Err(ProofError::Malformed));
}

#[test]
fn a_content_coding_that_was_not_signed_is_refused() {
    let stage = Stage::new();
    let token = stage.bound();
    for make in [Stage::signed, Stage::shr as fn(&Stage, &str, &Sent) -> Sent] {
        let coded = make(&stage, &token, &Sent::post().with("content-encoding", "gzip"));
        let _ = coded.view(|view| stage.judge(view)).unwrap();
        let added = make(&stage, &token, &Sent::post()).with("content-encoding", "gzip");
        assert_eq!(added.view(|view| stage.judge(view)), Err(ProofError::Uncovered));
    }
}

#[test]
fn many_components_that_must_be_taken_apart_are_too_many() {
    let stage = Stage::new();
    let good = stage.signed(&stage.bound(), &Sent::get());
    let many: Vec<String> = (0..9).map(|number| format!("\"accept\";key=\"k{number}\"")).collect();
    let input = format!(
        "sig1=(\"@method\" {});created={NOW};nonce=\"{JTI}\";keyid=\"client-1\";tag=\"onerecord-pop\"",
        many.join(" ")
    );
    let sent = good.without("signature-input").with("signature-input", &input);
    assert_eq!(sent.view(|view| stage.judge(view)), Err(ProofError::Malformed));
}
