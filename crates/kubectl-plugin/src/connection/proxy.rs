//! Proxies are not supported yet, and a configured one is never gone around silently.

use std::env;

use http::Uri;

use super::server_url::{host, is_loopback, is_tls};
use crate::Error;

/// Fails when kubectl would go through a proxy: `--proxy-url` and `proxy-url` always, the
/// environment unless the server is on this machine or `NO_PROXY` names it or everything.
pub(super) fn refuse(proxy_url: Option<&str>, server: &Uri) -> Result<(), Error> {
    if proxy_url.is_some() {
        return Err(Error::usage(
            "going through a proxy (proxy-url) is not supported yet",
        ));
    }
    let variables = if is_tls(server) {
        ["HTTPS_PROXY", "https_proxy"]
    } else {
        ["HTTP_PROXY", "http_proxy"]
    };
    let Some(variable) = variables.into_iter().find(|name| is_set(name)) else {
        return Ok(());
    };
    if is_loopback(server) || is_exempt(host(server)) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "going through a proxy (${variable}) is not supported yet"
    ))
    .hinted(format!("NO_PROXY={} connects directly", host(server))))
}

fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| !value.is_empty())
}

fn is_exempt(host: &str) -> bool {
    ["NO_PROXY", "no_proxy"]
        .into_iter()
        .filter_map(|name| env::var(name).ok())
        .find(|list| !list.is_empty())
        .is_some_and(|list| {
            list.split(',')
                .map(str::trim)
                .any(|entry| entry == "*" || entry.eq_ignore_ascii_case(host))
        })
}
