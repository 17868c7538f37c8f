use serde_json::{Value, json};

use crate::harness::http::{Answer, Request};
use crate::harness::iap::{Client, Iap};
use crate::harness::record::RecordServer;

/// One IAP and one record server that hosts a shipper and a carrier; a stranger is registered at the IAP only.
pub struct Site {
    pub iap: Iap,
    pub record: RecordServer,
    shipper: Client,
    carrier: Client,
    stranger: Client,
}

impl Site {
    #[track_caller]
    pub fn start() -> Self {
        let base = RecordServer::reserve();
        let iap = Iap::start();
        iap.change_default_resource(&json!({ "identifier": base }));
        let client = |name: &str, role: &str| {
            let company = iap.participant_at(name, role, &format!("{base}/{name}"));
            iap.client(&company, json!({}))
        };
        let (shipper, carrier) = (client("shipper", "SHP"), client("carrier", "CAR"));
        let stranger = iap.client(&iap.participant("stranger", "FWD"), json!({}));
        let record = RecordServer::start(&base, iap.issuer(), &["shipper", "carrier"]);
        Self { iap, record, shipper, carrier, stranger }
    }

    pub fn shipper(&self) -> String {
        self.iap.token(&self.shipper, &[])
    }

    pub fn carrier(&self) -> String {
        self.iap.token(&self.carrier, &[])
    }

    pub fn stranger(&self) -> String {
        self.iap.token(&self.stranger, &[])
    }

    /// A shipper's token with these request parameters.
    pub fn shipper_with(&self, parameters: &[(&str, &str)]) -> String {
        self.iap.token(&self.shipper, parameters)
    }

    /// A company's identifier, which is also where its objects are posted.
    pub fn company(&self, name: &str) -> String {
        format!("{}/{name}", self.record.base_url())
    }

    /// Posts an object to the shipper's company.
    #[track_caller]
    pub fn post(&self, token: &str, object: &Value) -> Answer {
        create(&self.company("shipper"), token, object)
    }

    /// Creates an air waybill as the shipper; its URL.
    #[track_caller]
    pub fn waybill(&self) -> String {
        self.post(&self.shipper(), &waybill()).expect(201).header("location").unwrap().to_owned()
    }

    /// Lets a company read an object, as its owner.
    #[track_caller]
    pub fn grant_read(&self, object: &str, company: &str) {
        let acl = json!({
            "@context": { "acl": "http://www.w3.org/ns/auth/acl#" },
            "@id": format!("{object}/acl#reader"),
            "@type": "acl:Authorization",
            "acl:agent": { "@id": company },
            "acl:accessTo": { "@id": object },
            "acl:mode": { "@id": "acl:Read" },
        });
        create(&format!("{object}/acl"), &self.shipper(), &acl).expect(201);
    }
}

/// Posts JSON-LD.
#[track_caller]
pub fn create(url: &str, token: &str, object: &Value) -> Answer {
    let body = object.to_string();
    Request::post(url)
        .bearer(token)
        .header("Accept", "application/ld+json")
        .body("application/ld+json", body.as_bytes())
        .send()
}

/// Reads JSON-LD.
#[track_caller]
pub fn read(url: &str, token: &str) -> Answer {
    Request::get(url).bearer(token).header("Accept", "application/ld+json").send()
}

/// An air waybill with two pieces.
pub fn waybill() -> Value {
    json!({
        "@context": { "@vocab": "http://onerecord.iata.org/" },
        "@type": "AirWaybill",
        "airWayBillNumber": "12345675",
        "airlinePrefix": "020",
        "goodsDescription": "Machine parts",
        "pieces": [
            {
                "@type": "Piece",
                "upid": "P-1",
                "grossWeight": { "@type": "Value", "value": 12.5, "unit": "KGM" },
            },
            {
                "@type": "Piece",
                "upid": "P-2",
                "grossWeight": { "@type": "Value", "value": 20, "unit": "KGM" },
            },
        ],
    })
}
