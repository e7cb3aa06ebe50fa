//! An HTTP/1.1 connection that moves only while its one response is awaited or read.
//!
//! A connection in a task of its own passes each piece of a body on to the task that reads it, and the
//! runtime polls all its timers and sockets in between. That costs a busy watch more than reading.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use kube_client::client::Body;

use crate::connection::transport::activity::Recorded;
use crate::connection::transport::dial::BoxStream;

/// A connection without a task.
pub(super) struct Driven {
    /// `None` after its end.
    connection: Option<Pin<Box<Http1Connection>>>,
    failure: Option<hyper::Error>,
}

type Http1Connection = http1::Connection<RecordedStream, Body>;

/// The bytes of a connection.
pub(super) type RecordedStream = Recorded<TokioIo<BoxStream>>;

impl Driven {
    pub(super) fn new(connection: Http1Connection) -> Self {
        Self {
            connection: Some(Box::pin(connection)),
            failure: None,
        }
    }

    /// Waits for `work`, and drives the connection.
    pub(super) async fn drive<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            self.poll(context);
            work.as_mut().poll(context)
        })
        .await
    }

    /// Drives the connection to its end.
    pub(super) async fn run(self) {
        if let Some(connection) = self.connection {
            // Each request gets the error of the connection.
            let _ = connection.await;
        }
    }

    /// Returns the error that ended the connection.
    pub(super) fn into_failure(self) -> Option<hyper::Error> {
        self.failure
    }

    fn poll(&mut self, context: &mut Context<'_>) {
        let connection = self.connection.as_mut();
        if let Some(Poll::Ready(end)) = connection.map(|it| it.as_mut().poll(context)) {
            self.connection = None;
            self.failure = end.err();
        }
    }
}

/// The body of a response. It may drive its connection.
pub(super) struct ResponseBody {
    incoming: Incoming,
    driven: Option<Driven>,
}

impl ResponseBody {
    pub(super) fn new(incoming: Incoming, driven: Option<Driven>) -> Self {
        Self { incoming, driven }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let Self { incoming, driven } = &mut *self;
        // Without a frame, this asks the connection for one.
        let frame = Pin::new(&mut *incoming).poll_frame(context);
        let Some(driven) = driven.as_mut().filter(|_| frame.is_pending()) else {
            return frame;
        };
        driven.poll(context);
        Pin::new(incoming).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
