//! Applies one patch to one object, and knows what happened to it.
//!
//! ```text
//! apply ─▶ exactly_once: read, guard ─▶ guarded: send ─▶ unknown? ─▶ look, send again ─▶ successor: who?
//!     └──▶ unguarded: send once ─▶ unknown? ─▶ in_effect: read until it is
//! ```
//!
//! * here: chooses how to apply the patch
//! * `policy`: the flags that decide it
//! * `exactly_once`, `guarded`, `unguarded`: the ways to apply it
//! * `retry`: pauses, and the failures after which an attempt is repeated
//! * `unknown`: an unknown outcome, and the errors for its ends
//! * `in_effect`: whether the patch would change nothing
//! * `successor`: the author of the first change after a version
//! * `traces`, `comparison`: the evidence for that
//! * `snapshot`: the object at one moment
//! * `effect`: whether the patch changed the object
//! * `requests`: the requests that all this needs, to an API server or to a model of one in tests

mod comparison;
mod effect;
mod exactly_once;
mod guarded;
mod in_effect;
mod policy;
mod requests;
mod retry;
mod snapshot;
mod successor;
mod traces;
mod unguarded;
mod unknown;

use http::StatusCode;
use kubectl_plugin::Error;
use kubectl_plugin::api_server::Reply;
use kubectl_plugin::request::RawPath;
use serde_json::Value;

use crate::body::PatchType;
use crate::request::PatchRequest;
use guarded::{Ending, Guarded};
use retry::Schedule;
use snapshot::Snapshot;

pub(crate) use effect::Effect;
pub(crate) use policy::{Policy, check as check_policy};
pub(crate) use requests::Requests;

/// A patch that the server has accepted.
pub(crate) struct Applied {
    /// The object after the patch: the response to the PATCH, or the object that confirmed it.
    pub(crate) reply: Reply,
    /// The value of the object, or null if the response is not JSON.
    pub(crate) object: Value,
    /// Whether the outcome was found by reading the object, after the response was lost. Then, if the
    /// effect is unknown, the patch is in effect, but another writer may have had the same result.
    pub(crate) confirmed: bool,
    pub(crate) effect: Effect,
}

impl Applied {
    /// `version` is the version that the object had before.
    fn from_reply(reply: Reply, request: &PatchRequest, version: Option<&str>) -> Self {
        let object: Value = serde_json::from_slice(reply.body()).unwrap_or_default();
        Self {
            effect: Effect::of(request, version, &object),
            reply,
            object,
            confirmed: false,
        }
    }

    fn confirmed(snapshot: Snapshot, effect: Effect) -> Self {
        Self {
            reply: snapshot.reply,
            object: snapshot.value,
            confirmed: true,
            effect,
        }
    }

    pub(crate) fn is_created(&self) -> bool {
        self.reply.status() == StatusCode::CREATED
    }
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
    let own_version = request.own_version().map(str::to_owned);
    let version = policy.if_resource_version.clone().or(own_version);
    if policy.reads_first && !request.path.is_dry_run() {
        return exactly_once::apply(request, version.as_deref(), policy, requests).await;
    }
    if let Some(version) = &policy.if_resource_version {
        guard(request, version, requests).await?;
    }
    let mut schedule = Schedule::start(policy);
    let Some(version) = version else {
        return unguarded::apply(request, policy, &mut schedule, requests).await;
    };
    let guarded = Guarded {
        request,
        version: &version,
        before: None,
        policy,
        requests,
    };
    match guarded.apply(&mut schedule).await? {
        Ending::Applied(applied) => Ok(*applied),
        Ending::Superseded(conflict) => Err(conflict),
    }
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
        return Err(version_conflict(&live.resource_version, resource_version));
    }
    live.uid.filter(|uid| !uid.is_empty()).ok_or_else(no_uid)
}

/// Returns the error for an object that is not at the `expected` version, so that nothing was sent.
pub(crate) fn version_conflict(live: &str, expected: &str) -> Error {
    Error::conflict(format!(
        "the object is at resource version {live}, not {expected}; the patch was not sent"
    ))
    .with_hint("read the object again, and check the patch")
}

fn no_uid() -> Error {
    Error::protocol(
        "the object has no metadata.uid, so an apply patch could recreate it after a deletion",
    )
    .with_hint("use --type merge: a merge patch never creates an object")
}

#[cfg(test)]
mod tests;
