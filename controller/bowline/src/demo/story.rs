//! The story that `demo --exit` plays: what people do to a service, and what becomes of it.
//!
//! A step counts only when an SDK client of our own, git, GitHub's API, or the record of the calls shows it. How rollbacks go
//! is in `rollbacks`.

mod rollbacks;

use bowline_core::desired::kind::{Mode, Target};
use bowline_core::desired::{DesiredState, WantedTaskDefinition};
use bowline_core::name::ResourceName;
use bowline_sim::CallRecord;

use super::DemoError;
use super::outsider::{Outsider, primary, settled};
use super::seed::{place, target_of, value_with};
use super::world::{World, wait_for};

/// The service that most of the story is about, and where it stands in the sample.
const SERVICE: &str = "workspace-mcp";
const TASK_DEFINITION_FILE: &str = "workspace-mcp/task-definition.json";
const IMAGE: &str = "mcp/workspace:1.14.2";
const NEXT_IMAGE: &str = "mcp/workspace:1.15.0";
const CRASHING_IMAGE: &str = "mcp/crash:1.16.0";
const SECRET: &str = "workspace-splunk";
const SECRET_FILE: &str = "workspace-mcp/secrets.yaml";
const NEXT_VERSION: &str = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d";
const OBSERVED: &str = "tailops-gateway";

/// How many further looks at a service count as "left alone".
const LOOKS: usize = 12;

/// The story's cast: the world, the desired state it began with, and the service that most of it is about.
pub(super) struct Story<'a> {
    world: &'a World,
    desired: &'a DesiredState,
    cluster: String,
    service: String,
    outsider: Outsider,
}

impl<'a> Story<'a> {
    /// Sets the scene.
    pub(super) fn new(world: &'a World, desired: &'a DesiredState) -> Result<Self, DemoError> {
        let (target, service) = locate(desired, SERVICE)?;
        Ok(Self {
            world,
            desired,
            cluster: target.cluster.to_string(),
            service,
            outsider: world.outsider(&place(target)),
        })
    }

    /// (a) Everything becomes what git says, and the plan is empty.
    pub(super) async fn converges(&self) -> Result<String, DemoError> {
        wait_for("every service and secret to be as git says", || self.all_as_git_says()).await?;
        self.expect_clean_plan().await?;
        self.expect_rollbacks(&[]).await?;
        Ok(format!(
            "{} services and {} secrets are as git says; `bowline plan` is empty",
            self.desired.services.len(),
            self.desired.secrets.len()
        ))
    }

    /// (b) Somebody scales a service by hand.
    pub(super) async fn heals_a_count(&self) -> Result<String, DemoError> {
        let wanted = self.outsider.service(&self.cluster, &self.service).await?.desired_count();
        self.outsider.scale(&self.cluster, &self.service, wanted + 3).await?;
        wait_for("the count to be healed", || async {
            let found = self.outsider.service(&self.cluster, &self.service).await?;
            Ok(found.desired_count() == wanted && settled(&found))
        })
        .await?;
        self.expect_history(SERVICE, "desiredCount").await?;
        Ok(format!("{} was scaled to {} by hand: noticed, and healed to {wanted}", self.service, wanted + 3))
    }

    /// (c) A commit pins a new secret version.
    pub(super) async fn promotes_before_it_rolls(&self) -> Result<String, DemoError> {
        let secret = self.secret()?;
        let before = self.outsider.current_version(&secret).await?;
        let keys = self
            .desired
            .secrets
            .iter()
            .find(|(name, _)| name.as_str() == SECRET)
            .map(|(_, found)| &found.spec.required_keys);
        let written = self
            .outsider
            .secrets
            .put_secret_value()
            .secret_id(&secret)
            .client_request_token(NEXT_VERSION)
            .secret_string(value_with(keys.map_or(&[], Vec::as_slice)))
            .version_stages("pending-commit")
            .send()
            .await;
        written.map_err(|error| DemoError::aws("PutSecretValue", &error))?;
        let deployment = self.primary_deployment().await?;
        self.world.simulator.clear_calls();
        self.world.repository.replace(SECRET_FILE, &before, NEXT_VERSION, "Rotate the Splunk token")?;
        wait_for("the new version to be current and its reader to be rolled", || async {
            let current = self.outsider.current_version(&secret).await?;
            let found = self.outsider.service(&self.cluster, &self.service).await?;
            let rolled = primary(&found).and_then(|primary| primary.id()) != Some(deployment.as_str());
            Ok(current == NEXT_VERSION && rolled && settled(&found))
        })
        .await?;
        self.expect_order("UpdateSecretVersionStage", "UpdateService")?;
        Ok(format!("{secret} was promoted to the committed version, and then {} was rolled", self.service))
    }

