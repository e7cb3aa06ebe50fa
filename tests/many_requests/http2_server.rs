use std::collections::VecDeque;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use faulty_server::{Pki, TOKEN};
use h2::Reason;
use http::Response;
use hyper::body::Bytes;
use kubectl_plugin::connection::ConnectionArgs;
use rustls::ServerConfig;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::with_kubeconfig;

/// The bytes that a client sends first, and some types and flags of frames (RFC 9113).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;

/// The server's reaction to the requests on one connection.
#[derive(Clone, Copy)]
pub(crate) enum Reaction {
    /// Answers each request with this number of bytes.
    Answer(usize),
    /// Resets the stream of each request.
    Reset(Reason),
    /// Answers the first request with a GOAWAY that does not include its stream.
    IgnoreAndGoAway,
    /// Answers the first request with a GOAWAY that includes its stream, and closes the connection.
    AcceptAndGoAway,
    /// Closes the connection after the first request.
    Close,
}

/// A scripted server that speaks HTTP/2. It runs in the runtime of the test.
pub(crate) struct Http2Server {
    address: SocketAddr,
    folder: TempDir,
    state: Arc<State>,
}

struct State {
    /// The reactions of the next connections. The last one repeats.
    script: Mutex<VecDeque<Reaction>>,
    connections: AtomicUsize,
    requests: AtomicUsize,
    /// The largest number of requests that were open at the same time.
    most_at_once: AtomicUsize,
    /// The maximum number of open requests that the server announces.
    max_streams: u32,
}

impl Http2Server {
    pub(crate) async fn start(script: impl IntoIterator<Item = Reaction>) -> Self {
        Self::with_max_streams(250, script).await
    }

    /// Starts a server that allows this number of open requests.
    pub(crate) async fn with_max_streams(
        max_streams: u32,
        script: impl IntoIterator<Item = Reaction>,
    ) -> Self {
        let pki = Pki::new().unwrap();
        let config = pki.server_config().unwrap();
        Self::serve(&pki, config, max_streams, script).await
    }

    /// Starts a server that refuses clients without a certificate.
    pub(crate) async fn that_requires_a_certificate() -> Self {
        let pki = Pki::new().unwrap();
        let config = pki.strict_server_config().unwrap();
        Self::serve(&pki, config, 250, [Reaction::Answer(2)]).await
    }

    async fn serve(
        pki: &Pki,
        mut config: ServerConfig,
        max_streams: u32,
        script: impl IntoIterator<Item = Reaction>,
    ) -> Self {
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            script: Mutex::new(script.into_iter().collect()),
            connections: AtomicUsize::default(),
            requests: AtomicUsize::default(),
            most_at_once: AtomicUsize::default(),
            max_streams,
        });
        tokio::spawn(accept(listener, acceptor, Arc::clone(&state)));
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("ca.crt"), pki.certificate_authority()).unwrap();
        Self {
            address,
            folder,
            state,
        }
    }

    /// Returns the flags with a kubeconfig for this server.
    pub(crate) fn arguments(&self) -> ConnectionArgs {
        let kubeconfig = self.folder.path().join("kubeconfig");
        let text = format!(
            "current-context: a\n\
             contexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
             clusters: [{{name: a, cluster: {{server: \"https://{}\", certificate-authority: ca.crt}}}}]\n\
             users: [{{name: a, user: {{token: {TOKEN}}}}}]\n",
            self.address
        );
        fs::write(&kubeconfig, text).unwrap();
        with_kubeconfig(&kubeconfig)
    }

    /// Returns the number of connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Returns the number of whole requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// Returns the largest number of requests that were open at the same time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.state.most_at_once.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        state.connections.fetch_add(1, Ordering::SeqCst);
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            let stream = acceptor.accept(stream).await?;
            // A client may disconnect at any time.
            let _ = serve(stream, &state).await;
            Ok::<_, std::io::Error>(())
        });
    }
}

async fn serve(stream: TlsStream<TcpStream>, state: &Arc<State>) -> anyhow::Result<()> {
    let reaction = {
        let mut script = state.script.lock().unwrap();
        match script.len() {
            1 => script.front().copied(),
            _ => script.pop_front(),
        }
    };
    match reaction.unwrap() {
        reaction @ (Reaction::Answer(_) | Reaction::Reset(_)) => {
            serve_streams(stream, reaction, state).await
        }
        reaction => serve_frames(stream, reaction, state).await,
    }
}

/// Serves requests with the server of the crate h2.
async fn serve_streams(
    stream: TlsStream<TcpStream>,
    reaction: Reaction,
    state: &Arc<State>,
) -> anyhow::Result<()> {
    let mut connection = h2::server::Builder::new()
        .max_concurrent_streams(state.max_streams)
        .handshake::<_, Bytes>(stream)
        .await?;
    let open = Arc::new(AtomicUsize::default());
    while let Some(request) = connection.accept().await {
        let (_, mut respond) = request?;
        state.requests.fetch_add(1, Ordering::SeqCst);
        match reaction {
            Reaction::Answer(size) => {
                let now = open.fetch_add(1, Ordering::SeqCst) + 1;
                state.most_at_once.fetch_max(now, Ordering::SeqCst);
                let response = Response::builder().header("Content-Type", "application/json");
                let open = Arc::clone(&open);
                tokio::spawn(async move {
                    // Others may come in the meantime.
                    sleep(Duration::from_millis(5)).await;
                    open.fetch_sub(1, Ordering::SeqCst);
                    let mut body = respond.send_response(response.body(())?, false)?;
                    body.send_data(Bytes::from(vec![b' '; size]), true)?;
                    anyhow::Ok(())
                });
            }
            Reaction::Reset(reason) => respond.send_reset(reason),
            _ => unreachable!("other reactions need no streams"),
        }
    }
    Ok(())
}

/// Reads the frames of the first request, and reacts.
async fn serve_frames(
    mut stream: TlsStream<TcpStream>,
    reaction: Reaction,
    state: &State,
) -> anyhow::Result<()> {
    stream.read_exact(&mut [0; PREFACE.len()]).await?;
    stream.write_all(&frame(SETTINGS, &[])).await?;
    let id = loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, ..] = head;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        stream.read_exact(&mut vec![0; length]).await?;
        if [DATA, HEADERS].contains(&kind) && flags & END_STREAM != 0 {
            break u32::from_be_bytes(head[5..].try_into()?);
        }
    };
    state.requests.fetch_add(1, Ordering::SeqCst);
    match reaction {
        Reaction::IgnoreAndGoAway => {
            stream.write_all(&go_away(id - 1)).await?;
            stream.flush().await?;
            return std::future::pending().await;
        }
        Reaction::AcceptAndGoAway => stream.write_all(&go_away(id)).await?,
        _ => {}
    }
    stream.shutdown().await?;
    Ok(())
}

/// Returns a GOAWAY frame without an error code.
fn go_away(last_stream: u32) -> Vec<u8> {
    frame(GOAWAY, &[last_stream.to_be_bytes(), [0; 4]].concat())
}

/// Returns a frame of the connection.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length, &[kind, 0, 0, 0, 0, 0] as &[u8], payload].concat()
}
