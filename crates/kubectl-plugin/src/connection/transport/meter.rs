//! Measures the time of each phase of a request.

use std::sync::{Arc, Mutex, PoisonError};

use crate::stderr::trace::Times;

/// The times of the latest connection and request, which all layers of the client share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Arc<Mutex<Times>>);

impl Meter {
    pub(crate) fn times(&self) -> Times {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn record(&self, write: impl FnOnce(&mut Times)) {
        write(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
