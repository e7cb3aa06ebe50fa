//! Counts the bytes of requests, to tell later whether a request can have reached the server.

use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};

use crate::connection::transport::meter::Meter;

/// A connection that counts the bytes that are written to it.
pub(crate) struct ByteCounter<T> {
    pub(crate) stream: T,
    pub(crate) meter: Meter,
    /// A proxy passes the requests on, so their first line names the server.
    pub(crate) is_proxied: bool,
}

impl<T: Write + Unpin> Write for ByteCounter<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        count(&self.meter, &written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        count(&self.meter, &written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<T: Read + Unpin> Read for ByteCounter<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<T> Connection for ByteCounter<T> {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.is_proxied)
    }
}

fn count(meter: &Meter, written: &Poll<io::Result<usize>>) {
    if let Poll::Ready(Ok(count)) = written {
        meter.add_written(*count);
    }
}
