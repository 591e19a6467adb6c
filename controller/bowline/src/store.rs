//! What has to outlive the process? Memory, events and the last applied commit in; the same out, after a SIGKILL too.
//!
//! One SQLite file in WAL mode, and one owner: an operating-system lock on `<store>.lock` is held while it is open, so
//! that one instance at a time acts. Losing the file costs history, never safety, so every error's way out is to move it
//! away. May not know git, AWS or HTTP.

mod history;
mod rollbacks;
mod rows;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bowline_core::plan::{Event, Memory};
use bowline_core::rollback::machine::Rollback;
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Row, SqlitePool};

use rows::Changes;

pub use history::{History, HistoryEntry};
pub use rollbacks::Rollbacks;

/// The schema, one text a version; `user_version` counts how many were applied.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE memory (section TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (section, key)) STRICT;
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, resource_kind TEXT NOT NULL, resource_name TEXT NOT NULL,
        kind TEXT NOT NULL, message TEXT NOT NULL, commit_id TEXT NOT NULL) STRICT;
    CREATE INDEX events_by_resource ON events (resource_name, id);
    CREATE TABLE applied (id INTEGER PRIMARY KEY AUTOINCREMENT, commit_id TEXT NOT NULL, at TEXT NOT NULL) STRICT;
", "
    CREATE TABLE rollbacks (id TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"];

/// How many events are kept. At one event a minute this is more than a month.
const KEPT_EVENTS: i64 = 50_000;

/// How many applied commits are kept.
const KEPT_COMMITS: i64 = 1_000;

/// How much each connection keeps of the file in memory: 256 KiB (a negative number is in KiB) instead of 2 MB. What is
/// remembered is read once, at the start.
const CACHE: &str = "-256";

/// How long a write waits for another process that has the file open (a backup, `sqlite3`).
const BUSY: Duration = Duration::from_secs(5);

/// The store. Whoever has it is the one instance that acts.
#[derive(Debug)]
pub struct Store {
    pool: SqlitePool,
    /// What stands in the `memory` table, so that a save writes only what changed. It shares its larger parts with what is
    /// remembered.
    written: Memory,
    lock: Option<File>,
    path: PathBuf,
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another instance has it.
    #[error(
        "{path}: another Bowline{holder} is using this store, and one instance at a time acts; stop it, or give this one another `store`"
    )]
    Locked {
        /// The store.
        path: PathBuf,
        /// " (process 42)", where known.
        holder: String,
    },
    /// The lock file, or the folder, cannot be written.
    #[error("{path}: cannot be created or written; check that the folder exists and belongs to this user")]
    Create {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not a database of ours, or it is damaged.
    #[error(
        "{path}: cannot be opened as a Bowline store; move it away and start again: history is lost, safety is not"
    )]
    Open {
        /// The store.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
    /// A newer version of Bowline wrote it.
    #[error(
        "{path}: was written by a newer Bowline (schema {found}, this one knows {known}); upgrade, or move it away"
    )]
    Newer {
        /// The store.
        path: PathBuf,
        /// The schema found.
        found: i64,
        /// The newest schema known.
        known: usize,
    },
    /// What is remembered cannot be understood.
    #[error(
        "{path}: what is stored {of} cannot be read; move the store away and start again: history is lost, safety is not"
    )]
    Row {
        /// The store.
        path: PathBuf,
        /// "of EcsService web", or "as memory".
        of: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A read or write failed.
    #[error("{path}: {operation} failed; check the disk")]
    Query {
        /// The store.
        path: PathBuf,
        /// What was attempted.
        operation: &'static str,
        /// Why.
        source: sqlx::Error,
    },
}

impl Store {
    /// Opens or creates the store at `path` and takes its lock, which is held until the store is dropped.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = lock(path)?;
        create(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .pragma("cache_size", CACHE)
            .busy_timeout(BUSY);
        Self::connect(SqlitePoolOptions::new().max_connections(4), options, path, Some(lock)).await
    }

