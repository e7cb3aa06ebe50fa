//! Reads HTTP/1.1 requests, as much of it as clients of an API server speak.

use std::{
    io::{self, BufRead, Read},
    sync::atomic::{AtomicUsize, Ordering},
};

/// A request as it arrived, and who sent it.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Which connection it came over, from 0 on.
    pub connection: usize,
    /// The server name that the client asked for in the TLS handshake; none for an IP address.
    pub server_name: Option<String>,
    /// The client's certificate, in DER.
    pub client_certificate: Option<Vec<u8>>,
    /// `PATCH`.
    pub method: String,
    /// Path and query, untouched.
    pub target: String,
    /// In the order in which they came, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// All values of a header, in their order.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let values = self
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        values.map(|(_, value)| value.as_str()).collect()
    }
}

/// Reads one request; `None` when the client is gone before its end.
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

/// Counts what is read through it.
pub(crate) struct Counted<'a, R>(pub(crate) R, pub(crate) &'a AtomicUsize);

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.1.fetch_add(count, Ordering::SeqCst);
        Ok(count)
    }
}
