//! Reads the object that is stored on the server.

use http::header::{ACCEPT, HeaderMap, HeaderValue};
use kubectl_plugin::Error;
use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::request::{ApiRequest, ExpectedReply, METADATA, RawPath};
use serde_json::Value;

/// The version and identity of a stored object.
pub(crate) struct LiveObject {
    pub(crate) resource_version: String,
    pub(crate) uid: Option<String>,
}

impl LiveObject {
    /// Reads the object at `path`, without the query parameters of the patch.
    pub(crate) async fn read(path: &RawPath, server: &ApiServer) -> Result<Self, Error> {
        let document = get(path, METADATA, server).await?;
        let uid = document.pointer("/metadata/uid").and_then(Value::as_str);
        Ok(Self {
            resource_version: resource_version(&document)
                .ok_or_else(no_version)?
                .to_owned(),
            uid: uid.map(str::to_owned),
        })
    }
}

/// Returns the resource version of an object.
pub(crate) fn resource_version(object: &Value) -> Option<&str> {
    object.pointer("/metadata/resourceVersion")?.as_str()
}

/// Returns the error for an object that was read and has no resource version.
pub(crate) fn no_version() -> Error {
    Error::protocol("the server's response to a GET of PATH has no resource version")
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
