//! `kubectl rawpatch`: sends a PATCH to a raw API path and reports what happened to it.
//!
//! # Layout
//! * `args`: the command line; `completion`: the values that a shell offers for it
//! * `source`: reads the patch from a flag, a file or stdin
//! * `body`: turns these bytes into the bytes to send, checked
//! * `request`: turns the command line and the body into a request, without I/O; `query` has its
//!   parameters
//! * `patch`: sends the request and reports the outcome
//! * `current`: reads the object as the server has it now
//! * `hints`: finds the remedy for a refusal

mod args;
mod body;
mod completion;
mod current;
mod hints;
mod patch;
mod query;
mod request;
mod source;

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_plugin::command::run(patch::patch)
}
