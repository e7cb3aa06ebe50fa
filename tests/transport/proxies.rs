use faulty_server::{Answer, FaultyServer};
use recording_proxy::{Protocol, RecordingProxy};
use support::Outcome;

use super::side_by_side::*;

/// A user name and a password that must be escaped in a URL.
const NAME: &str = "ann@corp";
const PASSWORD: &str = "a:b/c %";
const ESCAPED: &str = "ann%40corp:a%3Ab%2Fc%20%25";

/// A server, and the protocol of its proxies.
struct Route {
    server: FaultyServer,
    protocol: fn(&FaultyServer) -> Protocol,
}

fn http(_: &FaultyServer) -> Protocol {
    Protocol::Http
}

fn https(server: &FaultyServer) -> Protocol {
    Protocol::Https(Box::new(server.pki.server_config().unwrap()))
}

fn socks(_: &FaultyServer) -> Protocol {
    Protocol::Socks5
}

impl Route {
    fn new(protocol: fn(&FaultyServer) -> Protocol) -> Self {
        Self {
            server: FaultyServer::start(answers()).unwrap(),
            protocol,
        }
    }

    fn plain(protocol: fn(&FaultyServer) -> Protocol) -> Self {
        Self {
            server: FaultyServer::start_plain(answers()).unwrap(),
            protocol,
        }
    }

    /// Checks that both programs reach the server through the proxy. `case` adds the proxy's `HOST:PORT`. The
    /// proxy gets the request `asked`, in which `SERVER` is the address of the server.
    #[track_caller]
    fn is_taken(
        &self,
        credential: Option<(&str, &str)>,
        case: impl Fn(Case, &str) -> Case,
        asked: &str,
    ) {
        for run in [Case::kubectl, Case::ours] {
            self.is_taken_by(run, credential, &case, asked);
        }
    }

    /// Checks that one program reaches the server through the proxy.
    #[track_caller]
    fn is_taken_by(
        &self,
        run: fn(&Case) -> Outcome,
        credential: Option<(&str, &str)>,
        case: impl Fn(Case, &str) -> Case,
        asked: &str,
    ) {
        let proxy = RecordingProxy::start((self.protocol)(&self.server), credential).unwrap();
        let before = self.server.requests().len();
        run(&case(
            Case::for_server(&self.server),
            &proxy.address().to_string(),
        ))
        .succeeded();
        let address = self.server.address().to_string();
        let asked_for = proxy
            .requests()
            .join("\n")
            .replace("GET ", "METHOD ")
            .replace("PATCH ", "METHOD ");
        assert_eq!(asked_for, asked.replace("SERVER", &address));
        let requests = self.server.requests();
        assert_eq!(requests.len(), before + 1);
        let request = &requests[before];
        assert_eq!(request.target, PATH);
        assert!(request.header("proxy-authorization").is_empty());
    }
}

/// Adds a proxy with this scheme to the kubeconfig.
fn proxy_url(scheme: &str) -> impl Fn(Case, &str) -> Case {
    move |case, proxy| case.and_cluster(format!("proxy-url: '{scheme}://{proxy}'"))
}

#[test]
fn an_http_proxy_in_the_kubeconfig_is_used() {
    Route::new(http).is_taken(None, proxy_url("http"), "CONNECT SERVER");
}

#[test]
fn an_https_proxy_in_the_kubeconfig_is_used() {
    Route::new(https).is_taken(None, proxy_url("https"), "CONNECT SERVER");
}

#[test]
fn a_socks5_proxy_in_the_kubeconfig_is_used() {
    Route::new(socks).is_taken(None, proxy_url("socks5"), "SOCKS SERVER");
}

/// Departure: kubectl accepts `socks5h` only in the environment.
#[test]
fn a_socks5h_proxy_in_the_kubeconfig_is_used_unlike_in_kubectl() {
    let route = Route::new(socks);
    route.is_taken_by(Case::ours, None, proxy_url("socks5h"), "SOCKS SERVER");
    let case = proxy_url("socks5h")(Case::for_server(&route.server), "127.0.0.1:1");
    assert_eq!(
        case.kubectl().message(),
        "error: invalid 'proxy-url' \"socks5h://127.0.0.1:1\" for cluster \"c\": unsupported scheme \
         \"socks5h\", must be http, https, or socks5"
    );
}

