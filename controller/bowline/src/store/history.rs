//! Events, as they were written.

use std::path::PathBuf;

use bowline_core::plan::Event;
use serde::{Deserialize, Serialize};
use sqlx::{Row, Sqlite, SqlitePool, Transaction};

use super::StoreError;

/// Reads events. Cheap to clone; it stays usable while the store is owned by the engine.
#[derive(Debug, Clone)]
pub struct History {
    pool: SqlitePool,
    path: PathBuf,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// Counts up; later is larger.
    pub id: i64,
    /// When, as RFC 3339.
    pub at: String,
    /// To what, as `EcsService/web`.
    pub resource: String,
    /// What, in one word (`rollout-started`).
    pub kind: String,
    /// What, as a sentence.
    pub message: String,
    /// The commit that was in force.
    pub commit: String,
}

impl History {
    pub(super) fn new(pool: SqlitePool, path: PathBuf) -> Self {
        Self { pool, path }
    }

    /// The newest events, newest first, at most `limit`; of one resource if `name` is given.
    pub async fn newest(&self, name: Option<&str>, limit: u32) -> Result<Vec<HistoryEntry>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, at, resource_kind, resource_name, kind, message, commit_id FROM events
             WHERE ?1 IS NULL OR resource_name = ?1 ORDER BY id DESC LIMIT ?2",
        )
        .bind(name)
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(|source| StoreError::Query {
            path: self.path.clone(),
            operation: "reading history",
            source,
        })?;
        let entry = |row: &sqlx::sqlite::SqliteRow| HistoryEntry {
            id: row.get(0),
            at: row.get(1),
            resource: format!("{}/{}", row.get::<String, _>(2), row.get::<String, _>(3)),
            kind: row.get(4),
            message: row.get(5),
            commit: row.get(6),
        };
        Ok(rows.iter().map(entry).collect())
    }
}

pub(super) async fn insert(
    transaction: &mut Transaction<'_, Sqlite>,
    event: &Event,
    commit: &str,
) -> Result<(), sqlx::Error> {
    let word = serde_json::to_value(event.kind).ok().and_then(|value| value.as_str().map(str::to_owned));
    sqlx::query(
        "INSERT INTO events (at, resource_kind, resource_name, kind, message, commit_id) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(event.at.to_string())
    .bind(format!("{:?}", event.resource.kind))
    .bind(event.resource.name.as_str())
    .bind(word.unwrap_or_default())
    .bind(&event.message)
    .bind(commit)
    .execute(&mut **transaction)
    .await
    .map(|_| ())
}
