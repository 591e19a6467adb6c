//! `bowline import`: manifests of what is live, so that the first plan is empty. Everything is read first; then all of it is
//! written, or nothing.

mod progress;
mod report;
mod sites;
mod write;

use bowline_core::desired::Severity;
use bowline_core::desired::kind::Mode;
use bowline_core::import::{Folder, Inventory, Options, manifests};
use bowline_core::live::{UnknownCategory, UnknownReason};
use bowline_core::policy::unreadable;

use super::args::Import;
use super::output::Output;
use crate::config::Config;
use crate::engine::wiring;
use crate::observe::inventory::{Incomplete, Wanted, inventory};
use crate::source::folder;
use progress::Progress;

/// The exit code when a person has to decide something first. Nothing was written then.
const REFUSED: u8 = 1;

pub(super) async fn import(config: &Config, args: &Import, output: Output) -> anyhow::Result<u8> {
    if args.folder.exists() && !args.folder.is_dir() {
        anyhow::bail!(
            "{}: is not a folder; give the one that holds, or will hold, the manifests",
            args.folder.display()
        );
    }
    let (state, findings, path) =
        folder::read_if_any(&args.folder).map_err(|error| anyhow::anyhow!(error.sentence()))?;
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    if errors > 0 {
        anyhow::bail!(
            "{folder}: {errors} of its findings are errors, so that nobody can tell what it declares already; see \
             `bowline validate {folder}`, and correct them first",
            folder = args.folder.display()
        );
    }
    let folder = Folder { state: &state, path: &path };
    let aws = wiring::aws(config).await;
    let progress = Progress::new();
    let ceiling = config.ceiling.ceiling(Mode::Observe);
    let sites = sites::sites(&aws, folder, &ceiling, args).await?;
    let mut inventories: Vec<Inventory> = Vec::new();
    for site in sites {
        if let Some(why) = unreadable(&site.name, &site.target, &ceiling) {
            return Err(unread(&[why]));
        }
        let session = aws.session(&site.name, &site.target).await;
        session.verify_account().await.map_err(|why| unread(&[why]))?;
        let wanted = Wanted {
            services: args.service.iter().cloned().collect(),
            states: args
                .terraform_state
                .iter()
                .map(|state| (state.bucket.clone(), state.key.clone()))
                .collect(),
        };
        let cluster = site.target.cluster.clone();
        let read = inventory(&session, site, wanted, &|step| progress.show(cluster.as_str(), step)).await;
        let found = read.map_err(|error| incomplete(cluster.as_str(), error))?;
        if !args.all || !found.services.is_empty() {
            inventories.push(found);
        }
    }
    progress.end();
    let options = Options {
        counts: args.form.counts,
        files: args.form.files,
        allowed: args.form.allow_env.iter().cloned().collect(),
        again: args.force,
    };
    let manifests = manifests(folder, &inventories, &options);
    let plan = write::compare(&args.folder, &manifests, args.force)?;
    let refused = !manifests.suspects.is_empty() || !plan.in_the_way.is_empty();
    if !refused {
        write::write(&args.folder, &plan.files)?;
    }
    let code = if refused { REFUSED } else { 0 };
    let document = report::document(&args.folder, &inventories, &manifests, &plan, code);
    output.result(&document, || report::text(&document))?;
    Ok(code)
}

/// Why there is nothing to write: as one error, that says all of it.
fn incomplete(cluster: &str, error: Incomplete) -> anyhow::Error {
    let listed = |names: Vec<String>| names.join("`, `");
    match error {
        Incomplete::Unread(reasons) => unread(&reasons),
        Incomplete::NoSuchServices(names) => anyhow::anyhow!(
            "the cluster `{cluster}` has no service named `{}`; `aws ecs list-services --cluster {cluster}` lists those that it \
             has. Nothing was written",
            listed(names.iter().map(ToString::to_string).collect())
        ),
        Incomplete::NoSuchStates(places) => anyhow::anyhow!(
            "there is no object `{}`; nothing was written",
            listed(places.iter().map(|(bucket, key)| format!("s3://{bucket}/{key}")).collect())
        ),
    }
}

fn unread(reasons: &[UnknownReason]) -> anyhow::Error {
    let mut lines: Vec<String> =
        reasons.iter().map(|why| format!("{}\n    {}", why.message, advice(why))).collect();
    lines.dedup();
    let lead = if lines.len() == 1 { String::new() } else { format!("{} reads failed:\n  ", lines.len()) };
    anyhow::anyhow!("{lead}{}\n  Nothing was written.", lines.join("\n  "))
}

/// The hint of a reason, where it speaks of a controller that looks again by itself.
fn advice(why: &UnknownReason) -> String {
    match why.category {
        UnknownCategory::Throttled => {
            "The account's API rate is used up, perhaps by others: run it again, or for some services at a time (--service)."
                .to_owned()
        }
        UnknownCategory::Unreachable => {
            "Check the network, the region and AWS_ENDPOINT_URL, and run it again.".to_owned()
        }
        UnknownCategory::ServerError | UnknownCategory::BadAnswer | UnknownCategory::NotRead => {
            "AWS, or something on the way, has a problem: run it again.".to_owned()
        }
        UnknownCategory::WrongAccount => {
            "Use credentials of that account, or take another Target, or another --account.".to_owned()
        }
        UnknownCategory::Denied => format!("{} deploy/iam/import.json lists all that import calls.", why.hint),
        UnknownCategory::NoCredentials
        | UnknownCategory::InvalidCredentials
        | UnknownCategory::OutsideCeiling
        | UnknownCategory::Unsupported
        | UnknownCategory::SuspiciouslyMissing
        | UnknownCategory::Refused => why.hint.clone(),
    }
}
