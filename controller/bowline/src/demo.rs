//! What does Bowline do? A simulated AWS, a repository seeded from `desired-state/` and the controller, in; either a
//! playground or a story that plays by itself, out.
//!
//! The one other room that names an AWS SDK and git: it plays the people around Bowline, so it must not share its clients.

mod outsider;
mod repository;
mod seed;
mod story;
mod world;

use std::time::Instant;

use tokio::process::Child;

use crate::source;
use bowline_core::desired::DesiredState;
use story::Story;
use world::World;

/// Why the demo ended early.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The machine did not let us.
    #[error("could not {attempted}: {source}")]
    Io {
        /// What was attempted.
        attempted: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// The demo's repository.
    #[error("could not {attempted}: {}", source.message())]
    Git {
        /// What was attempted.
        attempted: &'static str,
        /// Why not.
        source: git2::Error,
    },
    /// The simulated AWS refused something.
    #[error("{operation} failed: {message}")]
    Aws {
        /// The call.
        operation: &'static str,
        /// What came back.
        message: String,
    },
    /// A step did not come to its end.
    #[error("waited {seconds} s for {what}")]
    TooSlow {
        /// What was waited for.
        what: String,
        /// How long, in seconds of real time.
        seconds: u64,
    },
    /// A commit of the story would change nothing.
    #[error("{path} does not hold `{text}`: the sample and the story have come apart")]
    NothingToChange {
        /// The file.
        path: String,
        /// What should be in it.
        text: String,
    },
    /// Something is not as the story says.
    #[error("{0}")]
    Unexpected(String),
}

impl DemoError {
    fn io(attempted: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { attempted, source }
    }

    fn git(attempted: &'static str) -> impl FnOnce(git2::Error) -> Self {
        move |source| Self::Git { attempted, source }
    }

    fn aws<E, R>(
        operation: &'static str,
        error: &aws_smithy_runtime_api::client::result::SdkError<E, R>,
    ) -> Self
    where
        E: aws_smithy_types::error::metadata::ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        use aws_smithy_types::error::display::DisplayErrorContext;
        let message = error
            .as_service_error()
            .and_then(|inner| Some(format!("{}: {}", inner.code()?, inner.message()?)))
            .unwrap_or_else(|| DisplayErrorContext(error).to_string());
        Self::Aws { operation, message }
    }
}

/// Says what happens, a line at a time.
pub type Say<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// A step of the story that came true.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its letter.
    pub step: char,
    /// What was seen.
    pub outcome: String,
    /// How long it took, in seconds of real time.
    pub seconds: f64,
}

/// Starts the world, seeds it, and either plays the story (`exit`) or waits for Ctrl-C.
pub async fn run(exit: bool, say: Say<'_>) -> Result<Vec<Step>, DemoError> {
    say("Starting a simulated AWS and a git repository ...");
    let world = World::start().await?;
    let desired = read_sample(&world)?;
    tokio::select! {
        seeded = seed::seed(&world, &desired) => seeded?,
        () = asked_to_stop() => return Ok(Vec::new()),
    }
    let mut controller = world.start_controller()?;
    let outcome = if exit {
        tokio::select! {
            played = play(&world, &desired, say) => played,
            () = asked_to_stop() => Err(DemoError::Unexpected("stopped before the story ended".to_owned())),
        }
    } else {
        playground(&world, &mut controller, say).await.map(|()| Vec::new())
    };
    let ended = stop(&mut controller).await;
    if outcome.is_err() {
        say(&log_tail(&world));
    }
    let steps = outcome?;
    ended.map(|()| steps)
}

fn read_sample(world: &World) -> Result<DesiredState, DemoError> {
    let folder = world.folder().join("sample");
    repository::extract_sample(&folder)?;
    let (desired, findings) = source::folder::read(&folder)
        .map_err(|error| DemoError::Unexpected(format!("the sample cannot be read: {error}")))?;
    let errors =
        findings.iter().filter(|finding| finding.severity == bowline_core::desired::Severity::Error).count();
    if errors > 0 {
        return Err(DemoError::Unexpected(format!(
            "the sample has {errors} findings; `bowline validate desired-state` shows them"
        )));
    }
    Ok(desired)
}

