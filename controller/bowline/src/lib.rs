//! The shell of Bowline: it talks to git, AWS and people; `bowline-core` decides.

pub mod aws;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod engine;
pub mod execute;
pub mod http;
pub mod observe;
pub mod preview;
pub mod probe;
pub mod rollback;
pub mod source;
pub mod store;
pub mod verb;
