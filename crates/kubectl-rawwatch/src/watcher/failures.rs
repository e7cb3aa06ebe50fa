//! Handles failed requests: another attempt, a resync, or the end.

use std::time::Duration;

use kubectl_plugin::Error;
use kubectl_plugin::error::Kind;

use super::{EventSink, Outage, State, Stop, Watcher};
use crate::watcher::listing::Reason;

/// When the user is told about an outage, and how often after that.
const FIRST_NOTE: Duration = Duration::from_secs(10);
const NEXT_NOTE: Duration = Duration::from_mins(1);
/// How long a server may refuse a request that it accepted before. A server that has just started refuses
/// everyone outside `system:masters` until it has read the RBAC objects, and does not know every resource
/// yet.
const SETTLING: Duration = Duration::from_secs(10);

impl Watcher {
    /// Decides how the watch goes on after a failed request.
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
        let wish = status
            .and_then(|status| status.details.as_ref())
            .map(|details| Duration::from_secs(details.retry_after_seconds.into()))
            .filter(|wish| !wish.is_zero());
        if code == Some(410) {
            match &mut self.state {
                State::Listing(listing) if !listing.token.is_empty() => {
                    listing.restart();
                    return Ok(());
                }
                State::Opening | State::Streaming(_) => {
                    return self.resync(now, Reason::Expired, output);
                }
                _ => {}
            }
        }
        if !self.record_and_decide(now, &error) {
            let is_unexplained = self.tries.unexplained.is_some() && code == Some(500);
            return Err(if is_unexplained {
                self.gave_up(&format!("got the same error twice: {error}"))
            } else {
                error.into()
            });
        }
        self.note_outage(now, &error, output)?;
        let then = match std::mem::take(&mut self.state) {
            State::Listing(listing) => State::Listing(listing),
            _ => State::Opening,
        };
        self.wait(now, wish, then);
        Ok(())
    }

    /// Tells the user about a long outage. Gives up after `--retry-for`.
    fn note_outage(
        &mut self,
        now: Duration,
        error: &Error,
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        let outage = self.outage.get_or_insert(Outage {
            since: now,
            next_note: now + FIRST_NOTE,
        });
        let lasted = now.saturating_sub(outage.since);
        if self.options.retry_for.is_some_and(|limit| lasted >= limit) {
            return Err(self.gave_up(&format!("gave up after {lasted:.0?}: {error}")));
        }
        if now >= outage.next_note {
            outage.next_note = now + NEXT_NOTE;
            output.note(&format!(
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
            Kind::Connection(_) => return self.was_there || self.options.retry_for.is_some(),
            Kind::Refused(status) => status,
            _ => return false,
        };
        match status.code {
            403 | 404 if self.was_there => {
                let since = *self.tries.refused_since.get_or_insert(now);
                now.saturating_sub(since) < SETTLING
            }
            500 if status.reason.is_empty() => {
                let message = Some(status.message.clone());
                let is_new = self.tries.unexplained != message;
                self.tries.unexplained = message;
                is_new
            }
            410 | 429 | 500.. => true,
            _ => false,
        }
    }
}
