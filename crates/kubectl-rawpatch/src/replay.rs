//! Names the operation of a JSON patch that the server refused. Its 422 does not.

use kubectl_plugin::has_credentials;
use serde_json::Value;

use crate::body::PatchType;
use crate::evaluate::evaluate;
use crate::live_object::resource_version;
use crate::request::PatchRequest;

/// Replays a refused JSON patch on the object as it is now, and describes the operation that fails.
/// Returns `None` if the body is not a JSON patch.
pub(crate) fn describe_failure(request: &PatchRequest, object: &Value) -> Option<String> {
    let replayed = evaluate(PatchType::Json, request.body(), object)?;
    let resource = request.path.resource();
    let is_secret = resource.is_some_and(|resource| resource.is_secret());
    let Err(failed) = replayed else {
        return Some(format!(
            "the object has changed since, and the patch applies to it at resource version {}: \
             try again",
            resource_version(object).unwrap_or_default()
        ));
    };
    let failure = failed.describe(!is_secret && !has_credentials(object));
    Some(format!("{failure}; operations are counted from 0"))
}
