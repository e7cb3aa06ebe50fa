//! Computes the pause before the next attempt. Time and randomness are passed in.

use std::time::Duration;

/// The first limit.
const FIRST: Duration = Duration::from_millis(100);
/// The last limit. At least six attempts fit into the 75 seconds for which an API server keeps its history
/// (`apiserver/pkg/storage/cacher`, `DefaultEventFreshDuration`).
const LAST: Duration = Duration::from_secs(10);
/// The maximum of a server's `Retry-After`.
const LONGEST_WISH: Duration = Duration::from_mins(1);

/// Limits that double. The pause is a random time below the limit, so that many clients do not retry at once.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// Returns the next pause. `chance` is in 0..1, `wish` is the server's `Retry-After`.
    pub(crate) fn next(&mut self, chance: f64, wish: Option<Duration>) -> Duration {
        let limit = FIRST.saturating_mul(1 << self.attempts.min(16)).min(LAST);
        self.attempts = self.attempts.saturating_add(1);
        let wait = limit.mul_f64(chance);
        match wish {
            Some(wish) => wait.max(wish.min(LONGEST_WISH).mul_f64(1.0 + chance / 5.0)),
            None => wait,
        }
    }

    /// Starts over after a success.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}

/// Random numbers (`SplitMix64`), the same for the same seed.
#[derive(Debug)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// Returns a number in 0..1.
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // The upper half: as many bits as a float holds without loss.
        let upper = u32::try_from((bits ^ (bits >> 31)) >> 32).unwrap_or_default();
        f64::from(upper) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_double_up_to_ten_seconds_and_begin_anew() {
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
    fn chance_is_between_zero_and_one_and_repeatable() {
        let draw = |seed| {
            let mut chance = Chance(seed);
            (0..1000).map(|_| chance.next()).collect::<Vec<f64>>()
        };
        assert!(draw(1).iter().all(|number| (0.0..1.0).contains(number)));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
