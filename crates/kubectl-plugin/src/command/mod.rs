//! Runs a plugin, from the command line to the exit code.
//!
//! A plugin is a clap struct and one async function, and its `main` calls [`run`]. [`run`] parses the
//! command line, reports the error that the function returns, and chooses the exit code.
//!
//! * `flags`: kubectl's flag syntax that clap does not support, and a frequent mistake in it
//! * `help`: the pages of help
//! * `parse_error`: clap's errors in kubectl's wording

mod flags;
mod help;
mod parse_error;

use std::env;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use signal_hook::low_level::emulate_default_handler;

use crate::completion::{Call, Complete};
use crate::error::Kind;
use crate::runtime::block_on;
use crate::runtime::command_name::CommandName;
use crate::runtime::signals::BROKEN_PIPE;
use crate::{Error, output, stderr};
use help::Page;
use parse_error::parse_error;

/// The flags that a user of other kubectl commands expects.
pub trait KubectlFlags {
    /// The flags that the plugin does not have, with dashes, and other words, each with a hint: how to
    /// get the same result here.
    const FOREIGN_FLAGS: &[(&str, &str)];
}

/// Parses the command line into `A`, runs `command` with it, and reports its outcome. If a shell
/// calls the plugin for completion, responds to the shell instead.
pub fn run<A: Parser + Complete + KubectlFlags>(
    command: impl AsyncFnOnce(A) -> Result<(), Error>,
) -> ExitCode {
    let mut parser = help::with_help_flags(flags::with_boolean_values(A::command()));
    let name = CommandName::of_this_process(parser.get_bin_name().unwrap_or_default());
    let outcome = if let Some(call) = Call::parse(env::args_os(), &name) {
        call.respond::<A>(parser, &name)
    } else if let Some(error) = flags::detached_value(&mut parser, env::args_os()) {
        Err(error)
    } else {
        let arguments = parser
            .try_get_matches_from_mut(flags::with_dashes(env::args_os()))
            .and_then(|mut matches| A::from_arg_matches_mut(&mut matches));
        arguments.map_or_else(
            |error| match error.kind() {
                ErrorKind::DisplayHelp => {
                    let page = Page::requested(env::args_os().skip(1));
                    let shown = help::with_help_flags(A::command());
                    output::write(help::render(page, &shown, &name).as_bytes())
                }
                _ => parse_error::<A>(&error.format(&mut parser), &name),
            },
            |arguments| block_on(command(arguments)).flatten(),
        )
    };
    outcome.map_or_else(|error| end_with(&error, &name), |()| ExitCode::SUCCESS)
}

/// Prints an error and its hint. If the error reports a signal, the process ends by that signal.
fn end_with(error: &Error, name: &CommandName) -> ExitCode {
    let signal = match error.kind() {
        _ if error.is_broken_pipe() => BROKEN_PIPE,
        Kind::Interrupted { signal, .. } => Some(*signal),
        _ => None,
    };
    if error.has_message() {
        stderr::say(&error.to_string());
        if let Some(hint) = error.hint() {
            stderr::say(&format!("hint: {}", name.substitute_in(hint)));
        }
    }
    if let Some(signal) = signal {
        let _ = emulate_default_handler(signal);
    }
    ExitCode::from(error.exit_code())
}
