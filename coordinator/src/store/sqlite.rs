//! The store in one `SQLite` file: the default. One connection, which is the only writer and holds the file's lock as long as it
//! lives, so that a second coordinator on the same file is refused instead of making a second fleet of it.
//!
//! Not here: the statements (`sqlite/rows_in.rs`, `sqlite/bulk.rs`, `sqlite/rows_out.rs`) and the tables (`migrations/`).

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous};
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::Mutex;

use self::rollouts::Rollouts;
use super::{Snapshot, Store, StoreError, Violation, Write};

mod bulk;
mod rollouts;
mod rows_in;
mod rows_out;

#[cfg(test)]
mod tests;

/// How long a lock of another process is waited for: a coordinator that is being replaced needs a moment to let go.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Owner alone: the authority's key is in it.
const MODE: u32 = 0o600;

/// `SQLite`'s code for a lock that another process holds (`SQLITE_BUSY`); extended codes have it in their low byte.
const BUSY: u32 = 5;

/// The store in one `SQLite` file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    link: Mutex<Link>,
}

/// The way to the file.
#[derive(Debug)]
struct Link {
    /// The one connection. None: it was lost with an error, and is made anew when it is next needed.
    connection: Option<SqliteConnection>,
    /// What the file has of the rollouts.
    rollouts: Rollouts,
}

impl SqliteStore {
    /// Opens the file, makes it (mode 0600) if there is none, and brings its tables up to date.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        restrict(path).map_err(|error| StoreError::Unavailable(error.into()))?;
        let mut connection = connect(path).await?;
        sqlx::migrate!("./migrations").run(&mut connection).await.map_err(|error| match error {
            sqlx::migrate::MigrateError::Execute(error) => failed(path, error),
            error => StoreError::Unreadable { what: "the tables' version".to_owned(), source: error.into() },
        })?;
        let link = Link { connection: Some(connection), rollouts: Rollouts::default() };
        Ok(Self { path: path.to_owned(), link: Mutex::new(link) })
    }

    /// Lets go of the file.
    pub async fn close(self) {
        if let Some(connection) = self.link.into_inner().connection {
            // Everything is durable already; an error here loses nothing.
            let _ = connection.close().await;
        }
    }

    async fn apply_on(&self, link: &mut Link, writes: &[Write]) -> Result<(), StoreError> {
        let Link { connection: place, rollouts } = link;
        // What an apply left behind that was dropped half-way: nothing of it was made durable.
        rollouts.drop_pending();
        let mut connection = match place.take() {
            Some(connection) => connection,
            None => connect(&self.path).await?,
        };
        let failed = |error| failed(&self.path, error);
        // Takes the write lock at once: a batch never fails half-way for a lock.
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        if let Err(error) = rows_in::write_all(&mut transaction, writes, rollouts).await {
            transaction.rollback().await.map_err(failed)?;
            *place = Some(connection);
            return Err(failed(error));
        }
        // On any error the connection is dropped, and with it what it had not made durable.
        transaction.commit().await.map_err(failed)?;
        rollouts.keep();
        *place = Some(connection);
        Ok(())
    }

    async fn load_on(&self, link: &mut Link) -> Result<Snapshot, StoreError> {
        let mut connection = match link.connection.take() {
            Some(connection) => connection,
            None => connect(&self.path).await?,
        };
        let loaded = match rows_out::load(&mut connection).await {
            Ok(snapshot) => {
                link.rollouts.are(&snapshot.rollouts);
                Ok(snapshot)
            }
            Err(rows_out::LoadError::Row { what, source }) => Err(StoreError::Unreadable { what, source }),
            Err(rows_out::LoadError::Database(error)) => return Err(failed(&self.path, error)),
        };
        link.connection = Some(connection);
        loaded
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn load(&self) -> Result<Snapshot, StoreError> {
        self.load_on(&mut *self.link.lock().await).await
    }

    async fn apply(&self, writes: &[Write]) -> Result<(), StoreError> {
        self.apply_on(&mut *self.link.lock().await, writes).await
    }
}

/// Makes the file with the right mode before `SQLite` does with a wider one. `SQLite` gives its side files the mode of this one.
fn restrict(path: &Path) -> std::io::Result<()> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(MODE).open(path)?;
    file.set_permissions(Permissions::from_mode(MODE))
}

async fn connect(path: &Path) -> Result<SqliteConnection, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .busy_timeout(BUSY_TIMEOUT)
        .locking_mode(SqliteLockingMode::Exclusive)
        .journal_mode(SqliteJournalMode::Wal)
        // A batch is on the disk before it is acknowledged, not merely handed to the kernel.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true);
    SqliteConnection::connect_with(&options).await.map_err(|error| failed(path, error))
}

fn failed(path: &Path, error: sqlx::Error) -> StoreError {
    let Some(database) = error.as_database_error() else { return StoreError::Unavailable(error.into()) };
    let code = database.code().and_then(|code| code.parse::<u32>().ok());
    if code.is_some_and(|code| code & 0xff == BUSY) {
        return StoreError::InUse(path.to_owned());
    }
    match database.kind() {
        sqlx::error::ErrorKind::Other => StoreError::Unavailable(error.into()),
        _ => StoreError::Violated(Violation::Reference(database.message().to_owned())),
    }
}
