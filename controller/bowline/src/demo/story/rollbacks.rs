//! The story's rollbacks: a release that crashes, the revert that Bowline pushes, and who merges it.

use std::time::Instant;

use super::{Story, locate};
use crate::demo::DemoError;
use crate::demo::outsider::{Outsider, settled};
use crate::demo::person::{LOGIN, Pull};
use crate::demo::repository::BRANCH;
use crate::demo::seed::place;
use crate::demo::world::{CONTROLLER_LOGIN, wait_for};

/// A release that crashes.
struct Release {
    /// The resource.
    resource: &'static str,
    /// The file with its task definition.
    file: &'static str,
    /// The task definition's family.
    family: &'static str,
    /// What runs.
    image: &'static str,
    /// What is released.
    crashing: &'static str,
    /// The commit's message.
    message: &'static str,
}

/// Its revert waits for a person.
const SANDBOX: Release = Release {
    resource: "microsandbox-mcp",
    file: "microsandbox-mcp/task-definition.json",
    family: "microsandbox-mcp",
    image: "microsandbox/mcp:0.9.4",
    crashing: "microsandbox/crash:0.10.0",
    message: "Release the sandbox 0.10.0",
};

/// Its manifest has `rollback.strategy: auto-merge`.
const TRAEFIK: Release = Release {
    resource: "oauth-gateway-traefik",
    file: "oauth-gateway/task-definitions/traefik.json",
    family: "oauth-gateway-traefik",
    image: "oauth-gateway/traefik:3.5.3",
    crashing: "oauth-gateway/crash:3.6.0",
    message: "Release traefik 3.6.0",
};

/// Where a service is, and who looks at it.
struct Scene {
    outsider: Outsider,
    cluster: String,
    service: String,
}

/// What became of a release.
struct Opened {
    /// The commit that made it.
    bad: String,
    /// The pull request that takes it back.
    pull: Pull,
    /// When ECS's verdict was first seen.
    verdict: Instant,
    /// When the pull request was first seen.
    at: Instant,
}

