use std::fmt::Write as _;
use std::io;
use std::ops::ControlFlow;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use super::connection::{Connection, Listing, READ};
use super::output::{self, Column};
use super::stop::Stop;
use super::terminal;

const COLUMNS: &[Column] = &[
    ("SEQUENCE", "sequence"),
    ("AT", "at"),
    ("ACTOR", "actor"),
    ("ACTION", "action"),
    ("SUBJECT", "subject"),
    ("REASON", "reason"),
];

const EMPTY: &str = "no record is like that: leave filters out, or see carnet audit list --help";

/// Commands on the audit journal that ask the server.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// List records, the oldest first.
    List(List),
    /// Print records with everything in them, one JSON object a line, so that others can verify the chain.
    Export(Export),
    /// Show the newest signed head.
    Head(Head),
}

/// `carnet audit list`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet audit list --action client. --since 2027-01-15 --credentials admin-credentials.json"
)]
pub struct List {
    /// Only what this actor did, `client/ID` or `local/USER`.
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
    /// Only actions that begin so, such as `client.` or `client.disable`.
    #[arg(long, value_name = "PREFIX")]
    action: Option<String>,
    /// Only what was done to this, `kind/id`.
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// Not before this time in UTC (2027-01-15T08:00:00Z), or this day.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Not after this time in UTC.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    listing: Listing,
}

/// `carnet audit export`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet audit export --from 1 --credentials admin-credentials.json > journal.jsonl"
)]
pub struct Export {
    /// The first record's number.
    #[arg(long, value_name = "SEQUENCE", default_value_t = 1)]
    from: u64,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    #[command(flatten)]
    connection: Connection,
}

/// `carnet audit head`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  carnet audit head --json --credentials admin-credentials.json")]
pub struct Head {
    #[command(flatten)]
    connection: Connection,
}

/// How an export is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    Jsonl,
}

pub(super) async fn run(command: AuditCommand) -> Result<String, Stop> {
    match command {
        AuditCommand::List(List { actor, action, subject, since, until, listing }) => {
            let given = [
                ("actor", &actor),
                ("action", &action),
                ("subject", &subject),
                ("since", &since),
                ("until", &until),
            ];
            let filter: Vec<(&str, &str)> =
                given.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
            let listed = listing.fetch(&["journal"], &filter).await?;
            Ok(output::table(&listed, COLUMNS, EMPTY, listing.connection.json))
        }
        AuditCommand::Export(Export { from, format: Format::Jsonl, connection }) => {
            export(from.max(1), &connection).await.map(|()| String::new())
        }
        AuditCommand::Head(Head { connection }) => {
            let head = connection.get(&["journal", "head"]).await?;
            Ok(output::one(&head, connection.json))
        }
    }
}

/// Writes each page as it comes: a journal of years does not fit into memory.
async fn export(from: u64, connection: &Connection) -> Result<(), Stop> {
    let (mut last, mut wrong) = (None, None);
    let write = |page: Vec<Value>| {
        let text = page.iter().fold(String::new(), |mut text, record| {
            let _ = writeln!(text, "{record}");
            text
        });
        match terminal::try_print(&text) {
            Ok(()) => {
                last = page.last().and_then(|record| record["sequence"].as_i64()).or(last);
                ControlFlow::Continue(())
            }
            Err(error) => {
                // A reader that has seen enough is no error; a disk that is full is one.
                wrong = (error.kind() != io::ErrorKind::BrokenPipe).then_some(error);
                ControlFlow::Break(())
            }
        }
    };
    // A page's cursor goes on from the record that `from` names; only the first page takes it.
    let done = connection.open(READ)?.pages(&["journal"], &[("from", &from.to_string())], None, write).await;
    let so_far = |sentence: &str| match last {
        Some(last) => {
            format!(
                "{sentence}; records up to {last} are written: go on with --from {}",
                last.saturating_add(1)
            )
        }
        None => format!("{sentence}; no record was written"),
    };
    if let Some(error) = wrong {
        return Err(Stop::failed(so_far(&format!("the journal cannot be written: {error}"))));
    }
    done.map(drop).map_err(|stop| {
        let sentence = so_far(stop.sentence());
        stop.with_sentence(sentence)
    })
}
