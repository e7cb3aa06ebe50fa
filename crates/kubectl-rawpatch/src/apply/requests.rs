//! The requests that are needed to apply a patch.

use kubectl_plugin::Error;
use kubectl_plugin::api_server::{ApiServer, Reply};
use kubectl_plugin::request::{ApiRequest, RawPath};

use crate::live_object::LiveObject;

/// An API server, or a model of one in tests.
pub(crate) trait Requests {
    /// Sends a PATCH once.
    async fn patch(&self, request: ApiRequest) -> Result<Reply, Error>;

    /// Reads the version and identity of the object at `path`.
    async fn read_metadata(&self, path: &RawPath) -> Result<LiveObject, Error>;
}

impl Requests for ApiServer {
    async fn patch(&self, request: ApiRequest) -> Result<Reply, Error> {
        self.send(request).await
    }

    async fn read_metadata(&self, path: &RawPath) -> Result<LiveObject, Error> {
        LiveObject::read(path, self).await
    }
}
