//! Tables: one small world a rule, whole values asserted.

mod autoscaling;
mod convergence;
mod deploy;
mod ignored;
mod learning;
mod needs;
mod quarantine;
mod records;
mod secrets;
mod settings;
mod states;
mod terraform;
mod waits;
