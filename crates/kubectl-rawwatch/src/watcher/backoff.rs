//! Computes the pause before the next attempt. The caller provides the time and the randomness.

use std::time::Duration;

/// The first upper limit of a pause after a failed request.
const FIRST: Duration = Duration::from_millis(100);
/// The first upper limit of a pause after a stream.
const FIRST_AFTER_STREAM: Duration = Duration::from_millis(800);
/// The last upper limit of a pause. At least six attempts fit into the 75 seconds for which an API
/// server keeps its history (`apiserver/pkg/storage/cacher`, `DefaultEventFreshDuration`).
const LAST: Duration = Duration::from_secs(10);
/// The maximum `Retry-After` that is respected.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(1);

/// The time for which a server may refuse a request that it accepted before. A server that has just
/// started refuses everyone outside `system:masters` until it has read the RBAC objects, and does
/// not know every resource yet.
pub(super) const SETTLING: Duration = Duration::from_secs(10);
/// The age from which a stream counts as healthy.
pub(super) const HEALTHY_STREAM_AGE: Duration = Duration::from_secs(30);
/// The age below which a stream without an event counts as a failure.
pub(super) const MIN_STREAM_AGE: Duration = Duration::from_secs(1);

/// Pauses between half a limit and the limit, which doubles with each attempt. They are random, so
/// that many clients do not retry at once.
///
/// A watcher has two: one for failed requests, which starts over after an accepted one, and one for
/// streams and resyncs, which starts over only after a healthy stream. Every loop of requests
/// contains a step of one of them.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    attempts: u32,
    /// Whether there was no attempt since the start or the last success.
    is_fresh: bool,
}

impl Backoff {
    pub(crate) fn for_requests() -> Self {
        Self::starting_with(FIRST)
    }

    pub(crate) fn for_streams() -> Self {
        Self::starting_with(FIRST_AFTER_STREAM)
    }

    fn starting_with(first: Duration) -> Self {
        Self {
            first,
            attempts: 0,
            is_fresh: true,
        }
    }

    /// Returns the next pause. `chance` is a random number in 0..1; `retry_after` is the server's
    /// `Retry-After`.
    pub(crate) fn next(&mut self, chance: f64, retry_after: Option<Duration>) -> Duration {
        let factor = 1 << self.attempts.min(16);
        let limit = self.first.saturating_mul(factor).min(LAST);
        self.attempts = self.attempts.saturating_add(1);
        self.is_fresh = false;
        let wait = limit.mul_f64(0.5 + chance / 2.0);
        match retry_after {
            Some(retry_after) => {
                wait.max(retry_after.min(MAX_RETRY_AFTER).mul_f64(1.0 + chance / 5.0))
            }
            None => wait,
        }
    }

    /// Reports whether the next attempt is the first one, which needs no pause.
    pub(crate) fn take_first(&mut self) -> bool {
        std::mem::take(&mut self.is_fresh)
    }

    /// Starts over after a success.
    pub(crate) fn reset(&mut self) {
        *self = Self::starting_with(self.first);
    }

    /// Shortens the next pause after a stream that brought events or lived for a while. It does not
    /// become zero, because a server may send one event in each of many short streams.
    pub(crate) fn shorten(&mut self, life: Duration) {
        let attempts = if life < MIN_STREAM_AGE { 2 } else { 0 };
        self.attempts = self.attempts.min(attempts);
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
        let mut backoff = Backoff::for_requests();
        let limits: Vec<u128> = (0..10)
            .map(|_| backoff.next(1.0, None).as_millis())
            .collect();
        assert_eq!(
            limits,
            [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]
        );
        backoff.reset();
        assert_eq!(backoff.next(0.0, None), Duration::from_millis(50));
    }

    #[test]
    fn retry_after_is_honoured_up_to_a_minute() {
        let seconds = Duration::from_secs;
        let pause = |chance, asked| Backoff::for_requests().next(chance, Some(seconds(asked)));
        assert_eq!(pause(0.0, 7), seconds(7));
        assert_eq!(pause(0.0, 600), seconds(60));
        assert_eq!(pause(0.5, 10), seconds(11));
    }

    #[test]
    fn only_a_success_makes_an_attempt_immediate() {
        let mut backoff = Backoff::for_streams();
        assert!(backoff.take_first() && !backoff.take_first());
        let mut pause = || backoff.next(0.0, None).as_millis();
        assert_eq!([pause(), pause(), pause(), pause()], [400, 800, 1600, 3200]);
        backoff.shorten(Duration::ZERO);
        assert_eq!(backoff.next(0.0, None).as_millis(), 1600);
        backoff.shorten(MIN_STREAM_AGE);
        assert_eq!(backoff.next(0.0, None).as_millis(), 400);
        assert!(!backoff.take_first());
        backoff.reset();
        assert!(backoff.take_first());
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
