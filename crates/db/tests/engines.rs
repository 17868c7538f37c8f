//! What both engines must do alike. With `CARNET_TEST_DATABASE_URL` it runs on PostgreSQL, else on SQLite.

#![expect(clippy::unwrap_used, reason = "a test whose database fails must fail")]

use carnet_ambient::Clock;
use carnet_db::sqlx::{self, Row as _};
use carnet_db::testing::TestDatabase;
use carnet_db::{Database, Engine};

async fn table(database: &Database) {
    sqlx::query("CREATE TABLE counter (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)")
        .execute(database.writer().pool())
        .await
        .unwrap();
    sqlx::query("INSERT INTO counter (id, n) VALUES (1, 0)").execute(database.writer().pool()).await.unwrap();
}

#[tokio::test]
async fn concurrent_read_then_write_transactions_lose_nothing() {
    let test = TestDatabase::create().await;
    let database = test.connect().await;
    table(&database).await;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let database = database.clone();
            tokio::spawn(async move {
                let mut tx = database.writer().begin().await.unwrap();
                sqlx::query("UPDATE counter SET n = n + 1 WHERE id = 1 RETURNING n")
                    .fetch_one(&mut *tx)
                    .await
                    .unwrap();
                tx.commit().await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let n: i64 =
        sqlx::query_scalar("SELECT n FROM counter").fetch_one(database.reader().pool()).await.unwrap();
    assert_eq!(n, 20);
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let test = TestDatabase::create().await;
    let database = test.connect().await;
    table(&database).await;
    let refused = sqlx::query("UPDATE counter SET n = 7").execute(database.reader().pool()).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn a_unique_violation_is_told_from_other_errors_and_nulls_pass() {
    let test = TestDatabase::create().await;
    let database = test.connect().await;
    table(&database).await;
    let pool = database.writer().pool();
    let twice = sqlx::query("INSERT INTO counter (id, n) VALUES (1, 1)").execute(pool).await.unwrap_err();
    assert!(matches!(&twice, sqlx::Error::Database(error) if error.is_unique_violation()), "{twice}");
    let quiet = sqlx::query("INSERT INTO counter (id, n) VALUES (1, 1) ON CONFLICT (id) DO NOTHING")
        .execute(pool)
        .await
        .unwrap();
    assert_eq!(quiet.rows_affected(), 0);
    sqlx::query("CREATE TABLE optional (id BIGINT PRIMARY KEY, word TEXT, number BIGINT)")
        .execute(pool)
        .await
        .unwrap();
    sqlx::query("INSERT INTO optional (id, word, number) VALUES (1, $1, $2)")
        .bind(None::<String>)
        .bind(Some(5_i64))
        .execute(pool)
        .await
        .unwrap();
    let row = sqlx::query("SELECT word, number FROM optional").fetch_one(pool).await.unwrap();
    assert_eq!(row.get::<Option<String>, _>("word"), None);
    assert_eq!(row.get::<Option<i64>, _>("number"), Some(5));
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing() {
    let test = TestDatabase::create().await;
    let database = test.connect().await;
    table(&database).await;
    let mut tx = database.writer().begin().await.unwrap();
    sqlx::query("UPDATE counter SET n = 99").execute(&mut *tx).await.unwrap();
    drop(tx);
    let mut tx = database.writer().begin().await.unwrap();
    let n: i64 = sqlx::query_scalar("SELECT n FROM counter").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(n, 0);
}

#[tokio::test]
async fn the_database_tells_the_time() {
    let test = TestDatabase::create().await;
    let database = test.connect().await;
    let clock = Clock::system();
    assert!((database.time(&clock).await.unwrap() - clock.now_millis()).abs() < 60_000);
    // A test that moves its clock moves the database's with it.
    assert_eq!(database.time(&Clock::manual(5_000)).await.unwrap(), 5_000);
}

#[tokio::test]
async fn an_unreachable_database_says_where_without_the_password() {
    let url = "postgres://carnet:s3cr3t@127.0.0.1:1/iap".parse().unwrap();
    let error = Database::connect(&url).await.unwrap_err().to_string();
    assert!(error.contains("127.0.0.1:1/iap") && !error.contains("s3cr3t"), "{error}");
}

#[tokio::test]
async fn the_engine_is_the_one_that_the_url_names() {
    let test = TestDatabase::create().await;
    let database = test.connect().await;
    assert_eq!(database.engine(), test.url().engine());
    assert!(matches!(database.engine(), Engine::Sqlite | Engine::Postgres));
}
