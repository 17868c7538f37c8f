//! Attacks through weak keys and through signatures that are not quite signatures.

use carnet_token::access_token::Unverified;
use carnet_token::jwk::KeyError;
use carnet_token::{IssuerRules, Refusal, base64url};
use serde_json::json;

use crate::forge::{self, AUDIENCE, Forge, NOW, SKEW, claims, header, with, without};
use crate::{
    Attempt::{Key, Token},
    Rows,
};
use Refusal::AtSig;

#[expect(clippy::too_many_lines, reason = "a table")]
pub fn weak_keys(forge: &Forge, rows: &mut Rows) {
    let rsa =
        |n: &[u8], e: &[u8]| json!({"kty": "RSA", "n": base64url::encode(n), "e": base64url::encode(e)});
    let honest = forge.modulus();
    let e = [1, 0, 1];
    rows.push(("RSA modulus of less than 2048 bits", {
        let mut short = honest.clone();
        short[0] = 0x7f;
        vec![
            Key(rsa(&honest[..64], &e), KeyError::RsaModulus),
            Key(rsa(&[&[0xff; 127][..], &[0xfd]].concat(), &e), KeyError::RsaModulus),
            Key(rsa(&short, &e), KeyError::RsaModulus),
            Key(rsa(&[15], &e), KeyError::RsaModulus),
        ]
    }));
    rows.push(("RSA modulus of more than 8192 bits", {
        vec![
            Key(rsa(&[&[1][..], &[0xff; 1024]].concat(), &e), KeyError::RsaModulus),
            Key(rsa(&[0xff; 2_048], &e), KeyError::RsaModulus),
        ]
    }));
    rows.push(("RSA modulus that is even, empty or has a leading zero", {
        let mut even = honest.clone();
        *even.last_mut().unwrap() &= 0xfe;
        vec![
            Key(rsa(&even, &e), KeyError::RsaModulus),
            Key(rsa(&[], &e), KeyError::Malformed),
            Key(rsa(&[&[0][..], &honest].concat(), &e), KeyError::Malformed),
        ]
    }));
    rows.push(("RSA exponent even, 1, 3, or beyond 2^32", {
        let exponents: [&[u8]; 8] =
            [&[1], &[3], &[17], &[1, 0, 0], &[1, 0, 2], &[0xff, 0xff], &[1, 0, 0, 0, 1], &[0xff; 256]];
        let mut tries: Vec<_> = exponents.map(|e| Key(rsa(&honest, e), KeyError::RsaExponent)).into();
        tries.push(Key(rsa(&honest, &[]), KeyError::Malformed));
        tries.push(Key(rsa(&honest, &[0, 1, 0, 1]), KeyError::Malformed));
        tries
    }));
    rows.push(("RSA key of the ROCA generator", vec![Key(rsa(&forge::roca_modulus(), &e), KeyError::Roca)]));
    rows.push(("symmetric key in the set", {
        vec![
            Key(json!({"kty": "oct", "k": base64url::encode([7; 32])}), KeyError::Symmetric),
            Key(json!({"kty": "oct", "k": base64url::encode([7; 32]), "alg": "HS256"}), KeyError::Symmetric),
        ]
    }));
    let p256 = |x: &[u8], y: &[u8]| json!({"kty": "EC", "crv": "P-256", "x": base64url::encode(x), "y": base64url::encode(y)});
    let (x, y) = forge.point();
    rows.push(("EC key on another curve", {
        let other = |crv: &str, size: usize| {
            json!({"kty": "EC", "crv": crv, "x": base64url::encode(vec![1; size]), "y": base64url::encode(vec![1; size])})
        };
        let (x, y) = forge::secp256k1_generator();
        vec![
            Key(other("P-384", 48), KeyError::Curve),
            Key(other("P-521", 66), KeyError::Curve),
            Key(other("secp256k1", 32), KeyError::Curve),
            Key(other("p-256", 32), KeyError::Curve),
            Key(p256(&x, &y), KeyError::NotOnCurve),
        ]
    }));
    rows.push(("EC point that is not on the curve", {
        let mut beside = y.clone();
        beside[31] ^= 1;
        vec![
            Key(p256(&x, &beside), KeyError::NotOnCurve),
            Key(p256(&[0; 32], &[0; 32]), KeyError::NotOnCurve),
            Key(p256(&[0xff; 32], &y), KeyError::NotOnCurve),
        ]
    }));
    rows.push(("EC coordinate of the wrong length", {
        vec![
            Key(p256(&x[1..], &y), KeyError::CoordinateLength),
            Key(p256(&x, &y[..31]), KeyError::CoordinateLength),
            Key(p256(&[&[0][..], &x].concat(), &y), KeyError::CoordinateLength),
            Key(p256(&[], &[]), KeyError::CoordinateLength),
            Key(without(p256(&x, &y), "y"), KeyError::Malformed),
        ]
    }));
    rows.push(("Ed25519 key of small order or of another curve", {
        let okp = |x: &[u8]| json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(x)});
        let mut tries: Vec<_> =
            forge::small_order_points().iter().map(|x| Key(okp(x), KeyError::SmallOrder)).collect();
        tries.push(Key(okp(&[9; 31]), KeyError::CoordinateLength));
        tries.push(Key(with(okp(&[9; 32]), "crv", "Ed448".into()), KeyError::Curve));
        tries.push(Key(with(okp(&[9; 32]), "crv", "X25519".into()), KeyError::Curve));
        tries
    }));
    rows.push(("key whose alg, use, key_ops or type say something else", {
        let good = p256(&x, &y);
        vec![
            Key(with(good.clone(), "alg", "RS256".into()), KeyError::Algorithm),
            Key(with(good.clone(), "alg", "ES384".into()), KeyError::Algorithm),
            Key(with(good.clone(), "alg", "HS256".into()), KeyError::Algorithm),
            Key(with(rsa(&honest, &e), "alg", "RSA-OAEP".into()), KeyError::Algorithm),
            Key(with(rsa(&honest, &e), "alg", "RS384".into()), KeyError::Algorithm),
            Key(with(good.clone(), "use", "enc".into()), KeyError::Use),
            Key(with(good.clone(), "key_ops", json!(["sign"])), KeyError::Use),
            Key(with(good.clone(), "key_ops", json!("verify")), KeyError::Malformed),
            Key(with(good.clone(), "kty", "RSA".into()), KeyError::Malformed),
            Key(with(good, "kty", "AKP".into()), KeyError::KeyType),
        ]
    }));
    rows.push(("private key published", {
        vec![
            Key(forge::private_jwk(), KeyError::PrivateKeyPublished),
            // Somebody else's public key with an invented private part must not put that key on a deny list.
            Key(with(p256(&x, &y), "d", base64url::encode([7; 32]).into()), KeyError::PrivateMembers),
        ]
    }));
}

