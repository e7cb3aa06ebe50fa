//! Parses the server's address: a URL, or `host:port` as in kubectl (`client-go/rest/url_utils.go`,
//! `DefaultServerURL`).

use std::net::IpAddr;

use http::Uri;
use http::uri::Scheme;

use crate::Error;
use crate::redaction::headers_and_urls::address_without_userinfo;

/// Parses the scheme, the authority, and the base path without its trailing slash. As in kubectl,
/// query and fragment are dropped, and an address without a scheme is http, even with a certificate
/// authority.
pub(crate) fn parse(address: &str) -> Result<Uri, Error> {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None if address.contains('/') => return Err(no_address(address)),
        None => ("http".to_owned(), address),
    };
    if scheme != "http" && scheme != "https" {
        return Err(Error::usage(format!(
            "unsupported protocol scheme {scheme:?}"
        )));
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let path = path.split(['?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        return Err(no_address(address));
    }
    if authority.contains('@') {
        // Departure: kubectl sends this as a credential, even over http. The error does not quote
        // the address.
        return Err(
            Error::usage("the server address must not contain a user name or password")
                .with_hint("set username and password of the user in your kubeconfig, or use --username and --password"),
        );
    }
    let path = path.trim_end_matches('/');
    if ["//", "/./", "/../"]
        .iter()
        .any(|odd| format!("{path}/").contains(odd))
    {
        // Departure: kubectl resolves such segments, which may lead outside the prefix of a proxy.
        return Err(Error::usage(format!(
            "the path of the server address {:?} has an empty, `.` or `..` segment",
            address_without_userinfo(address)
        ))
        .with_hint("write the address without empty, `.` and `..` segments"));
    }
    let server: Uri = format!("{scheme}://{authority}{path}")
        .parse()
        .map_err(|_| no_address(address))?;
    let is_host_alone = server.host() == Some(authority) || authority.ends_with(':');
    if server.port_u16().is_none() && !is_host_alone {
        return Err(no_address(address));
    }
    Ok(server)
}

/// Reports whether the connection is encrypted, which a credential requires.
pub(crate) fn is_tls(server: &Uri) -> bool {
    server.scheme() == Some(&Scheme::HTTPS)
}

/// Reports whether the server is on this machine, by Go's rules for proxies.
pub(crate) fn is_loopback(server: &Uri) -> bool {
    let host = host(server);
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Returns the port, even if the address omits it.
pub(crate) fn port(server: &Uri) -> u16 {
    let default = if is_tls(server) { 443 } else { 80 };
    server.port_u16().unwrap_or(default)
}

/// Returns the host without the brackets of an IPv6 address.
pub(crate) fn host(server: &Uri) -> &str {
    server
        .host()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']')
}

fn no_address(address: &str) -> Error {
    Error::usage(format!(
        "host must be a URL or a host:port pair: {:?}",
        address_without_userinfo(address)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_scheme_is_http() {
        assert_eq!(
            parse("localhost:8080").expect("an address"),
            "http://localhost:8080/"
        );
    }

    #[test]
    fn the_base_path_loses_its_trailing_slash() {
        let server = parse("HTTPS://rancher:443/k8s/clusters/c-1/?a=b#c").expect("an address");
        assert_eq!(server, "https://rancher:443/k8s/clusters/c-1");
    }

    #[test]
    fn invalid_server_addresses_are_refused() {
        for address in [
            "",
            "host/path",
            "https://",
            "ftp://host",
            "https://a b",
            "https://u:p@host",
            "https://host:https",
            "https://host:65536",
            "https://host/a//b",
        ] {
            assert!(parse(address).is_err(), "{address}");
        }
    }

    #[test]
    fn a_refused_address_is_not_quoted_with_its_password() {
        let error = parse("https://name:secret@host").expect_err("a password");
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn loopback_addresses_are_recognized() {
        for (address, expected) in [
            ("https://[::1]:1", true),
            ("http://127.9.9.9", true),
            ("https://localhost.example", false),
        ] {
            assert_eq!(
                is_loopback(&parse(address).expect("an address")),
                expected,
                "{address}"
            );
        }
    }
}
