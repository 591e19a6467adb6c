use std::sync::Arc;

use bowline_core::desired::{ResourceKey, ResourceKind};
use bowline_core::plan::{Deviation, EventKind};

use bowline_core::name::ResourceName;
use bowline_core::plan::ServiceMemory;

use super::*;

const COMMIT: &str = "4f3c2b1a4f3c2b1a4f3c2b1a4f3c2b1a4f3c2b1a";

fn name(text: &str) -> ResourceName {
    ResourceName::parse(text).unwrap()
}

fn memory(services: &[(&str, &str)]) -> Memory {
    let service = |found: &str| ServiceMemory {
        deviation: Some(Deviation { found: found.to_owned(), since: Timestamp::UNIX_EPOCH }),
        ..ServiceMemory::default()
    };
    Memory {
        services: services.iter().map(|(key, found)| (name(key), Arc::new(service(found)))).collect(),
        ..Memory::default()
    }
}

fn event(service: &str, kind: EventKind, message: &str) -> Event {
    Event {
        at: Timestamp::UNIX_EPOCH,
        resource: ResourceKey { kind: ResourceKind::EcsService, name: name(service) },
        kind,
        message: message.to_owned(),
    }
}

#[tokio::test]
async fn what_is_saved_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/bowline.db");
    let mut store = Store::open(&path).await.unwrap();
    assert_eq!(store.load().await.unwrap(), Memory::default());
    let events = [event("web", EventKind::DriftFound, "a"), event("api", EventKind::RolloutStarted, "b")];
    store.save(&memory(&[("web", "x"), ("api", "y")]), &events, COMMIT).await.unwrap();
    store.save(&memory(&[("web", "z")]), &[], COMMIT).await.unwrap();
    store.note_applied(COMMIT, Timestamp::UNIX_EPOCH).await.unwrap();
    store.close().await;

    let mut store = Store::open(&path).await.unwrap();
    assert_eq!(store.load().await.unwrap(), memory(&[("web", "z")]));
    assert_eq!(store.last_applied().await.unwrap().as_deref(), Some(COMMIT));
    let entry = |id, service: &str, kind: &str, message: &str| HistoryEntry {
        id,
        at: "1970-01-01T00:00:00Z".to_owned(),
        resource: format!("EcsService/{service}"),
        kind: kind.to_owned(),
        message: message.to_owned(),
        commit: COMMIT.to_owned(),
    };
    let (first, second) = (entry(1, "web", "drift-found", "a"), entry(2, "api", "rollout-started", "b"));
    let history = store.history();
    assert_eq!(history.newest(None, 10).await.unwrap(), vec![second.clone(), first.clone()]);
    assert_eq!(history.newest(None, 1).await.unwrap(), vec![second]);
    assert_eq!(history.newest(Some("web"), 10).await.unwrap(), vec![first]);
    assert_eq!(history.newest(Some("nobody"), 10).await.unwrap(), vec![]);
}

#[tokio::test]
async fn memory_survives_without_an_orderly_close() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bowline.db");
    let mut store = Store::open(&path).await.unwrap();
    store.save(&memory(&[("web", "x")]), &[], COMMIT).await.unwrap();
    // What a SIGKILL leaves: the file and its write-ahead log, copied while the store is open.
    let killed = folder.path().join("killed.db");
    std::fs::copy(&path, &killed).unwrap();
    std::fs::copy(folder.path().join("bowline.db-wal"), folder.path().join("killed.db-wal")).unwrap();
    assert_eq!(Store::open(&killed).await.unwrap().load().await.unwrap(), memory(&[("web", "x")]));
}

#[tokio::test]
async fn one_instance_at_a_time_has_it_and_others_may_peek() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bowline.db");
    let mut first = Store::open(&path).await.unwrap();
    first.save(&memory(&[("web", "x")]), &[], COMMIT).await.unwrap();
    let message = Store::open(&path).await.unwrap_err().to_string();
    assert_eq!(
        message,
        format!(
            "{}: another Bowline (process {}) is using this store, and one instance at a time acts; stop it, or give \
             this one another `store`",
            path.display(),
            std::process::id()
        )
    );
    assert_eq!(Store::peek(&path).await.unwrap(), (memory(&[("web", "x")]), None));
    first.close().await;
    Store::open(&path).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bowline.db");
    std::fs::write(&path, "this is not a database, it only stands where one should be\n".repeat(100))
        .unwrap();
    let message = Store::open(&path).await.unwrap_err().to_string();
    assert_eq!(
        message,
        format!(
            "{}: cannot be opened as a Bowline store; move it away and start again: history is lost, safety is not",
            path.display()
        )
    );
}

#[tokio::test]
async fn a_row_that_cannot_be_read_names_its_service() {
    let mut store = Store::in_memory().await.unwrap();
    sqlx::query("INSERT INTO memory VALUES ('services', 'web', '{')").execute(&store.pool).await.unwrap();
    let message = store.load().await.unwrap_err().to_string();
    assert_eq!(
        message,
        ":memory:: what is stored of web (services) cannot be read; move the store away and start again: history is lost, safety \
         is not"
    );
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bowline.db");
    let store = Store::open(&path).await.unwrap();
    sqlx::query("PRAGMA user_version = 99").execute(&store.pool).await.unwrap();
    store.close().await;
    let StoreError::Newer { found, known, .. } = Store::open(&path).await.unwrap_err() else {
        panic!("it was opened")
    };
    assert_eq!((found, known), (99, MIGRATIONS.len()));
}
