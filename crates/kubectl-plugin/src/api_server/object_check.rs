//! Checks that a successful response is the object that the request names.
//!
//! A status code alone proves nothing: login pages, proxies and other services also answer with 200.
//! An API server answers a change with the whole changed object, in the version of the path, or with
//! a `Status`.

use std::borrow::Cow;

use http::{HeaderValue, header};
use kube_core::Status;
use kube_core::response::StatusSummary;
use serde::Deserialize;
use serde_json::error::Category;

use super::reply::Reply;
use crate::request::{Resource, api_version, has_regular_plurals, plural};

/// The subresources of Kubernetes that are answered with the object, or with one of its name.
const SAME_NAME: [&str; 6] = [
    "approval",
    "ephemeralcontainers",
    "finalize",
    "resize",
    "scale",
    "status",
];

/// A reason why a successful response is not the requested object.
#[derive(Debug, PartialEq)]
pub(super) enum Mismatch {
    /// An API server does not send such a response.
    Foreign(&'static str),
    /// An API server may have done its work, but the response does not confirm it.
    Unconfirmed(String),
    /// The response is a `Status` that reports a failure.
    Failure(Box<Status>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object<'a> {
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    api_version: Cow<'a, str>,
    #[serde(borrow)]
    metadata: Option<Metadata<'a>>,
}

#[derive(Default, Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    namespace: Cow<'a, str>,
}

/// Compares a response with the requested object. `accept` is the `Accept` header of the request.
pub(super) fn check(
    reply: &Reply,
    requested: Option<&Resource>,
    accept: &str,
) -> Result<(), Mismatch> {
    let body = reply.body();
    if body.trim_ascii().is_empty() {
        return Err(Mismatch::Unconfirmed("without a body".to_owned()));
    }
    if is_other_format(reply, accept) {
        return Ok(());
    }
    let object: Object<'_> =
        serde_json::from_slice(body).map_err(|error| not_an_object(body, &error))?;
    if object.kind.is_empty() || object.api_version.is_empty() {
        return Err(Mismatch::Foreign(
            "with JSON that is not a Kubernetes object",
        ));
    }
    if (&*object.kind, &*object.api_version) == ("Status", "v1") {
        return check_status(body);
    }
    match requested {
        Some(requested) if !object.is(requested) => Err(Mismatch::Unconfirmed(format!(
            "with another object ({})",
            object.description()
        ))),
        _ => Ok(()),
    }
}

/// Reports whether the response has a format other than JSON, which the request asked for by name.
fn is_other_format(reply: &Reply, accept: &str) -> bool {
    let content_type = reply.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.map_or(b"" as &[u8], HeaderValue::as_bytes);
    let content_type = String::from_utf8_lossy(content_type).to_ascii_lowercase();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.starts_with("application/")
        && media_type != "application/json"
        && accept.to_ascii_lowercase().contains(media_type)
}

fn not_an_object(body: &[u8], error: &serde_json::Error) -> Mismatch {
    match (body.trim_ascii_start(), error.classify()) {
        ([b'{', ..], Category::Eof) => {
            Mismatch::Unconfirmed("with an object that is cut off".to_owned())
        }
        ([b'{', ..], Category::Syntax) => Mismatch::Unconfirmed("with broken JSON".to_owned()),
        // A proxy compressed the response, and did not even say so in a header.
        ([0x1f, 0x8b, ..], _) => Mismatch::Unconfirmed("with a compressed body".to_owned()),
        ([b'<', ..], _) => Mismatch::Foreign("with an HTML page"),
        (_, Category::Data) => Mismatch::Foreign("with JSON that is not a Kubernetes object"),
        _ => Mismatch::Foreign("with text that is not JSON"),
    }
}

/// Accepts a `Status` only if it reports success.
fn check_status(body: &[u8]) -> Result<(), Mismatch> {
    match serde_json::from_slice::<Status>(body) {
        Ok(status) if matches!(status.status, Some(StatusSummary::Success)) => Ok(()),
        Ok(status) => Err(Mismatch::Failure(Box::new(status))),
        Err(_) => Err(Mismatch::Unconfirmed("with a broken Status".to_owned())),
    }
}

impl Object<'_> {
    /// Reports whether nothing in this object contradicts the path of the request.
    fn is(&self, requested: &Resource) -> bool {
        let subresource = requested.subresource.as_deref();
        if subresource.is_some_and(|name| !SAME_NAME.contains(&name)) {
            return true;
        }
        let is_metadata_only = self.api_version.starts_with("meta.k8s.io/");
        if is_metadata_only && self.kind == "Table" {
            return true;
        }
        let has_version_of_path = matches!(subresource, None | Some("status")) && !is_metadata_only;
        self.has_name_of(requested)
            && (!has_version_of_path || self.has_version_and_kind_of(requested))
    }

    fn has_name_of(&self, requested: &Resource) -> bool {
        let metadata = self.metadata.as_ref();
        let name = metadata.map_or("", |metadata| &*metadata.name);
        let namespace = metadata.map_or("", |metadata| &*metadata.namespace);
        let expected_namespace = match requested.resource.as_str() {
            "namespaces" => None,
            _ => requested.namespace.as_deref(),
        };
        requested
            .name
            .as_deref()
            .is_none_or(|expected| expected == name)
            && expected_namespace.is_none_or(|expected| expected == namespace)
    }

    fn has_version_and_kind_of(&self, requested: &Resource) -> bool {
        self.api_version == api_version(&requested.group, &requested.version)
            && (!has_regular_plurals(&requested.group) || plural(&self.kind) == requested.resource)
    }

    fn description(&self) -> String {
        let metadata = self.metadata.as_ref();
        let name = metadata.map_or("", |metadata| &*metadata.name);
        let namespace = metadata.map_or("", |metadata| &*metadata.namespace);
        let place = match namespace {
            "" => String::new(),
            namespace => format!(" in namespace {namespace:?}"),
        };
        format!("{} {}, name {name:?}{place}", self.api_version, self.kind)
    }
}

#[cfg(test)]
mod tests;
