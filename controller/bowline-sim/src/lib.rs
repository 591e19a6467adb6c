//! A simulated AWS that speaks the real wire protocols: ECS, Secrets Manager and the scalable targets of Application Auto
//! Scaling over AWS JSON 1.1, S3 over REST-XML, STS over the query protocol, all on one endpoint; and, on another, a
//! simulated GitHub.
//!
//! Question it answers: what would AWS say, and what would it do next? Input: HTTP requests of any AWS client, and
//! time. Output: AWS's replies, a record of the calls, and faults on demand. It imports no AWS SDK and neither
//! `bowline-core` nor `bowline`: a misunderstanding they share with the simulator would go unseen.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use bowline_sim::{Fault, FaultRule, Simulator, SimulatorConfig};
//!
//! let simulator = Simulator::start(SimulatorConfig { time_scale: 10.0, ..SimulatorConfig::default() }).await?;
//! println!("aws --endpoint-url {} ecs list-clusters", simulator.url());
//! simulator.add_fault(FaultRule::new(Fault::Throttle).operation("DescribeServices").times(3));
//! # Ok(())
//! # }
//! ```
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use bowline_sim::{GitHub, GitHubConfig, Permissions, Protection, RepositorySettings};
//!
//! let github = GitHub::start(GitHubConfig::default()).await?; // or `simulator.start_github(...)`: one clock, one record of calls
//! let bare = github.create_repository("acme/infra", RepositorySettings::default())?;
//! let token = github.create_token("ada", Permissions::controller())?;
//! let rules = Protection { required_checks: vec!["ci".to_owned()], ..Protection::default() };
//! github.protect("acme/infra", "main", Some(rules))?;
//! println!("API at {}, git at {}, on disk at {}", github.url(), github.git_url("acme/infra"), bare.display());
//! # drop(token);
//! # Ok(())
//! # }
//! ```
//!
//! The access key id says who calls: 12 digits are that account, `ASIA` + 12 digits (handed out by `AssumeRole`) too,
//! `AKIAEXPIRED...` is expired, anything else is the default account. Image names say what their tasks do: a
//! repository ending in `/missing` cannot be pulled, `/crash` exits with 1 as it starts, `/unhealthy` never passes
//! a health check.

mod autoscaling;
mod calls;
mod clock;
mod config;
mod context;
mod control;
mod ecs;
mod elb;
mod faults;
mod github;
mod ids;
mod reply;
mod request;
mod s3;
mod secretsmanager;
mod server;
mod simulator;
mod sts;
#[cfg(test)]
mod tests;
mod throttle;

pub use calls::CallRecord;
pub use config::SimulatorConfig;
pub use faults::{Fault, FaultRule};
pub use github::{
    Access, Delivery, GitHub, GitHubApp, GitHubConfig, Permissions, Protection, RepositorySettings,
    SetUpError, Webhook,
};
pub use simulator::Simulator;
