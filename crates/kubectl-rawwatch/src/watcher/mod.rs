//! The state machine of one watched collection.
//!
//! It does no I/O and has no clock: [`Watcher::demand`] says what is to be done, [`Watcher::step`]
//! is told what came of it and when, and lines go to an [`EventSink`]. So every schedule of faults
//! can be played to it in virtual time.

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
/// How long what a server is known to have may be on its way on a silent stream.
const PATIENCE: Duration = Duration::from_secs(75);
/// How many times in a row something may go wrong that more attempts do not mend.
const TRIES: u32 = 3;

/// What a run is like.
#[expect(clippy::struct_excessive_bools, reason = "each is a matter of its own")]
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// What messages call the collection.
    pub(crate) path: String,
    /// What the server says of it may hold credentials.
    pub(crate) is_secret: bool,
    /// The initial objects are known without being printed.
    pub(crate) watch_only: bool,
    /// The output looks into the objects of the initial state, printed or not.
    pub(crate) reads_objects: bool,
    /// The watch begins here, without a LIST.
    pub(crate) resource_version: Option<Version>,
    /// A gap is the end.
    pub(crate) fail_on_gap: bool,
    /// How long a server may be away; `None` is for ever, once it was there.
    pub(crate) retry_for: Option<Duration>,
    /// How long a stream may be silent before it is doubted.
    pub(crate) max_silence: Option<Duration>,
    /// How often the state is compared with a LIST.
    pub(crate) audit: Option<Duration>,
}

/// Where the watcher is.
#[derive(Debug, Default)]
enum State {
    /// The collection is being listed, page by page.
    Listing(Listing),
    /// A watch is asked for, from where the cursor says.
    #[default]
    Opening,
    /// Lines come, or should.
    Streaming(Stream),
    /// The stream is silent, and a LIST of one object is to tell how far the server is.
    Probing(Stream),
    /// Names and versions are being listed beside the stream, to compare them with the index.
    Auditing(Stream),
    /// Nothing is done before a time; then the state in it takes over.
    Waiting { until: Duration, then: Box<State> },
}

/// An open stream.
#[derive(Clone, Copy, Debug)]
struct Stream {
    opened: Duration,
    /// When its last line came, or its last doubt was settled.
    heard: Duration,
    /// When it is over, whatever the server does.
    deadline: Duration,
    /// Something came that moved the cursor.
    progressed: bool,
}

/// A server that was further than its silent stream when it was asked. That may be due to other
/// collections, as they share their versions.
#[derive(Debug)]
struct Ahead {
    since: Duration,
    version: Version,
}

/// What is to be done next.
#[derive(Debug, PartialEq)]
pub(crate) enum Demand {
    /// Ask for a page of the collection: answered by [`Input::Page`].
    List {
        token: String,
        metadata_only: bool,
        /// In one page, as paging did not work out.
        whole: bool,
    },
    /// Ask for a watch: answered by [`Input::Opened`].
    Watch { from: Version, timeout: Duration },
    /// Read on: answered by [`Input::Line`] or [`Input::Closed`], or [`Input::Elapsed`] when the
    /// time has come.
    Read { until: Duration },
    /// Ask for a page of one object without its content: answered by [`Input::Page`].
    Probe,
    /// Ask for a page of the collection without content, beside the stream: answered by
    /// [`Input::Page`].
    Audit { token: String },
    /// Do nothing: answered by [`Input::Elapsed`] when the time has come.
    Wait { until: Duration },
}

/// What came of it. Every demand may be answered by [`Input::Failed`] too.
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
    /// The request got no reply, or a refusal.
    Failed(Error),
    /// The time has come.
    Elapsed,
}

/// How a stream ended.
#[derive(Debug)]
pub(crate) enum Closed {
    /// In good order and behind a whole line.
    Clean,
    /// Any other way, with the reason.
    Torn(String),
}

