//! Opens a connection: TCP, then the proxy's handshake if there is one, then TLS
//! (`net/http`, `Transport.dialConn`).

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use std::{io, vec};

use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::ext::ReasonPhrase;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::connect::proxy::SocksV5;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower::{BoxError, Service, ServiceExt};

use crate::connection::proxy::{Protocol, Proxy, ProxyCredential};
use crate::connection::server_url;
use crate::connection::tls::Tls;
use crate::connection::transport::meter::Meter;
use crate::connection::transport::protocol_check::ProtocolCheck;
use crate::stderr::trace::Trace;

/// The timeout for all addresses of a name together, as in client-go's dialer.
const TCP_TIMEOUT: Duration = Duration::from_secs(30);
/// The timeout for a TLS handshake, as in client-go's transport.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// The timeout for a proxy's response, as in net/http.
const PROXY_TIMEOUT: Duration = Duration::from_mins(1);
/// TCP keepalive: the idle time before the first probe, the interval between probes, and the number
/// of probes. They reveal a silently dropped connection in half the time for which an API server
/// keeps the missed events.
const KEEPALIVE: Duration = Duration::from_secs(20);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;
/// The time after which a connection with unacknowledged bytes counts as dead.
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// The names of the protocols in a TLS handshake (RFC 7301).
const HTTP2: &[u8] = b"h2";
const HTTP2_OR_1: [&[u8]; 2] = [HTTP2, b"http/1.1"];

/// A dialer for one server.
pub(crate) struct Dialer {
    pub(crate) tcp: HttpConnector<Resolver>,
    pub(crate) proxy: Option<Proxy>,
    /// The settings for the server and for an https proxy.
    pub(crate) tls: Option<Tls>,
    /// Whether the server may choose HTTP/2.
    pub(crate) offers_http2: bool,
    pub(crate) meter: Meter,
    pub(crate) trace: Trace,
}

/// The platform's name lookup. It measures the time, and traces the result.
#[derive(Clone)]
pub(crate) struct Resolver {
    platform: GaiResolver,
    meter: Meter,
    trace: Trace,
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.platform.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (meter, trace) = (self.meter.clone(), self.trace);
        let lookup = self.platform.call(name.clone());
        Box::pin(async move {
            let start = Instant::now();
            let addresses: Vec<SocketAddr> = lookup.await?.collect();
            meter.record(|times| times.name_lookup = start.elapsed());
            trace.name_lookup(name.as_str(), &addresses);
            Ok(addresses.into_iter())
        })
    }
}

/// Go's message for a SOCKS proxy that accepts none of the offered authentication methods.
const NO_METHOD: &str = "no acceptable authentication methods";

/// A stream of bytes.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}
pub(super) type BoxStream = Box<dyn Stream>;

/// An open connection to the server, or to a proxy that forwards requests.
pub(super) struct Dialed {
    pub(super) stream: BoxStream,
    /// Whether the server has chosen HTTP/2.
    pub(super) is_http2: bool,
}

/// The failure to open a connection.
#[derive(Debug, thiserror::Error)]
#[error("no connection to {peer}")]
pub(crate) struct DialError {
    /// The `HOST:PORT` of the server or the proxy that caused the failure.
    pub(crate) peer: String,
    /// Whether `peer` is the proxy.
    pub(crate) is_proxy: bool,
    #[source]
    pub(crate) kind: DialErrorKind,
}

