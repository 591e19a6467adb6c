//! Tables: one small world a rule, whole values asserted.

mod convergence;
mod deploy;
mod learning;
mod needs;
mod ownership;
mod quarantine;
mod records;
mod secrets;
mod settings;
mod states;
mod waits;
