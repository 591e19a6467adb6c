//! What did the person ask for, and how is it told? Arguments in; text or JSON and an exit code out.
//!
//! May import every room. The only one that knows a terminal, prints, and uses `anyhow`.

mod apply;
pub mod args;
mod break_glass;
mod commit;
mod demo;
mod explain;
mod findings;
mod import;
mod knowledge;
mod narrow;
mod once;
mod output;
mod plan;
mod remote;
mod run;
mod text;
mod validate;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Config, FILE_NAME, Layer, LogFormat, VARIABLES};
use args::{Args, Format, Verb};
use output::Output;

/// The variable that says what is logged, as in `debug` or `bowline=debug,warn`. It is read before anything else.
const LOG: &str = "BOWLINE_LOG";

/// The exit code of everything that could not be done.
const FAILED: u8 = 2;

/// Runs the program: parses the process's arguments, does what they say, and gives the exit code.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage(error),
    };
    let output = Output { format: args.global.output };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return ExitCode::from(output.error(&anyhow::Error::new(error).context("no runtime"))),
    };
    let code = match runtime.block_on(dispatch(&args, output)) {
        Ok(code) => code,
        Err(error) => output.error(&error),
    };
    // A read that hangs on the network must not keep a finished process alive.
    runtime.shutdown_background();
    ExitCode::from(code)
}

async fn dispatch(args: &Args, output: Output) -> anyhow::Result<u8> {
    if let Verb::Validate(validate) = &args.verb {
        start_logging(args.global.log_format.unwrap_or_default(), "error");
        return validate::validate(validate, output);
    }
    if let Verb::Demo(demo) = &args.verb {
        start_logging(args.global.log_format.unwrap_or_default(), "error");
        return demo::demo(demo, output).await;
    }
    let config = load(args)?;
    let level = if matches!(args.verb, Verb::Run(_)) { "bowline=info,warn" } else { "error" };
    start_logging(config.log_format, level);
    match &args.verb {
        Verb::Validate(validate) => validate::validate(validate, output),
        Verb::Demo(demo) => demo::demo(demo, output).await,
        Verb::Plan(selection) => plan::plan(&config, selection, output).await,
        Verb::Apply(apply) => Box::pin(apply::apply(&config, apply, output)).await,
        Verb::Import(args) => import::import(&config, args, output).await,
        Verb::Run(_) => {
            warn_of_unknown_variables(&config);
            Box::pin(run::run(config)).await
        }
        Verb::Status(_) => remote::status(&config, output).await,
        Verb::History(history) => remote::history(&config, history, output).await,
        Verb::Diff(diff) => remote::diff(&config, &diff.service, output).await,
        Verb::Explain(args) => Box::pin(explain::explain(&config, args, output)).await,
        Verb::Commit(verb) => Box::pin(commit::commit(&config, verb, output)).await,
    }
}

/// The configuration of this call: the file, then the environment, then flags.
fn load(args: &Args) -> anyhow::Result<Config> {
    let beside = Path::new(FILE_NAME);
    let path: Option<PathBuf> =
        args.global.config.clone().or_else(|| beside.exists().then(|| beside.to_owned()));
    let environment = Layer::environment(|name| std::env::var(name).ok());
    Ok(Config::load(path.as_deref(), &[environment, args.layer()])?)
}

/// A misspelt variable would silently not hold Bowline back (`BOWLINE_MOED=observe`).
fn warn_of_unknown_variables(config: &Config) {
    let token = config.source.as_ref().and_then(|source| source.auth.token_env.as_deref());
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| name.starts_with("BOWLINE_")) else { continue };
        if !is_known(name) && Some(name) != token {
            tracing::warn!("the environment variable {name} is not one of Bowline's, and is ignored");
        }
    }
}

/// Whether a variable is one of Bowline's own.
fn is_known(variable: &str) -> bool {
    [LOG, "BOWLINE_CONFIG"].contains(&variable) || VARIABLES.iter().any(|(known, _)| *known == variable)
}

/// What is logged: what `BOWLINE_LOG` says, else `RUST_LOG`, else `level`. A filter that does not parse is told, and passed over.
fn log_filter(level: &str, get: impl Fn(&str) -> Option<String>) -> EnvFilter {
    for variable in [LOG, "RUST_LOG"] {
        let Some(directives) = get(variable).filter(|value| !value.is_empty()) else { continue };
        match EnvFilter::try_new(&directives) {
            Ok(filter) => return filter,
            Err(error) => output::tell(&format!(
                "warning: {variable} is no filter for the log, and is ignored: {error}\n"
            )),
        }
    }
    EnvFilter::new(level)
}

/// What is logged of clients at most, whatever was asked for: at `trace` they print whole requests and answers, and with them
/// environment values, commands and tags.
fn no_contents() -> Targets {
    let clients = ["aws_", "hyper", "h2"].map(|client| (client, LevelFilter::DEBUG));
    Targets::new().with_default(LevelFilter::TRACE).with_targets(clients)
}

fn start_logging(format: LogFormat, level: &str) {
    let filter = log_filter(level, |name| std::env::var(name).ok());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second subscriber is refused; that only happens when a test runs two verbs in one process.
    let _ = match format {
        LogFormat::Json => builder.json().flatten_event(true).finish().with(no_contents()).try_init(),
        LogFormat::Text => {
            let colour = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
            builder.with_ansi(colour).with_target(false).finish().with(no_contents()).try_init()
        }
    };
}

/// What was probably meant by a word that the verb does not take.
fn tip(error: &clap::Error, arguments: &[String]) -> Option<String> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg) else { return None };
    if error.kind() != ErrorKind::UnknownArgument || word.starts_with('-') {
        return None;
    }
    let has = |verb: &str| arguments.iter().any(|argument| argument == verb);
    if has("plan") || has("apply") {
        Some(format!("to name the repository, write `--repo {word}`; to name a service, `--service {word}`"))
    } else if has("status") {
        Some(format!("to see one resource, write `bowline diff {word}`"))
    } else {
        None
    }
}

/// Help and version are not errors; everything else that clap refuses exits with 2, as JSON if JSON was asked for.
fn usage(mut error: clap::Error) -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(tip) = tip(&error, &arguments) {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    let pair = |pair: &[String]| matches!(pair[0].as_str(), "-o" | "--output") && pair[1] == "json";
    let json = arguments.windows(2).any(pair)
        || arguments.iter().any(|argument| argument == "--output=json" || argument == "-ojson");
    if error.use_stderr() && json {
        let output = Output { format: Format::Json };
        let text = error.render().to_string();
        let message = text.strip_prefix("error: ").unwrap_or(&text).trim();
        return ExitCode::from(output.error(&anyhow::anyhow!("{message}")));
    }
    // Nothing is left to do when the terminal is gone.
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { FAILED } else { 0 })
}

#[cfg(test)]
mod tests;
