//! Checks beside the stream: whether the server still has the history that the watcher knows, and
//! whether it has events that a stream does not deliver.
//!
//! A server that was restored from a backup has less history than the watcher knows, until new
//! changes overtake the watcher's version. Then only the objects tell. So after a connection broke,
//! a *probe* asks for the server's version; after an outage, and at a start from a resume file, an
//! *audit* also compares the objects. A probe also tells a silent stream from a dead one.

use std::time::Duration;

use kubectl_plugin::Error;
use kubectl_plugin::error::Kind;

use super::{
    Ahead, Closed, DELIVERY_TIMEOUT, EventSink, SideRequest, State, Stop, Stream, Watcher,
};
use crate::watcher::audit::{Audit, Purpose};
use crate::watcher::backoff::{Backoff, SETTLING};
use crate::watcher::listing::Reason;
use crate::watcher::lists::page_of;
use crate::wire::page::Page;
use crate::wire::version::Version;

/// The minimum pause between a check and the next one, however often streams break.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// The part of the server's history that may have changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doubt {
    #[default]
    None,
    /// The server may be at an older version.
    Version,
    /// The server may also have other changes up to the same version.
    History,
}

/// The checks that are still necessary.
#[derive(Debug)]
pub(super) struct Doubts {
    level: Doubt,
    /// The earliest time for the next request.
    ask_at: Duration,
    backoff: Backoff,
    /// The start of the period in which the server refuses the request.
    refused_since: Option<Duration>,
}

impl Default for Doubts {
    fn default() -> Self {
        Self {
            level: Doubt::None,
            ask_at: Duration::ZERO,
            backoff: Backoff::for_requests(),
            refused_since: None,
        }
    }
}

/// A request for the server's version, in progress.
#[derive(Debug)]
pub(super) struct Probe {
    started: Duration,
    /// The position of the stream when the request started.
    position: Version,
    /// The doubt that led to the request; `None` if the stream is silent.
    doubt: Option<Doubt>,
}

impl Watcher {
    /// Returns the request that should run beside the stream.
    pub(crate) fn side_request(&self) -> Option<SideRequest> {
        if self.probe.is_some() {
            return Some(SideRequest::Probe);
        }
        let audit = self.audit.as_ref()?;
        let (token, at) = audit.next_page();
        audit
            .complete_at()
            .is_none()
            .then_some(SideRequest::Audit { token, at })
    }

    /// Reports whether a check is in progress, or still necessary.
    #[cfg(test)]
    pub(super) fn is_checking(&self) -> bool {
        self.probe.is_some() || self.audit.is_some() || self.doubts.level != Doubt::None
    }

    fn is_asking(&self) -> bool {
        let is_listing = |audit: &Audit| audit.complete_at().is_none();
        self.probe.is_some() || self.audit.as_ref().is_some_and(is_listing)
    }

    /// Requires a check once the next stream is open.
    pub(super) fn doubt(&mut self, level: Doubt) {
        self.doubts.level = self.doubts.level.max(level);
    }

    /// Records that the stream ended at an unknown time, while this process did not run. The server
    /// may have been stopped since, and started with other data.
    pub(crate) fn lost_sight(&mut self) {
        self.doubt(Doubt::History);
    }

    /// Drops all checks, because a LIST replaces everything that is known.
    pub(super) fn drop_checks(&mut self) {
        self.probe = None;
        self.audit = None;
        self.doubts = Doubts::default();
    }

    /// Returns the time of the next check of an open stream.
    pub(super) fn next_check(&self, stream: &Stream) -> Duration {
        let times = [
            self.audit_due(),
            self.doubt_due(),
            self.silence_due(stream),
            self.periodic_audit_due(),
            self.calm_due(),
        ];
        times.into_iter().min().unwrap_or(Duration::MAX)
    }

    fn doubt_due(&self) -> Duration {
        if self.doubts.level == Doubt::None || self.is_asking() {
            return Duration::MAX;
        }
        self.doubts.ask_at
    }

    fn calm_due(&self) -> Duration {
        if self.is_asking() || self.audit.is_some() || !self.knows_all {
            return Duration::MAX;
        }
        self.calm.due()
    }

    fn silence_due(&self, stream: &Stream) -> Duration {
        if self.is_asking() {
            return Duration::MAX;
        }
        match (&self.ahead, self.options.max_silence) {
            _ if stream.is_unanswered => stream.last_activity,
            (Some(_), _) => stream.last_activity + DELIVERY_TIMEOUT,
            (None, Some(silence)) => stream.last_activity + silence,
            (None, None) => Duration::MAX,
        }
    }

    /// Carries out the checks of an open stream that are due.
    pub(super) fn check_stream(
        &mut self,
        now: Duration,
        stream: &Stream,
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        if now >= self.audit_due() {
            return self.finish_audit(now, output);
        }
        if now >= self.silence_due(stream) {
            return self.check_silence(now, stream.is_unanswered, output);
        }
        self.start_due_checks(now);
        Ok(())
    }

    /// Starts the check of a doubt, a periodic audit, or the check of a calm, if it is due.
    pub(super) fn start_due_checks(&mut self, now: Duration) {
        if now >= self.doubt_due() {
            let doubt = std::mem::take(&mut self.doubts.level);
            self.start_probe(now, Some(doubt));
        } else if now >= self.periodic_audit_due() {
            let position = self.cursor.at().clone();
            self.audit = Some(Audit::new(Purpose::Periodic, position));
        } else if now >= self.calm_due() {
            let position = self.cursor.at().clone();
            self.audit = Some(Audit::new(Purpose::Calm, position));
        }
    }