    /// (c, continued) Somebody moves AWSCURRENT back.
    pub(super) async fn heals_a_secret(&self) -> Result<String, DemoError> {
        let secret = self.secret()?;
        let pinned_before = self
            .desired
            .secrets
            .iter()
            .find(|(name, _)| name.as_str() == SECRET)
            .map(|(_, found)| found.spec.version_id.to_string())
            .unwrap_or_default();
        let deployment = self.primary_deployment().await?;
        self.outsider.move_current(&secret, &pinned_before, NEXT_VERSION).await?;
        wait_for("AWSCURRENT to be healed", || async {
            Ok(self.outsider.current_version(&secret).await? == NEXT_VERSION)
        })
        .await?;
        self.wait_for_looks(&self.service).await?;
        if self.primary_deployment().await? != deployment {
            return Err(DemoError::Unexpected(format!(
                "{} was rolled although none of its tasks started with the older version",
                self.service
            )));
        }
        Ok("AWSCURRENT was moved back by hand: healed; nothing was rolled, since no task had started meanwhile".to_owned())
    }

    /// (d) A commit with a new task definition.
    pub(super) async fn rolls_out(&self) -> Result<String, DemoError> {
        self.world.repository.replace(TASK_DEFINITION_FILE, IMAGE, NEXT_IMAGE, "Release workspace 1.15.0")?;
        wait_for("the new image to run", || self.runs(NEXT_IMAGE)).await?;
        Ok(format!("{NEXT_IMAGE} was registered, rolled out, and is COMPLETED"))
    }

    /// (e) A commit with an image that crashes.
    pub(super) async fn does_not_fight(&self) -> Result<String, DemoError> {
        let ever = self.outsider.deployments_ever(&self.cluster, &self.service).await?;
        let commit = self.world.repository.replace(
            TASK_DEFINITION_FILE,
            NEXT_IMAGE,
            CRASHING_IMAGE,
            "Release workspace 1.16.0",
        )?;
        wait_for("ECS to roll the crashing image back", || async {
            let more = self.outsider.deployments_ever(&self.cluster, &self.service).await? > ever;
            Ok(more && self.runs(NEXT_IMAGE).await?)
        })
        .await?;
        let after = self.outsider.deployments_ever(&self.cluster, &self.service).await?;
        self.wait_for_looks(&self.service).await?;
        let later = self.outsider.deployments_ever(&self.cluster, &self.service).await?;
        if later != after {
            return Err(DemoError::Unexpected(format!(
                "{} got {} more deployments after ECS had rolled back",
                self.service,
                later - after
            )));
        }
        self.expect_history(SERVICE, "rolled back by ECS").await?;
        let (_, status) = self.world.bowline(["status"]).await?;
        if !status.contains("awaiting git") {
            return Err(DemoError::Unexpected(format!(
                "`bowline status` does not say awaiting git:\n{status}"
            )));
        }
        let short = commit.get(..7).unwrap_or(&commit);
        Ok(format!(
            "{CRASHING_IMAGE} crashed; ECS rolled back, and Bowline waits for git instead of trying {short} again"
        ))
    }

    /// (e, continued) Somebody reverts the commit.
    pub(super) async fn accepts_the_revert(&self) -> Result<String, DemoError> {
        let bad = self.world.repository.head()?;
        let message = "Revert \"Release workspace 1.16.0\"";
        self.world.repository.replace(TASK_DEFINITION_FILE, CRASHING_IMAGE, NEXT_IMAGE, message)?;
        wait_for("git and live to be equal again", || async {
            Ok(self.world.bowline(["plan"]).await?.0 == 0)
        })
        .await?;
        self.reaches(&bad, "overtaken").await?;
        let own = self.world.person.pull_about(&bad).await?;
        let own = own.ok_or_else(|| DemoError::Unexpected(format!("no pull request takes {bad} back")))?;
        self.world.person.close(own.number).await?;
        Ok(format!(
            "somebody reverted the commit by hand: git and live are equal, the plan is empty, and Bowline's own pull request #{} \
             was overtaken",
            own.number
        ))
    }

    /// (f) A target in observe mode.
    pub(super) async fn only_observes(&self) -> Result<String, DemoError> {
        let (target, service) = locate(self.desired, OBSERVED)?;
        if target.mode != Mode::Observe {
            return Err(DemoError::Unexpected(format!("the target of {OBSERVED} is not in mode observe")));
        }
        let outsider = self.world.outsider(&place(target));
        let cluster = target.cluster.as_str();
        let before = outsider.service(cluster, &service).await?.desired_count();
        let by_hand = before + 2;
        outsider.scale(cluster, &service, by_hand).await?;
        self.world.simulator.clear_calls();
        wait_for("the difference to be reported", || async {
            Ok(self.world.bowline(["history", OBSERVED]).await?.1.contains("desiredCount"))
        })
        .await?;
        self.wait_for_looks(&service).await?;
        let touched = self
            .world
            .simulator
            .calls()
            .into_iter()
            .find(|call| writes(&call.operation) && about(call, &service));
        if let Some(call) = touched {
            return Err(DemoError::Unexpected(format!(
                "{} was called for {OBSERVED}, which is only observed",
                call.operation
            )));
        }
        let found = outsider.service(cluster, &service).await?.desired_count();
        if found != by_hand {
            return Err(DemoError::Unexpected(format!(
                "{OBSERVED} was scaled to {found}, although it is only observed"
            )));
        }
        outsider.scale(cluster, &service, before).await?;
        Ok(format!("{OBSERVED}, in mode observe, was scaled by hand: reported, not touched"))
    }

