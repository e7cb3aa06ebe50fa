//! Handles audits in progress: their pages, and their end.

use std::time::Duration;

use super::{DELIVERY_TIMEOUT, EventSink, Stop, Watcher};
use crate::watcher::audit::{Audit, Comparison, Purpose};
use crate::watcher::listing::Reason;
use crate::wire::page::Page;

impl Watcher {
    /// Returns the time at which an audit ends even if the stream has not passed the version of the
    /// LIST. By then, everything in the LIST should have arrived.
    pub(super) fn audit_due(&self) -> Duration {
        let complete_at = self.audit.as_ref().and_then(Audit::complete_at);
        complete_at.map_or(Duration::MAX, |at| {
            at.max(self.last_line) + DELIVERY_TIMEOUT
        })
    }

    /// Returns the time at which the next periodic audit starts.
    pub(super) fn periodic_audit_due(&self) -> Duration {
        if self.audit.is_some() || self.probe.is_some() || !self.knows_all {
            return Duration::MAX;
        }
        self.audit_at
    }

    /// Handles a page of an audit.
    pub(super) fn take_audit_page(
        &mut self,
        now: Duration,
        page: &Page<'_>,
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        let Some(audit) = &mut self.audit else {
            return Ok(());
        };
        if let Err(error) = audit.take(page, now) {
            self.fail_side_request(now, &error, output);
            return Ok(());
        }
        if audit.is_behind_start() {
            return self.resync(now, Reason::Rollback, output);
        }
        if audit.complete_at().is_none() {
            return Ok(());
        }
        match audit.compare(&self.index, &self.cursor) {
            Comparison::Undecided => Ok(()),
            _ => self.finish_audit(now, output),
        }
    }

    /// Schedules the next periodic audit.
    pub(super) fn schedule_audit(&mut self, now: Duration) {
        let interval = self.options.audit;
        self.audit_at = interval.map_or(Duration::MAX, |interval| now + interval);
    }

    /// Finishes an audit if the stream has passed its LIST. Ignores the time, because the next
    /// events may be waiting for the output.
    pub(super) fn advance_audit(
        &mut self,
        now: Duration,
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        match &self.audit {
            Some(audit) if audit.is_passed_by(&self.cursor) => self.finish_audit(now, output),
            _ => Ok(()),
        }
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
        self.schedule_audit(now);
        if audit.purpose == Purpose::History {
            self.end_doubt(now);
        }
        let reason = match (audit.compare(&self.index, &self.cursor), audit.purpose) {
            (Comparison::Agrees, _) => {
                if let Some(listed) = audit.complete_at().filter(|_| !audit.is_exact()) {
                    self.calm.confirm(listed);
                }
                return Ok(());
            }
            (Comparison::WentBack, _) | (_, Purpose::History) => Reason::Rollback,
            (_, Purpose::Periodic | Purpose::Calm) => Reason::Audit,
            (_, Purpose::SilentStream) => {
                output.message(&format!(
                    "rawwatch: {}: the stream is missing events that the server has; \
                     check for a proxy that buffers responses",
                    self.options.path
                ));
                Reason::Stalled
            }
        };
        self.resync(now, reason, output)
    }
}
