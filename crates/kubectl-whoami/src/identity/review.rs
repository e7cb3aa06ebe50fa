//! Reviews: objects that the server answers but does not store.

use kubectl_plugin::Error;
use kubectl_plugin::api_server::Reply;
use kubectl_plugin::request::{ApiRequest, RawPath};
use serde::Deserialize;
use serde_json::Value;

/// Builds the request for a review.
pub(crate) fn post(path: &str, review: &Value) -> Result<ApiRequest, Error> {
    Ok(ApiRequest::post_json(RawPath::verbatim(path)?, review))
}

/// Parses the object in a response, which must be of this kind.
pub(crate) fn parse<T: for<'a> Deserialize<'a>>(reply: &Reply, kind: &Value) -> Result<T, Error> {
    let review: Value = serde_json::from_slice(reply.body()).map_err(|_| unexpected_response())?;
    if review["kind"] != *kind {
        return Err(unexpected_response());
    }
    serde_json::from_value(review).map_err(|_| unexpected_response())
}

/// Returns the error for a success without a usable review.
pub(crate) fn unexpected_response() -> Error {
    Error::protocol("the server accepted the review but returned an unexpected response")
        .with_hint("check that the server in your kubeconfig is a Kubernetes API server")
}
