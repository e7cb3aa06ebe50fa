//! Chooses the proxy: from `--proxy-url` or the kubeconfig, or else from the environment by Go's
//! rules (`client-go/tools/clientcmd/helpers.go`, `golang.org/x/net/http/httpproxy`).

use std::borrow::Cow;
use std::env;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::uri::Authority;
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use crate::Error;
use crate::connection::transport::no_proxy;
use crate::connection::transport::server_url::{host, is_loopback, is_tls, port};
use crate::redaction::headers_and_urls::address_without_userinfo;

/// A proxy in front of the server.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) protocol: Protocol,
    /// The address to connect to, as `http://HOST:PORT` for every protocol.
    pub(crate) address: Uri,
    pub(crate) credential: Option<ProxyCredential>,
}

/// The protocol of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    Https,
    Socks5,
}

impl Protocol {
    /// Returns the scheme with which curl does the same. For SOCKS, the proxy must look up the
    /// server's name.
    pub(crate) fn name_in_curl(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5h",
        }
    }
}

/// The credential for a proxy. It is secret, so it does not implement `Debug`.
#[derive(Clone)]
pub(crate) struct ProxyCredential {
    pub(crate) name: String,
    pub(crate) password: String,
}

/// The maximum length of a name or a password in SOCKS, in bytes (RFC 1929).
const MAX_SOCKS_LENGTH: usize = 255;

/// Returns the proxy for the server, if there is one. Fails if a configured proxy cannot be used,
/// because it must not be bypassed.
pub(crate) fn choose(proxy_url: Option<&str>, server: &Uri) -> Result<Option<Proxy>, Error> {
    if let Some(url) = proxy_url {
        return Proxy::parse(url)
            .map(Some)
            .map_err(|reason| Error::usage(format!("proxy-url: {reason}")));
    }
    let Some((variable, url)) = variable(server) else {
        return Ok(None);
    };
    if !is_tls(server) && env::var_os("REQUEST_METHOD").is_some_and(|value| !value.is_empty()) {
        return Err(Error::usage(
            "refusing to use HTTP_PROXY value in CGI environment; see golang.org/s/cgihttpproxy",
        ));
    }
    let exempt = first_set(["NO_PROXY", "no_proxy"])
        .is_some_and(|(_, list)| no_proxy::exempts(&list, host(server), port(server)));
    if exempt || is_loopback(server) {
        return Ok(None);
    }
    // Departure: Go connects directly if it cannot parse the variable, and treats any scheme as
    // `http`.
    let url = if url.contains("://") {
        url
    } else {
        format!("http://{url}")
    };
    Proxy::parse(&url)
        .map(Some)
        .map_err(|reason| Error::usage(format!("${variable}: {reason}")))
}

/// Returns the environment's proxy for a server, and the variable that names it.
pub(crate) fn variable(server: &Uri) -> Option<(&'static str, String)> {
    first_set(if is_tls(server) {
        ["HTTPS_PROXY", "https_proxy"]
    } else {
        ["HTTP_PROXY", "http_proxy"]
    })
}

/// Returns kubectl's error for an invalid `proxy-url` in a kubeconfig. Departure: `socks5h` is
/// accepted, which means the same as `socks5` in net/http.
pub(crate) fn proxy_url_error(url: &str, cluster_name: &str) -> Option<String> {
    let scheme = scheme(url);
    let shown = address_without_userinfo(url);
    let reason = match scheme.as_deref() {
        Some("http" | "https" | "socks5" | "socks5h") => return None,
        None if url
            .split('/')
            .next()
            .is_some_and(|segment| segment.contains(':')) =>
        {
            format!("could not parse: {shown}")
        }
        _ => format!(
            "unsupported scheme {:?}, must be http, https, or socks5",
            scheme.unwrap_or_default()
        ),
    };
    Some(format!(
        "invalid 'proxy-url' {shown:?} for cluster {cluster_name:?}: {reason}"
    ))
}

