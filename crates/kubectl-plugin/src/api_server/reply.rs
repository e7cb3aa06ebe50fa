//! Replies: whole ones, and those that are read as they come.

use std::error::Error as StdError;
use std::io;

use http::Response;
use http_body_util::BodyExt;
use hyper::body::Bytes;
use kube_client::client::Body;

/// A whole reply.
pub type Reply = Response<Bytes>;

/// The body of a successful reply, of which the head has come.
pub struct StreamingReply(pub(crate) Body);

/// How the body of a reply ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// As the server meant it to.
    Clean,
    /// It broke off, for this reason.
    Torn(String),
}

impl StreamingReply {
    /// The next bytes, as soon as there are some. Nothing is lost when this is given up and asked
    /// again; behind an end there is nothing more.
    pub async fn chunk(&mut self) -> Result<Bytes, End> {
        loop {
            match self.0.frame().await {
                None => return Err(End::Clean),
                Some(Err(error)) => return Err(End::Torn(innermost(&error))),
                // Trailers are not of interest.
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(bytes);
                    }
                }
            }
        }
    }
}

/// The reason behind all others; hyper's own says only that a body could not be read. That the server
/// hung up is said in kubectl's words: rustls' own are a paragraph about attackers, with an address.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut reason = error;
    loop {
        let io = reason.downcast_ref::<io::Error>().map(io::Error::kind);
        if io == Some(io::ErrorKind::UnexpectedEof) {
            return "unexpected EOF".to_owned();
        }
        match reason.source() {
            Some(source) => reason = source,
            None => return reason.to_string(),
        }
    }
}
