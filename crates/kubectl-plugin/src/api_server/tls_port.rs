//! Recognizes a TLS server at an `http` address. It cannot read a request in plain HTTP, so it has done
//! nothing.
//!
//! Some servers answer with a TLS alert, and some with an error in HTTP. Others close the connection,
//! like Go's after a PATCH. Then two GETs without a credential decide: a TLS server does not answer the
//! one in plain HTTP, or answers it with such an error, and accepts a TLS handshake.

use std::time::Duration;

use http::{Request, Uri};
use http_body_util::{BodyExt, Limited};
use kube_client::Client;
use kube_client::client::Body;

use super::outcome::{RequestFailure, is_tls_expected};
use super::{ApiServer, connection_error};
use crate::connection::{Connection, server_url};

/// The timeout for both requests together.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum size of a response that is read, in bytes.
const MAX_SIZE: usize = 64 << 10;

impl ApiServer {
    /// Reports whether a request in plain HTTP failed because the server expects TLS.
    pub(super) async fn is_tls_port(&self, failure: &RequestFailure) -> bool {
        let Connection {
            server, sessions, ..
        } = &self.connection;
        let proxy = sessions.route.proxy.as_ref();
        // A proxy that passes on requests may have broken the connection itself.
        let is_direct = !proxy.is_some_and(|proxy| proxy.passes_on(server));
        match failure {
            RequestFailure::Transport(error) if !server_url::is_tls(server) && is_direct => {
                connection_error::is_tls_alert(error)
                    || connection_error::is_closed(error)
                        && tokio::time::timeout(TIMEOUT, self.probe())
                            .await
                            .unwrap_or(false)
            }
            _ => false,
        }
    }

    async fn probe(&self) -> bool {
        let route = &self.connection.sessions.route;
        match get(&route.plain_client()).await {
            Ok(body) => is_tls_expected(&body),
            Err(error) if connection_error::is_tls_alert(&error) => true,
            Err(error) if connection_error::is_closed(&error) => match route.tls_client() {
                Some(client) => match get(&client).await {
                    Ok(_) => true,
                    Err(error) => connection_error::speaks_tls(&error),
                },
                None => false,
            },
            Err(_) => false,
        }
    }
}

/// Sends a GET, and returns the body of the response, whatever its status is.
async fn get(client: &Client) -> Result<Vec<u8>, kube_client::Error> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = Uri::from_static("/");
    let response = client.send(request).await?;
    let body = Limited::new(response.into_body(), MAX_SIZE).collect().await;
    Ok(body.map_or_else(|_| Vec::new(), |body| body.to_bytes().to_vec()))
}
