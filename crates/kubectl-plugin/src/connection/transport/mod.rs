//! A client: a connection on demand, below kube-client's layer for the base address.
//!
//! kube-client's own stack is not used because it repeats requests on its own (also a PATCH, up
//! to 15 times), lacks keepalive, and knows proxies only in part. HTTP/1.1 only, as kube-client's
//! TLS speaks it.

mod byte_counter;
mod dial;
pub(crate) mod meter;
mod no_proxy;
mod protocol_check;
pub(crate) mod proxy;
pub(crate) mod server_url;

use std::sync::Arc;

use http::Uri;
use hyper_util::{
    client::legacy::Client as HttpClient,
    rt::{TokioExecutor, TokioIo},
};
use kube_client::{
    Client, Config,
    client::{Body, ConfigExt},
};
use tower::{BoxError, ServiceBuilder};

use crate::connection::tls::Tls;
use crate::connection::transport::meter::Meter;
use crate::connection::transport::proxy::Proxy;
use crate::stderr::trace::Trace;
use byte_counter::ByteCounter;
use dial::Dialer;
pub(crate) use dial::{DialError, Obstacle};
pub(crate) use protocol_check::WrongProtocol;

/// How many headers a reply may have. hyper's limit of a hundred is not Go's, which counts bytes.
const MOST_HEADERS: usize = 10_000;

/// The client. Needs a tokio runtime around it; connects when the first request is sent.
pub(crate) fn client(
    server: &Uri,
    tls: Option<Tls>,
    proxy: Option<Proxy>,
    meter: &Meter,
    trace: Trace,
) -> Client {
    let is_proxied = proxy.as_ref().is_some_and(|proxy| proxy.passes_on(server));
    let dialer = Arc::new(Dialer {
        tcp: dial::tcp(meter.clone(), trace),
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
        // A kept connection may be gone when a patch is written to it, which then may have arrived.
        .pool_max_idle_per_host(0)
        // A reply has a header for each warning, as many as a patch has misspelt fields.
        .http1_max_headers(MOST_HEADERS)
        .build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(Config::new(server.clone()).base_uri_layer())
        .map_err(BoxError::from)
        .service(http);
    Client::new(service, "default")
}
