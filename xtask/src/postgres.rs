//! A PostgreSQL cluster for one run of the tests: own folder, own port, own password, gone at the end.

use std::fs::{self, DirBuilder};
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::setup;
use crate::shell::{self, Outcome, Stopwatch};

/// Watches over the server: it ends it and removes its folder as soon as our end of its standard input closes,
/// which the kernel does for us even when we are killed. Ctrl-C reaches the whole group; the guard outlives it.
/// TERM ends a server that has not yet set its handlers, INT makes a running one drop its clients.
const GUARD: &str = r#"
folder=$1 bin=$2 port=$3 user=$4
trap : INT TERM HUP
as=
[ -z "$user" ] || as="setpriv --reuid=$user --regid=$user --init-groups"
cd "$folder" || exit 1
if $as "$bin/initdb" --pgdata=data --username=carnet --pwfile=password --auth=scram-sha-256 \
    --encoding=UTF8 --lc-collate=C --lc-ctype=C.UTF-8 >initdb.log 2>&1 </dev/null
then
  $as "$bin/postgres" -D data -k "$folder" -p "$port" -c listen_addresses=127.0.0.1 -c max_connections=300 \
    -c log_min_messages=warning >server.log 2>&1 </dev/null &
  server=$!
  cat >/dev/null
  kill -TERM "$server"
  kill -INT "$server"
  wait "$server"
else
  cat initdb.log >&2
fi
cd / && rm -rf -- "$folder"
"#;

/// A running cluster; dropping it ends the server and removes its files.
pub struct Cluster {
    url: String,
    folder: PathBuf,
    guard: Child,
}

impl Cluster {
    pub fn start() -> Outcome<Self> {
        let bin = binaries().ok_or("PostgreSQL's server programs are missing: cargo xtask setup")?;
        let user = if setup::is_root() { "postgres" } else { "" };
        let folder = make_folder(user)?;
        let password = random_hex()?;
        write_password(&folder, &password, user)?;
        let port = free_port()?;
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard"]).arg(&folder).arg(&bin).arg(port.to_string()).arg(user);
        let guard = guard.stdin(Stdio::piped()).spawn().map_err(|error| format!("sh: {error}"))?;
        let url = format!("postgres://carnet:{password}@127.0.0.1:{port}/postgres");
        let mut cluster = Self { url, folder, guard };
        cluster.await_ready(&bin, port)?;
        Ok(cluster)
    }

    /// Address of a database whose owner may create others.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn await_ready(&mut self, bin: &Path, port: u16) -> Outcome {
        let waited = Stopwatch::start();
        while waited.elapsed() < Duration::from_mins(1) {
            if let Ok(Some(status)) = self.guard.try_wait() {
                return Err(format!("PostgreSQL did not start ({status})"));
            }
            let port = port.to_string();
            if shell::succeeds(bin.join("pg_isready"), &["-q", "-h", "127.0.0.1", "-p", &port]) {
                return Ok(());
            }
            sleep(Duration::from_millis(100));
        }
        Err("PostgreSQL did not get ready within a minute".into())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        if let Err(error) = self.guard.wait() {
            eprintln!("xtask: {} may be left behind: {error}", self.folder.display());
        }
    }
}

/// Folder of the newest server programs: where Debian has them, else where `pg_config` says.
pub fn binaries() -> Option<PathBuf> {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<(u32, PathBuf)> = debian
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    folders.sort();
    let asked = Command::new("pg_config").arg("--bindir").output().ok().map(|output| output.stdout);
    let asked = asked.and_then(|text| String::from_utf8(text).ok()).map(|text| PathBuf::from(text.trim()));
    let newest_first = folders.into_iter().rev().map(|(_, folder)| folder).chain(asked);
    newest_first
        .into_iter()
        .find(|folder| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file()))
}

/// Not below the clone: the server runs as another user, who may not be able to enter it.
fn make_folder(user: &str) -> Outcome<PathBuf> {
    let folder = std::env::temp_dir().join(format!("carnet-test-{}", &random_hex()?[..16]));
    DirBuilder::new()
        .mode(0o700)
        .create(&folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    give(&folder, user)?;
    Ok(folder)
}

fn write_password(folder: &Path, password: &str, user: &str) -> Outcome {
    let file = folder.join("password");
    fs::write(&file, password).map_err(|error| format!("{}: {error}", file.display()))?;
    give(&file, user)
}

fn give(path: &Path, user: &str) -> Outcome {
    if user.is_empty() {
        return Ok(());
    }
    let id = |flag| -> Outcome<u32> {
        let text = shell::output(Command::new("id").args([flag, user]))?;
        text.trim().parse().map_err(|_| format!("id {flag} {user} answered {text}"))
    };
    chown(path, Some(id("-u")?), Some(id("-g")?)).map_err(|error| format!("{}: {error}", path.display()))
}

/// A port that was free a moment ago. Another program may take it first; then the start fails and says so.
fn free_port() -> Outcome<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| format!("no free port: {error}"))?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

fn random_hex() -> Outcome<String> {
    use std::fmt::Write as _;
    let mut bytes = [0; 24];
    let mut source = fs::File::open("/dev/urandom").map_err(|error| format!("/dev/urandom: {error}"))?;
    source.read_exact(&mut bytes).map_err(|error| format!("/dev/urandom: {error}"))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(url: &str) -> bool {
        shell::succeeds(binaries().unwrap().join("psql"), &["-X", "-q", "-c", "CREATE DATABASE probe", url])
    }

    #[test]
    fn cluster_answers_its_password_only_and_leaves_nothing() {
        let cluster = Cluster::start().unwrap();
        let url = cluster.url().to_owned();
        let folder = cluster.folder.clone();
        assert!(answers(&url));
        let (start, rest) = url.split_once("//carnet:").unwrap();
        let (_, end) = rest.split_once('@').unwrap();
        assert!(!answers(&format!("{start}//carnet:wrong@{end}")));
        drop(cluster);
        assert!(!answers(&url));
        assert!(!folder.exists());
    }
}
