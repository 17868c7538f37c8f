use std::cmp::Ordering;

use carnet_db::{Engine, Onlooker};

use super::Line;
use crate::db;
use crate::db::table;

const CHECK: &str = "database";

/// What was found, and whether the schema is this program's, so that others can read what is in it.
pub(super) async fn examine(database: &Onlooker) -> (Vec<Line>, bool) {
    let mut lines = Vec::new();
    if let Err(error) = database.check_collation().await {
        lines.push(Line::fail(CHECK, error.to_string(), "restore a backup into one that sorts by bytes"));
    }
    match migrations_and_integrity(database).await {
        Ok((found, is_current)) => {
            lines.extend(found);
            (lines, is_current)
        }
        Err(error) => {
            lines.push(Line::fail(CHECK, error.to_string(), "see the log of the database"));
            (lines, false)
        }
    }
}

async fn migrations_and_integrity(database: &Onlooker) -> Result<(Vec<Line>, bool), db::Error> {
    let mut tx = database.snapshot().await?;
    let (applied, own) = (table::applied(&mut tx, database.engine()).await?, table::schema());
    let mut lines = vec![match applied.cmp(&own) {
        Ordering::Equal => Line::ok(CHECK, format!("answers; its schema is current (migration {own})")),
        Ordering::Less => Line::warn(
            CHECK,
            format!(
                "its schema is at migration {applied}, this program's is {own}; keys and journal were not looked at"
            ),
            "make a backup with the old program, then start this one, which brings it up to date",
        ),
        Ordering::Greater => Line::fail(
            CHECK,
            format!("its schema (migration {applied}) is newer than this program (migration {own})"),
            "run the newer carnet",
        ),
    }];
    if database.engine() == Engine::Sqlite {
        let found = table::integrity(&mut tx, database.engine()).await?;
        lines.push(match found.first() {
            None => Line::ok(CHECK, "the file is sound (integrity_check)"),
            Some(first) => Line::fail(
                CHECK,
                format!("the file is damaged: {first}"),
                "stop the server, keep a copy of the file, and restore the newest backup (carnet restore)",
            ),
        });
    }
    Ok((lines, applied == own))
}
