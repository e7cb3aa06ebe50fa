//! Patches several objects: the objects of a collection, or the objects at the paths in a file.
//!
//! ```text
//! listing or paths_file ─▶ objects ─▶ confirmation ─▶ run ─▶ sender ─▶ apply
//!                                                      ├─▶ lines (stdout), tally (stderr)
//!                                                      └─▶ failed_to
//! ```
//!
//! * here: the order of these steps, and the end of the command
//! * `listing`: lists a collection; `paths_file`: reads `--paths-from`
//! * `objects`: the objects to patch, in little memory
//! * `confirmation`: asks before many objects are patched
//! * `run`: keeps a number of requests in flight, and decides when to stop
//! * `sender`: patches one object; `outcome`: interprets its error
//! * `pause`: pauses all requests while the server is overloaded
//! * `lines`: writes stdout without waiting; `tally`: counts outcomes and reports errors
//! * `failed_to`: writes the paths that need another try

mod confirmation;
mod failed_to;
mod lines;
mod listing;
mod objects;
mod outcome;
mod paths_file;
mod pause;
mod run;
mod sender;
mod tally;

use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::error::Kind;
use kubectl_plugin::output::Output;
use kubectl_plugin::request::RawPath;
use kubectl_plugin::runtime::TerminationSignals;
use kubectl_plugin::text::system_error;
use kubectl_plugin::{Error, stderr};

use crate::apply::Policy;
use crate::args::{MAX_IN_FLIGHT, PatchArgs};
use crate::request::PatchRequest;
use crate::source;
use failed_to::FailedTo;
use listing::Collection;
use objects::Objects;
use run::{Limits, Run, Stop};
use sender::Sender;

/// Patches several objects.
pub(crate) async fn patch_several(arguments: &PatchArgs, output: &Output) -> Result<(), Error> {
    check_flags(arguments)?;
    let failed_to = arguments.collection.failed_to.as_deref();
    let failed_to = failed_to.map(FailedTo::open).transpose()?;
    let server = ApiServer::connect(&arguments.connection)?
        .with_headers_shown(arguments.include)
        .with_stdin_in_use(reads_stdin(arguments))
        .for_many_requests();
    let (request, objects) = find(arguments, &server).await?;
    let total = objects.len();
    if total == 0 {
        stderr::say("No resources found");
        return failed_to.map_or(Ok(()), |file| file.write(&objects, &[]));
    }
    if !arguments.collection.yes && !request.path.is_dry_run() {
        confirmation::ask(total, &source_of(arguments)?).await?;
    }
    let mut signals = TerminationSignals::listen().map_err(|error| {
        let reason = system_error::reason(&error);
        Error::usage(format!("cannot install signal handlers: {reason}"))
    })?;
    let policy = Policy::new(&arguments.outcome);
    let if_unchanged = arguments.collection.if_unchanged_since_list;
    let sender = Sender::new(&server, &request, &policy, &objects, if_unchanged);
    let limits = Limits {
        max_in_flight: arguments.collection.max_in_flight.unwrap_or(MAX_IN_FLIGHT),
        max_failures: arguments.collection.max_failures,
    };
    let is_in_one_namespace = request
        .path
        .resource()
        .is_some_and(|collection| collection.namespace.is_some());
    let mut run = Run::new(&sender, limits, output, !is_in_one_namespace);
    run.patch_all(&mut signals).await;
    run.tally.say_more_errors();
    let dry_run = if request.path.is_dry_run() {
        " (server dry run)"
    } else {
        ""
    };
    stderr::say(&format!("{}{dry_run}", run.tally.summary(total)));
    let written = failed_to
        .as_ref()
        .map_or(Ok(()), |file| file.write(&objects, &run.settled));
    let end = end(run, total, failed_to.as_ref());
    match server.warning_count() {
        count @ 1.. if arguments.warnings_as_errors && end.is_ok() => {
            Err(Kind::Warnings { count }.into())
        }
        _ => end.and(written),
    }
}

