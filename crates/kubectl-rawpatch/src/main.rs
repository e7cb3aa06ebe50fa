//! `kubectl rawpatch`: sends a PATCH to a raw API path, and knows what became of it.
//!
//! # Layout
//! * `args`: the command line, nothing else; `completion` is what a shell offers there.
//! * `body`: what the user gave as a patch → the bytes to send, checked.
//! * `request`: the command line and the body → the request, without any I/O; `query` is
//!   its parameters.
//! * `patch`: sends it and says what became of it.
//! * `current`: the object as the server has it now, where that must be known.
//! * `hints`: the remedies for what servers answer, one table.

mod args;
mod body;
mod completion;
mod current;
mod hints;
mod patch;
mod query;
mod request;

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_plugin::command::run(patch::patch)
}
