//! kubectl's rules for flags that clap lacks: names may have `_` for `-`, and every boolean flag
//! accepts a value after `=`.
//!
//! A value that may be omitted needs the `=`, which users often replace with a space.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};

use crate::Error;
use crate::text::boolean::{VALUE_NAME, parse_boolean};

/// Makes each boolean flag accept a value, as in `--flag=false` (cobra's boolean flags).
pub(super) fn with_boolean_values(command: Command) -> Command {
    command.mut_args(|arg| match arg.get_action() {
        ArgAction::SetTrue => arg
            .action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .value_name(VALUE_NAME)
            .value_parser(parse_boolean)
            .default_missing_value("true")
            .default_value("false")
            .hide_default_value(true),
        _ => arg,
    })
}

/// Converts `--request_timeout` to `--request-timeout`, as kubectl does for every flag.
pub(super) fn with_dashes(
    arguments: impl Iterator<Item = OsString>,
) -> impl Iterator<Item = OsString> {
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
        // A YAML document also begins with dashes.
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

/// Returns the error for a value that a space separates from its flag, as in `--dry-run server`,
/// although the value may be omitted. Without this error, the value would be taken for the PATH.
pub(super) fn detached_value(
    parser: &mut Command,
    arguments: impl Iterator<Item = OsString>,
) -> Option<Error> {
    let arguments: Vec<OsString> = with_dashes(arguments).collect();
    let flags_end = arguments.iter().position(|argument| argument == "--");
    for pair in arguments[..flags_end.unwrap_or(arguments.len())].windows(2) {
        let (Some(flag), Some(value)) = (pair[0].to_str(), pair[1].to_str()) else {
            continue;
        };
        let Some(name) = flag.strip_prefix("--") else {
            continue;
        };
        if value.starts_with(['-', '/'])
            || !parser.get_arguments().any(|arg| is_optional(arg, name))
        {
            continue;
        }
        let joined = format!("{flag}={value}");
        let program = parser.get_name().to_owned();
        if parser.try_get_matches_from_mut([&program, &joined]).is_ok() {
            let message = format!("{flag} {value} must be one word");
            return Some(Error::usage(message).with_hint(format!("write {joined}")));
        }
    }
    None
}

/// Reports whether this is the flag `--name`, and its value may be omitted.
fn is_optional(arg: &Arg, name: &str) -> bool {
    let has_name = arg.get_long() == Some(name)
        || arg
            .get_all_aliases()
            .is_some_and(|aliases| aliases.contains(&name));
    has_name
        && arg
            .get_num_args()
            .is_some_and(|values| values.min_values() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_space_instead_of_an_equals_sign_is_an_error() {
        let flag = |name: &'static str| Arg::new(name).long(name);
        let dry_run = flag("dry-run")
            .value_parser(["server", "none"])
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("server");
        let include = flag("include").action(ArgAction::SetTrue);
        let command = Command::new("p").arg(Arg::new("path")).arg(dry_run);
        let mut parser = with_boolean_values(command.arg(include).arg(flag("type")));
        let mut error = |words: &str| {
            let words = words.split(' ').map(OsString::from);
            let error = detached_value(&mut parser, words)?;
            Some(format!("{error}; {}", error.hint().unwrap()))
        };
        let of = |flag, value| {
            Some(format!(
                "error: --{flag} {value} must be one word; write --{flag}={value}"
            ))
        };
        assert_eq!(error("p --dry-run server /api"), of("dry-run", "server"));
        assert_eq!(error("p /api --dry_run none"), of("dry-run", "none"));
        assert_eq!(error("p --include false /api"), of("include", "false"));
        for words in [
            "p --dry-run /api",
            "p --dry-run deployment sleep",
            "p --dry-run --include",
            "p --type server",
            "p -- --dry-run server",
            "p --dry-run=server",
        ] {
            assert_eq!(error(words), None, "{words}");
        }
    }

    #[test]
    fn underscores_become_dashes_in_flag_names_only() {
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
