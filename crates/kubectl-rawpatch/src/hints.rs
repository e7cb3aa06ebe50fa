//! Finds the remedy for a refusal: the table of docs/rawpatch.md, from trigger to hint.
//!
//! A hint is given only if its remedy certainly fits this refusal. Some hints need another request; if
//! that is refused, there is no hint.

use std::time::Duration;

use kube_core::Status;
use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::request::RawPath;

use crate::body::PatchType;
use crate::current::Current;
use crate::request::PatchRequest;

/// The text of the 422 for every failure inside a JSON patch
/// (`apiserver/pkg/endpoints/handlers/patch.go`, `applyJSPatch`).
const OPAQUE: &str = "the server rejected our request due to an error in our request";

/// The time limit for reading the object: the refusal is shown only after that.
const READ_TIMEOUT: Duration = Duration::from_secs(3);

/// Returns the hint for `status`, if there is one. `expected` is `--if-resource-version`.
pub(crate) async fn find(
    status: &Status,
    request: &PatchRequest,
    expected: Option<&str>,
    server: &ApiServer,
) -> Option<String> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    match status.code {
        404 if !request.path.is_proxied() => missing_subresource(&request.path, server).await,
        405 | 400 if request.path.resource().is_some_and(|resource| resource.name.is_none()) => {
            Some(format!("PATH is a collection, but a patch needs one object: {}/NAME", request.path.path()))
        }
        409 if causes.clone().any(|cause| cause.reason == "FieldManagerConflict") => Some(
            "remove these fields from the patch, or take them over with --force-conflicts"
                .to_owned(),
        ),
        409 if status.reason == "Conflict" => stale(request, expected, server).await,
        415 if request.media_type() == PatchType::Strategic.media_type().as_bytes() => {
            Some("custom resources do not support strategic merge patches: use --type merge".to_owned())
        }
        422 if status.message == OPAQUE && request.patch_type == PatchType::Json => Some(format!(
            "a `test` failed, or an operation refers to a missing value; check the object: {}",
            server.command_to_see(request.path.path())
        )),
        422 if causes.clone().any(|cause| cause.message.contains("strict decoding error: ")) => Some(
            "correct the field, or use --validate=warn (drop with a warning) or =ignore (drop silently)"
                .to_owned(),
        ),
        _ => None,
    }
}

async fn stale(
    request: &PatchRequest,
    expected: Option<&str>,
    server: &ApiServer,
) -> Option<String> {
    let current = current(&request.path, server).await?.resource_version;
    Some(match expected {
        Some(expected) if expected != current => format!(
            "the object is now at resource version {current}, not {expected}: \
             read it again, and check that the patch still fits"
        ),
        _ => format!(
            "the object is now at resource version {current}: \
             read it again, and check that the patch still fits"
        ),
    })
}

/// Reads the object, if the server answers in time.
async fn current(path: &RawPath, server: &ApiServer) -> Option<Current> {
    let current = tokio::time::timeout(READ_TIMEOUT, Current::read(path, server)).await;
    current.ok()?.ok()
}

/// Tells a missing subresource from a missing object, which both are a 404.
async fn missing_subresource(path: &RawPath, server: &ApiServer) -> Option<String> {
    let resource = path.resource()?;
    let subresource = resource.subresource?;
    let object = path
        .path()
        .strip_suffix(&format!("/{subresource}"))?
        .parse()
        .ok()?;
    current(&object, server).await?;
    Some(format!(
        "{} {:?} exists, but has no subresource `{subresource}`",
        resource.resource,
        resource.name.unwrap_or_default()
    ))
}
