//! Reads the object, and sends the patch guarded by the version that was read, until it is applied.

use std::time::Duration;

use kubectl_plugin::Error;

use super::guarded::{Ending, Guarded};
use super::requests::Requests;
use super::retry::{Schedule, pause_after_read};
use super::snapshot::Snapshot;
use super::{Applied, Effect, Policy, unguarded};
use crate::body::PatchType;
use crate::request::PatchRequest;

/// Applies the patch to the current version. If another writer comes first, reads the object again,
/// unless the patch is for a `fixed_version`.
pub(super) async fn apply(
    request: &mut PatchRequest,
    fixed_version: Option<&str>,
    policy: &Policy,
    requests: &impl Requests,
) -> Result<Applied, Error> {
    let mut schedule = Schedule::start(policy);
    loop {
        let read = schedule.repeat(pause_after_read, async || {
            Snapshot::read(request, requests).await
        });
        let before = match read.await {
            Ok(before) => before,
            Err(error) if error.is_refusal(404) && request.patch_type == PatchType::Apply => {
                return create(request, policy, &mut schedule, requests).await;
            }
            Err(error) => return Err(error),
        };
        let version = before.version().to_owned();
        if let Some(fixed) = fixed_version
            && fixed != version
        {
            return Err(super::version_conflict(&version, fixed));
        }
        let uid = match request.patch_type {
            PatchType::Apply => Some(before.uid().ok_or_else(super::no_uid)?),
            PatchType::Json | PatchType::Merge | PatchType::Strategic => None,
        };
        request.guard(&version, uid)?;
        let guarded = Guarded {
            request,
            version: &version,
            before: Some(before.value),
            policy,
            requests,
        };
        match guarded.apply(&mut schedule).await? {
            Ending::Applied(applied) => return Ok(*applied),
            Ending::Superseded(_)
                if fixed_version.is_none() && schedule.has_time(Duration::ZERO) =>
            {
                schedule.reset();
                schedule.pause(Duration::ZERO).await;
            }
            Ending::Superseded(conflict) => return Err(conflict),
        }
    }
}

/// Applies the patch to an object that is missing. No guard can say that, but an apply patch that is
/// applied twice has the same result.
async fn create(
    request: &mut PatchRequest,
    policy: &Policy,
    schedule: &mut Schedule,
    requests: &impl Requests,
) -> Result<Applied, Error> {
    request.remove_guard();
    let applied = unguarded::apply(request, policy, schedule, requests).await?;
    let effect = if applied.is_created() {
        Effect::Changed
    } else {
        applied.effect
    };
    Ok(Applied { effect, ..applied })
}
