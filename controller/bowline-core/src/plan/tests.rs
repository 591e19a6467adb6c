//! Tables: one small world a rule, whole values asserted.

mod autoscaling;
mod commits;
mod controller;
mod convergence;
mod creation;
mod deploy;
mod health;
mod ignored;
mod learning;
mod needs;
mod orphans;
mod ownership;
mod ports;
mod quarantine;
mod records;
mod retry;
mod secrets;
mod settings;
mod states;
mod stop;
mod suspension;
mod tags;
mod terraform;
mod waits;