/// Why a run is over.
#[derive(Debug)]
pub(crate) enum Stop {
    /// What the user asked for was done.
    Done,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Where lines and messages go.
pub(crate) trait EventSink {
    /// A page whose lines come next.
    fn page(&mut self, page: &Page<'_>);
    /// A line to print, which is written when this returns.
    fn line(&mut self, line: &Line<'_>) -> Result<(), Error>;
    /// An object of the initial state that is not to be printed.
    fn seed(&mut self, line: &Line<'_>) -> Result<(), Error>;
    /// A line that was printed before, but may say more of its form than the first time.
    fn again(&mut self, line: &[u8]);
    /// The initial state is out.
    fn synced(&mut self);
    /// A bookmark of the server, as a whole line.
    fn bookmark(&mut self, line: &[u8]) -> Result<(), Error>;
    /// Whether all was said that the user asked for.
    fn is_done(&self) -> bool;
    /// A message that everybody gets.
    fn note(&mut self, text: &str);
    /// A message for those who ask for more.
    fn trace(&mut self, text: &str);
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) reconnects: u64,
    pub(crate) resyncs: u64,
    pub(crate) duplicates: u64,
    /// The longest time that an event is known to have waited: on its way here while the server was
    /// known to be ahead, or here for somebody to read what came before it.
    pub(crate) lag: Duration,
}

/// The server cannot be reached, or does not do what it is asked.
#[derive(Debug)]
struct Outage {
    since: Duration,
    next_note: Duration,
}

/// Watches one collection.
pub(crate) struct Watcher {
    options: Options,
    state: State,
    cursor: Cursor,
    index: Index,
    backoff: Backoff,
    chance: Chance,
    /// The `timeoutSeconds` of the next stream.
    timeout: Duration,
    /// The initial state is not out yet, and is not to be printed.
    is_seeding: bool,
    /// The initial state is out, or was not asked for.
    is_listed: bool,
    /// Whether the server ever did what it was asked.
    was_there: bool,
    outage: Option<Outage>,
    ahead: Option<Ahead>,
    audit: Option<Audit>,
    /// When the next audit begins.
    audit_at: Duration,
    tries: Tries,
    pub(crate) counts: Counts,
    /// Changes with everything that may change what is saved.
    pub(crate) revision: u64,
}

/// What went wrong in a row, since something last went well.
#[derive(Debug, Default)]
struct Tries {
    resyncs: u32,
    short_streams: u32,
    stalls: u32,
    /// Streams that were silent while the server was ahead. Only an event ends this row: such
    /// streams live long.
    silent: u32,
    garbage: u32,
    /// Since when the server refuses what it has done before.
    refused_since: Option<Duration>,
    /// A 500 that says nothing of its reason is often the user's own fault.
    unexplained: Option<String>,
}

impl Watcher {
    /// A watcher that has not begun; `seed` decides its chances.
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

    /// A watcher that goes on where another one left off.
    pub(crate) fn resume(options: Options, seed: u64, saved: Saved) -> Self {
        // Of a state that was not to be printed nobody has seen a part.
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

    /// What another watcher needs to go on from here.
    pub(crate) fn saving(&self) -> Saving<'_> {
        Saving {
            cursor: self.is_listed.then_some(&self.cursor),
            index: &self.index,
        }
    }

    /// Notes how long lines waited here for somebody to read what came before them.
    pub(crate) fn waited_for_output(&mut self, time: Duration) {
        self.counts.lag = self.counts.lag.max(time);
    }

    /// What is to be done next.
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

    /// Whether the next line of the stream is to be read.
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

    /// Takes in what came of the last demand at the time `now`, which starts anywhere and only
    /// grows.
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
                // Whatever it is, the stream will say it too, or the next audit.
                output.trace(&format!(
                    "rawwatch: {}: no audit: {error}",
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

    /// A time has come that the stream was to bring something by.
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
            let late = "the server did not end the stream in time".to_owned();
            self.end_stream(now, Closed::Torn(late), output)
        } else if self.ahead.take().is_none() {
            self.state = State::Probing(stream);
            Ok(())
        } else if self.tries.silent == 0 {
            self.tries.silent += 1;
            let silent = "the server is ahead, and the stream is silent".to_owned();
            self.end_stream(now, Closed::Torn(silent), output)
        } else {
            // A new stream was silent too: either nothing happened here, or something holds it back.
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

/// Some two hundred seconds: streams that began together should not end together, and none should
/// live so long that a middlebox forgets it.
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
