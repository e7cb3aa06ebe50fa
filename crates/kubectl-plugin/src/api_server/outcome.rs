//! What a reply, or the lack of one, means.
//!
//! A request that may change something and of which a byte was written may have taken effect,
//! whatever happened to its reply: [`Kind::OutcomeUnknown`]. A request of which nothing was
//! written, and one that changes nothing, failed: [`Kind::Connection`]. All of this is decided
//! here, without any I/O.

use std::time::Duration;

use http::{Method, Request, StatusCode, Uri, header};
use kube_core::Status;

use super::reply::Reply;
use crate::Error;
use crate::api_server::connection_error;
use crate::error::Kind;
use crate::error::status;
use crate::redaction::Redaction;
use crate::request::{RawPath, Resource};

const TLS_IS_SPOKEN_HERE: &[u8] = b"Client sent an HTTP request to an HTTPS server.";

/// What is kept of a request, to judge its answer by.
pub(crate) struct RequestContext {
    method: Method,
    /// The command that shows what the request was about.
    command_to_see: String,
    /// It may change something on the server.
    pub(crate) may_change: bool,
    /// The answer is about a user, and short.
    pub(crate) is_review: bool,
    /// What is behind the API server answers.
    pub(crate) is_proxied: bool,
    pub(crate) redaction: Redaction,
}

/// What went wrong between the request and the end of its reply.
pub(crate) enum Failure {
    /// The exec plugin did not log in.
    Login(Error),
    /// No reply, for a reason that the error tells.
    Transport(kube_client::Error),
    /// The reply began with this status and broke off.
    Torn(StatusCode),
    /// The reply began with this status, and is longer than any answer to such a context.
    TooLong(StatusCode),
    /// `--request-timeout` passed.
    TimedOut(Duration),
    /// A signal with this number came.
    Interrupted(i32),
}

impl RequestContext {
    pub(crate) fn new(request: &Request<Vec<u8>>, command_to_see: String) -> Self {
        let path = RawPath::verbatim(&request.uri().to_string()).ok();
        let resource = path.as_ref().and_then(RawPath::resource);
        let is_dry_run = path.as_ref().is_some_and(RawPath::is_dry_run);
        let is_secret = resource.as_ref().is_some_and(Resource::is_secret);
        let is_review = resource.as_ref().is_some_and(Resource::is_review);
        Self {
            method: request.method().clone(),
            command_to_see,
            may_change: !request.method().is_safe() && !is_dry_run && !is_review,
            is_review,
            is_proxied: path.is_some_and(|path| path.is_proxied()),
            redaction: Redaction::for_request(is_secret, request.body()),
        }
    }

    /// What a whole reply of `server` means.
    pub(crate) fn judge(&self, reply: Reply, server: &Uri) -> Result<Reply, Error> {
        let code = reply.status();
        let content_type = reply
            .headers()
            .get(header::CONTENT_TYPE)
            .map(http::HeaderValue::as_bytes);
        let is_html = |value: &[u8]| value.to_ascii_lowercase().starts_with(b"text/html");
        // A gateway's word on its own trouble is a page too.
        let is_page =
            content_type.is_some_and(is_html) && !self.is_proxied && !code.is_server_error();
        if code.is_success() && !is_page {
            return Ok(reply);
        }
        let refusal = status::parse(
            code,
            reply.headers(),
            &self.method,
            reply.body(),
            &self.redaction,
        );
        if self.may_change && leaves_it_open(code, &refusal) {
            return Err(
                self.outcome_unknown(&format!("the server answered {code}: {}", refusal.message))
            );
        }
        if code.is_redirection() {
            return Err(Error::protocol(format!(
                "{} answered {code}, and a redirect is never followed",
                host(server)
            ))
            .hinted("give the server's final address: a login page or a proxy is in between"));
        }
        // The answer of Go's servers (`net/http`, `conn.serve`) to what is not TLS. Departure: kubectl
        // calls it an unknown reason.
        if code == StatusCode::BAD_REQUEST && reply.body().starts_with(TLS_IS_SPOKEN_HERE) {
            return Err(Error::protocol(format!(
                "{} speaks TLS, and the request was plain http",
                host(server)
            ))
            .hinted("its address begins with https://"));
        }
        if code.is_informational() {
            let answered = format!("{} answered {code} to a {}", host(server), self.method);
            return Err(Error::protocol(answered));
        }
        if is_page {
            return Err(Error::protocol(format!(
                "{} answered {code} with an HTML page, not as a Kubernetes API server",
                host(server)
            ))
            .hinted(
                "is a login page or a proxy in between? look at the server in your kubeconfig",
            ));
        }
        Err(Kind::Refused(Box::new(refusal)).into())
    }

