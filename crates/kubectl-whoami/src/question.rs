//! A question to a server: an object that is posted, answered, and not stored.

use kubectl_plugin::Error;
use kubectl_plugin::api_server::Reply;
use kubectl_plugin::request::{ApiRequest, RawPath};
use serde::Deserialize;
use serde_json::Value;

/// The request that asks it.
pub(crate) fn post(path: &str, question: &Value) -> Result<ApiRequest, Error> {
    Ok(ApiRequest::post_json(RawPath::verbatim(path)?, question))
}

/// The answer in a reply.
pub(crate) fn read<T: for<'a> Deserialize<'a>>(reply: &Reply) -> Result<T, Error> {
    serde_json::from_slice(reply.body()).map_err(|_| no_answer())
}

/// That a reply is a success, and something else than an answer.
pub(crate) fn no_answer() -> Error {
    Error::protocol("the server took the question, and its reply is no answer to it")
        .hinted("is it a Kubernetes API server? look at the server in your kubeconfig")
}