/// The kind of a [`DialError`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialErrorKind {
    /// The name has no address, or no address accepts connections.
    #[error("no TCP connection")]
    Tcp(#[source] BoxError),
    #[error("no TLS")]
    Tls(#[source] io::Error),
    #[error("no TLS in time")]
    TlsTimeout,
    /// A certificate cannot contain the name of the host.
    #[error("no name for TLS")]
    InvalidServerName,
    /// An HTTP proxy refused `CONNECT`, with this status and reason phrase.
    #[error("{0} {1}")]
    ConnectRejected(StatusCode, String),
    /// A SOCKS proxy refused, or does not speak SOCKS.
    #[error("{0}")]
    Socks(String),
    /// The response to `CONNECT` was invalid.
    #[error("no tunnel")]
    InvalidConnectResponse(#[source] hyper::Error),
    #[error("no answer in time")]
    ProxyTimeout,
}

impl Dialer {
    /// Opens a connection to the server, or to a proxy that forwards requests.
    pub(super) async fn dial(&self, server: &Uri) -> Result<Dialed, DialError> {
        let peer = format!(
            "{}:{}",
            server.host().unwrap_or_default(),
            server_url::port(server)
        );
        let at_server = |kind| DialError {
            peer: peer.clone(),
            is_proxy: false,
            kind,
        };
        let stream = match &self.proxy {
            None => Box::new(self.connect_tcp(server).await.map_err(at_server)?),
            Some(proxy) => {
                let to_proxy = self.dial_through(proxy, &peer, !proxy.passes_on(server));
                to_proxy.await.map_err(|kind| DialError {
                    peer: proxy.name(),
                    is_proxy: true,
                    kind,
                })?
            }
        };
        if server_url::is_tls(server) {
            let protocols: &[&[u8]] = if self.offers_http2 { &HTTP2_OR_1 } else { &[] };
            let dialed = self.encrypt(stream, server, protocols).await;
            dialed.map_err(at_server)
        } else {
            Ok(Dialed {
                stream: Box::new(ProtocolCheck::new(stream, false)),
                is_http2: false,
            })
        }
    }

    /// Opens a connection to the proxy, and, if `is_tunnel`, a tunnel through it to `target`.
    async fn dial_through(
        &self,
        proxy: &Proxy,
        target: &str,
        is_tunnel: bool,
    ) -> Result<BoxStream, DialErrorKind> {
        if proxy.protocol == Protocol::Socks5 {
            return self.dial_through_socks(proxy, target).await;
        }
        let mut stream: BoxStream = Box::new(self.connect_tcp(&proxy.address).await?);
        if proxy.is_tls() {
            stream = self.encrypt(stream, &proxy.address, &[]).await?.stream;
        }
        if !is_tunnel {
            return Ok(stream);
        }
        let tunnel = timeout(
            PROXY_TIMEOUT,
            open_http_tunnel(stream, target, proxy.authorization()),
        );
        tunnel.await.unwrap_or(Err(DialErrorKind::ProxyTimeout))
    }

    /// Opens a tunnel through a SOCKS proxy. hyper-util offers the proxy either password
    /// authentication or none, so a proxy that refuses the first is tried again without.
    async fn dial_through_socks(
        &self,
        proxy: &Proxy,
        target: &str,
    ) -> Result<BoxStream, DialErrorKind> {
        let mut credential = proxy.credential.as_ref();
        loop {
            let tcp = self.connect_tcp(&proxy.address).await?;
            let tunnel = timeout(
                PROXY_TIMEOUT,
                open_socks_tunnel(tcp, proxy, credential, target),
            );
            match tunnel.await.unwrap_or(Err(DialErrorKind::ProxyTimeout)) {
                Err(DialErrorKind::Socks(reason))
                    if reason == NO_METHOD && credential.is_some() =>
                {
                    credential = None;
                }
                result => return result,
            }
        }
    }

    async fn connect_tcp(&self, address: &Uri) -> Result<TcpStream, DialErrorKind> {
        let start = Instant::now();
        let tcp = self.tcp.clone().oneshot(address.clone()).await;
        self.meter
            .record(|times| times.dial = start.elapsed().saturating_sub(times.name_lookup));
        match tcp.map(TokioIo::into_inner) {
            Ok(stream) => {
                self.trace.dial(stream.peer_addr().ok(), address, None);
                Ok(stream)
            }
            Err(error) => {
                self.trace.dial(None, address, Some(&error));
                Err(DialErrorKind::Tcp(error.into()))
            }
        }
    }

    /// Starts TLS, and offers `protocols`.
    async fn encrypt(
        &self,
        stream: BoxStream,
        address: &Uri,
        protocols: &[&[u8]],
    ) -> Result<Dialed, DialErrorKind> {
        let tls = self.tls.as_ref();
        let tls = tls.expect("TLS is set up for a server or a proxy that speaks it");
        let name = match &tls.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(server_url::host(address).to_owned())
                .map_err(|_| DialErrorKind::InvalidServerName)?,
        };
        let stream = ProtocolCheck::new(stream, true);
        let start = Instant::now();
        let protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let connector = TlsConnector::from(Arc::clone(&tls.config));
        let handshake = connector.with_alpn(protocols).connect(name, stream);
        match timeout(TLS_TIMEOUT, handshake).await {
            Ok(Ok(stream)) => {
                self.meter.record(|times| times.handshake = start.elapsed());
                Ok(Dialed {
                    is_http2: stream.get_ref().1.alpn_protocol() == Some(HTTP2),
                    stream: Box::new(stream),
                })
            }
            Ok(Err(error)) => Err(DialErrorKind::Tls(error)),
            Err(_) => Err(DialErrorKind::TlsTimeout),
        }
    }
}

/// Returns a connector that tries IPv4 and IPv6 addresses at the same time, and uses the first that
/// answers (RFC 8305).
pub(crate) fn tcp_connector(meter: Meter, trace: Trace) -> HttpConnector<Resolver> {
    let platform = GaiResolver::new();
    let mut connector = HttpConnector::new_with_resolver(Resolver {
        platform,
        meter,
        trace,
    });
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(TCP_TIMEOUT));
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
    connector.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
    #[cfg(target_os = "linux")]
    connector.set_tcp_user_timeout(Some(USER_TIMEOUT));
    connector
}

