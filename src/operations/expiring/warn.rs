use super::DAY;
use crate::db;
use crate::operations::{Context, Refusal};
use crate::registry::{CredentialKind, ExpiringCredential};

/// How many are read at once.
const PAGE: i64 = 200;

/// Writes into the log which credentials will expire soon: at a start each of them, later each that has come closer
/// than one of the configured leads since the last time. Every node does so for itself.
///
/// `since` is what the last call gave, none at a start; it gives the time up to which was looked, in milliseconds since
/// 1970-01-01 UTC.
///
/// # Errors
/// When the database does not answer; then call again with the same `since`.
pub async fn warn(context: &Context, since: Option<i64>) -> Result<i64, Refusal> {
    let now = context.clock.now_millis();
    let leads = context.config.expiry_warnings();
    let Some(longest) = leads.first() else { return Ok(now) };
    let mut cursor = String::new();
    loop {
        let pool = context.database.reader().pool();
        let until = now + longest * DAY;
        let page = db::credential_expiry::page(pool, now, until, &cursor, PAGE).await?;
        let Some(page) = page else { return Ok(now) };
        for credential in page.items.iter().filter(|credential| is_due(credential, leads, since, now)) {
            say(credential, now);
        }
        match page.next_cursor {
            Some(next) => cursor = next,
            None => return Ok(now),
        }
    }
}

/// Whether one of the leads was reached after `since`.
fn is_due(credential: &ExpiringCredential, leads: &[i64], since: Option<i64>, now: i64) -> bool {
    leads
        .iter()
        .map(|days| credential.expires_at - days * DAY)
        .any(|reached| reached <= now && since.is_none_or(|since| reached > since))
}

fn say(credential: &ExpiringCredential, now: i64) {
    let ExpiringCredential { kind, id, client_id, client_name, expires_at, last_used_at, replaced, .. } =
        credential;
    let days_left = credential.days_left(now);
    let kind = kind.as_str();
    if *replaced {
        // What rotation looks like while it goes on.
        tracing::info!(
            client_id,
            client_name,
            kind,
            id,
            days_left,
            expires_at,
            last_used_at,
            "a credential will expire, and its client has one that lasts longer: make sure that it uses that one"
        );
        return;
    }
    let advice = match credential.kind {
        CredentialKind::Secret => format!("make a new one with: carnet client secret rotate {client_id}"),
        CredentialKind::Key => format!("register a new one with: carnet client key add {client_id} FILE"),
    };
    tracing::warn!(
        client_id,
        client_name,
        kind,
        id,
        days_left,
        expires_at,
        last_used_at,
        "the last credential of its kind of this client will expire, and then it gets no tokens: {advice}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000;
    const LEADS: [i64; 3] = [30, 7, 1];

    fn due(left: i64, since: Option<i64>) -> bool {
        let credential = ExpiringCredential {
            kind: CredentialKind::Secret,
            row_id: String::new(),
            id: String::new(),
            client_id: String::new(),
            client_name: String::new(),
            participant_id: None,
            expires_at: NOW + left,
            last_used_at: None,
            replaced: false,
        };
        is_due(&credential, &LEADS, since, NOW)
    }

    #[test]
    fn a_start_warns_of_all_that_is_closer_than_the_longest_lead() {
        assert!(due(30 * DAY, None) && due(DAY / 2, None) && due(12 * DAY, None));
        assert!(!due(30 * DAY + 1, None));
    }

    #[test]
    fn later_each_lead_warns_once() {
        let yesterday = Some(NOW - DAY);
        for days in LEADS {
            assert!(due(days * DAY, yesterday));
            assert!(due(days * DAY - DAY + 1, yesterday));
            assert!(!due(days * DAY + 1, yesterday), "{days}: not yet");
        }
        assert!(!due(29 * DAY, yesterday), "was said when it had 30 days");
        assert!(!due(12 * DAY, yesterday));
        assert!(!due(6 * DAY, yesterday));
    }

    #[test]
    fn a_lead_that_passed_while_nobody_looked_is_not_lost() {
        assert!(due(25 * DAY, Some(NOW - 10 * DAY)));
        assert!(!due(25 * DAY, Some(NOW - 5 * DAY)));
    }
}
