//! Opens a connection, and sends requests on it.
//!
//! hyper's connections are used directly, because its client does not tell whether a server ignored a
//! request, and decides by itself when to reuse a connection.

use std::error::Error;
use std::io;
use std::time::Duration;

use http::header::HOST;
use http::{HeaderValue, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use kube_client::client::Body;
use tower::BoxError;

use crate::connection::transport::activity::{Activity, SharedError};
use crate::connection::transport::delivery::Delivery;
use crate::connection::transport::dial::{BoxStream, Dialer};
use crate::connection::transport::driven::{Driven, RecordedStream, ResponseBody};
use crate::connection::transport::server_url;

/// The maximum number of response headers. hyper's default of a hundred is less than Go accepts, and a
/// response has a header for each warning, and thus for each misspelled field of a patch.
const MAX_HEADERS: usize = 10_000;
/// The maximum size of the headers in HTTP/2, in bytes, as in Go.
const MAX_HEADER_SIZE: u32 = 10 << 20;
/// The maximum number of unread bytes of one response in HTTP/2.
const STREAM_WINDOW: u32 = 1 << 20;
/// The maximum number of unread bytes of all responses on a connection. No response ever waits for the
/// reader of another one.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;
/// The time without any bytes after which a PING is sent, and the timeout for its acknowledgement.
const PING_INTERVAL: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(15);
/// The time without any bytes after which a connection is not used for another request. The server, or
/// a proxy in between, may have closed it unnoticed.
const MAX_SILENCE: Duration = Duration::from_secs(15);

/// An open connection.
pub(super) enum Connection {
    Http1(Http1),
    Http2(Http2),
}

/// An HTTP/1.1 connection, which has one request at a time.
pub(super) struct Http1 {
    sender: http1::SendRequest<Body>,
    activity: Activity,
    /// Whether a proxy forwards the requests, so that their first line must name the server.
    is_proxied: bool,
}

/// A handle for an HTTP/2 connection, which has many requests at a time.
#[derive(Clone)]
pub(super) struct Http2 {
    sender: http2::SendRequest<Body>,
    activity: Activity,
}

/// The failure of a request on an HTTP/2 connection that broke.
#[derive(Debug, thiserror::Error)]
#[error("{request}")]
struct BrokenConnection {
    request: hyper::Error,
    /// h2 only keeps the text of this error.
    #[source]
    failure: SharedError,
}

impl RecordedStream {
    fn new(stream: BoxStream, dialer: &Dialer) -> Self {
        Self {
            stream: TokioIo::new(stream),
            activity: Activity::new(dialer.meter.clone()),
        }
    }
}

impl Connection {
    /// Opens a connection. It speaks HTTP/2 if the dialer offers that, and the server accepts.
    pub(super) async fn open(dialer: &Dialer, server: &Uri) -> Result<Self, BoxError> {
        let dialed = dialer.dial(server).await?;
        let stream = RecordedStream::new(dialed.stream, dialer);
        if dialed.is_http2 {
            Ok(Self::Http2(Http2::start(stream).await?))
        } else {
            let (connection, driven) = Http1::start(stream, dialer, server).await?;
            tokio::spawn(driven.run());
            Ok(Self::Http1(connection))
        }
    }

    /// Opens an HTTP/1.1 connection for one request, and waits for the head of its response.
    pub(super) async fn send_alone(
        dialer: &Dialer,
        server: &Uri,
        request: Request<Body>,
    ) -> Result<Response<ResponseBody>, BoxError> {
        let stream = RecordedStream::new(dialer.dial(server).await?.stream, dialer);
        let (mut connection, mut driven) = Http1::start(stream, dialer, server).await?;
        let response = driven.drive(connection.send(request)).await?;
        Ok(response.map(|body| ResponseBody::new(body, Some(driven))))
    }

    /// Sends a request, and waits for the head of its response.
    pub(super) async fn send(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, BoxError> {
        match self {
            Self::Http1(connection) => Ok(connection.send(request).await?),
            Self::Http2(connection) => connection.send(request).await,
        }
    }
}

impl Http1 {
    async fn start(
        stream: RecordedStream,
        dialer: &Dialer,
        server: &Uri,
    ) -> hyper::Result<(Self, Driven)> {
        let activity = stream.activity.clone();
        let (mut sender, connection) = http1::Builder::new()
            .max_headers(MAX_HEADERS)
            .handshake(stream)
            .await?;
        let mut driven = Driven::new(connection);
        if let Err(closed) = driven.drive(sender.ready()).await {
            return Err(driven.into_failure().unwrap_or(closed));
        }
        let is_proxied = (dialer.proxy.as_ref()).is_some_and(|proxy| proxy.passes_on(server));
        let connection = Self {
            sender,
            activity,
            is_proxied,
        };
        Ok((connection, driven))
    }

    /// Reports whether the connection can have another request now.
    pub(super) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Reports whether the connection can have another request later.
    pub(super) fn is_usable(&self) -> bool {
        !self.sender.is_closed() && self.activity.silence() < MAX_SILENCE
    }

    async fn send(&mut self, mut request: Request<Body>) -> hyper::Result<Response<Incoming>> {
        name_host(&mut request);
        if !self.is_proxied {
            let path = request.uri().path_and_query().cloned();
            *request.uri_mut() = path.map(Uri::from).unwrap_or_default();
        }
        Delivery::of(&request).has_own(&self.activity);
        let response = self.sender.try_send_request(request).await;
        response.map_err(|mut failure| {
            drop(failure.take_message());
            failure.into_error()
        })
    }
}

impl Http2 {
    async fn start(stream: RecordedStream) -> hyper::Result<Self> {
        let activity = stream.activity.clone();
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_header_list_size(MAX_HEADER_SIZE)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .keep_alive_while_idle(true)
            .handshake(stream)
            .await?;
        // Each request gets the error of the connection.
        tokio::spawn(connection);
        Ok(Self { sender, activity })
    }

    /// Reports whether the connection can have another request.
    pub(super) fn is_usable(&self) -> bool {
        !self.sender.is_closed() && self.activity.silence() < MAX_SILENCE
    }

    async fn send(&mut self, request: Request<Body>) -> Result<Response<Incoming>, BoxError> {
        let delivery = Delivery::of(&request);
        delivery.shares_connection();
        let mut failure = match self.sender.try_send_request(request).await {
            Ok(response) => return Ok(response),
            Err(failure) => failure,
        };
        if failure.take_message().is_some() || is_ignored(failure.error()) {
            delivery.reset();
        }
        let request = failure.into_error();
        let is_broken = request.source().is_some_and(<dyn Error>::is::<io::Error>);
        if !is_broken {
            return Err(request.into());
        }
        // Without an error, the server ended the connection.
        let end = || SharedError::new(io::ErrorKind::UnexpectedEof.into());
        let failure = self.activity.failure().unwrap_or_else(end);
        Err(BrokenConnection { request, failure }.into())
    }
}

/// Reports whether the server said that it ignored a request: it refused the stream, or the last stream
/// of its GOAWAY is before the request's.
fn is_ignored(error: &hyper::Error) -> bool {
    http2_error(error).is_some_and(|error| {
        error.is_remote()
            && (error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM))
    })
}

fn http2_error(error: &hyper::Error) -> Option<&h2::Error> {
    error.source()?.downcast_ref()
}

/// Adds the `Host` header, unless the request has one.
fn name_host(request: &mut Request<Body>) {
    let uri = request.uri();
    let host = uri.host().unwrap_or_default();
    let default_port = if server_url::is_tls(uri) { 443 } else { 80 };
    let host = match uri.port() {
        Some(port) if port.as_u16() != default_port => {
            HeaderValue::try_from(format!("{host}:{port}"))
        }
        _ => HeaderValue::try_from(host),
    };
    if let Ok(host) = host {
        request.headers_mut().entry(HOST).or_insert(host);
    }
}
