use std::collections::BTreeSet;

use carnet_ambient::Clock;
use carnet_db::Onlooker;

use super::Line;
use crate::config::Config;
use crate::{audit, db, tombstones};

/// How long a change may be without a signed head, milliseconds: a head is signed every minute.
const LATE: i64 = 5 * 60 * 1000;

pub(super) async fn examine(database: &Onlooker, config: &Config, clock: &Clock) -> Vec<Line> {
    let mut lines = match anchored(database, config, clock).await {
        Ok(lines) => lines,
        Err(error) => vec![Line::fail("journal", error.to_string(), "look at the file, or run audit verify")],
    };
    match buried(database, config).await {
        Ok(line) => lines.push(line),
        Err(error) => lines.push(Line::fail("tombstones", error.to_string(), "see the log of the database")),
    }
    lines
}

async fn anchored(
    database: &Onlooker,
    config: &Config,
    clock: &Clock,
) -> Result<Vec<Line>, audit::CheckError> {
    let mut tx = database.snapshot().await.map_err(db::Error::from)?;
    let file = Some(config.data_dir().join(audit::HEADS_FILE)).filter(|file| file.exists());
    let (report, mut findings) = audit::check(&mut tx, file.as_deref(), &[]).await?;
    // A node that has not begun yet has nothing to hold a restore against.
    findings.retain(|found| file.is_some() || !matches!(found, audit::Finding::Restored(_)));
    if !findings.is_empty() {
        let advice = "run carnet audit verify, and find out who changed the database";
        return Ok(findings.iter().map(|found| Line::fail("journal", found.to_string(), advice)).collect());
    }
    let Some((head, _)) = &report.anchor else {
        let advice = "a running server signs a head within a minute; is one running with this data folder?";
        return Ok(vec![Line::warn("journal", "holds, but is not anchored by any signed head", advice)]);
    };
    let unsigned = db::journal::after(&mut *tx, head.sequence, 1).await?;
    if let Some(record) = unsigned.first().filter(|record| clock.now_millis() - record.at > LATE) {
        let says = format!("record {} has waited for a signed head for more than 5 minutes", record.sequence);
        return Ok(vec![Line::warn(
            "journal",
            says,
            "is a server running? If so, its log tells why none is signed",
        )]);
    }
    let says = format!("{} records hold, anchored at record {}", report.records, head.sequence);
    Ok(vec![Line::ok("journal", says)])
}

async fn buried(database: &Onlooker, config: &Config) -> Result<Line, db::Error> {
    const CHECK: &str = "tombstones";
    let file = config.data_dir().join(tombstones::FILE);
    let pool = database.reader().pool();
    let Some(installation) = db::installation::find(pool).await? else {
        return Ok(Line::warn(CHECK, "there is no installation yet", "start carnet serve once"));
    };
    if !file.exists() {
        let advice = "a running server writes it; is one running with this data folder?";
        return Ok(Line::warn(CHECK, format!("{} is not there", file.display()), advice));
    }
    // The file is read first: what is decided meanwhile makes it look behind, never ahead.
    let read = tombstones::read(&file, &installation.id);
    let head = db::journal::head(pool).await?;
    let stands: BTreeSet<(i64, String, String)> = db::negative_decision::after(pool, 0, i64::MAX)
        .await?
        .into_iter()
        .map(|decision| (decision.sequence, decision.kind, decision.value))
        .collect();
    let gone = |read: &tombstones::Tombstones| {
        let missing = |one: &&tombstones::Decision| {
            !stands.contains(&(one.sequence, one.kind.clone(), one.value.clone()))
        };
        read.decisions.iter().find(missing).map(|one| (one.sequence, one.kind.clone()))
    };
    Ok(match read {
        Err(error) => Line::fail(CHECK, error.to_string(), "without it a restore revives what was revoked"),
        Ok(read) if read.last > head => Line::fail(
            CHECK,
            format!("they know record {}, the database ends at record {head}: it was set back", read.last),
            "restore the newest backup with carnet restore and this file",
        ),
        Ok(read) if gone(&read).is_some() => {
            let (sequence, kind) = gone(&read).unwrap_or_default();
            Line::fail(
                CHECK,
                format!("the decision of record {sequence} against a {kind} is not in the database any more"),
                "the database was set back, or somebody removed it: find out who, then restore the newest backup with \
                 carnet restore and this file",
            )
        }
        Ok(read) if read.last < head => Line::warn(
            CHECK,
            format!("they are {} records behind", head - read.last),
            "a running server catches up within a second; is one running with this data folder?",
        ),
        Ok(read) => Line::ok(CHECK, format!("{} decisions up to record {head}", read.decisions.len())),
    })
}
