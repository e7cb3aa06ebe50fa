//! Refuses flags that contradict `--diff`, and flags that need it.

use kubectl_plugin::Error;

use crate::args::{DiffArgs, DryRun, PatchArgs};
use crate::request::PatchRequest;

/// Checks the flags, and the query of the request.
pub(crate) fn check(arguments: &PatchArgs, request: &PatchRequest) -> Result<(), Error> {
    let DiffArgs {
        diff,
        interactive,
        show_secrets,
    } = arguments.diff;
    let format = arguments.output.output.as_deref().unwrap_or_default();
    let mistakes = [
        (
            interactive && !diff,
            "--interactive needs --diff",
            "add --diff",
        ),
        (
            show_secrets && !diff,
            "--show-secrets needs --diff",
            "add --diff",
        ),
        (
            diff && !format.is_empty(),
            "-o contradicts --diff, which prints the difference of two YAML documents",
            "remove -o, or replace --diff with --dry-run",
        ),
        (
            diff && arguments.curl,
            "--curl contradicts --diff, which sends several requests",
            "replace --diff with --dry-run",
        ),
        (
            diff && !interactive && arguments.dry_run == Some(DryRun::None),
            "--dry-run=none contradicts --diff, which stores nothing",
            "remove --dry-run, or add --interactive to be asked whether to store the result",
        ),
        (
            diff && !interactive && arguments.outcome.fail_if_unchanged,
            "--fail-if-unchanged contradicts --diff, which stores nothing",
            "remove --fail-if-unchanged: the exit code of --diff is 1 if the patch would change the object",
        ),
        (
            interactive && request.path.is_dry_run(),
            "--interactive stores the result, but a dry run does not",
            "remove --interactive, or remove --dry-run (or `dryRun` in PATH)",
        ),
    ];
    match mistakes.iter().find(|(is_made, ..)| *is_made) {
        Some((_, problem, hint)) => Err(Error::usage(*problem).with_hint(*hint)),
        None => Ok(()),
    }
}
