use std::fmt::Display;
use std::io;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use control_plane::ControlPlane;
use faulty_server::{Answer, FaultyServer, Reply};
use recording_proxy::{Protocol, RecordingProxy};

use super::side_by_side::*;

/// Returns the address of a server that answers the first bytes of every connection with these bytes.
fn answering(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(bytes);
        }
    });
    address
}

/// Returns an address where no server listens.
fn unused_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
}

/// A TLS 1.2 alert, as from a server that only has cipher suites with CBC: handshake failure.
const HANDSHAKE_FAILURE: &[u8] = b"\x15\x03\x03\x00\x02\x02\x28";
/// A TLS 1.0 alert: protocol version.
const NO_SUCH_VERSION: &[u8] = b"\x15\x03\x01\x00\x02\x02\x46";
/// A `ServerHello` of TLS 1.1, which chooses `TLS_RSA_WITH_AES_128_CBC_SHA`.
const TLS_1_1: &[u8] = b"\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02\
    0123456789abcdef0123456789abcdef\x00\x00\x2f\x00";
/// The start of every line.
const BEGINNING: &str = "Unable to connect to the server: ";

/// A failed connection, with parts of the lines that report it. `PEER` in a text is the address of the peer.
struct Failure {
    name: &'static str,
    case: Case,
    peer: String,
    kubectl: &'static str,
    ours: &'static str,
    hint: &'static str,
}

