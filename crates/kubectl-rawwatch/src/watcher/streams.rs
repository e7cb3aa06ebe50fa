//! Handles the lines of a stream, and its end.

use std::time::Duration;

use kubectl_plugin::Error;
use kubectl_plugin::api_server::refusal;
use kubectl_plugin::error::Kind;

use super::{Closed, EventSink, FailureCounts, MAX_FAILURES, State, Stop, Watcher, stop_when_done};
use crate::watcher::backoff::{HEALTHY_STREAM_AGE, MIN_STREAM_AGE};
use crate::watcher::checks::Doubt;
use crate::watcher::cursor::Cursor;
use crate::watcher::listing::Reason;
use crate::wire::event::{Event, EventType, Line, ObjectIdentity, describe_invalid, raw_object};
use crate::wire::uid::Uid;
use crate::wire::version::Version;

/// The maximum pause after a stream that ended regularly.
pub(super) const CLEAN_PAUSE: Duration = Duration::from_millis(250);

impl Watcher {
    pub(super) fn take_line(
        &mut self,
        now: Duration,
        line: &[u8],
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        self.counts.bytes += line.len() as u64;
        match Event::parse(line) {
            Some(Event::Object(event_type, identity)) => {
                self.take_event(now, event_type, &identity, line, output)?;
                self.ahead = None;
                Ok(())
            }
            Some(Event::Bookmark { resource_version }) => {
                let version = Version::new(resource_version);
                if version < *self.cursor.at() {
                    output.message(&format!(
    "rawwatch: {}: ignored a bookmark at resource version {version}: events up to {} had already arrived",
                        self.options.path,
                        self.cursor.at()
                    ));
                    return Ok(());
                }
                output.bookmark(line)?;
                self.ahead = None;
                self.cursor = Cursor::complete(version);
                self.progress();
                stop_when_done(output)?;
                self.advance_audit(now, output)
            }
            Some(Event::Error) => self.fail(now, error_of(line, self.options.is_secret), output),
            None if line.trim_ascii().is_empty() => Ok(()),
            None => self.refuse_line(now, &describe_invalid(line), output),
        }
    }

    fn take_event(
        &mut self,
        now: Duration,
        event_type: EventType,
        identity: &ObjectIdentity<'_>,
        line: &[u8],
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        let (version, uid) = (
            Version::new(identity.resource_version),
            Uid::new(identity.uid),
        );
        match self.classify(event_type, identity, &version, &uid) {
            Verdict::New => {
                self.record_lag(now, &version);
                output.line(&Line {
                    event_type,
                    identity: *identity,
                    text: line,
                    synthetic: "",
                })?;
                self.calm.disturb(now);
                self.index.apply(event_type, identity);
                self.cursor.deliver(version, uid, event_type);
                self.counts.events += 1;
                self.progress();
                if let Some(audit) = &mut self.audit {
                    audit.record_deletion(event_type, identity);
                }
                stop_when_done(output)?;
                self.advance_audit(now, output)
            }
            Verdict::Duplicate => {
                output.duplicate(line);
                self.counts.duplicates += 1;
                Ok(())
            }
            Verdict::OutOfOrder => {
                output.message(&format!(
    "rawwatch: {}: dropped an event at resource version {version}: events up to {} had already arrived",
                    self.options.path,
                    self.cursor.at()
                ));
                self.counts.duplicates += 1;
                self.resync(now, Reason::Audit, output)
            }
        }
    }

    /// Classifies an event as new, a duplicate, or out of order.
    fn classify(
        &mut self,
        event_type: EventType,
        identity: &ObjectIdentity<'_>,
        version: &Version,
        uid: &Uid,
    ) -> Verdict {
        if self.cursor.has_delivered(version, uid, event_type) {
            return Verdict::Duplicate;
        }
        let is_past = self.cursor.has_passed(version);
        match self.index.known(identity) {
            Some(known) if event_type != EventType::Deleted && known.version == *version => {
                Verdict::Duplicate
            }
            Some(known) if *version < known.version => Verdict::Duplicate,
            // The deletion was already delivered, or the object was never listed.
            None if event_type == EventType::Deleted && is_past => Verdict::Duplicate,
            _ if is_past => Verdict::OutOfOrder,
            _ => Verdict::New,
        }
    }

