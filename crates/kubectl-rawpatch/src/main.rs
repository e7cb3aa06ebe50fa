//! `kubectl rawpatch`: sends a PATCH to a raw API path and reports what happened to it.
//!
//! # Layout
//! * `args`: the command line
//! * `completion`: the completion of flag values
//! * `kubectl_flags`: hints for flags of other kubectl commands
//! * `source`: reads the patch from a flag, a file or stdin
//! * `body`: checks the patch and converts it to the JSON that is sent
//! * `request`: builds the request from the command line and the body, without I/O
//! * `query`: adds and checks the query parameters of the request
//! * `collection`: patches several objects
//! * `patch`: runs the command: one patch to one object
//! * `apply`: applies the patch, and knows what happened to it
//! * `diff`: shows what the patch would change
//! * `report`: writes the response and the outcome of a patch that succeeded
//! * `dropped_fields`: compares the patch with the response
//! * `evaluate`: evaluates a patch without the server
//! * `live_object`: reads the object that is stored on the server
//! * `replay`: names the operation of a JSON patch that failed
//! * `hints`: suggests a remedy for a refusal

mod apply;
mod args;
mod body;
mod collection;
mod completion;
mod diff;
mod dropped_fields;
mod evaluate;
mod hints;
mod kubectl_flags;
mod live_object;
mod patch;
mod query;
mod replay;
mod report;
mod request;
mod source;

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_plugin::command::run(patch::patch)
}
