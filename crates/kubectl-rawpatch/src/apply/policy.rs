//! The flags that decide how a patch is applied.

use std::time::Duration;

use kubectl_plugin::Error;

use crate::args::OutcomeArgs;
use crate::request::PatchRequest;

/// The default of `--retry-for` with `--exactly-once`.
const RETRY_FOR: Duration = Duration::from_secs(30);

/// How to apply a patch to an object.
#[derive(Clone, Default)]
pub(crate) struct Policy {
    /// The resource version that the object must have.
    pub(crate) if_resource_version: Option<String>,
    /// Whether to read the object first, and guard the patch with its resource version.
    pub(crate) reads_first: bool,
    /// The time for attempts after the first one.
    pub(crate) retry_for: Duration,
    /// Whether to find out an unknown outcome.
    pub(crate) verifies: bool,
    /// Whether this is the only patch of the process: it announces on stderr that an outcome takes a
    /// while to find out, and a signal ends it.
    pub(crate) is_alone: bool,
}

impl Policy {
    /// Builds the policy from the command line.
    pub(crate) fn new(arguments: &OutcomeArgs) -> Self {
        let is_exact = arguments.exactly_once;
        let default = if is_exact { RETRY_FOR } else { Duration::ZERO };
        Self {
            if_resource_version: arguments.if_resource_version.clone(),
            reads_first: arguments.reads_first(),
            retry_for: arguments.retry_for.unwrap_or(default),
            verifies: !arguments.no_verify,
            is_alone: true,
        }
    }
}

/// Refuses flags about the outcome that contradict each other or the request.
pub(crate) fn check(arguments: &OutcomeArgs, request: &PatchRequest) -> Result<(), Error> {
    let refuse = |flag: &str, reason: &str| {
        Err(Error::usage(format!("{flag} {reason}")).with_hint(format!("remove {flag}")))
    };
    let flag = match arguments {
        OutcomeArgs {
            exactly_once: true, ..
        } => "--exactly-once",
        OutcomeArgs {
            fail_if_unchanged: true,
            ..
        } => "--fail-if-unchanged",
        _ => return Ok(()),
    };
    if arguments.exactly_once && arguments.no_verify {
        return refuse("--no-verify", "contradicts --exactly-once");
    }
    if arguments.fail_if_unchanged && request.path.is_dry_run() {
        return refuse(
            "--fail-if-unchanged",
            "contradicts a dry run, which never changes the object",
        );
    }
    match request.unverifiable() {
        Some(reason) => refuse(flag, &format!("needs to read the object, but {reason}")),
        // Any version shows whether the patch can be guarded.
        None if request.own_version().is_none() => request.clone().guard("1", None),
        None => Ok(()),
    }
}