impl Story<'_> {
    /// (g) A commit with an image that crashes, and the pull request that takes it back.
    pub(in crate::demo) async fn opens_a_revert(&self) -> Result<String, DemoError> {
        let scene = self.scene(&SANDBOX)?;
        let opened = self.releases(&scene, &SANDBOX).await?;
        self.expect_evidence(&scene, &SANDBOX, &opened).await?;
        if opened.pull.merged_at.is_some() || self.world.repository.head()? != opened.bad {
            return Err(DemoError::Unexpected(format!(
                "{} is merged, although nobody did so",
                opened.pull.url
            )));
        }
        Ok(format!(
            "{} crashed and ECS rolled it back; {:.1} s after ECS's verdict Bowline had opened pull request #{} with the \
             evidence in it",
            SANDBOX.crashing,
            opened.at.duration_since(opened.verdict).as_secs_f64(),
            opened.pull.number
        ))
    }

    /// (g, continued) Somebody merges it.
    pub(in crate::demo) async fn merges_the_revert(&self) -> Result<String, DemoError> {
        let scene = self.scene(&SANDBOX)?;
        let bad = self.world.repository.head()?;
        let pull = self.world.person.pull_about(&bad).await?;
        let pull = pull.ok_or_else(|| DemoError::Unexpected(format!("no pull request takes {bad} back")))?;
        self.world.person.merge(&pull).await?;
        let merged = Instant::now();
        let equal = self.is_equal(&scene, &SANDBOX, &bad).await?;
        self.expect_rolled_back(&scene, &SANDBOX, &bad, &pull, LOGIN).await?;
        Ok(format!(
            "somebody merged #{} through GitHub's API; {:.1} s later git and live were equal; the plan is empty, and `status` \
             and `history` say verified",
            pull.number,
            equal.duration_since(merged).as_secs_f64()
        ))
    }

    /// (h) The same, where Bowline may merge.
    pub(in crate::demo) async fn rolls_back_by_itself(&self) -> Result<String, DemoError> {
        let scene = self.scene(&TRAEFIK)?;
        let opened = self.releases(&scene, &TRAEFIK).await?;
        let equal = self.is_equal(&scene, &TRAEFIK, &opened.bad).await?;
        self.expect_evidence(&scene, &TRAEFIK, &opened).await?;
        self.expect_rolled_back(&scene, &TRAEFIK, &opened.bad, &opened.pull, CONTROLLER_LOGIN).await?;
        self.expect_rollbacks(&["verified", "verified", "overtaken"]).await?;
        let since = |at: Instant| at.duration_since(opened.verdict).as_secs_f64();
        Ok(format!(
            "{} crashed on a service with `auto-merge`: {:.1} s after ECS's verdict there was #{}, Bowline merged it, and after \
             {:.1} s git and live were equal, the plan empty, without anybody",
            TRAEFIK.crashing,
            since(opened.at),
            opened.pull.number,
            since(equal)
        ))
    }

    fn scene(&self, release: &Release) -> Result<Scene, DemoError> {
        let (target, service) = locate(self.desired, release.resource)?;
        let outsider = self.world.outsider(&place(target));
        Ok(Scene { outsider, cluster: target.cluster.to_string(), service })
    }

    /// Commits the release, and waits for ECS's verdict and for the pull request.
    async fn releases(&self, scene: &Scene, release: &Release) -> Result<Opened, DemoError> {
        let Release { file, image, crashing, message, .. } = release;
        let bad_deployments = || scene.outsider.bad_deployments(&scene.cluster, &scene.service);
        let before = bad_deployments().await?;
        let bad = self.world.repository.replace(file, image, crashing, message)?;
        wait_for("ECS's circuit breaker", || async { Ok(bad_deployments().await? > before) }).await?;
        let verdict = Instant::now();
        wait_for("Bowline's pull request", || async {
            Ok(self.world.person.pull_about(&bad).await?.is_some())
        })
        .await?;
        let at = Instant::now();
        let pull = self.world.person.pull_about(&bad).await?;
        let pull = pull.ok_or_else(|| DemoError::Unexpected("the pull request is gone".to_owned()))?;
        Ok(Opened { bad, pull, verdict, at })
    }

    /// The pull request says what failed and how, and takes back exactly the release.
    async fn expect_evidence(
        &self,
        scene: &Scene,
        release: &Release,
        opened: &Opened,
    ) -> Result<(), DemoError> {
        let Opened { bad, pull, .. } = opened;
        let text = pull.body.as_deref().unwrap_or_default();
        let failed = scene.outsider.newest_revision(release.family).await?;
        if !scene.outsider.image(&failed).await?.ends_with(release.crashing) {
            return Err(DemoError::Unexpected(format!(
                "{failed} does not have the image {}",
                release.crashing
            )));
        }
        let resource = release.resource;
        let parts = [
            format!("The deployment of `{resource}` failed"),
            "**Verdict:** bad: rolled back by ECS".to_owned(),
            format!("revision {failed}"),
            "### To release it again".to_owned(),
            format!("Bowline-Reverts: {bad}"),
            format!("Bowline-Resource: EcsService/{resource}"),
        ];
        for part in parts {
            if !text.contains(&part) {
                return Err(DemoError::Unexpected(format!(
                    "the text of {} says nothing of \"{part}\":\n{text}",
                    pull.url
                )));
            }
        }
        let repository = &self.world.repository;
        if repository.tree(&pull.head.sha)? != repository.tree(&format!("{bad}^"))? {
            return Err(DemoError::Unexpected(format!("{} does not take {bad} back as it was", pull.url)));
        }
        Ok(())
    }

    /// Waits until git has every file as before the release, and the service runs what it ran before. When that was seen.
    async fn is_equal(&self, scene: &Scene, release: &Release, bad: &str) -> Result<Instant, DemoError> {
        let wanted = self.world.repository.tree(&format!("{bad}^"))?;
        wait_for("git and live to be equal again", || async {
            let found = scene.outsider.service(&scene.cluster, &scene.service).await?;
            let runs = scene.outsider.image(found.task_definition().unwrap_or_default()).await?;
            let live = runs.ends_with(release.image) && settled(&found);
            Ok(live && self.world.repository.tree(BRANCH)? == wanted)
        })
        .await?;
        Ok(Instant::now())
    }

    /// The rollback has come to its end, by this person's merge, and stays there.
    async fn expect_rolled_back(
        &self,
        scene: &Scene,
        release: &Release,
        bad: &str,
        pull: &Pull,
        by: &str,
    ) -> Result<(), DemoError> {
        let ever = scene.outsider.deployments_ever(&scene.cluster, &scene.service).await?;
        self.reaches(bad, "verified").await?;
        self.expect_clean_plan().await?;
        self.expect_history(release.resource, "rolled back: git and live are equal").await?;
        let merged = self.world.person.pull(pull.number).await?.merged_by.map(|user| user.login);
        if merged.as_deref() != Some(by) {
            let merged = merged.as_deref().unwrap_or("nobody");
            return Err(DemoError::Unexpected(format!("{} was merged by {merged}, not by {by}", pull.url)));
        }
        let later = scene.outsider.deployments_ever(&scene.cluster, &scene.service).await?;
        if later != ever {
            return Err(DemoError::Unexpected(format!(
                "{} got {} more deployments after git and live were equal",
                scene.service,
                later - ever
            )));
        }
        Ok(())
    }

    /// `bowline status` tells these rollbacks and no others, newest first: nothing good was taken for bad.
    pub(super) async fn expect_rollbacks(&self, wanted: &[&str]) -> Result<(), DemoError> {
        let status = self.world.status().await?;
        let rollbacks = status["rollbacks"].as_array().map(Vec::as_slice).unwrap_or_default();
        let found: Vec<&str> = rollbacks.iter().filter_map(|one| one["state"].as_str()).collect();
        if found == wanted {
            return Ok(());
        }
        Err(DemoError::Unexpected(format!(
            "`bowline status` tells rollbacks that are {found:?}, and they should be {wanted:?}: {}",
            status["rollbacks"]
        )))
    }

    /// Waits until `bowline status` says so of the rollback of a commit.
    pub(super) async fn reaches(&self, bad: &str, state: &str) -> Result<(), DemoError> {
        wait_for(&format!("the rollback of {bad:.8} to be {state}"), || async {
            let status = self.world.status().await?;
            let rollbacks = status["rollbacks"].as_array().map(Vec::as_slice).unwrap_or_default();
            Ok(rollbacks.iter().any(|one| one["badCommit"] == bad && one["state"] == state))
        })
        .await
    }
}