#[test]
fn the_proxy_url_flag_overrides_the_kubeconfig() {
    for (protocol, scheme, asked) in [
        (
            http as fn(&FaultyServer) -> Protocol,
            "http",
            "CONNECT SERVER",
        ),
        (https, "https", "CONNECT SERVER"),
        (socks, "socks5", "SOCKS SERVER"),
    ] {
        let case = |case: Case, proxy: &str| {
            case.and_cluster("proxy-url: 'http://127.0.0.1:1'")
                .flag(format!("--proxy-url={scheme}://{proxy}"))
        };
        Route::new(protocol).is_taken(None, case, asked);
    }
}

/// 0.0.0.0 reaches this machine, but is not among the addresses that need no proxy.
#[test]
fn a_proxy_in_the_environment_is_used() {
    for (protocol, scheme, asked) in [
        (http as fn(&FaultyServer) -> Protocol, "http", "CONNECT"),
        (https, "https", "CONNECT"),
        (socks, "socks5", "SOCKS"),
        (socks, "socks5h", "SOCKS"),
    ] {
        let route = Route::new(protocol);
        let port = route.server.address().port();
        let case = |case: Case, proxy: &str| {
            case.flag(format!("--server=https://0.0.0.0:{port}"))
                .flag("--tls-server-name=127.0.0.1")
                .variable("HTTPS_PROXY", format!("{scheme}://{proxy}"))
        };
        route.is_taken(None, case, &format!("{asked} 0.0.0.0:{port}"));
    }
}

#[test]
fn an_http_proxy_gets_its_password() {
    Route::new(http).is_taken(
        Some((NAME, PASSWORD)),
        with_password("http"),
        &format!("CONNECT SERVER as {NAME}:{PASSWORD}"),
    );
}

#[test]
fn an_https_proxy_gets_its_password() {
    Route::new(https).is_taken(
        Some((NAME, PASSWORD)),
        with_password("https"),
        &format!("CONNECT SERVER as {NAME}:{PASSWORD}"),
    );
}

#[test]
fn a_socks5_proxy_gets_its_password() {
    let route = Route::new(socks);
    let asked = format!("SOCKS SERVER as {NAME}:{PASSWORD}");
    route.is_taken(Some((NAME, PASSWORD)), with_password("socks5"), &asked);
    route.is_taken_by(
        Case::ours,
        Some((NAME, PASSWORD)),
        with_password("socks5h"),
        &asked,
    );
}

/// Adds a proxy with this scheme and a password to the kubeconfig.
fn with_password(scheme: &str) -> impl Fn(Case, &str) -> Case {
    move |case, proxy| case.and_cluster(format!("proxy-url: '{scheme}://{ESCAPED}@{proxy}'"))
}

/// An HTTP proxy forwards plain requests, and gets its password with each.
#[test]
fn plain_http_requests_go_through_proxies() {
    let asked = format!("METHOD http://SERVER{PATH}");
    Route::plain(http).is_taken(None, proxy_url("http"), &asked);
    let asked_as = format!("{asked} as {NAME}:{PASSWORD}");
    Route::plain(http).is_taken(Some((NAME, PASSWORD)), with_password("http"), &asked_as);
    Route::plain(socks).is_taken(None, proxy_url("socks5"), "SOCKS SERVER");
    // The certificate authority in the kubeconfig is only for servers with TLS.
    let route = Route::plain(https);
    let authority = route.server.folder().join("ca.crt");
    let case = |case: Case, proxy: &str| {
        let case = case.cluster(format!(
            "server: '{}', proxy-url: 'https://{proxy}'",
            route.server.url()
        ));
        case.variable("SSL_CERT_FILE", authority.display())
    };
    route.is_taken(None, case, &asked);
}

/// A SOCKS proxy gets the name even if the scheme is `socks5`.
#[test]
fn the_proxy_resolves_the_servers_name() {
    for (protocol, scheme, asked) in [
        (http as fn(&FaultyServer) -> Protocol, "http", "CONNECT"),
        (socks, "socks5", "SOCKS"),
    ] {
        let server = FaultyServer::start(answers()).unwrap();
        for run in [Case::kubectl, Case::ours] {
            let proxy = RecordingProxy::start(protocol(&server), None).unwrap();
            let case = Case::new("https://far.example:6443")
                .and_cluster(format!("proxy-url: '{scheme}://{}'", proxy.address()));
            run(&case).failed();
            assert_eq!(proxy.requests(), [format!("{asked} far.example:6443")]);
        }
    }
}

