//! Responses: whole ones, and those that are read as they arrive.

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

/// How the body of a response ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The server ended it.
    Clean,
    /// It broke off for this reason.
    Torn(String),
}

impl StreamingReply {
    /// Waits for the next bytes. Cancel safe: nothing is lost if this is dropped and called again.
    /// After an end there are no more bytes.
    pub async fn chunk(&mut self) -> Result<Bytes, End> {
        loop {
            match self.0.frame().await {
                None => return Err(End::Clean),
                Some(Err(error)) => return Err(End::Torn(innermost(&error))),
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

/// Returns the innermost reason; hyper's own says only that a body could not be read. A closed
/// connection is worded as in kubectl: rustls has a paragraph about attackers, with a link.
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
