//! What the server does with a request.

use std::time::Duration;

/// One step of a script.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A whole answer; the connection stays open.
    Reply(Reply),
    /// The same, after a pause.
    Delayed(Duration, Reply),
    /// Closes the TCP connection before the TLS handshake.
    CloseAtOnce,
    /// Closes after the handshake, without reading a byte of the request.
    CloseUnread,
    /// Reads the whole request, then closes without an answer.
    CloseUnanswered,
    /// Reads the whole request, then resets the connection (RST).
    Reset,
    /// Closes in the middle of the answer's status line and headers.
    CutInHead(Reply),
    /// Closes in the middle of the answer's body.
    CutInBody(Reply),
    /// Reads the whole request and never answers.
    Silence,
    /// 200 and a chunked body of JSON, piece by piece. Behind the last piece it is silent.
    Stream(Vec<Piece>),
}

/// A piece of an [`Answer::Stream`].
#[derive(Clone, Debug)]
pub enum Piece {
    /// One chunk.
    Send(Vec<u8>),
    /// So many chunks, each made of its number when it is sent: a stream may be larger than memory.
    Series(u64, fn(u64) -> Vec<u8>),
    /// Nothing for a while.
    Pause(Duration),
    /// Ends the body in good order; the connection stays open.
    End,
    /// Closes in the middle of the body.
    Close,
    /// Resets the connection in the middle of the body.
    Reset,
}

/// An HTTP answer.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    /// An answer without headers.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// An answer as the API server sends it.
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::new(status, body).header("Content-Type", "application/json")
    }

    /// The same answer with one header more. Without a length or an encoding among them, the
    /// length is added.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Status line and headers as they go out.
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
