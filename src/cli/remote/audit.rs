use std::fmt::Write as _;

use clap::{Args, Subcommand, ValueEnum};

use super::connection::{Connection, Listing};
use super::output::{self, Column};
use super::stop::Stop;

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
            // A page's cursor goes on from the record that `from` names; only the first page takes it.
            let items = connection.list(&["journal"], &[("from", &from.max(1).to_string())]).await?;
            Ok(items.iter().fold(String::new(), |mut text, item| {
                let _ = writeln!(text, "{item}");
                text
            }))
        }
        AuditCommand::Head(Head { connection }) => {
            let head = connection.get(&["journal", "head"]).await?;
            Ok(output::one(&head, connection.json))
        }
    }
}
