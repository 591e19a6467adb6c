//! Where did a task that failed write? By what its task definition says of CloudWatch Logs.

use std::collections::BTreeMap;

use serde_json::Value;

use super::has_failed;
use crate::desired::TaskDefinitionContent;
use crate::live::{Observed, StoppedTask};
use crate::plan::{Evidence, LogStream};

/// How many streams are named: each container that failed, in its newest task.
const MOST: usize = 5;

/// Names the streams of the containers that failed, of each container that of its newest task.
pub(crate) fn add_logs(
    evidence: &mut Evidence,
    stopped: &Observed<Vec<StoppedTask>>,
    content: Option<&TaskDefinitionContent>,
) {
    let (Some(tasks), Some(content)) = (stopped.known(), content) else { return };
    let definition = content.value();
    let mut newest: BTreeMap<&str, &StoppedTask> = BTreeMap::new();
    for task in tasks.iter().filter(|task| has_failed(task) && task.id.is_some()) {
        let failed = task.containers.iter().filter(|one| one.exit_code.is_some_and(|code| code != 0));
        for container in failed {
            let known = newest.entry(&container.name).or_insert(task);
            if task.stopped_at > known.stopped_at {
                *known = task;
            }
        }
    }
    let streams = newest.iter().filter_map(|(container, task)| stream(&definition, container, task));
    evidence.logs = streams.take(MOST).collect();
}

/// The stream of a container of a task. Without a prefix Docker names it by an id that nobody tells.
fn stream(definition: &Value, container: &str, task: &StoppedTask) -> Option<LogStream> {
    let containers = definition["containerDefinitions"].as_array()?;
    let found = containers.iter().find(|one| one["name"] == container)?;
    let log = &found["logConfiguration"];
    let option = |name: &str| log["options"][name].as_str().filter(|value| !value.is_empty());
    if log["logDriver"] != "awslogs" {
        return None;
    }
    Some(LogStream {
        group: option("awslogs-group")?.to_owned(),
        stream: format!("{}/{container}/{}", option("awslogs-stream-prefix")?, task.id.as_ref()?),
        region: option("awslogs-region").map(str::to_owned),
    })
}
