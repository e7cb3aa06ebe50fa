//! `run`: from the command line to the exit code.
//!
//! A plugin is a clap struct and one async function; this is all that a `main` calls.
//! Only here is the command line parsed, an error reported, and the process ended.

pub mod help;
pub(crate) mod name;
mod parse_error;

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use signal_hook::low_level::emulate_default_handler;

use crate::command::name::CommandName;
use crate::completion::{Call, Complete};
use crate::error::Kind;
use crate::runtime::block_on;
use crate::runtime::signals::BROKEN_PIPE;
use crate::{Error, stderr};
use parse_error::parse_error;

/// Parses the command line into `A`, runs `command` with it, and reports how it ended. A call of
/// a shell that wants a line completed is answered instead.
pub fn run<A: Parser + Complete>(command: impl AsyncFnOnce(A) -> Result<(), Error>) -> ExitCode {
    let mut parser = A::command();
    let name = CommandName::of_this_process(parser.get_bin_name().unwrap_or_default());
    let outcome = if let Some(call) = Call::read(env::args_os(), &name) {
        call.answer::<A>(parser, &name)
    } else {
        let arguments = parser
            .try_get_matches_from_mut(with_dashes(env::args_os()))
            .and_then(|mut matches| A::from_arg_matches_mut(&mut matches));
        arguments.map_or_else(
            |error| parse_error(&error.format(&mut parser), &parser, &name),
            |arguments| block_on(command(arguments)).flatten(),
        )
    };
    outcome.map_or_else(|error| end_with(&error, &name), |()| ExitCode::SUCCESS)
}

/// Says an error and its hint, and ends the process by the signal that the error is about.
fn end_with(error: &Error, name: &CommandName) -> ExitCode {
    let signal = match error.kind() {
        _ if error.is_broken_pipe() => BROKEN_PIPE,
        Kind::Interrupted { signal, .. } => Some(*signal),
        _ => None,
    };
    if !error.is_silent() {
        stderr::say(&error.to_string());
        if let Some(hint) = error.hint() {
            stderr::say(&format!("hint: {}", name.put_into(hint)));
        }
    }
    if let Some(signal) = signal {
        let _ = emulate_default_handler(signal);
    }
    ExitCode::from(error.exit_code())
}

/// Turns `--request_timeout` into `--request-timeout`, as kubectl does for every flag.
fn with_dashes(arguments: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    let mut ended = false;
    arguments.map(move |argument| {
        ended |= argument == "--";
        let Some(text) = argument
            .to_str()
            .filter(|text| !ended && text.starts_with("--"))
        else {
            return argument;
        };
        let (name, value) = text.split_at(text.find('=').unwrap_or(text.len()));
        // A YAML document begins with dashes too.
        let is_flag = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if is_flag && name.contains('_') {
            format!("{}{value}", name.replace('_', "-")).into()
        } else {
            argument
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn underscores_in_flag_names_are_dashes_and_values_are_left_alone() {
        let given = [
            "p",
            "--as_group=a_b",
            "--x",
            "a_b",
            "---\na_b: 1",
            "--a_b: 1",
            "--",
            "--y_z",
        ];
        let expected = [
            "p",
            "--as-group=a_b",
            "--x",
            "a_b",
            "---\na_b: 1",
            "--a_b: 1",
            "--",
            "--y_z",
        ];
        let arguments = with_dashes(given.into_iter().map(OsString::from));
        assert_eq!(arguments.collect::<Vec<_>>(), expected.map(OsString::from));
    }
}
