//! Tables: one small world a rule, whole values asserted.

mod convergence;
mod deploy;
mod health;
mod learning;
mod needs;
mod quarantine;
mod records;
mod retry;
mod secrets;
mod settings;
mod states;
mod stop;
mod waits;
