//! Writes the response and the outcome of a patch that succeeded.

use std::io;
use std::io::IsTerminal;

use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::output::{Output, object_name};
use kubectl_plugin::text::list::first_names;
use kubectl_plugin::{Error, stderr};
use serde_json::Value;

use crate::apply::{Applied, Effect};
use crate::body::PatchType;
use crate::dropped_fields;
use crate::request::PatchRequest;

/// The number of missing fields that a warning names.
const MAX_NAMED: usize = 5;

/// Writes the object to stdout, and warns about parts of the patch that had no effect.
///
/// Also writes a line to stderr if stdout alone could leave the outcome unclear: after a dry run, if
/// the object was created or has not changed, on a terminal, and if the response could not be written.
pub(crate) fn report_success(
    request: &PatchRequest,
    applied: &Applied,
    server: &ApiServer,
    output: &Output,
) -> Result<(), Error> {
    let object = &applied.object;
    for warning in warnings(request, object, server) {
        stderr::warn(&warning);
    }
    let written = output.write(applied.reply.body());
    let is_lost = written.as_ref().is_err_and(|error| !error.is_broken_pipe());
    let is_named = output.names_object() && !is_lost;
    let (outcome, is_notable) = outcome(request, applied);
    if is_notable || is_lost || (io::stderr().is_terminal() && !is_named) {
        if is_named {
            stderr::say(&outcome);
        } else {
            say_outcome(request, applied);
        }
    }
    written
}

/// Writes the object and the outcome to stderr.
pub(crate) fn say_outcome(request: &PatchRequest, applied: &Applied) {
    let name = match applied.object.get("kind") {
        Some(_) => object_name(&applied.object),
        None => request.path.path().to_owned(),
    };
    stderr::say(&format!("{name} {}", outcome(request, applied).0));
}

/// Describes the outcome like kubectl. Also reports whether a script must be told, too.
pub(crate) fn outcome(request: &PatchRequest, applied: &Applied) -> (String, bool) {
    let is_dry_run = request.path.is_dry_run();
    let is_created = applied.is_created();
    let is_unchanged = applied.effect == Effect::Unchanged;
    let verb = match request.patch_type {
        _ if is_created => "created",
        _ if applied.confirmed && applied.effect == Effect::Unknown => "has the patch in effect",
        PatchType::Apply => "serverside-applied",
        PatchType::Json | PatchType::Merge | PatchType::Strategic => "patched",
    };
    let details = [
        (is_unchanged, " (no change)"),
        (is_dry_run, " (server dry run)"),
        (applied.confirmed, " (confirmed)"),
    ];
    let details: String = details
        .iter()
        .filter_map(|(applies, detail)| applies.then_some(*detail))
        .collect();
    let is_notable = is_created || !details.is_empty();
    (format!("{verb}{details}"), is_notable)
}

/// Describes the parts of the patch that had no effect.
pub(crate) fn warnings(request: &PatchRequest, object: &Value, server: &ApiServer) -> Vec<String> {
    let Some(target) = request.path.resource() else {
        return Vec::new();
    };
    let mut warnings = Vec::new();
    if dropped_fields::has_ignored_finalizers(&target, &request.patch, object) {
        warnings.push(format!(
            "the server ignores spec.finalizers here; to change them, send the whole object to {}",
            server.command_to_replace(&format!("{}/finalize", request.path.path()))
        ));
    }
    let is_strict = request.path.parameter("fieldValidation").as_deref() == Some("Strict");
    if is_strict && !request.path.is_proxied() {
        let (patch_type, patch) = (request.patch_type, &request.patch);
        let missing = dropped_fields::missing_fields(&target, patch_type, patch, object);
        warnings.extend(describe_missing(&missing));
    }
    warnings
}

fn describe_missing(pointers: &[String]) -> Option<String> {
    let named = first_names(pointers, MAX_NAMED);
    (!pointers.is_empty()).then(|| {
        format!(
            "the response lacks fields that the patch sets ({named}): check their spelling; \
             servers before Kubernetes 1.25 drop unknown fields silently"
        )
    })
}
