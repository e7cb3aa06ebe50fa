//! Why no reply came: the line, in kubectl's words where it has them, and what to look at.
//!
//! - `dial`: there is no connection; the transport says how far it got ([`DialError`])
//! - `tls`: what TLS says, before the first request or after it
//! - here: a connection that broke. The errors of hyper say little at the top; the reason is
//!   somewhere down the chain of sources, part of it hidden in `io::Error`.

mod dial;
mod tls;

use std::{
    error::Error as StdError,
    io::{self, ErrorKind},
};

use http::Uri;
use rustls::AlertDescription as Alert;

use crate::Error;
use crate::connection::{DialError, WrongProtocol};
use crate::error::Kind;

/// A reason, and those behind it.
type Cause<'a> = &'a (dyn StdError + 'static);

/// A reason as it is said, and what to look at.
struct Reason {
    text: String,
    hint: Option<String>,
}

impl Reason {
    fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            hint: None,
        }
    }

    fn hinted(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The line for an error without a reply.
pub(crate) fn explain(error: &kube_client::Error, server: &Uri) -> Error {
    let authority = server
        .authority()
        .map_or("", |authority| authority.as_str());
    let reason = match find::<DialError>(error) {
        Some(dial) if dial::is_refused(dial) => {
            return Error::connection(format!(
                "The connection to the server {authority} was refused - did you specify the right host or port?"
            ));
        }
        Some(dial) => dial::reason(dial, authority),
        None => match find(error) {
            Some(error) => tls::reason(error, &format!("the server {authority}")),
            None => broken(error),
        },
    };
    let line = format!("Unable to connect to the server: {}", reason.text);
    let error = if is_untrusted(error) {
        Kind::Untrusted(line).into()
    } else {
        Error::connection(line)
    };
    match reason.hint {
        Some(hint) => error.hinted(hint),
        None => error,
    }
}

/// Whether we refused the server's certificate, before anything was sent.
pub(crate) fn is_untrusted(error: &kube_client::Error) -> bool {
    matches!(find(error), Some(rustls::Error::InvalidCertificate(_)))
}

/// Whether the other side refused in TLS what we began: the handshake, after which with TLS 1.3 the
/// refusal arrives when the request was written, or a request in plain HTTP. Nobody has read it.
pub(crate) fn is_refused_handshake(error: &kube_client::Error) -> bool {
    let refusal = matches!(
        find(error),
        Some(rustls::Error::AlertReceived(
            Alert::AccessDenied
                | Alert::BadCertificate
                | Alert::CertificateExpired
                | Alert::CertificateRequired
                | Alert::CertificateRevoked
                | Alert::CertificateUnknown
                | Alert::DecryptError
                | Alert::HandshakeFailure
                | Alert::UnknownCA
                | Alert::UnsupportedCertificate
        ))
    );
    refusal || find(error) == Some(&WrongProtocol::Tls)
}

/// What became of bytes on their way.
fn broken(error: Cause<'_>) -> Reason {
    const MALFORMED: &str =
        "net/http: HTTP/1.x transport connection broken: malformed HTTP response";
    if find(error) == Some(&WrongProtocol::Tls) {
        return Reason::new(MALFORMED)
            .hinted("what answers speaks TLS: its address begins with https://");
    }
    let http = find::<hyper::Error>(error);
    match find::<io::Error>(error).map(io::Error::kind) {
        Some(ErrorKind::UnexpectedEof) => Reason::new("EOF"),
        Some(ErrorKind::ConnectionReset) => Reason::new("read: connection reset by peer"),
        _ if http.is_some_and(hyper::Error::is_incomplete_message) => Reason::new("EOF"),
        _ if http.is_some_and(hyper::Error::is_parse) => {
            Reason::new(MALFORMED).hinted("what answers does not speak HTTP")
        }
        _ => Reason::new(last(error)),
    }
}

/// The reasons of an error, outermost first.
fn chain(error: Cause<'_>) -> impl Iterator<Item = Cause<'_>> {
    fn behind(error: Cause<'_>) -> Option<Cause<'_>> {
        match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(hidden) => Some(hidden),
            None => error.source(),
        }
    }
    std::iter::successors(Some(error), |error| behind(*error))
}

fn find<T: StdError + 'static>(error: Cause<'_>) -> Option<&T> {
    chain(error).find_map(|cause| cause.downcast_ref())
}

/// The innermost reason, as Go spells those of the system.
fn last(error: Cause<'_>) -> String {
    let last = chain(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default();
    match last.split_once(" (os error") {
        Some((reason, _)) => reason.to_lowercase(),
        None => last,
    }
}
