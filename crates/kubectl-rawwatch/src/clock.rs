//! The clock of a run. It detects that the system was suspended.
//!
//! Timers stop while a computer is suspended, and the peer may drop its connections. So a system
//! clock that continues during a suspend is compared with a system clock that stops.

use std::time::Duration;

use tokio::time::Instant;

/// The interval between comparisons of the two system clocks while no data arrives.
pub(crate) const COMPARED_EVERY: Duration = Duration::from_secs(5);
/// The minimum difference that counts as a suspend. Smaller differences are inexact readings.
const MIN_SUSPEND: Duration = Duration::from_secs(5);

/// The time of a run.
pub(crate) struct Clock {
    start: Instant,
    suspend_detector: SuspendDetector,
}

/// Compares the two system clocks.
struct SuspendDetector {
    /// A function that returns the difference between the clocks.
    compare: fn() -> Duration,
    /// The difference at the last comparison.
    difference: Duration,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self::comparing(|| since_boot().saturating_sub(awake_since_boot()))
    }

    /// Starts a clock that gets the difference between the system clocks from `compare`.
    pub(crate) fn comparing(compare: fn() -> Duration) -> Self {
        Self {
            start: Instant::now(),
            suspend_detector: SuspendDetector {
                compare,
                difference: compare(),
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

    /// Returns the time for which the system was suspended since the last call, if it was.
    pub(crate) fn take_suspend(&mut self) -> Option<Duration> {
        self.suspend_detector.find()
    }
}

impl SuspendDetector {
    fn find(&mut self) -> Option<Duration> {
        let difference = (self.compare)();
        let suspended = difference.saturating_sub(self.difference);
        self.difference = difference;
        (suspended >= MIN_SUSPEND).then_some(suspended)
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

/// Returns no difference on other systems: a suspend goes unnoticed, and only silence reveals a
/// dead stream.
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
            clock.take_suspend().map(|suspended| suspended.as_secs())
        };
        assert_eq!(slept_when_apart(100), None);
        assert_eq!(slept_when_apart(101), None);
        assert_eq!(slept_when_apart(3701), Some(3600));
        assert_eq!(slept_when_apart(3701), None);
    }

    #[test]
    fn a_new_clock_reports_no_suspend() {
        assert_eq!(Clock::start().take_suspend(), None);
    }
}
