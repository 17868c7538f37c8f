use carnet::anchoring::Anchoring;
use carnet::audit;
use carnet::db::journal::Record;
use serde_json::Value;

use crate::harness::TestIap;

/// Everything that a reader of the API gets, page by page.
async fn read_all(iap: &TestIap, filter: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page =
            iap.admin("GET", &format!("/journal?limit=2{filter}{cursor}"), None).await.expect(200).json();
        items.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { return items };
        cursor = format!("&cursor={next}");
    }
}

fn record(item: &Value) -> Record {
    let text = |name: &str| item[name].as_str().unwrap().to_owned();
    Record {
        sequence: item["sequence"].as_i64().unwrap(),
        at: item["at_millis"].as_i64().unwrap(),
        actor: text("actor"),
        action: text("action"),
        subject: text("subject"),
        salt: text("salt"),
        before_digest: text("before_digest"),
        after_digest: text("after_digest"),
        reason: text("reason"),
        previous_hash: text("previous_hash"),
        hash: text("hash"),
    }
}

#[tokio::test]
async fn a_reader_of_the_api_can_verify_the_whole_chain() {
    let iap = TestIap::start().await;
    let _ = iap.acme().await;
    let items = read_all(&iap, "").await;
    assert_eq!(i64::try_from(items.len()).unwrap(), audit::verify(&iap.app.database).await.unwrap());
    let mut chain = audit::Chain::begin(carnet::db::journal::Start::default());
    for item in &items {
        chain.push(&record(item)).unwrap();
    }
    assert_eq!(items[0]["at"], "2027-01-15T08:00:00.000Z");
}

#[tokio::test]
async fn filters_choose_and_from_begins() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let administrator = format!("client/{}", iap.credentials().client_id);
    let count = async |filter: &str| read_all(&iap, filter).await.len();
    let all = count("").await;
    assert_eq!(count(&format!("&actor={administrator}")).await, 2);
    assert_eq!(count("&action=client.").await, 2);
    assert_eq!(count("&action=client.create").await, 2);
    assert_eq!(count("&action=client.creates").await, 0);
    assert_eq!(count(&format!("&subject=client/{}", client.client_id)).await, 1);
    assert_eq!(count("&since=2027-01-15T08:00:00Z&until=2027-01-15T08:00:00Z").await, all);
    assert_eq!(count("&since=2027-01-15T08:00:01Z").await, 0);
    assert_eq!(count("&until=2027-01-15").await, 0);
    assert_eq!(read_all(&iap, "&from=2").await[0]["sequence"], 2);
    assert_eq!(count("&from=2").await, all - 1);
    for wrong in ["from=0", "from=x", "since=yesterday", "actor=a%00b", "subject=a%20b", "order=newest"] {
        let _ = iap.admin("GET", &format!("/journal?{wrong}"), None).await.expect(400);
    }
}

#[tokio::test]
async fn the_newest_head_is_there_once_it_is_signed() {
    let iap = TestIap::start().await;
    let _ = iap.admin("GET", "/journal/head", None).await.expect(404);
    let anchoring = Anchoring::open(&iap.app).await.unwrap();
    anchoring.look().await.unwrap();
    let head = iap.admin("GET", "/journal/head", None).await.expect(200).json();
    assert_eq!(head["sequence"], audit::verify(&iap.app.database).await.unwrap());
    let mut keys = audit::AuditKeys::default();
    let rows = carnet::db::sealed_key::all(iap.app.database.reader().pool()).await.unwrap();
    for jwk in rows.iter().filter_map(audit::public_key) {
        keys.add(&jwk);
    }
    let (opened, kid) = audit::Head::open(head["jws"].as_str().unwrap(), &keys).unwrap();
    assert_eq!(opened.iss, crate::harness::ISSUER);
    assert_eq!(
        (head["hash"].as_str(), head["kid"].as_str()),
        (Some(opened.hash.as_str()), Some(kid.as_str()))
    );
}
