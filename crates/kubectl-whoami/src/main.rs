//! `kubectl whoami`: shows who the API server thinks you are, which credential says so, and when it
//! expires; and how that is known.
//!
//! # Layout
//! * `args`: the command line; `completion`: the values that a shell offers for it
//! * `command`: chooses what the flags ask for
//! * `identity`: who the server says you are; its `ladder` asks one `review` after the other
//! * `credential`: what was sent to the server, and which part of it counted; `explanation` lists what
//!   may be wrong with it after a bare `Unauthorized`
//! * `report`: all facts about one connection, and how `-o` prints them
//! * `contexts`: the reports of all contexts, side by side (`--all-contexts`)
//! * `can`: whether a request would be allowed (`--can`)
//! * `remaining`: the time left, in words

mod args;
mod can;
mod command;
mod completion;
mod contexts;
mod credential;
mod identity;
mod remaining;
mod report;

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_plugin::command::run(command::whoami)
}
