use carnet_client::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::connection::{Connection, Listing};
use super::output::{self, Column, Output};
use super::stop::Stop;

const COLUMNS: &[Column] = &[
    ("ID", "id"),
    ("STATE", "state"),
    ("WHAT", "summary"),
    ("ASKED BY", "requested_by"),
    ("EXPIRES", "expires_at"),
];
const EMPTY: &str = "nothing waits for an approval";

/// Commands on requests that a second administrator has to approve.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the requests that wait for an approval, and what became of earlier ones.
    List(List),
    /// Show what one request would do.
    #[command(
        after_help = "Example:\n  carnet approval show 01ARZ3NDEKTSV4RRFFQ69G5FAX --credentials admin-credentials.json"
    )]
    Show(One),
    /// Approve a request of another administrator, which is then carried out.
    #[command(
        after_help = "Example:\n  carnet approval approve 01ARZ3NDEKTSV4RRFFQ69G5FAX --credentials admin-credentials.json"
    )]
    Approve(One),
    /// Reject a request: nothing is done.
    Reject(Reject),
    /// Carry out an own request that was approved and whose answer has a secret, which nobody else may see.
    #[command(
        after_help = "Example:\n  carnet approval execute 01ARZ3NDEKTSV4RRFFQ69G5FAX --credentials admin-credentials.json"
    )]
    Execute(One),
}

/// `carnet approval list`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet approval list --state pending --credentials admin-credentials.json"
)]
pub struct List {
    /// Only those in this state: pending, approved, executed or rejected.
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    listing: Listing,
}

/// `carnet approval show`, `approve`, `execute`
#[derive(Debug, Args)]
pub struct One {
    /// The approval's id, which `list` shows.
    id: String,
    #[command(flatten)]
    connection: Connection,
}

/// `carnet approval reject`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet approval reject 01ARZ3NDEKTSV4RRFFQ69G5FAX --reason 'nobody there knows of it' \\\n    \
    --credentials admin-credentials.json"
)]
pub struct Reject {
    /// The approval's id, which `list` shows.
    id: String,
    /// Why, for its requester and the journal.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(command: Command) -> Result<Output, Stop> {
    match command {
        Command::List(List { state, listing }) => {
            let filter: Vec<(&str, &str)> =
                state.as_deref().map(|state| ("state", state)).into_iter().collect();
            let listed = listing.fetch(&["approvals"], &filter).await?;
            Ok(output::table(&listed, COLUMNS, EMPTY, listing.connection.json).into())
        }
        Command::Show(One { id, connection }) => {
            Ok(output::one(&connection.get(&["approvals", &id]).await?, connection.json).into())
        }
        Command::Approve(one) => proceed(one, "approve").await,
        Command::Reject(Reject { id, reason, connection }) => {
            let body = reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
            let now = connection.send(Method::POST, &["approvals", &id, "reject"], Some(&body)).await?;
            Ok(output::one(&now, connection.json).into())
        }
        Command::Execute(one) => proceed(one, "execute").await,
    }
}

async fn proceed(One { id, connection }: One, verb: &str) -> Result<Output, Stop> {
    let now = connection.send(Method::POST, &["approvals", &id, verb], None).await?;
    let notes = match now["state"].as_str() {
        Some("approved") => vec![
            "its answer has a secret, which is for its requester alone: \
             that administrator carries it out with carnet approval execute",
        ],
        _ => Vec::new(),
    };
    Ok(Output { text: output::one_with_secret(&now, connection.json), notes })
}

/// What to say when the server waits for another administrator: what waits, until when, and what to do.
pub(super) fn waits(approval: &Value) -> String {
    let member = |name: &str| approval[name].as_str().map(output::printable);
    let id = member("id").unwrap_or_else(|| "-".to_owned());
    let what = member("summary").map(|summary| format!(": {summary}")).unwrap_or_default();
    if approval["state"] == "approved" {
        return format!(
            "this was approved and not carried out yet{what}\n\
             its requester carries it out, and alone sees its secret:\n  carnet approval execute {id}"
        );
    }
    let until = member("expires_at").map(|time| format!(" before {time}")).unwrap_or_default();
    let mut said = format!(
        "nothing is done yet, this waits for the approval of another administrator{until}{what}\n\
         the other administrator looks at it and decides:\n  \
         carnet approval show {id}\n  carnet approval approve {id}\n  carnet approval reject {id}"
    );
    if approval["makes_secret"] == true {
        said.push_str(
            "\nthen carry it out yourself, and you alone see its secret:\n  carnet approval execute ",
        );
        said.push_str(&id);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_told_with_the_commands_that_decide() {
        let approval = |makes_secret: bool| {
            waits(&json!({
                "id": "01ARZ",
                "summary": "enable the client booking",
                "expires_at": "2027-01-16T08:00:00.000Z",
                "makes_secret": makes_secret
            }))
        };
        let said = approval(false);
        assert!(said.contains("before 2027-01-16T08:00:00.000Z: enable the client booking\n"), "{said}");
        assert!(said.ends_with("carnet approval reject 01ARZ"), "{said}");
        assert!(approval(true).ends_with("carnet approval execute 01ARZ"));
        let approved = waits(&json!({"id": "01ARZ", "state": "approved"}));
        assert!(
            approved.ends_with("carnet approval execute 01ARZ") && !approved.contains("reject"),
            "{approved}"
        );
    }

    #[test]
    fn an_approval_that_says_little_is_told_all_the_same() {
        let said = waits(&Value::Null);
        assert!(said.contains("waits for the approval") && !said.contains("null"), "{said}");
    }
}
