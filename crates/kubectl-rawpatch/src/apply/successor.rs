//! Finds out who made the first change after a version of the object.
//!
//! A guarded patch can only be that change, so another one proves that the patch was not and will not be
//! applied. A watch from the version shows the change, even if others followed.

use kubectl_plugin::request::RawPath;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::comparison::{is_result, is_same, is_untouched};
use super::requests::Requests;
use super::snapshot::Snapshot;
use super::traces;
use crate::live_object::resource_version;
use crate::request::PatchRequest;

/// The author of a change.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Author {
    /// The patch.
    Patch,
    /// The patch, or another writer with the same result.
    SameResult,
    /// Another writer.
    Other,
    Unknown,
}

/// The first change of an object after a version.
pub(super) struct Successor {
    pub(super) snapshot: Snapshot,
    is_deletion: bool,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

impl Successor {
    /// Returns the first change after `version`. Returns `None` if it cannot be found, for example if the
    /// user may not watch the object, or if the server no longer has its history.
    pub(super) async fn find(
        request: &PatchRequest,
        version: &str,
        requests: &impl Requests,
    ) -> Option<Self> {
        let query = format!(
            "watch=true&allowWatchBookmarks=false&timeoutSeconds=3&resourceVersion={version}"
        );
        let watch = request.to_read(collection(request, &query)?);
        let line = requests.first_event(watch).await.ok()??;
        let event: Event<'_> = serde_json::from_slice(&line).ok()?;
        let is_change = ["ADDED", "MODIFIED", "DELETED"].contains(&event.event_type);
        is_change.then(|| Self {
            snapshot: Snapshot::from_bytes(event.object.get().as_bytes()),
            is_deletion: event.event_type == "DELETED",
        })
    }

    /// Determines the author of the change, which was made to `before`.
    pub(super) fn author(&self, before: Option<&Value>, request: &PatchRequest) -> Author {
        let after = &self.snapshot.value;
        if self.is_deletion {
            // A patch that removes the last finalizer deletes the object.
            let may_delete = request.patch.to_string().contains("finalizers");
            return if may_delete {
                Author::Unknown
            } else {
                Author::Other
            };
        }
        let Some(before) = before else {
            return Author::Unknown;
        };
        let traces = traces::between(before, after, request);
        let has_ours = traces.as_ref().is_some_and(|traces| traces.has_ours);
        let has_others = traces.as_ref().is_some_and(|traces| traces.has_others);
        let patched = request.evaluate(before);
        let patched = patched.as_ref();
        if has_others && !has_ours
            || patched.is_some_and(|patched| is_untouched(before, patched, after))
        {
            Author::Other
        } else if has_ours && patched.is_some_and(|patched| is_result(before, patched, after)) {
            Author::Patch
        } else if !has_others && patched.is_some_and(|patched| is_same(patched, after)) {
            Author::SameResult
        } else {
            Author::Unknown
        }
    }
}

/// Reads the object as it was at `version`. Returns `None` if the server no longer has it, or if the user
/// may not list objects.
pub(super) async fn at_version(
    request: &PatchRequest,
    version: &str,
    requests: &impl Requests,
) -> Option<Value> {
    let query = format!("resourceVersion={version}&resourceVersionMatch=Exact");
    let list = request.to_read(collection(request, &query)?);
    let reply = requests.look_up(list).await.ok()?;
    let mut list: Value = serde_json::from_slice(reply.body()).ok()?;
    let object = list.pointer_mut("/items/0")?.take();
    (resource_version(&object) == Some(version)).then_some(object)
}

/// Returns the path of the object's collection, limited to the object. Returns `None` for a subresource
/// with objects of another kind, and for a name that a field selector cannot contain.
fn collection(request: &PatchRequest, query: &str) -> Option<RawPath> {
    let resource = request.path.resource()?;
    let path = match resource.subresource.as_deref() {
        None => request.path.path(),
        Some("status") => request.path.path().strip_suffix("/status")?,
        Some(_) => return None,
    };
    let (collection, name) = path.rsplit_once('/')?;
    let is_plain = !resource.name?.contains([',', '=', '\\', '+']);
    let text = format!("{collection}?fieldSelector=metadata.name%3D{name}&{query}");
    is_plain.then(|| RawPath::verbatim(&text).ok())?
}
