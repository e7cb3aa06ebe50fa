//! The HTTP client. kube-client's layer on top of it adds the server's base address.
//!
//! kube-client's own stack is not used, because it repeats requests (even a PATCH, up to 15 times),
//! lacks keepalive, and supports proxies only in part. Like kube-client over TLS, this client only
//! speaks HTTP/1.1.
//!
//! * `dial`: opens a connection; `proxy` and `no_proxy` choose the proxy
//! * `protocol_check`: tells plain HTTP and TLS apart
//! * `byte_counter`, `meter`: count bytes and measure times
//! * `server_url`: parses the server's address

mod byte_counter;
mod dial;
pub(crate) mod meter;
mod no_proxy;
mod protocol_check;
pub(crate) mod proxy;
pub(crate) mod server_url;

use std::sync::Arc;

use http::Uri;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube_client::client::{Body, ConfigExt};
use kube_client::{Client, Config};
use tower::{BoxError, ServiceBuilder};

use crate::connection::tls::Tls;
use crate::connection::transport::meter::Meter;
use crate::connection::transport::proxy::Proxy;
use crate::stderr::trace::Trace;
use byte_counter::ByteCounter;
use dial::Dialer;
pub(crate) use dial::{DialError, DialErrorKind};
pub(crate) use protocol_check::WrongProtocol;

/// The maximum number of response headers. hyper's default of a hundred is less than Go accepts.
const MAX_HEADERS: usize = 10_000;

/// Creates the client. Needs a tokio runtime. Connects when the first request is sent.
pub(crate) fn client(
    server: &Uri,
    tls: Option<Tls>,
    proxy: Option<Proxy>,
    meter: &Meter,
    trace: Trace,
) -> Client {
    let is_proxied = proxy.as_ref().is_some_and(|proxy| proxy.passes_on(server));
    let dialer = Arc::new(Dialer {
        tcp: dial::tcp_connector(meter.clone(), trace),
        proxy,
        tls,
        meter: meter.clone(),
        trace,
    });
    let meter = meter.clone();
    let connector = tower::service_fn(move |server| {
        let (dialer, meter) = (Arc::clone(&dialer), meter.clone());
        Box::pin(async move {
            let stream = dialer.dial(&server).await?;
            Ok::<_, DialError>(ByteCounter {
                stream: TokioIo::new(stream),
                meter,
                is_proxied,
            })
        })
    });
    let http = HttpClient::builder(TokioExecutor::new())
        .retry_canceled_requests(false)
        // Never reuses an idle connection: the server may close it while a patch is written, and
        // the outcome would be unknown.
        .pool_max_idle_per_host(0)
        // A response has a header for each warning, and thus for each misspelled field of a patch.
        .http1_max_headers(MAX_HEADERS)
        .build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(Config::new(server.clone()).base_uri_layer())
        .map_err(BoxError::from)
        .service(http);
    Client::new(service, "default")
}
