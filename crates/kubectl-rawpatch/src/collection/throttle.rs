//! Slows down all requests while the server is overloaded or unreachable.
//!
//! A failure pauses the run, and halves the number of requests at the same time. After a while without a
//! failure, the number doubles again.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The first pause, if the server does not ask for a longer one. Each further pause is twice as long.
const FIRST: Duration = Duration::from_millis(200);
/// The longest pause that is not the server's wish.
const LONGEST: Duration = Duration::from_secs(10);
/// The longest pause of all. A server may ask for a day.
const LIMIT: Duration = Duration::from_mins(1);
/// The time without a failure after which twice as many requests are sent at the same time.
const RECOVERY: Duration = Duration::from_secs(5);
/// The run gives up after this many pauses without a success in between.
const MAX_PAUSES: u32 = 10;

/// The speed of a run.
pub(crate) struct Throttle {
    /// The end of the current pause.
    until: Option<Instant>,
    /// The number of pauses since the last success.
    pauses: u32,
    max_in_flight: usize,
    /// The number of requests at the same time for now.
    in_flight: usize,
    /// The time of the last change of this number, or of the last failure.
    changed: Option<Instant>,
}

impl Throttle {
    pub(crate) fn new(max_in_flight: usize) -> Self {
        Self {
            until: None,
            pauses: 0,
            max_in_flight,
            in_flight: max_in_flight,
            changed: None,
        }
    }

    /// Reports whether another request may be sent beside `in_flight` others.
    pub(crate) fn allows(&self, in_flight: usize) -> bool {
        !self.is_paused() && in_flight < self.in_flight
    }

    /// Begins a pause, or extends it. Reports whether there is hope left.
    pub(crate) fn pause(&mut self, wish: Duration, now: Instant) -> bool {
        let Some(until) = self.until else {
            self.pauses += 1;
            self.in_flight = (self.in_flight / 2).max(1);
            self.changed = Some(now);
            let own = FIRST * 2_u32.saturating_pow(self.pauses - 1);
            self.until = Some(now + own.min(LONGEST).max(wish).min(LIMIT));
            return self.pauses <= MAX_PAUSES;
        };
        // A request that was in flight belongs to the same pause.
        self.until = Some(until.max(now + wish.min(LIMIT)));
        true
    }

    /// Records that the server has accepted a patch.
    pub(crate) fn has_success(&mut self, now: Instant) {
        self.pauses = 0;
        if self
            .changed
            .is_some_and(|changed| now - changed >= RECOVERY)
        {
            self.in_flight = (self.in_flight * 2).min(self.max_in_flight);
            self.changed = (self.in_flight < self.max_in_flight).then_some(now);
        }
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.until.is_some()
    }

    /// Waits for the end of the pause. Cancel safe.
    pub(crate) async fn end_of_pause(&mut self) {
        if let Some(until) = self.until {
            sleep_until(until).await;
            self.until = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_follow_the_server_and_come_to_an_end() {
        let now = Instant::now();
        let mut throttle = Throttle::new(16);
        let mut next = |wish: Duration, has_success: bool| {
            if has_success {
                throttle.has_success(now);
            }
            throttle.until = None;
            let has_hope = throttle.pause(wish, now);
            (has_hope, throttle.until.unwrap() - now)
        };
        for expected in [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000] {
            let expected = Duration::from_millis(expected);
            assert_eq!(next(Duration::ZERO, false), (true, expected));
        }
        let (minute, day) = (Duration::from_mins(1), Duration::from_hours(24));
        assert_eq!(next(minute, false), (true, minute));
        assert_eq!(next(day, false), (true, minute));
        assert!(!next(Duration::ZERO, false).0);
        assert_eq!(next(Duration::ZERO, true), (true, FIRST));

        // Requests that were in flight belong to the same pause, which they may extend.
        let seconds = Duration::from_secs;
        let mut throttle = Throttle::new(16);
        for (wish, expected) in [(0, FIRST), (0, FIRST), (2, seconds(2)), (1, seconds(2))] {
            assert!(throttle.pause(seconds(wish), now));
            assert_eq!(throttle.until.unwrap() - now, expected);
        }
        assert!(!throttle.allows(0));
    }

    #[test]
    fn fewer_requests_are_in_flight_after_a_failure_and_more_after_a_while() {
        let mut throttle = Throttle::new(5);
        let mut now = Instant::now();
        let limit = |throttle: &Throttle| (0..9).position(|count| !throttle.allows(count));
        throttle.has_success(now);
        assert_eq!(limit(&throttle), Some(5));
        for expected in [2, 1, 1] {
            throttle.pause(Duration::ZERO, now);
            throttle.until = None;
            assert_eq!(limit(&throttle), Some(expected));
        }
        for (seconds, expected) in [(4, 1), (1, 2), (4, 2), (1, 4), (9, 5), (9, 5)] {
            now += Duration::from_secs(seconds);
            throttle.has_success(now);
            assert_eq!(limit(&throttle), Some(expected), "{seconds}");
        }
    }
}
