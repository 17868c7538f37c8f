//! Attacks through the text: JSON, base64url, size, form.

use carnet_token::{Refusal, base64url};
use serde_json::{Value, json};

use crate::forge::{Forge, IAP1, claims, header, with, without};
use crate::{Attempt::Token, Rows};
use Refusal::{AtClaims, Malformed};

#[expect(clippy::too_many_lines, reason = "a table")]
pub fn json_and_encoding(forge: &Forge, rows: &mut Rows) {
    let head = header().to_string();
    let body = claims().to_string();
    let raw =
        |head: &str, body: &str| Token(forge.signed_raw(head.as_bytes(), body.as_bytes()), Err(Malformed));
    let opened = &body[1..];
    rows.push(("duplicate members in claims and header", {
        vec![
            raw(&head, &format!(r#"{{"iss":"https://evil.example",{opened}"#)),
            raw(&head, &format!(r#"{{"sub":"somebody",{opened}"#)),
            raw(&format!(r#"{{"alg":"none",{}"#, &head[1..]), &body),
            raw(&format!(r#"{{"kid":"rs256",{}"#, &head[1..]), &body),
            raw(&head, &format!(r#"{{"cnf":{{"jkt":"a","jkt":"b"}},{opened}"#)),
            raw(&head, &format!(r#"{{"org":[{{"a":1,"a":1}}],{opened}"#)),
        ]
    }));
    rows.push(("duplicate members in another spelling", {
        vec![
            raw(&head, &format!(r#"{{"\u0069ss":"https://evil.example",{opened}"#)),
            raw(&head, &format!(r#"{{"\u0061ud":"https://evil.example",{opened}"#)),
            raw(&format!(r#"{{"\u0061lg":"none",{}"#, &head[1..]), &body),
        ]
    }));
    rows.push(("byte order mark", {
        vec![
            raw(&head, &format!("\u{feff}{body}")),
            raw(&format!("\u{feff}{head}"), &body),
            Token(format!("\u{feff}{}", forge.honest(&forge.rs256)), Err(Malformed)),
        ]
    }));
    rows.push(("text that is not UTF-8", {
        let bytes = |body: &[u8]| Token(forge.signed_raw(head.as_bytes(), body), Err(Malformed));
        vec![
            bytes(b"{\"iss\":\"\xff\"}"),
            bytes(b"{\"iss\":\"\xc0\xaf\"}"),
            bytes(b"{\"iss\":\"\xed\xa0\x80\"}"),
            bytes(&body.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>()),
        ]
    }));
    rows.push(("lone surrogates", {
        [r"\ud800", r"\udc00", r"\ud800x", r"\udc00\ud800"]
            .map(|escape| raw(&head, &format!(r#"{{"x":"{escape}",{opened}"#)))
            .into()
    }));
    rows.push(("numbers without a value", {
        ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "0x10", "01", "1."]
            .map(|number| raw(&head, &format!(r#"{{"x":{number},{opened}"#)))
            .into()
    }));
    rows.push(("nesting of 9, 500 and 5000 levels", {
        let nested =
            |levels: usize| format!(r#"{{"x":{}{},{opened}"#, "[".repeat(levels), "]".repeat(levels));
        vec![
            Token(forge.signed_raw(head.as_bytes(), nested(7).as_bytes()), Ok(())),
            raw(&head, &nested(8)),
            raw(&head, &nested(500)),
            raw(&head, &format!("{}{}", "[".repeat(5_000), "]".repeat(5_000))),
            raw(&head, &"[".repeat(5_000)),
            raw(&head, &r#"{"a":"#.repeat(1_000)),
        ]
    }));
    rows.push(("a payload or header that is no object", {
        let mut tries: Vec<_> =
            ["[]", "null", "1", "\"x\"", "", " ", "{}{}", "{\"a\":1,}"].map(|body| raw(&head, body)).into();
        tries.push(raw("[]", &body));
        tries.push(raw("\"RS256\"", &body));
        tries
    }));
    rows.push(("huge token", {
        let padded = |size: usize| forge.signed(&header(), &with(claims(), "x", "x".repeat(size).into()));
        vec![
            Token(padded(5_000), Ok(())),
            Token(padded(7_000), Err(Malformed)),
            Token("a".repeat(50_000_000), Err(Malformed)),
        ]
    }));
    rows.push(("huge header", {
        let padded = |size: usize| forge.signed(&with(header(), "x5c", json!(["M".repeat(size)])), &claims());
        vec![Token(padded(2_500), Ok(())), Token(padded(3_500), Err(Malformed))]
    }));
    let honest = forge.honest(&forge.rs256);
    let (input, signature) = honest.rsplit_once('.').unwrap();
    let (head64, body64) = input.split_once('.').unwrap();
    let text = |text: String| Token(text, Err(Malformed));
    rows.push(("too few dots, and a very great many", {
        vec![
            text(String::new()),
            text(head64.to_owned()),
            text(input.to_owned()),
            text(".".into()),
            text("..".into()),
            text("...".into()),
            text(".".repeat(8_192)),
            text(format!("{honest}.")),
            text(format!(".{honest}")),
            text(format!("{honest}.{signature}")),
        ]
    }));
    rows.push(("JWE of five parts", {
        let jwe =
            base64url::encode(json!({"alg": "RSA-OAEP-256", "enc": "A256GCM", "typ": "at+jwt"}).to_string());
        let pbes =
            json!({"alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "p2c": 2_147_483_647_u32, "zip": "DEF"});
        let pbes = base64url::encode(pbes.to_string());
        vec![
            text(format!("{jwe}.AAAA.AAAA.AAAA.AAAA")),
            text(format!("{pbes}.AAAA.AAAA.AAAA.AAAA")),
            text(format!("{jwe}..AAAA.AAAA.")),
            text(forge.signed(&with(header(), "enc", "A256GCM".into()), &claims())),
        ]
    }));
    rows.push(("nested JWT", {
        let cty = |cty: &str| with(header(), "cty", cty.into()).to_string();
        vec![
            raw(&cty("JWT"), &honest),
            raw(&head, &honest),
            raw(&cty("JWT"), &body),
            raw(&cty("jwt"), &body),
            raw(&cty("application/JWT"), &body),
        ]
    }));
    rows.push(("JSON serialization", {
        let flat = json!({"protected": head64, "payload": body64, "signature": signature});
        let general =
            json!({"payload": body64, "signatures": [{"protected": head64, "signature": signature}]});
        vec![text(flat.to_string()), text(general.to_string()), text(json!(honest).to_string())]
    }));
    rows.push(("whitespace around and within", {
        vec![
            text(format!(" {honest}")),
            text(format!("{honest} ")),
            text(format!("{honest}\n")),
            text(format!("{honest}\0")),
            text(format!("{head64} .{body64}.{signature}")),
            text(format!("{head64}.{}\n{}.{signature}", &body64[..8], &body64[8..])),
            text(format!("{head64}.{}\t{}.{signature}", &body64[..8], &body64[8..])),
            text(format!("Bearer {honest}")),
        ]
    }));
    rows.push(("padding", {
        let padded = |part: &str| format!("{part}{}", "=".repeat((4 - part.len() % 4) % 4));
        vec![
            text(format!("{input}.{}", padded(signature))),
            text(format!("{input}.{signature}=")),
            text(format!("{head64}=.{body64}.{signature}")),
            text(format!("{head64}.{body64}=.{signature}")),
            text(format!("{input}.{signature}%3D")),
        ]
    }));
    rows.push(("the other base64 alphabet", {
        // The signature of this token needs a character in which the alphabets differ.
        let token = (0..).map(|n| forge.signed(&header(), &with(claims(), "n", n.into())));
        let token =
            token.into_iter().find(|token| token.rsplit('.').next().unwrap().contains(['-', '_'])).unwrap();
        let (input, signature) = token.rsplit_once('.').unwrap();
        vec![
            text(format!("{input}.{}", signature.replace('-', "+").replace('_', "/"))),
            Token(token.clone(), Ok(())),
        ]
    }));
    rows.push(("tail bits that decode to the same bytes", {
        // 256 bytes leave four unused bits in the last character: any of them set is another text for the same token.
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let (start, last) = signature.split_at(signature.len() - 1);
        let value = alphabet.find(last).unwrap();
        [1, 2, 8, 15]
            .map(|bits| text(format!("{input}.{start}{}", &alphabet[value | bits..=value | bits])))
            .into()
    }));
    rows.push(("claims of another type than the name promises", {
        let with_claim = |name: &str, value: Value| forge.signed(&header(), &with(claims(), name, value));
        let mut tries = vec![Token(with_claim("iss", json!([IAP1])), Err(Malformed))];
        for (name, value) in [
            ("sub", json!(1)),
            ("sub", json!("")),
            ("client_id", json!(["widgetco"])),
            ("jti", json!(7)),
            ("jti", json!("")),
            ("scope", json!(["logistics_objects:read"])),
            ("roles", json!("SHP")),
            ("roles", json!([1])),
        ] {
            tries.push(Token(with_claim(name, value), Err(AtClaims)));
        }
        for name in ["sub", "client_id", "jti", "iat", "exp"] {
            tries.push(Token(forge.signed(&header(), &without(claims(), name)), Err(AtClaims)));
        }
        tries
    }));
}
