//! One run of the command: what is checked first, and how it ends.

use std::cell::RefCell;
use std::future::pending;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::stream::FuturesUnordered;
use http::HeaderMap;
use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::error::Kind;
use kubectl_plugin::request::{ApiRequest, RawPath};
use kubectl_plugin::{Error, stderr};
use tokio::time::sleep;

use crate::args::{OnGap, WatchArgs};
use crate::clock::Clock;
use crate::driver::Driver;
use crate::event::Head;
use crate::form::Headers;
use crate::printer::{PathPrinter, Printer};
use crate::reader;
use crate::resume::{ResumeFile, Saved};
use crate::signals;
use crate::target::Target;
use crate::watcher::{Counts, Options, Stop, Watcher};

/// Runs the command.
pub(crate) async fn watch(arguments: WatchArgs) -> Result<(), Error> {
    let given = arguments
        .paths()?
        .into_iter()
        .map(str::parse)
        .collect::<Result<Vec<RawPath>, Error>>()?;
    let printer = RefCell::new(Printer::new(&arguments, given.len())?);
    let server = ApiServer::connect(&arguments.connection)?;
    let headers = Headers::parse(&arguments.headers, printer.borrow().form())?;
    let mut targets = Vec::new();
    for path in given {
        targets.push(Target::new(
            server.path(path)?,
            &arguments,
            headers.clone(),
        )?);
    }
    let limit = run_limit(&arguments, &targets)?;
    let resume_file = match &arguments.resume_file {
        Some(file) if printer.borrow().has_goal() => {
            return Err(Error::usage(format!(
                "--for and --resume-file={file} do not fit together"
            ))
            .hinted("a goal needs the objects, and the file holds only their names"));
        }
        Some(file) => Some(open_resume_file(file, &server, &targets).await?),
        None => None,
    };
    let mut saved = match &resume_file {
        Some(file) => file.read()?.unwrap_or_default(),
        None => Vec::new(),
    };
    saved.resize_with(targets.len(), Saved::default);
    let watchers = targets
        .iter()
        .zip(saved)
        .map(|(target, saved)| {
            let seed = RandomState::new().hash_one(0);
            let options = options(&arguments, target, &printer.borrow())?;
            Ok(RefCell::new(Watcher::resume(options, seed, saved)))
        })
        .collect::<Result<Vec<RefCell<Watcher>>, Error>>()?;
    let mut signals = signals::take_over()
        .map_err(|error| Error::usage(format!("signals cannot be handled: {error}")))?;
    targets
        .iter()
        .filter_map(|target| target.note.as_deref())
        .for_each(stderr::say);

    let runs = targets.iter().zip(&watchers).map(|(target, watcher)| {
        let driver = Driver {
            server: &server,
            target,
            watcher,
            output: PathPrinter::new(&target.path, &printer),
            max_event_size: arguments.max_event_size,
        };
        let run = driver.run(Clock::start());
        async {
            let stop = run.await;
            // The server's words do not say which of several paths they are about.
            if targets.len() > 1
                && let Err(Stop::Failed(error)) = &stop
                && matches!(error.kind(), Kind::Refused(_) | Kind::Protocol(_))
            {
                stderr::say(&format!(
                    "rawwatch: {}: this path ends the run",
                    target.path
                ));
            }
            stop
        }
    });
    // Not `try_join_all`, which waits for the first of many before it looks at how another ended.
    let mut runs: FuturesUnordered<_> = runs.collect();
    let end = tokio::select! {
        biased;
        signal = signals.next() => Err(Kind::Interrupted { signal, message: None }.into()),
        stop = runs.try_next() => match stop {
            Err(Stop::Failed(error)) => Err(error),
            Err(Stop::Done) | Ok(_) => Ok(()),
        },
        error = keep(resume_file.as_ref(), &watchers) => Err(error),
        error = reader::is_gone() => Err(error),
        () = time_out(limit) => if printer.borrow().waits() {
            Err(Kind::Unmet("timed out waiting for the condition".to_owned()).into())
        } else {
            Ok(())
        },
    };
    signals::is_ending();
    let kept = resume_file.map_or(Ok(()), |file| file.write(&watchers));
    if arguments.stats {
        let counts = watchers.iter().map(|watcher| watcher.borrow().counts);
        stderr::say(&stats(counts));
    }
    end.and(kept)
}

