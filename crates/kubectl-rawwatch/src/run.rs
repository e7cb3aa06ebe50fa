//! Carries out a plan until the run ends.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::pending;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::stream::FuturesUnordered;
use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::discovery::explain_unknown_path;
use kubectl_plugin::error::Kind;
use kubectl_plugin::output::is_abandoned;
use kubectl_plugin::request::RawPath;
use kubectl_plugin::text::system_error;
use kubectl_plugin::{Error, stderr};
use tokio::time::{Instant, sleep, sleep_until};

use crate::args::WatchArgs;
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::driver::Driver;
use crate::output::printer::{PathPrinter, Printer};
use crate::output::reader::reader_closed;
use crate::plan::Plan;
use crate::resume::ResumeFile;
use crate::signals;
use crate::target::WatchTarget;
use crate::watcher::saved::Saved;
use crate::watcher::{Counts, Options, Stop, Watcher};

/// The interval at which the progress is shown.
const PROGRESS: Duration = Duration::from_secs(1);

/// Runs the command.
pub(crate) async fn watch(arguments: WatchArgs) -> Result<(), Error> {
    let plan = Plan::new(&arguments)?;
    let limit = plan.limit.unwrap_or_default();
    let deadline = plan.limit.map(|limit| Instant::now() + limit);
    let mut signals = signals::handle(deadline.map(Instant::into_std)).map_err(|error| {
        Error::usage(format!(
            "cannot install signal handlers: {}",
            system_error::reason(&error)
        ))
    })?;
    let last_error = RefCell::default();
    let (resume_file, saved) = tokio::select! {
        biased;
        signal = signals.next() => return Err(interrupted(signal)),
        resumed = resume(&plan, &last_error) => resumed?,
        () = time_out(deadline) => return Err(unidentified(last_error.take())),
    };
    let watchers = watchers(&plan.options, saved);
    if arguments.connection.is_verbose() {
        let notes = plan.targets.iter();
        let notes = notes.filter_map(|target| target.note.as_deref());
        notes.for_each(stderr::say);
    }

    if let Some(note) = plan.printer.note() {
        stderr::say(&note);
    }

    let printer = RefCell::new(plan.printer);
    let run = Run {
        server: &plan.server,
        targets: &plan.targets,
        watchers: &watchers,
        printer: &printer,
        resume_file: resume_file.as_ref(),
        max_event_size: plan.max_event_size,
    };
    let mut end = tokio::select! {
        biased;
        signal = signals.next() => Err(interrupted(signal)),
        end = run.watch_all() => end,
        never = run.show_progress() => match never {},
        error = save_periodically(resume_file.as_ref(), &watchers) => Err(error),
        error = reader_closed() => Err(error),
        () = time_out(deadline) => run.timed_out(limit),
    };
    if end.as_ref().is_err_and(is_abandoned) {
        end = tokio::select! {
            biased;
            signal = signals.next() => Err(interrupted(signal)),
            () = time_out(deadline) => run.timed_out(limit),
        };
    }
    let kept = resume_file.map_or(Ok(()), |file| file.write(&watchers));
    if plan.stats {
        stderr::say(&stats(&watchers));
    }
    explained(end, &plan.server, &plan.targets).await.and(kept)
}

/// Adds a hint to the refusal of a path that the server does not have.
async fn explained(
    end: Result<(), Error>,
    server: &ApiServer,
    targets: &[WatchTarget],
) -> Result<(), Error> {
    let Err(error) = end else { return end };
    let Kind::Refused(status) = error.kind() else {
        return Err(error);
    };
    for target in targets {
        let path = RawPath::verbatim(&target.path)?;
        if let Some(hint) = explain_unknown_path(server, &path, status).await {
            return Err(error.with_hint(hint));
        }
    }
    Err(error)
}

/// The watches of all paths.
struct Run<'a> {
    server: &'a ApiServer,
    targets: &'a [WatchTarget],
    watchers: &'a [RefCell<Watcher>],
    printer: &'a RefCell<Printer>,
    resume_file: Option<&'a ResumeFile>,
    max_event_size: usize,
}

