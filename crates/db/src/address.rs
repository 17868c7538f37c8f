use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::Error;

/// Which engine holds the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file of this process alone.
    Sqlite,
    /// A server that several nodes share.
    Postgres,
}

/// Where a database is. `Display` and `Debug` never show a password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    engine: Engine,
    url: String,
}

impl DatabaseUrl {
    /// The SQLite file at `path`.
    #[must_use]
    pub fn sqlite(path: &Path) -> Self {
        Self { engine: Engine::Sqlite, url: format!("sqlite://{}", escape(&path.to_string_lossy())) }
    }

    /// The engine that the URL names.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The file of a SQLite database.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        if self.engine != Engine::Sqlite {
            return None;
        }
        let path = self.url.strip_prefix("sqlite://").or_else(|| self.url.strip_prefix("sqlite:"))?;
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        Some(path.replace("%3F", "?").replace("%23", "#").replace("%25", "%").into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.url
    }
}

/// The characters that would end a path inside a URL.
fn escape(path: &str) -> String {
    path.replace('%', "%25").replace('?', "%3F").replace('#', "%23")
}

impl FromStr for DatabaseUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let memory = text.contains(":memory:") || text.contains("mode=memory");
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Ok(Self { engine: Engine::Postgres, url: text.to_owned() })
        } else if text.starts_with("sqlite:") && !memory {
            Ok(Self { engine: Engine::Sqlite, url: text.to_owned() })
        } else if !memory && !text.contains(':') && Path::new(text).extension().is_some_and(|e| e == "db") {
            Ok(Self::sqlite(Path::new(text)))
        } else {
            Err(Error::Url(redact(text)))
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.url))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// Replaces the password of `scheme://user:password@host`, and whatever a query may carry.
fn redact(url: &str) -> String {
    let url = url.split_once('?').map_or(url, |(before, _)| before);
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            let name = user.split_once(':').map_or(user, |(name, _)| name);
            format!("{scheme}://{name}@{host}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_never_shown() {
        let url: DatabaseUrl = "postgres://carnet:s3cr3t@db.example/iap?sslpassword=x".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://carnet@db.example/iap");
        assert!(!format!("{url:?}").contains("s3cr3t"));
    }

    #[test]
    fn the_file_of_a_sqlite_url_is_known() {
        for path in ["/data/iap.db", "data/50%.db", "a?b#c.db"] {
            assert_eq!(DatabaseUrl::sqlite(Path::new(path)).file().as_deref(), Some(Path::new(path)));
        }
        let given: DatabaseUrl = "sqlite:iap.db?mode=rwc".parse().unwrap();
        assert_eq!(given.file().as_deref(), Some(Path::new("iap.db")));
        assert_eq!("postgres://x/y".parse::<DatabaseUrl>().unwrap().file(), None);
    }

    #[test]
    fn only_the_two_engines_are_known() {
        assert_eq!("iap.db".parse::<DatabaseUrl>().unwrap().engine(), Engine::Sqlite);
        for wrong in ["mysql://x", "iap", "", "sqlite::memory:", "http://x/y.db"] {
            assert!(matches!(wrong.parse::<DatabaseUrl>(), Err(Error::Url(_))), "{wrong}");
        }
    }
}
