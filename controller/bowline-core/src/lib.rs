//! Decides what Bowline does. Pure: everything it needs, time included, is an argument.
//!
//! Each room answers one question; the shell crate `bowline` does the talking, waiting and storing.
//!
//! | room | question |
//! |---|---|
//! | [`name`] | what is a valid name? |
//! | [`desired`] | what should be? |
//! | [`live`] | what is? |
//! | [`diff`] | what differs? |
//! | [`plan`] | what to do, in which order? |
//! | [`policy`] | may we? |
//! | [`rollout`] | did it work? |
//! | [`rollback`] | what failed before, what was last good, and what is to be reverted? |
//! | [`edit`] | how is one resource changed in its file, and nothing else? |
//! | [`preview`] | what would a pull request do, and is anything wrong with it? |
//! | [`import`] | what would git say of what is live? |
//! | [`verb`] | what does a verb of the command line change in git? |

pub mod desired;
pub mod diff;
pub mod edit;
pub mod import;
pub mod live;
pub mod name;
pub mod plan;
pub mod policy;
pub mod preview;
pub mod rollback;
pub mod rollout;
pub mod verb;
