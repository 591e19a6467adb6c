//! The simulator as a program of its own, for tests and people that do not use Rust.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bowline_sim::{GitHubConfig, Simulator, SimulatorConfig};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// A simulated AWS: ECS, Secrets Manager, S3, STS and scalable targets on one endpoint.
#[derive(Parser)]
struct Args {
    /// Where to listen; port 0 takes any free one.
    #[arg(long, default_value = "127.0.0.1:4567")]
    listen: SocketAddr,
    /// Simulated seconds in a real one; 0 stands still until `POST /_sim/advance`.
    #[arg(long, default_value_t = 1.0)]
    time_scale: f64,
    /// Refuse ECS calls beyond AWS's documented rates.
    #[arg(long)]
    throttle: bool,
    /// Hold back each reply, for example 20ms or 1.5s.
    #[arg(long, value_parser = parse_latency, default_value = "0ms")]
    latency: Duration,
    /// The account of callers whose access key names none.
    #[arg(long, default_value = "111122223333")]
    account: String,
    /// On a rollback, the old deployment becomes PRIMARY again under its own id.
    #[arg(long)]
    rollback_keeps_id: bool,
    /// Also simulate a GitHub, on this address; port 0 takes any free one.
    #[arg(long)]
    github: Option<SocketAddr>,
    /// Where identifiers start.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

fn parse_latency(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1e-3),
        None => (text.strip_suffix('s').ok_or("write it as 20ms or 1.5s")?, 1.0),
    };
    let number: f64 = number.parse().map_err(|_| "write it as 20ms or 1.5s".to_owned())?;
    Duration::try_from_secs_f64(number * unit).map_err(|error| error.to_string())
}

#[tokio::main]
#[allow(clippy::print_stdout)] // The ready line is this program's contract with whoever started it.
async fn main() -> io::Result<()> {
    let args = Args::parse();
    let mut terminate = signal(SignalKind::terminate())?;
    let simulator = Simulator::start(SimulatorConfig {
        listen: args.listen,
        default_account: args.account,
        time_scale: args.time_scale,
        latency: args.latency,
        throttle: args.throttle,
        seed: args.seed,
        rollback_keeps_id: args.rollback_keeps_id,
    })
    .await?;
    let github = match args.github {
        Some(listen) => {
            let config =
                GitHubConfig { listen, latency: args.latency, seed: args.seed, ..GitHubConfig::default() };
            Some(simulator.start_github(config).await?)
        }
        None => None,
    };
    if let Some(github) = &github {
        println!("simulated GitHub at {}", github.url());
    }
    println!("bowline-sim ready at {}", simulator.url());
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    if let Some(github) = github {
        github.stop().await;
    }
    simulator.stop().await;
    Ok(())
}