async fn play(world: &World, desired: &DesiredState, say: Say<'_>) -> Result<Vec<Step>, DemoError> {
    let story = Story::new(world, desired)?;
    let began = Instant::now();
    let mut steps = Vec::new();
    say(&format!("The story, {} times as fast as real:", world::TIME_SCALE));
    macro_rules! step {
        ($letter:literal, $method:ident) => {
            let started = Instant::now();
            let outcome = story.$method().await?;
            let seconds = started.elapsed().as_secs_f64();
            say(&format!("  ok  ({}) {outcome}  [{seconds:.1} s]", $letter));
            steps.push(Step { step: $letter, outcome, seconds });
        };
    }
    step!('a', converges);
    step!('b', heals_a_count);
    step!('c', promotes_before_it_rolls);
    step!('c', heals_a_secret);
    step!('d', rolls_out);
    step!('e', does_not_fight);
    step!('e', accepts_the_revert);
    step!('f', only_observes);
    let seconds = began.elapsed().as_secs_f64();
    say(&format!("The story is true, as seen by an SDK client of its own and git.  [{seconds:.1} s]"));
    Ok(steps)
}

async fn playground(world: &World, controller: &mut Child, say: Say<'_>) -> Result<(), DemoError> {
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
    }
}

async fn asked_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    let Ok(mut terminated) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        // Without a handler SIGTERM ends the process anyway.
        let _ = interrupted.await;
        return;
    };
    tokio::select! {
        _ = interrupted => {}
        _ = terminated.recv() => {}
    }
}

fn instructions(world: &World) -> String {
    let url = world.simulator.url();
    let config = world.configuration().display().to_string();
    let repository = world.repository.path().display();
    let binary =
        std::env::current_exe().map_or_else(|_| "bowline".to_owned(), |path| path.display().to_string());
    format!(
        "\nReady. Here time runs {} times as fast as real, for the simulated AWS and for the controller, so that the times in \
         `status` and `history` are soon ahead of your clock.\n\n\
         What Bowline knows:\n\
         \x20 {binary} --config {config} status\n\
         \x20 {binary} --config {config} history\n\n\
         Change something behind its back (any AWS client will do):\n\
         \x20 export AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY=demo AWS_DEFAULT_REGION=eu-central-1\n\
         \x20 aws --endpoint-url {url} ecs update-service --cluster prod-mcp-cluster --service prod-mcp-google-workspace --desired-count 5\n\
         \x20 aws --endpoint-url {url} ecs describe-services --cluster prod-mcp-cluster --services prod-mcp-google-workspace\n\n\
         Change what should be:\n\
         \x20 git clone {repository} my-desired-state && cd my-desired-state\n\
         \x20 sed -i 's/workspace:1.14.2/workspace:1.15.0/' workspace-mcp/task-definition.json && git commit -am 'Release 1.15.0' && git push\n\
         \x20 (an image path that ends in /crash, /missing or /unhealthy behaves like that)\n\n\
         What would it do?\n\
         \x20 AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY=demo {binary} --config {config} plan\n\n\
         The controller's log: {}\n\
         Stop with Ctrl-C; everything above goes with it.",
        world::TIME_SCALE,
        world::CONTROLLER_ACCOUNT,
        world::CONTROLLER_ACCOUNT,
        world.log().display(),
    )
}

/// Ends the controller as a service manager would, and expects it to end well.
async fn stop(controller: &mut Child) -> Result<(), DemoError> {
    if let Some(id) = controller.id() {
        let asked = tokio::process::Command::new("kill").args(["-TERM", &id.to_string()]).status().await;
        asked.map_err(DemoError::io("ask the controller to stop"))?;
    }
    let status = controller.wait().await.map_err(DemoError::io("wait for the controller"))?;
    if status.success() {
        return Ok(());
    }
    Err(DemoError::Unexpected(format!("the controller ended with {status} when it was asked to stop")))
}

fn log_tail(world: &World) -> String {
    let text = std::fs::read_to_string(world.log()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines.iter().skip(lines.len().saturating_sub(40)).copied().collect::<Vec<_>>().join("\n");
    format!("The end of the controller's log:\n{tail}")
}
