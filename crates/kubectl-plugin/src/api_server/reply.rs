//! Whole responses, and responses that are read as they arrive.

use std::error::Error as StdError;
use std::io;

use http::Response;
use http_body_util::BodyExt;
use hyper::body::Bytes;
use kube_client::client::Body;

use crate::text::system_error;

/// A whole response.
pub type Reply = Response<Bytes>;

/// The body of a successful response whose head has arrived.
pub struct StreamingReply(pub(crate) Body);

/// The end of a response's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The server ended the body regularly.
    Clean,
    /// The connection broke, for this reason.
    Broken(String),
}

impl StreamingReply {
    /// Waits for the next bytes. Cancel safe: no bytes are lost if the future is dropped. Must not
    /// be called after an end.
    pub async fn chunk(&mut self) -> Result<Bytes, End> {
        loop {
            match self.0.frame().await {
                None => return Err(End::Clean),
                Some(Err(error)) => return Err(End::Broken(innermost(&error))),
                // Trailers are ignored.
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(bytes);
                    }
                }
            }
        }
    }
}

/// Returns the innermost reason, because hyper's own message only says that a body could not be
/// read. For a closed connection, returns kubectl's wording instead of rustls's paragraph about
/// attackers.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut reason = error;
    loop {
        let io = reason.downcast_ref::<io::Error>().map(io::Error::kind);
        if io == Some(io::ErrorKind::UnexpectedEof) {
            return "unexpected EOF".to_owned();
        }
        match reason.source() {
            Some(source) => reason = source,
            None => return system_error::reason(&reason),
        }
    }
}
