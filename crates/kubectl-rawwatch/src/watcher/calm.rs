//! `--stable`: whether a collection has not changed for some time.
//!
//! Silence alone proves nothing: a stream may be dead, or hold events back. So when the time is over,
//! a LIST of the versions of all objects must agree with the stream. While no stream is open, the time
//! stands still.

use std::time::Duration;

use super::backoff::Backoff;

/// The calm of a collection.
#[derive(Debug)]
pub(super) struct Calm {
    /// The time without a change that the user waits for.
    wanted: Option<Duration>,
    /// The time of the last change, later by the time for which no stream was open.
    since: Duration,
    /// The time since which no stream is open.
    paused: Option<Duration>,
    /// Whether the calm has been confirmed by a LIST.
    is_confirmed: bool,
    /// The earliest time for the next LIST.
    ask_at: Duration,
    backoff: Backoff,
}

impl Calm {
    pub(super) fn new(wanted: Option<Duration>) -> Self {
        Self {
            wanted,
            since: Duration::ZERO,
            paused: Some(Duration::ZERO),
            is_confirmed: false,
            ask_at: Duration::ZERO,
            backoff: Backoff::for_requests(),
        }
    }

    /// Records a change.
    pub(super) fn disturb(&mut self, now: Duration) {
        self.since = now;
        self.paused = self.paused.map(|_| now);
        self.is_confirmed = false;
    }

    /// Records that the stream ended.
    pub(super) fn pause(&mut self, now: Duration) {
        self.paused = Some(now);
        self.is_confirmed = false;
    }

    /// Records that a stream is open.
    pub(super) fn resume(&mut self, now: Duration) {
        if let Some(paused) = self.paused.take() {
            self.since += now.saturating_sub(paused);
        }
    }

    /// Returns the time at which a LIST should confirm the calm.
    pub(super) fn due(&self) -> Duration {
        match self.wanted {
            Some(wanted) if !self.is_confirmed && self.paused.is_none() => {
                (self.since + wanted).max(self.ask_at)
            }
            _ => Duration::MAX,
        }
    }

    /// Records that a LIST which was complete at this time agrees with the stream.
    pub(super) fn confirm(&mut self, listed: Duration) {
        let end = self.paused.unwrap_or(listed);
        let is_over = |wanted| end.saturating_sub(self.since) >= wanted;
        self.is_confirmed = self.wanted.is_some_and(is_over);
        self.backoff.reset();
    }

    /// Records that a LIST failed, so that the next one follows after a pause.
    pub(super) fn fail(&mut self, now: Duration, chance: f64) {
        self.ask_at = now + self.backoff.next(chance, None);
    }

    /// Reports whether the collection has not changed for the wanted time.
    pub(super) fn is_confirmed(&self) -> bool {
        self.is_confirmed
    }
}
