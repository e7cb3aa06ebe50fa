//! Interprets a response, or the failure to get one, without any I/O.
//!
//! A request that may change something may have taken effect as soon as one byte of it was written,
//! whatever happened to the response: [`Kind::OutcomeUnknown`]. If no byte was written, or the
//! request changes nothing, it has failed: [`Kind::Connection`].

use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, Uri, header};
use kube_core::Status;

use super::connection_error;
use super::object_check;
use super::object_check::Mismatch;
use super::reply::Reply;
use crate::Error;
use crate::connection::server_url;
use crate::error::response::{status_in_document, status_of_response};
use crate::error::{Kind, UnknownOutcome, body_text};
use crate::redaction::Redaction;
use crate::redaction::headers_and_urls::address_without_userinfo;
use crate::request::{ApiRequest, ExpectedReply, Resource};

/// Texts with which servers answer plain HTTP on a TLS port: Go's (`net/http`, `conn.serve`), nginx,
/// Apache and Tomcat.
const TLS_EXPECTED: [&str; 4] = [
    "Client sent an HTTP request to an HTTPS server.",
    "The plain HTTP request was sent to HTTPS port",
    "speaking plain HTTP to an SSL-enabled server port",
    "This combination of host and port requires TLS",
];

/// The hint for a response that does not come from an API server.
const CHECK_ADDRESS: &str =
    "check the server address in your kubeconfig; a login page or a proxy may be in between";

/// The parts of a request that are needed to interpret its response.
pub(super) struct RequestContext {
    method: Method,
    /// The object or collection that the path names.
    resource: Option<Resource>,
    accept: String,
    expected: ExpectedReply,
    /// The command that shows the object of the request.
    command_to_see: String,
    /// Whether the request may change something on the server.
    pub(super) may_change: bool,
    /// Whether the response describes a user or a permission, and is short.
    pub(super) is_review: bool,
    /// Whether the response comes from a node, Pod or Service behind the API server.
    pub(super) is_proxied: bool,
    pub(super) redaction: Redaction,
}

/// A failure between sending a request and the end of its response.
pub(super) enum RequestFailure {
    /// There is no credential, so nothing was sent.
    Credential(Error),
    /// No response arrived.
    Transport(kube_client::Error),
    /// The response started with this status and is incomplete.
    Truncated(StatusCode),
    /// The response started with this status and has this encoding, which was not asked for.
    Compressed(StatusCode, String),
    /// The response started with this status and exceeds the limit for this request.
    TooLong(StatusCode),
    /// `--request-timeout` passed.
    TimedOut(Duration),
    /// A signal with this number arrived.
    Interrupted(i32),
}

impl RequestContext {
    pub(super) fn new(request: &ApiRequest, command_to_see: String) -> Self {
        let resource = request.path.resource();
        let is = |property: fn(&Resource) -> bool| resource.as_ref().is_some_and(property);
        let is_review = is(Resource::is_review);
        let is_safe = request.method.is_safe() || request.path.is_dry_run() || is_review;
        let is_proxied = is(Resource::is_proxy);
        let redaction = Redaction::for_request(is(Resource::is_secret), &request.body);
        let accept = request.headers.get(header::ACCEPT);
        let accept = accept.map_or(b"" as &[u8], HeaderValue::as_bytes);
        Self {
            method: request.method.clone(),
            resource,
            accept: String::from_utf8_lossy(accept).into_owned(),
            // The response to a proxied request is another server's.
            expected: if is_proxied {
                ExpectedReply::Anything
            } else {
                request.expected
            },
            command_to_see,
            may_change: !is_safe,
            is_review,
            is_proxied,
            redaction,
        }
    }

    /// Interprets a whole response of `server`.
    pub(super) fn interpret(&self, reply: Reply, server: &Uri) -> Result<Reply, Error> {
        let code = reply.status();
        if !code.is_success() {
            return Err(self.refused(code, &reply, server));
        }
        match self.check_success(&reply) {
            Ok(()) => Ok(reply),
            Err(Mismatch::Failure(status)) => match StatusCode::from_u16(status.code) {
                Ok(code) if code.as_u16() >= 400 => Err(self.refused(code, &reply, server)),
                _ => Err(self.unconfirmed(code, "with a failure that has no code")),
            },
            Err(Mismatch::Unconfirmed(description)) => Err(self.unconfirmed(code, &description)),
            Err(Mismatch::Foreign(description)) => {
                Err(self.foreign(code, description, &reply, host(server)))
            }
        }
    }

    fn check_success(&self, reply: &Reply) -> Result<(), Mismatch> {
        match self.expected {
            ExpectedReply::Document | ExpectedReply::Object if is_html(reply) => {
                Err(Mismatch::Foreign("with an HTML page"))
            }
            ExpectedReply::Anything | ExpectedReply::Document => Ok(()),
            ExpectedReply::Object => {
                object_check::check(reply, self.resource.as_ref(), &self.accept)
            }
        }
    }

