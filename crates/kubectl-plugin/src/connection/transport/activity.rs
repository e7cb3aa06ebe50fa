//! Records what happens on a connection: the bytes that are written, the last time bytes arrived, and the
//! error that broke it.

use std::error::Error as StdError;
use std::fmt::{self, Display, Formatter};
use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Read, ReadBufCursor, Write};
use tower::BoxError;

use crate::connection::transport::meter::Meter;

/// A connection whose activity is recorded.
pub(super) struct Recorded<T> {
    pub(super) stream: T,
    pub(super) activity: Activity,
}

/// The activity of one connection, which its handles share.
#[derive(Clone)]
pub(super) struct Activity(Arc<Facts>);

struct Facts {
    /// The number of bytes of requests, even if TLS has not sent them yet.
    written: AtomicU64,
    last_read: Mutex<Instant>,
    failure: OnceLock<SharedError>,
    meter: Meter,
}

/// An error that concerns several requests.
#[derive(Clone, Debug)]
pub(super) struct SharedError(Arc<dyn StdError + Send + Sync>);

impl Activity {
    pub(super) fn new(meter: Meter) -> Self {
        Self(Arc::new(Facts {
            written: AtomicU64::default(),
            last_read: Mutex::new(Instant::now()),
            failure: OnceLock::new(),
            meter,
        }))
    }

    /// Returns the number of bytes that were written.
    pub(super) fn written(&self) -> u64 {
        self.0.written.load(Ordering::Relaxed)
    }

    /// Returns the time for which no bytes have arrived.
    pub(super) fn silence(&self) -> Duration {
        let last_read = self.0.last_read.lock();
        last_read.unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Returns the error that broke the connection.
    pub(super) fn failure(&self) -> Option<SharedError> {
        self.0.failure.get().cloned()
    }

    fn add_written(&self, count: usize) {
        self.0.written.fetch_add(count as u64, Ordering::Relaxed);
        self.0
            .meter
            .record(|times| times.written_at = Some(Instant::now()));
    }

    fn add_read(&self) {
        let last_read = self.0.last_read.lock();
        *last_read.unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Records an error, and returns it for the reader or writer.
    fn add_failure(&self, error: io::Error) -> io::Error {
        let kind = error.kind();
        let error = self.0.failure.get_or_init(|| SharedError::new(error));
        io::Error::new(kind, error.clone())
    }
}

impl<T> Recorded<T> {
    fn written(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = written {
            self.activity.add_written(count);
        }
        written.map_err(|error| self.activity.add_failure(error))
    }
}

impl<T: Write + Unpin> Write for Recorded<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        flushed.map_err(|error| self.activity.add_failure(error))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<T: Read + Unpin> Read for Recorded<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(Ok(())) = read {
            self.activity.add_read();
        }
        read.map_err(|error| self.activity.add_failure(error))
    }
}

impl SharedError {
    pub(super) fn new(error: io::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl From<BoxError> for SharedError {
    fn from(error: BoxError) -> Self {
        Self(error.into())
    }
}

impl Display for SharedError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl StdError for SharedError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}
