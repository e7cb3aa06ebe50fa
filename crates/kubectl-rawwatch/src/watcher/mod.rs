//! The state machine of one watched collection.
//!
//! It does no I/O and has no clock. [`Watcher::demand`] returns the next thing to do, and
//! [`Watcher::step`] takes its result and the time. Lines go to an [`EventSink`]. So tests can play
//! any schedule of faults in virtual time.
//!
//! * `lists`, `streams`, `checks`, `audits`, `failures`: the transitions
//! * `listing`: a LIST in progress; `paging`: the bounds of its pages; `audit`: a comparison of a
//!   LIST with the stream
//! * `cursor`: the position in the history; `index`: the known objects; `saved`: saves both for the
//!   next run
//! * `calm`: the time without a change; `backoff`: the pauses between attempts

pub(crate) mod audit;
mod audits;
pub(crate) mod backoff;
mod calm;
mod checks;
pub(crate) mod cursor;
pub(crate) mod failures;
pub(crate) mod index;
pub(crate) mod listing;
mod lists;
mod paging;
pub(crate) mod saved;
mod streams;

use std::time::Duration;

use kubectl_plugin::Error;

use crate::watcher::audit::Audit;
use crate::watcher::backoff::{Backoff, HEALTHY_STREAM_AGE, Rng};
use crate::watcher::calm::Calm;
use crate::watcher::checks::{Doubt, Doubts, Probe};
use crate::watcher::cursor::Cursor;
use crate::watcher::index::Index;
use crate::watcher::listing::{Listing, Reason};
use crate::watcher::saved::{Saved, Saving};
use crate::wire::event::Line;
use crate::wire::page::Page;
use crate::wire::version::Version;

/// The time after its `timeoutSeconds` at which a stream counts as dead.
const GRACE: Duration = Duration::from_secs(15);
/// The timeout for the arrival of an event on a silent stream after the server is known to have it.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(75);
/// The `timeoutSeconds` of the first stream of a resumed watch. Two seconds before the end of a
/// stream, the server sends a bookmark, which is soon enough for a short run: it settles the check
/// of the history, and moves the position of a quiet collection.
const RESUMED_TIMEOUT: Duration = Duration::from_secs(4);
/// The number of failures in a row after which more attempts of the same kind do not help.
const MAX_FAILURES: u32 = 3;

/// The options of a watcher.
#[expect(clippy::struct_excessive_bools, reason = "they are independent")]
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The path of the collection, for messages.
    pub(crate) path: String,
    /// Whether the server's messages may contain credentials.
    pub(crate) is_secret: bool,
    /// Whether existing objects are not printed.
    pub(crate) watch_only: bool,
    /// Whether the output inspects existing objects even if they are not printed.
    pub(crate) reads_objects: bool,
    /// The version after which the watch starts, without a LIST.
    pub(crate) resource_version: Option<Version>,
    /// Whether a gap ends the run.
    pub(crate) fail_on_gap: bool,
    /// The maximum time for which the server may be unreachable; `None` means no limit after the
    /// first success.
    pub(crate) retry_for: Option<Duration>,
    /// The maximum silence of a stream before the server is probed.
    pub(crate) max_silence: Option<Duration>,
    /// The interval between audits.
    pub(crate) audit: Option<Duration>,
    /// The time without a change after which the output is told so.
    pub(crate) stable: Option<Duration>,
    /// Whether the watch waits for a resource type that the server does not have yet.
    pub(crate) awaits_type: bool,
    /// The interval between LISTs that replace the watch.
    pub(crate) poll: Option<Duration>,
}

/// The state of a watcher.
#[derive(Debug, Default)]
enum State {
    /// A LIST is in progress.
    Listing(Listing),
    /// A watch must be opened at the cursor.
    #[default]
    Opening,
    /// A stream is open.
    Streaming(Stream),
    /// A pause, after which the watcher enters the state inside.
    Waiting { until: Duration, then: Box<State> },
}

/// An open stream.
#[derive(Clone, Copy, Debug)]
struct Stream {
    opened: Duration,
    /// The time of the last line or probe.
    last_activity: Duration,
    /// Whether the server did not answer a probe since the last line.
    is_unanswered: bool,
    /// The time at which the stream must have ended.
    deadline: Duration,
    /// Whether the stream has moved the cursor.
    progressed: bool,
}

/// The fact that the server is ahead of its silent stream. Changes of other collections may be the
/// reason, because all collections share their versions.
#[derive(Debug)]
struct Ahead {
    since: Duration,
    version: Version,
}

