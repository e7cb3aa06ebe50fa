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

/// Where the TLS of a client ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Access {
    /// At the API server: the proxy sees bytes that mean nothing to it.
    Tunnel,
    /// The client speaks plain HTTP, and the proxy logs in as the admin, as `kubectl proxy` does.
    Plain,
}

/// A proxy in front of a server. An unruly one breaks, stalls, delays and doubles what the server
/// sends, at any byte, as a seed says; a calm one does so only when it is told to.
pub(crate) struct UnrulyProxy {
    access: Access,
    address: SocketAddr,
    upstream: Arc<Upstream>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl UnrulyProxy {
    pub(crate) fn start(server: &ControlPlane, access: Access, seed: u64) -> Self {
        let proxy = Self::calm(server, access, seed);
        proxy.upstream.is_calm.store(false, Ordering::Relaxed);
        proxy
    }

    /// One that passes everything on.
    pub(crate) fn calm(server: &ControlPlane, access: Access, seed: u64) -> Self {
        let login = matches!(access, Access::Plain).then(|| login(server));
        let address = server.url().trim_start_matches("https://").to_owned();
        Self::serve(access, address, login, seed)
    }

    /// A calm one in front of any server.
    pub(crate) fn tunnel(server: SocketAddr) -> Self {
        Self::serve(Access::Tunnel, server.to_string(), None, 0)
    }

    fn serve(access: Access, server: String, login: Option<TlsConnector>, seed: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let upstream = Arc::new(Upstream {
            address: Mutex::new(server),
            login,
            is_calm: AtomicBool::new(true),
            swallows: AtomicBool::new(false),
            holds_on: AtomicBool::new(false),
        });
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let behind = Arc::clone(&upstream);
        let thread = thread::spawn(move || {
            // All connections end with the runtime.
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = accept(listener, &behind, Rng::with_seed(seed)) => {}
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

    /// Where a client finds it.
    pub(crate) fn url(&self) -> String {
        let scheme = match self.access {
            Access::Tunnel => "https",
            Access::Plain => "http",
        };
        format!("{scheme}://{}", self.address)
    }

    /// From now on it passes everything on.
    pub(crate) fn calm_down(&self) {
        self.upstream.is_calm.store(true, Ordering::Relaxed);
    }

    /// New connections go to another server.
    pub(crate) fn lead_to(&self, server: SocketAddr) {
        *self.upstream.address.lock().unwrap() = server.to_string();
    }

    /// The next event that passes is lost.
    pub(crate) fn swallow_an_event(&self) {
        self.upstream.swallows.store(true, Ordering::Relaxed);
    }

    /// Whether it has lost the event.
    pub(crate) fn has_swallowed(&self) -> bool {
        !self.upstream.swallows.load(Ordering::Relaxed)
    }

    /// Clients are not told any more when the server's side ends.
    pub(crate) fn hold_on(&self) {
        self.upstream.holds_on.store(true, Ordering::Relaxed);
    }
}

impl Drop for UnrulyProxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The admin's side of TLS.
fn login(server: &ControlPlane) -> TlsConnector {
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
            // That one of the two goes away is what this is about.
            let _ = upstream.serve(client, random).await;
        });
    }
}

/// The server behind the proxy, and what becomes of its answers.
struct Upstream {
    address: Mutex<String>,
    login: Option<TlsConnector>,
    is_calm: AtomicBool,
    swallows: AtomicBool,
    holds_on: AtomicBool,
}

impl Upstream {
    async fn serve(&self, client: TcpStream, random: Rng) -> std::io::Result<()> {
        let address = self.address.lock().unwrap().clone();
        let server = TcpStream::connect(address).await?;
        server.set_nodelay(true)?;
        client.set_nodelay(true)?;
        match &self.login {
            None => self.join(client, server, random).await,
            Some(login) => {
                let name = ServerName::from(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST));
                let server = login.connect(name, server).await?;
                self.join(client, server, random).await
            }
        }
    }

    /// Passes requests on, and answers as they may arrive.
    async fn join(
        &self,
        client: TcpStream,
        server: impl AsyncRead + AsyncWrite,
        random: Rng,
    ) -> std::io::Result<()> {
        let (mut requests, answers) = client.into_split();
        let (from_server, mut to_server) = split(server);
        tokio::select! {
            end = copy(&mut requests, &mut to_server) => end.map(drop),
            end = self.answer(from_server, answers, random) => end,
        }
    }

    async fn answer(
        &self,
        server: impl AsyncRead + Unpin,
        mut client: OwnedWriteHalf,
        random: Rng,
    ) -> std::io::Result<()> {
        let end = self.disturb(server, &mut client, random).await;
        if self.holds_on.load(Ordering::Relaxed) {
            pending::<()>().await;
        }
        end
    }

    async fn disturb(
        &self,
        mut server: impl AsyncRead + Unpin,
        client: &mut OwnedWriteHalf,
        mut random: Rng,
    ) -> std::io::Result<()> {
        let mut room = vec![0; 16 * 1024];
        let mut until_fault = distance(&mut random);
        loop {
            let size = server.read(&mut room).await?;
            let piece = &room[..size];
            if piece.is_empty() {
                return Ok(());
            }
            if events(piece).is_some() && self.swallows.swap(false, Ordering::Relaxed) {
                continue;
            }
            if self.is_calm.load(Ordering::Relaxed) {
                client.write_all(piece).await?;
                continue;
            }
            if random.u8(..100) < 20 {
                sleep(Duration::from_millis(random.u64(..50))).await;
            }
            if size < until_fault {
                until_fault -= size;
                client.write_all(piece).await?;
                if random.u8(..100) < 10 && events(piece).is_some() {
                    client.write_all(piece).await?;
                }
                continue;
            }
            match (random.u8(..4), events(piece)) {
                (0, _) => return client.write_all(&piece[..until_fault]).await,
                (1, _) => {
                    client.write_all(&piece[..until_fault]).await?;
                    let at_once = Some(Duration::ZERO);
                    rustix::net::sockopt::set_socket_linger(client.as_ref(), at_once)?;
                    return Ok(());
                }
                (2, Some(events)) => {
                    // An end in good order, as a gateway may make it out of a bad one.
                    let part = &events[..random.usize(..events.len())];
                    let head = format!("{:x}\r\n", part.len());
                    let end = if part.is_empty() { "" } else { "\r\n0\r\n" };
                    let chunks = [head.as_bytes(), part, end.as_bytes(), b"\r\n"].concat();
                    return client.write_all(&chunks).await;
                }
                _ => {
                    sleep(Duration::from_millis(random.u64(50..1500))).await;
                    client.write_all(piece).await?;
                    until_fault = distance(&mut random);
                }
            }
        }
    }
}

/// After how many bytes something happens: often soon, seldom late.
fn distance(random: &mut Rng) -> usize {
    let limit = 1 << random.u32(10..17);
    random.usize(1..limit)
}

/// The lines in a piece that is one whole chunk of them.
fn events(piece: &[u8]) -> Option<&[u8]> {
    let end = piece.iter().take(8).position(|&byte| byte == b'\r')?;
    let size = usize::from_str_radix(str::from_utf8(&piece[..end]).ok()?, 16).ok()?;
    let lines = piece[end..].strip_prefix(b"\r\n")?.strip_suffix(b"\r\n")?;
    let is_whole = lines.len() == size && lines.starts_with(b"{\"type\":\"");
    (is_whole && lines.ends_with(b"}\n")).then_some(lines)
}
