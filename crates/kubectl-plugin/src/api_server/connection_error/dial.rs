//! Explains why no connection was made, to the server or to the proxy in front of it.

use std::io;
use std::io::ErrorKind;

use http::StatusCode;

use super::{Cause, Reason, broken, chain, find, last, tls};
use crate::connection::{DialError, Obstacle, WrongProtocol};

/// Reports whether the server's port is closed. Departure: kubectl says the same of a proxy's port.
pub(super) fn is_refused(error: &DialError) -> bool {
    match &error.obstacle {
        Obstacle::Tcp(source) => {
            !error.is_proxy && is(source.as_ref(), ErrorKind::ConnectionRefused)
        }
        Obstacle::Socks(reason) => reason == "connection refused",
        _ => false,
    }
}

/// Explains a dial error. `server` is the server's authority, `HOST:PORT`.
pub(super) fn reason(error: &DialError, server: &str) -> Reason {
    let DialError {
        peer,
        is_proxy,
        obstacle,
    } = error;
    let whose = format!("the {} {peer}", if *is_proxy { "proxy" } else { "server" });
    let reason = match obstacle {
        Obstacle::Tcp(source) => no_tcp(source.as_ref(), peer, *is_proxy),
        Obstacle::Tls(error) if find(error) == Some(&WrongProtocol::Http) => {
            let text = if *is_proxy {
                "tls: first record does not look like a TLS handshake"
            } else {
                "http: server gave HTTP response to HTTPS client"
            };
            Reason::new(text).hinted(format!(
                "{whose} speaks plain HTTP: use an address that begins with http://"
            ))
        }
        Obstacle::Tls(error) => match find(error) {
            Some(error) => tls::reason(error, &whose),
            None => broken(error).hinted(format!(
                "{whose} closes the connection before TLS begins: check the port"
            )),
        },
        Obstacle::TlsTimeout => Reason::new("net/http: TLS handshake timeout").hinted(format!(
            "{whose} accepts connections but never answers: check the port"
        )),
        Obstacle::NoName => Reason::new(format!("tls: {peer:?} contains no server name")),
        Obstacle::Refused(status, words) => refused(*status, words, &whose),
        Obstacle::Socks(reason) => {
            Reason::new(format!("socks connect tcp {peer}->{server}: {reason}"))
                .hinted(format!("{whose} answered this: check its URL"))
        }
        Obstacle::NoTunnel(error) => no_tunnel(error, &whose),
        Obstacle::ProxyTimeout => Reason::new("context deadline exceeded").hinted(format!(
            "{whose} accepts connections but never answers: check its URL"
        )),
    };
    match obstacle {
        Obstacle::Tcp(_) | Obstacle::Tls(_) | Obstacle::TlsTimeout if *is_proxy => Reason {
            text: format!("proxyconnect tcp: {}", reason.text),
            ..reason
        },
        _ => reason,
    }
}

fn no_tcp(error: Cause<'_>, peer: &str, is_proxy: bool) -> Reason {
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
            .hinted(format!("check {suspect} and this machine's DNS"));
    }
    let reason = if is(error, ErrorKind::TimedOut) {
        "i/o timeout".to_owned()
    } else {
        format!("connect: {}", last(error))
    };
    Reason::new(format!("dial tcp {peer}: {reason}"))
        .hinted(format!("check {suspect} and the network in between"))
}

/// Explains a proxy's refusal in the proxy's own words, as kubectl prints them.
fn refused(status: StatusCode, words: &str, whose: &str) -> Reason {
    let words = if words.is_empty() {
        status.as_str()
    } else {
        words
    };
    Reason::new(words).hinted(match status {
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => format!(
            "{whose} requires a user name and password: put them in its URL, http://NAME:PASSWORD@…"
        ),
        _ => format!(
            "{whose}, not the server, answered this ({})",
            status.as_u16()
        ),
    })
}

fn no_tunnel(error: &hyper::Error, whose: &str) -> Reason {
    let reason = if error.is_incomplete_message() {
        Reason::new("unexpected EOF")
    } else if error.is_parse() {
        Reason::new("malformed HTTP response")
    } else {
        broken(error)
    };
    reason.hinted(format!(
        "{whose} does not answer as an HTTP proxy: check its URL"
    ))
}

fn is(error: Cause<'_>, kind: ErrorKind) -> bool {
    find::<io::Error>(error).is_some_and(|error| error.kind() == kind)
}
