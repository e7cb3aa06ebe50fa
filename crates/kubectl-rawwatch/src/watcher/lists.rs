//! Handles the pages of LISTs: the initial state, resyncs, probes and audits.

use std::time::Duration;

use kubectl_plugin::Error;
use kubectl_plugin::error::Kind;

use super::{Ahead, DELIVERY_TIMEOUT, EventSink, State, Stop, Watcher, stop_when_done};
use crate::watcher::audit::Audit;
use crate::watcher::cursor::Cursor;
use crate::watcher::listing::{Listing, Reason};
use crate::wire::page::Page;
use crate::wire::version::Version;

impl Watcher {
    pub(super) fn take_page(
        &mut self,
        body: &[u8],
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        let State::Listing(listing) = &mut self.state else {
            return Ok(());
        };
        let page = Page::parse(body)?;
        if !self.is_seeding {
            output.page(&page);
        }
        let (counts, is_seeding) = (&mut self.counts, self.is_seeding);
        counts.bytes += body.len() as u64;
        let listed = listing.take(&page, &mut self.index, |index, line| {
            if is_seeding {
                output.existing(line)?;
            } else {
                output.line(line)?;
                counts.events += 1;
            }
            index.apply(line.event_type, &line.identity);
            stop_when_done(output)
        })?;
        self.outage = None;
        self.failures.refused_since = None;
        self.backoff.reset();
        let Some(listed) = listed else {
            return Ok(());
        };
        self.cursor = Cursor::complete(listed.version);
        self.state = State::Opening;
        if let Some(summary) = listed.summary.filter(|_| !self.is_seeding) {
            self.counts.resyncs += 1;
            output.message(&summary);
        }
        self.is_seeding = false;
        self.is_listed = true;
        self.has_connected = true;
        output.synced();
        stop_when_done(output)
    }

    pub(super) fn take_probe(
        &mut self,
        now: Duration,
        body: &[u8],
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        let version = Version::new(&Page::parse(body)?.resource_version);
        let State::Probing(mut stream) = self.state else {
            return Ok(());
        };
        if version < *self.cursor.at() {
            return self.resync(now, Reason::Rollback, output);
        }
        stream.last_activity = now;
        self.ahead = (version > *self.cursor.at()).then_some(Ahead {
            since: now,
            version,
        });
        self.state = State::Streaming(stream);
        Ok(())
    }

    pub(super) fn take_audit_page(
        &mut self,
        now: Duration,
        body: &[u8],
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        self.counts.bytes += body.len() as u64;
        if let Some(audit) = &mut self.audit
            && audit.take(body, now + DELIVERY_TIMEOUT)?
        {
            self.end_audit_list(now);
        }
        self.advance_audit(now, output)
    }

    /// Returns to the stream, and schedules the next audit.
    pub(super) fn end_audit_list(&mut self, now: Duration) {
        if let State::Auditing(mut stream) = self.state {
            stream.last_activity = now;
            self.state = State::Streaming(stream);
        }
        self.audit_at = self
            .options
            .audit
            .map_or(Duration::MAX, |interval| now + interval);
    }

    /// Finishes an audit if the stream has passed its LIST. Ignores the time, because the next
    /// events may be waiting for the output.
    pub(super) fn advance_audit(
        &mut self,
        now: Duration,
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        let listed = self.audit.as_ref().and_then(Audit::at);
        if listed.is_some_and(|at| self.cursor.has_passed(at)) {
            return self.finish_audit(now, output);
        }
        Ok(())
    }

    /// Finishes an audit: compares its LIST with the objects from the stream.
    pub(super) fn finish_audit(
        &mut self,
        now: Duration,
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        let Some(audit) = self.audit.take() else {
            return Ok(());
        };
        if audit.agrees_with(&self.index) {
            return Ok(());
        }
        if audit.checks_silent_stream {
            output.message(&format!(
    "rawwatch: {}: the stream is missing events that the server has; check for a proxy that buffers responses",
                self.options.path
            ));
            return self.resync(now, Reason::Stalled, output);
        }
        self.resync(now, Reason::Audit, output)
    }

    /// Replaces lost events with a LIST, if the user allows it.
    pub(super) fn resync(
        &mut self,
        now: Duration,
        reason: Reason,
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        self.audit = None;
        let since = self.cursor.resume_from().clone();
        if self.options.fail_on_gap {
            let gap = format!(
                "{}: events after resource version {since} were lost ({})",
                self.options.path,
                reason.description()
            );
            let hint =
                "use --on-gap=resync to continue and print the differences as synthetic events";
            return Err(Error::from(Kind::Gap(gap)).with_hint(hint).into());
        }
        output.trace(&format!(
            "rawwatch: {}: resyncing after {}",
            self.options.path,
            reason.description()
        ));
        let listing = State::Listing(Listing::resync(reason, since));
        self.proceed(now, Duration::ZERO, listing);
        Ok(())
    }
}
