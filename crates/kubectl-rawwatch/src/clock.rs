//! The clock of a run, which notices when the system was suspended.
//!
//! Timers stop while a computer is suspended, and so do its connections, which the peer may have dropped
//! long ago. A clock that goes on during a suspend is compared with one that stops.

use std::time::Duration;

use tokio::time::Instant;

/// How often the two clocks are compared while no data arrives.
pub(crate) const COMPARED_EVERY: Duration = Duration::from_secs(5);
/// The minimum difference that counts as a suspend; smaller ones are inexact readings.
const SHORTEST_SLEEP: Duration = Duration::from_secs(5);

/// The time of a run.
pub(crate) struct Clock {
    start: Instant,
    sleep: Sleep,
}

/// Detects time that only one of the two clocks counted.
struct Sleep {
    /// Returns the difference between the clocks.
    compare: fn() -> Duration,
    /// The difference at the last comparison.
    apart: Duration,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self::comparing(|| since_boot().saturating_sub(awake_since_boot()))
    }

    /// Starts with another source for the difference between the clocks.
    pub(crate) fn comparing(compare: fn() -> Duration) -> Self {
        Self {
            start: Instant::now(),
            sleep: Sleep {
                compare,
                apart: compare(),
            },
        }
    }

    /// Returns the time since the start, without suspends.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Converts a time since the start to an instant.
    pub(crate) fn at(&self, time: Duration) -> Instant {
        self.start + time
    }

    /// Returns how long the system was suspended since the last call, if it was.
    pub(crate) fn slept(&mut self) -> Option<Duration> {
        self.sleep.find()
    }
}

impl Sleep {
    fn find(&mut self) -> Option<Duration> {
        let apart = (self.compare)();
        let slept = apart.saturating_sub(self.apart);
        self.apart = apart;
        (slept >= SHORTEST_SLEEP).then_some(slept)
    }
}

#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    read(rustix::time::ClockId::Boottime)
}

#[cfg(target_os = "linux")]
fn awake_since_boot() -> Duration {
    read(rustix::time::ClockId::Monotonic)
}

#[cfg(target_os = "linux")]
fn read(clock: rustix::time::ClockId) -> Duration {
    Duration::try_from(rustix::time::clock_gettime(clock)).unwrap_or_default()
}

/// On other systems a suspend goes unnoticed, and only silence reveals a dead stream.
#[cfg(not(target_os = "linux"))]
fn since_boot() -> Duration {
    Duration::ZERO
}

#[cfg(not(target_os = "linux"))]
fn awake_since_boot() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn time_that_only_one_clock_counted_is_reported_once() {
        static APART: AtomicU64 = AtomicU64::new(100);
        let mut clock = Clock::comparing(|| Duration::from_secs(APART.load(Ordering::Relaxed)));
        let mut slept_when_apart = |seconds| {
            APART.store(seconds, Ordering::Relaxed);
            clock.slept().map(|slept| slept.as_secs())
        };
        assert_eq!(slept_when_apart(100), None);
        assert_eq!(slept_when_apart(101), None);
        assert_eq!(slept_when_apart(3701), Some(3600));
        assert_eq!(slept_when_apart(3701), None);
    }

    #[test]
    fn a_clock_that_just_started_saw_no_sleep() {
        assert_eq!(Clock::start().slept(), None);
    }
}
