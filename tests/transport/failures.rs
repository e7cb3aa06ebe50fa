use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;

use faulty_server::{Answer, FaultyServer, Reply};
use recording_proxy::{Protocol, RecordingProxy};

use super::side_by_side::*;

/// Accepts connections one after the other, reads what comes first, and answers with these bytes.
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

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
}

/// A TLS 1.0 alert: protocol version.
const NO_SUCH_VERSION: &[u8] = b"\x15\x03\x01\x00\x02\x02\x46";
/// A `ServerHello` of TLS 1.1, which chooses `TLS_RSA_WITH_AES_128_CBC_SHA`.
const TLS_1_1: &[u8] = b"\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02\
    0123456789abcdef0123456789abcdef\x00\x00\x2f\x00";
const BEGINNING: &str = "Unable to connect to the server: ";

/// A line of the table: what goes wrong, kubectl's line and ours (all of them begin with
/// `BEGINNING`), and the hint. `PEER` is the address that it goes wrong with.
struct Row {
    name: &'static str,
    case: Case,
    peer: String,
    kubectl: &'static str,
    ours: &'static str,
    hint: &'static str,
}

fn check(rows: Vec<Row>) {
    let mut wrong = Vec::new();
    for row in rows {
        let (kubectl, ours) = (row.case.kubectl(), row.case.ours());
        let fill_in = |text: &str| text.replace("PEER", &row.peer);
        let expected = format!("{BEGINNING}{}", fill_in(row.ours));
        if !kubectl.message().contains(&fill_in(row.kubectl))
            || (ours.message().trim_end(), ours.hint().as_str()) != (&expected, &fill_in(row.hint))
            || ours.code != Some(3)
        {
            wrong.push(format!("{}\n  {kubectl:?}\n  {ours:?}", row.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_server_that_nobody_is() {
    let address = nobody();
    let ours = Case::new(format!("https://{address}")).both_say(&format!(
        "The connection to the server {address} was refused - did you specify the right host or port?"
    ));
    assert_eq!(ours.hint(), "");
    let network = "check the server in your kubeconfig and the network in between";
    check(vec![
        Row {
            name: "no such name",
            case: Case::new("https://far.example"),
            peer: String::new(),
            kubectl: "dial tcp: lookup far.example",
            ours: "dial tcp: lookup far.example: no such host",
            hint: "check the server in your kubeconfig and this machine's DNS",
        },
        Row {
            name: "no way there",
            case: Case::new("https://224.1.2.3:6443"),
            peer: String::new(),
            kubectl: "dial tcp 224.1.2.3:6443: connect: network is unreachable",
            ours: "dial tcp 224.1.2.3:6443: connect: network is unreachable",
            hint: network,
        },
        Row {
            name: "no way there, and the usual port",
            case: Case::new("https://[ff15::1]"),
            peer: String::new(),
            kubectl: "dial tcp [ff15::1]:443: connect: network is unreachable",
            ours: "dial tcp [ff15::1]:443: connect: network is unreachable",
            hint: network,
        },
    ]);
}

#[test]
fn a_server_that_does_not_speak_tls() {
    let row = |name, bytes, kubectl, hint| {
        let address = answering(bytes);
        Row {
            name,
            case: Case::new(format!("https://{address}")),
            peer: address.to_string(),
            kubectl,
            ours: kubectl,
            hint,
        }
    };
    let version = "the server PEER supports neither TLS 1.2 nor TLS 1.3";
    check(vec![
        row(
            "HTTP",
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "http: server gave HTTP response to HTTPS client",
            "the server PEER speaks plain HTTP: use an address that begins with http://",
        ),
        row(
            "SSH",
            b"SSH-2.0-OpenSSH\r\n",
            "tls: first record does not look like a TLS handshake",
            "the server PEER does not speak TLS on that port",
        ),
        row(
            "nothing",
            b"",
            "EOF",
            "the server PEER closes the connection before TLS begins: check the port",
        ),
        row(
            "an older TLS, refused",
            NO_SUCH_VERSION,
            "remote error: tls: protocol version not supported",
            version,
        ),
        Row {
            ours: "tls: server selected unsupported protocol version",
            ..row(
                "an older TLS",
                TLS_1_1,
                "tls: server selected unsupported protocol version 302",
                version,
            )
        },
    ]);
}

#[test]
fn a_server_that_speaks_tls_where_plain_http_was_expected() {
    let server = FaultyServer::start(answers()).unwrap();
    let broken = "net/http: HTTP/1.x transport connection broken: malformed HTTP response";
    check(vec![Row {
        name: "TLS",
        case: Case::new(format!("http://{}", server.address())),
        peer: String::new(),
        kubectl: broken,
        ours: broken,
        hint: "the server expects TLS: use an address that begins with https://",
    }]);
    assert!(server.requests().is_empty());
}

#[test]
fn a_proxy_that_is_none() {
    let server = FaultyServer::start(answers()).unwrap();
    let row = |name, scheme: &str, peer: SocketAddr, kubectl, hint| Row {
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
    let no_proxy = "the proxy PEER does not answer as an HTTP proxy: check its URL";
    let refused = |scheme| Row {
        // Departure: kubectl says that it is the server that refused.
        ours: "proxyconnect tcp: dial tcp PEER: connect: connection refused",
        ..row(
            "nobody",
            scheme,
            nobody(),
            "was refused - did you specify the right host or port?",
            "check the proxy URL and the network in between",
        )
    };
    check(vec![
        refused("http"),
        refused("https"),
        refused("socks5"),
        Row {
            name: "no such name",
            case: Case::for_server(&server).and_cluster("proxy-url: 'http://proxy.example'"),
            peer: String::new(),
            kubectl: "proxyconnect tcp: dial tcp: lookup proxy.example",
            ours: "proxyconnect tcp: dial tcp: lookup proxy.example: no such host",
            hint: "check the proxy URL and this machine's DNS",
        },
        row(
            "plain HTTP for HTTPS",
            "https",
            http.address(),
            "proxyconnect tcp: tls: first record does not look like a TLS handshake",
            "the proxy PEER speaks plain HTTP: use an address that begins with http://",
        ),
        row(
            "SSH for HTTPS",
            "https",
            ssh,
            "proxyconnect tcp: tls: first record does not look like a TLS handshake",
            "the proxy PEER does not speak TLS on that port",
        ),
        row(
            "SSH for HTTP",
            "http",
            ssh,
            "malformed HTTP response",
            no_proxy,
        ),
        row(
            "HTTPS for HTTP",
            "http",
            server.address(),
            "malformed HTTP response",
            no_proxy,
        ),
        row(
            "nothing for HTTP",
            "http",
            answering(b""),
            "unexpected EOF",
            no_proxy,
        ),
        Row {
            kubectl: "read: connection reset by peer",
            ours: "read: connection reset by peer",
            ..row("SOCKS for HTTP", "http", socks.address(), "", no_proxy)
        },
        Row {
            name: "HTTP for SOCKS",
            case: Case::new("https://127.0.0.1:1")
                .and_cluster(format!("proxy-url: 'socks5://{}'", http.address())),
            peer: http.address().to_string(),
            kubectl: "socks connect tcp PEER->127.0.0.1:1: unexpected protocol version 72",
            ours: "socks connect tcp PEER->127.0.0.1:1: failed parsing server response",
            hint: "the proxy PEER answered this: check its URL",
        },
    ]);
    assert!(server.requests().is_empty());
}

#[test]
fn a_proxy_that_refuses() {
    let server = FaultyServer::start(answers()).unwrap();
    let row = |name, url: String, kubectl, hint| Row {
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
        row(
            "no password",
            format!("http://{http}"),
            "Proxy Authentication Required",
            password,
        ),
        row(
            "a wrong one",
            format!("http://a:b@{http}"),
            "Proxy Authentication Required",
            password,
        ),
        row(
            "a policy",
            format!(
                "http://{}",
                answering(b"HTTP/1.1 403 Forbidden by policy\r\n\r\n")
            ),
            "Forbidden by policy",
            "the proxy PEER, not the server, answered this (403)",
        ),
        Row {
            case: Case::new("https://127.0.0.1:1")
                .and_cluster(format!("proxy-url: 'socks5://{socks}'")),
            ..row(
                "no password for SOCKS",
                format!("socks5://{socks}"),
                "socks connect tcp PEER->127.0.0.1:1: no acceptable authentication methods",
                "the proxy PEER answered this: check its URL",
            )
        },
        Row {
            case: Case::new("https://127.0.0.1:1")
                .and_cluster(format!("proxy-url: 'socks5://a:b@{socks}'")),
            ..row(
                "a wrong one for SOCKS",
                format!("socks5://a:b@{socks}"),
                "socks connect tcp PEER->127.0.0.1:1: username/password authentication failed",
                "the proxy PEER answered this: check its URL",
            )
        },
    ]);
    assert!(server.requests().is_empty());
}

/// A proxy that is fine says what is wrong with the server.
#[test]
fn a_server_that_the_proxy_does_not_reach() {
    let (http, socks) = (
        RecordingProxy::start(Protocol::Http, None).unwrap(),
        RecordingProxy::start(Protocol::Socks5, None).unwrap(),
    );
    let server = nobody();
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
            "the proxy {}, not the server, answered this (502)",
            http.address()
        )
    );
}

/// Whose certificate it is, is said: here it is the proxy's.
#[test]
fn a_proxys_certificate_that_is_not_trusted() {
    let (server, other) = (
        FaultyServer::start(answers()).unwrap(),
        FaultyServer::start(answers()).unwrap(),
    );
    let config = Box::new(other.pki.server_config().unwrap());
    let proxy = RecordingProxy::start(Protocol::Https(config), None).unwrap();
    // Both authorities are called the same.
    check(vec![Row {
        name: "another authority",
        case: Case::for_server(&server)
            .and_cluster(format!("proxy-url: 'https://{}'", proxy.address())),
        peer: proxy.address().to_string(),
        kubectl: "proxyconnect tcp: tls: failed to verify certificate: x509: certificate signed by \
                  unknown authority (possibly because of \"x509: ECDSA verification failure\"",
        ours: "proxyconnect tcp: tls: failed to verify certificate: x509: certificate signed by \
               unknown authority (possibly because of a known one of the same name, which has \
               another key)",
        hint: "no trusted authority signed the certificate of the proxy PEER: check the cluster's certificate-authority, and whether a proxy intercepts the connection",
    }]);
    assert_eq!(server.connections(), 0);
}

/// A proxy that has no use for the password that it is given.
#[test]
fn a_password_that_a_socks_proxy_does_not_want_is_no_error() {
    let server = FaultyServer::start(answers()).unwrap();
    let proxy = RecordingProxy::start(Protocol::Socks5, None).unwrap();
    let case = Case::for_server(&server).and_cluster(format!(
        "proxy-url: 'socks5://name:word@{}'",
        proxy.address()
    ));
    case.kubectl().succeeded();
    case.ours().succeeded();
}

/// Something in between that wants a person to log in.
#[test]
fn an_html_page_is_no_answer() {
    let html = Reply::new(200, "<html>").header("Content-Type", "text/html");
    let server = FaultyServer::start([Answer::Reply(html)]).unwrap();
    let ours = Case::for_server(&server).ours();
    assert_eq!(ours.code, Some(6));
    assert_eq!(
        ours.hint(),
        "check the server address in your kubeconfig; a login page or a proxy may be in between"
    );
}
