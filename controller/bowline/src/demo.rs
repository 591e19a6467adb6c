//! What does Bowline do? A simulated AWS and GitHub, a repository seeded from `desired-state/` and the controller, in; either
//! a playground or a story that plays by itself, out.
//!
//! The one other room that names an AWS SDK, git and octocrab: it plays the people around Bowline, so it must not share its
//! clients.

mod outsider;
mod person;
mod playground;
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
    /// The simulated GitHub cannot be set up as the demo needs it.
    #[error("could not set up the simulated GitHub: {0}")]
    SetUp(bowline_sim::SetUpError),
    /// The simulated GitHub refused something.
    #[error("could not {attempted}: {message}")]
    GitHub {
        /// What was attempted.
        attempted: &'static str,
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

    fn github(attempted: &'static str) -> impl FnOnce(octocrab::Error) -> Self {
        move |error| {
            // The crate's own words end in where in its code they come from.
            let sentence = crate::engine::sentence(&error);
            let message = sentence.lines().next().unwrap_or_default().to_owned();
            Self::GitHub { attempted, message }
        }
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
    say("Starting a simulated AWS, a simulated GitHub and a git repository there ...");
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
        playground::play(&world, &mut controller, say).await.map(|()| Vec::new())
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
    step!('g', opens_a_revert);
    step!('g', merges_the_revert);
    step!('h', rolls_back_by_itself);
    let seconds = began.elapsed().as_secs_f64();
    say(&format!("The story is true, as seen by an SDK client of its own and git.  [{seconds:.1} s]"));
    Ok(steps)
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