/// The file, once it is known whose it is.
async fn open_resume_file(
    file: &str,
    server: &ApiServer,
    targets: &[Target],
) -> Result<ResumeFile, Error> {
    let paths = targets.iter().map(Target::selection).collect();
    ResumeFile::open(file, identity(server).await?, paths)
}

/// What a server is known by: the UID of a namespace that every cluster has, or its address when
/// the user may not read that.
async fn identity(server: &ApiServer) -> Result<String, Error> {
    let path = RawPath::verbatim("/api/v1/namespaces/kube-system")?;
    let request = ApiRequest::get(path, HeaderMap::new());
    match server.look_up(request).await {
        Ok(reply) => Ok(Head::read(reply.body()).unwrap_or_default().uid.to_owned()),
        Err(error) if matches!(error.kind(), Kind::Refused(status) if [403, 404].contains(&status.code)) => {
            Ok(server.address())
        }
        Err(error) => Err(error),
    }
}

async fn keep(file: Option<&ResumeFile>, watchers: &[RefCell<Watcher>]) -> Error {
    match file {
        Some(file) => file.keep(watchers).await,
        None => pending().await,
    }
}

/// How long the run may take: a flag and the paths must agree.
fn run_limit(arguments: &WatchArgs, targets: &[Target]) -> Result<Option<Duration>, Error> {
    let mut limit = arguments.timeout()?;
    for target in targets {
        match (limit, target.timeout) {
            (Some(known), Some(own)) if known != own => {
                return Err(Error::usage(format!(
                    "`timeoutSeconds={}` in PATH contradicts a time-out of {known:?}",
                    own.as_secs()
                ))
                .hinted("it is the time-out of the whole run: leave one of them out"));
            }
            (_, own) => limit = limit.or(own),
        }
    }
    Ok(limit)
}

pub(crate) fn options(
    arguments: &WatchArgs,
    target: &Target,
    printer: &Printer,
) -> Result<Options, Error> {
    let audit = arguments.audit()?;
    for (flag, is_given) in [("--for", printer.has_goal()), ("--audit", audit.is_some())] {
        if is_given && target.resource_version.is_some() {
            return Err(
                Error::usage(format!("{flag} and a resource version do not fit together"))
                    .hinted("it needs the state that there is at the start: leave out the version"),
            );
        }
    }
    Ok(Options {
        path: target.path.clone(),
        is_secret: target.is_secret,
        watch_only: arguments.watch_only,
        reads_objects: printer.reads_objects(),
        resource_version: target.resource_version.clone(),
        fail_on_gap: arguments.on_gap == OnGap::Fail,
        retry_for: arguments.retry_for()?,
        max_silence: arguments.max_silence()?,
        audit,
    })
}

async fn time_out(limit: Option<Duration>) {
    match limit {
        Some(limit) => sleep(limit).await,
        None => pending().await,
    }
}

fn stats(counts: impl Iterator<Item = Counts>) -> String {
    let mut total = Counts::default();
    for counts in counts {
        total.events += counts.events;
        total.bytes += counts.bytes;
        total.reconnects += counts.reconnects;
        total.resyncs += counts.resyncs;
        total.duplicates += counts.duplicates;
        total.lag = total.lag.max(counts.lag);
    }
    format!(
        "rawwatch: {} events, {} bytes, {} reconnects, {} resyncs, {} duplicates dropped, {} ms of lag at most",
        total.events,
        total.bytes,
        total.reconnects,
        total.resyncs,
        total.duplicates,
        total.lag.as_millis()
    )
}
