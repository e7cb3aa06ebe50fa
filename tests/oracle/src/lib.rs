//! The oracle: checks the output of a watch against what was committed.
//!
//! After any schedule of faults:
//! * the output without its synthetic lines is a subsequence of the history, without duplicates;
//! * the resource versions of an object only increase;
//! * applying the output yields the server's state;
//! * every missing event lies in an announced gap.
//!
//! The oracle judges schedules in virtual time (unit tests of `kubectl-rawwatch`) and schedules
//! against a real API server (`tests/rawwatch/oracle.rs`). `cargo xtask oracle` runs more of both, and
//! passes their number in the variables that [`settings`] reads.

mod judge;
mod line;
pub mod settings;

pub use judge::{Evidence, Report, Rollback, State, announced_gap};
pub use line::{Event, EventType, Line};
