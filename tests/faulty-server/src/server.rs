//! The threads: one accepts, one for each connection reads requests and follows the script.

use std::{
    collections::{HashMap, VecDeque},
    fs,
    io::{self, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Result;
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tempfile::TempDir;

use crate::{Answer, Piece, Pki, Request, http};

/// The bearer token in [`FaultyServer::kubeconfig`].
pub const TOKEN: &str = "faulty-server-token";

/// A running server.
pub struct FaultyServer {
    /// Its certificate authority.
    pub pki: Pki,
    address: SocketAddr,
    is_tls: bool,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
    folder: TempDir,
}

/// What the threads share.
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
    /// Serves TLS.
    pub fn start(script: impl IntoIterator<Item = Answer>) -> Result<Self> {
        let pki = Pki::new()?;
        let config = pki.server_config()?;
        Self::serve(pki, Some(config), script)
    }

    /// Serves TLS with a certificate and key of the caller's, both PEM.
    pub fn start_as(
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

    /// Serves plain HTTP.
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

    /// `https://127.0.0.1:PORT`, or `http://…` for a plain server.
    pub fn url(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A folder that goes with the server.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Writes a kubeconfig that logs in with [`TOKEN`].
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

    /// All requests that arrived whole so far.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// How many TCP connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many bytes of requests were read so far, under TLS.
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
        // Wakes the thread that waits for a connection.
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
            // A client that goes away in the middle is no failure here.
            let _ = converse(&tcp, tls, connection, &shared);
            lock(&shared.streams).remove(&connection);
        });
    }
}

