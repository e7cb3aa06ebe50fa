//! From a configuration to a client: TCP, TLS, and kube-client's layers for the base address, the
//! login and the impersonation.
//!
//! kube-client's own stack is not used because it repeats requests on its own (also a PATCH, up
//! to 15 times) and lacks keepalive. HTTP/1.1 only, as kube-client's TLS speaks it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::{
        Client as HttpClient,
        connect::{Connected, Connection, HttpConnector},
    },
    rt::TokioExecutor,
};
use kube_client::{
    Client, Config,
    client::{Body, ConfigExt, RustlsTlsError},
};
use tower::{BoxError, ServiceBuilder, ServiceExt};

use crate::Error;

/// For DNS, TCP and the TLS handshake together, as for client-go's dialer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a quiet connection waits before it asks whether the other side is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How long written bytes may stay unacknowledged until the connection counts as dead.
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_mins(1);

/// How many bytes of requests were handed to connections. What TLS has taken counts, sent or not:
/// the question it answers is whether a request can have reached the server at all.
#[derive(Clone, Debug, Default)]
pub struct WrittenBytes(Arc<AtomicU64>);

impl WrittenBytes {
    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(count)) = written {
            self.0.fetch_add(*count as u64, Ordering::Relaxed);
        }
    }
}

/// The client, which counts in `written`. Needs a tokio runtime around it; connects when the
/// first request is sent.
pub(super) fn client(
    config: &Config,
    user_name: &str,
    written: &WrittenBytes,
) -> Result<Client, Error> {
    let explain = |error| explain(error, user_name);
    let counter = written.clone();
    let connector = config
        .rustls_https_connector_with_connector(tcp())
        .map_err(explain)?
        .map_future(move |connecting| {
            let counter = counter.clone();
            Box::pin(async move {
                let Ok(connected) = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await else {
                    let reason = format!("no connection after {CONNECT_TIMEOUT:?}");
                    return Err(io::Error::new(io::ErrorKind::TimedOut, reason).into());
                };
                connected.map(|stream| Counted {
                    stream,
                    written: counter,
                })
            })
        });
    let http = HttpClient::builder(TokioExecutor::new())
        .retry_canceled_requests(false)
        .build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer().map_err(explain)?)
        .layer(config.extra_headers_layer().map_err(explain)?)
        .map_err(BoxError::from)
        .service(http);
    Ok(Client::new(service, "default"))
}

fn tcp() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_keepalive_interval(Some(KEEPALIVE));
    #[cfg(target_os = "linux")]
    connector.set_tcp_user_timeout(Some(USER_TIMEOUT));
    connector
}

/// What kube-client refuses. Its own texts may repeat lines of a key file.
fn explain(error: kube_client::Error, user_name: &str) -> Error {
    let message = match error {
        kube_client::Error::RustlsTls(error) => match error {
            RustlsTlsError::InvalidPrivateKey(rustls::Error::InconsistentKeys(_)) => {
                format!(
                    "the client-key of user {user_name:?} is not that of the client-certificate"
                )
            }
            RustlsTlsError::InvalidPrivateKey(reason) => {
                format!(
                    "the client certificate and key of user {user_name:?} do not work: {reason}"
                )
            }
            RustlsTlsError::MissingPrivateKey => {
                format!("the client-key of user {user_name:?} holds no private key in PEM")
            }
            RustlsTlsError::MissingCertificate => {
                format!("the client-certificate of user {user_name:?} holds no certificate in PEM")
            }
            RustlsTlsError::InvalidIdentityPem(_) | RustlsTlsError::UnknownPrivateKeyFormat => {
                format!("the client certificate or key of user {user_name:?} is not valid PEM")
            }
            RustlsTlsError::AddRootCertificate(reason) => {
                format!("unable to load root certificates: {reason}")
            }
            RustlsTlsError::NoValidNativeRootCA(reason) => {
                format!("unable to load the platform's root certificates: {reason}")
            }
            RustlsTlsError::InvalidServerName(reason) => format!("tls-server-name: {reason}"),
        },
        kube_client::Error::HttpError(_) => {
            "an impersonated name holds a character that no header may hold".to_owned()
        }
        _ => "the connection cannot be set up".to_owned(),
    };
    Error::usage(message)
}

/// A connection that counts the bytes that are written to it.
struct Counted<T> {
    stream: T,
    written: WrittenBytes,
}

impl<T: Write + Unpin> Write for Counted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written.add(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written.add(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<T: Read + Unpin> Read for Counted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<T: Connection> Connection for Counted<T> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}
