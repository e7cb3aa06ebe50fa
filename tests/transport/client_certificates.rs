use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::STANDARD};
use control_plane::Tool;
use tempfile::TempDir;

use super::side_by_side::*;

/// The hint about a client key that is not supported.
const SUPPORTED_KEYS: &str = "use ECDSA P-256 or P-384, Ed25519, or an RSA key of 2048, 3072 or 4096 bits with the \
                              exponent 65537";

/// An etcd that accepts only client certificates that `ca.crt` has signed. Go's TLS checks them, as in an API
/// server.
struct Etcd {
    process: Child,
    url: String,
    _data: TempDir,
}

impl Etcd {
    fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let [client, peer] = [(); 2].map(|()| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            listener.local_addr().unwrap().port()
        });
        let url = format!("https://127.0.0.1:{client}");
        let peer = format!("http://127.0.0.1:{peer}");
        let file = |flag, name| format!("--{flag}={}", certificate(name).display());
        let process = Command::new(Tool::Etcd.path().unwrap())
            .env_clear()
            .arg(format!("--data-dir={}", data.path().display()))
            .args([
                "--listen-client-urls",
                &url,
                "--advertise-client-urls",
                &url,
            ])
            .args([
                "--listen-peer-urls",
                &peer,
                "--initial-advertise-peer-urls",
                &peer,
            ])
            .arg(format!("--initial-cluster=default={peer}"))
            .args(["--client-cert-auth", "--enable-grpc-gateway=false"])
            .arg(file("cert-file", "server.crt"))
            .arg(file("key-file", "p256-sec1.key"))
            .arg(file("trusted-ca-file", "ca.crt"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, client)).is_err() {
            assert!(
                started.elapsed() < Duration::from_mins(1),
                "etcd does not start"
            );
            thread::sleep(Duration::from_millis(50));
        }
        Self {
            process,
            url,
            _data: data,
        }
    }

    /// Returns a case whose user has a client certificate and a key of `tests/certificates`.
    fn case(&self, certificate_name: &str, key: &str) -> Case {
        let (chain, key) = (certificate(certificate_name), certificate(key));
        Case::new(&self.url).user(format!(
            "client-certificate: '{}', client-key: '{}'",
            chain.display(),
            key.display()
        ))
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Checks that kubectl gets the version of etcd, and that etcd refuses our PATCH after the TLS handshake.
#[track_caller]
fn logs_in(case: &Case) {
    let kubectl = case.kubectl().succeeded();
    assert!(kubectl.stdout.contains("etcdserver"), "{kubectl:?}");
    let ours = case.ours();
    assert!(ours.message().contains("(MethodNotAllowed)"), "{ours:?}");
    assert_eq!(ours.code, Some(1), "{ours:?}");
}

/// Checks that both programs refuse the key, and that rawpatch prints a hint.
#[track_caller]
fn is_refused(case: &Case, kubectl_says: &str, we_say: &str, hint: &str) {
    let kubectl = case.kubectl();
    assert!(kubectl.message().contains(kubectl_says), "{kubectl:?}");
    let ours = case.ours();
    assert_eq!(
        (ours.message().as_str(), ours.hint().as_str()),
        (we_say, hint)
    );
    assert_eq!(ours.code, Some(2));
}

#[test]
fn an_rsa_key_in_pkcs1_is_accepted() {
    logs_in(&Etcd::start().case("rsa.crt", "rsa-pkcs1.key"));
}

#[test]
fn an_rsa_key_in_pkcs8_is_accepted() {
    logs_in(&Etcd::start().case("rsa.crt", "rsa-pkcs8.key"));
}

#[test]
fn a_p256_key_in_sec1_after_its_parameters_is_accepted() {
    logs_in(&Etcd::start().case("p256.crt", "p256-sec1.key"));
}

#[test]
fn a_p256_key_in_pkcs8_is_accepted() {
    logs_in(&Etcd::start().case("p256.crt", "p256-pkcs8.key"));
}

#[test]
fn a_p384_key_is_accepted() {
    logs_in(&Etcd::start().case("p384.crt", "p384-sec1.key"));
}

#[test]
fn an_ed25519_key_is_accepted() {
    logs_in(&Etcd::start().case("ed25519.crt", "ed25519-pkcs8.key"));
}

#[test]
fn a_certificate_of_version_1_is_accepted() {
    logs_in(&Etcd::start().case("version-1.crt", "p256-sec1.key"));
}

#[test]
fn certificate_and_key_data_are_accepted() {
    let etcd = Etcd::start();
    let data = |name| STANDARD.encode(std::fs::read(certificate(name)).unwrap());
    logs_in(&Case::new(&etcd.url).user(format!(
        "client-certificate-data: {}, client-key-data: {}",
        data("version-1.crt"),
        data("p256-sec1.key")
    )));
}

#[test]
fn an_encrypted_key_is_refused_with_a_hint() {
    let etcd = Etcd::start();
    for key in ["encrypted-pkcs8.key", "encrypted-sec1.key"] {
        is_refused(
            &etcd.case("p256.crt", key),
            "tls: failed to parse private key",
            "error: the client-key of user \"c\" is encrypted",
            "remove the passphrase: openssl pkey -in OLD.key -out NEW.key",
        );
    }
}

/// Departure: kubectl accepts the key.
#[test]
fn a_p521_key_is_refused_unlike_in_kubectl() {
    let etcd = Etcd::start();
    let case = etcd.case("p521.crt", "p521-sec1.key");
    assert!(case.kubectl().succeeded().stdout.contains("etcdserver"));
    let ours = case.ours();
    assert_eq!(
        ours.message(),
        "error: the client-key of user \"c\" uses the curve P-521, which is not supported"
    );
    assert_eq!(ours.hint(), SUPPORTED_KEYS);
    assert_eq!(ours.code, Some(2));
}

/// Departure: kubectl accepts these keys. They are refused before anything is sent.
#[test]
fn an_rsa_key_of_another_size_or_exponent_is_refused_with_both() {
    for (name, size) in [
        ("rsa-3000", "3000 bits and the exponent 65537"),
        ("rsa-8192", "8192 bits and the exponent 65537"),
        ("rsa-exponent-3", "2048 bits and the exponent 3"),
    ] {
        let chain = certificate(&format!("{name}.crt"));
        let key = certificate(&format!("{name}.key"));
        let case = Case::new("https://127.0.0.1:1").user(format!(
            "client-certificate: '{}', client-key: '{}'",
            chain.display(),
            key.display()
        ));
        let kubectl = case.kubectl();
        assert!(kubectl.message().contains("was refused"), "{kubectl:?}");
        let ours = case.ours().ended(2);
        let line = format!(
            "error: the client-key of user \"c\" is an RSA key with {size}, which is not supported"
        );
        assert_eq!(
            (ours.message(), ours.hint()),
            (line, SUPPORTED_KEYS.to_owned())
        );
    }
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    is_refused(
        &Etcd::start().case("p256.crt", "rsa-pkcs1.key"),
        "tls: private key type does not match public key type",
        "error: the client-key of user \"c\" does not match its client-certificate",
        "",
    );
    is_refused(
        &Etcd::start().case("version-1.crt", "p384-sec1.key"),
        "tls: private key does not match public key",
        "error: the client-key of user \"c\" does not match its client-certificate",
        "",
    );
}

#[test]
fn a_server_that_requires_a_certificate_is_named() {
    let etcd = Etcd::start();
    let case = Case::new(&etcd.url);
    // kubectl reports this error or a failed write, whichever it notices first.
    assert!(
        case.kubectl()
            .message()
            .starts_with("Unable to connect to the server: ")
    );
    let ours =
        case.ours_says("Unable to connect to the server: remote error: tls: certificate required");
    let address = etcd.url.trim_start_matches("https://");
    assert_eq!(
        ours.hint(),
        format!(
            "the server {address} requires a client certificate: check the user in your kubeconfig"
        )
    );
}

#[test]
fn an_expired_client_certificate_is_named_with_its_date() {
    let etcd = Etcd::start();
    let case = etcd.case("expired-client.crt", "p256-sec1.key");
    // kubectl reports this error or a failed write, whichever it notices first.
    let kubectl = case.kubectl();
    assert!(
        kubectl
            .message()
            .starts_with("Unable to connect to the server: "),
        "{kubectl:?}"
    );
    let line = "Unable to connect to the server: remote error: tls: expired certificate";
    let ours = case.ours();
    assert_eq!(
        ours.message(),
        format!("the client certificate of user \"c\" expired at 2026-01-02 03:04 UTC\n{line}")
    );
    assert_eq!(ours.code, Some(3));
}
