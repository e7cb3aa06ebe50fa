//! Measures requests: the number of bytes written, and the time of each phase.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::stderr::trace::Times;

/// The measurements of a connection, which all layers of the client share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Arc<Measured>);

#[derive(Debug, Default)]
struct Measured {
    written: AtomicU64,
    times: Mutex<Times>,
}

impl Meter {
    /// Returns the number of request bytes that were written to connections, even if TLS has not
    /// sent them yet. The handshake with a proxy does not count.
    pub(crate) fn written(&self) -> u64 {
        self.0.written.load(Ordering::Relaxed)
    }

    pub(crate) fn add_written(&self, count: usize) {
        self.0.written.fetch_add(count as u64, Ordering::Relaxed);
        self.record(|times| times.written_at = Some(Instant::now()));
    }

    pub(crate) fn times(&self) -> Times {
        *self.0.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn record(&self, write: impl FnOnce(&mut Times)) {
        write(&mut self.0.times.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
