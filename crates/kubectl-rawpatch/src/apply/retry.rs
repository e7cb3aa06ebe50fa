//! Pauses between attempts, and the failures after which an attempt is repeated.

use std::time::Duration;

use kubectl_plugin::Error;
use kubectl_plugin::error::Kind;
use tokio::time::{Instant, sleep};

use super::policy::Policy;

const FIRST: Duration = Duration::from_millis(200);
const LAST: Duration = Duration::from_secs(5);
/// The maximum pause that a server can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(1);

/// The time limits of one patch, and the pauses between its attempts.
pub(super) struct Schedule {
    /// The end of the time for attempts after the first one.
    deadline: Instant,
    retry_for: Duration,
    pause: Duration,
}

impl Schedule {
    pub(super) fn start(policy: &Policy) -> Self {
        Self {
            deadline: Instant::now() + policy.retry_for,
            retry_for: policy.retry_for,
            pause: FIRST,
        }
    }

    /// Starts over with short pauses.
    pub(super) fn reset(&mut self) {
        self.pause = FIRST;
    }

    /// Reports whether another attempt may start after a pause of at least `retry_after`.
    pub(super) fn has_time(&self, retry_after: Duration) -> bool {
        Instant::now() + self.next_pause(retry_after) < self.deadline
    }

    pub(super) async fn pause(&mut self, retry_after: Duration) {
        sleep(self.next_pause(retry_after)).await;
        self.pause = (self.pause * 2).min(LAST);
    }

    fn next_pause(&self, retry_after: Duration) -> Duration {
        self.pause.max(retry_after.min(MAX_RETRY_AFTER))
    }

    /// Repeats `attempt` while there is time and `pause_after` returns a pause for its failure.
    pub(super) async fn repeat<T>(
        &mut self,
        pause_after: impl Fn(&Error) -> Option<Duration>,
        attempt: impl AsyncFn() -> Result<T, Error>,
    ) -> Result<T, Error> {
        loop {
            let error = match attempt().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            match pause_after(&error) {
                Some(retry_after) if self.has_time(retry_after) => self.pause(retry_after).await,
                Some(_) if !self.retry_for.is_zero() => return Err(self.gave_up(&error)),
                _ => return Err(error),
            }
        }
    }

    fn gave_up(&self, error: &Error) -> Error {
        let gave_up = Error::from(Kind::GaveUp(format!(
            "gave up after {:?}: {error}",
            self.retry_for
        )));
        match error.hint() {
            Some(hint) => gave_up.with_hint(hint),
            None => gave_up,
        }
    }
}

/// Returns the pause that the server asks for, if a PATCH did nothing and may succeed later: there was no
/// connection, the server has too many requests, or the login was lost.
pub(super) fn pause_after_patch(error: &Error) -> Option<Duration> {
    match error.kind() {
        Kind::Connection(_) => Some(Duration::ZERO),
        Kind::Refused(status) if [401, 429].contains(&status.code) => {
            Some(error.retry_after().unwrap_or_default())
        }
        _ => None,
    }
}

/// Returns the pause that the server asks for, if a GET may succeed later.
pub(super) fn pause_after_read(error: &Error) -> Option<Duration> {
    match error.kind() {
        Kind::Refused(status) if status.code >= 500 => {
            Some(error.retry_after().unwrap_or_default())
        }
        _ => pause_after_patch(error),
    }
}
