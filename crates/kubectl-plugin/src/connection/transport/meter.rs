//! What is measured of a request on its way: whether any of it can have reached the server, and
//! what its time went into.

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
    /// How many bytes of requests were handed to connections. What TLS has taken counts, sent or
    /// not; what is said to a proxy to get a connection does not.
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