/// Checks that both programs report the failures as expected.
fn check(failures: Vec<Failure>) {
    let mut wrong = Vec::new();
    for failure in failures {
        let (kubectl, ours) = (failure.case.kubectl(), failure.case.ours());
        let fill_in = |text: &str| text.replace("PEER", &failure.peer);
        let expected = format!("{BEGINNING}{}", fill_in(failure.ours));
        if !kubectl.message().contains(&fill_in(failure.kubectl))
            || (ours.message().trim_end(), ours.hint().as_str())
                != (&expected, &fill_in(failure.hint))
            || ours.code != Some(3)
        {
            wrong.push(format!("{}\n  {kubectl:?}\n  {ours:?}", failure.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_unreachable_server_is_reported_like_kubectl() {
    let address = unused_address();
    let ours = Case::new(format!("https://{address}")).both_say(&format!(
        "The connection to the server {address} was refused - did you specify the right host or port?"
    ));
    assert_eq!(ours.hint(), "");
    let network = "check the server in your kubeconfig and the network";
    check(vec![
        Failure {
            name: "an unknown name",
            case: Case::new("https://far.example"),
            peer: String::new(),
            kubectl: "dial tcp: lookup far.example",
            ours: "dial tcp: lookup far.example: no such host",
            hint: "check the server in your kubeconfig and this machine's DNS",
        },
        Failure {
            name: "no route",
            case: Case::new("https://224.1.2.3:6443"),
            peer: String::new(),
            kubectl: "dial tcp 224.1.2.3:6443: connect: network is unreachable",
            ours: "dial tcp 224.1.2.3:6443: connect: network is unreachable",
            hint: network,
        },
        Failure {
            name: "no route, and the default port",
            case: Case::new("https://[ff15::1]"),
            peer: String::new(),
            kubectl: "dial tcp [ff15::1]:443: connect: network is unreachable",
            ours: "dial tcp [ff15::1]:443: connect: network is unreachable",
            hint: network,
        },
    ]);
}

#[test]
fn a_server_without_tls_gets_a_hint() {
    let failure = |name, bytes, kubectl, hint| {
        let address = answering(bytes);
        Failure {
            name,
            case: Case::new(format!("https://{address}")),
            peer: address.to_string(),
            kubectl,
            ours: kubectl,
            hint,
        }
    };
    let version = "enable TLS 1.2 or 1.3 on the server PEER";
    check(vec![
        failure(
            "HTTP",
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "http: server gave HTTP response to HTTPS client",
            "the server PEER speaks plain HTTP: use an address that begins with http://",
        ),
        failure(
            "SSH",
            b"SSH-2.0-OpenSSH\r\n",
            "tls: first record does not look like a TLS handshake",
            "check the port: the server PEER does not speak TLS on it",
        ),
        failure(
            "a closed connection",
            b"",
            "EOF",
            "check the port: the server PEER closed the connection before the TLS handshake",
        ),
        failure(
            "no common cipher suite",
            HANDSHAKE_FAILURE,
            "remote error: tls: handshake failure",
            "enable a cipher suite with ECDHE and AES-GCM or ChaCha20 on the server PEER: suites with CBC or \
             without ECDHE are not supported",
        ),
        failure(
            "an older TLS version, with an alert",
            NO_SUCH_VERSION,
            "remote error: tls: protocol version not supported",
            version,
        ),
        Failure {
            ours: "tls: server selected unsupported protocol version",
            ..failure(
                "an older TLS version",
                TLS_1_1,
                "tls: server selected unsupported protocol version 302",
                version,
            )
        },
    ]);
}

/// Starts a TLS server that closes a connection without a word if it does not begin with a TLS handshake.
fn silent_tls_server() -> (FaultyServer, SocketAddr) {
    let server = FaultyServer::start(answers()).unwrap();
    let target = server.address();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut client = stream.unwrap();
            let mut first = [0];
            let is_handshake = client.peek(&mut first).is_ok() && first[0] == 0x16;
            if !is_handshake {
                let _ = client.read(&mut [0; 4096]);
                continue;
            }
            let mut server = TcpStream::connect(target).unwrap();
            let mut back = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || io::copy(&mut back.0, &mut back.1));
            let _ = io::copy(&mut client, &mut server);
        }
    });
    (server, address)
}

/// Checks that ours names the mistake. Nothing was done, so the outcome of a PATCH is known.
#[track_caller]
fn expects_tls(address: impl Display) {
    let ours = Case::new(format!("http://{address}")).ours().ended(6);
    let line = format!("error: {address} expects TLS, but the request was sent over plain HTTP");
    assert_eq!(ours.message(), line);
    assert_eq!(ours.hint(), "use an address that begins with https://");
}

#[test]
fn a_tls_server_at_an_http_address_is_named() {
    // An alert.
    let server = FaultyServer::start(answers()).unwrap();
    let kubectl = Case::new(format!("http://{}", server.address())).kubectl();
    assert!(kubectl.message().contains("malformed HTTP response"));
    expects_tls(server.address());
    assert!(server.requests().is_empty());
    // A closed connection: Go's server answers only some methods, and PATCH is not one of them.
    expects_tls(ControlPlane::shared().url().trim_start_matches("https://"));
    let (server, address) = silent_tls_server();
    expects_tls(address);
    let requests = server.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert_eq!((&*requests[0].method, &*requests[0].target), ("GET", "/"));
    assert!(requests[0].header("authorization").is_empty());
    // A page.
    let nginx =
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 45\r\n\r\n\
        The plain HTTP request was sent to HTTPS port";
    expects_tls(answering(nginx));
}

/// A server that reads plain HTTP may have acted before it closed the connection.
#[test]
fn a_plain_server_that_closes_the_connection_leaves_the_outcome_unknown() {
    let script = [Answer::CloseUnanswered, Answer::CloseUnanswered];
    let server = FaultyServer::start_plain(script).unwrap();
    let ours = Case::new(server.url()).ours().ended(10);
    assert!(ours.message().contains("outcome unknown"), "{ours:?}");
    let script = [
        Answer::CloseUnanswered,
        Answer::Reply(Reply::json(200, "{}")),
    ];
    let server = FaultyServer::start_plain(script).unwrap();
    Case::new(server.url()).ours().ended(10);
}

#[test]
fn a_proxy_that_does_not_work_gets_a_hint() {
    let server = FaultyServer::start(answers()).unwrap();
    let failure = |name, scheme: &str, peer: SocketAddr, kubectl, hint| Failure {
        name,
        case: Case::for_server(&server).and_cluster(format!("proxy-url: '{scheme}://{peer}'")),
        peer: peer.to_string(),
        kubectl,
        ours: kubectl,
        hint,
    };
    let (http, socks) = (
        RecordingProxy::start(Protocol::Http, None).unwrap(),
        RecordingProxy::start(Protocol::Socks5, None).unwrap(),
    );
    let ssh = answering(b"SSH-2.0-OpenSSH\r\n");
    let no_proxy = "check the proxy URL: the proxy PEER did not respond as an HTTP proxy";
    let refused = |scheme| Failure {
        // Departure: kubectl blames the server.
        ours: "proxyconnect tcp: dial tcp PEER: connect: connection refused",
        ..failure(
            "no proxy",
            scheme,
            unused_address(),
            "was refused - did you specify the right host or port?",
            "check the proxy URL and the network",
        )
    };
    check(vec![
        refused("http"),
        refused("https"),
        refused("socks5"),
        Failure {
            name: "an unknown name",
            case: Case::for_server(&server).and_cluster("proxy-url: 'http://proxy.example'"),
            peer: String::new(),
            kubectl: "proxyconnect tcp: dial tcp: lookup proxy.example",
            ours: "proxyconnect tcp: dial tcp: lookup proxy.example: no such host",
            hint: "check the proxy URL and this machine's DNS",
        },
        failure(
            "plain HTTP for HTTPS",
            "https",
            http.address(),
            "proxyconnect tcp: tls: first record does not look like a TLS handshake",
            "the proxy PEER speaks plain HTTP: use an address that begins with http://",
        ),
        failure(
            "SSH for HTTPS",
            "https",
            ssh,
            "proxyconnect tcp: tls: first record does not look like a TLS handshake",
            "check the port: the proxy PEER does not speak TLS on it",
        ),
        failure(
            "SSH for HTTP",
            "http",
            ssh,
            "malformed HTTP response",
            no_proxy,
        ),
        failure(
            "HTTPS for HTTP",
            "http",
            server.address(),
            "malformed HTTP response",
            no_proxy,
        ),
        failure(
            "a closed connection for HTTP",
            "http",
            answering(b""),
            "unexpected EOF",
            no_proxy,
        ),
        Failure {
            kubectl: "read: connection reset by peer",
            ours: "read: connection reset by peer",
            ..failure("SOCKS for HTTP", "http", socks.address(), "", no_proxy)
        },
        Failure {
            name: "HTTP for SOCKS",
            case: Case::new("https://127.0.0.1:1")
                .and_cluster(format!("proxy-url: 'socks5://{}'", http.address())),
            peer: http.address().to_string(),
            kubectl: "socks connect tcp PEER->127.0.0.1:1: unexpected protocol version 72",
            ours: "socks connect tcp PEER->127.0.0.1:1: failed parsing server response",
            hint: "check the proxy URL: this error comes from the proxy PEER",
        },
    ]);
    assert!(server.requests().is_empty());
}

#[test]
fn a_proxy_that_refuses_a_request_gets_a_hint() {
    let server = FaultyServer::start(answers()).unwrap();
    let failure = |name, url: String, kubectl, hint| Failure {
        name,
        peer: url.rsplit(['/', '@']).next().unwrap().to_owned(),
        case: Case::for_server(&server).and_cluster(format!("proxy-url: '{url}'")),
        kubectl,
        ours: kubectl,
        hint,
    };
    let credential = Some(("name", "word"));
    let (http, socks) = (
        RecordingProxy::start(Protocol::Http, credential).unwrap(),
        RecordingProxy::start(Protocol::Socks5, credential).unwrap(),
    );
    let (http, socks) = (http.address(), socks.address());
    let password = "the proxy PEER requires a user name and password: put them in its URL, \
                    http://NAME:PASSWORD@…";
    check(vec![
        failure(
            "no password",
            format!("http://{http}"),
            "Proxy Authentication Required",
            password,
        ),
        failure(
            "a wrong password",
            format!("http://a:b@{http}"),
            "Proxy Authentication Required",
            password,
        ),
        failure(
            "a policy",
            format!(
                "http://{}",
                answering(b"HTTP/1.1 403 Forbidden by policy\r\n\r\n")
            ),
            "Forbidden by policy",
            "check the proxy: the proxy PEER, not the API server, sent this response (403)",
        ),
        Failure {
            case: Case::new("https://127.0.0.1:1")
                .and_cluster(format!("proxy-url: 'socks5://{socks}'")),
            ..failure(
                "no password for SOCKS",
                format!("socks5://{socks}"),
                "socks connect tcp PEER->127.0.0.1:1: no acceptable authentication methods",
                "check the proxy URL: this error comes from the proxy PEER",
            )
        },
        Failure {
            case: Case::new("https://127.0.0.1:1")
                .and_cluster(format!("proxy-url: 'socks5://a:b@{socks}'")),
            ..failure(
                "a wrong password for SOCKS",
                format!("socks5://a:b@{socks}"),
                "socks connect tcp PEER->127.0.0.1:1: username/password authentication failed",
                "check the proxy URL: this error comes from the proxy PEER",
            )
        },
    ]);
    assert!(server.requests().is_empty());
}

#[test]
fn a_server_that_the_proxy_cannot_reach_is_reported() {
    let (http, socks) = (
        RecordingProxy::start(Protocol::Http, None).unwrap(),
        RecordingProxy::start(Protocol::Socks5, None).unwrap(),
    );
    let server = unused_address();
    Case::new(format!("https://{server}"))
        .and_cluster(format!("proxy-url: 'socks5://{}'", socks.address()))
        .both_say(&format!(
            "The connection to the server {server} was refused - did you specify the right host or port?"
        ));
    let ours = Case::new(format!("https://{server}"))
        .and_cluster(format!("proxy-url: 'http://{}'", http.address()))
        .both_say(&format!("{BEGINNING}Bad Gateway"));
    assert_eq!(
        ours.hint(),
        format!(
            "check the proxy: the proxy {}, not the API server, sent this response (502)",
            http.address()
        )
    );
}

#[test]
fn an_untrusted_certificate_of_a_proxy_names_the_proxy() {
    let (server, other) = (
        FaultyServer::start(answers()).unwrap(),
        FaultyServer::start(answers()).unwrap(),
    );
    let config = Box::new(other.pki.server_config().unwrap());
    let proxy = RecordingProxy::start(Protocol::Https(config), None).unwrap();
    // Both authorities have the same name.
    check(vec![Failure {
        name: "another authority",
        case: Case::for_server(&server)
            .and_cluster(format!("proxy-url: 'https://{}'", proxy.address())),
        peer: proxy.address().to_string(),
        kubectl: "proxyconnect tcp: tls: failed to verify certificate: x509: certificate signed by \
                  unknown authority (possibly because of \"x509: ECDSA verification failure\"",
        ours: "proxyconnect tcp: tls: failed to verify certificate: x509: certificate signed by unknown authority (a trusted authority has the same name but a different key)",
        hint: "no trusted authority signed the certificate of the proxy PEER: check the cluster's certificate-authority, and whether a proxy intercepts the connection",
    }]);
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_socks_proxy_without_login_ignores_a_password() {
    let server = FaultyServer::start(answers()).unwrap();
    let proxy = RecordingProxy::start(Protocol::Socks5, None).unwrap();
    let case = Case::for_server(&server).and_cluster(format!(
        "proxy-url: 'socks5://name:word@{}'",
        proxy.address()
    ));
    case.kubectl().succeeded();
    case.ours().succeeded();
}

/// A login page answers in place of the server.
#[test]
fn an_html_page_is_not_a_kubernetes_response() {
    let html = Reply::new(403, "<html>").header("Content-Type", "text/html");
    let server = FaultyServer::start([Answer::Reply(html)]).unwrap();
    let ours = Case::for_server(&server).ours();
    assert_eq!(ours.code, Some(6));
    assert_eq!(
        ours.hint(),
        "check the server address in your kubeconfig; a login page or a proxy may be in between"
    );
}
