use anyhow::Result;

use super::case::*;
use super::servers::Servers;

/// The reason for departures in which no proxy listens.
const PROXY_REFUSED: &str = "kubectl blames the server";

#[test]
fn proxies_are_chosen_like_kubectl() -> Result<()> {
    Servers::start()?.compare(&cases())
}

fn cases() -> Vec<Case> {
    vec![
        same(
            "a proxy in the environment is not used for a loopback address",
            "Bearer t",
        )
        .cluster(SERVER)
        .variable("HTTPS_PROXY", "http://127.0.0.1:1"),
        departs(
            "an unreachable proxy in the environment",
            PROXY_REFUSED,
            "The connection to the server far.example was refused",
            "proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused",
        )
        .cluster("server: 'https://far.example', insecure-skip-tls-verify: true")
        .variable("HTTPS_PROXY", "http://127.0.0.1:1"),
        departs(
            "an unreachable proxy in the kubeconfig",
            PROXY_REFUSED,
            "The connection to the server 127.0.0.1:$PORT was refused",
            "proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused",
        )
        .cluster("server: $URL, certificate-authority: ca.crt, proxy-url: 'http://127.0.0.1:1'"),
        departs(
            "an invalid proxy URL in the environment",
            "kubectl silently connects without a proxy",
            "dial tcp: lookup far.example",
            "error: $HTTPS_PROXY: not a valid proxy URL",
        )
        .cluster("server: 'https://far.example', insecure-skip-tls-verify: true")
        .variable("HTTPS_PROXY", "%zz"),
        same(
            "--proxy-url with an unknown scheme",
            "error: invalid 'proxy-url' \"ftp://p:1\" for cluster \"c\": unsupported scheme \"ftp\", \
             must be http, https, or socks5",
        )
        .cluster(SERVER)
        .flags(["--proxy-url=ftp://p:1"]),
        same(
            "an empty --proxy-url is ignored",
            "Bearer t",
        )
        .cluster(SERVER)
        .flags(["--proxy-url="]),
        departs(
            "a socks5h proxy",
            "kubectl accepts the scheme only in the environment",
            "error: invalid 'proxy-url' \"socks5h://127.0.0.1:1\" for cluster \"c\": unsupported scheme",
            "proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused",
        )
        .cluster("server: $URL, certificate-authority: ca.crt, proxy-url: 'socks5h://127.0.0.1:1'"),
    ]
}
