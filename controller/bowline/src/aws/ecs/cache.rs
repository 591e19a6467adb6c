//! Task definitions that were read once: their content never changes, and how old their tags are is known. On disk as one JSON
//! file each, or in memory for a command that ends soon. What services run is held by each pass anyway.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bowline_core::live::LiveTaskDefinition;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// More than any one command needs; beyond it memory is emptied.
const MOST_IN_MEMORY: usize = 20_000;

/// A task definition, and when it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cached {
    pub(super) found: LiveTaskDefinition,
    pub(super) read_at: Timestamp,
}

/// Task definitions by full ARN. Trouble with the disk costs a call to AWS, never more.
#[derive(Debug)]
pub(in crate::aws) struct TaskDefinitionCache {
    folder: Option<PathBuf>,
    memory: Mutex<BTreeMap<String, Cached>>,
}

impl TaskDefinitionCache {
    /// A cache in `folder`, or in memory without one.
    pub(in crate::aws) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, memory: Mutex::default() }
    }

    pub(super) async fn get(&self, arn: &str) -> Option<Cached> {
        let known = self.memory.lock().unwrap_or_else(PoisonError::into_inner).get(arn).cloned();
        if known.is_some() {
            return known;
        }
        let bytes = tokio::fs::read(self.file(arn)?).await.ok()?;
        let cached: Cached = serde_json::from_slice(&bytes).ok()?;
        (cached.found.arn.as_str() == arn).then_some(cached)
    }

    pub(super) async fn put(&self, cached: &Cached) {
        self.remember(cached);
        let arn = &cached.found.arn;
        let Some(file) = self.file(arn.as_str()) else { return };
        let Ok(bytes) = serde_json::to_vec(cached) else { return };
        let written = tokio::task::spawn_blocking(move || write_privately(&file, &bytes)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(task_definition = %arn, %error, "a task definition could not be cached on disk");
        }
    }

    pub(super) async fn forget(&self, arn: &str) {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).remove(arn);
        if let Some(file) = self.file(arn) {
            // It may not be there.
            tokio::fs::remove_file(file).await.ok();
        }
    }

    fn remember(&self, cached: &Cached) {
        if self.folder.is_some() {
            return;
        }
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.len() >= MOST_IN_MEMORY {
            memory.clear();
        }
        memory.insert(cached.found.arn.as_str().to_owned(), cached.clone());
    }

    /// `<folder>/<account>/<region>/<family>:<revision>.json`, for a well-formed ARN only.
    fn file(&self, arn: &str) -> Option<PathBuf> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let revision = parts.get(5)?.strip_prefix("task-definition/")?;
        let plain = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_:".contains(c))
        };
        let safe = plain(parts[3]) && plain(parts[4]) && plain(revision);
        let folder = self.folder.as_ref().filter(|_| safe)?;
        Some(folder.join(parts[4]).join(parts[3]).join(format!("{revision}.json")))
    }
}

/// Writes a file that only its owner may read (it may hold confidential environment values), as a whole or not at all.
fn write_privately(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut new, bytes)?;
    new.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use bowline_core::desired::TaskDefinitionContent;
    use bowline_core::live::TaskDefinitionStatus;
    use bowline_core::name::TaskDefinitionArn;

    use super::*;

    const WEB: &str = "arn:aws:ecs:eu-central-1:111122223333:task-definition/web:7";

    fn web() -> Cached {
        let found = LiveTaskDefinition {
            arn: TaskDefinitionArn::parse(WEB).unwrap(),
            status: TaskDefinitionStatus::Active,
            content: TaskDefinitionContent::new(serde_json::json!({ "family": "web", "somethingNew": [1] })),
        };
        Cached { found, read_at: "2026-11-21T10:00:00Z".parse().unwrap() }
    }

    #[tokio::test]
    async fn what_was_read_once_survives_a_restart_and_can_be_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = Some(folder.path().to_path_buf());
        TaskDefinitionCache::new(path.clone()).put(&web()).await;

        let restarted = TaskDefinitionCache::new(path.clone());
        assert_eq!(restarted.get(WEB).await, Some(web()));
        restarted.forget(WEB).await;
        assert_eq!(restarted.get(WEB).await, None);
        assert_eq!(TaskDefinitionCache::new(path).get(WEB).await, None);
    }

    #[tokio::test]
    async fn a_damaged_file_or_another_arn_is_a_miss() {
        let folder = tempfile::tempdir().unwrap();
        let cache = TaskDefinitionCache::new(Some(folder.path().to_path_buf()));
        let file = cache.file(WEB).unwrap();
        assert_eq!(file, folder.path().join("111122223333/eu-central-1/web:7.json"));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, b"{\"arn\":").unwrap();
        assert_eq!(cache.get(WEB).await, None);
        assert_eq!(cache.file("arn:aws:ecs:..:..:task-definition/../x:1"), None);
    }
}