/// Asks an HTTP proxy for a tunnel. hyper-util's own `Tunnel` does not return the proxy's refusal.
async fn open_http_tunnel(
    stream: BoxStream,
    target: &str,
    authorization: Option<HeaderValue>,
) -> Result<BoxStream, DialErrorKind> {
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = http::Method::CONNECT;
    *request.uri_mut() = target
        .parse()
        .map_err(|_| DialErrorKind::InvalidServerName)?;
    let headers = request.headers_mut();
    headers.insert(
        header::HOST,
        HeaderValue::try_from(target).map_err(|_| DialErrorKind::InvalidServerName)?,
    );
    if let Some(authorization) = authorization {
        headers.insert(header::PROXY_AUTHORIZATION, authorization);
    }

    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(DialErrorKind::InvalidConnectResponse)?;
    // The task ends when the sender is dropped, or when the tunnel takes over the connection.
    tokio::spawn(connection.with_upgrades());
    let response = sender
        .send_request(request)
        .await
        .map_err(DialErrorKind::InvalidConnectResponse)?;
    let status = response.status();
    if status != StatusCode::OK {
        let words = match response.extensions().get::<ReasonPhrase>() {
            Some(words) => String::from_utf8_lossy(words.as_bytes()).into_owned(),
            None => status.canonical_reason().unwrap_or_default().to_owned(),
        };
        return Err(DialErrorKind::ConnectRejected(status, words));
    }
    let tunnel = hyper::upgrade::on(response)
        .await
        .map_err(DialErrorKind::InvalidConnectResponse)?;
    Ok(Box::new(TokioIo::new(tunnel)))
}

/// Asks a SOCKS proxy for a tunnel. The proxy looks up the target's name.
async fn open_socks_tunnel(
    stream: TcpStream,
    proxy: &Proxy,
    credential: Option<&ProxyCredential>,
    target: &str,
) -> Result<BoxStream, DialErrorKind> {
    // hyper-util's SOCKS connects by itself and hides the error, so it gets an open connection.
    let mut stream = Some(stream);
    let connected = tower::service_fn(move |_| {
        let stream = stream.take().ok_or(io::ErrorKind::NotConnected);
        async move { stream.map(TokioIo::new).map_err(io::Error::from) }
    });
    let mut socks = SocksV5::new(proxy.address.clone(), connected);
    if let Some(ProxyCredential { name, password }) = credential {
        socks = socks.with_auth(name.clone(), password.clone());
    }
    let target = format!("http://{target}")
        .parse()
        .map_err(|_| DialErrorKind::InvalidServerName)?;
    match socks.oneshot(target).await {
        Ok(tunnel) => Ok(Box::new(tunnel.into_inner())),
        Err(error) => Err(DialErrorKind::Socks(
            socks_reason(&error.to_string()).to_owned(),
        )),
    }
}

/// Converts hyper-util's message to Go's (`golang.org/x/net/internal/socks`).
fn socks_reason(words: &str) -> &str {
    match words.strip_prefix("SOCKS error: ").unwrap_or(words) {
        "server does not support user/pass authentication"
        | "server implements authentication incorrectly" => NO_METHOD,
        "credentials not accepted" => "username/password authentication failed",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use rustix::net::sockopt;

    use super::*;

    /// Returns the kernel's settings of a connection.
    #[tokio::test]
    async fn a_connection_is_kept_alive_and_writes_at_once() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let address = format!("http://{address}").parse::<Uri>().expect("a URL");
        let stream = tcp_connector(Meter::default(), Trace::default())
            .oneshot(address)
            .await
            .expect("a connection")
            .into_inner();
        assert_eq!(sockopt::tcp_nodelay(&stream), Ok(true));
        assert_eq!(sockopt::socket_keepalive(&stream), Ok(true));
        assert_eq!(sockopt::tcp_keepidle(&stream), Ok(KEEPALIVE));
        assert_eq!(sockopt::tcp_keepintvl(&stream), Ok(KEEPALIVE_INTERVAL));
        assert_eq!(sockopt::tcp_keepcnt(&stream), Ok(KEEPALIVE_RETRIES));
        #[cfg(target_os = "linux")]
        assert_eq!(
            sockopt::tcp_user_timeout(&stream).map(u128::from),
            Ok(USER_TIMEOUT.as_millis())
        );
    }
}