    /// Explains a refusal. `code` comes from the status line, or from a `Status` in a 2xx response.
    fn refused(&self, code: StatusCode, reply: &Reply, server: &Uri) -> Error {
        let (headers, body) = (reply.headers(), reply.body());
        let refusal = status_of_response(code, headers, &self.method, body, &self.redaction);
        if self.may_change && is_outcome_unknown(code, &refusal) {
            let event = format!("the server answered {code}: {}", refusal.message);
            let retry_after = refusal
                .details
                .map_or(0, |details| details.retry_after_seconds);
            return self.outcome_unknown_for(UnknownOutcome {
                retry_after,
                ..unknown_outcome(&event)
            });
        }
        // Departure: kubectl reports an unknown reason.
        let is_plain = !server_url::is_tls(server) && !self.is_proxied;
        if is_plain && code == StatusCode::BAD_REQUEST && is_tls_expected(body) {
            return tls_expected(server);
        }
        // A gateway reports its own errors as a page, too.
        if is_html(reply) && !self.is_proxied && code.is_client_error() {
            return self.foreign(code, "with an HTML page", reply, host(server));
        }
        not_kubernetes(reply, &self.method, host(server))
            .unwrap_or_else(|| Kind::Refused(Box::new(refusal)).into())
    }

    /// Explains a successful response that does not confirm the request.
    fn unconfirmed(&self, code: StatusCode, description: &str) -> Error {
        let event = format!("the server answered {code} {description}");
        if self.may_change {
            self.outcome_unknown(&event)
        } else {
            Error::protocol(event).with_hint(CHECK_ADDRESS)
        }
    }

    /// Explains a response that no API server sends.
    fn foreign(&self, code: StatusCode, description: &str, reply: &Reply, host: &str) -> Error {
        let title = body_text::title(reply.body()).filter(|_| is_html(reply));
        let title = title.map_or_else(String::new, |title| {
            format!(" ({:?})", self.redaction.apply(&title))
        });
        let outcome = if self.may_change && code.is_success() {
            format!(", and the {} may or may not have been applied", self.method)
        } else {
            String::new()
        };
        Error::protocol(format!(
            "{host} answered {code} {description}{title}; it is not a Kubernetes API server{outcome}"
        ))
        .with_hint(CHECK_ADDRESS)
    }

    /// Explains a missing or broken response. `untouched` means that no byte of the request was written.
    pub(super) fn explain(&self, failure: RequestFailure, untouched: bool, server: &Uri) -> Error {
        let may_have_changed = self.may_change && !untouched;
        match failure {
            RequestFailure::Credential(error) => error,
            RequestFailure::Transport(error) => {
                let refused_by_tls = connection_error::is_refused_handshake(&error);
                let failure = connection_error::explain(&error, server);
                if may_have_changed && !refused_by_tls {
                    self.outcome_unknown(&format!(
                        "the connection was lost before the response arrived ({})",
                        failure.reason
                    ))
                } else {
                    failure.into()
                }
            }
            RequestFailure::Truncated(code) => self.truncated(code, server),
            RequestFailure::Compressed(code, encoding) => self.compressed(code, &encoding, server),
            RequestFailure::TooLong(code) => Error::protocol(format!(
                "{} answered {code} with over 16 MiB; it is not a Kubernetes API server",
                host(server)
            ))
            .with_hint("check the server address in your kubeconfig"),
            RequestFailure::TimedOut(timeout) if may_have_changed => {
                self.outcome_unknown(&format!("no response within --request-timeout={timeout:?}"))
            }
            RequestFailure::TimedOut(_) => Error::connection(
                "Unable to connect to the server: context deadline exceeded \
                 (Client.Timeout exceeded while awaiting headers)",
            ),
            RequestFailure::Interrupted(signal) => self.interrupted(signal, may_have_changed),
        }
    }

    /// Explains a compressed response. It is not decoded, because a server that compresses a stream
    /// holds back its events.
    fn compressed(&self, code: StatusCode, encoding: &str, server: &Uri) -> Error {
        let host = host(server);
        let event = format!(
            "{host} compressed its response ({code}, Content-Encoding: {encoding:?}), which was not asked for"
        );
        if self.may_change && !code.is_client_error() {
            return self.outcome_unknown(&event);
        }
        Error::protocol(event).with_hint(
            "connect to the API server directly, or turn off compression in the proxy in between",
        )
    }

    fn truncated(&self, code: StatusCode, server: &Uri) -> Error {
        if self.may_change && code.is_client_error() {
            return Error::connection(format!(
                "error: the server refused with {code}, but the rest of the response was lost"
            ));
        }
        if self.may_change {
            return self.outcome_unknown(&format!(
                "the server answered {code}, but the rest of the response was lost"
            ));
        }
        Error::connection(format!(
            "error: the response ({code}) from {} was cut off",
            host(server)
        ))
    }