pub fn signatures(forge: &Forge, rows: &mut Rows) {
    let honest = forge.honest(&forge.rs256);
    let (input, _) = honest.rsplit_once('.').unwrap();
    rows.push(("RS256 signature missing, cut, lengthened, or of another message", {
        let (_, other) = forge
            .signed(&header(), &with(claims(), "jti", "another".into()))
            .rsplit_once('.')
            .map(own)
            .unwrap();
        let signature = base64url::decode(honest.rsplit('.').next().unwrap()).unwrap();
        let with_signature =
            |bytes: &[u8]| Token(format!("{input}.{}", base64url::encode(bytes)), Err(AtSig));
        vec![
            Token(format!("{input}."), Err(AtSig)),
            Token(format!("{input}.{other}"), Err(AtSig)),
            with_signature(&signature[1..]),
            with_signature(&signature[..255]),
            with_signature(&[&signature[..], &[0]].concat()),
            with_signature(&[&[0][..], &signature].concat()),
            with_signature(&[0; 256]),
            with_signature(&forge.modulus()),
        ]
    }));
    rows.push(("claims changed after signing", {
        let (_, signature) = honest.rsplit_once('.').map(own).unwrap();
        let forged = forge.unsigned(&header(), &with(claims(), "sub", "somebody".into()));
        vec![Token(format!("{forged}{signature}"), Err(AtSig))]
    }));
    rows.push(("signed by a stranger under a known kid", {
        vec![Token(forge.signed_by(&forge.attacker, &header(), &claims()), Err(AtSig))]
    }));
    rows.push(("PS256 with another length of salt", {
        let (key, right, wrong) = forge::rsa_fixture("ps256");
        let rules = forge.rules1.clone();
        check_fixture(&key, &rules, &right, Ok(()));
        for token in &wrong {
            check_fixture(&key, &rules, token, Err(AtSig));
        }
        vec![Token(forge.honest(&forge.ps256), Ok(()))]
    }));
    rows.push(("RS256 with lax padding", {
        let (key, right, wrong) = forge::rsa_fixture("rs256");
        let rules = forge.rules1.clone();
        check_fixture(&key, &rules, &right, Ok(()));
        for token in &wrong {
            check_fixture(&key, &rules, token, Err(AtSig));
        }
        vec![Token(honest.clone(), Ok(()))]
    }));
    let token = forge.honest(&forge.es256);
    let (input, signature) = token.rsplit_once('.').unwrap();
    let rs = base64url::decode(signature).unwrap();
    let (r, s) = rs.split_at(32);
    let order = forge::p256_order();
    let zero = [0; 32];
    let with_rs =
        |r: &[u8], s: &[u8]| Token(format!("{input}.{}", base64url::encode([r, s].concat())), Err(AtSig));
    rows.push((
        "ECDSA with r or s of zero",
        vec![with_rs(&zero, &zero), with_rs(&zero, s), with_rs(r, &zero)],
    ));
    rows.push(("ECDSA with r or s not below the order", {
        vec![
            with_rs(&order, &order),
            with_rs(&order, s),
            with_rs(r, &order),
            with_rs(&[0xff; 32], &[0xff; 32]),
        ]
    }));
    rows.push(("ECDSA signature of the wrong length", {
        vec![
            with_rs(&[], &[]),
            with_rs(r, &s[1..]),
            with_rs(&rs, &[0]),
            with_rs(&[&zero[..16], r].concat(), &[&zero[..16], s].concat()),
        ]
    }));
    rows.push(("ECDSA signature in DER", vec![with_rs(&forge::der_signature(r, s), &[])]));
    rows.push(("ECDSA signature (r, n − s) is as good as (r, s)", {
        let other = forge::subtract(&order, s);
        vec![Token(format!("{input}.{}", base64url::encode([r, &other].concat())), Ok(()))]
    }));
    rows.push(("Ed25519 signature with S not below the order, or cut", {
        let token = forge.honest(&forge.eddsa);
        let (input, signature) = token.rsplit_once('.').unwrap();
        let signature = base64url::decode(signature).unwrap();
        let forged = |bytes: &[u8]| Token(format!("{input}.{}", base64url::encode(bytes)), Err(AtSig));
        vec![forged(&forge::raise_by_order(&signature)), forged(&signature[..63]), forged(&[0; 64])]
    }));
}

fn own((a, b): (&str, &str)) -> (String, String) {
    (a.to_owned(), b.to_owned())
}

fn check_fixture(
    key: &carnet_token::PublicKey,
    rules: &IssuerRules,
    token: &str,
    wanted: Result<(), Refusal>,
) {
    let verdict = Unverified::parse(token).unwrap().verify(rules, key, &[AUDIENCE], NOW, SKEW).map(|_| ());
    assert_eq!(verdict, wanted, "{token}");
}
