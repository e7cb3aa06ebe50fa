//! kubectl's rules for flags that clap does not have: `_` for `-` in names, and a value after `=` for
//! every flag that is on or off.

use std::ffi::OsString;

use clap::{ArgAction, Command};

use crate::text::boolean::{VALUE_NAME, parse_boolean};

/// Lets each flag that is on or off take a value, as in `--flag=false` (cobra's boolean flags).
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

/// Turns `--request_timeout` into `--request-timeout`, as kubectl does for every flag.
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

#[cfg(test)]
mod tests {
    use super::*;

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
