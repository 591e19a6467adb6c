//! Rollbacks under way and those of before. Each is one row, written before and after each step outside.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bowline_core::plan::Event;
use bowline_core::rollback::machine::Rollback;
use sqlx::{Row, SqlitePool};

use super::{StoreError, history};

/// Reads and writes rollbacks while the rest of the store is owned by the engine.
#[derive(Debug, Clone)]
pub struct Rollbacks {
    pool: SqlitePool,
    path: PathBuf,
}

impl Rollbacks {
    pub(super) fn new(pool: SqlitePool, path: PathBuf) -> Self {
        Self { pool, path }
    }

    /// All of them, by id.
    pub async fn load(&self) -> Result<BTreeMap<String, Rollback>, StoreError> {
        let rows = sqlx::query("SELECT id, value FROM rollbacks").fetch_all(&self.pool);
        let rows = rows.await.map_err(|source| self.failed("reading rollbacks", source))?;
        let mut found = BTreeMap::new();
        for row in rows {
            let (id, text): (String, String) = (row.get(0), row.get(1));
            let rollback = serde_json::from_str(&text).map_err(|source| self.unreadable(&id, source))?;
            found.insert(id, rollback);
        }
        Ok(found)
    }

    /// Writes one, and what is to be told of it, in one transaction. When it returns, both survive a SIGKILL.
    pub async fn save(&self, rollback: &Rollback, events: &[Event], commit: &str) -> Result<(), StoreError> {
        let text = serde_json::to_string(rollback).map_err(|source| self.unreadable(&rollback.id, source))?;
        let write = async {
            let mut transaction = self.pool.begin().await?;
            sqlx::query(
                "INSERT INTO rollbacks VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET value = excluded.value",
            )
            .bind(&rollback.id)
            .bind(text)
            .execute(&mut *transaction)
            .await?;
            for event in events {
                history::insert(&mut transaction, event, commit).await?;
            }
            transaction.commit().await
        };
        write.await.map_err(|source| self.failed("writing a rollback", source))
    }

    /// Forgets one in whose place another is.
    pub async fn forget(&self, id: &str) -> Result<(), StoreError> {
        let gone = sqlx::query("DELETE FROM rollbacks WHERE id = ?").bind(id).execute(&self.pool).await;
        gone.map(|_| ()).map_err(|source| self.failed("removing a rollback", source))
    }

    /// Writes an event, unless the history has the same already. True if it is new.
    pub async fn tell_once(&self, event: &Event, commit: &str) -> Result<bool, StoreError> {
        let write = async {
            let mut transaction = self.pool.begin().await?;
            let told: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT 1 FROM events WHERE resource_name = ? AND message = ?)",
            )
            .bind(event.resource.name.as_str())
            .bind(&event.message)
            .fetch_one(&mut *transaction)
            .await?;
            if !told {
                history::insert(&mut transaction, event, commit).await?;
            }
            transaction.commit().await?;
            Ok(!told)
        };
        write.await.map_err(|source| self.failed("writing history", source))
    }

    /// From now on, whatever looks like this (as `LIKE` has it) cannot be written.
    #[cfg(test)]
    pub(crate) async fn refuse(&self, like: &str) {
        let trigger = format!(
            "CREATE TRIGGER refusal BEFORE INSERT ON rollbacks WHEN NEW.value LIKE '{like}' BEGIN SELECT RAISE(FAIL, 'disk full'); END"
        );
        sqlx::query(sqlx::AssertSqlSafe(trigger)).execute(&self.pool).await.expect("a trigger can be made");
    }

    /// Everything can be written again.
    #[cfg(test)]
    pub(crate) async fn refuse_nothing(&self) {
        sqlx::query("DROP TRIGGER refusal").execute(&self.pool).await.expect("it was made");
    }

    fn unreadable(&self, id: &str, source: serde_json::Error) -> StoreError {
        StoreError::Row { path: self.path.clone(), of: format!("of the rollback {id}"), source }
    }

    fn failed(&self, operation: &'static str, source: sqlx::Error) -> StoreError {
        StoreError::Query { path: self.path.clone(), operation, source }
    }
}
