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
    /// How far the clocks were apart when they were compared last.
    apart: Duration,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
            sleep: Sleep {
                apart: since_boot().saturating_sub(awake_since_boot()),
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
        self.sleep.find(awake_since_boot(), since_boot())
    }
}

impl Sleep {
    fn find(&mut self, awake: Duration, all: Duration) -> Option<Duration> {
        let apart = all.saturating_sub(awake);
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
    use super::*;

    #[test]
    fn time_that_only_one_clock_saw_is_a_sleep_and_found_once() {
        let seconds = Duration::from_secs;
        let mut sleep = Sleep {
            apart: seconds(100),
        };
        assert_eq!(sleep.find(seconds(10), seconds(110)), None);
        assert_eq!(sleep.find(seconds(15), seconds(116)), None);
        assert_eq!(sleep.find(seconds(20), seconds(3721)), Some(seconds(3600)));
        assert_eq!(sleep.find(seconds(25), seconds(3726)), None);
    }

    #[test]
    fn a_clock_that_just_started_saw_no_sleep() {
        assert_eq!(Clock::start().slept(), None);
    }
}
