//! Suggests a remedy for a refusal. The table is in docs/rawpatch.md.
//!
//! A hint is only given if its remedy certainly fits the refusal. Some hints need another request;
//! if it fails, there is no hint.

use std::time::Duration;

use kube_core::Status;
use kube_core::response::StatusCause;
use kubectl_plugin::Error;
use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::discovery::explain_unknown_path;
use kubectl_plugin::error::Kind;
use kubectl_plugin::request::RawPath;
use kubectl_plugin::text::list::first_names;

use crate::apply::Policy;
use crate::body::{Expected, PatchType};
use crate::live_object::{LiveObject, read_object};
use crate::replay::describe_failure;
use crate::request::PatchRequest;

/// The message of the 422 for every failure inside a JSON patch
/// (`apiserver/pkg/endpoints/handlers/patch.go`, `applyJSPatch`).
const JSON_PATCH_FAILED: &str = "the server rejected our request due to an error in our request";

/// The prefix of the cause for an unknown or duplicate field
/// (`apimachinery/pkg/runtime/error.go`, `strictDecodingError`).
const STRICT_DECODING_FAILED: &str = "strict decoding error: ";

/// Parts of messages for a number or a boolean where the server expects text, from a strategic merge
/// patch (`apimachinery/pkg/runtime/converter.go`), a merge or JSON patch (`encoding/json`), an
/// apply patch (`structured-merge-diff`), and a custom resource.
const TEXT_EXPECTED: [&str; 6] = [
    "cannot convert int64 to string",
    "cannot convert float64 to string",
    "unrecognized type: string",
    "of type string",
    "of type []uint8",
    "expected string",
];

/// Parts of the messages for text where the server expects a number or a boolean.
const NUMBER_OR_BOOLEAN_EXPECTED: [&str; 8] = [
    "unrecognized type: int",
    "unrecognized type: bool",
    "of type int",
    "of type bool",
    "of type number",
    "expected numeric",
    "expected boolean",
    "expected float",
];

/// The maximum number of fields in a hint.
const MAX_POINTERS: usize = 5;

/// The timeout for reading the object. The refusal is only printed afterwards.
const READ_TIMEOUT: Duration = Duration::from_secs(3);

/// Adds a hint to a refusal that has none.
pub(crate) async fn add(
    error: Error,
    request: &PatchRequest,
    policy: &Policy,
    server: &ApiServer,
) -> Error {
    let Kind::Refused(status) = error.kind() else {
        return error;
    };
    if error.hint().is_some() {
        return error;
    }
    let expected = policy.if_resource_version.as_deref();
    match find(status, request, expected, server).await {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// Returns the hint for `status`, if there is one. `expected` is the version of `--if-resource-version`.
async fn find(
    status: &Status,
    request: &PatchRequest,
    expected: Option<&str>,
    server: &ApiServer,
) -> Option<String> {
    let path = &request.path;
    if let Some(hint) = for_wrong_scalars(status, request) {
        return Some(hint);
    }
    Some(match status.code {
        404 => match explain_unknown_path(server, path, status).await {
            Some(hint) => format!("{hint}; nothing was changed"),
            None => for_missing_subresource(path, server).await?,
        },
        405 | 400 if is_collection(path) => {
            format!("add a name: {}/NAME", path.path())
        }
        409 if has_cause(status, |cause| cause.reason == "FieldManagerConflict") => {
            "remove these fields from the patch, or take them over with --force-conflicts"
                .to_owned()
        }
        409 if status.reason == "Conflict" => for_conflict(path, expected, server).await?,
        415 if request.media_type() == PatchType::Strategic.media_type().as_bytes() => {
            "custom resources do not support strategic merge patches: use --type merge".to_owned()
        }
        429 if !path.is_proxied() => for_overload(status),
        422 if status.message == JSON_PATCH_FAILED && request.patch_type == PatchType::Json => {
            for_failed_operation(request, server).await
        }
        422 if has_cause(status, |cause| {
            cause.message.contains(STRICT_DECODING_FAILED)
        }) =>
        {
            "correct the field, or use --validate=warn (drop with a warning) or \
             =ignore (drop silently)"
                .to_owned()
        }
        _ => return None,
    })
}

fn for_overload(status: &Status) -> String {
    let seconds = status
        .details
        .as_ref()
        .map_or(0, |details| details.retry_after_seconds);
    let time = match seconds {
        0 => "later".to_owned(),
        1 => "in 1 second".to_owned(),
        seconds => format!("in {seconds} seconds"),
    };
    format!("try again {time}: nothing was changed")
}

fn has_cause(status: &Status, is_it: impl Fn(&StatusCause) -> bool) -> bool {
    let details = status.details.as_ref();
    details.is_some_and(|details| details.causes.iter().any(is_it))
}

/// Names the scalars that the server may have been unable to decode. Its message for a strategic merge
/// patch names no field.
fn for_wrong_scalars(status: &Status, request: &PatchRequest) -> Option<String> {
    let says = |texts: &[&str]| {
        let is_it = |message: &str| texts.iter().any(|text| message.contains(text));
        is_it(&status.message) || has_cause(status, |cause| is_it(&cause.message))
    };
    let (expected, remedy) = if says(&TEXT_EXPECTED) {
        (Expected::Text, "quote")
    } else if says(&NUMBER_OR_BOOLEAN_EXPECTED) {
        (Expected::NumberOrBoolean, "remove the quotes around")
    } else {
        return None;
    };
    let pointers = request.wrong_scalars(expected);
    let named = first_names(&pointers, MAX_POINTERS);
    (!pointers.is_empty()).then(|| format!("{remedy} the value of {named}"))
}

fn is_collection(path: &RawPath) -> bool {
    path.resource()
        .is_some_and(|resource| resource.name.is_none())
}

async fn for_conflict(
    path: &RawPath,
    expected: Option<&str>,
    server: &ApiServer,
) -> Option<String> {
    let live = read(path, server).await?.resource_version;
    let not_expected = match expected {
        Some(expected) if expected != live => format!(", not {expected}"),
        _ => String::new(),
    };
    Some(format!(
        "read the object again, and check the patch: it is now at resource version {live}{not_expected}"
    ))
}

/// Names the operation of a JSON patch that failed, if the object can be read.
async fn for_failed_operation(request: &PatchRequest, server: &ApiServer) -> String {
    let path = &request.path;
    let failure = match in_time(read_object(path, server)).await {
        Some(object) if !path.is_proxied() => describe_failure(request, &object),
        _ => None,
    };
    failure.unwrap_or_else(|| {
        format!(
            "check the object: {}; a `test` failed, or an operation refers to a missing value",
            server.command_to_see(path.path())
        )
    })
}

/// Distinguishes a missing subresource from a missing object. The server answers both with a 404.
async fn for_missing_subresource(path: &RawPath, server: &ApiServer) -> Option<String> {
    let resource = path.resource().filter(|_| !path.is_proxied())?;
    let subresource = resource.subresource?;
    read(&path.without_subresource(), server).await?;
    Some(format!(
        "{} {:?} exists, but has no subresource `{subresource}`",
        resource.resource,
        resource.name.unwrap_or_default()
    ))
}

/// Reads the object's metadata, if the server responds in time.
async fn read(path: &RawPath, server: &ApiServer) -> Option<LiveObject> {
    in_time(LiveObject::read(path, server)).await
}

async fn in_time<T>(response: impl Future<Output = Result<T, Error>>) -> Option<T> {
    let response = tokio::time::timeout(READ_TIMEOUT, response).await;
    response.ok()?.ok()
}
