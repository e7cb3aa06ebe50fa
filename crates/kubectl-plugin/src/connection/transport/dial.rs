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

/// The time limit for all addresses of a name, as in client-go's dialer: each gets a part of it.
const TCP_TIMEOUT: Duration = Duration::from_secs(30);
/// The time limit for one TLS handshake, as in client-go's transport.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// The time limit for a proxy's response, as in net/http.
const PROXY_TIMEOUT: Duration = Duration::from_mins(1);
/// TCP keepalive: how long a quiet connection waits before it probes the peer, how long it waits for an
/// answer, and how many probes it sends. A connection that a load balancer dropped silently is noticed in half
/// the time for which an API server keeps the missed events.
const KEEPALIVE: Duration = Duration::from_secs(20);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;
/// How long written bytes may stay unacknowledged before the connection counts as dead.
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens connections to one server.
pub(crate) struct Dialer {
    pub(crate) tcp: HttpConnector<Resolver>,
    pub(crate) proxy: Option<Proxy>,
    /// For the server or the proxy, whichever speaks TLS.
    pub(crate) tls: Option<Tls>,
    pub(crate) meter: Meter,
    pub(crate) trace: Trace,
}

/// The platform's name lookup, with measured time.
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

/// Go's words for a SOCKS proxy that accepts none of the offered authentication methods.
const NO_METHOD: &str = "no acceptable authentication methods";

/// A stream of bytes.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}
type BoxStream = Box<dyn Stream>;

/// The reason why there is no connection.
#[derive(Debug, thiserror::Error)]
#[error("no connection to {peer}")]
pub(crate) struct DialError {
    /// `HOST:PORT` of the peer that it failed with.
    pub(crate) peer: String,
    /// Whether that is the proxy, not the server.
    pub(crate) is_proxy: bool,
    #[source]
    pub(crate) obstacle: Obstacle,
}

/// The obstacle to a connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Obstacle {
    /// The name has no address, or no address accepts connections.
    #[error("no TCP connection")]
    Tcp(#[source] BoxError),
    #[error("no TLS")]
    Tls(#[source] io::Error),
    #[error("no TLS in time")]
    TlsTimeout,
    /// The host's name cannot be in a certificate.
    #[error("no name for TLS")]
    NoName,
    /// An HTTP proxy refused `CONNECT`, in its own words.
    #[error("{0} {1}")]
    Refused(StatusCode, String),
    /// A SOCKS proxy refused, or does not speak SOCKS.
    #[error("{0}")]
    Socks(String),
    /// The response to `CONNECT` was invalid.
    #[error("no tunnel")]
    NoTunnel(#[source] hyper::Error),
    #[error("no answer in time")]
    ProxyTimeout,
}

impl Dialer {
    /// Opens a connection to the server, or to a proxy that passes requests on.
    pub(crate) async fn dial(&self, server: &Uri) -> Result<BoxStream, DialError> {
        let peer = format!(
            "{}:{}",
            server.host().unwrap_or_default(),
            server_url::port(server)
        );
        let at_server = |obstacle| DialError {
            peer: peer.clone(),
            is_proxy: false,
            obstacle,
        };
        let stream = match &self.proxy {
            None => Box::new(self.connect(server).await.map_err(at_server)?),
            Some(proxy) => {
                let to_proxy = self.dial_through(proxy, &peer, !proxy.passes_on(server));
                to_proxy.await.map_err(|obstacle| DialError {
                    peer: proxy.name(),
                    is_proxy: true,
                    obstacle,
                })?
            }
        };
        if server_url::is_tls(server) {
            self.encrypt(stream, server).await.map_err(at_server)
        } else {
            Ok(Box::new(ProtocolCheck::new(stream, false)))
        }
    }

    /// Opens a connection to the proxy, and a tunnel to `target` if there is one.
    async fn dial_through(
        &self,
        proxy: &Proxy,
        target: &str,
        is_tunnel: bool,
    ) -> Result<BoxStream, Obstacle> {
        if proxy.protocol == Protocol::Socks5 {
            return self.dial_through_socks(proxy, target).await;
        }
        let mut stream: BoxStream = Box::new(self.connect(&proxy.address).await?);
        if proxy.is_tls() {
            stream = self.encrypt(stream, &proxy.address).await?;
        }
        if !is_tunnel {
            return Ok(stream);
        }
        let tunnel = timeout(
            PROXY_TIMEOUT,
            connect(stream, target, proxy.authorization()),
        );
        tunnel.await.unwrap_or(Err(Obstacle::ProxyTimeout))
    }

    /// hyper-util offers the proxy either a password or none. A proxy that does not want our password gets
    /// another attempt without it.
    async fn dial_through_socks(&self, proxy: &Proxy, target: &str) -> Result<BoxStream, Obstacle> {
        let mut credential = proxy.credential.as_ref();
        loop {
            let tcp = self.connect(&proxy.address).await?;
            let tunnel = timeout(PROXY_TIMEOUT, socks(tcp, proxy, credential, target));
            match tunnel.await.unwrap_or(Err(Obstacle::ProxyTimeout)) {
                Err(Obstacle::Socks(reason)) if reason == NO_METHOD && credential.is_some() => {
                    credential = None;
                }
                result => return result,
            }
        }
    }

    async fn connect(&self, address: &Uri) -> Result<TcpStream, Obstacle> {
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
                Err(Obstacle::Tcp(error.into()))
            }
        }
    }

    async fn encrypt(&self, stream: BoxStream, address: &Uri) -> Result<BoxStream, Obstacle> {
        let tls = self.tls.as_ref();
        let tls = tls.expect("TLS is set up for a server or a proxy that speaks it");
        let name = match &tls.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(server_url::host(address).to_owned())
                .map_err(|_| Obstacle::NoName)?,
        };
        let stream = ProtocolCheck::new(stream, true);
        let start = Instant::now();
        let handshake = TlsConnector::from(Arc::clone(&tls.config)).connect(name, stream);
        match timeout(TLS_TIMEOUT, handshake).await {
            Ok(Ok(stream)) => {
                self.meter.record(|times| times.handshake = start.elapsed());
                Ok(Box::new(stream))
            }
            Ok(Err(error)) => Err(Obstacle::Tls(error)),
            Err(_) => Err(Obstacle::TlsTimeout),
        }
    }
}