/// One connection, from the handshake to the end; its caller closes it.
fn converse(
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

/// Reads requests and answers them, until the script or the client ends the connection.
fn follow_script(
    stream: impl Read + Write,
    tcp: &TcpStream,
    client: &Request,
    shared: &Shared,
) -> Result<()> {
    let mut stream = BufReader::new(http::Counted(stream, &shared.bytes));
    loop {
        if shared.take_if(|answer| matches!(answer, Answer::CloseUnread)) {
            return Ok(());
        }
        let Some(request) = http::read(&mut stream)? else {
            return Ok(());
        };
        let is_last = request.header("connection") == ["close"];
        lock(&shared.requests).push(Request {
            method: request.method,
            target: request.target,
            headers: request.headers,
            body: request.body,
            ..client.clone()
        });
        let mut send = |head: &[u8], body: &[u8]| {
            let output = &mut stream.get_mut().0;
            output.write_all(&[head, body].concat())?;
            output.flush()
        };
        match shared.take() {
            Some(Answer::Reply(reply)) => send(&reply.head(), reply.body())?,
            Some(Answer::Delayed(pause, reply)) => {
                thread::sleep(pause);
                send(&reply.head(), reply.body())?;
            }
            Some(Answer::CutInHead(reply)) => {
                let head = reply.head();
                return Ok(send(&head[..head.len() / 2], &[])?);
            }
            Some(Answer::CutInBody(reply)) => {
                let body = reply.body();
                return Ok(send(&reply.head(), &body[..body.len() / 2])?);
            }
            Some(Answer::Reset) => return reset(tcp),
            Some(Answer::Stream(pieces)) => {
                send(STREAM_HEAD, &[])?;
                for piece in &pieces {
                    match piece {
                        Piece::Send(bytes) => send(&size(bytes), &[bytes, CHUNK_END].concat())?,
                        Piece::Series(count, make) => {
                            for bytes in (0..*count).map(make) {
                                send(&size(&bytes), &[&bytes, CHUNK_END].concat())?;
                            }
                        }
                        Piece::Pause(pause) => thread::sleep(*pause),
                        Piece::End => send(b"0\r\n\r\n", &[])?,
                        Piece::Close => return Ok(()),
                        Piece::Reset => return reset(tcp),
                    }
                }
                if !matches!(pieces.last(), Some(Piece::End)) {
                    return stay_silent(&mut stream);
                }
            }
            Some(Answer::Silence) => return stay_silent(&mut stream),
            Some(Answer::CloseAtOnce | Answer::CloseUnread | Answer::CloseUnanswered) | None => {
                return Ok(());
            }
        }
        if is_last {
            return Ok(());
        }
    }
}

/// The head of an [`Answer::Stream`].
const STREAM_HEAD: &[u8] =
    b"HTTP/1.1 200 Scripted\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

const CHUNK_END: &[u8] = b"\r\n";

/// How a chunk begins.
fn size(chunk: &[u8]) -> Vec<u8> {
    format!("{:x}\r\n", chunk.len()).into_bytes()
}

/// Makes the end of the connection a reset.
fn reset(tcp: &TcpStream) -> Result<()> {
    rustix::net::sockopt::set_socket_linger(tcp, Some(Duration::ZERO))?;
    Ok(())
}

/// Waits until the client is gone.
fn stay_silent(stream: &mut impl Read) -> Result<()> {
    io::copy(stream, &mut io::sink())?;
    Ok(())
}

impl Shared {
    /// Takes the next answer; the last one stays.
    fn take(&self) -> Option<Answer> {
        let mut script = lock(&self.script);
        if script.len() > 1 {
            script.pop_front()
        } else {
            script.front().cloned()
        }
    }

    /// Takes the next answer if it is one that does not wait for a request.
    fn take_if(&self, is_early: impl Fn(&Answer) -> bool) -> bool {
        let is_next = lock(&self.script).front().is_some_and(is_early);
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
    fn ask(server: &FaultyServer) -> io::Result<String> {
        let mut stream = TcpStream::connect(server.address())?;
        stream.write_all(REQUEST)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    #[test]
    fn follows_the_script_and_repeats_its_last_step() -> Result<()> {
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
        assert!(whole.starts_with(&ask(&server)?));
        assert_eq!(ask(&server)?, whole.replace("\":1}", ""));
        assert_eq!(ask(&server)?, "");
        for _ in 0..3 {
            assert_eq!(ask(&server)?, whole);
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
    fn resets_after_the_request_was_read() -> Result<()> {
        let server = FaultyServer::start_plain([Answer::Reset])?;
        let error = ask(&server).expect_err("a reset");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(server.requests().len(), 1);
        Ok(())
    }

    #[test]
    fn streams_piece_by_piece() -> Result<()> {
        let pieces = |last| vec![Piece::Send(b"{}\n".to_vec()), last];
        let server = FaultyServer::start_plain([
            Answer::Stream(pieces(Piece::End)),
            Answer::Stream(pieces(Piece::Close)),
            Answer::Stream(pieces(Piece::Reset)),
        ])?;
        let whole = format!("{}3\r\n{{}}\n\r\n", String::from_utf8_lossy(STREAM_HEAD));
        assert_eq!(ask(&server)?, format!("{whole}0\r\n\r\n"));
        assert_eq!(ask(&server)?, whole);
        let error = ask(&server).expect_err("a reset");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);

        let series = Piece::Series(2, |number| format!("{number}\n").into_bytes());
        let server = FaultyServer::start_plain([Answer::Stream(vec![series, Piece::End])])?;
        let head = String::from_utf8_lossy(STREAM_HEAD);
        let chunks = "2\r\n0\n\r\n2\r\n1\n\r\n0\r\n\r\n";
        assert_eq!(ask(&server)?, format!("{head}{chunks}"));
        Ok(())
    }

    #[test]
    fn closes_without_reading() -> Result<()> {
        let server = FaultyServer::start_plain([Answer::CloseUnread, Answer::CloseAtOnce])?;
        // Whether the client sees an end or a reset depends on when its request arrived.
        for _ in 0..2 {
            assert_eq!(ask(&server).unwrap_or_default(), "");
        }
        assert_eq!((server.connections(), server.bytes()), (2, 0));
        Ok(())
    }

    #[test]
    fn stops_while_a_client_waits_for_an_answer() -> Result<()> {
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
