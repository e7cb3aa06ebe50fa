//! Pauses the whole pool while the server is overloaded or unreachable.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The first pause, if the server does not ask for a longer one. Each further pause is twice as long.
const FIRST: Duration = Duration::from_millis(200);
/// The longest pause that is not the server's wish.
const LONGEST: Duration = Duration::from_secs(10);
/// The longest pause of all. A server may ask for a day.
const LIMIT: Duration = Duration::from_mins(1);
/// The number of pauses without a success between them, after which there is no more hope.
const MAX_PAUSES: u32 = 10;

/// The state of the pool: sending, or paused.
#[derive(Default)]
pub(crate) struct Pause {
    until: Option<Instant>,
    /// The number of pauses since the last success.
    count: u32,
}

impl Pause {
    /// Begins a pause, or extends it. Reports whether there is hope left.
    pub(crate) fn begin(&mut self, wish: Duration, now: Instant) -> bool {
        let is_new = self.until.is_none();
        if is_new {
            self.count += 1;
        }
        let own = FIRST * 2_u32.saturating_pow(self.count.saturating_sub(1).min(10));
        let until = now + own.min(LONGEST).max(wish).min(LIMIT);
        self.until = Some(match self.until {
            Some(present) if !wish.is_zero() => present.max(until),
            Some(present) => present,
            None => until,
        });
        self.count <= MAX_PAUSES
    }

    /// Records that the server has accepted a patch.
    pub(crate) fn has_success(&mut self) {
        self.count = 0;
    }

    pub(crate) fn is_on(&self) -> bool {
        self.until.is_some()
    }

    /// Waits for the end of the pause. Cancel safe.
    pub(crate) async fn end(&mut self) {
        if let Some(until) = self.until {
            sleep_until(until).await;
            self.until = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pauses_grow_follow_the_server_and_come_to_an_end() {
        let now = Instant::now();
        let length = |pause: &Pause| pause.until.unwrap() - now;
        let mut pause = Pause::default();
        assert!(pause.begin(Duration::ZERO, now));
        assert_eq!(length(&pause), FIRST);
        // Requests that were in flight belong to the same pause.
        assert!(pause.begin(Duration::ZERO, now));
        assert_eq!(length(&pause), FIRST);
        assert!(pause.begin(Duration::from_secs(2), now));
        assert_eq!(length(&pause), Duration::from_secs(2));
        for (count, expected) in (2..=MAX_PAUSES).zip([400, 800, 1600, 3200, 6400, 10_000]) {
            pause.until = None;
            assert!(pause.begin(Duration::ZERO, now), "{count}");
            assert_eq!(length(&pause), Duration::from_millis(expected));
        }
        pause.until = None;
        pause.has_success();
        assert!(pause.begin(Duration::from_hours(24), now));
        assert_eq!(length(&pause), LIMIT);
        for _ in 0..MAX_PAUSES - 1 {
            pause.until = None;
            assert!(pause.begin(Duration::ZERO, now));
        }
        pause.until = None;
        assert!(!pause.begin(Duration::ZERO, now));
    }
}
