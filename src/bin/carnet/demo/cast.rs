//! Who plays, and the documents that they exchange.

use carnet::config::RawCompany;
use serde_json::{Value, json};

/// First path segment of the forwarder's objects.
pub const FORWARDER: &str = "helvetia-forwarding";
/// First path segment of the carrier's objects.
pub const CARRIER: &str = "alpine-cargo";

/// The companies of the record server.
pub fn companies() -> Vec<RawCompany> {
    [FORWARDER, CARRIER]
        .into_iter()
        .map(|path| RawCompany { path: path.to_owned(), identifier: None })
        .collect()
}

/// Registration of one of the companies.
pub fn participant(base_url: &str, path: &str, name: &str, role: &str) -> Value {
    json!({
        "name": name,
        "iol_identifier": format!("{base_url}/{path}"),
        "logistics_agent_uri": format!("{base_url}/logistics-objects/{path}"),
        "roles": [role],
    })
}

/// A master air waybill with two pieces. It names the carrier, which may read it for that reason.
pub fn air_waybill(base_url: &str) -> Value {
    json!({
        "@context": { "@vocab": "http://onerecord.iata.org/" },
        "@type": "AirwayBill",
        "airWayBillNumber": "932-71320065",
        "forwarder": { "@id": format!("{base_url}/{FORWARDER}") },
        "carrier": { "@id": format!("{base_url}/{CARRIER}") },
        "origin": { "@type": "Location", "code": "ZRH" },
        "destination": { "@type": "Location", "code": "SIN" },
        "goodsDescription": "Temperature-controlled pharmaceuticals",
        "totalPieceCount": 2,
        "pieces": [
            {
                "@type": "Piece",
                "upid": "HF-2026-000417-1",
                "goodsDescription": "Vaccines, two to eight degrees Celsius",
                "grossWeight": { "@type": "Value", "value": "182.5", "unit": "KGM" },
                "specialHandling": "PIL"
            },
            {
                "@type": "Piece",
                "upid": "HF-2026-000417-2",
                "goodsDescription": "Laboratory reagents",
                "grossWeight": { "@type": "Value", "value": "64.0", "unit": "KGM" },
                "specialHandling": "PIL"
            }
        ]
    })
}

/// A house waybill that names nobody else.
pub fn house_waybill(base_url: &str) -> Value {
    json!({
        "@context": { "@vocab": "http://onerecord.iata.org/" },
        "@type": "HouseWaybill",
        "houseWaybillNumber": "HF-ZRH-8841",
        "forwarder": { "@id": format!("{base_url}/{FORWARDER}") },
        "goodsDescription": "Vaccines, consigned to a hospital"
    })
}

/// Leave for one company to read one object (Web Access Control).
pub fn read_grant(object: &str, company: &str) -> String {
    format!(
        "@prefix acl: <http://www.w3.org/ns/auth/acl#>.\n\
         <#carrier> a acl:Authorization;\n  acl:agent <{company}>;\n  acl:accessTo <{object}>;\n  acl:mode acl:Read.\n"
    )
}
