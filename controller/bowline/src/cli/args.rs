//! The command line, as clap types.

mod commit;

use std::path::PathBuf;

use bowline_core::name::{
    AccountId, BucketName, ClusterName, NameError, ObjectKey, Region, ResourceName, ServiceName,
};
use clap::{ArgGroup, Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::config::{Layer, LogFormat};
pub use commit::{Accept, Commit, CommitVerb, Release, Restart, Resume, Retry, Rollback, Scale, Suspend};

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
    /// Write manifests of what is live, so that the first plan is empty
    #[command(
        after_help = "FOLDER is the one that Bowline reads: what it declares already is left alone. One folder per Target \
is made in it, with a file per resource. Services run the revision that they run now (--files: a JSON file each, without what \
AWS fills in). Secrets are those that the containers read when they start, on their current version; no value is ever read. \
A new Target is in mode observe.\nEverything is read before anything is written. Nothing is deleted, and without --force nothing overwritten.\n\
Exit code: 0 written, or nothing to write; 1 refused: something is in the way, or looks confidential; 2 an error, or something \
could not be read.\n\nExamples:\n  bowline import --target prod --cluster prod-cluster desired-state\n  bowline import --target \
prod --service web --service worker\n  bowline import --all --files --counts desired-state\n  bowline import --target prod \
--terraform-state s3://acme-states/prod/app.tfstate"
    )]
    Import(Import),
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
    /// Tell why a resource is in its state, what is waited for, and what a person can do
    #[command(
        after_help = "Asked of the running controller; where none answers, of AWS, as `plan` does.\nExit code: 0 in sync, 1 not, 2 an \
error, or it is not known.\n\nExamples:\n  bowline explain web\n  bowline explain Secret/db-password -o json"
    )]
    Explain(Explain),
    /// The verbs that are commits.
    #[command(flatten)]
    Commit(CommitVerb),
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

/// Arguments of `import`.
#[derive(Debug, ClapArgs)]
#[command(group(ArgGroup::new("what").args(["target", "cluster", "all"]).required(true).multiple(true)))]
pub struct Import {
    /// The folder that holds, or will hold, the manifests
    #[arg(default_value = ".", value_name = "FOLDER")]
    pub folder: PathBuf,
    /// The Target: one of the folder, or with --cluster the name of a new one
    #[arg(long, value_name = "NAME", value_parser = ResourceName::parse)]
    pub target: Option<ResourceName>,
    /// The cluster; without --target, a new Target is named after it
    #[arg(long, value_name = "CLUSTER", value_parser = ClusterName::parse)]
    pub cluster: Option<ClusterName>,
    /// Every cluster of the account and region that has services, each as a Target
    #[arg(long, conflicts_with_all = ["target", "cluster", "service", "terraform_state"])]
    pub all: bool,
    /// Only this service, by its name at ECS; may be given several times
    #[arg(long, value_name = "SERVICE", value_parser = ServiceName::parse)]
    pub service: Vec<ServiceName>,
    /// The account that the credentials must belong to [default: the one that they belong to]
    #[arg(long, value_name = "ID", value_parser = AccountId::parse)]
    pub account: Option<AccountId>,
    /// The region [default: the AWS SDK's]
    #[arg(long, value_name = "REGION", value_parser = Region::parse)]
    pub region: Option<Region>,
    /// A Terraform state, pinned to its current version; may be given several times
    #[arg(long, value_name = "s3://BUCKET/KEY", value_parser = StatePlace::parse)]
    pub terraform_state: Vec<StatePlace>,
    /// What is written of each service.
    #[command(flatten)]
    pub form: Form,
    /// Overwrite files that are in the way, and write anew what an earlier import wrote
    #[arg(long)]
    pub force: bool,
}

/// What `import` writes of each service.
#[derive(Debug, ClapArgs)]
pub struct Form {
    /// Write task definitions as JSON files, instead of pinning the revisions that run
    #[arg(long)]
    pub files: bool,
    /// A variable, label, option, header or tag that may be written although it looks confidential; may be given several times
    #[arg(long, value_name = "NAME")]
    pub allow_env: Vec<String>,
    /// Write desiredCount, too: git then owns it, and autoscaling must not
    #[arg(long)]
    pub counts: bool,
}

/// Where a Terraform state is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatePlace {
    /// The bucket.
    pub bucket: BucketName,
    /// The object's key.
    pub key: ObjectKey,
}

impl StatePlace {
    /// Parses `s3://bucket/key`.
    fn parse(text: &str) -> Result<Self, NameError> {
        let form = || NameError {
            found: text.to_owned(),
            expected: "a place such as s3://bucket/path/to/state.tfstate",
        };
        let (bucket, key) =
            text.strip_prefix("s3://").and_then(|rest| rest.split_once('/')).ok_or_else(form)?;
        Ok(Self { bucket: BucketName::parse(bucket)?, key: ObjectKey::parse(key)? })
    }
}

/// Arguments of `demo`.
#[derive(Debug, ClapArgs)]
pub struct Demo {
    /// Play a story, check each step with an SDK client of its own, and end
    #[arg(long)]
    pub exit: bool,
}

/// Which repository.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Repository {
    /// The repository: a URL or a local folder
    #[arg(long, value_name = "URL|PATH")]
    pub repo: Option<String>,
    /// The branch or tag; without it, the repository's HEAD
    #[arg(long = "ref", value_name = "REF")]
    pub reference: Option<String>,
    /// The folder inside the repository
    #[arg(long, value_name = "DIR")]
    pub path: Option<String>,
}

/// Which desired state, and which part of it.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Selection {
    /// Where it is.
    #[command(flatten)]
    pub repository: Repository,
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

/// Arguments of `explain`.
#[derive(Debug, ClapArgs)]
pub struct Explain {
    /// The resource: a name, or Kind/name
    pub resource: String,
    /// Where it is described.
    #[command(flatten)]
    pub repository: Repository,
    /// Where to ask.
    #[command(flatten)]
    pub listen: Listen,
}

impl Args {
    /// The flags as the last layer of the configuration.
    pub fn layer(&self) -> Layer {
        let (nothing, nowhere, no_commit) = (Repository::default(), Listen::default(), Commit::default());
        let (repository, listen, commit) = match &self.verb {
            Verb::Plan(selection) | Verb::Apply(Apply { selection, .. }) => {
                (&selection.repository, &nowhere, &no_commit)
            }
            Verb::Run(listen) | Verb::Status(listen) => (&nothing, listen, &no_commit),
            Verb::History(history) => (&nothing, &history.listen, &no_commit),
            Verb::Diff(diff) => (&nothing, &diff.listen, &no_commit),
            Verb::Explain(explain) => (&explain.repository, &explain.listen, &no_commit),
            Verb::Commit(verb) => {
                let commit = verb.commit();
                (&commit.repository, verb.listen().unwrap_or(&nowhere), commit)
            }
            Verb::Validate(_) | Verb::Import(_) | Verb::Demo(_) => (&nothing, &nowhere, &no_commit),
        };
        let format = self.global.log_format.and_then(|format| format.to_possible_value());
        Layer::default()
            .with("repo", "--repo", repository.repo.clone())
            .with("ref", "--ref", repository.reference.clone())
            .with("path", "--path", repository.path.clone())
            .with("git.delivery", "--push", commit.push.then(|| "push".to_owned()))
            .with("listen", "--listen", listen.listen.clone())
            .with("log.format", "--log-format", format.map(|value| value.get_name().to_owned()))
            .with("aws.endpointUrl", "--endpoint-url", self.global.endpoint_url.clone())
    }
}