    /// What the lack of a reply means; `untouched` is whether no byte of the request was written.
    pub(crate) fn explain(&self, failure: Failure, untouched: bool, server: &Uri) -> Error {
        let may_have_changed = self.may_change && !untouched;
        match failure {
            Failure::Login(error) => error,
            Failure::Transport(error) => {
                let refused_by_tls = connection_error::is_refused_handshake(&error);
                let error = connection_error::explain(&error, server);
                if may_have_changed && !refused_by_tls {
                    let reason = error.to_string();
                    let reason = reason
                        .strip_prefix("Unable to connect to the server: ")
                        .unwrap_or(&reason);
                    self.outcome_unknown(&format!(
                        "the connection was lost before the reply came ({reason})"
                    ))
                } else {
                    error
                }
            }
            Failure::Torn(code) if self.may_change && code.is_success() => self.outcome_unknown(
                &format!("the server answered {code}, and the rest of its reply was lost"),
            ),
            Failure::Torn(code) if self.may_change && code.is_client_error() => {
                Error::connection(format!(
                    "error: the server refused with {code}, and the rest of its reply was lost"
                ))
            }
            Failure::Torn(code) if self.may_change => self.outcome_unknown(&format!(
                "the server began to answer {code}, and the rest was lost"
            )),
            Failure::Torn(code) => Error::connection(format!(
                "error: the reply ({code}) of {} broke off",
                host(server)
            )),
            Failure::TooLong(code) => Error::protocol(format!(
                "{} answered {code} with more than 16 MiB, not as a Kubernetes API server",
                host(server)
            ))
            .hinted("look at the server in your kubeconfig"),
            Failure::TimedOut(timeout) if may_have_changed => {
                self.outcome_unknown(&format!("no reply within --request-timeout={timeout:?}"))
            }
            Failure::TimedOut(_) => Error::connection(
                "Unable to connect to the server: context deadline exceeded \
                 (Client.Timeout exceeded while awaiting headers)",
            ),
            Failure::Interrupted(signal) if may_have_changed => {
                let unknown = self.outcome_unknown("interrupted before the reply came");
                let message = unknown.to_string().trim_start_matches("error: ").to_owned();
                let hint = unknown.hint().unwrap_or_default().to_owned();
                Error::from(Kind::Interrupted {
                    signal,
                    message: Some(message),
                })
                .hinted(hint)
            }
            Failure::Interrupted(signal) => Kind::Interrupted {
                signal,
                message: Some("interrupted; nothing was changed".to_owned()),
            }
            .into(),
        }
    }

    fn outcome_unknown(&self, what_happened: &str) -> Error {
        let message = format!(
            "{what_happened}; the {} may or may not have been applied",
            self.method
        );
        Error::from(Kind::OutcomeUnknown(message)).hinted(format!(
            "nothing is sent twice; look at the object before you do: {}",
            self.command_to_see
        ))
    }
}

/// Whether an answer leaves it open what became of the request: a gateway's word (some have codes
/// of their own behind 511), a time-out, or
/// that of an API server that could not hear etcd to the end, which may have committed.
fn leaves_it_open(code: StatusCode, refusal: &Status) -> bool {
    let says = |texts: &[&str]| texts.iter().any(|text| refusal.message.contains(text));
    match code.as_u16() {
        501 | 505 => false,
        502.. => true,
        // Admission comes before storage, and a request that is too large never gets there.
        500 if says(&[
            "failed calling webhook",
            "request is too large",
            "message larger than max",
        ]) =>
        {
            false
        }
        500 => {
            ["InternalError", "ServerTimeout", "Timeout"].contains(&refusal.reason.as_str())
                || says(&[
                    "etcdserver: request timed out",
                    "etcdserver: leader changed",
                    "context canceled",
                    "context deadline exceeded",
                    "code = Canceled",
                    "code = DeadlineExceeded",
                    "code = Unavailable",
                    "code = Unknown",
                ])
        }
        _ => false,
    }
}

/// The refusal that stands in the middle of a stream as a `Status`, redacted; `None` when `document`
/// is none. `is_secret` is [`Resource::is_secret`] of what is streamed.
pub fn refusal(document: &[u8], is_secret: bool) -> Option<Error> {
    let redaction =
        Redaction::for_request(is_secret, &[]).widened_by(&String::from_utf8_lossy(document));
    let status = status::redacted(document, &redaction)?;
    Some(Kind::Refused(Box::new(status)).into())
}

fn host(server: &Uri) -> &str {
    server
        .authority()
        .map_or("the server", |authority| authority.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_in_a_stream_says_nothing_of_a_secret() {
        let status = br#"{"kind":"Status","message":"cannot decode \"c2VjcmV0\"","code":500}"#;
        let said = |is_secret| refusal(status, is_secret).unwrap().to_string();
        assert!(said(false).contains("c2VjcmV0"));
        assert!(!said(true).contains("c2VjcmV0"));
        assert!(refusal(br#"{"kind":"Pod"}"#, false).is_none());
    }

    #[test]
    fn what_etcd_may_have_committed_is_left_open_and_bad_input_is_not() {
        for (code, reason, message, expected) in [
            (
                500,
                "",
                "rpc error: code = Unavailable desc = error reading from server: EOF",
                true,
            ),
            (500, "", "etcdserver: request timed out", true),
            (500, "", "etcdserver: request is too large", false),
            (
                500,
                "InternalError",
                "Internal error occurred: transport is closing",
                true,
            ),
            (
                500,
                "InternalError",
                "Internal error occurred: failed calling webhook \"w\": EOF",
                false,
            ),
            (
                500,
                "ServerTimeout",
                "The PATCH operation could not be completed at this time",
                true,
            ),
            (
                500,
                "",
                "failed to create typed patch object: .dta: field not declared in schema",
                false,
            ),
            (
                500,
                "",
                "trying to send message larger than max (2100000 vs. 2097152)",
                false,
            ),
            (
                500,
                "InternalError",
                "an error on the server (\"<html>\") has prevented",
                true,
            ),
            (501, "", "", false),
            (502, "", "", true),
            (524, "", "", true),
            (
                503,
                "ServiceUnavailable",
                "apiserver is shutting down",
                true,
            ),
            (504, "Timeout", "", true),
            (429, "TooManyRequests", "", false),
            (422, "Invalid", "", false),
        ] {
            let refusal = Status::failure(message, reason);
            let code = StatusCode::from_u16(code).unwrap();
            assert_eq!(leaves_it_open(code, &refusal), expected, "{code} {message}");
        }
    }
}
