use std::fmt::Write as _;
use std::path::PathBuf;

use carnet_db::Onlooker;
use clap::Args;
use serde_json::{Value, json};

use super::{Failure, ServeArgs};
use crate::admin::rfc3339;
use crate::audit::{self, Finding, Report};

/// Flags of `carnet audit verify`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "The server may run meanwhile.\n\n\
    Example:\n  carnet audit verify --data-dir iap --heads /mnt/elsewhere/audit-heads.log")]
pub struct AuditVerifyArgs {
    /// The server's own flags, so that this command sees the same installation.
    #[command(flatten)]
    pub server: ServeArgs,
    /// File with signed heads [default: audit-heads.log in the data folder].
    #[arg(long, value_name = "FILE")]
    pub heads: Option<PathBuf>,
    /// The record of a restore that you made, and of which the file knows nothing.
    #[arg(long, value_name = "SEQUENCE")]
    pub accept_restore: Vec<i64>,
    /// Print JSON instead of lines; what goes wrong is JSON on standard error.
    #[arg(long)]
    pub json: bool,
}

/// Verifies the journal and prints what was found.
///
/// # Errors
/// When something in it is wrong, or it cannot be read.
pub async fn audit_verify(args: &AuditVerifyArgs) -> Result<(), Failure> {
    let (config, _) = args.server.for_folder()?;
    let own = config.data_dir().join(audit::HEADS_FILE);
    // A file that was named must be there; without one of its own, a folder has no anchor, and the answer says so.
    let file = args.heads.clone().or_else(|| own.exists().then_some(own));
    let database = Onlooker::connect(config.database()).await.map_err(Failure::from_error)?;
    let mut tx = database.snapshot().await.map_err(Failure::from_error)?;
    let checked = audit::check(&mut tx, file.as_deref(), &args.accept_restore).await;
    drop(tx);
    database.close().await;
    let (report, findings) = checked.map_err(Failure::from_error)?;
    if args.json {
        println!("{:#}", document(&report, &findings));
    } else {
        print!("{}", render(&report));
    }
    if findings.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = findings.iter().map(|finding| format!("  {finding}")).collect();
    Err(Failure(format!("the journal does not hold:\n{}", list.join("\n"))))
}

/// What holds, and what does not, for programs.
fn document(report: &Report, findings: &[Finding]) -> Value {
    let anchor = report.anchor.as_ref().map(|(head, kid)| {
        json!({ "sequence": head.sequence, "signed_at": rfc3339(head.at), "kid": kid, "pinned": report.pinned })
    });
    let restores =
        report.restores.iter().map(|restore| json!({ "sequence": restore.sequence, "after": restore.after }));
    json!({
        "records": report.records,
        "last": report.last,
        "removed_to": report.removed,
        "anchor": anchor,
        "restores": restores.collect::<Vec<_>>(),
        "findings": findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// What holds, for people.
pub(super) fn render(report: &Report) -> String {
    let mut text = format!("verified {} records, ", report.records);
    let _ = match &report.anchor {
        Some((head, kid)) => {
            writeln!(text, "anchored at {} by head signed {} with key {kid}", head.sequence, rfc3339(head.at))
        }
        None => writeln!(
            text,
            "unanchored: no signed head was compared, so that a rebuilt journal would look the same; give --heads FILE"
        ),
    };
    if report.anchor.is_some() && report.newer > 0 {
        let _ = writeln!(text, "{} newer records are not anchored yet", report.newer);
    }
    if report.anchor.is_some() && !report.pinned {
        text.push_str("the file pins no audit key: its heads were checked with keys of the database alone\n");
    }
    if report.removed > 0 {
        let _ = writeln!(text, "records up to {} were removed by retention", report.removed);
    }
    for restore in &report.restores {
        let _ =
            writeln!(text, "record {} is a restore that goes on after {}", restore.sequence, restore.after);
    }
    text
}
