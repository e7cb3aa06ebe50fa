//! Reads HTTP/1.1 requests, as far as clients of an API server use the protocol.

use std::io::{self, BufRead, Read};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A received request, and its client.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The number of the connection, counted from 0.
    pub connection: usize,
    /// The server name in the client's TLS handshake. A client sends none for an IP address.
    pub server_name: Option<String>,
    /// The client certificate as DER.
    pub client_certificate: Option<Vec<u8>>,
    /// The method, like `PATCH`.
    pub method: String,
    /// The path and query exactly as sent.
    pub target: String,
    /// The headers in the order received, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// Returns all values of a header in the order received.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let values = self
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        values.map(|(_, value)| value.as_str()).collect()
    }
}

/// Reads one request. Returns `None` when the connection ends first.
pub(crate) fn read(stream: &mut impl BufRead) -> io::Result<Option<Request>> {
    let Some(request_line) = line(stream)? else {
        return Ok(None);
    };
    let mut words = request_line.split(' ').map(str::to_owned);
    let mut request = Request {
        method: words.next().unwrap_or_default(),
        target: words.next().unwrap_or_default(),
        ..Request::default()
    };
    loop {
        let Some(header) = line(stream)? else {
            return Ok(None);
        };
        let Some((name, value)) = header.split_once(':') else {
            break;
        };
        request
            .headers
            .push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = request
        .header("content-length")
        .first()
        .and_then(|length| length.parse().ok());
    request.body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut request.body)?;
    Ok(Some(request))
}

fn line(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = stream.read_line(&mut line)?;
    Ok((read > 0).then(|| line.trim_end().to_owned()))
}

/// A reader that counts the bytes read through it.
pub(crate) struct ByteCounter<'a, R>(pub(crate) R, pub(crate) &'a AtomicUsize);

impl<R: Read> Read for ByteCounter<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.1.fetch_add(count, Ordering::SeqCst);
        Ok(count)
    }
}
