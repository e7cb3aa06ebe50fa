//! The remedies for what a server answers: trigger → hint, the table of docs/rawpatch.md.
//!
//! A hint is given only where its remedy is certain to be about this answer; what needs
//! another look at the server is looked up, and says nothing when that look is refused.

use std::time::Duration;

use kube_core::Status;
use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::request::RawPath;

use crate::body::PatchType;
use crate::current::Current;
use crate::request::PatchRequest;

/// The text of a 422 that stands for every failure inside a JSON patch
/// (`apiserver/pkg/endpoints/handlers/patch.go`, `applyJSPatch`).
const OPAQUE: &str = "the server rejected our request due to an error in our request";

/// How long a look at the server may take: the refusal waits for it to be shown.
const LOOK: Duration = Duration::from_secs(3);

/// The hint for `status`, if there is one. `asked_for` is `--if-resource-version`.
pub(crate) async fn find(
    status: &Status,
    request: &PatchRequest,
    asked_for: Option<&str>,
    server: &ApiServer,
) -> Option<String> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    match status.code {
        404 if !request.path.is_proxied() => missing_subresource(&request.path, server).await,
        405 | 400 if request.path.resource().is_some_and(|resource| resource.name.is_none()) => {
            Some(format!("PATH is a collection, and a patch is for one object: {}/NAME", request.path.path()))
        }
        409 if causes.clone().any(|cause| cause.reason == "FieldManagerConflict") => Some(
            "others manage these fields: leave them out of the patch, or take them over with --force-conflicts"
                .to_owned(),
        ),
        409 if status.reason == "Conflict" => stale(request, asked_for, server).await,
        415 if request.media_type() == PatchType::Strategic.media_type().as_bytes() => {
            Some("custom resources take no strategic merge patch: use --type merge".to_owned())
        }
        422 if status.message == OPAQUE && request.patch_type == PatchType::Json => Some(format!(
            "a `test` did not hold, or an operation names what is not there; \
             compare with: {}",
            server.command_to_see(request.path.path())
        )),
        422 if causes.clone().any(|cause| cause.message.contains("strict decoding error: ")) => Some(
            "correct the field, or let the server drop it: --validate=warn says so, --validate=ignore does not"
                .to_owned(),
        ),
        _ => None,
    }
}

async fn stale(
    request: &PatchRequest,
    asked_for: Option<&str>,
    server: &ApiServer,
) -> Option<String> {
    let current = look(&request.path, server).await?.resource_version;
    Some(match asked_for {
        Some(asked_for) if asked_for != current => format!(
            "the object is at resource version {current} now, not {asked_for}: \
             read it again, and decide whether the patch still fits"
        ),
        _ => format!(
            "the object is at resource version {current} now: \
             read it again, and decide whether the patch still fits"
        ),
    })
}

/// The object now, if the server says so in time.
async fn look(path: &RawPath, server: &ApiServer) -> Option<Current> {
    let current = tokio::time::timeout(LOOK, Current::read(path, server)).await;
    current.ok()?.ok()
}

/// A 404 on a subresource is either; that the object answers tells which.
async fn missing_subresource(path: &RawPath, server: &ApiServer) -> Option<String> {
    let resource = path.resource()?;
    let subresource = resource.subresource?;
    let object = path
        .path()
        .strip_suffix(&format!("/{subresource}"))?
        .parse()
        .ok()?;
    look(&object, server).await?;
    Some(format!(
        "{} {:?} exists, and has no subresource `{subresource}`",
        resource.resource,
        resource.name.unwrap_or_default()
    ))
}
