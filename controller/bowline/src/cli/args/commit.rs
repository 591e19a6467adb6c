//! The verbs that are commits.

use bowline_core::name::{HumanDuration, ReasonText, ResourceName, RestartToken};
use bowline_core::verb::Suspendable;
use clap::{ArgGroup, Args as ClapArgs, Subcommand};

use super::{Listen, Repository};
use crate::verb::Until;

/// What the help of each verb that is a commit ends with.
macro_rules! commit_help {
    ($examples:literal) => {
        concat!(
            "The commit is made on the newest commit of the branch and pushed as a branch of its own, with a pull request where \
`github` is configured in bowline.yaml (--merge merges it), or with --push, or `git.delivery: push` in bowline.yaml, onto the \
branch that is read. Who may do that is the server's to say: the source's `auth` is used.\nExit code: 0 done, 1 nothing to do, refused, or not merged, 2 an error.\n\nExamples:\n  ",
            $examples
        )
    };
}

/// The verbs that are commits.
#[derive(Debug, Subcommand)]
pub enum CommitVerb {
    /// Start new tasks of a service once, as a commit
    #[command(after_help = commit_help!("bowline restart web --push\n  bowline restart web --token after-the-certificate"))]
    Restart(Restart),
    /// Set the number of tasks of a service, as a commit
    #[command(after_help = commit_help!("bowline scale web 5 --push\n  bowline scale web 0 --dry-run"))]
    Scale(Scale),
    /// Release another image or revision of a service, as a commit
    #[command(
        after_help = commit_help!("bowline release web --image app=registry.example.com/web:2026-11-21 --push\n  bowline release api \
--revision 42\n\n--image changes the task definition file that the service names; --revision the pinned revision.")
    )]
    Release(Release),
    /// Go back to what a service ran before, by reverting the commits since, as a commit
    #[command(
        after_help = commit_help!("bowline rollback web --push --reason \"500s since 12:00\"\n  bowline rollback web --to 1c39bd47\n  \
bowline rollback web --break-glass --reason \"shop is down\"\n\n\
Without --to: to the last commit with which it was good, if the store named in bowline.yaml knows one and git wants something \
else by now; otherwise to what it ran before its last change. What else those commits changed stays. If later changes are in \
conflict, or a Secret that is taken back would stay where it is (`rollback: refuse`), it is neither pushed onto the branch that is read nor \
merged: a person has to read its pull request.\n\n--break-glass runs its last good revision first, without waiting for \
git, and makes the commit then. Until that is in git, only the hold (the tag bowline:hold of the service) keeps Bowline from deploying \
what git says.")
    )]
    Rollback(Rollback),
    /// Do nothing to a resource for a while, as a commit; it is looked at and reported
    #[command(
        after_help = commit_help!("bowline suspend web --until 4h --reason \"database migration\" --push\n  bowline suspend \
Secret/db-password --until 2026-11-22T08:00:00Z --reason \"rotated by hand today\"\n\nBowline warns half an hour before the end. \
After it the suspension is without effect.")
    )]
    Suspend(Suspend),
    /// End the suspension of a resource, as a commit
    #[command(after_help = commit_help!("bowline resume web --push"))]
    Resume(Resume),
    /// Let a spec that failed be tried once more, as a commit
    #[command(
        after_help = commit_help!("bowline retry web --push\n\nWhat is in quarantine is asked of the running controller; where none \
answers, of AWS.")
    )]
    Retry(Retry),
    /// Accept a rewritten branch, or that many resources vanished, as a commit
    #[command(
        after_help = commit_help!("bowline accept --dry-run\n  bowline accept --push\n\nWhat is refused is asked of the running \
controller; where none answers, of the store named in bowline.yaml. After a squash merge the commit has another id: use --push, \
or merge without squashing.")
    )]
    Accept(Accept),
}

impl CommitVerb {
    /// How it is delivered.
    pub fn commit(&self) -> &Commit {
        match self {
            Self::Restart(Restart { commit, .. })
            | Self::Scale(Scale { commit, .. })
            | Self::Release(Release { commit, .. })
            | Self::Rollback(Rollback { commit, .. })
            | Self::Suspend(Suspend { commit, .. })
            | Self::Resume(Resume { commit, .. })
            | Self::Retry(Retry { commit, .. })
            | Self::Accept(Accept { commit, .. }) => commit,
        }
    }

    /// Whether something is done ahead of git.
    pub fn breaks_glass(&self) -> bool {
        matches!(self, Self::Rollback(Rollback { break_glass: true, .. }))
    }

    /// Where the controller listens, for those that ask it.
    pub fn listen(&self) -> Option<&Listen> {
        match self {
            Self::Retry(Retry { listen, .. }) | Self::Accept(Accept { listen, .. }) => Some(listen),
            Self::Restart(_)
            | Self::Scale(_)
            | Self::Release(_)
            | Self::Rollback(_)
            | Self::Suspend(_)
            | Self::Resume(_) => None,
        }
    }
}