impl Proxy {
    /// Parses a proxy's URL. The error does not quote it, because it may contain a password.
    fn parse(url: &str) -> Result<Self, String> {
        let (protocol, default_port) = match scheme(url).as_deref() {
            Some("http") => (Protocol::Http, 80),
            Some("https") => (Protocol::Https, 443),
            // As in net/http, the proxy looks up the server's name with both.
            Some("socks5" | "socks5h") => (Protocol::Socks5, 1080),
            _ => return Err("the scheme must be http, https, socks5 or socks5h".to_owned()),
        };
        let not_an_address = || "not a valid proxy URL".to_owned();
        let (_, rest) = url.split_once("://").ok_or_else(not_an_address)?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (credential, host) = match authority.rsplit_once('@') {
            Some((credential, host)) => (Some(ProxyCredential::parse(credential)?), host),
            None => (None, authority),
        };
        let is_too_long = |credential: &ProxyCredential| {
            credential.name.len().max(credential.password.len()) > MAX_SOCKS_LENGTH
        };
        if protocol == Protocol::Socks5 && credential.as_ref().is_some_and(is_too_long) {
            return Err(
                "the user name or password is longer than 255 bytes, the limit of SOCKS".to_owned(),
            );
        }
        let host: Authority = host.parse().map_err(|_| not_an_address())?;
        let port = match host.as_str()[host.host().len()..].trim_start_matches(':') {
            "" => default_port,
            port => port.parse::<u16>().map_err(|_| not_an_address())?,
        };
        let address = format!("http://{}:{port}", host.host());
        Ok(Self {
            protocol,
            address: address.parse().map_err(|_| not_an_address())?,
            credential,
        })
    }

    /// Reports whether requests go to the proxy itself, which forwards them, rather than through a
    /// tunnel.
    pub(crate) fn passes_on(&self, server: &Uri) -> bool {
        !is_tls(server) && self.protocol != Protocol::Socks5
    }

    /// Reports whether the proxy speaks TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.protocol == Protocol::Https
    }

    /// Returns `HOST:PORT` for messages.
    pub(crate) fn name(&self) -> String {
        self.address
            .authority()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// Returns the `Proxy-Authorization` for an HTTP proxy.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let ProxyCredential { name, password } = self.credential.as_ref()?;
        let basic = format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
        let mut value = HeaderValue::try_from(basic).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl ProxyCredential {
    fn parse(text: &str) -> Result<Self, String> {
        let decode = |text| {
            percent_decode_str(text)
                .decode_utf8()
                .map(Cow::into_owned)
                .map_err(|_| "the user name or password is not UTF-8".to_owned())
        };
        let (name, password) = text.split_once(':').unwrap_or((text, ""));
        Ok(Self {
            name: decode(name)?,
            password: decode(password)?,
        })
    }
}

/// Returns the scheme of a URL in lower case, parsed like Go.
fn scheme(url: &str) -> Option<String> {
    let (scheme, _) = url.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|other| other.is_ascii_alphanumeric() || "+-.".contains(other));
    is_scheme.then(|| scheme.to_ascii_lowercase())
}

/// Returns the first of the variables that is set and not empty, and its value.
fn first_set(names: [&'static str; 2]) -> Option<(&'static str, String)> {
    names.into_iter().find_map(|name| {
        let value = env::var_os(name).filter(|value| !value.is_empty())?;
        Some((name, value.to_string_lossy().into_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxy_urls_are_parsed() {
        for (url, protocol, name) in [
            ("http://proxy", Protocol::Http, "proxy:80"),
            ("HTTPS://proxy/path?query", Protocol::Https, "proxy:443"),
            ("socks5://proxy", Protocol::Socks5, "proxy:1080"),
            ("http://proxy:", Protocol::Http, "proxy:80"),
            ("socks5h://[::1]:99", Protocol::Socks5, "[::1]:99"),
        ] {
            let proxy = Proxy::parse(url).expect("a proxy");
            assert_eq!((proxy.protocol, proxy.name().as_str()), (protocol, name));
        }
    }

    #[test]
    fn a_name_and_a_password_may_be_escaped() {
        for (url, name, password) in [
            ("http://a%40b:c%3A%2f@p", "a@b", "c:/"),
            ("http://a@b:c:d@p", "a@b", "c:d"),
            ("http://a@p", "a", ""),
        ] {
            let credential = Proxy::parse(url).expect("a proxy").credential;
            let credential = credential.expect("a credential");
            assert_eq!((&*credential.name, &*credential.password), (name, password));
        }
    }

    #[test]
    fn invalid_proxy_urls_are_refused_but_not_quoted() {
        let long = format!("socks5://name:secret{}@p", "x".repeat(250));
        for url in [
            "secret",
            "ftp://secret@p",
            "http://",
            "http://secret@",
            "http://secret@p:port",
            "http://%ff:secret@p",
            &long,
        ] {
            let error = Proxy::parse(url).err().expect("an error");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
