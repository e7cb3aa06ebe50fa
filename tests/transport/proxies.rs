use faulty_server::{Answer, FaultyServer};
use recording_proxy::{Protocol, RecordingProxy};

use support::Outcome;

use super::side_by_side::*;

/// A name and a password that a URL can only hold escaped.
const NAME: &str = "ann@corp";
const PASSWORD: &str = "a:b/c %";
const ESCAPED: &str = "ann%40corp:a%3Ab%2Fc%20%25";

/// A server, and how a proxy is made: one that keeps to itself what it is asked by others.
struct Bench {
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

impl Bench {
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

    /// Both programs get through the proxy, and ask it for the same. `case` gets the proxy's
    /// `HOST:PORT`; `asked` is what it is asked, where `SERVER` is the server's.
    #[track_caller]
    fn gets_through(
        &self,
        credential: Option<(&str, &str)>,
        case: impl Fn(Case, &str) -> Case,
        asked: &str,
    ) {
        for run in [Case::kubectl, Case::ours] {
            self.one_gets_through(run, credential, &case, asked);
        }
    }

    #[track_caller]
    fn one_gets_through(
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
        let questions = proxy
            .requests()
            .join("\n")
            .replace("GET ", "METHOD ")
            .replace("PATCH ", "METHOD ");
        assert_eq!(questions, asked.replace("SERVER", &address));
        let requests = self.server.requests();
        assert_eq!(requests.len(), before + 1);
        let request = &requests[before];
        assert_eq!(request.target, PATH);
        assert!(request.header("proxy-authorization").is_empty());
    }
}

/// By the kubeconfig, a proxy of this scheme.
fn proxy_url(scheme: &str) -> impl Fn(Case, &str) -> Case {
    move |case, proxy| case.and_cluster(format!("proxy-url: '{scheme}://{proxy}'"))
}

#[test]
fn an_http_proxy_of_the_kubeconfig() {
    Bench::new(http).gets_through(None, proxy_url("http"), "CONNECT SERVER");
}

#[test]
fn an_https_proxy_of_the_kubeconfig() {
    Bench::new(https).gets_through(None, proxy_url("https"), "CONNECT SERVER");
}

#[test]
fn a_socks5_proxy_of_the_kubeconfig() {
    Bench::new(socks).gets_through(None, proxy_url("socks5"), "SOCKS SERVER");
}

/// Departure: kubectl takes `socks5h` from the environment alone.
#[test]
fn a_socks5h_proxy_of_the_kubeconfig() {
    let bench = Bench::new(socks);
    bench.one_gets_through(Case::ours, None, proxy_url("socks5h"), "SOCKS SERVER");
    let case = proxy_url("socks5h")(Case::for_server(&bench.server), "127.0.0.1:1");
    assert_eq!(
        case.kubectl().message(),
        "error: invalid 'proxy-url' \"socks5h://127.0.0.1:1\" for cluster \"c\": unsupported scheme \
         \"socks5h\", must be http, https, or socks5"
    );
}

#[test]
fn a_proxy_of_the_flag_beats_that_of_the_kubeconfig() {
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
        Bench::new(protocol).gets_through(None, case, asked);
    }
}

/// 0.0.0.0 is this machine too, but none of the addresses that need no proxy.
#[test]
fn a_proxy_of_the_environment() {
    for (protocol, scheme, asked) in [
        (http as fn(&FaultyServer) -> Protocol, "http", "CONNECT"),
        (https, "https", "CONNECT"),
        (socks, "socks5", "SOCKS"),
        (socks, "socks5h", "SOCKS"),
    ] {
        let bench = Bench::new(protocol);
        let port = bench.server.address().port();
        let case = |case: Case, proxy: &str| {
            case.flag(format!("--server=https://0.0.0.0:{port}"))
                .flag("--tls-server-name=127.0.0.1")
                .variable("HTTPS_PROXY", format!("{scheme}://{proxy}"))
        };
        bench.gets_through(None, case, &format!("{asked} 0.0.0.0:{port}"));
    }
}