impl Run<'_> {
    /// Watches all paths until one of them ends the run.
    async fn watch_all(&self) -> Result<(), Error> {
        let targets = self.targets.iter().zip(self.watchers).enumerate();
        // Not `try_join_all`, which may wait for one path while another has already ended.
        let mut runs: FuturesUnordered<_> = targets
            .map(|(index, (target, watcher))| self.watch_one(index, target, watcher))
            .collect();
        match runs.try_next().await {
            Err(Stop::Failed(error)) => Err(error),
            Err(Stop::Done) | Ok(_) => {
                self.say_met_conditions();
                Ok(())
            }
        }
    }

    /// Shows the progress on a terminal every second.
    async fn show_progress(&self) -> Infallible {
        if !self.printer.borrow().has_progress_line() {
            return pending().await;
        }
        let start = Instant::now();
        loop {
            sleep(PROGRESS).await;
            self.printer.borrow().show_progress(start.elapsed());
        }
    }

    /// Says which condition of `--for-any` ended the run.
    fn say_met_conditions(&self) {
        let printer = self.printer.borrow();
        for (index, target) in self.targets.iter().enumerate() {
            for line in printer.met_by(index, &target.subject) {
                stderr::say(&format!("rawwatch: {line}"));
            }
        }
    }

    async fn watch_one(
        &self,
        index: usize,
        target: &WatchTarget,
        watcher: &RefCell<Watcher>,
    ) -> Result<Infallible, Stop> {
        let driver = Driver {
            server: self.server,
            target,
            watcher,
            output: PathPrinter::new(&target.path, &target.subject, index, self.printer)
                .saving_to(self.resume_file),
            max_event_size: self.max_event_size,
        };
        let stop = driver.run(Clock::start()).await;
        if let Err(Stop::Failed(error)) = &stop {
            self.name_path(target, error);
        }
        stop
    }

    /// Names the path of an error, because the server's message does not tell which of several paths
    /// it is about.
    fn name_path(&self, target: &WatchTarget, error: &Error) {
        let has_no_path = matches!(
            error.kind(),
            Kind::Refused(_) | Kind::Protocol(_) | Kind::Unsupported(_)
        );
        if self.targets.len() > 1 && has_no_path {
            stderr::say(&format!(
                "rawwatch: {}: stopping, because this watch failed",
                target.path
            ));
        }
    }

    /// Returns the outcome of a run that `--timeout` ended after this time. It is a success if every
    /// path was being watched to the end, and nothing else was awaited.
    fn timed_out(&self, limit: Duration) -> Result<(), Error> {
        let printer = self.printer.borrow();
        let mut lines: Vec<String> = printer.missing_count().into_iter().collect();
        for (index, (target, watcher)) in self.targets.iter().zip(self.watchers).enumerate() {
            let interruption = watcher.borrow_mut().take_interruption(limit);
            lines.extend(printer.shortfall(index, &target.subject));
            match interruption {
                Some(error) if printer.has_end_condition() => lines.push(error.to_string()),
                Some(error) => {
                    self.name_path(target, &error);
                    return Err(error);
                }
                None => {}
            }
        }
        if !printer.has_end_condition() {
            return Ok(());
        }
        let subject = match self.targets {
            [target] => target.subject.single(),
            _ => None,
        };
        let on = subject.map_or(String::new(), |subject| format!(" on {subject}"));
        lines.insert(0, format!("timed out waiting for the condition{on}"));
        let message = lines.join("\n  ");
        Err(Kind::Unmet(message).into())
    }
}

/// Creates a watcher for each path, which resumes from the saved state of an earlier run.
fn watchers(options: &[Options], mut saved: Vec<Saved>) -> Vec<RefCell<Watcher>> {
    saved.resize_with(options.len(), Saved::default);
    let options = options.iter().cloned().zip(saved);
    options
        .map(|(options, saved)| {
            let seed = RandomState::new().hash_one(0);
            RefCell::new(Watcher::resume(options, seed, saved))
        })
        .collect()
}

/// Opens the resume file, identifies the cluster, and returns the state of the last run.
async fn resume(
    plan: &Plan,
    last_error: &RefCell<Option<Error>>,
) -> Result<(Option<ResumeFile>, Vec<Saved>), Error> {
    let Some(file) = &plan.resume_file else {
        return Ok((None, Vec::new()));
    };
    let paths = plan.targets.iter().map(WatchTarget::selection).collect();
    let mut file = ResumeFile::open(file, paths)?;
    let retry_for = plan.options.first().and_then(|options| options.retry_for);
    let cluster = Cluster::identify(&plan.server, retry_for, last_error).await?;
    let saved = file.read(cluster)?;
    Ok((Some(file), saved.unwrap_or_default()))
}

/// Returns the error of a run that `--timeout` ended before the cluster was identified.
fn unidentified(last_error: Option<Error>) -> Error {
    match last_error {
        Some(error) => Kind::GaveUp(format!(
            "--timeout passed before the cluster was identified for --resume-file: {error}"
        ))
        .into(),
        None => Error::connection(
            "Unable to connect to the server: no response before --timeout passed",
        ),
    }
}

fn interrupted(signal: i32) -> Error {
    let message = None;
    Kind::Interrupted { signal, message }.into()
}

async fn save_periodically(file: Option<&ResumeFile>, watchers: &[RefCell<Watcher>]) -> Error {
    match file {
        Some(file) => file.save_periodically(watchers).await,
        None => pending().await,
    }
}

async fn time_out(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

fn stats(watchers: &[RefCell<Watcher>]) -> String {
    let mut total = Counts::default();
    for watcher in watchers {
        let counts = watcher.borrow().counts;
        total.events += counts.events;
        total.bytes += counts.bytes;
        total.reconnects += counts.reconnects;
        total.resyncs += counts.resyncs;
        total.duplicates += counts.duplicates;
        total.lag = total.lag.max(counts.lag);
    }
    format!(
        "rawwatch: events: {}, bytes: {}, reconnects: {}, resyncs: {}, duplicates dropped: {}, maximum lag: {} ms",
        total.events,
        total.bytes,
        total.reconnects,
        total.resyncs,
        total.duplicates,
        total.lag.as_millis()
    )
}
