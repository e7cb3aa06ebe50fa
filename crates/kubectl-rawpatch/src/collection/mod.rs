//! Patches several objects: the objects of a collection, or the objects at the paths in a file.
//!
//! ```text
//! listing or paths_file ─▶ objects ─▶ confirmation ─▶ run ─▶ sender ─▶ apply
//!                                                      ├─▶ lines (stdout), tally (stderr)
//!                                                      └─▶ failed_to
//! ```
//!
//! * here: the order of these steps
//! * `flags`: refuses contradictions
//! * `listing`: lists a collection; `paths_file`: reads `--paths-from`
//! * `objects`: the objects to patch, in little memory
//! * `confirmation`: asks before many objects are patched
//! * `run`: keeps a number of requests in flight, and decides when to stop
//! * `sender`: patches one object; `outcome`: interprets its error
//! * `throttle`: slows down all requests while the server is overloaded
//! * `ending`: the end of the command: its error, if not everything was done
//! * `lines`: writes stdout without waiting; `tally`: counts outcomes and reports errors
//! * `failed_to`: writes the paths that need another try

mod confirmation;
mod ending;
mod failed_to;
mod flags;
mod lines;
mod listing;
mod objects;
mod outcome;
mod paths_file;
mod run;
mod sender;
mod tally;
mod throttle;

use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::output::Output;
use kubectl_plugin::request::RawPath;
use kubectl_plugin::runtime::Hold;
use kubectl_plugin::text::system_error;
use kubectl_plugin::{Error, stderr};

use crate::apply::{Policy, check_policy};
use crate::args::{MAX_IN_FLIGHT, PatchArgs};
use crate::diff;
use crate::request::PatchRequest;
use crate::source;
use failed_to::FailedTo;
use listing::Collection;
use objects::Objects;
use run::{Limits, Run};
use sender::Sender;

/// Patches several objects. With `--diff`, shows what the patch would change.
pub(crate) async fn patch_several(arguments: &PatchArgs, output: &Output) -> Result<(), Error> {
    flags::check(arguments)?;
    let failed_to = arguments.collection.failed_to.as_deref();
    let failed_to = failed_to.map(FailedTo::open).transpose()?;
    let server = ApiServer::connect(&arguments.connection)?
        .with_headers_shown(arguments.include)
        .with_stdin_in_use(flags::reads_stdin(arguments))
        .for_many_requests();
    let (request, objects) = find(arguments, &server).await?;
    if objects.len() == 0 {
        stderr::say("No resources found");
        return failed_to.map_or(Ok(()), |file| file.write(&objects, &[]));
    }
    let policy = Policy {
        is_alone: false,
        ..Policy::new(&arguments.outcome)
    };
    let sender = Sender::new(&server, &request, &policy, &objects, arguments);
    if sender.stores() && !arguments.collection.yes {
        confirmation::ask(objects.len(), &source_of(arguments)?).await?;
    }
    let run = patch_all(&sender, arguments, output, failed_to.as_ref()).await?;
    ending::end(run, arguments, failed_to.as_ref())
}

/// Patches the objects, and reports the outcomes. Signals are held back until everything is reported.
async fn patch_all<'a>(
    sender: &'a Sender<'a>,
    arguments: &PatchArgs,
    output: &'a Output,
    failed_to: Option<&FailedTo>,
) -> Result<Run<'a>, Error> {
    let mut hold = Hold::start().map_err(|error| {
        let reason = system_error::reason(&error);
        Error::usage(format!("cannot install signal handlers: {reason}"))
    })?;
    let limits = Limits {
        max_in_flight: arguments.collection.max_in_flight.unwrap_or(MAX_IN_FLIGHT),
        max_failures: arguments.collection.max_failures,
    };
    let mut run = Run::new(sender, limits, output);
    run.patch_all(&mut hold).await;
    run.tally.say_more_errors();
    stderr::say(&run.summary());
    if let Some(file) = failed_to
        && let Err(error) = file.write(sender.objects, &run.settled)
    {
        stderr::say(&error.to_string());
        run.output_error.get_or_insert(error);
    }
    Ok(run)
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
        check_request(arguments, &request)?;
        let objects = paths_file::read(file, arguments, &mut request, server)?;
        say_warning(&request);
        return Ok((request, objects));
    }
    let path: RawPath = server.path(arguments.path()?.parse()?)?;
    let collection = Collection::new(&path, &arguments.collection, arguments.subresource())?;
    let request = PatchRequest::for_several(arguments, path, patch)?;
    check_request(arguments, &request)?;
    say_warning(&request);
    let objects = collection.objects(server).await?;
    Ok((request, objects))
}

/// Refuses flags that contradict the request.
fn check_request(arguments: &PatchArgs, request: &PatchRequest) -> Result<(), Error> {
    diff::check_flags(arguments, request)?;
    check_policy(&arguments.outcome, request)
}

fn say_warning(request: &PatchRequest) {
    if let Some(warning) = &request.warning {
        stderr::warn(warning);
    }
}