    /// A store that ends with the process; for one-shot verbs without configuration, and for tests.
    pub async fn in_memory() -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new().in_memory(true);
        // The database lives as long as its one connection: that one must never be recycled.
        let pool = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        Self::connect(pool, options, Path::new(":memory:"), None).await
    }

    /// What a store that may belong to a running instance remembers: memory and the last applied commit, read without the
    /// lock, changing nothing.
    pub async fn peek(path: &Path) -> Result<(Memory, Option<String>), StoreError> {
        let mut store = Self::open_to_peek(path).await?;
        let memory = store.load().await;
        let applied = store.last_applied().await;
        store.close().await;
        Ok((memory?, applied?))
    }

    /// The commits that a store, which may belong to a running instance, knows to have been acted from, newest first; read as
    /// by [`Store::peek`].
    pub async fn peek_applied(path: &Path) -> Result<Vec<String>, StoreError> {
        let store = Self::open_to_peek(path).await?;
        let applied = sqlx::query_scalar("SELECT commit_id FROM applied ORDER BY id DESC")
            .fetch_all(&store.pool)
            .await
            .map_err(store.failed("reading the applied commits"));
        store.close().await;
        applied
    }

    /// The rollbacks that a store knows, which may belong to a running instance, by their ids; read as by [`Store::peek`].
    pub async fn peek_rollbacks(path: &Path) -> Result<BTreeMap<String, Rollback>, StoreError> {
        let store = Self::open_to_peek(path).await?;
        let rollbacks = store.rollbacks().load().await;
        store.close().await;
        rollbacks
    }

    /// What may be in use is opened without its lock, and only to read.
    async fn open_to_peek(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY);
        let opened = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
        let pool = opened.map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
        Ok(Self { pool, written: Memory::default(), lock: None, path: path.to_owned() })
    }

    async fn connect(
        pool: SqlitePoolOptions,
        options: SqliteConnectOptions,
        path: &Path,
        lock: Option<File>,
    ) -> Result<Self, StoreError> {
        let open = |source| StoreError::Open { path: path.to_owned(), source };
        let pool = pool.connect_with(options).await.map_err(open)?;
        let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&pool).await.map_err(open)?;
        let applied = usize::try_from(found).unwrap_or(usize::MAX);
        if applied > MIGRATIONS.len() {
            return Err(StoreError::Newer { path: path.to_owned(), found, known: MIGRATIONS.len() });
        }
        for (index, migration) in MIGRATIONS.iter().enumerate().skip(applied) {
            let text = format!("BEGIN; {migration}; PRAGMA user_version = {}; COMMIT;", index + 1);
            sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&pool).await.map_err(open)?;
        }
        Ok(Self { pool, written: Memory::default(), lock, path: path.to_owned() })
    }

    /// Everything that is remembered.
    pub async fn load(&mut self) -> Result<Memory, StoreError> {
        let rows = sqlx::query("SELECT section, key, value FROM memory")
            .fetch_all(&self.pool)
            .await
            .map_err(self.failed("reading memory"))?;
        let mut memory = Memory::default();
        for row in rows {
            let (section, key, text): (String, String, String) = (row.get(0), row.get(1), row.get(2));
            rows::remember(&mut memory, &section, &key, &text)
                .map_err(|source| self.unreadable(format!("of {key} ({section})"), source))?;
        }
        self.written = memory.clone();
        Ok(memory)
    }

    /// What is remembered on disk: as of the last save that succeeded.
    pub fn written(&self) -> &Memory {
        &self.written
    }

    /// Writes what changed in `memory` since the last save, and `events`, in one transaction. When it returns, both
    /// survive a SIGKILL.
    pub async fn save(&mut self, memory: &Memory, events: &[Event], commit: &str) -> Result<(), StoreError> {
        let changes = self.changes(memory)?;
        if self.write(&changes, events, commit).await? || changes.unshared {
            self.written.clone_from(memory);
        }
        Ok(())
    }

    /// As [`Store::save`], but `part` holds only some resources, and what it does not hold stays as it is: a wave of many
    /// actions does not write everything twice for each.
    pub async fn save_part(
        &mut self,
        part: &Memory,
        events: &[Event],
        commit: &str,
    ) -> Result<(), StoreError> {
        let unreadable = |source| self.unreadable("as memory".to_owned(), source);
        let changes = Changes::of_part(&self.written, part).map_err(unreadable)?;
        if self.write(&changes, events, commit).await? {
            rows::take_over(&mut self.written, part);
        }
        Ok(())
    }

    fn changes(&self, memory: &Memory) -> Result<Changes, StoreError> {
        Changes::between(&self.written, memory)
            .map_err(|source| self.unreadable("as memory".to_owned(), source))
    }

    /// Whether there was anything to write.
    async fn write(&self, changes: &Changes, events: &[Event], commit: &str) -> Result<bool, StoreError> {
        if changes.changed.is_empty() && changes.gone.is_empty() && events.is_empty() {
            return Ok(false);
        }
        let transaction = self.transact(changes, events, commit);
        transaction.await.map_err(self.failed("writing memory and history"))?;
        Ok(true)
    }

    async fn transact(&self, changes: &Changes, events: &[Event], commit: &str) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        for ((section, key), text) in &changes.changed {
            sqlx::query(
                "INSERT INTO memory VALUES (?, ?, ?) ON CONFLICT (section, key) DO UPDATE SET value = excluded.value",
            )
            .bind(section)
            .bind(key)
            .bind(text)
            .execute(&mut *transaction)
            .await?;
        }
        for (section, key) in &changes.gone {
            sqlx::query("DELETE FROM memory WHERE section = ? AND key = ?")
                .bind(section)
                .bind(key)
                .execute(&mut *transaction)
                .await?;
        }
        for event in events {
            history::insert(&mut transaction, event, commit).await?;
        }
        if !events.is_empty() {
            sqlx::query("DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?")
                .bind(KEPT_EVENTS)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }

    /// The commit that was last acted from.
    pub async fn last_applied(&self) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar("SELECT commit_id FROM applied ORDER BY id DESC LIMIT 1")
            .fetch_optional(&self.pool)
            .await
            .map_err(self.failed("reading the last applied commit"))
    }

    /// Notes that `commit` is acted from as of `now`.
    pub async fn note_applied(&mut self, commit: &str, now: Timestamp) -> Result<(), StoreError> {
        let failed = self.failed("writing the last applied commit");
        let insert = sqlx::query("INSERT INTO applied (commit_id, at) VALUES (?, ?)")
            .bind(commit)
            .bind(now.to_string())
            .execute(&self.pool);
        if let Err(error) = insert.await {
            return Err(failed(error));
        }
        let prune = sqlx::query("DELETE FROM applied WHERE id <= (SELECT max(id) FROM applied) - ?")
            .bind(KEPT_COMMITS)
            .execute(&self.pool);
        prune.await.map(|_| ()).map_err(failed)
    }

    /// A handle that reads events while the store is owned by somebody else.
    pub fn history(&self) -> History {
        History::new(self.pool.clone(), self.path.clone())
    }

    /// A handle for the rollbacks, which have an owner of their own.
    pub fn rollbacks(&self) -> Rollbacks {
        Rollbacks::new(self.pool.clone(), self.path.clone())
    }

    /// Ends all connections, so that the write-ahead log is folded into the file, and gives the lock back.
    pub async fn close(self) {
        self.pool.close().await;
        drop(self.lock);
    }

    fn unreadable(&self, of: String, source: serde_json::Error) -> StoreError {
        StoreError::Row { path: self.path.clone(), of, source }
    }

    fn failed(&self, operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError + use<> {
        let path = self.path.clone();
        move |source| StoreError::Query { path: path.clone(), operation, source }
    }
}

/// Creates the file, if it is not there, for this user only: remembered task definitions may hold confidential values.
fn create(path: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ()).map_err(|source| StoreError::Create { path: path.to_owned(), source })
}

/// Takes `<store>.lock`. The operating system releases it when the process ends, however it ends.
fn lock(store: &Path) -> Result<File, StoreError> {
    let path = PathBuf::from(format!("{}.lock", store.display()));
    let create = |source| StoreError::Create { path: path.clone(), source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(create)?;
    }
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(create)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let known = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
            let holder = if known { format!(" (process {})", holder.trim()) } else { String::new() };
            return Err(StoreError::Locked { path: store.to_owned(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(create(source)),
    }
    // Only for the message of the instance that finds it locked.
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(create)?;
    Ok(file)
}

#[cfg(test)]
mod tests;
