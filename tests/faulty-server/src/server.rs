//! The server's threads: one accepts connections, and one per connection follows the script.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Result;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

use crate::{Answer, Piece, Pki, Request, http};

/// The bearer token in [`FaultyServer::kubeconfig`].
pub const TOKEN: &str = "faulty-server-token";

/// A running server.
pub struct FaultyServer {
    /// The certificate authority of the server and its clients.
    pub pki: Pki,
    address: SocketAddr,
    is_tls: bool,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
    folder: TempDir,
}

/// The state that all threads share.
#[derive(Default)]
struct Shared {
    script: Mutex<VecDeque<Answer>>,
    requests: Mutex<Vec<Request>>,
    streams: Mutex<HashMap<usize, TcpStream>>,
    connections: AtomicUsize,
    bytes: AtomicUsize,
    stopping: AtomicBool,
}

impl FaultyServer {
    /// Starts a server with TLS.
    pub fn start(script: impl IntoIterator<Item = Answer>) -> Result<Self> {
        let pki = Pki::new()?;
        let config = pki.server_config()?;
        Self::serve(pki, Some(config), script)
    }

    /// Starts a server with TLS and the given certificate and key, both as PEM.
    pub fn start_with_certificate(
        certificate: &[u8],
        key: &[u8],
        script: impl IntoIterator<Item = Answer>,
    ) -> Result<Self> {
        let chain = CertificateDer::pem_slice_iter(certificate).collect::<Result<_, _>>()?;
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::from_pem_slice(key)?)?;
        Self::serve(Pki::new()?, Some(config), script)
    }

    /// Starts a server without TLS.
    pub fn start_plain(script: impl IntoIterator<Item = Answer>) -> Result<Self> {
        Self::serve(Pki::new()?, None, script)
    }

    fn serve(
        pki: Pki,
        tls: Option<ServerConfig>,
        script: impl IntoIterator<Item = Answer>,
    ) -> Result<Self> {
        let is_tls = tls.is_some();
        let tls = tls.map(Arc::new);
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            script: Mutex::new(script.into_iter().collect()),
            ..Shared::default()
        });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, tls.as_ref(), &shared)
        });
        Ok(Self {
            pki,
            address,
            is_tls,
            shared,
            acceptor: Some(acceptor),
            folder: TempDir::new()?,
        })
    }

    /// Returns `https://127.0.0.1:PORT`, or `http://…` for a server without TLS.
    pub fn url(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Returns the address that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns a folder that is removed with the server.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Writes a kubeconfig that authenticates with [`TOKEN`].
    pub fn kubeconfig(&self) -> Result<PathBuf> {
        fs::write(
            self.folder.path().join("ca.crt"),
            self.pki.certificate_authority(),
        )?;
        let kubeconfig = self.folder.path().join("kubeconfig");
        let text = format!(
            "current-context: faulty\n\
             contexts: [{{name: faulty, context: {{cluster: faulty, user: faulty}}}}]\n\
             clusters: [{{name: faulty, cluster: {{server: \"{}\", certificate-authority: ca.crt}}}}]\n\
             users: [{{name: faulty, user: {{token: {TOKEN}}}}}]\n",
            self.url()
        );
        fs::write(&kubeconfig, text)?;
        Ok(kubeconfig)
    }

    /// Returns the requests that were completely received so far.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// Returns how many TCP connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Returns how many bytes of requests were read so far, without the TLS overhead.
    pub fn bytes(&self) -> usize {
        self.shared.bytes.load(Ordering::SeqCst)
    }
}

impl Drop for FaultyServer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        for stream in lock(&self.shared.streams).values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the thread that accepts connections.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, tls: Option<&Arc<ServerConfig>>, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(tcp) = stream else { continue };
        let connection = shared.connections.fetch_add(1, Ordering::SeqCst);
        if let Ok(handle) = tcp.try_clone() {
            lock(&shared.streams).insert(connection, handle);
        }
        let (tls, shared) = (tls.cloned(), Arc::clone(shared));
        thread::spawn(move || {
            // A client may disconnect at any time.
            let _ = serve_connection(&tcp, tls, connection, &shared);
            lock(&shared.streams).remove(&connection);
        });
    }
}

/// Serves one connection from the handshake on. The caller closes it.
fn serve_connection(
    tcp: &TcpStream,
    tls: Option<Arc<ServerConfig>>,
    connection: usize,
    shared: &Shared,
) -> Result<()> {
    if shared.take_if(|answer| matches!(answer, Answer::CloseAtOnce)) {
        return Ok(());
    }
    let mut client = Request {
        connection,
        ..Request::default()
    };
    let mut stream = tcp;
    let Some(config) = tls else {
        return follow_script(stream, tcp, &client, shared);
    };
    let mut session = ServerConnection::new(config)?;
    while session.is_handshaking() {
        session.complete_io(&mut stream)?;
    }
    client.server_name = session.server_name().map(str::to_owned);
    let certificates = session.peer_certificates().unwrap_or_default();
    client.client_certificate = certificates.first().map(|der| der.to_vec());
    follow_script(StreamOwned::new(session, stream), tcp, &client, shared)
}

