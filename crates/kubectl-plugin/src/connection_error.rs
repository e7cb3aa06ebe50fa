//! Why no reply came, in kubectl's words.
//!
//! The errors of hyper and rustls say only `client error (Connect)` at the top; the
//! reason is somewhere down the chain of sources, part of it hidden in `io::Error`.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};

use http::Uri;
use rustls::{AlertDescription, CertificateError};

use crate::Error;

/// A reason, and those behind it.
type Cause<'a> = &'a (dyn StdError + 'static);

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

fn tls_error(error: &kube_client::Error) -> Option<&rustls::Error> {
    chain(error).find_map(|cause| cause.downcast_ref())
}

/// Whether the server ended the TLS handshake with a refusal. With TLS 1.3 that arrives after
/// the request was written, and still nobody has read it.
pub(crate) fn is_refused_handshake(error: &kube_client::Error) -> bool {
    use AlertDescription as Alert;
    matches!(
        tls_error(error),
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
    )
}

/// The line for an error without a reply.
pub(crate) fn explain(error: &kube_client::Error, server: &Uri) -> Error {
    let authority = server
        .authority()
        .map_or("", |authority| authority.as_str());
    let kind =
        chain(error).find_map(|cause| cause.downcast_ref::<io::Error>().map(io::Error::kind));
    let last = chain(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default();
    if kind == Some(ErrorKind::ConnectionRefused) {
        return Error::connection(format!(
            "The connection to the server {authority} was refused - did you specify the right host or port?"
        ));
    }
    let reason = if let Some(tls) = tls_error(error) {
        tls_reason(tls)
    } else if last.contains("failed to lookup address")
        || chain(error).any(|cause| cause.to_string() == "dns error")
    {
        format!(
            "dial tcp: lookup {}: no such host",
            server.host().unwrap_or_default()
        )
    } else if last == "connection closed before message completed"
        || kind == Some(ErrorKind::UnexpectedEof)
    {
        "EOF".to_owned()
    } else {
        last
    };
    Error::connection(format!("Unable to connect to the server: {reason}"))
}

fn tls_reason(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(problem) => {
            let problem = match problem {
                CertificateError::UnknownIssuer => {
                    "certificate signed by unknown authority".to_owned()
                }
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    "certificate has expired or is not yet valid".to_owned()
                }
                other => other.to_string(),
            };
            format!("tls: failed to verify certificate: x509: {problem}")
        }
        rustls::Error::InvalidMessage(_) => {
            "tls: first record does not look like a TLS handshake".to_owned()
        }
        rustls::Error::AlertReceived(alert) => format!("remote error: tls: {alert:?}"),
        other => format!("tls: {other}"),
    }
}