    fn start_probe(&mut self, now: Duration, doubt: Option<Doubt>) {
        self.probe = Some(Probe {
            started: now,
            position: self.cursor.at().clone(),
            doubt,
        });
    }

    /// Decides what to do about a stream that has been silent for too long.
    fn check_silence(
        &mut self,
        now: Duration,
        is_unanswered: bool,
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        let broken = |reason: &str| Closed::Broken(reason.to_owned());
        if is_unanswered {
            let reason = "the stream is silent, and the server cannot be reached";
            return self.end_stream(now, broken(reason), output);
        }
        if self.ahead.take().is_none() {
            self.start_probe(now, None);
            return Ok(());
        }
        if self.failures.silent == 0 {
            self.failures.silent += 1;
            let reason = "the stream is silent, but the server has newer events";
            return self.end_stream(now, broken(reason), output);
        }
        // The new stream is silent, too. Either the collection has no changes, or a proxy holds
        // events back.
        self.restart_silence(now);
        match &mut self.audit {
            Some(audit) if audit.purpose == Purpose::Periodic => {
                audit.purpose = Purpose::SilentStream;
            }
            None if self.knows_all => {
                let position = self.cursor.at().clone();
                self.audit = Some(Audit::new(Purpose::SilentStream, position));
            }
            _ => {}
        }
        Ok(())
    }

    fn restart_silence(&mut self, now: Duration) {
        if let State::Streaming(stream) = &mut self.state {
            stream.last_activity = now;
        }
    }

    /// Handles the response to a side request.
    pub(super) fn take_side_page(
        &mut self,
        now: Duration,
        body: &[u8],
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        self.counts.bytes += body.len() as u64;
        let page = match page_of(body, &self.options) {
            Ok(page) => page,
            Err(error) => {
                self.fail_side_request(now, &error, output);
                return Ok(());
            }
        };
        match self.probe.take() {
            Some(probe) => self.take_probe(now, &probe, &page, output),
            None => self.take_audit_page(now, &page, output),
        }
    }

    fn take_probe(
        &mut self,
        now: Duration,
        probe: &Probe,
        page: &Page<'_>,
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        let version = Version::new(&page.resource_version);
        if version < probe.position {
            return self.resync(now, Reason::Rollback, output);
        }
        let position = self.cursor.at();
        match probe.doubt {
            Some(Doubt::History) if self.knows_all => {
                self.audit = Some(Audit::exact(Purpose::History, position.clone()));
            }
            Some(_) => self.end_doubt(now),
            None => {
                let is_ahead = version > *position;
                self.ahead = is_ahead.then_some(Ahead {
                    since: now,
                    version,
                });
                self.restart_silence(now);
            }
        }
        Ok(())
    }

    /// Handles a failed side request. If the error persists, the stream or the next check reports it.
    pub(super) fn fail_side_request(
        &mut self,
        now: Duration,
        error: &Error,
        output: &mut impl EventSink,
    ) {
        output.trace(&format!(
            "rawwatch: {}: a check beside the stream failed: {error}",
            self.options.path
        ));
        let is_refused = matches!(error.kind(), Kind::Refused(status) if status.code != 429);
        let Some(probe) = self.probe.take() else {
            match self.audit.take() {
                // The server may no longer have the past, but it has the present.
                Some(audit) if audit.is_exact() && is_refused => {
                    self.audit = Some(Audit::new(audit.purpose, self.cursor.at().clone()));
                }
                Some(audit) if audit.purpose == Purpose::History => {
                    self.ask_again(now, Doubt::History, error);
                }
                Some(audit) if audit.purpose == Purpose::Calm => {
                    self.calm.fail(now, self.rng.next());
                }
                _ => self.schedule_audit(now),
            }
            return;
        };
        if let Some(doubt) = probe.doubt {
            self.ask_again(now, doubt, error);
        } else if let State::Streaming(stream) = &mut self.state {
            // A server that answers is alive. Otherwise the stream is probably dead, unless a line
            // has come, or is waiting to be read.
            let is_silent = self.last_line.max(stream.opened) < probe.started;
            stream.is_unanswered = is_silent && matches!(error.kind(), Kind::Connection(_));
            stream.last_activity = now;
        }
    }

    /// Repeats the check of a doubt after a pause, unless the server keeps refusing it.
    fn ask_again(&mut self, now: Duration, doubt: Doubt, error: &Error) {
        let is_refused = matches!(error.kind(), Kind::Refused(status)
            if (400..500).contains(&status.code) && ![410, 429].contains(&status.code));
        let since = *self.doubts.refused_since.get_or_insert(now);
        if !is_refused {
            self.doubts.refused_since = None;
        } else if now.saturating_sub(since) >= SETTLING {
            self.end_doubt(now);
            return;
        }
        self.doubt(doubt);
        let chance = self.rng.next();
        self.doubts.ask_at = now + self.doubts.backoff.next(chance, error.retry_after());
    }

    /// Forgets the failed attempts of a check that has an answer, or cannot have one.
    pub(super) fn end_doubt(&mut self, now: Duration) {
        self.doubts = Doubts {
            level: self.doubts.level,
            ask_at: now + MIN_INTERVAL,
            ..Doubts::default()
        };
    }
}
