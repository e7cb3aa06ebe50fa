//! Explains why no response arrived, in one line and a hint. The line is kubectl's where kubectl
//! has one.
//!
//! * `dial`: explains a [`DialError`]: no connection was opened
//! * `tls`: explains a TLS error, before or after the first request
//! * here: explains a broken connection. hyper's outermost error says little; the reason is
//!   further down the chain of sources, and `io::Error` hides a part of that chain

mod dial;
mod tls;

use std::error::Error as StdError;
use std::io;
use std::io::ErrorKind;

use http::Uri;
use rustls::AlertDescription as Alert;

use crate::Error;
use crate::connection::{DialError, DialErrorKind, WrongProtocol};
use crate::error::Kind;
use crate::text::system_error;

/// An error with its chain of sources.
type Cause<'a> = &'a (dyn StdError + 'static);

/// A reason for the user, with a hint.
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

    fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The failure to get a response.
pub(super) struct NoResponse {
    /// The whole line, as kubectl prints it.
    line: String,
    /// The reason alone.
    pub(super) reason: String,
    hint: Option<String>,
    /// Whether the server's certificate was not trusted.
    is_untrusted: bool,
}

impl From<NoResponse> for Error {
    fn from(failure: NoResponse) -> Self {
        let error = if failure.is_untrusted {
            Kind::Untrusted(failure.line).into()
        } else {
            Self::connection(failure.line)
        };
        match failure.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

/// Explains the client's error.
pub(super) fn explain(error: &kube_client::Error, server: &Uri) -> NoResponse {
    let authority = server
        .authority()
        .map_or("", |authority| authority.as_str());
    let reason = match find::<DialError>(error) {
        Some(dial) if dial::is_refused(dial) => {
            return NoResponse {
                line: format!(
                    "The connection to the server {authority} was refused - did you specify the right host or port?"
                ),
                reason: "connection refused".to_owned(),
                hint: None,
                is_untrusted: false,
            };
        }
        Some(dial) => dial::reason(dial, authority),
        None => match find(error) {
            Some(error) => tls::reason(error, &format!("the server {authority}")),
            None => broken_connection(error),
        },
    };
    NoResponse {
        line: format!("Unable to connect to the server: {}", reason.text),
        reason: reason.text,
        hint: reason.hint,
        is_untrusted: is_untrusted(error),
    }
}

/// Reports whether the client refused the server's certificate, before anything was sent.
pub(super) fn is_untrusted(error: &kube_client::Error) -> bool {
    matches!(find(error), Some(rustls::Error::InvalidCertificate(_)))
}

/// Reports whether a connection was open, and the peer did not refuse its TLS handshake.
pub(super) fn is_after_handshake(error: &kube_client::Error) -> bool {
    find::<DialError>(error).is_none() && !is_refused_handshake(error)
}

/// Reports whether the peer answered plain HTTP with a TLS alert.
pub(super) fn is_tls_alert(error: &kube_client::Error) -> bool {
    find(error) == Some(&WrongProtocol::Tls)
}

/// Reports whether the peer accepted a connection, and closed it without a response.
pub(super) fn is_closed(error: &kube_client::Error) -> bool {
    let kind = find::<io::Error>(error).map(io::Error::kind);
    let is_incomplete =
        find::<hyper::Error>(error).is_some_and(hyper::Error::is_incomplete_message);
    find::<DialError>(error).is_none()
        && (is_incomplete
            || matches!(
                kind,
                Some(ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
            ))
}

/// Reports whether the peer answered a TLS handshake in TLS, even if with a refusal.
pub(super) fn speaks_tls(error: &kube_client::Error) -> bool {
    match find::<DialError>(error).map(|dial| &dial.kind) {
        None => true,
        Some(DialErrorKind::Tls(error)) => matches!(
            find(error),
            Some(rustls::Error::AlertReceived(_) | rustls::Error::PeerIncompatible(_))
        ),
        Some(_) => false,
    }
}

/// Reports whether the peer refused the TLS handshake, or a request in plain HTTP. With TLS 1.3,
/// the refusal of a handshake arrives after the request was written, but the server has not read
/// the request.
pub(super) fn is_refused_handshake(error: &kube_client::Error) -> bool {
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
    refusal || is_tls_alert(error)
}

/// Explains a connection that broke.
fn broken_connection(error: Cause<'_>) -> Reason {
    const MALFORMED: &str =
        "net/http: HTTP/1.x transport connection broken: malformed HTTP response";
    if find(error) == Some(&WrongProtocol::Tls) {
        return Reason::new(MALFORMED)
            .with_hint("the proxy expects TLS: use a proxy URL that begins with https://");
    }
    let http = find::<hyper::Error>(error);
    match find::<io::Error>(error).map(io::Error::kind) {
        Some(ErrorKind::UnexpectedEof) => Reason::new("EOF"),
        Some(ErrorKind::ConnectionReset) => Reason::new("read: connection reset by peer"),
        _ if http.is_some_and(hyper::Error::is_incomplete_message) => Reason::new("EOF"),
        _ if http.is_some_and(hyper::Error::is_parse) => {
            Reason::new(MALFORMED).with_hint("check the port: the server does not speak HTTP on it")
        }
        _ if http.is_some_and(hyper::Error::is_timeout) => {
            Reason::new("http2: client connection lost")
        }
        _ => match find::<h2::Error>(error) {
            Some(error) => Reason::new(http2_reason(error)),
            None => Reason::new(last(error)),
        },
    }
}

/// Returns Go's message for an error in HTTP/2 (`net/http`, `h2_bundle.go`).
fn http2_reason(error: &h2::Error) -> String {
    match error.reason() {
        Some(_) if error.is_go_away() && error.is_remote() => {
            "http2: server sent GOAWAY and closed the connection".to_owned()
        }
        Some(reason) if error.is_reset() && error.is_remote() => {
            format!("stream error: {reason:?}; received from peer")
        }
        _ => error.to_string(),
    }
}

/// Walks the chain of sources, outermost first.
fn chain(error: Cause<'_>) -> impl Iterator<Item = Cause<'_>> {
    fn source(error: Cause<'_>) -> Option<Cause<'_>> {
        match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(hidden) => Some(hidden),
            None => error.source(),
        }
    }
    std::iter::successors(Some(error), |error| source(*error))
}

fn find<T: StdError + 'static>(error: Cause<'_>) -> Option<&T> {
    chain(error).find_map(|cause| cause.downcast_ref())
}

/// Returns the innermost reason, with system errors spelled as in Go.
fn last(error: Cause<'_>) -> String {
    let last = chain(error).last();
    last.map(|last| system_error::reason(&last))
        .unwrap_or_default()
}
