//! Attacks through the claims: times, issuer, audience, other kinds of JWT, companies.

use carnet_token::{IssuerRules, Refusal, TokenProfile};
use serde_json::{Value, json};

use crate::forge::{AUDIENCE, Forge, IAP1, IAP2, NOW, SKEW, claims, header, with, without};
use crate::{
    Attempt::{At, Token, Under},
    Rows,
};
use Refusal::{
    AtAlg, AtAud, AtClaims, AtExpired, AtLifetime, AtNamespace, AtNotYet, AtSig, AtTyp, Malformed,
    UnknownKid, UntrustedIssuer,
};

pub fn times(forge: &Forge, rows: &mut Rows) {
    let token = |name: &str, value: Value| forge.signed(&header(), &with(claims(), name, value));
    let honest = forge.honest(&forge.rs256);
    rows.push(("exp: the last good second and the first bad one", {
        vec![
            At(NOW + 600 + SKEW - 1, honest.clone(), Ok(())),
            At(NOW + 600 + SKEW, honest.clone(), Err(AtExpired)),
            At(i64::MAX, honest.clone(), Err(AtExpired)),
            Token(token("exp", json!(NOW + 600)), Ok(())),
            Token(token("exp", json!(1_800_000_599.5)), Ok(())),
            Token(token("exp", json!(1.8e9)), Ok(())),
        ]
    }));
    rows.push(("nbf and iat: the last good second and the first bad one", {
        vec![
            Token(token("nbf", json!(NOW + SKEW)), Ok(())),
            Token(token("nbf", json!(NOW + SKEW + 1)), Err(AtNotYet)),
            Token(token("iat", json!(NOW + SKEW)), Ok(())),
            Token(token("iat", json!(NOW + SKEW + 1)), Err(AtNotYet)),
            Token(token("nbf", json!(1_800_000_030.5)), Err(AtNotYet)),
            At(NOW - SKEW, honest.clone(), Ok(())),
            At(NOW - SKEW - 1, honest, Err(AtNotYet)),
            Token(forge.signed(&header(), &without(claims(), "nbf")), Ok(())),
        ]
    }));
    rows.push(("dates as text, booleans, lists", {
        let mut tries = Vec::new();
        for name in ["exp", "iat", "nbf"] {
            for value in
                [json!("1800000600"), json!("2027-01-15T08:10:00.000Z"), json!(true), json!(null), json!([1])]
            {
                tries.push(Token(token(name, value), Err(AtClaims)));
            }
        }
        tries
    }));
    rows.push(("dates in milliseconds", {
        vec![
            Token(token("exp", json!((NOW + 600) * 1000)), Err(AtLifetime)),
            Token(token("iat", json!(NOW * 1000)), Err(AtNotYet)),
            Token(token("nbf", json!(NOW * 1000)), Err(AtNotYet)),
        ]
    }));
    rows.push(("dates that are negative, zero, or beyond 2^53", {
        vec![
            Token(token("exp", json!(-1)), Err(AtExpired)),
            Token(token("exp", json!(0)), Err(AtExpired)),
            Token(token("iat", json!(-1)), Err(AtLifetime)),
            Token(token("exp", json!(1_u64 << 60)), Err(AtClaims)),
            Token(token("exp", json!(u64::MAX)), Err(AtClaims)),
            Token(token("exp", json!(1e300)), Err(AtClaims)),
            Token(token("nbf", json!(i64::MIN)), Err(AtClaims)),
        ]
    }));
    rows.push(("a lifetime beyond what the issuer may give", {
        let long = |seconds: i64| token("exp", json!(NOW + seconds));
        let unlimited = IssuerRules { max_token_lifetime: None, ..forge.rules1.clone() };
        vec![
            Token(long(3_600), Ok(())),
            Token(long(3_601), Err(AtLifetime)),
            Token(long(1_000_000_000), Err(AtLifetime)),
            Under(Box::new(unlimited), long(1_000_000), Ok(())),
        ]
    }));
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub fn issuers_and_audiences(forge: &Forge, rows: &mut Rows) {
    let token = |name: &str, value: Value| forge.signed(&header(), &with(claims(), name, value));
    rows.push(("one IAP signs in the name of another, same kid", {
        vec![
            Token(forge.signed_by(&forge.other_iap, &header(), &claims()), Err(AtSig)),
            Token(token("iss", IAP2.into()), Err(AtSig)),
            Token(forge.signed_by(&forge.other_iap, &header(), &with(claims(), "iss", IAP2.into())), Ok(())),
        ]
    }));
    rows.push(("a token checked by the rules of an issuer that is not its own", {
        vec![Under(Box::new(forge.rules2.clone()), forge.honest(&forge.rs256), Err(UntrustedIssuer))]
    }));
    rows.push(("iss that looks like a trusted one", {
        [
            "https://iap.example/",
            "https://IAP.example",
            "HTTPS://iap.example",
            "https://iap.example:443",
            "https://iap.example.",
            "https://iap.example/tenant",
            "https://iap.example?x",
            "https://iap.example#",
            "https://iap.example ",
            " https://iap.example",
            "https://iap.example\u{0}",
            "https://\u{456}ap.example",
            "https://xn--ap-jsb.example",
            "https://iap.example@evil.example",
            "https://evil.example/https://iap.example",
            "http://iap.example",
            "iap.example",
            "",
        ]
        .map(|iss| Token(token("iss", iss.into()), Err(UntrustedIssuer)))
        .into()
    }));
    rows.push(("iss missing or no string", {
        let mut tries = vec![Token(forge.signed(&header(), &without(claims(), "iss")), Err(UntrustedIssuer))];
        for iss in [json!([IAP1]), json!(null), json!({"value": IAP1}), json!(1)] {
            tries.push(Token(token("iss", iss), Err(Malformed)));
        }
        tries
    }));
    rows.push(("aud of another server, also one that begins or ends like ours", {
        [
            "https://other.example",
            "https://1r.example.evil.example",
            "https://1r.example/",
            "https://1r.example/x",
            "https://1r.exampl",
            "https://1R.example",
            "https://1r.example:443",
            "1r.example",
            "evil https://1r.example",
            "https://1r.example ",
            "*",
            "",
        ]
        .map(|aud| Token(token("aud", aud.into()), Err(AtAud)))
        .into()
    }));
    rows.push(("aud missing, empty or of another type", {
        let mut tries = vec![Token(forge.signed(&header(), &without(claims(), "aud")), Err(AtAud))];
        for aud in [
            json!([]),
            json!([1]),
            json!([AUDIENCE, 1]),
            json!([[AUDIENCE]]),
            json!(null),
            json!(1),
            json!({}),
        ] {
            tries.push(Token(token("aud", aud), Err(AtAud)));
        }
        tries.push(Token(token("aud", json!([""])), Err(AtAud)));
        tries
    }));
    rows.push(("aud as a string, and one of several", {
        vec![
            Token(token("aud", AUDIENCE.into()), Ok(())),
            Token(token("aud", json!(["https://other.example", AUDIENCE])), Ok(())),
        ]
    }));
    rows.push(("2.x profile: what may be missing, and what may not", {
        let rules =
            IssuerRules { profile: TokenProfile::OneRecord2x, typ_jwt_allowed: true, ..forge.rules1.clone() };
        let agent = "https://1r.widgetco.example/logistics-objects/me";
        let bare = json!({"iss": IAP1, "exp": NOW + 600, "logistics_agent_uri": agent});
        let typ = json!({"alg": "RS256", "typ": "JWT"});
        let under = |header: &Value, claims: Value, wanted| {
            Under(Box::new(rules.clone()), forge.signed(header, &claims), wanted)
        };
        vec![
            under(&typ, bare.clone(), Ok(())),
            under(&typ, without(bare.clone(), "exp"), Err(AtClaims)),
            under(&typ, without(bare.clone(), "logistics_agent_uri"), Err(AtClaims)),
            under(&typ, with(bare.clone(), "exp", "2023-03-031T10:38:01.000Z".into()), Err(AtClaims)),
            under(&typ, with(bare.clone(), "aud", "https://other.example".into()), Err(AtAud)),
            under(&typ, with(bare.clone(), "sub", json!(1)), Err(AtClaims)),
            under(&typ, with(bare.clone(), "exp", json!(NOW + 3_631)), Err(AtLifetime)),
            under(&without(typ.clone(), "typ"), bare.clone(), Err(AtTyp)),
            under(&with(typ.clone(), "alg", "HS256".into()), bare.clone(), Err(AtAlg)),
            under(&with(typ, "kid", "unknown".into()), bare, Err(UnknownKid)),
        ]
    }));
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub fn substitutions(forge: &Forge, rows: &mut Rows) {
    let legacy = IssuerRules { typ_jwt_allowed: true, ..forge.rules1.clone() };
    let typed = |typ: &str| with(header(), "typ", typ.into());
    let generic =
        |claims: &Value| Under(Box::new(legacy.clone()), forge.signed(&typed("JWT"), claims), Err(AtTyp));
    rows.push(("typ of every other kind of JWT", {
        [
            "logout+jwt",
            "dpop+jwt",
            "pop",
            "client-authentication+jwt",
            "secevent+jwt",
            "token-introspection+jwt",
            "entity-statement+jwt",
            "iap-trust-list+jwt",
            "JOSE",
            "at+jwt+x",
            "text/at+jwt",
            "at",
            "",
        ]
        .map(|typ| Under(Box::new(legacy.clone()), forge.signed(&typed(typ), &claims()), Err(AtTyp)))
        .into()
    }));
    rows.push(("typ missing or no string", {
        let mut tries = vec![Under(
            Box::new(legacy.clone()),
            forge.signed(&without(header(), "typ"), &claims()),
            Err(AtTyp),
        )];
        for typ in [json!(null), json!(["at+jwt"]), json!(1)] {
            tries.push(Under(
                Box::new(legacy.clone()),
                forge.signed(&with(header(), "typ", typ), &claims()),
                Err(AtTyp),
            ));
        }
        tries
    }));
    rows.push(("typ at+jwt in its other spellings is the same media type", {
        ["AT+JWT", "application/at+jwt", "Application/At+Jwt"]
            .map(|typ| Token(forge.signed(&typed(typ), &claims()), Ok(())))
            .into()
    }));
    rows.push(("typ JWT, from an issuer that may use it and from one that may not", {
        let token = forge.signed(&typed("JWT"), &claims());
        vec![Token(token.clone(), Err(AtTyp)), Under(Box::new(legacy.clone()), token, Ok(()))]
    }));
    rows.push(("ID token as access token", {
        let id_token = json!({
            "iss": IAP1, "sub": "user", "aud": "widgetco", "exp": NOW + 600, "iat": NOW, "nonce": "n", "at_hash": "h"
        });
        let mut tries = vec![
            generic(&id_token),
            Under(Box::new(legacy.clone()), forge.signed(&typed("JWT"), &without(without(id_token, "nonce"), "at_hash")), Err(AtAud)),
        ];
        // Even with the audience and the claims of an access token.
        for name in ["nonce", "at_hash", "c_hash", "s_hash"] {
            tries.push(generic(&with(claims(), name, "x".into())));
        }
        tries
    }));
    rows.push(("logout token or security event as access token", {
        let event = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
        vec![
            generic(&with(with(claims(), "sid", "s".into()), "events", event.clone())),
            generic(&with(claims(), "events", event)),
            Under(
                Box::new(legacy.clone()),
                forge.signed(&typed("JWT"), &with(claims(), "sid", "s".into())),
                Ok(()),
            ),
        ]
    }));
    rows.push(("DPoP proof as access token", {
        let proof = json!({"jti": "j", "htm": "GET", "htu": "https://1r.example/x", "iat": NOW, "ath": "a"});
        vec![
            Token(forge.signed(&typed("dpop+jwt"), &proof), Err(AtTyp)),
            Under(Box::new(legacy.clone()), forge.signed(&typed("JWT"), &proof), Err(UntrustedIssuer)),
            generic(&with(claims(), "htm", "GET".into())),
            generic(&with(claims(), "htu", "https://1r.example/x".into())),
        ]
    }));
    rows.push(("client assertion as access token", {
        let assertion =
            carnet_token::assertion::make("widgetco", AUDIENCE, NOW, 60, "j", &forge.rs256).unwrap();
        let claims =
            json!({"iss": "widgetco", "sub": "widgetco", "aud": AUDIENCE, "exp": NOW + 60, "jti": "j"});
        vec![
            Token(assertion, Err(AtTyp)),
            Under(Box::new(legacy.clone()), forge.signed(&typed("JWT"), &claims), Err(UntrustedIssuer)),
        ]
    }));
    rows.push(("signed HTTP request as access token", {
        let request =
            json!({"at": forge.honest(&forge.es256), "ts": NOW, "m": "GET", "u": "1r.example", "p": "/x"});
        vec![
            Token(forge.signed(&typed("pop"), &request), Err(AtTyp)),
            Under(Box::new(legacy.clone()), forge.signed(&typed("JWT"), &request), Err(UntrustedIssuer)),
        ]
    }));
    rows.push(("access token as client assertion", {
        let token = forge.honest(&forge.rs256);
        let error = carnet_token::assertion::Unverified::parse(&token).unwrap_err();
        assert_eq!(error, carnet_token::assertion::AssertionError::Typ);
        let token = forge.signed(&typed("JWT"), &claims());
        let error = carnet_token::assertion::Unverified::parse(&token).unwrap_err();
        assert_eq!(error, carnet_token::assertion::AssertionError::Client);
        vec![Under(Box::new(legacy), token, Ok(()))]
    }));
    rows.push(("confirmation that cannot be honoured, hoping for a bearer token", {
        [
            json!({}),
            json!(null),
            json!([]),
            json!("x"),
            json!({"jku": "https://evil.example"}),
            json!({"kid": 1}),
        ]
        .map(|cnf| Token(forge.signed(&header(), &with(claims(), "cnf", cnf)), Err(Refusal::CnfUnsupported)))
        .into()
    }));
}

pub fn companies(forge: &Forge, rows: &mut Rows) {
    const IOL: &str = "https://github.com/IATA-Cargo/ONE-Record/schema/iolIdentifier";
    const IOL_MISPRINT: &str = "https://github./schema/iolIdentifier";
    const ROLE: &str = "https://github.com/IATA-Cargo/ONE-Record/schema/role";
    const ROLE_MISPRINT: &str = "https://github.com.org/IATA-Cargo/ONE-Record/schema/role";
    let company = "https://widgetco.example/1elmeeab";
    rows.push(("two names of one claim that differ", {
        let both = |one: &str, a: &str, two: &str, b: &str| {
            forge.signed(&header(), &with(with(without(claims(), "roles"), one, a.into()), two, b.into()))
        };
        vec![
            Token(both(IOL, company, IOL_MISPRINT, "https://other.example/x"), Err(AtClaims)),
            Token(both(IOL, company, IOL_MISPRINT, company), Ok(())),
            Token(both(ROLE, "SHP", ROLE_MISPRINT, "CAR"), Err(AtClaims)),
            Token(both(ROLE, "SHP", ROLE_MISPRINT, "SHP"), Ok(())),
            Token(
                forge.signed(&header(), &with(without(claims(), IOL), IOL_MISPRINT, company.into())),
                Ok(()),
            ),
            Token(forge.signed(&header(), &with(claims(), IOL, json!([company]))), Err(AtClaims)),
            Token(forge.signed(&header(), &with(claims(), IOL, "".into())), Err(AtClaims)),
            Token(forge.signed(&header(), &with(claims(), "logistics_agent_uri", json!(1))), Err(AtClaims)),
        ]
    }));
    rows.push(("main role that is not among the roles", {
        vec![
            Token(forge.signed(&header(), &with(claims(), ROLE, "CUS".into())), Err(AtClaims)),
            Token(
                forge.signed(&header(), &with(with(claims(), ROLE, "CUS".into()), "roles", json!([]))),
                Err(AtClaims),
            ),
        ]
    }));
    rows.push(("an IAP names a company that is not its own", {
        let narrow = |prefixes: &[&str]| {
            let uri_prefixes = Some(prefixes.iter().map(|prefix| (*prefix).to_owned()).collect());
            Box::new(IssuerRules { uri_prefixes, ..forge.rules1.clone() })
        };
        let own = narrow(&["https://widgetco.example/", "https://1r.widgetco.example"]);
        let named = |claim: &str, uri: &str| forge.signed(&header(), &with(claims(), claim, uri.into()));
        let agent = "logistics_agent_uri";
        let mut tries = vec![
            Under(own.clone(), forge.honest(&forge.rs256), Ok(())),
            Under(narrow(&[]), forge.honest(&forge.rs256), Err(AtNamespace)),
            Under(narrow(&["https://widgetco.example/"]), forge.honest(&forge.rs256), Err(AtNamespace)),
            Under(narrow(&["https://1r.widgetco.example"]), forge.honest(&forge.rs256), Err(AtNamespace)),
            Under(own.clone(), named(agent, "https://1r.widgetco.example/other"), Ok(())),
        ];
        for uri in [
            "https://1r.carrier.example/me",
            "https://1r.widgetco.example.evil.example/me",
            "https://1r.widgetco.example@evil.example/me",
            "https://1r.widgetco.example:8443/me",
            "https://1R.widgetco.example/me",
            "https://1r.widgetco.example/a/../../me",
            "https://1r.widgetco.example/%2e%2e/me",
            "https://1r.widgetco.example/me?x",
            "http://1r.widgetco.example/me",
            "https://1r.widgetco.example",
        ] {
            tries.push(Under(own.clone(), named(agent, uri), Err(AtNamespace)));
        }
        tries.push(Under(own, named(IOL, "https://carrier.example/x"), Err(AtNamespace)));
        tries
    }));
    rows.push(("company or agent that is not named by an absolute URL", {
        let mut tries = Vec::new();
        let older = IssuerRules { profile: TokenProfile::OneRecord2x, ..forge.rules1.clone() };
        for claim in [IOL, "logistics_agent_uri"] {
            let named = |uri: &str| forge.signed(&header(), &with(claims(), claim, uri.into()));
            for uri in [
                "/aaa",
                "aaa",
                "x y",
                "#",
                "//a.example/x",
                "http://evil example/",
                "urn:x",
                "https://",
                "ftp://a.example/x",
            ] {
                tries.push(Token(named(uri), Err(AtClaims)));
                tries.push(Under(Box::new(older.clone()), named(uri), Err(AtClaims)));
            }
            for uri in
                ["https://widgetco.example/a/", "http://widgetco.example/a", "https://Widgetco.example"]
            {
                tries.push(Token(named(uri), Err(AtClaims)));
                tries.push(Under(Box::new(older.clone()), named(uri), Ok(())));
            }
            tries.push(Token(named("http://127.0.0.1:8081/airline"), Ok(())));
        }
        tries
    }));
}
