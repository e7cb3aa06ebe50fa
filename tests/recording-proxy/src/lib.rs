//! Proxies that record their requests, for tests: HTTP and HTTPS by hyper, SOCKS5 by fast-socks5.
//!
//! ```text
//! start(protocol, credential) ─▶ a thread with a runtime: accept ─▶ http::serve or socks::serve ─▶ record
//! ```
//!
//! A proxy listens on a free port of 127.0.0.1, and stops when its handle is dropped.

mod http;
mod socks;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// The protocol between a client and a proxy.
pub enum Protocol {
    /// HTTP: `CONNECT`, and requests with an absolute URL.
    Http,
    /// HTTP inside TLS.
    Https(Box<ServerConfig>),
    /// SOCKS version 5.
    Socks5,
}

/// A running proxy.
pub struct RecordingProxy {
    address: SocketAddr,
    record: Arc<Record>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The requests to a proxy, and the credential that it requires.
#[derive(Default)]
struct Record {
    credential: Option<(String, String)>,
    requests: Mutex<Vec<String>>,
}

impl RecordingProxy {
    /// Starts a proxy. With a credential (a name and a password), it refuses all other clients.
    ///
    /// # Errors
    /// Fails when no port is free, or when the runtime cannot start.
    pub fn start(protocol: Protocol, credential: Option<(&str, &str)>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let record = Arc::new(Record {
            credential: credential.map(|(name, password)| (name.to_owned(), password.to_owned())),
            ..Record::default()
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn({
            let record = Arc::clone(&record);
            move || {
                // Dropping the runtime ends all connections.
                runtime.block_on(async {
                    tokio::select! {
                        _ = stopped => {}
                        () = accept(listener, protocol, record) => {}
                    }
                });
            }
        });
        Ok(Self {
            address,
            record,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Returns the address that the proxy listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the requests so far: `CONNECT HOST:PORT`, a method and a URL, or `SOCKS HOST:PORT`. A
    /// request with a credential ends with ` as NAME:PASSWORD`.
    pub fn requests(&self) -> Vec<String> {
        self.record
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for RecordingProxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Record {
    /// Records a request, and reports whether its credential is the required one.
    fn add(&self, request: &str, credential: Option<(&str, &str)>) -> bool {
        let user = credential.map_or_else(String::new, |(name, password)| {
            format!(" as {name}:{password}")
        });
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.push(format!("{request}{user}"));
        match &self.credential {
            None => true,
            Some((name, password)) => credential == Some((name, password)),
        }
    }
}

async fn accept(listener: TcpListener, protocol: Protocol, record: Arc<Record>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    let acceptor = Arc::new(match protocol {
        Protocol::Http => Acceptor::Http(None),
        Protocol::Https(config) => Acceptor::Http(Some(TlsAcceptor::from(Arc::new(*config)))),
        Protocol::Socks5 => Acceptor::Socks5,
    });
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let (acceptor, record) = (Arc::clone(&acceptor), Arc::clone(&record));
        tokio::spawn(async move {
            // A client may disconnect at any time.
            let _ = acceptor.serve(stream, record).await;
        });
    }
}

/// A [`Protocol`] that is ready to serve connections.
enum Acceptor {
    Http(Option<TlsAcceptor>),
    Socks5,
}

impl Acceptor {
    async fn serve(&self, stream: TcpStream, record: Arc<Record>) -> Result<()> {
        match self {
            Self::Http(None) => http::serve(stream, record).await,
            Self::Http(Some(tls)) => {
                let stream = tls.accept(stream).await.context("accept TLS")?;
                http::serve(stream, record).await
            }
            Self::Socks5 => socks::serve(stream, &record).await,
        }
    }
}
