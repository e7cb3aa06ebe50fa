//! The oracle: judges what a watch printed by what was committed.
//!
//! However a schedule of faults went, in the end
//! * the output without its synthetic lines is a part of the history, in order, and nothing comes
//!   twice;
//! * the versions of an object only rise;
//! * the state that the output leads to is the server's;
//! * every event that is missing lies in a gap that was announced.
//!
//! The same judge serves schedules in virtual time (unit tests of `kubectl-rawwatch`) and those of
//! a real API server (`tests/rawwatch/oracle.rs`); `cargo xtask oracle` runs more of both, by the
//! variables that [`settings`] reads.

mod judge;
mod line;
pub mod settings;

pub use judge::{Report, State, Trial, announced_gap};
pub use line::{Change, Event, Line};