/// Reads requests and answers them until the script or the client ends the connection.
fn follow_script(
    stream: impl Read + Write,
    tcp: &TcpStream,
    client: &Request,
    shared: &Shared,
) -> Result<()> {
    let mut stream = BufReader::new(http::ByteCounter(stream, &shared.bytes));
    loop {
        if shared.take_if(|answer| matches!(answer, Answer::CloseUnread)) {
            return Ok(());
        }
        let Some(request) = http::read(&mut stream)? else {
            return Ok(());
        };
        let is_last = request.header("connection") == ["close"];
        let request = Request {
            method: request.method,
            target: request.target,
            headers: request.headers,
            body: request.body,
            ..client.clone()
        };
        let number = shared.record(request.clone());
        let scripted = match shared.take() {
            Some(Answer::Computed(compute)) => Some(compute(&request, number)),
            scripted => scripted,
        };
        let is_open = answer(&mut stream, tcp, scripted)?;
        if is_last || !is_open {
            return Ok(());
        }
    }
}

/// Answers a request as the script says, and reports whether the connection stays open.
fn answer<S: Read + Write>(
    stream: &mut BufReader<http::ByteCounter<'_, S>>,
    tcp: &TcpStream,
    answer: Option<Answer>,
) -> Result<bool> {
    let mut send = |head: &[u8], body: &[u8]| {
        let output = &mut stream.get_mut().0;
        output.write_all(&[head, body].concat())?;
        output.flush()
    };
    let end = match answer {
        Some(Answer::Reply(reply)) => {
            send(&reply.head(), reply.body())?;
            End::Open
        }
        Some(Answer::Delayed(pause, reply)) => {
            thread::sleep(pause);
            send(&reply.head(), reply.body())?;
            End::Open
        }
        Some(Answer::CutInHead(reply)) => {
            let head = reply.head();
            send(&head[..head.len() / 2], &[])?;
            End::Close
        }
        Some(Answer::CutInBody(reply)) => {
            let body = reply.body();
            send(&reply.head(), &body[..body.len() / 2])?;
            End::Close
        }
        Some(Answer::Stream(pieces)) => {
            send(STREAM_HEAD, &[])?;
            send_pieces(&pieces, |bytes| send(bytes, &[]))?
        }
        Some(Answer::Reset) => End::Reset,
        Some(Answer::Silence) => End::Silence,
        Some(
            Answer::CloseAtOnce
            | Answer::CloseUnread
            | Answer::CloseUnanswered
            | Answer::Computed(_),
        )
        | None => End::Close,
    };
    match end {
        End::Open => return Ok(true),
        End::Silence => wait_for_client(stream)?,
        End::Reset => reset(tcp)?,
        End::Close => {}
    }
    Ok(false)
}

/// The end of an answer, and of its connection.
enum End {
    /// It can serve another request.
    Open,
    /// It stays open, but the server sends nothing more.
    Silence,
    Close,
    Reset,
}

