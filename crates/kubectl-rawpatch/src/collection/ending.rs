//! The end of the command: its error, if not everything was done.

use kubectl_plugin::Error;
use kubectl_plugin::error::Kind;

use crate::args::PatchArgs;
use crate::collection::failed_to::FailedTo;
use crate::collection::run::{Run, Stop};

/// Returns the end of the command. A signal matters most, then an unknown outcome, then the reason for which
/// the run stopped.
pub(crate) fn end(
    run: Run<'_>,
    arguments: &PatchArgs,
    failed_to: Option<&FailedTo>,
) -> Result<(), Error> {
    let is_diff = arguments.diff.diff;
    let warnings = arguments.failing_warnings(run.sender.server);
    let has_differences = run.tally.patched > 0;
    let end = of_run(run, failed_to);
    if !is_diff {
        return match warnings {
            Some(count) if end.is_ok() => Err(Kind::Warnings { count }.into()),
            _ => end,
        };
    }
    match (end, warnings) {
        (Err(error), _) => Err(error.into_refused_check()),
        (Ok(()), Some(count)) => Err(Kind::CheckWarnings { count }.into()),
        (Ok(()), _) if has_differences => Err(Kind::Differs.into()),
        (Ok(()), _) => Ok(()),
    }
}

fn of_run(run: Run<'_>, failed_to: Option<&FailedTo>) -> Result<(), Error> {
    let tally = &run.tally;
    let total = run.settled.len();
    let not_done = run
        .settled
        .iter()
        .filter(|is_settled| !**is_settled)
        .count();
    let done = if run.sender.shows_differences() {
        "compared"
    } else {
        "patched"
    };
    let try_again = failed_to.map_or_else(
        || "add --failed-to FILE to get the paths that need another try".to_owned(),
        |file| {
            format!(
                "check them, then try again with --paths-from {}",
                file.name()
            )
        },
    );
    if let Some(Stop::Interrupted(signal)) = run.stop {
        let message = format!("interrupted; {not_done} of {total} objects were not {done}");
        let message = Some(match tally.unknown {
            0 => message,
            unknown => format!("{message}, or the outcome is unknown ({unknown})"),
        });
        return Err(Error::from(Kind::Interrupted { signal, message }).with_hint(try_again));
    }
    if tally.unknown > 0 {
        let unknown = tally.unknown;
        let message = format!("{unknown} of {total} objects may or may not have been patched");
        return Err(Error::from(Kind::UnknownOutcomes(message)).with_hint(try_again));
    }
    let mut hint = try_again;
    let reason = match run.stop {
        Some(Stop::Failed(error)) => return Err(error),
        Some(Stop::MaxFailures(max)) => format!("; stopped by --max-failures={max}"),
        Some(Stop::FirstFailures) => {
            "correct the patch, or set --max-failures to go on in spite of failures"
                .clone_into(&mut hint);
            "; stopped, because the first objects all failed".to_owned()
        }
        _ => String::new(),
    };
    if not_done > 0 {
        let message = format!("{not_done} of {total} objects were not {done}{reason}");
        return Err(Error::from(Kind::Incomplete(message)).with_hint(hint));
    }
    run.output_error.map_or(Ok(()), Err)
}