/// The server cannot have changed anything.
#[test]
fn a_request_refused_by_a_proxy_was_not_sent() {
    let server = FaultyServer::start(answers()).unwrap();
    let proxy = RecordingProxy::start(Protocol::Http, Some(("name", "word"))).unwrap();
    let ours = Case::for_server(&server)
        .and_cluster(format!("proxy-url: 'http://{}'", proxy.address()))
        .ours();
    assert_eq!(ours.code, Some(3), "{ours:?}");
    assert_eq!(server.connections(), 0);
}

#[test]
fn the_outcome_of_a_request_lost_after_a_proxy_is_unknown() {
    let server = FaultyServer::start([Answer::CloseUnanswered]).unwrap();
    for protocol in [http, https, socks] {
        let proxy = RecordingProxy::start(protocol(&server), None).unwrap();
        let scheme = match protocol(&server) {
            Protocol::Http => "http",
            Protocol::Https(_) => "https",
            Protocol::Socks5 => "socks5",
        };
        let ours = Case::for_server(&server)
            .and_cluster(format!("proxy-url: '{scheme}://{}'", proxy.address()))
            .ours();
        assert_eq!(ours.code, Some(10), "{ours:?}");
    }
    assert_eq!(server.requests().len(), 3);
}

/// No request goes to the server directly.
#[test]
fn an_invalid_proxy_url_is_an_error() {
    let server = FaultyServer::start(answers()).unwrap();
    for (url, problem) in [
        (
            "ftp://127.0.0.1:1",
            "unsupported scheme \"ftp\", must be http, https, or socks5",
        ),
        (
            "foo",
            "unsupported scheme \"\", must be http, https, or socks5",
        ),
        ("", ""),
        (
            "proxy.example:3128",
            "unsupported scheme \"proxy.example\", must be http, https, or socks5",
        ),
        ("127.0.0.1:3128", "could not parse: 127.0.0.1:3128"),
    ] {
        let case = Case::for_server(&server).and_cluster(format!("proxy-url: '{url}'"));
        let (kubectl, ours) = (case.kubectl(), case.ours());
        if url.is_empty() {
            kubectl.succeeded();
            ours.succeeded();
            continue;
        }
        let line = format!("error: invalid 'proxy-url' {url:?} for cluster \"c\": {problem}");
        assert_eq!((kubectl.message(), ours.message()), (line.clone(), line));
        assert_eq!(ours.code, Some(2));
    }
    // Departure: kubectl treats every other scheme as http, and ignores an invalid URL.
    for (url, line) in [
        (
            "ftp://127.0.0.1:1",
            "error: $HTTPS_PROXY: the scheme must be http, https, socks5 or socks5h",
        ),
        ("http://[::1", "error: $HTTPS_PROXY: not a valid proxy URL"),
        (
            "http://name:hunter2@",
            "error: $HTTPS_PROXY: not a valid proxy URL",
        ),
    ] {
        let ours = Case::new("https://far.example")
            .variable("HTTPS_PROXY", url)
            .ours();
        assert_eq!((ours.message().as_str(), ours.code), (line, Some(2)));
    }
}

#[test]
fn no_message_contains_a_proxys_password() {
    let server = FaultyServer::start(answers()).unwrap();
    let proxy = RecordingProxy::start(Protocol::Http, Some(("name", "word"))).unwrap();
    let address = proxy.address();
    for url in [
        format!("http://name:hunter2@{address}"),
        format!("socks5://name:hunter2@{address}"),
        format!("https://name:hunter2@{address}"),
        format!("ftp://name:hunter2@{address}"),
        "http://name:hunter2@".to_owned(),
        "http://name:hunter2@127.0.0.1:1".to_owned(),
        "http://name:hunter2@proxy.example".to_owned(),
    ] {
        for ours in [
            Case::for_server(&server)
                .and_cluster(format!("proxy-url: '{url}'"))
                .ours(),
            Case::new("https://far.example")
                .variable("HTTPS_PROXY", &url)
                .ours(),
        ] {
            let text = format!("{ours:?}");
            assert!(!text.contains("hunter2"), "{text}");
            assert!([Some(2), Some(3)].contains(&ours.code), "{text}");
        }
    }
}
