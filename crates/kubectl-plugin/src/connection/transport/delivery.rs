//! Shows whether a request can have reached the server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::Request;

use crate::connection::transport::activity::Activity;

/// The delivery of one request. Its clones share the state, and the extensions of the request contain a
/// clone.
#[derive(Clone, Default)]
pub(crate) struct Delivery(Arc<Mutex<State>>);

#[derive(Default)]
enum State {
    /// No connection has the request, or the server said that it ignored the request.
    #[default]
    Untouched,
    /// The request has an HTTP/1.1 connection for itself, on which this number of bytes was written
    /// before.
    Alone(Activity, u64),
    /// The request shares an HTTP/2 connection, and may be written at any time.
    Shared,
}

impl Delivery {
    /// Returns the delivery of a request.
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let delivery = request.extensions().get::<Self>();
        delivery.cloned().unwrap_or_default()
    }

    /// Reports whether the server has certainly not seen a byte of the request, or has ignored it.
    pub(crate) fn is_untouched(&self) -> bool {
        match &*self.state() {
            State::Untouched => true,
            State::Alone(activity, before) => activity.written() == *before,
            State::Shared => false,
        }
    }

    /// Starts again, before the request is sent once more.
    pub(crate) fn reset(&self) {
        *self.state() = State::Untouched;
    }

    /// Records that the request is about to be written to an HTTP/1.1 connection.
    pub(super) fn has_own(&self, connection: &Activity) {
        *self.state() = State::Alone(connection.clone(), connection.written());
    }

    /// Records that the request is about to be written to an HTTP/2 connection.
    pub(super) fn shares_connection(&self) {
        *self.state() = State::Shared;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
