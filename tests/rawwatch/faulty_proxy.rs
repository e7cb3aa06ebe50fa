use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use control_plane::ControlPlane;
use fastrand::Rng;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, split};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::oneshot;
use tokio::time::sleep;
use tokio_rustls::TlsConnector;

/// Where a client's TLS connection ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Access {
    /// At the API server. The proxy sees only encrypted bytes.
    Tunnel,
    /// Nowhere: the client uses plain HTTP, and the proxy authenticates as the admin, as
    /// `kubectl proxy` does.
    Plain,
}

/// A proxy that injects faults into the server's responses.
///
/// With random faults, it cuts, stalls, delays and duplicates responses at any byte, determined by a
/// seed. A transparent proxy injects only the faults that a test asks for.
pub(crate) struct FaultyProxy {
    access: Access,
    address: SocketAddr,
    upstream: Arc<Upstream>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FaultyProxy {
    /// Starts a proxy with random faults.
    pub(crate) fn start(server: &ControlPlane, access: Access, seed: u64) -> Self {
        let proxy = Self::in_front_of(server, access, seed);
        proxy
            .upstream
            .has_random_faults
            .store(true, Ordering::Relaxed);
        proxy
    }

    /// Starts a transparent proxy.
    pub(crate) fn transparent(server: &ControlPlane, access: Access) -> Self {
        Self::in_front_of(server, access, 0)
    }

    /// Starts a transparent proxy in front of any server.
    pub(crate) fn tunnel(server: SocketAddr) -> Self {
        Self::serve(Access::Tunnel, server.to_string(), None, 0)
    }

    fn in_front_of(server: &ControlPlane, access: Access, seed: u64) -> Self {
        let tls = matches!(access, Access::Plain).then(|| admin_tls(server));
        let address = server.url().trim_start_matches("https://").to_owned();
        Self::serve(access, address, tls, seed)
    }

    fn serve(access: Access, server: String, tls: Option<TlsConnector>, seed: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let upstream = Arc::new(Upstream {
            address: Mutex::new(server),
            tls,
            has_random_faults: AtomicBool::new(false),
            drops_next_event: AtomicBool::new(false),
            hides_server_end: AtomicBool::new(false),
        });
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let shared = Arc::clone(&upstream);
        let thread = thread::spawn(move || {
            // Dropping the runtime ends all connections.
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = accept(listener, &shared, Rng::with_seed(seed)) => {}
                }
            });
        });
        Self {
            access,
            address,
            upstream,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Returns the URL for clients.
    pub(crate) fn url(&self) -> String {
        let scheme = match self.access {
            Access::Tunnel => "https",
            Access::Plain => "http",
        };
        format!("{scheme}://{}", self.address)
    }

    /// Makes the proxy transparent from now on.
    pub(crate) fn stop_random_faults(&self) {
        self.upstream
            .has_random_faults
            .store(false, Ordering::Relaxed);
    }

    /// Sends new connections to another server.
    pub(crate) fn redirect_to(&self, server: SocketAddr) {
        *self.upstream.address.lock().unwrap() = server.to_string();
    }

    /// Drops the next event.
    pub(crate) fn drop_next_event(&self) {
        self.upstream
            .drops_next_event
            .store(true, Ordering::Relaxed);
    }

    /// Reports whether the event has been dropped.
    pub(crate) fn has_dropped_event(&self) -> bool {
        !self.upstream.drops_next_event.load(Ordering::Relaxed)
    }

    /// Keeps clients connected from now on when the server closes its side.
    pub(crate) fn hide_server_end(&self) {
        self.upstream
            .hides_server_end
            .store(true, Ordering::Relaxed);
    }
}

impl Drop for FaultyProxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Returns a TLS connector that authenticates as the admin.
fn admin_tls(server: &ControlPlane) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(server.certificate_authority()).unwrap();
    roots.add(authority).unwrap();
    let (certificate, key) = server.admin_certificate();
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_client_auth_cert(
            vec![CertificateDer::from_pem_file(certificate).unwrap()],
            PrivateKeyDer::from_pem_file(key).unwrap(),
        )
        .unwrap();
    TlsConnector::from(Arc::new(config))
}

async fn accept(listener: TcpListener, upstream: &Arc<Upstream>, mut random: Rng) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let (upstream, random) = (Arc::clone(upstream), random.fork());
        tokio::spawn(async move {
            // Lost connections are the point of this proxy.
            let _ = upstream.serve(client, random).await;
        });
    }
}

