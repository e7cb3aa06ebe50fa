//! The script: how the server answers each request.

use std::time::Duration;

use crate::Request;

/// One step of a script.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Sends a complete response. The connection stays open.
    Reply(Reply),
    /// Pauses, then sends a complete response. The connection stays open.
    Delayed(Duration, Reply),
    /// Closes the connection before the TLS handshake.
    CloseAtOnce,
    /// Closes the connection after the handshake, without reading any of the request.
    CloseUnread,
    /// Reads the request, then closes the connection without a response.
    CloseUnanswered,
    /// Reads the request, then resets the connection (RST).
    Reset,
    /// Closes the connection in the middle of the response's status line and headers.
    CutInHead(Reply),
    /// Closes the connection in the middle of the response's body.
    CutInBody(Reply),
    /// Reads the request, and never responds.
    Silence,
    /// Answers as the function says. It gets the request, and the number of requests before it. With
    /// several connections, the order of requests is not certain, but an answer must fit its request.
    Computed(fn(&Request, usize) -> Answer),
    /// Sends status 200 and a chunked JSON body piece by piece. Sends nothing after the last piece, but
    /// keeps the connection open.
    Stream(Vec<Piece>),
}

/// A piece of an [`Answer::Stream`].
#[derive(Clone, Debug)]
pub enum Piece {
    /// Sends one chunk.
    Send(Vec<u8>),
    /// Sends this many chunks. Each is made from its number just before it is sent, so the stream may
    /// be larger than memory.
    Series(u64, fn(u64) -> Vec<u8>),
    /// Sends nothing for a while.
    Pause(Duration),
    /// Ends the body cleanly. The connection stays open.
    End,
    /// Closes the connection in the middle of the body.
    Close,
    /// Resets the connection in the middle of the body.
    Reset,
}

/// An HTTP response.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    /// Creates a response without headers.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// Creates a JSON response, as the API server sends it.
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::new(status, body).header("Content-Type", "application/json")
    }

    /// Creates the response with which an API server reports success without an object.
    pub fn success() -> Self {
        Self::json(
            200,
            r#"{"kind":"Status","apiVersion":"v1","status":"Success"}"#,
        )
    }

    /// Returns this response with another status code.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Adds a header. `Content-Length` is added automatically unless the response has that header or
    /// `Transfer-Encoding`.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns the status line and headers as bytes.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut lines = vec![format!("HTTP/1.1 {} Scripted", self.status)];
        lines.extend(
            self.headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}")),
        );
        let is_framed = self.headers.iter().any(|(name, _)| {
            ["content-length", "transfer-encoding"].contains(&name.to_ascii_lowercase().as_str())
        });
        if !is_framed {
            lines.push(format!("Content-Length: {}", self.body.len()));
        }
        (lines.join("\r\n") + "\r\n\r\n").into_bytes()
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }
}