    async fn all_as_git_says(&self) -> Result<bool, DemoError> {
        for service in self.desired.services.values() {
            let spec = &service.resource.spec;
            let target = target_of(self.desired, &spec.target)?;
            let outsider = self.world.outsider(&place(target));
            let found = outsider.service(target.cluster.as_str(), spec.service.as_str()).await?;
            let count =
                spec.desired_count.is_none_or(|count| i32::try_from(count) == Ok(found.desired_count()));
            let live = found.task_definition().unwrap_or_default();
            let runs = match &service.task_definition {
                Some(WantedTaskDefinition::Revision(revision)) => live.ends_with(&format!("/{revision}")),
                Some(WantedTaskDefinition::Content { content, .. }) => {
                    let content = content.value();
                    let image = content.pointer("/containerDefinitions/0/image");
                    image.and_then(serde_json::Value::as_str) == Some(outsider.image(live).await?.as_str())
                }
                None => true,
            };
            if !(count && runs && settled(&found)) {
                return Ok(false);
            }
        }
        for secret in self.desired.secrets.values() {
            let outsider = self.world.outsider(&place(target_of(self.desired, &secret.spec.target)?));
            if outsider.current_version(secret.spec.secret_id.as_str()).await?
                != secret.spec.version_id.as_str()
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn runs(&self, image: &str) -> Result<bool, DemoError> {
        let found = self.outsider.service(&self.cluster, &self.service).await?;
        let runs = self.outsider.image(found.task_definition().unwrap_or_default()).await?;
        Ok(runs.ends_with(image) && settled(&found))
    }

    async fn primary_deployment(&self) -> Result<String, DemoError> {
        let found = self.outsider.service(&self.cluster, &self.service).await?;
        let id = primary(&found).and_then(|primary| primary.id()).map(str::to_owned);
        id.ok_or_else(|| DemoError::Unexpected(format!("{} has no PRIMARY deployment", self.service)))
    }

    fn secret(&self) -> Result<String, DemoError> {
        let found = self.desired.secrets.iter().find(|(name, _)| name.as_str() == SECRET);
        found
            .map(|(_, secret)| secret.spec.secret_id.to_string())
            .ok_or_else(|| DemoError::Unexpected(format!("the sample has no secret {SECRET}")))
    }

    async fn expect_clean_plan(&self) -> Result<(), DemoError> {
        match self.world.bowline(["plan"]).await? {
            (0, _) => Ok(()),
            (code, text) => Err(DemoError::Unexpected(format!("`bowline plan` exits {code}:\n{text}"))),
        }
    }

    async fn expect_history(&self, resource: &str, text: &str) -> Result<(), DemoError> {
        let (_, history) = self.world.bowline(["history", resource]).await?;
        if history.contains(text) {
            return Ok(());
        }
        Err(DemoError::Unexpected(format!(
            "`bowline history {resource}` says nothing of \"{text}\":\n{history}"
        )))
    }

    fn expect_order(&self, first: &str, then: &str) -> Result<(), DemoError> {
        let calls = self.world.simulator.calls();
        let at = |operation: &str| calls.iter().position(|call| call.operation == operation);
        match (at(first), at(then)) {
            (Some(earlier), Some(later)) if earlier < later => Ok(()),
            _ => Err(DemoError::Unexpected(format!("{first} was not called before {then}"))),
        }
    }

    /// Waits until the controller has looked at a service a few times more. Nobody else looks meanwhile.
    async fn wait_for_looks(&self, service: &str) -> Result<(), DemoError> {
        let looks = || {
            let calls = self.world.simulator.calls();
            calls.iter().filter(|call| call.operation == "DescribeServices" && about(call, service)).count()
        };
        let before = looks();
        wait_for("the controller to look again", || async { Ok(looks() >= before + LOOKS) }).await
    }
}

/// Whether a call names the service: DescribeServices names up to ten.
fn about(call: &CallRecord, service: &str) -> bool {
    call.resource
        .as_deref()
        .is_some_and(|names| names.split(',').any(|name| name.rsplit('/').next() == Some(service)))
}

fn writes(operation: &str) -> bool {
    !["Describe", "List", "Get", "Head"].iter().any(|read| operation.starts_with(read))
}

fn locate<'a>(desired: &'a DesiredState, name: &str) -> Result<(&'a Target, String), DemoError> {
    let missing = || DemoError::Unexpected(format!("the sample has no service {name}"));
    let key = ResourceName::parse(name).map_err(|_| missing())?;
    let service = desired.services.get(&key).ok_or_else(missing)?;
    let target = target_of(desired, &service.resource.spec.target)?;
    Ok((target, service.resource.spec.service.to_string()))
}
