//! Measures a request: how many bytes were written, and how long its phases took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::stderr::trace::Times;

/// Shared by everything between a request and its server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Arc<Measured>);

#[derive(Debug, Default)]
struct Measured {
    written: AtomicU64,
    times: Mutex<Times>,
}

impl Meter {
    /// Returns how many bytes of requests were handed to connections, whether TLS has sent them or not. The
    /// handshake with a proxy does not count.
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