/// How a verb that is a commit is delivered.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Commit {
    /// Push onto the branch that is read, never by force [default: a branch of its own, or `git.delivery`]
    #[arg(long)]
    pub push: bool,
    /// Merge the pull request, or let GitHub merge it once the branch's rules allow
    #[arg(long, conflicts_with = "push")]
    pub merge: bool,
    /// Show the commit, and push nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Where to.
    #[command(flatten)]
    pub repository: Repository,
}

/// Arguments of `restart`.
#[derive(Debug, ClapArgs)]
pub struct Restart {
    /// The EcsService
    #[arg(value_parser = ResourceName::parse)]
    pub service: ResourceName,
    /// What the manifest's `restart` is set to [default: the time, such as 2026-11-21T11-30]
    #[arg(long, value_name = "TOKEN", value_parser = RestartToken::parse)]
    pub token: Option<RestartToken>,
    /// How.
    #[command(flatten)]
    pub commit: Commit,
}

/// Arguments of `scale`.
#[derive(Debug, ClapArgs)]
pub struct Scale {
    /// The EcsService
    #[arg(value_parser = ResourceName::parse)]
    pub service: ResourceName,
    /// How many tasks
    #[arg(value_name = "COUNT", value_parser = clap::value_parser!(u32).range(..=5000))]
    pub count: u32,
    /// How.
    #[command(flatten)]
    pub commit: Commit,
}

/// Arguments of `release`.
#[derive(Debug, ClapArgs)]
#[command(group(ArgGroup::new("version").args(["image", "revision"]).required(true)))]
pub struct Release {
    /// The EcsService
    #[arg(value_parser = ResourceName::parse)]
    pub service: ResourceName,
    /// The image of a container, in the task definition file
    #[arg(long, value_name = "CONTAINER=REF", value_parser = container_image)]
    pub image: Option<(String, String)>,
    /// The number of the revision, of the family that is pinned
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=999_999_999))]
    pub revision: Option<u32>,
    /// How.
    #[command(flatten)]
    pub commit: Commit,
}

/// Parses `app=registry.example.com/web:2`.
fn container_image(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((container, image)) if !container.is_empty() && !image.is_empty() => {
            Ok((container.to_owned(), image.to_owned()))
        }
        _ => Err("write the container and its image, such as app=registry.example.com/web:2".to_owned()),
    }
}

/// Parses the time of a hold.
fn hold(text: &str) -> Result<HumanDuration, String> {
    let parsed = HumanDuration::parse(text).map_err(|error| error.to_string())?;
    let most = HumanDuration::from_secs(24 * 60 * 60);
    if parsed > most { Err("a hold lasts at most 24h".to_owned()) } else { Ok(parsed) }
}

/// Arguments of `rollback`.
#[derive(Debug, ClapArgs)]
pub struct Rollback {
    /// The EcsService
    #[arg(value_parser = ResourceName::parse)]
    pub service: ResourceName,
    /// The commit to go back to, by 7 or more of its digits
    #[arg(long, value_name = "COMMIT")]
    pub to: Option<String>,
    /// Why, for the commit's message
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Let it run its last good revision at once, ahead of git, and keep Bowline away from it for a while
    #[arg(long, requires = "reason", conflicts_with_all = ["to", "dry_run"])]
    pub break_glass: bool,
    /// For how long Bowline is kept away, at most 24h
    #[arg(long, value_name = "DURATION", requires = "break_glass", default_value = "1h", value_parser = hold)]
    pub hold: HumanDuration,
    /// How.
    #[command(flatten)]
    pub commit: Commit,
}

/// Arguments of `suspend`.
#[derive(Debug, ClapArgs)]
pub struct Suspend {
    /// The resource: a name, EcsService/name or Secret/name
    #[arg(value_name = "RESOURCE", value_parser = Suspendable::parse)]
    pub resource: Suspendable,
    /// When it ends by itself: a time with its zone, or a duration such as 4h
    #[arg(long, value_name = "TIME", value_parser = Until::parse)]
    pub until: Until,
    /// Why, for whoever looks at it in the meantime
    #[arg(long, value_name = "TEXT", value_parser = ReasonText::parse)]
    pub reason: ReasonText,
    /// How.
    #[command(flatten)]
    pub commit: Commit,
}

/// Arguments of `resume`.
#[derive(Debug, ClapArgs)]
pub struct Resume {
    /// The resource: a name, EcsService/name or Secret/name
    #[arg(value_name = "RESOURCE", value_parser = Suspendable::parse)]
    pub resource: Suspendable,
    /// How.
    #[command(flatten)]
    pub commit: Commit,
}

/// Arguments of `retry`.
#[derive(Debug, ClapArgs)]
pub struct Retry {
    /// The EcsService
    #[arg(value_parser = ResourceName::parse)]
    pub service: ResourceName,
    /// How.
    #[command(flatten)]
    pub commit: Commit,
    /// Where to ask.
    #[command(flatten)]
    pub listen: Listen,
}

/// Arguments of `accept`.
#[derive(Debug, ClapArgs)]
pub struct Accept {
    /// How.
    #[command(flatten)]
    pub commit: Commit,
    /// Where to ask.
    #[command(flatten)]
    pub listen: Listen,
}
