//! Patches the objects, many at the same time, and reports each of them.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use kubectl_plugin::output::{Output, object_name};
use kubectl_plugin::runtime::Hold;
use kubectl_plugin::stderr::progress::Progress;
use kubectl_plugin::text::terminal;
use kubectl_plugin::{Error, stderr};
use tokio::time::MissedTickBehavior;

use crate::apply::{Applied, Effect};
use crate::collection::lines::Lines;
use crate::collection::outcome::Outcome;
use crate::collection::sender::Sender;
use crate::collection::tally::Tally;
use crate::collection::throttle::Throttle;
use crate::diff::Comparison;
use crate::report;

/// The number of failures after which a run without any success stops by itself.
const FIRST_FAILURES: usize = 20;
/// How often an object is tried again that the server puts off.
const MAX_ATTEMPTS: u32 = 10;
/// The maximum number of differences that are printed.
const MAX_DIFFS: usize = 20;
/// The interval of the progress line.
const PROGRESS: Duration = Duration::from_millis(250);

/// The limits of a run.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) max_in_flight: usize,
    pub(crate) max_failures: Option<usize>,
}

/// A reason to send no more requests.
pub(crate) enum Stop {
    /// `--max-failures` is reached.
    MaxFailures(usize),
    /// The first objects all failed.
    FirstFailures,
    /// Every other object would fail, or the output cannot be written.
    Failed(Error),
    /// A signal with this number arrived.
    Interrupted(i32),
}

/// An object to patch.
#[derive(Clone, Copy)]
struct Job {
    number: usize,
    attempts: u32,
}

