//! What Fargate needs and what it does not have. AWS checks a task definition against its `requiresCompatibilities` (BC).

use super::{Report, Task, below, is, place};
use crate::desired::node::Node;

/// MiB of a GiB.
const GIB: u64 = 1024;

/// Log drivers on Fargate (BC, LogConfiguration).
const LOG_DRIVERS: [&str; 3] = ["awslogs", "splunk", "awsfirelens"];

/// Fields of a container that Fargate does not support (BC, at each of them).
const UNSUPPORTED: &[&[&str]] = &[
    &["dockerSecurityOptions"],
    &["linuxParameters", "devices"],
    &["linuxParameters", "sharedMemorySize"],
    &["linuxParameters", "maxSwap"],
    &["linuxParameters", "swappiness"],
];

pub(super) fn check(task: &Task<'_>, report: &mut Report<'_, '_>) {
    let compatibilities = task.root.get("requiresCompatibilities").unwrap_or(task.root);
    if task.network != "awsvpc" {
        let node = task.root.get("networkMode").unwrap_or(compatibilities);
        let message = format!("`networkMode` is `{}`; Fargate has only `awsvpc`", task.network);
        report.refuse(node, message, "write \"networkMode\": \"awsvpc\"");
    }
    size(task, compatibilities, report);
    for (field, wanted) in [("pidMode", "only `task`"), ("ipcMode", "none")] {
        if let Some(node) = task.root.get(field)
            && node.text().is_some_and(|text| field != "pidMode" || text != "task")
        {
            report.refuse(node, format!("`{field}`: Fargate supports {wanted}"), "remove the field");
        }
    }
    for field in ["placementConstraints", "inferenceAccelerators"] {
        if let Some(node) = task.root.get(field).filter(|node| !node.items().is_empty()) {
            report.refuse(node, format!("`{field}` is not supported on Fargate"), "remove the field");
        }
    }
    for (number, container) in task.containers.iter().enumerate() {
        one_container(container, &place(number), report);
        execution_role(task, container, &place(number), report);
    }
    for (index, volume) in task.volumes.iter().enumerate() {
        for path in [&["host", "sourcePath"][..], &["dockerVolumeConfiguration"]] {
            if let Some(node) = below(volume, path) {
                let message = format!("`volumes[{index}].{}` is not supported on Fargate", path.join("."));
                report.refuse(node, message, "use an EFS volume, or one without settings");
            }
        }
    }
}

/// The sizes that Fargate offers (BC, memory; developer guide, "Fargate task sizes").
fn size(task: &Task<'_>, compatibilities: &Node, report: &mut Report<'_, '_>) {
    for field in ["cpu", "memory"] {
        if task.root.get(field).is_none() {
            let message = format!("`{field}` is missing: Fargate needs the size of the task");
            report.refuse(compatibilities, message, "for example \"cpu\": \"256\", \"memory\": \"512\"");
        }
    }
    let (Some(cpu), Some(memory)) = (task.cpu, task.memory) else { return };
    let Some(node) = task.root.get("memory") else { return };
    let (sizes, step) = match cpu {
        256 => (512..=2 * GIB, GIB),
        512 => (GIB..=4 * GIB, GIB),
        1024 => (2 * GIB..=8 * GIB, GIB),
        2048 => (4 * GIB..=16 * GIB, GIB),
        4096 => (8 * GIB..=30 * GIB, GIB),
        8192 => (16 * GIB..=60 * GIB, 4 * GIB),
        16384 => (32 * GIB..=120 * GIB, 8 * GIB),
        _ => {
            let node = task.root.get("cpu").unwrap_or(node);
            let hint = "256, 512, 1024, 2048, 4096, 8192 or 16384 CPU units";
            return report.refuse(node, format!("Fargate has no tasks with {cpu} CPU units"), hint);
        }
    };
    let offered = sizes.contains(&memory) && (memory == 512 || memory.is_multiple_of(step));
    if !offered {
        let message = format!("Fargate has no tasks with {cpu} CPU units and {memory} MiB");
        let least = if cpu == 256 { "512, 1024 or 2048 MiB".to_owned() } else { steps(&sizes, step) };
        report.refuse(node, message, &format!("with {cpu} CPU units: {least}"));
    }
}

fn steps(sizes: &std::ops::RangeInclusive<u64>, step: u64) -> String {
    format!("{} to {} MiB in steps of {step}", sizes.start(), sizes.end())
}

fn one_container(container: &Node, at: &str, report: &mut Report<'_, '_>) {
    let mut unsupported = |node: &Node, field: &str| {
        report.refuse(node, format!("`{at}.{field}` is not supported on Fargate"), "remove the field");
    };
    for path in UNSUPPORTED {
        if let Some(node) = below(container, path).filter(|node| !node.is_null()) {
            unsupported(node, &path.join("."));
        }
    }
    if let Some(node) = container.get("privileged").filter(|node| is(Some(node), true)) {
        unsupported(node, "privileged");
    }
    let items = |path: &[&str]| below(container, path).map(Node::items).unwrap_or_default();
    for node in items(&["linuxParameters", "capabilities", "add"]) {
        if node.text() != Some("SYS_PTRACE") {
            unsupported(node, "linuxParameters.capabilities.add");
        }
    }
    for node in items(&["resourceRequirements"]) {
        unsupported(node, "resourceRequirements");
    }
    if let Some(driver) = below(container, &["logConfiguration", "logDriver"])
        && driver.text().is_some_and(|name| !LOG_DRIVERS.contains(&name))
    {
        let message = format!("`{at}.logConfiguration.logDriver` is not one that Fargate has");
        report.refuse(driver, message, "there are `awslogs`, `splunk` and `awsfirelens`");
    }
    for field in ["startTimeout", "stopTimeout"] {
        report.range(container.get(field), &format!("{at}.{field}"), 2..=120);
    }
}

/// AWS: "Fargate requires task definition to have execution role ARN to support log driver awslogs" and "ECR images".
fn execution_role(task: &Task<'_>, container: &Node, at: &str, report: &mut Report<'_, '_>) {
    if task.root.get("executionRoleArn").is_some() {
        return;
    }
    let needs = [
        ("logConfiguration.logDriver", below(container, &["logConfiguration", "logDriver"]), "awslogs"),
        ("image", container.get("image"), ".dkr.ecr."),
    ];
    for (field, node, word) in needs {
        if let Some(node) = node.filter(|node| node.text().is_some_and(|text| text.contains(word))) {
            let message = format!("`{at}.{field}` needs `executionRoleArn` on Fargate, which is missing");
            report.refuse(node, message, "name the role with which ECS pulls images and writes logs");
        }
    }
}
