//! Explains why no connection was opened, to the server or to its proxy.

use std::io;
use std::io::ErrorKind;

use http::StatusCode;

use super::{Cause, Reason, broken_connection, chain, find, last, tls};
use crate::connection::{DialError, DialErrorKind, WrongProtocol};

/// Reports whether the server's port is closed. Departure: kubectl treats a proxy's closed port
/// alike.
pub(super) fn is_refused(error: &DialError) -> bool {
    match &error.kind {
        DialErrorKind::Tcp(source) => {
            !error.is_proxy && is(source.as_ref(), ErrorKind::ConnectionRefused)
        }
        DialErrorKind::Socks(reason) => reason == "connection refused",
        _ => false,
    }
}

/// Explains a dial error. `server` is the server's authority, `HOST:PORT`.
pub(super) fn reason(error: &DialError, server: &str) -> Reason {
    let DialError {
        peer,
        is_proxy,
        kind,
    } = error;
    let whose = format!("the {} {peer}", if *is_proxy { "proxy" } else { "server" });
    let reason = match kind {
        DialErrorKind::Tcp(source) => tcp_reason(source.as_ref(), peer, *is_proxy),
        DialErrorKind::Tls(error) if find(error) == Some(&WrongProtocol::Http) => {
            let text = if *is_proxy {
                "tls: first record does not look like a TLS handshake"
            } else {
                "http: server gave HTTP response to HTTPS client"
            };
            Reason::new(text).with_hint(format!(
                "{whose} speaks plain HTTP: use an address that begins with http://"
            ))
        }
        DialErrorKind::Tls(error) => match find(error) {
            Some(error) => tls::reason(error, &whose),
            None => broken_connection(error).with_hint(format!(
                "check the port: {whose} closed the connection before the TLS handshake"
            )),
        },
        DialErrorKind::TlsTimeout => Reason::new("net/http: TLS handshake timeout").with_hint(
            format!("check the port: {whose} accepted the connection but did not respond"),
        ),
        DialErrorKind::InvalidServerName => {
            Reason::new(format!("tls: {peer:?} contains no server name"))
        }
        DialErrorKind::ConnectRejected(status, words) => connect_rejected(*status, words, &whose),
        DialErrorKind::Socks(reason) => {
            Reason::new(format!("socks connect tcp {peer}->{server}: {reason}")).with_hint(format!(
                "check the proxy URL: this error comes from {whose}"
            ))
        }
        DialErrorKind::InvalidConnectResponse(error) => invalid_connect_response(error, &whose),
        DialErrorKind::ProxyTimeout => Reason::new("context deadline exceeded").with_hint(format!(
            "check the proxy URL: {whose} accepted the connection but did not respond"
        )),
    };
    match kind {
        DialErrorKind::Tcp(_) | DialErrorKind::Tls(_) | DialErrorKind::TlsTimeout if *is_proxy => {
            Reason {
                text: format!("proxyconnect tcp: {}", reason.text),
                ..reason
            }
        }
        _ => reason,
    }
}

fn tcp_reason(error: Cause<'_>, peer: &str, is_proxy: bool) -> Reason {
    let suspect = if is_proxy {
        "the proxy URL"
    } else {
        "the server in your kubeconfig"
    };
    if chain(error).any(|cause| cause.to_string() == "dns error") {
        let host = peer.rsplit_once(':').map_or(peer, |(host, _)| host);
        let reason = last(error);
        let reason = match reason.split_once("address information: ") {
            Some((_, "Name or service not known")) | None => "no such host".to_owned(),
            Some((_, reason)) => reason.to_lowercase(),
        };
        return Reason::new(format!("dial tcp: lookup {host}: {reason}"))
            .with_hint(format!("check {suspect} and this machine's DNS"));
    }
    let reason = if is(error, ErrorKind::TimedOut) {
        "i/o timeout".to_owned()
    } else {
        format!("connect: {}", last(error))
    };
    Reason::new(format!("dial tcp {peer}: {reason}"))
        .with_hint(format!("check {suspect} and the network"))
}

/// Explains a proxy's refusal with the reason phrase of its response, as kubectl does.
fn connect_rejected(status: StatusCode, words: &str, whose: &str) -> Reason {
    let words = if words.is_empty() {
        status.as_str()
    } else {
        words
    };
    Reason::new(words).with_hint(match status {
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => format!(
            "{whose} requires a user name and password: put them in its URL, http://NAME:PASSWORD@…"
        ),
        _ => format!(
            "check the proxy: {whose}, not the API server, sent this response ({})",
            status.as_u16()
        ),
    })
}

fn invalid_connect_response(error: &hyper::Error, whose: &str) -> Reason {
    let reason = if error.is_incomplete_message() {
        Reason::new("unexpected EOF")
    } else if error.is_parse() {
        Reason::new("malformed HTTP response")
    } else {
        broken_connection(error)
    };
    reason.with_hint(format!(
        "check the proxy URL: {whose} did not respond as an HTTP proxy"
    ))
}

fn is(error: Cause<'_>, kind: ErrorKind) -> bool {
    find::<io::Error>(error).is_some_and(|error| error.kind() == kind)
}
