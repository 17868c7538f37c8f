use std::fmt::Write as _;
use std::time::SystemTime;

use carnet_ambient::Clock;
use clap::Args;

use super::{Failure, ServeArgs};
use crate::doctor::{self, Level, Line};

/// Flags of `carnet doctor`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "The server may run meanwhile. The exit status is 1 if a line says FAIL.\n\n\
    Example:\n  carnet doctor --data-dir iap")]
pub struct DoctorArgs {
    /// The server's own flags, so that this command sees the same installation.
    #[command(flatten)]
    pub server: ServeArgs,
    /// Another machine's time to compare with, as it stands in an HTTP Date header.
    #[arg(long, value_name = "DATE")]
    pub http_date: Option<String>,
    /// Print JSON instead of lines; what goes wrong is JSON on standard error.
    #[arg(long)]
    pub json: bool,
}

/// Looks for what is wrong and prints what was found.
///
/// # Errors
/// When something is.
pub async fn doctor(args: &DoctorArgs) -> Result<(), Failure> {
    let http_date = args.http_date.as_deref().map(seconds).transpose()?;
    let lines = match args.server.with_known_issuer().load() {
        Ok((config, _)) => doctor::examine(&config, &Clock::system(), http_date).await,
        Err(error) => {
            let advice = "correct that first; nothing else was looked at";
            vec![Line::fail("configuration", error.to_string(), advice)]
        }
    };
    if args.json {
        println!("{:#}", serde_json::json!({ "checks": lines }));
    } else {
        print!("{}", render(&lines));
    }
    match lines.iter().filter(|line| line.level == Level::Fail).count() {
        0 => Ok(()),
        1 => Err(Failure("one check failed".to_owned())),
        count => Err(Failure(format!("{count} checks failed"))),
    }
}

fn seconds(date: &str) -> Result<i64, Failure> {
    let time = httpdate::parse_http_date(date)
        .map_err(|_| Failure(format!("`{date}` is not the value of an HTTP Date header")))?;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

fn render(lines: &[Line]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        let level = match line.level {
            Level::Ok => "ok  ",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        };
        // What a file or another process said must not move the cursor.
        let clean = |text: &str| text.replace(|c: char| c.is_control(), "\u{fffd}");
        let _ = writeln!(text, "{level}  {:23}  {}", line.check, clean(&line.message));
        if let Some(advice) = &line.advice {
            let _ = writeln!(text, "{:31}{}", "", clean(advice));
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_it_is_and_what_to_do() {
        let lines = [Line::ok("disk", "fine"), Line::fail("keys", "a\u{1b}[2J", "restore")];
        let expected = "ok    disk                     fine\n\
                        FAIL  keys                     a\u{fffd}[2J\n                               restore\n";
        assert_eq!(render(&lines), expected);
    }

    #[test]
    fn a_date_is_read_as_http_writes_it() {
        assert_eq!(seconds("Fri, 15 Jan 2027 08:00:00 GMT").unwrap(), 1_800_000_000);
        assert!(seconds("2027-01-15").is_err());
    }
}
