//! Decides whether a patch is in effect: whether applying it would change nothing.

use kubectl_plugin::Error;

use super::comparison::is_identical;
use super::requests::Requests;
use super::retry::pause_after_read;
use super::snapshot::Snapshot;
use crate::request::PatchRequest;

/// Reports whether the patch, without its guard, would change nothing.
///
/// Local evaluation does not know the server's defaults and formats, so if it finds a difference, the
/// server decides with a dry run. The server refuses some patches in a dry run, such as a JSON patch whose
/// `test` fails, and all patches if an admission webhook does not support it.
pub(super) async fn is_in_effect(
    snapshot: &Snapshot,
    request: &PatchRequest,
    requests: &impl Requests,
) -> Result<bool, Error> {
    if !request.is_idempotent() {
        return Ok(false);
    }
    if request.evaluate(&snapshot.value).as_ref() == Some(&snapshot.value) {
        return Ok(true);
    }
    match requests.look_up(request.to_dry_run("--dry-run")?).await {
        Ok(reply) => Ok(is_identical(
            &Snapshot::from_reply(reply).value,
            &snapshot.value,
        )),
        Err(error) if pause_after_read(&error).is_some() => Err(error),
        Err(_) => Ok(false),
    }
}
