//! The volumes.

use std::collections::BTreeMap;

use super::{Report, Task, below};
use crate::desired::node::Node;

pub(super) fn check(task: &Task<'_>, report: &mut Report<'_, '_>) {
    let mut names = BTreeMap::new();
    for (index, volume) in task.volumes.iter().enumerate() {
        let at = format!("volumes[{index}]");
        report.unique(volume, "name", &at, "volumes", &mut names);
        let kinds: Vec<&str> = volume
            .entries()
            .iter()
            .map(|entry| entry.key.as_str())
            .filter(|key| *key == "host" || key.ends_with("VolumeConfiguration"))
            .collect();
        if let [first, second, ..] = kinds[..] {
            let message = format!("`{at}` has both `{first}` and `{second}`");
            report.refuse(volume, message, "a volume is of one kind");
        }
        if let Some(efs) = volume.get("efsVolumeConfiguration") {
            elastic(efs, &format!("{at}.efsVolumeConfiguration"), report);
        }
        if let Some(files) = volume.get("s3filesVolumeConfiguration")
            && files.get("accessPointArn").is_some()
        {
            root_directory(files, &format!("{at}.s3filesVolumeConfiguration"), report);
        }
    }
}

/// BC: what an EFS volume must have together.
fn elastic(efs: &Node, at: &str, report: &mut Report<'_, '_>) {
    let authorization = |field| below(efs, &["authorizationConfig", field]);
    let encrypted = efs.get("transitEncryption").and_then(Node::text) == Some("ENABLED");
    let iam = authorization("iam").filter(|iam| iam.text() == Some("ENABLED"));
    let point = authorization("accessPointId");
    if let Some(node) = iam.or(point).filter(|_| !encrypted) {
        let message = format!("`{at}.authorizationConfig` needs `transitEncryption` `ENABLED`");
        report.refuse(node, message, "set transitEncryption to ENABLED");
    }
    if point.is_some() {
        root_directory(efs, at, report);
    }
}

/// An access point has a root of its own.
fn root_directory(volume: &Node, at: &str, report: &mut Report<'_, '_>) {
    if let Some(root) = volume.get("rootDirectory").filter(|root| root.text().is_some_and(|text| text != "/"))
    {
        let message = format!("`{at}.rootDirectory` cannot be with an access point");
        report.refuse(root, message, "remove rootDirectory: the access point sets it");
    }
}
