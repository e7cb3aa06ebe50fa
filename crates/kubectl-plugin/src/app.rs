//! `run`: from the command line to the exit code.
//!
//! A plugin is a clap struct and one async function; this is all that a `main` calls.
//! Only here is the command line parsed and an error reported.

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::{Error, messages, output};

/// Parses the command line into `A`, runs `command` with it, and reports how it ended.
pub fn run<A: Parser>(command: impl AsyncFnOnce(A) -> Result<(), Error>) -> ExitCode {
    let outcome = A::try_parse_from(with_dashes(env::args_os())).map_or_else(
        |error| parse_error(&error, A::command().get_bin_name().unwrap_or_default()),
        |arguments| {
            // One request at a time needs no second thread, whose start costs more than the request.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(command(arguments))
        },
    );
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Says an error and its hint.
pub(crate) fn report(error: &Error) {
    messages::say(&error.to_string());
    if let Some(hint) = error.hint() {
        messages::say(&format!("hint: {hint}"));
    }
}

/// Turns `--request_timeout` into `--request-timeout`, as kubectl does for every flag.
fn with_dashes(arguments: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    let mut ended = false;
    arguments.map(move |argument| {
        ended |= argument == "--";
        match argument.to_str() {
            Some(text) if !ended && text.starts_with("--") && text.contains('_') => {
                let (name, value) = text.split_at(text.find('=').unwrap_or(text.len()));
                format!("{}{value}", name.replace('_', "-")).into()
            }
            _ => argument,
        }
    })
}

/// What clap found, in kubectl's words; `--help` and `--version` are no errors.
fn parse_error(error: &clap::Error, command: &str) -> Result<(), Error> {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        Some(ContextValue::Strings(texts)) => texts.first().map(String::as_str),
        _ => None,
    };
    let flag = context(ContextKind::InvalidArg).unwrap_or_default();
    let flag_name = flag.split([' ', '=']).next().unwrap_or_default();
    let message = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            return output::write(error.render().to_string().as_bytes());
        }
        ErrorKind::UnknownArgument if flag.starts_with("--") => {
            format!("unknown flag: {flag_name}")
        }
        ErrorKind::UnknownArgument if flag.starts_with('-') => {
            format!(
                "unknown shorthand flag: {:?} in {flag}",
                flag.chars().nth(1).unwrap_or('-')
            )
        }
        ErrorKind::UnknownArgument => format!("unexpected argument `{flag}`"),
        ErrorKind::InvalidValue if context(ContextKind::InvalidValue).is_none_or(str::is_empty) => {
            format!("flag needs an argument: {flag_name}")
        }
        ErrorKind::MissingRequiredArgument => format!("{flag} is missing"),
        _ => {
            let text = error.render().to_string();
            let first = text.lines().next().unwrap_or_default();
            first.strip_prefix("error: ").unwrap_or(first).to_owned()
        }
    };
    let help = format!("see `{command} --help`");
    let hint = context(ContextKind::SuggestedArg).map_or_else(
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
        let given = ["p", "--as_group=a_b", "--x", "a_b", "--", "--y_z"].map(OsString::from);
        let expected = ["p", "--as-group=a_b", "--x", "a_b", "--", "--y_z"].map(OsString::from);
        assert_eq!(with_dashes(given.into_iter()).collect::<Vec<_>>(), expected);
    }
}
