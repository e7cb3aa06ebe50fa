//! `kubectl rawwatch`: watches raw API paths without silently losing, repeating or tearing an event.
//!
//! # Layout
//! * `args`: the command line; `completion`: the values that a shell offers for it
//! * `plan`: the checked plan of a run; `run`: carries it out
//! * `target`: turns a path and its selectors into requests; `representation`: the form in which the
//!   server is asked for objects
//! * `driver`: does what a watcher demands, by the `clock`
//! * `watcher`: the state machine of one collection, without I/O or a clock
//! * `wire`: what the server sends
//! * `output`: what a run prints, and what it waits for
//! * `resume`: the resume file; `signals`: the end of a run by a signal

mod args;
mod clock;
mod completion;
mod driver;
mod output;
mod plan;
mod representation;
mod resume;
mod run;
mod signals;
mod target;
mod watcher;
mod wire;

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_plugin::command::run(run::watch)
}
