//! The HTTP client. kube-client's layer on top of it adds the server's base address.
//!
//! kube-client's own stack is not used, because it repeats requests (even a PATCH, up to 15 times),
//! lacks keepalive, and supports proxies only in part.
//!
//! * `dial`: opens a connection; `proxy` and `no_proxy` choose the proxy
//! * `connection`: sends requests on a connection, with HTTP/1.1 or HTTP/2
//! * `driven`: a connection without a task, for one request
//! * `pool`: connections that many requests share
//! * `delivery`: shows whether a request can have reached the server
//! * `protocol_check`: tells plain HTTP and TLS apart
//! * `activity`, `meter`: record what happens on a connection, and the times
//! * `server_url`: parses the server's address

mod activity;
mod connection;
pub(crate) mod delivery;
mod dial;
mod driven;
pub(crate) mod meter;
mod no_proxy;
mod pool;
mod protocol_check;
pub(crate) mod proxy;
pub(crate) mod server_url;

use std::sync::Arc;

use http::Uri;
use kube_client::client::ConfigExt;
use kube_client::{Client, Config};
use tower::ServiceBuilder;

use crate::connection::tls::Tls;
use crate::connection::transport::meter::Meter;
use crate::connection::transport::proxy::Proxy;
use crate::stderr::trace::Trace;
use dial::Dialer;
pub(crate) use dial::{DialError, DialErrorKind};
use pool::Pool;
pub(crate) use protocol_check::WrongProtocol;

/// The connections of a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Connections {
    /// Each request opens an HTTP/1.1 connection. A server may close an idle connection while a patch is
    /// written to it, and then the outcome would be unknown.
    #[default]
    OnePerRequest,
    /// Requests share connections, over HTTP/2 if the server speaks it.
    Shared,
}

/// Creates the client. Needs a tokio runtime. Connects when the first request is sent.
pub(crate) fn client(
    server: &Uri,
    tls: Option<Tls>,
    proxy: Option<Proxy>,
    connections: Connections,
    meter: &Meter,
    trace: Trace,
) -> Client {
    let dialer = Dialer {
        tcp: dial::tcp_connector(meter.clone(), trace),
        proxy,
        tls,
        offers_http2: connections == Connections::Shared,
        meter: meter.clone(),
        trace,
    };
    let pool = Arc::new(Pool::new(dialer, server.clone()));
    let http = tower::service_fn(move |request| {
        let pool = Arc::clone(&pool);
        // The future is on the heap, because it would enlarge every future that sends a request.
        Box::pin(async move {
            match connections {
                Connections::OnePerRequest => pool.send_alone(request).await,
                Connections::Shared => pool.send(request).await,
            }
        })
    });
    let service = ServiceBuilder::new()
        .layer(Config::new(server.clone()).base_uri_layer())
        .service(http);
    Client::new(service, "default")
}
