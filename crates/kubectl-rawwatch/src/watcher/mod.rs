//! The state machine of one watched collection.
//!
//! It does no I/O and has no clock. [`Watcher::demand`] returns what to do next, [`Watcher::step`] gets the
//! result and the time, and lines go to an [`EventSink`]. So every schedule of faults can be tested in virtual
//! time.
//!
//! * `lists`, `streams`, `failures`: the transitions
//! * `listing`: a LIST in progress; `audit`: its comparison with the stream
//! * `cursor`: the position in the history; `index`: the known objects; `saved`: both, for the next run
//! * `backoff`: the pauses between attempts

pub(crate) mod audit;
pub(crate) mod backoff;
pub(crate) mod cursor;
mod failures;
pub(crate) mod index;
pub(crate) mod listing;
mod lists;
pub(crate) mod saved;
mod streams;

use std::time::Duration;

use kubectl_plugin::Error;

use crate::watcher::audit::Audit;
use crate::watcher::backoff::{Backoff, Chance};
use crate::watcher::cursor::Cursor;
use crate::watcher::index::Index;
use crate::watcher::listing::{Listing, Reason};
use crate::watcher::saved::{Saved, Saving};
use crate::wire::event::Line;
use crate::wire::page::Page;
use crate::wire::version::Version;

/// How long after its `timeoutSeconds` a stream counts as dead.
const GRACE: Duration = Duration::from_secs(15);
/// How long an event may take to arrive on a silent stream once the server is known to have it.
const PATIENCE: Duration = Duration::from_secs(75);
/// How many failures in a row are accepted where more attempts do not help.
const TRIES: u32 = 3;

/// The options of a watcher.
#[expect(clippy::struct_excessive_bools, reason = "they are independent")]
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The collection's name in messages.
    pub(crate) path: String,
    /// The server's messages may contain credentials.
    pub(crate) is_secret: bool,
    /// Existing objects are learned without being printed.
    pub(crate) watch_only: bool,
    /// The output inspects existing objects even if they are not printed.
    pub(crate) reads_objects: bool,
    /// The watch starts after this version, without a LIST.
    pub(crate) resource_version: Option<Version>,
    /// A gap ends the run.
    pub(crate) fail_on_gap: bool,
    /// How long a server may be unreachable; `None` is no limit after the first success.
    pub(crate) retry_for: Option<Duration>,
    /// How long a stream may be silent before the server is probed.
    pub(crate) max_silence: Option<Duration>,
    /// How often the state is compared with a LIST.
    pub(crate) audit: Option<Duration>,
}

/// The state of a watcher.
#[derive(Debug, Default)]
enum State {
    /// Lists the collection page by page.
    Listing(Listing),
    /// Opens a watch at the cursor.
    #[default]
    Opening,
    /// Reads lines from a stream.
    Streaming(Stream),
    /// Asks for the server's version, because the stream is silent.
    Probing(Stream),
    /// Lists names and versions beside the stream, to compare them with the index.
    Auditing(Stream),
    /// Waits, then continues in the state inside.
    Waiting { until: Duration, then: Box<State> },
}

/// An open stream.
#[derive(Clone, Copy, Debug)]
struct Stream {
    opened: Duration,
    /// When its last line arrived, or its last probe succeeded.
    heard: Duration,
    /// When it must be over.
    deadline: Duration,
    /// Whether something moved the cursor.
    progressed: bool,
}

/// A server that was ahead of its silent stream. The reason may be other collections, which share their
/// versions.
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
        /// In one page, because paging did not work.
        whole: bool,
    },
    /// Open a watch. The result is [`Input::Opened`].
    Watch { from: Version, timeout: Duration },
    /// Read a line. The result is [`Input::Line`], [`Input::Closed`], or [`Input::Elapsed`] at the given time.
    Read { until: Duration },
    /// List one object without its content. The result is [`Input::Page`].
    Probe,
    /// List a page without content, beside the stream. The result is [`Input::Page`].
    Audit { token: String },
    /// Wait. The result is [`Input::Elapsed`] at the given time.
    Wait { until: Duration },
}

