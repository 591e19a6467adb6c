//! `status`, `history` and `diff`: what the running controller tells over HTTP.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context;
use bowline_core::desired::Severity;
use bowline_core::plan::{ResourceReport, Sync};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use owo_colors::OwoColorize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use super::args::History;
use super::output::Output;
use super::{findings, text};
use crate::config::Config;
use crate::engine::status::{Standing, Status};
use crate::http::HistoryDocument;

/// How long the controller may take to answer; it answers from memory.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The largest answer that is read: the status of 5,000 services with all their differences is below it.
const MOST_BYTES: usize = 64 << 20;

pub(super) async fn status(config: &Config, output: Output) -> anyhow::Result<u8> {
    let status: Status = get(config, "/api/v1/status").await?;
    output.result(&status, || render(&status))?;
    Ok(u8::from(!is_clean(&status)))
}

pub(super) async fn history(config: &Config, args: &History, output: Output) -> anyhow::Result<u8> {
    let mut path = format!("/api/v1/history?limit={}", args.limit);
    if let Some(service) = &args.service {
        let name = bowline_core::name::ResourceName::parse(service)?;
        let _ = write!(path, "&service={name}");
    }
    let document: HistoryDocument = get(config, &path).await?;
    output.result(&document, || {
        let mut text = String::new();
        for event in &document.events {
            let commit = event.commit.get(..8).unwrap_or(&event.commit);
            let at = event.at.split_once('.').map_or(event.at.as_str(), |(seconds, _)| seconds);
            let at = at.trim_end_matches('Z');
            let _ =
                writeln!(text, "{}  {}  {:24}  {}", at.dimmed(), commit.dimmed(), event.kind, event.message);
        }
        if text.is_empty() { "nothing has happened yet\n".to_owned() } else { text }
    })?;
    Ok(0)
}

pub(super) async fn diff(config: &Config, wanted: &str, output: Output) -> anyhow::Result<u8> {
    let status: Status = get(config, "/api/v1/status").await?;
    let matches = |report: &&ResourceReport| {
        report.resource.name.as_str() == wanted || report.resource.to_string() == wanted
    };
    let found: Vec<&ResourceReport> = status.reports().filter(matches).collect();
    if found.is_empty() {
        let known: Vec<String> =
            status.resources.iter().map(|report| report.resource.name.to_string()).collect();
        let known = if known.is_empty() { "nothing yet".to_owned() } else { known.join(", ") };
        anyhow::bail!("the controller does not know `{wanted}`; it knows: {known}");
    }
    output.result(&found, || found.iter().map(|report| text::detail(report)).collect())?;
    Ok(u8::from(!found.iter().all(|report| report.is_clean())))
}

fn is_clean(status: &Status) -> bool {
    status.pass.is_some()
        && status.problem.is_none()
        && status.git.standing == Standing::Fresh
        && status.findings.iter().all(|finding| finding.severity != Severity::Error)
        && status.resources.iter().all(|report| report.is_clean() && !report.has_unknown())
}

fn render(status: &Status) -> String {
    let mut result = text::git(&status.git);
    match &status.pass {
        Some(pass) => {
            let took = pass.finished_at.duration_since(pass.started_at).as_secs_f64();
            let _ = writeln!(result, "pass {} ended {:.0} ({took:.1} s)", pass.number, pass.finished_at);
        }
        None => result.push_str("the first pass has not ended\n"),
    }
    if let Some(problem) = &status.problem {
        let _ = writeln!(result, "{} {problem}", "problem:".red());
    }
    result.push('\n');
    result.push_str(&findings::render_errors(&status.findings));
    result.push_str(&text::table(&status.resources));
    if !status.resources.is_empty() {
        result.push('\n');
    }
    result.push_str(&text::rollbacks(&status.rollbacks));
    if let Some(wait) = &status.previews_wait {
        let _ = writeln!(result, "{wait}\n");
    }
    result.push_str(&text::orphans(&status.orphans));
    result.push_str(&text::totals(status.reports()));
    if status.totals.0.keys().any(|state| *state != Sync::InSync) {
        result.push_str("`bowline diff NAME` tells more of one\n");
    }
    result
}

/// Asks the controller.
pub(super) async fn get<T: DeserializeOwned>(config: &Config, path: &str) -> anyhow::Result<T> {
    let address = config.listen;
    let unreachable = || {
        format!(
            "no controller answers at http://{address}; start one with `bowline run`, or say where it listens with --listen"
        )
    };
    let answer = tokio::time::timeout(TIMEOUT, request(address, path)).await;
    let (code, body) =
        answer.map_err(anyhow::Error::new).and_then(|answer| answer).with_context(unreachable)?;
    if code != 200 {
        let document: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let message = document["error"]["message"].as_str().unwrap_or("without a reason");
        anyhow::bail!("the controller at http://{address} answered {code}: {message}");
    }
    serde_json::from_slice(&body).with_context(|| {
        format!("what answers at http://{address} is not this version of Bowline; check --listen")
    })
}

async fn request(address: std::net::SocketAddr, path: &str) -> anyhow::Result<(u16, Bytes)> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = hyper::Request::get(path).header("host", address.to_string()).body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let code = response.status().as_u16();
    let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!(error))?;
    Ok((code, body.to_bytes()))
}
