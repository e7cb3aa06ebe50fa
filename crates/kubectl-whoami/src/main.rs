//! `kubectl whoami`: shows who the API server thinks you are, which credential says so, when it
//! expires, and the source of this information.
//!
//! # Layout
//! * `args`: the command line; `completion`: the completion of flag values
//! * `kubectl_flags`: hints for flags of other kubectl commands
//! * `command`: dispatches to `report`, `contexts` or `can`
//! * `identity`: the user according to the server
//! * `credential`: the credentials that were sent to the server
//! * `report`: all facts about one connection, and the formats of `-o`
//! * `contexts`: the reports of all contexts (`--all-contexts`)
//! * `can`: asks whether requests would be allowed (`--can`)
//! * `remaining`: formats the remaining time

mod args;
mod can;
mod command;
mod completion;
mod contexts;
mod credential;
mod identity;
mod kubectl_flags;
mod remaining;
mod report;

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_plugin::command::run(command::whoami)
}
