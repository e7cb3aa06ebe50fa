//! Checks the first bytes of the peer, to recognize plain HTTP in place of TLS and TLS in place of plain HTTP.

use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The peer answered in the wrong protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WrongProtocol {
    /// TLS was expected.
    #[error("an answer in plain HTTP")]
    Http,
    /// Plain HTTP was expected.
    #[error("an answer in TLS")]
    Tls,
}

/// The type of a TLS record with an alert, which is TLS's answer to other protocols.
const ALERT: u8 = 0x15;

pub(crate) struct ProtocolCheck<T> {
    stream: T,
    expects_tls: bool,
    has_begun: bool,
}

impl<T> ProtocolCheck<T> {
    /// A connection before its first byte. If TLS is not expected, plain HTTP is.
    pub(crate) fn new(stream: T, expects_tls: bool) -> Self {
        Self {
            stream,
            expects_tls,
            has_begun: false,
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for ProtocolCheck<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let first = &buffer.filled()[before..];
        if self.has_begun || first.is_empty() {
            return read;
        }
        self.has_begun = true;
        let wrong = match self.expects_tls {
            true if first.starts_with(b"HTTP/") => WrongProtocol::Http,
            false if first[0] == ALERT => WrongProtocol::Tls,
            _ => return read,
        };
        Poll::Ready(Err(io::Error::other(wrong)))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for ProtocolCheck<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
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
