//! What can be wrong with an installation, looked for from beside the running server.
//!
//! Nothing is changed and no lock is taken. Each line says what was found, and if something is wrong, what to do.

mod clock;
mod database;
mod folder;
mod journal;
mod keys;
mod listeners;

use carnet_ambient::Clock;
use carnet_db::{DatabaseUrl, Onlooker};
use serde::Serialize;

use crate::config::Config;
use crate::db;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// In order.
    Ok,
    /// Will become a trouble, or could not be found out.
    Warn,
    /// Is a trouble.
    Fail,
}

/// What one check has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What was looked at.
    pub check: &'static str,
    /// How it is.
    pub level: Level,
    /// What was found.
    pub message: String,
    /// What to do, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Line {
    /// In order.
    pub fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, message: message.into(), advice: None }
    }

    /// Will become a trouble.
    pub fn warn(check: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, level: Level::Warn, message: message.into(), advice: Some(advice.into()) }
    }

    /// Is a trouble.
    pub fn fail(check: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, level: Level::Fail, message: message.into(), advice: Some(advice.into()) }
    }
}

/// Looks at everything. `http_date` is another machine's time as it stands in a `Date` header, seconds since
/// 1970-01-01 UTC.
pub async fn examine(config: &Config, clock: &Clock, http_date: Option<i64>) -> Vec<Line> {
    let mut lines =
        vec![Line::ok("configuration", format!("makes sense; the issuer is {}", config.issuer()))];
    lines.extend(folder::examine(config));
    lines.extend(http_date.map(|date| clock::against_http(clock, date)));
    match open(config.database()).await {
        Ok(database) => {
            let (found, is_current) = database::examine(&database).await;
            lines.extend(found);
            lines.push(clock::against_database(&database, clock).await);
            if is_current {
                lines.extend(issuer(&database, config).await);
                lines.extend(keys::examine(&database, config, clock).await);
                lines.extend(journal::examine(&database, config, clock).await);
            }
            database.close().await;
        }
        Err(line) => lines.push(line),
    }
    lines.extend(listeners::examine(config, clock).await);
    lines
}

/// The issuer is for ever, as `App::open` says: a server with another one does not start.
async fn issuer(database: &Onlooker, config: &Config) -> Option<Line> {
    // Where the database does not answer, the check of the keys tells it.
    let known = db::installation::find(database.reader().pool()).await.ok()??.issuer;
    let given = config.issuer();
    let is_public = known.starts_with("https://") || given.starts_with("https://");
    (known != given && is_public).then(|| {
        Line::fail(
            "configuration",
            format!("this installation's issuer is {known}, not {given}, and it cannot change"),
            format!("give --issuer {known}, or set server.issuer; the server does not start otherwise"),
        )
    })
}

async fn open(url: &DatabaseUrl) -> Result<Onlooker, Line> {
    if let Some(file) = url.file().filter(|file| !file.exists()) {
        return Err(Line::fail(
            "database",
            format!("{} is not there", file.display()),
            "before the first start that is as it should be; else check --data-dir and --database",
        ));
    }
    Onlooker::connect(url).await.map_err(|error| {
        Line::fail("database", error.to_string(), "start the database, or check --database and its password")
    })
}
