use std::fs;
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use control_plane::Tool;
use faulty_server::FaultyServer;
use support::{mount_namespace, run};

use super::side_by_side::*;

/// Replaces `/etc/hosts` with the file `$HOSTS`.
const WITH_HOSTS: &str = r#"mount --bind "$HOSTS" /etc/hosts && unset HOSTS && exec "$@""#;

/// A listener that never accepts. Its queue is full, so the kernel ignores new connections.
struct BlackHole {
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl BlackHole {
    fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let mut queue = Vec::new();
        let timeout = Duration::from_millis(200);
        while let Ok(stream) = TcpStream::connect_timeout(&address, timeout) {
            queue.push(stream);
        }
        Self {
            _listener: listener,
            _queue: queue,
        }
    }
}

/// After the head start of IPv6, 300 ms (RFC 8305), IPv4 is tried at the same time.
#[test]
fn an_unresponsive_address_of_a_name_is_skipped() {
    let server = FaultyServer::start(answers()).unwrap();
    let port = server.address().port();
    let folder = tempfile::tempdir().unwrap();
    let hosts = folder.path().join("hosts");
    let kubeconfig = fs::read_to_string(server.kubeconfig().unwrap()).unwrap();
    let kubeconfig = kubeconfig.replace("127.0.0.1", "faulty.example");
    let file = server.folder().join("kubeconfig");
    fs::write(&file, kubeconfig).unwrap();

    let _black_hole = BlackHole::at(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port));
    fs::write(&hosts, "::1 faulty.example\n127.0.0.1 faulty.example\n").unwrap();
    let kubectl = ["get", "--raw", PATH].as_slice();
    let ours = ["--verbatim", "--type=merge", "-p={}", PATH].as_slice();
    for (program, arguments) in [
        (Tool::Kubectl.path().unwrap(), kubectl),
        (env!("CARGO_BIN_EXE_kubectl-rawpatch").into(), ours),
    ] {
        let started = Instant::now();
        let mut command = mount_namespace::command(WITH_HOSTS);
        command
            .arg(program)
            .args(arguments)
            .arg("--kubeconfig")
            .arg(&file)
            .env("HOSTS", &hosts)
            .env_remove("HTTPS_PROXY");
        run(&mut command, "").succeeded();
        let time = started.elapsed();
        let head_start = Duration::from_millis(300);
        assert!((head_start..10 * head_start).contains(&time), "{time:?}");
    }
    assert_eq!(server.requests().len(), 2);
}
