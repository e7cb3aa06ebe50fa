//! Reads the object that is stored on the server.

use http::header::{ACCEPT, HeaderMap, HeaderValue};
use kubectl_plugin::Error;
use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::request::{ApiRequest, ExpectedReply, RawPath};
use serde_json::Value;

/// The `Accept` for the metadata alone. A server that does not support it returns the whole object.
const METADATA: HeaderValue = HeaderValue::from_static(
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
);

/// The version and identity of a stored object.
pub(crate) struct LiveObject {
    pub(crate) resource_version: String,
    pub(crate) uid: Option<String>,
}

impl LiveObject {
    /// Reads the object at `path`, without the query parameters of the patch.
    pub(crate) async fn read(path: &RawPath, server: &ApiServer) -> Result<Self, Error> {
        let document = get(path, METADATA, server).await?;
        let text = |pointer| {
            document
                .pointer(pointer)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        Ok(Self {
            resource_version: text("/metadata/resourceVersion").ok_or_else(|| {
                Error::protocol("the server's response to a GET of PATH has no resource version")
            })?,
            uid: text("/metadata/uid"),
        })
    }
}

/// Reads the whole object at `path`, without the query parameters of the patch.
pub(crate) async fn read_object(path: &RawPath, server: &ApiServer) -> Result<Value, Error> {
    get(path, HeaderValue::from_static("application/json"), server).await
}

async fn get(path: &RawPath, accept: HeaderValue, server: &ApiServer) -> Result<Value, Error> {
    let path = RawPath::verbatim(path.path())?;
    let request = ApiRequest {
        expected: ExpectedReply::Object,
        ..ApiRequest::get(path, HeaderMap::from_iter([(ACCEPT, accept)]))
    };
    let reply = server.look_up(request).await?;
    Ok(serde_json::from_slice(reply.body()).unwrap_or_default())
}