#[test]
fn an_http_proxy_with_a_password() {
    Bench::new(http).gets_through(
        Some((NAME, PASSWORD)),
        with_password("http"),
        &format!("CONNECT SERVER as {NAME}:{PASSWORD}"),
    );
}

#[test]
fn an_https_proxy_with_a_password() {
    Bench::new(https).gets_through(
        Some((NAME, PASSWORD)),
        with_password("https"),
        &format!("CONNECT SERVER as {NAME}:{PASSWORD}"),
    );
}

#[test]
fn a_socks5_proxy_with_a_password() {
    let bench = Bench::new(socks);
    let asked = format!("SOCKS SERVER as {NAME}:{PASSWORD}");
    bench.gets_through(Some((NAME, PASSWORD)), with_password("socks5"), &asked);
    bench.one_gets_through(
        Case::ours,
        Some((NAME, PASSWORD)),
        with_password("socks5h"),
        &asked,
    );
}

fn with_password(scheme: &str) -> impl Fn(Case, &str) -> Case {
    move |case, proxy| case.and_cluster(format!("proxy-url: '{scheme}://{ESCAPED}@{proxy}'"))
}

/// An HTTP proxy passes plain requests on, and gets its password with each.
#[test]
fn plain_http_goes_through_proxies_too() {
    let asked = format!("METHOD http://SERVER{PATH}");
    Bench::plain(http).gets_through(None, proxy_url("http"), &asked);
    let asked_as = format!("{asked} as {NAME}:{PASSWORD}");
    Bench::plain(http).gets_through(Some((NAME, PASSWORD)), with_password("http"), &asked_as);
    Bench::plain(socks).gets_through(None, proxy_url("socks5"), "SOCKS SERVER");
    // The cluster's authority is for servers; the proxy of a plain one needs one of the platform's.
    let bench = Bench::plain(https);
    let authority = bench.server.folder().join("ca.crt");
    let case = |case: Case, proxy: &str| {
        let case = case.cluster(format!(
            "server: '{}', proxy-url: 'https://{proxy}'",
            bench.server.url()
        ));
        case.variable("SSL_CERT_FILE", authority.display())
    };
    bench.gets_through(None, case, &asked);
}

/// A SOCKS proxy gets the name, also when it is not called `socks5h`.
#[test]
fn the_proxy_looks_the_servers_name_up() {
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

/// What is said to a proxy is no request: when it refuses, nothing can have been changed.
#[test]
fn a_request_that_a_proxy_refused_was_not_sent() {
    let server = FaultyServer::start(answers()).unwrap();
    let proxy = RecordingProxy::start(Protocol::Http, Some(("name", "word"))).unwrap();
    let ours = Case::for_server(&server)
        .and_cluster(format!("proxy-url: 'http://{}'", proxy.address()))
        .ours();
    assert_eq!(ours.code, Some(3), "{ours:?}");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_request_that_was_lost_behind_a_proxy_may_have_been_applied() {
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

/// A proxy that cannot be used is not gone around.
#[test]
fn an_unusable_proxy_is_an_error() {
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
    // Departure: kubectl takes any scheme for http there, and goes around what is no URL.
    for (url, line) in [
        (
            "ftp://127.0.0.1:1",
            "error: $HTTPS_PROXY: its scheme is not http, https, socks5 or socks5h",
        ),
        ("http://[::1", "error: $HTTPS_PROXY: it is not a proxy URL"),
        (
            "http://name:hunter2@",
            "error: $HTTPS_PROXY: it is not a proxy URL",
        ),
    ] {
        let ours = Case::new("https://far.example")
            .variable("HTTPS_PROXY", url)
            .ours();
        assert_eq!((ours.message().as_str(), ours.code), (line, Some(2)));
    }
}

/// A password in a proxy's URL is in no message.
#[test]
fn no_message_repeats_a_proxys_password() {
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
            let said = format!("{ours:?}");
            assert!(!said.contains("hunter2"), "{said}");
            assert!([Some(2), Some(3)].contains(&ours.code), "{said}");
        }
    }
}
