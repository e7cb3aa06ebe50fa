//! Computes the pause before the next attempt. The caller provides the time and the randomness.

use std::time::Duration;

/// The first upper limit of a pause.
const FIRST: Duration = Duration::from_millis(100);
/// The last upper limit of a pause. At least six attempts fit into the 75 seconds for which an API
/// server keeps its history (`apiserver/pkg/storage/cacher`, `DefaultEventFreshDuration`).
const LAST: Duration = Duration::from_secs(10);
/// The maximum `Retry-After` that is respected.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(1);

/// Pauses below a limit that doubles with each attempt. They are random, so that many clients do
/// not retry at once.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// Returns the next pause. `chance` is a random number in 0..1; `retry_after` is the server's
    /// `Retry-After`.
    pub(crate) fn next(&mut self, chance: f64, retry_after: Option<Duration>) -> Duration {
        let limit = FIRST.saturating_mul(1 << self.attempts.min(16)).min(LAST);
        self.attempts = self.attempts.saturating_add(1);
        let wait = limit.mul_f64(chance);
        match retry_after {
            Some(retry_after) => {
                wait.max(retry_after.min(MAX_RETRY_AFTER).mul_f64(1.0 + chance / 5.0))
            }
            None => wait,
        }
    }

    /// Starts over after a success.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}

/// A generator of random numbers (`SplitMix64`). A seed always gives the same sequence.
#[derive(Debug)]
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    /// Returns a number in 0..1.
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // An f64 can represent the upper half without loss.
        let upper = u32::try_from((bits ^ (bits >> 31)) >> 32).unwrap_or_default();
        f64::from(upper) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_ten_seconds_and_can_be_reset() {
        let mut backoff = Backoff::default();
        let limits: Vec<u128> = (0..10)
            .map(|_| backoff.next(1.0, None).as_millis())
            .collect();
        assert_eq!(
            limits,
            [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]
        );
        backoff.reset();
        assert_eq!(backoff.next(0.5, None), Duration::from_millis(50));
    }

    #[test]
    fn retry_after_is_honoured_up_to_a_minute() {
        let seconds = Duration::from_secs;
        assert_eq!(Backoff::default().next(0.0, Some(seconds(7))), seconds(7));
        assert_eq!(
            Backoff::default().next(0.0, Some(seconds(600))),
            seconds(60)
        );
        assert_eq!(Backoff::default().next(0.5, Some(seconds(10))), seconds(11));
    }

    #[test]
    fn random_numbers_are_between_zero_and_one_and_repeatable() {
        let draw = |seed| {
            let mut rng = Rng(seed);
            (0..1000).map(|_| rng.next()).collect::<Vec<f64>>()
        };
        assert!(draw(1).iter().all(|number| (0.0..1.0).contains(number)));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
