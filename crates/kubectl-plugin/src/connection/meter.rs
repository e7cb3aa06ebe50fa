//! What is measured of a request on its way: whether any of it can have reached the server, and
//! what its time went into.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shared by everything between a request and its server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Arc<Measured>);

#[derive(Debug, Default)]
struct Measured {
    written: AtomicU64,
    times: Mutex<Times>,
}

/// How long the parts of the last connection took to come about.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    /// Until the name's addresses were known.
    pub(crate) name_lookup: Duration,
    /// Until one of them took the TCP connection.
    pub(crate) dial: Duration,
    /// Until TLS with the server was agreed on.
    pub(crate) handshake: Duration,
    /// When a part of the request was last written.
    pub(crate) written_at: Option<Instant>,
}

impl Meter {
    /// How many bytes of requests were handed to connections. What TLS has taken counts, sent or
    /// not; what is said to a proxy to get a connection does not.
    pub(crate) fn written(&self) -> u64 {
        self.0.written.load(Ordering::Relaxed)
    }

    pub(super) fn add_written(&self, count: usize) {
        self.0.written.fetch_add(count as u64, Ordering::Relaxed);
        self.record(|times| times.written_at = Some(Instant::now()));
    }

    pub(crate) fn times(&self) -> Times {
        *self.0.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn record(&self, write: impl FnOnce(&mut Times)) {
        write(&mut self.0.times.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
