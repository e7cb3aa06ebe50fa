//! Applies one patch to one object, and knows what happened to it.
//!
//! * here: sends the patch, guarded by the resource version of the policy
//! * `policy`: the flags that decide how a patch is applied
//! * `requests`: the requests that this needs, to an API server or to a model of one in tests
//! * `effect`: whether the patch changed the object

mod effect;
mod policy;
mod requests;

use kubectl_plugin::Error;
use kubectl_plugin::api_server::Reply;
use kubectl_plugin::request::RawPath;
use serde_json::Value;

use crate::body::PatchType;
use crate::request::PatchRequest;

pub(crate) use effect::Effect;
pub(crate) use policy::Policy;
pub(crate) use requests::Requests;

/// A patch that the server has accepted.
pub(crate) struct Applied {
    /// The object after the patch: the response to the PATCH, or the response to the GET that confirmed it.
    pub(crate) reply: Reply,
    /// The value of the object, or null if the response is not JSON.
    pub(crate) object: Value,
    /// Whether the outcome was found by reading the object, after the response was lost.
    pub(crate) confirmed: bool,
    pub(crate) effect: Effect,
}

/// Applies the patch.
///
/// # Errors
/// A refusal, a conflict, a failure after which nothing was changed, or an unknown outcome.
pub(crate) async fn apply(
    request: &mut PatchRequest,
    policy: &Policy,
    requests: &impl Requests,
) -> Result<Applied, Error> {
    if let Some(resource_version) = &policy.if_resource_version {
        guard(request, resource_version, requests).await?;
    }
    let reply = requests.patch(request.to_api_request()).await?;
    let object: Value = serde_json::from_slice(reply.body()).unwrap_or_default();
    Ok(Applied {
        effect: Effect::of(request, policy.if_resource_version.as_deref(), &object),
        reply,
        object,
        confirmed: false,
    })
}

/// Limits the patch to one version of the object.
///
/// An apply patch also needs the object's UID, which has to be read first. With only a resource
/// version, it would create the object again if it was deleted.
async fn guard(
    request: &mut PatchRequest,
    resource_version: &str,
    requests: &impl Requests,
) -> Result<(), Error> {
    let uid = match request.patch_type {
        PatchType::Apply => Some(uid_at(resource_version, &request.path, requests).await?),
        PatchType::Json | PatchType::Merge | PatchType::Strategic => None,
    };
    request.guard(resource_version, uid.as_deref())
}

/// Returns the UID of the object, or a conflict if it is not at `resource_version`.
async fn uid_at(
    resource_version: &str,
    path: &RawPath,
    requests: &impl Requests,
) -> Result<String, Error> {
    let live = requests.read_metadata(path).await?;
    if live.resource_version != resource_version {
        return Err(Error::conflict(format!(
            "the object is at resource version {}, not {resource_version}; the patch was not sent",
            live.resource_version
        ))
        .with_hint("read the object again, and check the patch"));
    }
    live.uid.filter(|uid| !uid.is_empty()).ok_or_else(|| {
        Error::protocol(
            "the object has no metadata.uid, so an apply patch could recreate it after a deletion",
        )
        .with_hint("use --type merge: a merge patch never creates an object")
    })
}
