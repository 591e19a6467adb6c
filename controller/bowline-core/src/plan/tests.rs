//! Tables: one small world a rule, whole values asserted.

mod convergence;
mod creation;
mod deploy;
mod learning;
mod needs;
mod orphans;
mod ownership;
mod quarantine;
mod records;
mod secrets;
mod settings;
mod states;
mod waits;