/// The next thing to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Demand {
    /// List a page of the collection. The result is [`Input::Page`].
    List {
        token: String,
        metadata_only: bool,
        /// Whether to list everything in one page, because paging did not work.
        whole: bool,
    },
    /// Open a watch. The result is [`Input::Opened`].
    Watch { from: Version, timeout: Duration },
    /// Read a line. The result is [`Input::Line`], [`Input::Torn`], [`Input::Closed`], or
    /// [`Input::Elapsed`] at the given time.
    Read { until: Duration },
    /// Wait. The result is [`Input::Elapsed`] at the given time.
    Wait { until: Duration },
}

/// A request that runs beside the stream. The result is [`Input::SidePage`] or
/// [`Input::SideFailed`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SideRequest {
    /// List one object without its content, for the server's current version.
    Probe,
    /// List a page without content.
    Audit {
        token: String,
        /// The version of the LIST; `None` for the current one.
        at: Option<Version>,
    },
}

/// The result of a demand or a side request. Every demand may also result in [`Input::Failed`].
#[derive(Debug)]
pub(crate) enum Input<'a> {
    /// The body of a LIST.
    Page(&'a [u8]),
    /// The server accepted the watch.
    Opened,
    /// A whole line of the stream, with its newline.
    Line(&'a [u8]),
    /// The start of a line whose rest is missing, with its length in bytes.
    Torn(usize),
    /// The stream ended.
    Closed(Closed),
    /// The request was refused, or there was no response.
    Failed(Error),
    /// The body of the response to a side request.
    SidePage(&'a [u8]),
    /// The side request was refused, or there was no response.
    SideFailed(Error),
    /// The time of the demand has come.
    Elapsed,
}

/// The end of a stream.
#[derive(Debug)]
pub(crate) enum Closed {
    /// The stream ended regularly, after a whole line.
    Clean,
    /// The stream ended in another way, for this reason.
    Broken(String),
}

/// The reason why a run ends.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Everything that the user asked for is printed.
    Done,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// The destination of lines and messages.
pub(crate) trait EventSink {
    /// Inspects a page before its lines are printed.
    fn page(&mut self, page: &Page<'_>) -> Result<(), Error>;
    /// Prints a line. The line is written when this returns.
    fn line(&mut self, line: &Line<'_>) -> Result<(), Error>;
    /// Inspects an existing object that is not printed.
    fn existing(&mut self, line: &Line<'_>) -> Result<(), Error>;
    /// Inspects a line that was printed before. Unlike then, it may contain the columns of its
    /// table.
    fn duplicate(&mut self, line: &[u8]);
    /// Marks the initial state as complete.
    fn synced(&mut self);
    /// Records whether nothing has changed for the time that the user waits for. A line ends this
    /// state, too.
    fn stable(&mut self, is_stable: bool);
    /// Handles a bookmark, which is a whole line.
    fn bookmark(&mut self, line: &[u8]) -> Result<(), Error>;
    /// Reports whether everything that the user asked for is printed.
    fn is_done(&self) -> bool;
    /// Shows a message.
    fn message(&mut self, text: &str);
    /// Shows a message if `-v` is set.
    fn trace(&mut self, text: &str);
}

/// Statistics of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) reconnects: u64,
    pub(crate) resyncs: u64,
    pub(crate) duplicates: u64,
    /// The maximum known delay of an event: in transit while the server was known to be ahead, or
    /// in this process while earlier lines waited for the reader of the output.
    pub(crate) lag: Duration,
}

/// A period in which the server is unreachable or refuses requests.
#[derive(Debug)]
struct Outage {
    since: Duration,
    next_note: Duration,
    /// The last failure.
    error: Error,
    /// Whether the user knows that the server does not have the resource type.
    has_noted_type: bool,
}

/// The watcher of one collection.
#[expect(clippy::struct_excessive_bools, reason = "they are independent")]
pub(crate) struct Watcher {
    options: Options,
    state: State,
    cursor: Cursor,
    index: Index,
    /// The pauses after failed requests.
    backoff: Backoff,
    /// The pauses after streams, and before resyncs.
    pace: Backoff,
    rng: Rng,
    /// The `timeoutSeconds` of the next stream.
    timeout: Duration,
    /// Whether the initial state is still incomplete, and is not printed.
    is_seeding: bool,
    /// Whether the initial state is complete, or was not asked for.
    is_listed: bool,
    /// Whether the server has ever accepted a request.
    has_connected: bool,
    /// Whether an earlier run has watched this collection.
    is_resumed: bool,
    outage: Option<Outage>,
    /// The time at which the last stream, or pause between polls, ended; `None` before the first one.
    stream_ended: Option<Duration>,
    ahead: Option<Ahead>,
    /// The time of the last line of any stream.
    last_line: Duration,
    /// Whether the index contains every object up to the cursor. It does not after a start from a
    /// resource version.
    knows_all: bool,
    doubts: Doubts,
    probe: Option<Probe>,
    audit: Option<Audit>,
    /// The time at which the next periodic audit starts.
    audit_at: Duration,
    calm: Calm,
    failures: FailureCounts,
    pub(crate) counts: Counts,
    /// A number that changes whenever the saved state may have changed.
    pub(crate) revision: u64,
}

/// The number of failures in a row since the last success.
#[derive(Debug, Default)]
struct FailureCounts {
    short_streams: u32,
    stalls: u32,
    /// Silent streams while the server was ahead. Only an event resets this number, because such
    /// streams live long.
    silent: u32,
    invalid_lines: u32,
    /// The start of the period in which the server refuses a request that it accepted before.
    refused_since: Option<Duration>,
    /// The message of a 500 without a reason, which is often the user's own mistake.
    unexplained: Option<String>,
}

impl Watcher {
    /// Creates a watcher in its initial state. `seed` determines its random pauses.
    pub(crate) fn new(options: Options, seed: u64) -> Self {
        let is_seeding = options.watch_only && options.resource_version.is_none();
        let (state, start) = match options.resource_version.clone() {
            Some(version) => (State::Opening, version),
            None => (State::Listing(Listing::default()), Version::Number(0)),
        };
        let is_listed = options.resource_version.is_some();
        let audit_at = options.audit.unwrap_or(Duration::MAX);
        let calm = Calm::new(options.stable);
        let mut rng = Rng(seed);
        Self {
            options,
            state,
            cursor: Cursor::complete(start),
            index: Index::default(),
            backoff: Backoff::for_requests(),
            pace: Backoff::for_streams(),
            timeout: timeout(&mut rng),
            rng,
            is_seeding,
            is_listed,
            has_connected: false,
            is_resumed: false,
            outage: None,
            stream_ended: None,
            ahead: None,
            last_line: Duration::ZERO,
            knows_all: false,
            doubts: Doubts::default(),
            probe: None,
            audit: None,
            audit_at,
            calm,
            failures: FailureCounts::default(),
            counts: Counts::default(),
            revision: 0,
        }
    }

    /// Creates a watcher that continues where another one stopped.
    pub(crate) fn resume(options: Options, seed: u64, saved: Saved) -> Self {
        // A part of an unprinted initial state is useless, because the consumer has not seen it.
        if saved.cursor.is_none() && (saved.index.is_empty() || options.watch_only) {
            return Self::new(options, seed);
        }
        let mut watcher = Self::new(options, seed);
        watcher.is_seeding = false;
        watcher.is_resumed = true;
        watcher.index = saved.index;
        watcher.state = match saved.cursor {
            Some(cursor) => {
                watcher.cursor = cursor;
                watcher.is_listed = true;
                watcher.knows_all = !saved.is_partial;
                watcher.doubt(Doubt::History);
                watcher.timeout = RESUMED_TIMEOUT;
                State::Opening
            }
            None => State::Listing(Listing::resync(Reason::Initial, Version::Number(0))),
        };
        watcher
    }

    /// Reports whether there is a state with which another watcher can resume.
    pub(crate) fn can_be_resumed(&self) -> bool {
        let has_position = self.is_listed && (self.has_connected || self.is_resumed);
        has_position || !self.index.is_empty()
    }

    /// Returns the state with which another watcher can resume.
    pub(crate) fn saving(&self) -> Saving<'_> {
        Saving {
            cursor: self.is_listed.then_some(&self.cursor),
            is_partial: self.is_listed && !self.knows_all,
            index: &self.index,
        }
    }

    /// Records the time for which lines waited for the reader of the output.
    pub(crate) fn waited_for_output(&mut self, time: Duration) {
        self.counts.lag = self.counts.lag.max(time);
    }

    /// Returns the version of the last delivery.
    pub(crate) fn position(&self) -> &Version {
        self.cursor.at()
    }

    /// Returns the next thing to do.
    pub(crate) fn demand(&self) -> Demand {
        match &self.state {
            State::Listing(listing) => Demand::List {
                token: listing.token.clone(),
                metadata_only: self.is_seeding && !self.options.reads_objects,
                whole: listing.restarts >= MAX_FAILURES,
            },
            State::Opening => Demand::Watch {
                from: self.cursor.resume_from().clone(),
                timeout: self.timeout,
            },
            State::Streaming(stream) => Demand::Read {
                until: self.next_check(stream).min(stream.deadline),
            },
            State::Waiting { until, .. } => Demand::Wait { until: *until },
        }
    }

    /// Reports whether a stream is open, so that its next line should be read.
    pub(crate) fn is_streaming(&self) -> bool {
        matches!(self.state, State::Streaming(_))
    }

    /// Reports whether LISTs replace the watch.
    pub(crate) fn polls(&self) -> bool {
        self.options.poll.is_some()
    }

    /// Reports whether nothing is wrong: a stream is open, or the last poll succeeded and the next one
    /// is not due yet.
    pub(crate) fn is_watching(&self) -> bool {
        let is_polling = self.polls() && self.outage.is_none();
        self.is_streaming() || (is_polling && matches!(self.state, State::Waiting { .. }))
    }

    /// Handles the result of the last demand or side request at the time `now`, which begins at 0 and
    /// never decreases.
    pub(crate) fn step(
        &mut self,
        now: Duration,
        input: Input<'_>,
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        let was_watching = self.is_watching();
        let was_calm = self.calm.is_confirmed();
        let result = self.take(now, input, output);
        match (was_watching, self.is_watching()) {
            (true, false) => {
                self.stream_ended = Some(now);
                self.calm.pause(now);
            }
            (false, true) => self.calm.resume(now),
            _ => {}
        }
        result?;
        if self.calm.is_confirmed() == was_calm {
            return Ok(());
        }
        output.stable(!was_calm);
        stop_when_done(output)
    }

    fn take(
        &mut self,
        now: Duration,
        input: Input<'_>,
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        if let Input::Page(_) | Input::Line(_) = input {
            self.revision += 1;
        }
        match (&mut self.state, input) {
            (State::Streaming(stream), Input::Line(line)) => {
                stream.last_activity = now;
                stream.is_unanswered = false;
                self.last_line = now;
                self.take_line(now, line, output)
            }
            (State::Streaming(_), Input::Torn(size)) => {
                self.refuse_line(now, &format!("a torn line of {size} bytes"), output)
            }
            (State::Streaming(_), Input::Closed(closed)) => self.end_stream(now, closed, output),
            (State::Streaming(stream), Input::Elapsed) => {
                let stream = *stream;
                self.pass_time(now, stream, output)
            }
            (State::Opening, Input::Opened) => {
                self.has_connected = true;
                self.failures.refused_since = None;
                self.backoff.reset();
                self.state = State::Streaming(Stream {
                    opened: now,
                    last_activity: now,
                    is_unanswered: false,
                    deadline: now + self.timeout + GRACE,
                    progressed: false,
                });
                self.ahead = None;
                self.start_due_checks(now);
                Ok(())
            }
            (State::Listing(_), Input::Page(body)) => self.take_page(now, body, output),
            (_, Input::SidePage(body)) => self.take_side_page(now, body, output),
            (_, Input::SideFailed(error)) => {
                self.fail_side_request(now, &error, output);
                Ok(())
            }
            (State::Waiting { then, .. }, Input::Elapsed) => {
                self.state = std::mem::take(then);
                self.timeout = timeout(&mut self.rng);
                Ok(())
            }
            (_, Input::Failed(error)) => self.fail(now, error, output),
            (state, input) => unreachable!("{input:?} while {state:?}"),
        }
    }

    /// Handles a timeout while the stream is open.
    fn pass_time(
        &mut self,
        now: Duration,
        stream: Stream,
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        if now < stream.deadline {
            return self.check_stream(now, &stream, output);
        }
        let late = "the server did not close the stream at its timeout".to_owned();
        self.end_stream(now, Closed::Broken(late), output)
    }

    /// Pauses after a failed request.
    fn wait(&mut self, now: Duration, retry_after: Option<Duration>, then: State) {
        let pause = self.backoff.next(self.rng.next(), retry_after);
        self.wait_until(now + pause, then);
    }

    /// Pauses after a stream that failed.
    fn wait_after_stream(&mut self, now: Duration, retry_after: Option<Duration>, then: State) {
        self.rest_after_healthy_stream(now);
        let pause = self.pace.next(self.rng.next(), retry_after);
        self.wait_until(now + pause, then);
    }

    /// Continues after a stream or a LIST that worked: after the pause `first` if a healthy stream
    /// precedes, and otherwise after a longer one.
    fn proceed(&mut self, now: Duration, first: Duration, then: State) {
        self.rest_after_healthy_stream(now);
        if !self.pace.take_first() {
            self.wait_after_stream(now, None, then);
        } else if first.is_zero() {
            self.timeout = timeout(&mut self.rng);
            self.state = then;
        } else {
            self.wait_until(now + first, then);
        }
    }

    fn rest_after_healthy_stream(&mut self, now: Duration) {
        if let State::Streaming(stream) = &self.state
            && now.saturating_sub(stream.opened) >= HEALTHY_STREAM_AGE
        {
            self.pace.reset();
        }
    }

    fn wait_until(&mut self, until: Duration, then: State) {
        self.state = State::Waiting {
            until,
            then: Box::new(then),
        };
    }
}

/// Returns a random timeout between 200 and 240 seconds. Streams that started together should not
/// end together, and none should live so long that a middlebox drops it.
fn timeout(rng: &mut Rng) -> Duration {
    Duration::from_secs_f64((200.0 + 40.0 * rng.next()).floor())
}

fn stop_when_done(output: &impl EventSink) -> Result<(), Stop> {
    if output.is_done() {
        Err(Stop::Done)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
