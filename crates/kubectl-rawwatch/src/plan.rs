//! The plan of a run. It checks everything that can be checked before the first request.

use std::time::Duration;

use kubectl_plugin::Error;
use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::request::RawPath;

use crate::args::{OnGap, WatchArgs};
use crate::output::printer::Printer;
use crate::representation::Headers;
use crate::target::WatchTarget;
use crate::watcher::Options;

/// The minimum interval between requests that a flag may set.
const MIN_INTERVAL: Duration = Duration::from_millis(100);
/// The minimum interval between LISTs of whole objects.
const MIN_POLL: Duration = Duration::from_secs(1);
/// The default of `--max-silence`.
const MAX_SILENCE: Duration = Duration::from_secs(90);

/// A run that is ready to start.
pub(crate) struct Plan {
    pub(crate) server: ApiServer,
    pub(crate) targets: Vec<WatchTarget>,
    /// The options of each target's watcher.
    pub(crate) options: Vec<Options>,
    pub(crate) printer: Printer,
    /// The timeout of the whole run.
    pub(crate) limit: Option<Duration>,
    pub(crate) resume_file: Option<String>,
    /// The maximum length of a line, in bytes.
    pub(crate) max_event_size: usize,
    pub(crate) stats: bool,
}

impl Plan {
    /// Checks the command line. Sends nothing.
    pub(crate) fn new(arguments: &WatchArgs) -> Result<Self, Error> {
        let paths = arguments
            .paths()?
            .into_iter()
            .map(str::parse)
            .collect::<Result<Vec<RawPath>, Error>>()?;
        let printer = Printer::new(arguments, paths.len())?;
        let server = ApiServer::connect(&arguments.connection)?;
        let headers = Headers::new(&arguments.headers, printer.representation())?;
        let targets = paths
            .into_iter()
            .map(|path| WatchTarget::new(server.path(path)?, arguments, headers.clone()))
            .collect::<Result<Vec<WatchTarget>, Error>>()?;
        let limit = run_limit(arguments, &targets)?;
        check_resume_file(arguments)?;
        let options = targets
            .iter()
            .map(|target| options(arguments, target, &printer))
            .collect::<Result<Vec<Options>, Error>>()?;
        Ok(Self {
            server,
            targets,
            options,
            printer,
            limit,
            resume_file: arguments.resume_file.clone(),
            max_event_size: arguments.max_event_size,
            stats: arguments.stats,
        })
    }
}

/// Refuses a resume file beside a flag that needs objects which the file does not store.
fn check_resume_file(arguments: &WatchArgs) -> Result<(), Error> {
    let mut flags = arguments.flags_about_objects();
    let Some((file, flag)) = arguments.resume_file.as_ref().zip(flags.next()) else {
        return Ok(());
    };
    Err(Error::usage(format!(
        "{flag} and --resume-file={file} cannot be used together"
    ))
    .with_hint(format!(
        "remove --resume-file: {flag} needs whole objects, but the file stores only names"
    )))
}

/// Returns the timeout of the run. Refuses a contradiction between the flag and the paths.
fn run_limit(arguments: &WatchArgs, targets: &[WatchTarget]) -> Result<Option<Duration>, Error> {
    let mut limit = unless_zero(arguments.timeout);
    for target in targets {
        match (limit, target.timeout) {
            (Some(known), Some(own)) if known != own => {
                return Err(Error::usage(format!(
                    "`timeoutSeconds={}` in PATH contradicts another timeout, {known:?}",
                    own.as_secs()
                ))
                .with_hint("keep only one: both limit the whole run"));
            }
            (_, own) => limit = limit.or(own),
        }
    }
    Ok(limit)
}

/// Returns the options of a target's watcher.
pub(crate) fn options(
    arguments: &WatchArgs,
    target: &WatchTarget,
    printer: &Printer,
) -> Result<Options, Error> {
    let audit = interval("--audit", arguments.audit)?;
    check_poll(arguments)?;
    if let Some(stable) = arguments.stable.filter(|stable| *stable < MIN_POLL) {
        return Err(Error::usage(format!(
            "--stable={stable:?} is too short: the minimum is {MIN_POLL:?}"
        )));
    }
    let is_apps = target.path.starts_with("/apis/apps/");
    printer.check_resource(&target.subject.resource, is_apps)?;
    let intervals = [
        ("--audit", audit.is_some()),
        ("--poll", arguments.poll.is_some()),
    ];
    let intervals = intervals.into_iter().filter(|(_, is_given)| *is_given);
    let mut flags = arguments
        .flags_about_objects()
        .chain(intervals.map(|(flag, _)| flag));
    if let Some((flag, _)) = flags.next().zip(target.resource_version.as_ref()) {
        return Err(Error::usage(format!(
            "{flag} and a resource version cannot be used together"
        ))
        .with_hint(format!(
            "remove the resource version: {flag} needs the initial state"
        )));
    }
    Ok(Options {
        path: target.path.clone(),
        is_secret: target.is_secret,
        watch_only: arguments.watch_only,
        // Polls compare whole objects, also with those that are not printed.
        reads_objects: printer.reads_objects() || arguments.poll.is_some(),
        resource_version: target.resource_version.clone(),
        fail_on_gap: arguments.on_gap == Some(OnGap::Fail),
        retry_for: unless_zero(arguments.retry_for),
        max_silence: interval(
            "--max-silence",
            Some(arguments.max_silence.unwrap_or(MAX_SILENCE)),
        )?,
        audit,
        stable: arguments.stable,
        awaits_type: arguments.retry_for.is_some() || printer.awaits_objects(),
        poll: arguments.poll,
    })
}

/// Refuses a `--poll` that is too short, or that another flag contradicts.
fn check_poll(arguments: &WatchArgs) -> Result<(), Error> {
    let Some(interval) = arguments.poll else {
        return Ok(());
    };
    if interval < MIN_POLL {
        return Err(Error::usage(format!(
            "--poll={interval:?} is too short: the minimum is {MIN_POLL:?}"
        )));
    }
    let has_resume_file = arguments.resume_file.is_some();
    for (flag, is_given, reason) in [
        (
            "--resume-file",
            has_resume_file,
            "it stores resource versions, which polled objects may lack",
        ),
        (
            "--audit",
            arguments.audit.is_some(),
            "each poll compares all objects",
        ),
        (
            "--max-silence",
            arguments.max_silence.is_some(),
            "a poll has no stream that could fall silent",
        ),
        (
            "--on-gap",
            arguments.on_gap.is_some(),
            "changes between two polls are never seen",
        ),
    ] {
        if is_given {
            return Err(
                Error::usage(format!("--poll and {flag} cannot be used together"))
                    .with_hint(format!("remove {flag}: {reason}")),
            );
        }
    }
    Ok(())
}

/// Returns the interval between requests that a flag sets, or `None` if it turns them off.
fn interval(flag: &str, value: Option<Duration>) -> Result<Option<Duration>, Error> {
    match unless_zero(value) {
        Some(value) if value < MIN_INTERVAL => Err(Error::usage(format!(
            "{flag}={value:?} is too short: the minimum is {MIN_INTERVAL:?}"
        ))),
        value => Ok(value),
    }
}

/// Returns `None` for a duration of zero, which means no limit.
fn unless_zero(duration: Option<Duration>) -> Option<Duration> {
    duration.filter(|duration| !duration.is_zero())
}
