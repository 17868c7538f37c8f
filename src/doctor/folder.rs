use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Line;
use crate::config::Config;
use crate::data_dir::{CREDENTIALS, INSTALLATION};
use crate::{audit, tombstones};

const CHECK: &str = "data folder";
/// Less free space than this stops the database within hours, in bytes.
const LEAST: u64 = 64 * 1024 * 1024;
/// Less than this is worth a look, in bytes.
const LITTLE: u64 = 1024 * 1024 * 1024;

pub(super) fn examine(config: &Config) -> Vec<Line> {
    let folder = config.data_dir();
    let metadata = match std::fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => {
            return vec![Line::fail(CHECK, format!("{} is no folder", folder.display()), "check --data-dir")];
        }
        Err(error) => {
            let advice = "before the first start that is as it should be; else check --data-dir";
            return vec![Line::fail(CHECK, format!("{}: {error}", folder.display()), advice)];
        }
    };
    let mut lines = Vec::new();
    if metadata.mode() & 0o077 != 0 {
        lines.push(Line::fail(
            CHECK,
            format!("{} can be entered by other users", folder.display()),
            format!("chmod 700 {}", folder.display()),
        ));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        let advice = "run carnet as the owner of its data folder";
        lines.push(Line::warn(CHECK, format!("{} belongs to another user", folder.display()), advice));
    }
    lines.extend(private_files(config));
    if !folder.join(INSTALLATION).exists() {
        let advice = "start carnet serve once; else check --data-dir";
        lines.push(Line::warn(CHECK, "there is no installation in it yet", advice));
    }
    if lines.is_empty() {
        lines.push(Line::ok(CHECK, format!("{} and its files are for their owner alone", folder.display())));
    }
    lines.push(space(folder));
    lines
}

fn private_files(config: &Config) -> Vec<Line> {
    let folder = config.data_dir();
    let names = [CREDENTIALS, audit::HEADS_FILE, tombstones::FILE];
    let mut files: Vec<_> = names.iter().map(|name| folder.join(name)).collect();
    files.push(config.master_key_file().to_owned());
    files.extend(config.database().file());
    files.extend(config.tls().map(|files| files.private_key.clone()));
    let open = files.iter().filter(|file| std::fs::metadata(file).is_ok_and(|m| m.mode() & 0o077 != 0));
    open.map(|file| {
        let advice = format!("chmod 600 {}", file.display());
        Line::fail(CHECK, format!("{} is open to others than its owner", file.display()), advice)
    })
    .collect()
}

fn space(folder: &Path) -> Line {
    let free = match rustix::fs::statvfs(folder) {
        Ok(found) => found.f_bavail.saturating_mul(found.f_frsize),
        Err(error) => return Line::warn("disk", error.to_string(), "look at the disk by hand"),
    };
    judge(free)
}

fn judge(free: u64) -> Line {
    let says = format!("{} MiB are free for the data folder", free / (1024 * 1024));
    match free {
        ..LEAST => {
            Line::fail("disk", says, "free some space: a full disk stops every change and every revocation")
        }
        LEAST..LITTLE => Line::warn("disk", says, "free some space soon"),
        _ => Line::ok("disk", says),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn little_space_is_told_before_there_is_none() {
        for (free, level) in
            [(0, Level::Fail), (LEAST, Level::Warn), (LITTLE - 1, Level::Warn), (LITTLE, Level::Ok)]
        {
            assert_eq!(judge(free).level, level, "{free}");
        }
    }
}
