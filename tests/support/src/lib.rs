//! Helpers for the tests of the built plugins. Every helper panics when it fails, as a test does.
//!
//! # Layout
//! | name | file | does |
//! |---|---|---|
//! | [`command()`], [`run`] | `command.rs` | runs a program in a clean environment |
//! | [`help_tests`] | `command.rs` | defines the tests of a plugin's help |
//! | [`assert_flags_are_explained`] | `command.rs` | compares the flags of a plugin with kubectl's |
//! | [`Outcome`] | `outcome.rs` | holds the output and the end of a command |
//! | [`admin`], [`create`], [`read`], … | `objects.rs` | creates objects on the shared control plane |
//! | [`unique`] | `objects.rs` | makes names that no other test uses |
//! | [`Program`] | `programs.rs` | finds installed programs, and the packages of missing ones |
//! | [`write_program`] | `programs.rs` | writes a script that can be executed |
//! | [`pseudo_terminal`] | `pseudo_terminal.rs` | shows a program a terminal |
//! | [`mount_namespace`] | `mount_namespace.rs` | shows a program other files at fixed paths |

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::return_self_not_must_use,
    reason = "a helper that fails ends its test"
)]

mod command;
pub mod mount_namespace;
mod objects;
mod outcome;
mod programs;
pub mod pseudo_terminal;

pub use command::{assert_flags_are_explained, command, help, run};
pub use objects::{admin, config_map, create, deployment, read, unique};
pub use outcome::Outcome;
pub use programs::{Program, programs_are_required, write_program};
