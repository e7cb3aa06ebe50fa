//! `kubectl rawwatch`: watches raw API paths without silently losing, repeating or tearing an event.
//!
//! # Layout
//! * `args`: the command line; `completion`: the values that a shell offers for it
//! * `kubectl_flags`: hints for flags of other kubectl commands
//! * `plan`: checks the command line and plans the run; `run`: carries out the plan
//! * `target`: turns a path and its selectors into requests; `representation`: how much
//!   of each object the requests ask for; `single`: reads one object without listing it
//! * `driver`: carries out the demands of a watcher; `requests`: sends its requests; `clock`:
//!   measures its time
//! * `watcher`: the state machine of one collection, without I/O or a clock
//! * `wire`: parses responses and events
//! * `output`: prints events, and decides when the run is done
//! * `resume`: the resume file; `cluster`: the cluster that it belongs to; `signals`: ends a run after a signal

mod args;
mod clock;
mod cluster;
mod completion;
mod driver;
mod kubectl_flags;
mod output;
mod plan;
mod representation;
mod requests;
mod resume;
mod run;
mod signals;
mod single;
mod target;
mod watcher;
mod wire;

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_plugin::command::run(run::watch)
}