/// Connects to the first address that answers, with IPv4 and IPv6 side by side (RFC 8305).
pub(crate) fn tcp(meter: Meter, trace: Trace) -> HttpConnector<Resolver> {
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

/// Asks an HTTP proxy for a tunnel. hyper-util's own `Tunnel` does not tell how it was refused.
async fn connect(
    stream: BoxStream,
    target: &str,
    authorization: Option<HeaderValue>,
) -> Result<BoxStream, Obstacle> {
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = http::Method::CONNECT;
    *request.uri_mut() = target.parse().map_err(|_| Obstacle::NoName)?;
    let headers = request.headers_mut();
    headers.insert(
        header::HOST,
        HeaderValue::try_from(target).map_err(|_| Obstacle::NoName)?,
    );
    if let Some(authorization) = authorization {
        headers.insert(header::PROXY_AUTHORIZATION, authorization);
    }

    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(Obstacle::NoTunnel)?;
    // It ends with the sender, or when the tunnel takes over the connection.
    tokio::spawn(connection.with_upgrades());
    let response = sender
        .send_request(request)
        .await
        .map_err(Obstacle::NoTunnel)?;
    let status = response.status();
    if status != StatusCode::OK {
        let words = match response.extensions().get::<ReasonPhrase>() {
            Some(words) => String::from_utf8_lossy(words.as_bytes()).into_owned(),
            None => status.canonical_reason().unwrap_or_default().to_owned(),
        };
        return Err(Obstacle::Refused(status, words));
    }
    let tunnel = hyper::upgrade::on(response)
        .await
        .map_err(Obstacle::NoTunnel)?;
    Ok(Box::new(TokioIo::new(tunnel)))
}

/// Asks a SOCKS proxy for a tunnel. The proxy looks up the target's name.
async fn socks(
    stream: TcpStream,
    proxy: &Proxy,
    credential: Option<&ProxyCredential>,
    target: &str,
) -> Result<BoxStream, Obstacle> {
    // hyper-util's SOCKS wants to connect by itself, and would not tell why it cannot.
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
        .map_err(|_| Obstacle::NoName)?;
    match socks.oneshot(target).await {
        Ok(tunnel) => Ok(Box::new(tunnel.into_inner())),
        Err(error) => Err(Obstacle::Socks(socks_reason(&error.to_string()).to_owned())),
    }
}

/// Returns hyper-util's words for a refusal as Go's (`golang.org/x/net/internal/socks`).
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
        let stream = tcp(Meter::default(), Trace::default())
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
