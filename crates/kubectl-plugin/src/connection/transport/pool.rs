//! Connections to one server that many requests share.
//!
//! If the server speaks HTTP/2, one connection has all requests. Otherwise each request takes an idle
//! HTTP/1.1 connection or opens another one, so there are at most as many as there were requests at the
//! same time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::{Request, Response, Uri};
use kube_client::client::Body;
use tower::BoxError;

use crate::connection::transport::activity::SharedError;
use crate::connection::transport::connection::{Connection, Http1, Http2};
use crate::connection::transport::dial::Dialer;
use crate::connection::transport::driven::ResponseBody;

/// The shared connections.
pub(super) struct Pool {
    dialer: Dialer,
    server: Uri,
    /// Locked while the first connection is opened, because only then the protocol is known.
    latest: tokio::sync::Mutex<Latest>,
    idle: Mutex<Vec<Http1>>,
}

/// The result of opening the latest connection.
enum Latest {
    Nothing,
    Http1,
    Http2(Http2),
    /// The failure, and its time. It is also the failure of the requests that waited for the connection.
    Failed(SharedError, Instant),
}

impl Pool {
    pub(super) fn new(dialer: Dialer, server: Uri) -> Self {
        Self {
            dialer,
            server,
            latest: tokio::sync::Mutex::new(Latest::Nothing),
            idle: Mutex::default(),
        }
    }

    /// Sends a request on a shared connection, and waits for the head of its response.
    pub(super) async fn send(
        &self,
        request: Request<Body>,
    ) -> Result<Response<ResponseBody>, BoxError> {
        let mut connection = self.connection().await?;
        let response = connection.send(request).await?;
        if let Connection::Http1(connection) = connection {
            // It is ready for another request when the response has been read.
            self.idle().push(connection);
        }
        Ok(response.map(|body| ResponseBody::new(body, None)))
    }

    /// Sends a request on a connection of its own, and waits for the head of its response.
    pub(super) async fn send_alone(
        &self,
        request: Request<Body>,
    ) -> Result<Response<ResponseBody>, BoxError> {
        Connection::send_alone(&self.dialer, &self.server, request).await
    }

    /// Returns a connection for one request.
    async fn connection(&self) -> Result<Connection, SharedError> {
        let start = Instant::now();
        let mut latest = self.latest.lock().await;
        match &*latest {
            Latest::Http2(connection) if connection.is_usable() => {
                return Ok(Connection::Http2(connection.clone()));
            }
            Latest::Failed(error, time) if start <= *time => return Err(error.clone()),
            Latest::Http1 => {
                if let Some(connection) = self.take_idle() {
                    return Ok(Connection::Http1(connection));
                }
                // No other request waits for this connection.
                drop(latest);
                let opened = self.open().await.map_err(SharedError::from);
                *self.latest.lock().await = Latest::new(&opened);
                return opened;
            }
            Latest::Nothing | Latest::Http2(_) | Latest::Failed(..) => {}
        }
        let opened = self.open().await.map_err(SharedError::from);
        *latest = Latest::new(&opened);
        opened
    }

    async fn open(&self) -> Result<Connection, BoxError> {
        Connection::open(&self.dialer, &self.server).await
    }

    /// Takes a connection whose last response has been read. Closes those that cannot be used again.
    fn take_idle(&self) -> Option<Http1> {
        let mut idle = self.idle();
        idle.retain(Http1::is_usable);
        let ready = idle.iter().position(Http1::is_ready)?;
        Some(idle.swap_remove(ready))
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Http1>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Latest {
    fn new(opened: &Result<Connection, SharedError>) -> Self {
        match opened {
            Ok(Connection::Http1(_)) => Self::Http1,
            Ok(Connection::Http2(connection)) => Self::Http2(connection.clone()),
            Err(error) => Self::Failed(error.clone(), Instant::now()),
        }
    }
}