/// Refuses flags that are for one object, and contradictions.
fn check_flags(arguments: &PatchArgs) -> Result<(), Error> {
    let collection = &arguments.collection;
    let has_selector =
        |selector: Option<&str>, flag| (collection.all && selector.is_some()).then_some(flag);
    if let Some(flag) = has_selector(collection.label_selector(), "--selector")
        .or_else(|| has_selector(collection.fields(), "--field-selector"))
    {
        return Err(
            Error::usage(format!("cannot set --all and {flag} at the same time"))
                .with_hint("remove --all: the selector chooses the objects"),
        );
    }
    if collection.paths_from.is_some() {
        if collection.lists() || arguments.has_path() {
            return Err(Error::usage(
                "--paths-from has the paths, but PATH, --all or a selector is also given",
            )
            .with_hint("remove --paths-from, or use it alone"));
        }
        if collection.if_unchanged_since_list {
            return Err(Error::usage(
                "--if-unchanged-since-list needs a list, but --paths-from does not list anything",
            )
            .with_hint("remove --if-unchanged-since-list, or use --all or -l"));
        }
        if reads_paths_from_stdin(arguments) && source::reads_stdin(arguments) {
            return Err(
                Error::usage("stdin cannot hold both the patch and the paths")
                    .with_hint("put the paths in a file: --paths-from FILE"),
            );
        }
    }
    for (flag, is_given, hint) in [
        (
            "--diff",
            arguments.diff.diff,
            "use --dry-run, or give the path of one object",
        ),
        ("--curl", arguments.curl, "give the path of one object"),
        (
            "--verbatim",
            arguments.verbatim,
            "give the path of one object",
        ),
        (
            "--if-resource-version",
            arguments.outcome.if_resource_version.is_some(),
            "use --if-unchanged-since-list: each object has a resource version of its own",
        ),
    ] {
        if is_given {
            let message = format!("{flag} is for one object, but several are patched");
            return Err(Error::usage(message).with_hint(hint));
        }
    }
    Ok(())
}

fn reads_paths_from_stdin(arguments: &PatchArgs) -> bool {
    arguments.collection.paths_from.as_deref() == Some("-")
}

fn reads_stdin(arguments: &PatchArgs) -> bool {
    source::reads_stdin(arguments) || reads_paths_from_stdin(arguments)
}

/// Describes the source of the objects.
fn source_of(arguments: &PatchArgs) -> Result<String, Error> {
    Ok(match &arguments.collection.paths_from {
        Some(file) => file.clone(),
        None => arguments.path()?.to_owned(),
    })
}

/// Builds the request, and finds the objects that it is for.
async fn find(arguments: &PatchArgs, server: &ApiServer) -> Result<(PatchRequest, Objects), Error> {
    let patch = source::read(arguments)?;
    if let Some(file) = &arguments.collection.paths_from {
        let mut request = PatchRequest::for_several(arguments, "/".parse()?, patch)?;
        let objects = paths_file::read(file, arguments, &mut request, server)?;
        say_warning(&request);
        return Ok((request, objects));
    }
    let path: RawPath = server.path(arguments.path()?.parse()?)?;
    let collection = Collection::new(&path, &arguments.collection, arguments.subresource())?;
    let request = PatchRequest::for_several(arguments, path, patch)?;
    say_warning(&request);
    let objects = collection.objects(server).await?;
    Ok((request, objects))
}

fn say_warning(request: &PatchRequest) {
    if let Some(warning) = &request.warning {
        stderr::warn(warning);
    }
}

/// Returns the end of the command. An unknown outcome matters most, then a reason to stop.
fn end(run: Run<'_>, total: usize, failed_to: Option<&FailedTo>) -> Result<(), Error> {
    let tally = &run.tally;
    let not_done = total - tally.patched - tally.unchanged - tally.gone;
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
        let message = format!("interrupted; {not_done} of {total} objects were not patched");
        let message = Some(match tally.unknown {
            0 => message,
            unknown => format!("{message}, or the outcome is unknown ({unknown})"),
        });
        return Err(Error::from(Kind::Interrupted { signal, message }).with_hint(try_again));
    }
    if tally.unknown > 0 {
        return Err(Error::from(Kind::OutcomeUnknown(format!(
            "{} of {total} objects may or may not have been patched",
            tally.unknown
        )))
        .with_hint(try_again));
    }
    let reason = match run.stop {
        Some(Stop::Failed(error)) => return Err(error),
        Some(Stop::MaxFailures(max)) => format!("; stopped by --max-failures={max}"),
        Some(Stop::FirstFailures) => "; stopped, because the first objects all failed".to_owned(),
        _ => String::new(),
    };
    if not_done > 0 {
        let message = format!("{not_done} of {total} objects were not patched{reason}");
        let hint = if matches!(run.stop, Some(Stop::FirstFailures)) {
            "correct the patch, or set --max-failures to go on in spite of failures".to_owned()
        } else {
            try_again
        };
        return Err(Error::from(Kind::Incomplete(message)).with_hint(hint));
    }
    run.format_error.map_or(Ok(()), Err)
}
