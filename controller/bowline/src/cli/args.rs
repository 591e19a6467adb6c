//! The command line, as clap types.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::config::{Layer, LogFormat};

/// GitOps for services on AWS ECS.
#[derive(Debug, Parser)]
#[command(
    name = "bowline",
    version,
    about = "GitOps for services on AWS ECS: compares git with live, repairs drift, rolls back by reverting the commit.",
    after_help = "Configuration: bowline.yaml in this folder (or --config), overridden by BOWLINE_* variables, overridden by \
flags.\nAWS: the SDK's standard chain (environment, profiles, credential processes, container and instance roles); AWS_ENDPOINT_URL is \
honoured.\n\nStart here:  bowline validate .   then   bowline plan --repo ."
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// What every verb understands.
    #[command(flatten)]
    pub global: Global,
}

/// What every verb understands.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The configuration file; without it, ./bowline.yaml if there is one
    #[arg(long, global = true, env = "BOWLINE_CONFIG", value_name = "FILE", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// How the result is written to standard output
    #[arg(short, long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Format,
    /// How log lines are written to standard error [default: text]
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// An endpoint for all AWS services, such as a simulator's
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<String>,
}

/// How a result is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Check desired state in a folder; needs neither git nor AWS
    #[command(
        after_help = "Exit code: 0 valid (warnings are told), 1 errors, 2 the folder cannot be read.\n\nExamples:\n  \
bowline validate\n  bowline validate desired-state/production\n  bowline validate -o json . | jq '.findings[].location'"
    )]
    Validate(Validate),
    /// Compare git with live AWS, and say what apply would do; changes nothing
    #[command(
        after_help = "A local repository is read at the commit of its branch: what is not committed is not seen.\nExit \
code: 0 no differences, 1 differences, 2 an error, or anything that could not be read.\n\nExamples:\n  bowline plan\n  \
bowline plan --repo . --path desired-state\n  bowline plan --repo https://git.example.com/acme/desired-state.git --ref main \
--service web"
    )]
    Plan(Selection),
    /// Make live AWS as git says, and wait until the rollouts ended
    #[command(
        after_help = "Without bowline.yaml, a person at the shell is the ceiling: what each Target's mode and \
capabilities allow is done, and nothing is remembered afterwards (what failed before is read from the deployment history of \
ECS). With bowline.yaml, its ceiling and its store apply, and a running controller with the same store is refused.\nIf the \
branch moves meanwhile, --yes follows it and says so; without --yes apply stops, since nobody has seen that plan.\nExit \
code: 0 converged, 1 something is held or was rolled back, 2 an error, or anything that could not be read.\n\nExamples:\n  \
bowline apply --repo . --target staging\n  bowline apply --yes -o json"
    )]
    Apply(Apply),
    /// Run the controller: watch git and AWS, repair drift, serve status
    #[command(
        after_help = "Without `ceiling.mode` in bowline.yaml it only observes. SIGTERM and Ctrl-C end the current call \
and persist, within 20 s.\nExit code: 0 after SIGTERM or Ctrl-C, 2 when it cannot start or go on.\n\nExamples:\n  bowline run --config /etc/bowline/bowline.yaml --log-format json\n  \
BOWLINE_REPO=https://git.example.com/acme/desired-state.git bowline run"
    )]
    Run(Listen),
    /// Show what the running controller knows
    #[command(
        after_help = "Exit code: 0 everything is in sync, 1 something is not, 2 no controller answers.\n\nExamples:\n  \
bowline status\n  bowline status -o json | jq '.totals'"
    )]
    Status(Listen),
    /// Show what happened, newest first
    #[command(
        after_help = "Exit code: 0, or 2 when no controller answers.\n\nExamples:\n  bowline history\n  bowline history \
web --limit 5"
    )]
    History(History),
    /// Show how one resource differs, as of the controller's last pass
    #[command(
        after_help = "Exit code: 0 in sync, 1 not, 2 no controller answers or it does not know the resource.\n\n\
Examples:\n  bowline diff web\n  bowline diff Secret/db-password"
    )]
    Diff(Diff),
    /// Play with a simulated AWS, a git repository and the controller; needs no AWS account
    #[command(
        after_help = "Nothing outside a temporary folder is read or written, and everything goes when it ends (Ctrl-C).\n\
Exit code: 0 ended as asked, or the story is true; 2 an error, or a step of the story did not come true.\n\nExamples:\n  \
bowline demo\n  bowline demo --exit"
    )]
    Demo(Demo),
}

/// Arguments of `validate`.
#[derive(Debug, ClapArgs)]
pub struct Validate {
    /// The folder that holds the manifests
    #[arg(default_value = ".")]
    pub path: PathBuf,
}

/// Arguments of `demo`.
#[derive(Debug, ClapArgs)]
pub struct Demo {
    /// Play a story, check each step with an SDK client of its own, and end
    #[arg(long)]
    pub exit: bool,
}

/// Which desired state, and which part of it.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Selection {
    /// The repository: a URL or a local folder
    #[arg(long, value_name = "URL|PATH")]
    pub repo: Option<String>,
    /// The branch or tag; without it, the repository's HEAD
    #[arg(long = "ref", value_name = "REF")]
    pub reference: Option<String>,
    /// The folder inside the repository
    #[arg(long, value_name = "DIR")]
    pub path: Option<String>,
    /// Only this Target
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Only this EcsService, with its secrets and the services it depends on
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
}

impl Selection {
    /// True if only a part of the desired state was asked for.
    pub fn is_partial(&self) -> bool {
        self.target.is_some() || self.service.is_some()
    }
}

/// Arguments of `apply`.
#[derive(Debug, ClapArgs)]
pub struct Apply {
    /// What to apply.
    #[command(flatten)]
    pub selection: Selection,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Where the controller listens.
#[derive(Debug, Default, ClapArgs)]
pub struct Listen {
    /// Where the controller listens [default: 127.0.0.1:7474]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
}

/// Arguments of `history`.
#[derive(Debug, ClapArgs)]
pub struct History {
    /// Only of this resource
    #[arg(value_name = "SERVICE")]
    pub service: Option<String>,
    /// How many events
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "NUMBER")]
    pub limit: u32,
    /// Where to ask.
    #[command(flatten)]
    pub listen: Listen,
}

/// Arguments of `diff`.
#[derive(Debug, ClapArgs)]
pub struct Diff {
    /// The resource: a name, or Kind/name
    pub service: String,
    /// Where to ask.
    #[command(flatten)]
    pub listen: Listen,
}

impl Args {
    /// The flags as the last layer of the configuration.
    pub fn layer(&self) -> Layer {
        let none = Selection::default();
        let nowhere = Listen::default();
        let (selection, listen) = match &self.verb {
            Verb::Plan(selection) => (selection, &nowhere),
            Verb::Apply(apply) => (&apply.selection, &nowhere),
            Verb::Run(listen) | Verb::Status(listen) => (&none, listen),
            Verb::History(history) => (&none, &history.listen),
            Verb::Diff(diff) => (&none, &diff.listen),
            Verb::Validate(_) | Verb::Demo(_) => (&none, &nowhere),
        };
        let format = self.global.log_format.and_then(|format| format.to_possible_value());
        Layer::default()
            .with("repo", "--repo", selection.repo.clone())
            .with("ref", "--ref", selection.reference.clone())
            .with("path", "--path", selection.path.clone())
            .with("listen", "--listen", listen.listen.clone())
            .with("log.format", "--log-format", format.map(|value| value.get_name().to_owned()))
            .with("aws.endpointUrl", "--endpoint-url", self.global.endpoint_url.clone())
    }
}
