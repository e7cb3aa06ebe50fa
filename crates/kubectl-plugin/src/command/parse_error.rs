//! Words clap's errors as kubectl words them.

use std::error::Error as _;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::command::name::CommandName;
use crate::error::Kind;
use crate::text::nearest::nearest;
use crate::{Error, output};

/// Turns clap's error into ours. `--version` is printed.
///
/// A value is only repeated if its flag has a few known values: an argument in the wrong place may be a
/// patch or a token.
pub(super) fn parse_error(
    error: &clap::Error,
    parser: &Command,
    name: &CommandName,
) -> Result<(), Error> {
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
        ErrorKind::DisplayVersion => {
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
            "unexpected argument: this command takes only flags".to_owned()
        }
        ErrorKind::UnknownArgument => {
            "unexpected argument after PATH: only one PATH is allowed".to_owned()
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
            let reason = error.source().map(ToString::to_string);
            let reason = reason.as_deref().unwrap_or("it is not valid");
            own_message(error).map_or_else(
                || format!("invalid value for {flag_name}: {reason}"),
                str::to_owned,
            )
        }
        ErrorKind::TooManyValues => format!("{flag_name} takes no value"),
        ErrorKind::WrongNumberOfValues => {
            format!(
                "flag needs all of its arguments: {}",
                flag.replace(['<', '>'], "")
            )
        }
        ErrorKind::MissingRequiredArgument => format!("{flag_name} is missing"),
        ErrorKind::InvalidUtf8 => "an argument is not valid UTF-8".to_owned(),
        _ => "these flags cannot be used together".to_owned(),
    };
    let command = name.typed();
    let help = match error.kind() {
        ErrorKind::UnknownArgument if !flag.starts_with('-') => {
            format!("optional values need `=`, as in --dry-run=server; see `{command} --help`")
        }
        _ => format!("see `{command} --help`"),
    };
    // clap suggests flags that are too far from the one that was typed.
    let near = match context(ContextKind::SuggestedArg) {
        Some(near) => nearest(flag_name, [near].into_iter()),
        None => nearest(value, known.iter().map(String::as_str)),
    };
    if let Some(hint) = own(error).and_then(Error::hint) {
        return Err(Error::usage(message).hinted(hint));
    }
    let hint = near.map_or_else(
        || help.clone(),
        |near| format!("did you mean `{near}`? {help}"),
    );
    Err(Error::usage(message).hinted(hint))
}

/// Returns the error of one of our value parsers, which has its own words.
fn own(error: &clap::Error) -> Option<&Error> {
    error.source()?.downcast_ref()
}

fn own_message(error: &clap::Error) -> Option<&str> {
    match own(error)?.kind() {
        Kind::Usage(message) => Some(message),
        _ => None,
    }
}
