//! Handles failed requests, with another attempt, a resync, or the end of the run.

use std::time::Duration;

use kubectl_plugin::Error;
use kubectl_plugin::error::Kind;

use super::{EventSink, MAX_FAILURES, Outage, State, Stop, Watcher};
use crate::watcher::backoff::SETTLING;
use crate::watcher::checks::Doubt;
use crate::watcher::listing::Reason;
use crate::wire::page::unsupported;

/// The time until the first message about an outage, and the interval of further messages.
const FIRST_NOTE: Duration = Duration::from_secs(10);
const NEXT_NOTE: Duration = Duration::from_mins(1);
/// The number of times that a LIST starts over: with pages at first, then without.
const MAX_RESTARTS: u32 = 2 * MAX_FAILURES;
/// The pause before the next question about a missing resource type.
const TYPE_PAUSE: Duration = Duration::from_secs(1);
/// The time that a reconnect may take before a run counts as interrupted.
const REOPEN_TIME: Duration = Duration::from_secs(5);

impl Watcher {
    /// Decides how the watch continues after a failed request.
    pub(super) fn fail(
        &mut self,
        now: Duration,
        error: Error,
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        let status = match error.kind() {
            Kind::Refused(status) => Some(status),
            _ => None,
        };
        let code = status.map(|status| status.code);
        if code == Some(410) {
            match &self.state {
                State::Listing(listing) if !listing.token.is_empty() => {
                    return self.restart_listing(now);
                }
                State::Opening | State::Streaming(_) => {
                    return self.resync(now, Reason::Expired, output);
                }
                _ => {}
            }
        }
        if code == Some(405) && matches!(self.state, State::Opening) {
            return Err(unsupported("the server does not allow it (405)").into());
        }
        if !self.record_and_decide(now, &error) {
            let is_unexplained = self.failures.unexplained.is_some() && code == Some(500);
            return Err(if is_unexplained {
                self.gave_up(&format!(
                    "the server answered twice with the same error: {error}"
                ))
            } else {
                error.into()
            });
        }
        let is_missing_type = code == Some(404) && self.options.awaits_type;
        let is_outage = code.is_none_or(|code| code >= 500);
        let retry_after = error.retry_after();
        self.report_outage(now, error, output)?;
        match &self.state {
            // The server may have been stopped, and started with other data.
            State::Opening if is_outage => self.doubt(Doubt::History),
            // The next pages may then come from another history.
            State::Listing(listing) if is_outage && !listing.token.is_empty() => {
                self.doubt(Doubt::History);
            }
            State::Streaming(_) => self.doubt(Doubt::Version),
            _ => {}
        }
        match std::mem::take(&mut self.state) {
            then @ (State::Listing(_) | State::Opening) if is_missing_type => {
                self.note_missing_type(output);
                self.wait_until(now + TYPE_PAUSE, then);
            }
            State::Listing(listing) => self.wait(now, retry_after, State::Listing(listing)),
            State::Opening => self.wait(now, retry_after, State::Opening),
            stream => {
                self.state = stream;
                self.wait_after_stream(now, retry_after, State::Opening);
            }
        }
        Ok(())
    }

    /// Starts a LIST over whose snapshot has expired before its last page.
    fn restart_listing(&mut self, now: Duration) -> Result<(), Stop> {
        let State::Listing(mut listing) = std::mem::take(&mut self.state) else {
            return Ok(());
        };
        if listing.restarts >= MAX_RESTARTS {
            return Err(self.gave_up(&format!(
                "the list expired {} times before its last page",
                MAX_RESTARTS + 1
            )));
        }
        listing.restart();
        self.proceed(now, Duration::ZERO, State::Listing(listing));
        Ok(())
    }

    /// Tells the user, once in an outage, that the watch waits for a resource type.
    fn note_missing_type(&mut self, output: &mut impl EventSink) {
        if let Some(outage) = &mut self.outage
            && !std::mem::replace(&mut outage.has_noted_type, true)
        {
            output.message(&format!(
                "rawwatch: {}: the server does not have this resource type; waiting for it",
                self.options.path
            ));
        }
    }

    /// Returns the reason why a run that ends now was not watching, if it was not.
    pub(crate) fn take_interruption(&mut self, now: Duration) -> Option<Error> {
        if self.is_watching() {
            return None;
        }
        let path = &self.options.path;
        let away = now.saturating_sub(self.stream_ended.unwrap_or_default());
        match self.outage.take() {
            Some(Outage { error, .. }) if is_final(&error) => Some(error),
            Some(Outage { error, since, .. }) => {
                let lasted = now.saturating_sub(since);
                let message = format!("{path}: gave up after {lasted:.1?}: {error}");
                Some(Kind::GaveUp(message).into())
            }
            None if self.stream_ended.is_some() && away < REOPEN_TIME => None,
            None if !self.is_listed && self.counts.bytes > 0 => {
                let message = format!("{path}: timed out before all existing objects were listed");
                Some(Error::from(Kind::Unmet(message)).with_hint("use a longer --timeout"))
            }
            None => Some(Error::connection(format!(
                "error: {path}: no response from the server within {away:.1?}"
            ))),
        }
    }

    /// Reports a long outage to the user. Gives up after `--retry-for`.
    fn report_outage(
        &mut self,
        now: Duration,
        error: Error,
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        let outage = match self.outage.take() {
            Some(outage) => Outage { error, ..outage },
            None => Outage {
                since: now,
                next_note: now + FIRST_NOTE,
                error,
                has_noted_type: false,
            },
        };
        let outage = self.outage.insert(outage);
        let error = &outage.error;
        let lasted = now.saturating_sub(outage.since);
        if self.options.retry_for.is_some_and(|limit| lasted >= limit) {
            let reason = format!("gave up after {lasted:.0?}: {error}");
            return Err(self.gave_up(&reason));
        }
        if now >= outage.next_note {
            outage.next_note = now + NEXT_NOTE;
            output.message(&format!(
                "rawwatch: {}: still trying after {lasted:.0?}: {error}",
                self.options.path
            ));
        } else {
            output.trace(&format!(
                "rawwatch: {}: retrying: {error}",
                self.options.path
            ));
        }
        Ok(())
    }

    fn gave_up(&self, reason: &str) -> Stop {
        let message = format!("{}: {reason}", self.options.path);
        Error::from(Kind::GaveUp(message)).into()
    }

    /// Records a failed request, and decides whether another one may succeed.
    fn record_and_decide(&mut self, now: Duration, error: &Error) -> bool {
        let status = match error.kind() {
            Kind::Connection(_) => return self.has_connected || self.options.retry_for.is_some(),
            Kind::Refused(status) => status,
            _ => return false,
        };
        match status.code {
            404 if self.options.awaits_type => true,
            403 | 404 if self.has_connected || self.is_resumed => {
                let since = *self.failures.refused_since.get_or_insert(now);
                now.saturating_sub(since) < SETTLING
            }
            500 if status.reason.is_empty() => {
                let message = Some(status.message.clone());
                let is_new = self.failures.unexplained != message;
                self.failures.unexplained = message;
                is_new
            }
            410 | 429 | 500.. => true,
            _ => false,
        }
    }
}

/// Reports whether a server that refuses like this will probably refuse again.
fn is_final(error: &Error) -> bool {
    error.is_refusal(403) || error.is_refusal(404)
}
