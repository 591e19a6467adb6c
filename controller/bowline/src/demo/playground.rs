//! The playground: what a person can do in the demo's world, and what Bowline opens meanwhile.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use tokio::process::Child;

use super::person::{LOGIN, Pull, REPOSITORY};
use super::world::{CONTROLLER_ACCOUNT, TIME_SCALE, World};
use super::{DemoError, Say, asked_to_stop};

/// How often is looked for new pull requests.
const GLANCE: Duration = Duration::from_secs(1);

/// Tells what can be done, and then of each new pull request, until somebody stops it.
pub(super) async fn play(world: &World, controller: &mut Child, say: Say<'_>) -> Result<(), DemoError> {
    say(&instructions(world));
    tokio::select! {
        () = asked_to_stop() => {
            say("Stopping.");
            Ok(())
        }
        ended = controller.wait() => {
            let status = ended.map_err(DemoError::io("wait for the controller"))?;
            Err(DemoError::Unexpected(format!("the controller ended by itself with {status}")))
        }
        failed = tell_of_pulls(world, say) => failed.map(|never| match never {}),
    }
}

/// Tells of each pull request once, with the commands that read and merge it.
async fn tell_of_pulls(world: &World, say: Say<'_>) -> Result<Infallible, DemoError> {
    let mut known: BTreeSet<u64> = BTreeSet::new();
    let mut glances = tokio::time::interval(GLANCE);
    loop {
        glances.tick().await;
        let mut pulls = world.person.pulls().await?;
        pulls.retain(|pull| known.insert(pull.number));
        for pull in pulls.iter().rev() {
            say(&merging(world, pull));
        }
    }
}

fn merging(world: &World, pull: &Pull) -> String {
    let Pull { number, title, url, .. } = pull;
    let token = world.person.token();
    let merged = if pull.merged_at.is_some() { ", merged by now" } else { "" };
    let (read, merge) = if pull.head.branch.starts_with("bowline/rollback/") {
        ("verdict and evidence", "that is the rollback")
    } else {
        ("Bowline comments on it what it would change", "Bowline makes it so")
    };
    format!(
        "\nPull request #{number} (\"{title}\"{merged}):\n\
         \x20 curl -s -H 'Authorization: Bearer {token}' {url} | jq -r .body     # read it: {read}\n\
         \x20 curl -s -X PUT -H 'Authorization: Bearer {token}' {url}/merge      # merge it: {merge}"
    )
}

fn instructions(world: &World) -> String {
    let url = world.simulator.url();
    let config = world.configuration().display().to_string();
    let git =
        world.github.git_url(REPOSITORY).replacen("://", &format!("://{LOGIN}:{}@", world.person.token()), 1);
    let binary =
        std::env::current_exe().map_or_else(|_| "bowline".to_owned(), |path| path.display().to_string());
    format!(
        "\nReady. Here time runs {TIME_SCALE} times as fast as real, for the simulated AWS and GitHub and for the controller, so that \
         the times in `status` and `history` are soon ahead of your clock.\n\n\
         What Bowline knows:\n\
         \x20 {binary} --config {config} status\n\
         \x20 {binary} --config {config} history\n\n\
         Change something behind its back (any AWS client will do):\n\
         \x20 export AWS_ACCESS_KEY_ID={CONTROLLER_ACCOUNT} AWS_SECRET_ACCESS_KEY=demo AWS_DEFAULT_REGION=eu-central-1\n\
         \x20 aws --endpoint-url {url} ecs update-service --cluster prod-mcp-cluster --service prod-mcp-google-workspace --desired-count 5\n\
         \x20 aws --endpoint-url {url} ecs describe-services --cluster prod-mcp-cluster --services prod-mcp-google-workspace\n\n\
         Change what should be:\n\
         \x20 git clone {git} my-desired-state && cd my-desired-state\n\
         \x20 sed -i 's/workspace:1.14.2/workspace:1.15.0/' workspace-mcp/task-definition.json && git commit -am 'Release 1.15.0' && git push\n\n\
         Release something bad (an image path that ends in /crash, /missing or /unhealthy behaves like that): a pull request with \
         the revert and the evidence comes, and is told here with the command that merges it\n\
         \x20 sed -i 's#mcp/workspace:1.15.0#mcp/crash:1.16.0#' workspace-mcp/task-definition.json && git commit -am 'Release 1.16.0' && git push\n\
         \x20 (oauth-gateway-traefik has `rollback.strategy: auto-merge`: of that one Bowline merges the revert itself)\n\n\
         What would it do?\n\
         \x20 AWS_ACCESS_KEY_ID={CONTROLLER_ACCOUNT} AWS_SECRET_ACCESS_KEY=demo {binary} --config {config} plan\n\n\
         The controller's log: {}\n\
         Stop with Ctrl-C; everything above goes with it.",
        world.log().display(),
    )
}
