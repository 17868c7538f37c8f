//! `jwks`: the published keys beside a static answer of the same size from a bare router.

use ::http::header;
use axum::Router;
use axum::routing::get;
use carnet_testkit::measure::{Figure, Goal};

use super::http;
use super::http::Connection;
use super::iap::Iap;
use super::load::{Until, drive};
use super::measurement::{Outcome, PER_SECOND, Setup};
use super::server::{self, Server};

const PATH: &str = "/.well-known/jwks.json";

pub fn measure(setup: &Setup) -> Outcome<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(setup)?;
    let (path, stop) = (folder.path().join("data"), server.stop.clone());
    let iap = server.run(async move { Iap::start(&path, stop).await })?;
    let mut connection = Connection::open(iap.address)?;
    connection.send(&http::get(iap.address, PATH))?;
    connection.success()?;
    let answer = connection.text();
    let body = answer.split_once("\r\n\r\n").ok_or("an answer without a body")?.1.to_owned();
    let size = body.len();
    let bytes = bytes::Bytes::from(body);
    let floor = server.run(server::plain(Router::new().route(
        PATH,
        get(move || {
            let bytes = bytes.clone();
            async move { ([(header::CONTENT_TYPE, "application/jwk-set+json")], bytes) }
        }),
    )))?;
    let until = Until::Passed(setup.round());
    let [value, floor] = setup.interleave([
        &mut || drive(setup, iap.address, &[http::get(iap.address, PATH)], until),
        &mut || drive(setup, floor, &[http::get(floor, PATH)], until),
    ])?;
    Ok(vec![
        Figure::new("jwks", PER_SECOND, value)
            .floor("static answer", floor, Some(Goal::AtLeast(0.9)))
            .note(format!("a set of {size} bytes.")),
    ])
}
