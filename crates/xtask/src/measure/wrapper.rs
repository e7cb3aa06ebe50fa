//! Runs a command through another program.

use std::process::Command;

/// Appends a command to the arguments of `wrapper`, with exactly the environment of the command.
pub(super) fn wrap(mut wrapper: Command, command: &Command) -> Command {
    let variables = command
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    wrapper
        .env_clear()
        .envs(variables)
        .arg(command.get_program())
        .args(command.get_args());
    wrapper
}
