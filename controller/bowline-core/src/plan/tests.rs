//! Tables: one small world a rule, whole values asserted.

mod autoscaling;
mod convergence;
mod creation;
mod deploy;
mod ignored;
mod learning;
mod needs;
mod orphans;
mod ownership;
mod quarantine;
mod records;
mod secrets;
mod settings;
mod states;
mod suspension;
mod terraform;
mod waits;