/// The server behind the proxy, and the faults in its responses.
struct Upstream {
    address: Mutex<String>,
    tls: Option<TlsConnector>,
    has_random_faults: AtomicBool,
    drops_next_event: AtomicBool,
    hides_server_end: AtomicBool,
}

impl Upstream {
    async fn serve(&self, client: TcpStream, random: Rng) -> std::io::Result<()> {
        let address = self.address.lock().unwrap().clone();
        let server = TcpStream::connect(address).await?;
        server.set_nodelay(true)?;
        client.set_nodelay(true)?;
        match &self.tls {
            None => self.relay(client, server, random).await,
            Some(tls) => {
                let name = ServerName::from(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST));
                let server = tls.connect(name, server).await?;
                self.relay(client, server, random).await
            }
        }
    }

    /// Forwards requests unchanged, and responses with faults.
    async fn relay(
        &self,
        client: TcpStream,
        server: impl AsyncRead + AsyncWrite,
        random: Rng,
    ) -> std::io::Result<()> {
        let (mut requests, responses) = client.into_split();
        let (from_server, mut to_server) = split(server);
        tokio::select! {
            end = copy(&mut requests, &mut to_server) => end.map(drop),
            end = self.relay_responses(from_server, responses, random) => end,
        }
    }

    async fn relay_responses(
        &self,
        server: impl AsyncRead + Unpin,
        mut client: OwnedWriteHalf,
        random: Rng,
    ) -> std::io::Result<()> {
        let end = self.inject_faults(server, &mut client, random).await;
        if self.hides_server_end.load(Ordering::Relaxed) {
            pending::<()>().await;
        }
        end
    }

    async fn inject_faults(
        &self,
        mut server: impl AsyncRead + Unpin,
        client: &mut OwnedWriteHalf,
        mut random: Rng,
    ) -> std::io::Result<()> {
        let mut buffer = vec![0; 16 * 1024];
        let mut until_fault = distance_to_fault(&mut random);
        loop {
            let size = server.read(&mut buffer).await?;
            let piece = &buffer[..size];
            if piece.is_empty() {
                return Ok(());
            }
            if whole_chunk(piece).is_some() && self.drops_next_event.swap(false, Ordering::Relaxed)
            {
                continue;
            }
            if !self.has_random_faults.load(Ordering::Relaxed) {
                client.write_all(piece).await?;
                continue;
            }
            if random.u8(..100) < 20 {
                sleep(Duration::from_millis(random.u64(..50))).await;
            }
            if size < until_fault {
                until_fault -= size;
                client.write_all(piece).await?;
                if random.u8(..100) < 10 && whole_chunk(piece).is_some() {
                    client.write_all(piece).await?;
                }
                continue;
            }
            match (random.u8(..4), whole_chunk(piece)) {
                (0, _) => return client.write_all(&piece[..until_fault]).await,
                (1, _) => {
                    client.write_all(&piece[..until_fault]).await?;
                    // Closing the connection now sends a reset.
                    let linger = Some(Duration::ZERO);
                    rustix::net::sockopt::set_socket_linger(client.as_ref(), linger)?;
                    return Ok(());
                }
                (2, Some(events)) => {
                    // A gateway can turn a lost connection into a clean end.
                    let part = &events[..random.usize(..events.len())];
                    return client.write_all(&last_chunks(part)).await;
                }
                _ => {
                    sleep(Duration::from_millis(random.u64(50..1500))).await;
                    client.write_all(piece).await?;
                    until_fault = distance_to_fault(&mut random);
                }
            }
        }
    }
}

/// Returns the number of bytes before the next fault: usually few, rarely many.
fn distance_to_fault(random: &mut Rng) -> usize {
    let limit = 1 << random.u32(10..17);
    random.usize(1..limit)
}

/// Frames a part of a chunk so that the body ends cleanly after it.
fn last_chunks(part: &[u8]) -> Vec<u8> {
    let size = format!("{:x}\r\n", part.len());
    let end = if part.is_empty() { "" } else { "\r\n0\r\n" };
    [size.as_bytes(), part, end.as_bytes(), b"\r\n"].concat()
}

/// Returns the event lines in a piece that is exactly one chunk of them.
fn whole_chunk(piece: &[u8]) -> Option<&[u8]> {
    let end = piece.iter().take(8).position(|&byte| byte == b'\r')?;
    let size = usize::from_str_radix(str::from_utf8(&piece[..end]).ok()?, 16).ok()?;
    let lines = piece[end..].strip_prefix(b"\r\n")?.strip_suffix(b"\r\n")?;
    let is_whole = lines.len() == size && lines.starts_with(b"{\"type\":\"");
    (is_whole && lines.ends_with(b"}\n")).then_some(lines)
}