/// Sends the pieces of an [`Answer::Stream`].
fn send_pieces(pieces: &[Piece], mut send: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<End> {
    let mut end = End::Silence;
    for piece in pieces {
        end = End::Silence;
        match piece {
            Piece::Send(bytes) => send(&chunk(bytes))?,
            Piece::Series(count, make) => {
                for bytes in (0..*count).map(make) {
                    send(&chunk(&bytes))?;
                }
            }
            Piece::Pause(pause) => thread::sleep(*pause),
            Piece::End => {
                send(b"0\r\n\r\n")?;
                end = End::Open;
            }
            Piece::Close => return Ok(End::Close),
            Piece::Reset => return Ok(End::Reset),
        }
    }
    Ok(end)
}

/// The head of an [`Answer::Stream`].
const STREAM_HEAD: &[u8] =
    b"HTTP/1.1 200 Scripted\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Frames bytes as one chunk of a chunked body.
fn chunk(bytes: &[u8]) -> Vec<u8> {
    let size = format!("{:x}\r\n", bytes.len());
    [size.as_bytes(), bytes, b"\r\n"].concat()
}

/// Makes closing the connection send a reset.
fn reset(tcp: &TcpStream) -> Result<()> {
    rustix::net::sockopt::set_socket_linger(tcp, Some(Duration::ZERO))?;
    Ok(())
}

/// Waits until the client closes the connection.
fn wait_for_client(stream: &mut impl Read) -> Result<()> {
    io::copy(stream, &mut io::sink())?;
    Ok(())
}

impl Shared {
    /// Records a request, and returns the number of requests before it.
    fn record(&self, request: Request) -> usize {
        let mut requests = lock(&self.requests);
        requests.push(request);
        requests.len() - 1
    }

    /// Takes the next answer. The last one is never used up.
    fn take(&self) -> Option<Answer> {
        let mut script = lock(&self.script);
        if script.len() > 1 {
            script.pop_front()
        } else {
            script.front().cloned()
        }
    }

    /// Takes the next answer if it does not need a request first, and reports whether it did.
    fn take_if(&self, is_wanted: impl Fn(&Answer) -> bool) -> bool {
        let is_next = lock(&self.script).front().is_some_and(is_wanted);
        is_next && self.take().is_some()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reply;

    const REQUEST: &[u8] =
        b"PATCH /a?b=c HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";

    /// Sends one request and reads until the connection ends.
    fn send_request(server: &FaultyServer) -> io::Result<String> {
        let mut stream = TcpStream::connect(server.address())?;
        stream.write_all(REQUEST)?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        Ok(response)
    }

    #[test]
    fn the_server_follows_the_script_and_repeats_its_last_answer() -> Result<()> {
        let reply = Reply::json(200, "{\"a\":1}");
        let server = FaultyServer::start_plain([
            Answer::CutInHead(reply.clone()),
            Answer::CutInBody(reply.clone()),
            Answer::CloseUnanswered,
            Answer::Delayed(Duration::from_millis(30), reply.clone()),
            Answer::Reply(reply),
        ])?;
        let whole = "HTTP/1.1 200 Scripted\r\nContent-Type: application/json\r\n\
                     Content-Length: 7\r\n\r\n{\"a\":1}";
        assert!(whole.starts_with(&send_request(&server)?));
        assert_eq!(send_request(&server)?, whole.replace("\":1}", ""));
        assert_eq!(send_request(&server)?, "");
        for _ in 0..3 {
            assert_eq!(send_request(&server)?, whole);
        }
        assert_eq!(server.connections(), 6);
        assert_eq!(server.bytes(), 6 * REQUEST.len());
        let requests = server.requests();
        assert_eq!(requests.len(), 6);
        assert_eq!(requests[5].target, "/a?b=c");
        assert_eq!(requests[5].body, b"{}");
        assert_eq!(requests[5].connection, 5);
        Ok(())
    }

    #[test]
    fn a_reset_comes_after_the_request_is_read() -> Result<()> {
        let server = FaultyServer::start_plain([Answer::Reset])?;
        let error = send_request(&server).expect_err("a reset");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(server.requests().len(), 1);
        Ok(())
    }

    #[test]
    fn a_stream_is_sent_piece_by_piece() -> Result<()> {
        let pieces = |last| vec![Piece::Send(b"{}\n".to_vec()), last];
        let server = FaultyServer::start_plain([
            Answer::Stream(pieces(Piece::End)),
            Answer::Stream(pieces(Piece::Close)),
            Answer::Stream(pieces(Piece::Reset)),
        ])?;
        let whole = format!("{}3\r\n{{}}\n\r\n", String::from_utf8_lossy(STREAM_HEAD));
        assert_eq!(send_request(&server)?, format!("{whole}0\r\n\r\n"));
        assert_eq!(send_request(&server)?, whole);
        let error = send_request(&server).expect_err("a reset");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);

        let series = Piece::Series(2, |number| format!("{number}\n").into_bytes());
        let server = FaultyServer::start_plain([Answer::Stream(vec![series, Piece::End])])?;
        let head = String::from_utf8_lossy(STREAM_HEAD);
        let chunks = "2\r\n0\n\r\n2\r\n1\n\r\n0\r\n\r\n";
        assert_eq!(send_request(&server)?, format!("{head}{chunks}"));
        Ok(())
    }

    #[test]
    fn the_server_closes_connections_without_reading() -> Result<()> {
        let server = FaultyServer::start_plain([Answer::CloseUnread, Answer::CloseAtOnce])?;
        // Whether the client sees a close or a reset depends on when its request arrived.
        for _ in 0..2 {
            assert_eq!(send_request(&server).unwrap_or_default(), "");
        }
        assert_eq!((server.connections(), server.bytes()), (2, 0));
        Ok(())
    }

    #[test]
    fn dropping_the_server_disconnects_a_waiting_client() -> Result<()> {
        let server = FaultyServer::start_plain([Answer::Silence])?;
        let address = server.address();
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
        while server.requests().is_empty() {
            thread::yield_now();
        }
        drop(server);
        assert_eq!(stream.read(&mut [0])?, 0);
        assert!(TcpStream::connect(address).is_err());
        Ok(())
    }
}