/// A run, and later its result.
pub(crate) struct Run<'a> {
    pub(crate) sender: &'a Sender<'a>,
    limits: Limits,
    output: &'a Output,
    /// Whether lines name the namespace of the object.
    names_namespaces: bool,
    /// The number of objects that were tried.
    tried: usize,
    put_off: VecDeque<Job>,
    throttle: Throttle,
    lines: Lines,
    /// Whether a document was printed.
    has_printed: bool,
    /// The number of differences that were printed.
    diffs: usize,
    pub(crate) tally: Tally,
    /// For each object, whether it needs no other try.
    pub(crate) settled: Vec<bool>,
    pub(crate) stop: Option<Stop>,
    /// The first error of an object whose response does not fit the output format, or of a file.
    pub(crate) output_error: Option<Error>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(sender: &'a Sender<'a>, limits: Limits, output: &'a Output) -> Self {
        let collection = sender.template.path.resource();
        Self {
            sender,
            limits,
            output,
            names_namespaces: collection.is_none_or(|collection| collection.namespace.is_none()),
            diffs: 0,
            tried: 0,
            put_off: VecDeque::new(),
            throttle: Throttle::new(limits.max_in_flight),
            lines: Lines::default(),
            has_printed: false,
            tally: Tally::default(),
            settled: vec![false; sender.objects.len()],
            stop: None,
            output_error: None,
        }
    }

    /// Patches all objects, until the end or a reason to stop. The first signal waits for the requests
    /// in flight, and the second one does not.
    pub(crate) async fn patch_all(&mut self, signals: &mut Hold) {
        let sender = self.sender;
        let patch = async |job: Job| (job, sender.patch(job.number).await);
        let mut in_flight = FuturesUnordered::new();
        let progress = Progress::start();
        let start = Instant::now();
        let mut ticks = tokio::time::interval(PROGRESS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            while let Some(job) = self.next_job(in_flight.len()) {
                in_flight.push(patch(job));
            }
            if in_flight.is_empty() && self.lines.is_idle() && !self.has_jobs() {
                break;
            }
            tokio::select! {
                biased;
                signal = signals.signal() => if self.interrupt(signal, in_flight.len()) {
                    break;
                },
                Some((job, outcome)) = in_flight.next(), if !in_flight.is_empty() => {
                    self.finish(job, outcome);
                }
                written = self.lines.progress(), if !self.lines.is_idle() => {
                    if let Err(error) = written {
                        self.stop = Some(Stop::Failed(error));
                    }
                }
                () = self.throttle.end_of_pause(), if self.throttle.is_paused() && self.has_jobs() => {}
                _ = ticks.tick() => progress.show(&self.progress(start.elapsed())),
            }
        }
    }

    /// Reports whether there are more requests to send.
    fn has_jobs(&self) -> bool {
        let is_any_left = self.tried < self.settled.len() || !self.put_off.is_empty();
        self.stop.is_none() && is_any_left
    }

    /// Returns the next object, unless nothing must be sent now.
    fn next_job(&mut self, in_flight: usize) -> Option<Job> {
        if !self.has_jobs() || !self.throttle.allows(in_flight) || self.lines.is_full() {
            return None;
        }
        if self.tried == self.settled.len() {
            return self.put_off.pop_front();
        }
        self.tried += 1;
        Some(Job {
            number: self.tried - 1,
            attempts: 1,
        })
    }

    /// Handles a signal. Reports whether the run ends at once.
    fn interrupt(&mut self, signal: i32, in_flight: usize) -> bool {
        let is_second = matches!(self.stop, Some(Stop::Interrupted(_)));
        self.stop = Some(Stop::Interrupted(signal));
        if is_second {
            if self.sender.stores() {
                self.tally.unknown += in_flight;
            }
            return true;
        }
        if in_flight > 0 {
            let requests = if in_flight == 1 {
                "request"
            } else {
                "requests"
            };
            stderr::say(&format!(
                "rawpatch: interrupted: waiting for {in_flight} {requests}; interrupt again to stop at once"
            ));
        }
        false
    }

    fn finish(&mut self, job: Job, outcome: Outcome) {
        match outcome {
            Outcome::Patched(applied) => {
                self.throttle.has_success(tokio::time::Instant::now());
                self.settled[job.number] = true;
                match applied.effect {
                    Effect::Unchanged => self.tally.unchanged += 1,
                    Effect::Changed | Effect::Unknown => self.tally.patched += 1,
                }
                self.print(job, &applied);
            }
            Outcome::Compared(comparison) => {
                self.throttle.has_success(tokio::time::Instant::now());
                self.settled[job.number] = true;
                if comparison.differs() {
                    self.tally.patched += 1;
                    self.print_difference(&comparison);
                } else {
                    self.tally.unchanged += 1;
                }
            }
            Outcome::Gone => {
                self.settled[job.number] = true;
                self.tally.gone += 1;
            }
            Outcome::Refused(error) => {
                self.tally.refused += 1;
                self.fail(job, &error);
            }
            Outcome::Unknown(error) => {
                self.tally.unknown += 1;
                self.fail(job, &error);
            }
            Outcome::Later(error) => self.put_off(job, error),
            Outcome::Hopeless(error) => self.stop_with(error),
        }
    }

    /// Prints the line of an object, or its document.
    fn print(&mut self, job: Job, applied: &Applied) {
        if !self.output.is_as_received() {
            match self.output.render(applied.reply.body()) {
                Ok(text) => {
                    if std::mem::replace(&mut self.has_printed, true) {
                        self.lines.add(self.output.separator().as_bytes());
                    }
                    self.lines.add(&text);
                }
                Err(error) => {
                    self.tally.say_error(self.path(job), &error);
                    self.output_error.get_or_insert(error);
                }
            }
            return;
        }
        let template = self.sender.template;
        let outcome = report::outcome(template, applied).0;
        let name = object_name(&applied.object);
        let namespace = applied.object.pointer("/metadata/namespace");
        let namespace = namespace.and_then(|namespace| namespace.as_str());
        let line = match namespace.filter(|_| self.names_namespaces) {
            Some(namespace) => format!("{name} {outcome} in namespace {namespace}\n"),
            None => format!("{name} {outcome}\n"),
        };
        self.lines.add(line.as_bytes());
    }

    /// Prints what the patch would change, unless many differences were printed.
    fn print_difference(&mut self, comparison: &Comparison) {
        if self.diffs < MAX_DIFFS {
            self.diffs += 1;
            let is_coloured = terminal::is_coloured(&io::stdout());
            let text = comparison.unified(is_coloured);
            self.lines.is_coloured = is_coloured;
            self.lines.add(text.as_bytes());
        }
    }

    /// Describes the outcomes.
    pub(crate) fn summary(&self) -> String {
        let summary = self.tally.summary(self.settled.len());
        if self.sender.shows_differences() {
            let summary = summary.replacen(" patched", " would change", 1);
            let summary = summary.replacen(" 0 unknown,", "", 1);
            return match self.tally.patched - self.diffs {
                0 => summary,
                hidden => format!("{summary}; {hidden} differences are not shown"),
            };
        }
        if self.sender.stores() {
            summary
        } else {
            format!("{summary} (server dry run)")
        }
    }

    fn path(&self, job: Job) -> &'a str {
        self.sender.objects.get(job.number).path
    }

    /// Reports a failure, and stops the run if there are too many.
    fn fail(&mut self, job: Job, error: &Error) {
        self.tally.say_error(self.path(job), error);
        let failures = self.tally.failures();
        let stop = match self.limits.max_failures {
            Some(max) => (failures >= max).then_some(Stop::MaxFailures(max)),
            None => (failures >= FIRST_FAILURES && !self.tally.has_success())
                .then_some(Stop::FirstFailures),
        };
        if self.stop.is_none() && self.has_jobs() {
            self.stop = stop;
        }
    }

    /// Puts off an object, and pauses all requests.
    fn put_off(&mut self, job: Job, error: Error) {
        let wish = error.retry_after().unwrap_or_default();
        if !self.throttle.pause(wish, tokio::time::Instant::now()) {
            self.stop_with(error);
        } else if job.attempts == MAX_ATTEMPTS {
            self.tally.refused += 1;
            self.fail(job, &error);
        } else {
            let attempts = job.attempts + 1;
            self.put_off.push_back(Job { attempts, ..job });
        }
    }

    fn stop_with(&mut self, error: Error) {
        if self.stop.is_none() {
            self.stop = Some(Stop::Failed(error));
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    fn progress(&self, elapsed: Duration) -> String {
        let (done, total) = (self.tally.done(), self.settled.len());
        let rate = done as f64 / elapsed.as_secs_f64().max(0.001);
        let left = match rate {
            0.0.. if done > 0 => format!("{} s left", ((total - done) as f64 / rate).ceil() as u64),
            _ => "estimating".to_owned(),
        };
        let failed = self.tally.failures();
        let paused = if self.throttle.is_paused() {
            ", paused"
        } else {
            ""
        };
        format!("{done} of {total} done, {failed} failed, {rate:.0}/s, {left}{paused}")
    }
}