    fn progress(&mut self) {
        if let State::Streaming(stream) = &mut self.state {
            stream.progressed = true;
        }
        self.failures = FailureCounts::default();
        self.outage = None;
    }

    /// Records the delay of an event that the server was known to have.
    fn record_lag(&mut self, now: Duration, version: &Version) {
        if let Some(ahead) = &self.ahead
            && *version <= ahead.version
        {
            self.counts.lag = self.counts.lag.max(now.saturating_sub(ahead.since));
        }
    }

    /// Drops a line that is not an event, and reconnects, because the rest of the stream cannot be
    /// trusted either.
    pub(super) fn refuse_line(
        &mut self,
        now: Duration,
        what: &str,
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        self.failures.invalid_lines += 1;
        if self.failures.invalid_lines >= MAX_FAILURES {
            return Err(Error::protocol(format!(
                "{}: the server sent {MAX_FAILURES} lines that are not events; the last one is {what}",
                self.options.path
            ))
            .with_hint("check that PATH is a collection, and that no proxy alters the stream")
            .into());
        }
        output.message(&format!(
            "rawwatch: {}: dropped {what}; reconnecting",
            self.options.path
        ));
        self.doubt(Doubt::Version);
        self.wait_after_stream(now, None, State::Opening);
        Ok(())
    }

    pub(super) fn end_stream(
        &mut self,
        now: Duration,
        closed: Closed,
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        let State::Streaming(stream) = self.state else {
            return Ok(());
        };
        let life = now.saturating_sub(stream.opened);
        if let Closed::Broken(_) = closed {
            self.doubt(Doubt::Version);
        }
        let was_good = stream.progressed || life >= MIN_STREAM_AGE;
        if life >= HEALTHY_STREAM_AGE {
            self.failures = FailureCounts {
                silent: self.failures.silent,
                ..FailureCounts::default()
            };
        }
        if was_good {
            self.outage = None;
            self.pace.shorten(life);
        }
        let why = match &closed {
            Closed::Clean => "the server ended the stream",
            Closed::Broken(reason) => reason,
        };
        self.counts.reconnects += 1;
        output.trace(&format!(
            "rawwatch: {}: reconnecting from resource version {}: {why}",
            self.options.path,
            self.cursor.resume_from()
        ));
        match closed {
            Closed::Clean if was_good => {
                let pause = CLEAN_PAUSE.mul_f64(self.rng.next());
                self.proceed(now, pause, State::Opening);
                Ok(())
            }
            Closed::Broken(_) if was_good => {
                self.proceed(now, Duration::ZERO, State::Opening);
                Ok(())
            }
            Closed::Clean => self.end_short_stream(now, output),
            Closed::Broken(reason) => {
                let error = Error::connection(format!("error: {reason}"));
                self.fail(now, error, output)
            }
        }
    }

    /// Handles a stream that ended immediately without an event. Some servers send one instead of a
    /// 410.
    fn end_short_stream(&mut self, now: Duration, output: &mut impl EventSink) -> Result<(), Stop> {
        self.failures.short_streams += 1;
        if self.failures.short_streams < MAX_FAILURES {
            self.wait_after_stream(now, None, State::Opening);
            return Ok(());
        }
        self.failures.short_streams = 0;
        self.failures.stalls += 1;
        if self.failures.stalls > MAX_FAILURES {
            let gave_up = format!(
                "{}: the server closes every watch from resource version {} immediately",
                self.options.path,
                self.cursor.resume_from()
            );
            return Err(Error::from(Kind::GaveUp(gave_up)).into());
        }
        self.resync(now, Reason::Stalled, output)
    }
}

/// The class of an event.
enum Verdict {
    New,
    /// The event, or a later one of its object, was already delivered.
    Duplicate,
    /// The event should have arrived earlier.
    OutOfOrder,
}

/// Returns the error of an `ERROR` event.
fn error_of(line: &[u8], is_secret: bool) -> Error {
    raw_object(line)
        .and_then(|status| refusal(status.get().as_bytes(), is_secret))
        .unwrap_or_else(|| Error::protocol("the server sent an ERROR event without a Status"))
}