    fn interrupted(&self, signal: i32, may_have_changed: bool) -> Error {
        if !may_have_changed {
            let message = Some("interrupted; nothing was changed".to_owned());
            return Kind::Interrupted { signal, message }.into();
        }
        let unknown = unknown_outcome("interrupted before the response arrived");
        let message = Some(format!("outcome unknown: {unknown}"));
        Error::from(Kind::Interrupted { signal, message }).with_hint(self.inspect_hint())
    }

    fn outcome_unknown(&self, event: &str) -> Error {
        self.outcome_unknown_for(unknown_outcome(event))
    }

    fn outcome_unknown_for(&self, outcome: UnknownOutcome) -> Error {
        Error::from(Kind::OutcomeUnknown(outcome)).with_hint(self.inspect_hint())
    }

    fn inspect_hint(&self) -> String {
        format!("check the object before you retry: {}", self.command_to_see)
    }
}

fn unknown_outcome(event: &str) -> UnknownOutcome {
    UnknownOutcome {
        event: event.to_owned(),
        seen: None,
        retry_after: 0,
    }
}

/// Reports whether a response says that the server expects TLS.
pub(super) fn is_tls_expected(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    TLS_EXPECTED.iter().any(|phrase| text.contains(phrase))
}

/// Returns the error for a TLS server at an `http` address. The server has done nothing.
pub(super) fn tls_expected(server: &Uri) -> Error {
    Error::protocol(format!(
        "{} expects TLS, but the request was sent over plain HTTP",
        host(server)
    ))
    .with_hint("use an address that begins with https://")
}

/// Returns an error for a response that does not come from an API server. The most certain signs
/// are checked first.
fn not_kubernetes(reply: &Reply, method: &Method, host: &str) -> Option<Error> {
    let code = reply.status();
    if code.is_redirection() {
        return Some(
            Error::protocol(format!(
                "{host} answered {code}; redirects are never followed{}",
                redirect_target(reply)
            ))
            .with_hint("use the server's final address; a login page or a proxy may be in between"),
        );
    }
    if code.is_informational() {
        return Some(
            Error::protocol(format!(
                "{host} answered {code} to a {method}; it is not a Kubernetes API server"
            ))
            .with_hint("check the server address in your kubeconfig"),
        );
    }
    None
}

/// Describes the target of a redirect, without its query, which may contain a credential.
fn redirect_target(reply: &Reply) -> String {
    let target = reply.headers().get(header::LOCATION);
    let Some(target) = target.and_then(|target| target.to_str().ok()) else {
        return String::new();
    };
    let target = target.split(['?', '#']).next().unwrap_or_default();
    format!(" (to {})", address_without_userinfo(target))
}

/// Parses a `Status` that arrives in the middle of a stream, and redacts it. Returns `None` if
/// `document` is not a `Status`. `is_secret` is [`Resource::is_secret`] of the streamed resource.
pub fn refusal(document: &[u8], is_secret: bool) -> Option<Error> {
    let redaction =
        Redaction::for_request(is_secret, &[]).tightened_for(&String::from_utf8_lossy(document));
    let status = status_in_document(document, &redaction)?;
    Some(Kind::Refused(Box::new(status)).into())
}

/// Reports whether the request may have taken effect despite an unsuccessful response: from a
/// gateway (some use codes of their own above 511), after a timeout, or from an API server that
/// lost its connection to etcd, which may have committed the change.
fn is_outcome_unknown(code: StatusCode, refusal: &Status) -> bool {
    let mentions = |texts: &[&str]| texts.iter().any(|text| refusal.message.contains(text));
    match code.as_u16() {
        501 | 505 => false,
        502.. => true,
        // A webhook runs before the object is stored, and a request that is too large is never
        // stored.
        500 if mentions(&[
            "failed calling webhook",
            "request is too large",
            "message larger than max",
        ]) =>
        {
            false
        }
        500 => {
            ["InternalError", "ServerTimeout", "Timeout"].contains(&refusal.reason.as_str())
                || mentions(&[
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

fn is_html(reply: &Reply) -> bool {
    let content_type = reply.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.map_or(b"" as &[u8], HeaderValue::as_bytes);
    content_type.to_ascii_lowercase().starts_with(b"text/html")
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
    fn a_refusal_in_a_stream_keeps_secrets_hidden() {
        let status = br#"{"kind":"Status","message":"cannot decode \"c2VjcmV0\"","code":500}"#;
        let said = |is_secret| refusal(status, is_secret).unwrap().to_string();
        assert!(said(false).contains("c2VjcmV0"));
        assert!(!said(true).contains("c2VjcmV0"));
        assert!(refusal(br#"{"kind":"Pod"}"#, false).is_none());
    }

    #[test]
    fn the_outcome_is_unknown_only_after_a_possible_commit() {
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
            assert_eq!(
                is_outcome_unknown(code, &refusal),
                expected,
                "{code} {message}"
            );
        }
    }
}