/// The result of a demand. Every demand may also result in [`Input::Failed`].
#[derive(Debug)]
pub(crate) enum Input<'a> {
    /// The body of a LIST.
    Page(&'a [u8]),
    /// The server accepted the watch.
    Opened,
    /// A whole line of the stream, with its newline.
    Line(&'a [u8]),
    /// The stream ended.
    Closed(Closed),
    /// The request was refused, or there was no response.
    Failed(Error),
    /// The time has come.
    Elapsed,
}

/// How a stream ended.
#[derive(Debug)]
pub(crate) enum Closed {
    /// Regularly, after a whole line.
    Clean,
    /// Any other way, for this reason.
    Torn(String),
}

/// The reason why a run ends.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The user's request is done.
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
    /// A page whose lines follow.
    fn page(&mut self, page: &Page<'_>);
    /// A line to print, which is written when this returns.
    fn line(&mut self, line: &Line<'_>) -> Result<(), Error>;
    /// An existing object that is not printed.
    fn seed(&mut self, line: &Line<'_>) -> Result<(), Error>;
    /// A line that was printed before, but may describe more of its table this time.
    fn again(&mut self, line: &[u8]);
    /// The initial state is complete.
    fn synced(&mut self);
    /// A bookmark of the server, as a whole line.
    fn bookmark(&mut self, line: &[u8]) -> Result<(), Error>;
    /// Reports whether everything that the user asked for is printed.
    fn is_done(&self) -> bool;
    /// A message for everyone.
    fn note(&mut self, text: &str);
    /// A message for `-v`.
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
    /// The longest known delay of an event: on its way while the server was known to be ahead, or here while
    /// earlier lines waited for the reader of the output.
    pub(crate) lag: Duration,
}

/// A time in which the server is unreachable or refuses requests.
#[derive(Debug)]
struct Outage {
    since: Duration,
    next_note: Duration,
}

/// The watcher of one collection.
pub(crate) struct Watcher {
    options: Options,
    state: State,
    cursor: Cursor,
    index: Index,
    backoff: Backoff,
    chance: Chance,
    /// The `timeoutSeconds` of the next stream.
    timeout: Duration,
    /// The initial state is still incomplete, and is not printed.
    is_seeding: bool,
    /// The initial state is complete, or was not asked for.
    is_listed: bool,
    /// Whether the server ever accepted a request.
    was_there: bool,
    outage: Option<Outage>,
    ahead: Option<Ahead>,
    audit: Option<Audit>,
    /// When the next audit starts.
    audit_at: Duration,
    tries: Tries,
    pub(crate) counts: Counts,
    /// Changes with everything that may change the saved state.
    pub(crate) revision: u64,
}

/// Failures in a row, since the last success.
#[derive(Debug, Default)]
struct Tries {
    resyncs: u32,
    short_streams: u32,
    stalls: u32,
    /// Silent streams while the server was ahead. Only an event ends this row, because such streams live
    /// long.
    silent: u32,
    garbage: u32,
    /// Since when the server refuses a request that it accepted before.
    refused_since: Option<Duration>,
    /// A 500 without a reason is often the user's own mistake.
    unexplained: Option<String>,
}

impl Watcher {
    /// Creates a watcher in its first state. `seed` determines its random pauses.
    pub(crate) fn new(options: Options, seed: u64) -> Self {
        let is_seeding = options.watch_only && options.resource_version.is_none();
        let (state, start) = match options.resource_version.clone() {
            Some(version) => (State::Opening, version),
            None => (State::Listing(Listing::default()), Version::Number(0)),
        };
        let is_listed = options.resource_version.is_some();
        let audit_at = options.audit.unwrap_or(Duration::MAX);
        let mut chance = Chance(seed);
        Self {
            options,
            state,
            cursor: Cursor::complete(start),
            index: Index::default(),
            backoff: Backoff::default(),
            timeout: timeout(&mut chance),
            chance,
            is_seeding,
            is_listed,
            was_there: false,
            outage: None,
            ahead: None,
            audit: None,
            audit_at,
            tries: Tries::default(),
            counts: Counts::default(),
            revision: 0,
        }
    }

    /// Creates a watcher that continues where another one stopped.
    pub(crate) fn resume(options: Options, seed: u64, saved: Saved) -> Self {
        // An initial state that is not printed has not been seen in part.
        if saved.cursor.is_none() && (saved.index.is_empty() || options.watch_only) {
            return Self::new(options, seed);
        }
        let mut watcher = Self::new(options, seed);
        watcher.is_seeding = false;
        watcher.index = saved.index;
        watcher.state = match saved.cursor {
            Some(cursor) => {
                watcher.cursor = cursor;
                watcher.is_listed = true;
                State::Opening
            }
            None => State::Listing(Listing::resync(Reason::Initial, Version::Number(0))),
        };
        watcher
    }

    /// Returns what another watcher needs to continue from here.
    pub(crate) fn saving(&self) -> Saving<'_> {
        Saving {
            cursor: self.is_listed.then_some(&self.cursor),
            index: &self.index,
        }
    }

    /// Records how long lines waited here for the reader of the output.
    pub(crate) fn waited_for_output(&mut self, time: Duration) {
        self.counts.lag = self.counts.lag.max(time);
    }

    /// Returns the next thing to do.
    pub(crate) fn demand(&self) -> Demand {
        match &self.state {
            State::Listing(listing) => Demand::List {
                token: listing.token.clone(),
                metadata_only: self.is_seeding && !self.options.reads_objects,
                whole: listing.restarts >= TRIES,
            },
            State::Opening => Demand::Watch {
                from: self.cursor.resume_from().clone(),
                timeout: self.timeout,
            },
            State::Streaming(stream) => Demand::Read {
                until: self
                    .doubt_at(stream)
                    .min(stream.deadline)
                    .min(self.audit_at)
                    .min(self.audit.as_ref().map_or(Duration::MAX, |audit| audit.due)),
            },
            State::Probing(_) => Demand::Probe,
            State::Auditing(_) => Demand::Audit {
                token: self
                    .audit
                    .as_ref()
                    .map_or_else(String::new, |audit| audit.token.clone()),
            },
            State::Waiting { until, .. } => Demand::Wait { until: *until },
        }
    }

    /// Reports whether the next line of the stream should be read.
    pub(crate) fn reads_on(&self) -> bool {
        matches!(self.state, State::Streaming(_))
    }

    fn doubt_at(&self, stream: &Stream) -> Duration {
        match (&self.ahead, self.options.max_silence) {
            (Some(_), _) => stream.heard + PATIENCE,
            (None, Some(silence)) => stream.heard + silence,
            (None, None) => Duration::MAX,
        }
    }

    /// Handles the result of the last demand at the time `now`, which starts anywhere and only grows.
    pub(crate) fn step(
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
                stream.heard = now;
                self.take_line(now, line, output)
            }
            (State::Streaming(_), Input::Closed(closed)) => self.end_stream(now, closed, output),
            (State::Streaming(stream), Input::Elapsed) => {
                let stream = *stream;
                self.pass_time(now, stream, output)
            }
            (State::Opening, Input::Opened) => {
                self.was_there = true;
                self.tries.refused_since = None;
                self.state = State::Streaming(Stream {
                    opened: now,
                    heard: now,
                    deadline: now + self.timeout + GRACE,
                    progressed: false,
                });
                self.ahead = None;
                Ok(())
            }
            (State::Listing(_), Input::Page(body)) => self.take_page(body, output),
            (State::Probing(_), Input::Page(body)) => self.take_probe(now, body, output),
            (State::Auditing(_), Input::Page(body)) => self.take_audit_page(now, body, output),
            (State::Auditing(_), Input::Failed(error)) => {
                // If it matters, the stream or the next audit reports it, too.
                output.trace(&format!(
                    "rawwatch: {}: audit skipped: {error}",
                    self.options.path
                ));
                self.audit = None;
                self.end_audit_list(now);
                Ok(())
            }
            (State::Waiting { then, .. }, Input::Elapsed) => {
                self.state = std::mem::take(then);
                self.timeout = timeout(&mut self.chance);
                Ok(())
            }
            (_, Input::Failed(error)) => self.fail(now, error, output),
            (state, input) => unreachable!("{input:?} while {state:?}"),
        }
    }

    /// Handles the time limit of a stream.
    fn pass_time(
        &mut self,
        now: Duration,
        stream: Stream,
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        if self.audit.as_ref().is_some_and(|audit| now >= audit.due) {
            self.finish_audit(now, output)
        } else if now >= self.audit_at {
            self.audit = Some(Audit::new(false));
            self.state = State::Auditing(stream);
            Ok(())
        } else if now >= stream.deadline {
            let late = "the server did not close the stream at its timeout".to_owned();
            self.end_stream(now, Closed::Torn(late), output)
        } else if self.ahead.take().is_none() {
            self.state = State::Probing(stream);
            Ok(())
        } else if self.tries.silent == 0 {
            self.tries.silent += 1;
            let silent = "the stream is silent, but the server has newer events".to_owned();
            self.end_stream(now, Closed::Torn(silent), output)
        } else {
            // The new stream is silent, too: either nothing happened here, or something holds events back.
            self.audit = Some(Audit::new(true));
            self.state = State::Auditing(stream);
            Ok(())
        }
    }

    fn wait(&mut self, now: Duration, wish: Option<Duration>, then: State) {
        let pause = self.backoff.next(self.chance.next(), wish);
        self.wait_until(now + pause, then);
    }

    fn wait_until(&mut self, until: Duration, then: State) {
        self.state = State::Waiting {
            until,
            then: Box::new(then),
        };
    }
}

/// Returns about two hundred seconds at random: streams that started together should not end together, and
/// none should live so long that a middlebox forgets it.
fn timeout(chance: &mut Chance) -> Duration {
    Duration::from_secs_f64((200.0 + 40.0 * chance.next()).floor())
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
