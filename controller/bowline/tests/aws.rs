//! The rooms `aws`, `observe` and `execute` against the simulator, on the wire.

#[path = "aws/actions.rs"]
mod actions;
#[path = "aws/failures.rs"]
mod failures;
#[path = "aws/reads.rs"]
mod reads;
#[path = "aws/world.rs"]
mod world;
