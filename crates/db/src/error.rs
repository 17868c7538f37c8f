/// What can go wrong between Carnet and its database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL does not name a database that Carnet knows.
    #[error(
        "`{0}` is not a database URL: expected sqlite:PATH (or a path ending in .db) or postgres://USER@HOST/NAME"
    )]
    Url(String),
    /// The database could not be opened.
    #[error("cannot open the database {url}: {source}")]
    Open {
        /// The URL, without its password.
        url: String,
        /// What the driver said.
        source: sqlx::Error,
    },
    /// The PostgreSQL database sorts text by the rules of a language.
    #[error(
        "the database's collation is `{0}`, but Carnet's orders need byte order: make it with \
         CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
    )]
    Collation(String),
    /// A migration failed, or the schema is newer than this program.
    #[error("cannot bring the database's schema up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The schema was made by a later version of this program.
    #[error(
        "the database's schema (migration {0}) is newer than this program: run the newer version of Carnet"
    )]
    Newer(i64),
    /// A statement failed.
    #[error("database: {0}")]
    Statement(#[from] sqlx::Error),
}
