use std::path::Path;

use carnet_ambient::Clock;
use carnet_db::Onlooker;

use super::Line;
use crate::config::{Config, KeyLife};
use crate::db;
use crate::keys::{KeyState, Keyring, LiveKey, MasterKey, Purpose, coming_master_key};

const CHECK: &str = "keys";
/// How long a change of keys may be late before it is told, milliseconds.
const GRACE: i64 = 10 * 60 * 1000;

pub(super) async fn examine(database: &Onlooker, config: &Config, clock: &Clock) -> Vec<Line> {
    let pool = database.reader().pool();
    let installation = match db::installation::find(pool).await {
        Ok(Some(installation)) => installation,
        Ok(None) => return vec![Line::warn(CHECK, "the database holds none yet", "start carnet serve once")],
        Err(error) => return vec![Line::fail(CHECK, error.to_string(), "see the log of the database")],
    };
    let path = config.master_key_file();
    let master = match MasterKey::read(path) {
        Ok(master) if master.key_check_value() == installation.key_check_value => master,
        Ok(_) if is_coming(path, &installation.key_check_value) => {
            let says = "a change of the master key was cut off after the database knew the new one";
            return vec![Line::warn(CHECK, says, "start the server, which completes it")];
        }
        Ok(_) => {
            let advice = "copy the master key from another node, or from a backup";
            let says = format!("{} is another installation's master key", path.display());
            return vec![Line::fail(CHECK, says, advice)];
        }
        Err(error) => {
            let advice = "copy the master key from another node, or from a backup";
            return vec![Line::fail(CHECK, error.to_string(), advice)];
        }
    };
    let rows = match db::sealed_key::live(pool).await {
        Ok(rows) => rows,
        Err(error) => return vec![Line::fail(CHECK, error.to_string(), "see the log of the database")],
    };
    let life = config.key_life();
    match Keyring::open(&rows, &master, &life, None) {
        Ok(ring) => judge(&ring, config, &life, clock.now_millis()),
        Err(error) => {
            let advice = "restore the newest backup: what stands in the database cannot be used";
            vec![Line::fail(CHECK, error.to_string(), advice)]
        }
    }
}

/// Whether the master key that the database wants waits beside the old one.
fn is_coming(path: &Path, key_check_value: &str) -> bool {
    MasterKey::read(&coming_master_key(path)).is_ok_and(|key| key.key_check_value() == key_check_value)
}

fn judge(ring: &Keyring, config: &Config, life: &KeyLife, now: i64) -> Vec<Line> {
    let mut lines = Vec::new();
    for algorithm in config.algorithms() {
        if ring.access_token_key(*algorithm).is_some() {
            continue;
        }
        let is_announced = ring.keys().iter().any(|key| {
            let slot = (key.state, key.purpose, key.algorithm);
            slot == (KeyState::Announced, Purpose::AccessToken, *algorithm)
        });
        lines.push(if is_announced {
            Line::warn(
                CHECK,
                format!("the key for {algorithm} access tokens is announced and does not sign yet"),
                "wait: a new algorithm signs when its key was published for keys.announce_lead",
            )
        } else {
            Line::fail(
                CHECK,
                format!("there is no active key for {algorithm} access tokens"),
                "start the server, which makes what keys.algorithms names",
            )
        });
    }
    for purpose in [Purpose::TrustList, Purpose::Audit] {
        if ring.signing_key(purpose).is_none() {
            let advice = "start the server, which makes one; else restore the newest backup";
            lines.push(Line::fail(CHECK, format!("there is no active {purpose} key"), advice));
        }
    }
    for key in ring.keys().iter().filter(|key| key.purpose == Purpose::AccessToken) {
        lines.extend(wear(key, ring, life, now));
    }
    if lines.is_empty() {
        let count = ring.keys().len();
        lines.push(Line::ok(
            CHECK,
            format!("the master key opens all {count} signing keys; none is worn out"),
        ));
    }
    lines
}

/// A key that should have had a successor, or made room for it, by now.
fn wear(key: &LiveKey, ring: &Keyring, life: &KeyLife, now: i64) -> Option<Line> {
    if key.state != KeyState::Active {
        return None;
    }
    let worn = key.activated_at.unwrap_or(key.announced_at) + life.period_millis(key.purpose);
    let announced = ring.keys().iter().any(|other| {
        other.state == KeyState::Announced && (other.purpose, other.algorithm) == (key.purpose, key.algorithm)
    });
    let advice = "is a server running? It announces and activates successors; see its log";
    if now > worn + GRACE {
        let says = format!("the {} key {} should have been followed by another one", key.algorithm, key.kid);
        Some(Line::warn(CHECK, says, advice))
    } else if !announced && now > worn - life.lead_millis(key.purpose) + GRACE {
        let says = format!("the {} key {} has no announced successor yet", key.algorithm, key.kid);
        Some(Line::warn(CHECK, says, advice))
    } else {
        None
    }
}
