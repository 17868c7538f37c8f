//! Creating and reading logistics objects, with the right rights.

use serde_json::{Value, json};

use super::site::{Site, create, read, waybill};
use crate::harness::http::Request;

/// All strings and numbers of a JSON tree, sorted: what a waybill says, however it is laid out.
fn leaves(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| leaves(item, out)),
        Value::Object(members) if members.contains_key("@value") => leaves(&members["@value"], out),
        Value::Object(members) => {
            for (_, value) in members.iter().filter(|(name, _)| !name.starts_with('@') && *name != "revision")
            {
                leaves(value, out);
            }
        }
        Value::String(text) => out.push(text.clone()),
        Value::Number(number) => out.push(number.to_string()),
        other => out.push(other.to_string()),
    }
    out.sort();
}

#[test]
fn an_air_waybill_is_created_and_read_back_whole() {
    let site = Site::start();
    let location = site.waybill();
    assert!(location.starts_with(&format!("{}/", site.company("shipper"))), "{location}");
    let answer = read(&location, &site.shipper()).expect(200);
    assert_eq!(answer.header("content-type"), Some("application/ld+json"));
    let link = answer.header("link").unwrap();
    assert_eq!(link, format!("<{location}/acl>; rel=\"acl\""));
    let object = answer.json();
    assert_eq!(object["@context"], json!({ "@vocab": "http://onerecord.iata.org/" }));
    assert_eq!(object["@id"], location.as_str());
    assert_eq!(object["@type"], "AirWaybill");
    assert_eq!(object["airWayBillNumber"], "12345675");
    assert_eq!(object["revision"].to_string().trim_matches('"'), "1");
    assert_eq!(object["pieces"].as_array().unwrap().len(), 2);
    let (mut sent, mut got) = (Vec::new(), Vec::new());
    leaves(&waybill(), &mut sent);
    leaves(&object, &mut got);
    // A number that is no integer may come back as a value object with its canonical lexical form.
    let numbers =
        |leaf: &String| leaf.parse::<f64>().map_or_else(|_| leaf.clone(), |number| number.to_string());
    let (sent, got): (Vec<_>, Vec<_>) =
        (sent.iter().map(numbers).collect(), got.iter().map(numbers).collect());
    assert_eq!(sent, got);
}

#[test]
fn an_object_may_bring_its_own_name_once() {
    let site = Site::start();
    let mut object = waybill();
    let name = format!("{}/awb-020-12345675", site.company("shipper"));
    object["@id"] = name.as_str().into();
    let answer = site.post(&site.shipper(), &object).expect(201);
    assert_eq!(answer.header("location"), Some(name.as_str()));
    site.post(&site.shipper(), &object).expect(409);
    assert_eq!(read(&name, &site.shipper()).expect(200).json()["@id"], name.as_str());
}

#[test]
fn turtle_goes_in_and_comes_out() {
    let site = Site::start();
    let turtle = "@prefix one: <http://onerecord.iata.org/> .\n\
                  [] a one:AirWaybill ; one:airWayBillNumber \"12345675\" ; one:pieceCount 2 .\n";
    let answer = Request::post(&site.company("shipper"))
        .bearer(&site.shipper())
        .header("Accept", "text/turtle")
        .body("text/turtle", turtle.as_bytes())
        .send()
        .expect(201);
    let location = answer.header("location").unwrap();
    for media_type in ["text/turtle", "application/x-turtle"] {
        let answer =
            Request::get(location).bearer(&site.shipper()).header("Accept", media_type).send().expect(200);
        assert_eq!(answer.header("content-type").unwrap().split(';').next(), Some(media_type));
        assert!(answer.text().contains("12345675"), "{}", answer.text());
    }
    assert_eq!(read(location, &site.shipper()).expect(200).json()["airWayBillNumber"], "12345675");
}

#[test]
fn a_company_that_the_object_names_may_read_it() {
    let site = Site::start();
    let mut object = waybill();
    object["carrier"] = json!({ "@id": site.company("carrier") });
    let location = site.post(&site.shipper(), &object).expect(201).header("location").unwrap().to_owned();
    read(&location, &site.carrier()).expect(200);
    read(&location, &site.stranger()).expect(403);
}

#[test]
fn a_company_that_the_owner_lets_in_may_read_it() {
    let site = Site::start();
    let location = site.waybill();
    read(&location, &site.carrier()).expect(403);
    site.grant_read(&location, &site.company("carrier"));
    read(&location, &site.carrier()).expect(200);
    read(&location, &site.stranger()).expect(403);
    // A reader may not let others in.
    let acl = json!({
        "@context": { "acl": "http://www.w3.org/ns/auth/acl#" },
        "@id": format!("{location}/acl#mine"),
        "@type": "acl:Authorization",
        "acl:agent": { "@id": "https://onerecord.example/stranger" },
        "acl:accessTo": { "@id": location },
        "acl:mode": { "@id": "acl:Read" },
    });
    create(&format!("{location}/acl"), &site.carrier(), &acl).expect(403);
    read(&location, &site.stranger()).expect(403);
}

#[test]
fn the_owner_still_reads_after_letting_another_in() {
    let site = Site::start();
    let location = site.waybill();
    site.grant_read(&location, &site.company("carrier"));
    read(&location, &site.shipper()).expect(200);
    let acl = read(&format!("{location}/acl"), &site.shipper()).expect(200);
    assert!(acl.text().contains(&site.company("carrier")), "{}", acl.text());
}

#[test]
fn an_object_outlives_the_absence_of_its_iap() {
    let mut site = Site::start();
    let location = site.waybill();
    let token = site.shipper();
    read(&location, &token).expect(200);
    site.iap.stop();
    read(&location, &token).expect(200);
}

#[test]
fn the_record_server_inside_the_iap_does_the_same() {
    let iap = crate::harness::iap::Setup::default().record().start();
    let base = iap.record_listener().to_owned();
    let folder = iap.folder().join("record.toml");
    std::fs::write(
        &folder,
        format!("[[record.company]]\npath = \"shipper\"\nidentifier = \"{base}/shipper\"\n"),
    )
    .unwrap();
    let mut iap = iap;
    iap.stop();
    iap.add_argument("--config", folder.to_str().unwrap());
    iap.start_again();
    let company = iap.participant_at("shipper", "SHP", &format!("{base}/shipper"));
    let token = iap.token(&iap.client(&company, json!({})), &[]);
    let location = create(&company.iol_identifier, &token, &waybill())
        .expect(201)
        .header("location")
        .unwrap()
        .to_owned();
    read(&location, &token).expect(200);
    iap.stop();
    iap.start_again();
    assert_eq!(read(&location, &token).expect(200).json()["airWayBillNumber"], "12345675");
}
