//! Many requests to one server at the same time, through the library of the plugins.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use futures_util::{StreamExt, stream};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use kubectl_plugin::Error;
use kubectl_plugin::api_server::{ApiServer, Reply};
use kubectl_plugin::connection::ConnectionArgs;
use kubectl_plugin::request::{ApiRequest, ExpectedReply};

/// A scripted server that speaks HTTP/2.
mod http2_server;

/// HTTP/1.1, for servers without HTTP/2.
mod http1;
/// HTTP/2 under faults that a real API server does not produce on demand.
mod http2_faults;
/// Real API servers.
mod real_servers;

/// The number of requests at the same time.
const IN_FLIGHT: usize = 8;

/// Returns a server for many requests.
fn connect(arguments: &ConnectionArgs) -> ApiServer {
    ApiServer::connect(arguments).unwrap().for_many_requests()
}

/// Returns the flags with a kubeconfig.
fn with_kubeconfig(kubeconfig: &Path) -> ConnectionArgs {
    let mut arguments = ConnectionArgs::default();
    arguments.kubeconfig = Some(kubeconfig.to_str().unwrap().to_owned());
    arguments
}

fn get(path: &str) -> ApiRequest {
    ApiRequest::get(path.parse().unwrap(), HeaderMap::new())
}

fn patch(path: &str, content_type: &'static str, body: &str) -> ApiRequest {
    let content_type = HeaderValue::from_static(content_type);
    ApiRequest {
        method: Method::PATCH,
        path: path.parse().unwrap(),
        headers: HeaderMap::from_iter([(CONTENT_TYPE, content_type)]),
        body: body.to_owned().into(),
        expected: ExpectedReply::Anything,
    }
}

fn merge_patch(path: &str) -> ApiRequest {
    patch(
        path,
        "application/merge-patch+json",
        r#"{"data":{"patched":"yes"}}"#,
    )
}

/// Sends the requests, at most [`IN_FLIGHT`] at the same time, and returns their results in this order.
async fn send_all(
    server: &ApiServer,
    requests: impl IntoIterator<Item = ApiRequest>,
) -> Vec<Result<Reply, Error>> {
    let requests = requests.into_iter().map(|request| server.send(request));
    stream::iter(requests).buffered(IN_FLIGHT).collect().await
}

/// Reports whether an error says that a patch may or may not have been applied.
fn is_unknown(error: &Error) -> bool {
    error.exit_code() == 10
}
