//! The time of a run, and whether the system slept meanwhile.
//!
//! Timers stand still while a computer is suspended, and so do its connections, of which the other
//! side may long have let go. So the clock that goes on in that time is compared with the one that
//! does not.

use std::time::Duration;

use tokio::time::Instant;

/// How often the two clocks are compared while nothing comes.
pub(crate) const COMPARED_EVERY: Duration = Duration::from_secs(5);
/// A difference below that is the inexactness of two readings.
const SHORTEST_SLEEP: Duration = Duration::from_secs(5);

/// The clocks of a run.
pub(crate) struct Clock {
    start: Instant,
    sleep: Sleep,
}

/// Finds out about time that only one of two clocks saw.
struct Sleep {
    /// How far the clocks are apart.
    compare: fn() -> Duration,
    /// How far they were apart when they were compared last.
    apart: Duration,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self::comparing(|| since_boot().saturating_sub(awake_since_boot()))
    }

    /// Starts with another way to tell how far the two clocks are apart.
    pub(crate) fn comparing(compare: fn() -> Duration) -> Self {
        Self {
            start: Instant::now(),
            sleep: Sleep {
                compare,
                apart: compare(),
            },
        }
    }

    /// The time since the start, without that in which the system slept.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// The instant of a time since the start.
    pub(crate) fn at(&self, time: Duration) -> Instant {
        self.start + time
    }

    /// How long the system slept since this was asked last, if it did.
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

/// Elsewhere no sleep is noticed, and a dead stream only by its silence.
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
    fn time_that_only_one_clock_saw_is_a_sleep_and_found_once() {
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
