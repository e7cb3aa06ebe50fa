//! `run`: from the command line to the exit code.
//!
//! A plugin is a clap struct and one async function; this is all that a `main` calls.
//! Only here is the command line parsed, an error reported, and the process ended.

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Parser};
use signal_hook::low_level::emulate_default_handler;

use crate::command_name::CommandName;
use crate::completion::{Call, Complete};
use crate::error::Kind;
use crate::nearest::nearest;
use crate::signals::BROKEN_PIPE;
use crate::{Error, messages, output};

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

/// Waits for what needs a runtime. One request at a time needs no second thread, whose start costs
/// more than the request.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::usage(format!("no resources to run with: {error}")))?;
    let outcome = runtime.block_on(work);
    // A name that nobody looks up takes the platform half a minute to give up on.
    runtime.shutdown_background();
    Ok(outcome)
}

/// Says an error and its hint, and ends the process by the signal that the error is about.
fn end_with(error: &Error, name: &CommandName) -> ExitCode {
    let signal = match error.kind() {
        _ if error.is_broken_pipe() => BROKEN_PIPE,
        Kind::Interrupted { signal, .. } => Some(*signal),
        _ => None,
    };
    if !error.is_silent() {
        messages::say(&error.to_string());
        if let Some(hint) = error.hint() {
            messages::say(&format!("hint: {}", name.put_into(hint)));
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

/// What clap found, in kubectl's words; `--help` and `--version` are no errors.
///
/// No value is repeated, but for that of a flag with a few known ones: what stands in the wrong place
/// may be a patch or a token.
fn parse_error(error: &clap::Error, parser: &Command, name: &CommandName) -> Result<(), Error> {
    let takes_a_path = parser.get_positionals().next().is_some();
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        Some(ContextValue::Strings(texts)) => texts.first().map(String::as_str),
        _ => None,
    };
    let flag = context(ContextKind::InvalidArg).unwrap_or_default();
    let flag_name = flag.split([' ', '=', '[']).next().unwrap_or_default();
    let value = context(ContextKind::InvalidValue).unwrap_or_default();
    let known = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(known)) => known.as_slice(),
        _ => &[],
    };
    let message = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            return output::write(name.put_into(&error.render().to_string()).as_bytes());
        }
        ErrorKind::UnknownArgument if flag.starts_with("--") => {
            format!("unknown flag: {flag_name}")
        }
        ErrorKind::UnknownArgument if flag.starts_with('-') => {
            format!(
                "unknown shorthand flag: {:?}",
                flag.chars().nth(1).unwrap_or('-')
            )
        }
        ErrorKind::UnknownArgument if !takes_a_path => {
            "there are only flags, and something else stands among them".to_owned()
        }
        ErrorKind::UnknownArgument => {
            "there is one PATH, and something else stands beside it".to_owned()
        }
        ErrorKind::InvalidValue if value.is_empty() => {
            format!("flag needs an argument: {flag_name}")
        }
        ErrorKind::InvalidValue if !known.is_empty() => {
            format!(
                "{flag_name} must be one of [{}], not {value:?}",
                known.join(" ")
            )
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let reason = std::error::Error::source(error).map(ToString::to_string);
            match reason.as_deref().unwrap_or("it is not understood") {
                reason if reason.starts_with(flag_name) => reason.to_owned(),
                reason => format!("invalid value for {flag_name}: {reason}"),
            }
        }
        ErrorKind::TooManyValues => format!("{flag_name} takes no value"),
        ErrorKind::WrongNumberOfValues => {
            format!(
                "flag needs all of its arguments: {}",
                flag.replace(['<', '>'], "")
            )
        }
        ErrorKind::MissingRequiredArgument => format!("{flag_name} is missing"),
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8".to_owned(),
        _ => "the flags do not fit together".to_owned(),
    };
    let command = name.typed();
    let help = match error.kind() {
        ErrorKind::UnknownArgument if !flag.starts_with('-') => {
            format!("a value that a flag may have stands behind a `=`; see `{command} --help`")
        }
        _ => format!("see `{command} --help`"),
    };
    // clap is more generous with suggestions than a reader who mistyped one letter.
    let near = match context(ContextKind::SuggestedArg) {
        Some(near) => nearest(flag_name, [near].into_iter()),
        None => nearest(value, known.iter().map(String::as_str)),
    };
    let hint = near.map_or_else(
        || help.clone(),
        |near| format!("did you mean `{near}`? {help}"),
    );
    Err(Error::usage(message).hinted(hint))
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
