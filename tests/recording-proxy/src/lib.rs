//! Proxies for tests: HTTP and HTTPS by hyper, SOCKS5 by fast-socks5. They note what they are asked.
//!
//! ```text
//! start(protocol, credential) ─▶ a thread with a runtime: accept ─▶ http::serve or socks::serve ─▶ record
//! ```
//!
//! A proxy listens on a free port of 127.0.0.1 and stops when its handle is dropped.

mod http;
mod socks;

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, Result};
use rustls::ServerConfig;
use tokio::{net::TcpStream, sync::oneshot};
use tokio_rustls::TlsAcceptor;

/// How a proxy is spoken to.
pub enum Protocol {
    /// `CONNECT`, and requests that name their server.
    Http,
    /// The same in TLS.
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

/// What a proxy knows and notes.
#[derive(Default)]
struct Record {
    credential: Option<(String, String)>,
    asked: Mutex<Vec<String>>,
}

impl RecordingProxy {
    /// Starts a proxy. With a credential, a name and a password, it serves nobody else.
    ///
    /// # Errors
    /// When there is no port or no thread.
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
                // All connections end with the runtime.
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

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All that it was asked so far, with who asked: `CONNECT HOST:PORT`, a method and a URL, or
    /// `SOCKS HOST:PORT`; then ` as NAME:PASSWORD` if a credential came with it.
    pub fn asked(&self) -> Vec<String> {
        self.record
            .asked
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
    /// Notes a question, and says whether it comes from somebody who is served.
    fn note(&self, question: &str, credential: Option<(&str, &str)>) -> bool {
        let who = credential.map_or_else(String::new, |(name, password)| {
            format!(" as {name}:{password}")
        });
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(format!("{question}{who}"));
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
    let protocol = Arc::new(match protocol {
        Protocol::Http => Serving::Http(None),
        Protocol::Https(config) => Serving::Http(Some(TlsAcceptor::from(Arc::new(*config)))),
        Protocol::Socks5 => Serving::Socks5,
    });
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let (protocol, record) = (Arc::clone(&protocol), Arc::clone(&record));
        tokio::spawn(async move {
            // A client that goes away in the middle is no failure here.
            let _ = protocol.serve(stream, record).await;
        });
    }
}

enum Serving {
    Http(Option<TlsAcceptor>),
    Socks5,
}

impl Serving {
    async fn serve(&self, stream: TcpStream, record: Arc<Record>) -> Result<()> {
        match self {
            Self::Http(None) => http::serve(stream, record).await,
            Self::Http(Some(tls)) => {
                let stream = tls.accept(stream).await.context("TLS")?;
                http::serve(stream, record).await
            }
            Self::Socks5 => socks::serve(stream, &record).await,
        }
    }
}
