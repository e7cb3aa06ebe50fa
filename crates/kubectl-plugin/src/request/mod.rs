//! Requests to the API server before they are sent. Nothing here does I/O.
//!
//! * here: a request
//! * `raw_path`: its path and query, checked
//! * `type_and_name`: finds the path of a resource that is written as for other kubectl commands
//! * `names`: names of API versions and resources, and their paths
//! * `header`: parses the headers that the user adds

mod header;
mod names;
mod raw_path;
mod type_and_name;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use hyper::body::Bytes;

pub use header::parse_header;
pub use names::{api_version, api_version_path, has_regular_plurals, plural};
pub use raw_path::{Attributes, RawPath, Resource, Verb};
pub(crate) use type_and_name::{BuiltIn, built_in};
pub use type_and_name::{expected_a_path, is_path};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// The `Accept` for the metadata of one object. A server that does not support it returns the whole object.
pub const METADATA: HeaderValue = HeaderValue::from_static(
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
);
/// The `Accept` for a list of metadata. A server that does not support it returns whole objects.
pub const METADATA_LIST: HeaderValue = HeaderValue::from_static(
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
);

/// The successful responses (2xx) that a request accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedReply {
    /// Any response.
    Anything,
    /// A document that the caller checks. A page of HTML is refused.
    Document,
    /// The object that the path names, whole. A `Status` that reports a failure is a refusal.
    Object,
}

/// A request to the API server, without the server's address and the user's credential.
#[derive(Clone, Debug)]
pub struct ApiRequest {
    /// The HTTP method.
    pub method: Method,
    /// The path and query, relative to the server's base path.
    pub path: RawPath,
    /// The headers, apart from those that the connection adds.
    pub headers: HeaderMap,
    /// The body. Cloning it copies no bytes.
    pub body: Bytes,
    /// The successful responses that are accepted.
    pub expected: ExpectedReply,
}

impl ApiRequest {
    /// Returns a GET with these headers.
    pub fn get(path: RawPath, headers: HeaderMap) -> Self {
        Self {
            method: Method::GET,
            path,
            headers,
            body: Bytes::new(),
            expected: ExpectedReply::Document,
        }
    }

    /// Returns a POST that sends JSON and asks for JSON.
    pub fn post_json(path: RawPath, document: &serde_json::Value) -> Self {
        Self {
            method: Method::POST,
            path,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, JSON), (ACCEPT, JSON)]),
            body: document.to_string().into(),
            expected: ExpectedReply::Document,
        }
    }
}
