//! The requests that are needed to apply a patch.

use std::time::Duration;

use kubectl_plugin::Error;
use kubectl_plugin::api_server::{ApiServer, Reply};
use kubectl_plugin::request::{ApiRequest, RawPath};
use tokio::time::timeout;

use crate::live_object::LiveObject;

/// The timeout for the first event of a watch. The caller knows that there is an event.
const EVENT_TIMEOUT: Duration = Duration::from_secs(5);

/// An API server, or a model of one in tests.
pub(crate) trait Requests {
    /// Sends a PATCH once.
    async fn patch(&self, request: ApiRequest) -> Result<Reply, Error>;

    /// Sends a request that changes nothing.
    async fn look_up(&self, request: ApiRequest) -> Result<Reply, Error>;

    /// Sends a watch, and returns the line of its first event. Returns `None` if there is none soon.
    async fn first_event(&self, request: ApiRequest) -> Result<Option<Vec<u8>>, Error>;

    /// Reads the version and identity of the object at `path`.
    async fn read_metadata(&self, path: &RawPath) -> Result<LiveObject, Error>;
}

impl Requests for ApiServer {
    async fn patch(&self, request: ApiRequest) -> Result<Reply, Error> {
        self.send(request).await
    }

    async fn look_up(&self, request: ApiRequest) -> Result<Reply, Error> {
        self.look_up(request).await
    }

    async fn first_event(&self, request: ApiRequest) -> Result<Option<Vec<u8>>, Error> {
        let mut stream = self.open(request).await?;
        let mut line = Vec::new();
        let read = timeout(EVENT_TIMEOUT, async {
            while !line.contains(&b'\n') {
                line.extend(stream.chunk().await.ok()?);
            }
            Some(())
        });
        let is_whole = read.await.ok().flatten().is_some();
        let end = line.iter().position(|byte| *byte == b'\n');
        line.truncate(end.unwrap_or(0));
        Ok(is_whole.then_some(line))
    }

    async fn read_metadata(&self, path: &RawPath) -> Result<LiveObject, Error> {
        LiveObject::read(path, self).await
    }
}
