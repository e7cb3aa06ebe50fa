//! Sends a patch without a guard once, and finds out whether it is in effect if its outcome is unknown.
//!
//! The object shows that the patch is in effect, but not who applied it. It never shows that the patch was
//! not applied, because another writer may have undone it, and the server may still work on it. So the
//! object is read until the patch is in effect, or until the server has stopped.

use std::cell::Cell;
use std::time::Duration;

use kubectl_plugin::Error;
use tokio::time::Instant;

use super::in_effect::is_in_effect;
use super::requests::Requests;
use super::retry::{Schedule, pause_after_patch, pause_after_read};
use super::snapshot::Snapshot;
use super::unknown::Unknown;
use super::{Applied, Effect, Policy};
use crate::body::PatchType;
use crate::request::PatchRequest;

/// Sends the patch, and repeats it only after failures that changed nothing.
pub(super) async fn apply(
    request: &PatchRequest,
    policy: &Policy,
    schedule: &mut Schedule,
    requests: &impl Requests,
) -> Result<Applied, Error> {
    let sent = Cell::new(Instant::now());
    let reply = schedule.repeat(pause_after_patch, async || {
        sent.set(Instant::now());
        requests.patch(request.to_api_request()).await
    });
    let error = match reply.await {
        Ok(reply) => return Ok(Applied::from_reply(reply, request, None)),
        Err(error) => error,
    };
    let unknown = Unknown::new(error, request, sent.get())?;
    unknown.check_verifiable(request, policy)?;
    unknown
        .find_out(
            policy,
            verify(&unknown, request, policy, schedule, requests),
        )
        .await
}

/// Reads the object until the patch is in effect.
async fn verify(
    unknown: &Unknown,
    request: &PatchRequest,
    policy: &Policy,
    schedule: &mut Schedule,
    requests: &impl Requests,
) -> Result<Applied, Error> {
    let mut checked = None;
    let mut is_announced = !policy.is_alone;
    schedule.reset();
    loop {
        let seen = match look(request, checked.as_deref(), requests).await {
            Ok((snapshot, true)) => return Ok(Applied::confirmed(snapshot, Effect::Unknown)),
            Ok((snapshot, false)) => {
                let seen = snapshot.describe();
                if !request.is_idempotent() {
                    return Err(unknown.unsettled(format!(
                        "the object cannot show it, because the patch is not idempotent ({seen})"
                    )));
                }
                checked = Some(snapshot.version().to_owned());
                format!("it is not in effect ({seen})")
            }
            Err(error) if error.is_refusal(404) && request.patch_type != PatchType::Apply => {
                return Err(unknown.unsettled("the object does not exist"));
            }
            Err(error) => {
                let seen = format!("the object could not be read ({error})");
                if pause_after_read(&error).is_none() && !error.is_refusal(404) {
                    return Err(unknown.unsettled(seen));
                }
                seen
            }
        };
        if !unknown.is_pending() {
            return Err(unknown.unsettled(seen));
        }
        if !std::mem::replace(&mut is_announced, true) {
            unknown.announce();
        }
        schedule.pause(Duration::ZERO).await;
    }
}

/// Reads the object, and reports whether the patch is in effect. In the version `checked`, it is not.
async fn look(
    request: &PatchRequest,
    checked: Option<&str>,
    requests: &impl Requests,
) -> Result<(Snapshot, bool), Error> {
    let snapshot = Snapshot::read(request, requests).await?;
    let is_in_effect =
        checked != Some(snapshot.version()) && is_in_effect(&snapshot, request, requests).await?;
    Ok((snapshot, is_in_effect))
}
