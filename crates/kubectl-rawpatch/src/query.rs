//! The query of a PATCH: which parameters a path may have, and which ones the flags add.
//!
//! The API server ignores parameters that it does not know, and reads every `force` other than `0` and
//! `false` as true (`apimachinery/pkg/runtime/conversion.go`). So names and values are checked here, by
//! the rules of `ValidatePatchOptions`.

use kubectl_plugin::Error;
use kubectl_plugin::request::RawPath;

use crate::args::{DryRun, PatchArgs, Validation};
use crate::body::PatchType;

/// The parameters of `metav1.PatchOptions`, and the two that every request may have.
pub(crate) const PARAMETERS: [&str; 6] = [
    "dryRun",
    "fieldManager",
    "fieldValidation",
    "force",
    "pretty",
    "timeout",
];

/// The default field manager.
const FIELD_MANAGER: &str = "kubectl-rawpatch";

/// The server's limit for the name of a field manager, in bytes.
const MAX_FIELD_MANAGER: usize = 128;

/// Adds the parameters that the flags ask for.
pub(crate) fn add_flags(path: &mut RawPath, arguments: &PatchArgs) -> Result<(), Error> {
    let is_given = [
        arguments.dry_run == Some(DryRun::Server),
        arguments.field_manager.is_some(),
        arguments.validate.is_some(),
        arguments.force_conflicts.is_some(),
    ];
    if path.is_proxied() && is_given.contains(&true) {
        return Err(Error::usage(
            "--dry-run, --field-manager, --validate and --force-conflicts are for the API server, \
             but PATH is proxied to another one",
        ));
    }
    match arguments.dry_run {
        Some(DryRun::Server) => path.add_parameter("dryRun", "All", "--dry-run=server")?,
        Some(DryRun::None) if path.parameter("dryRun").is_some() => {
            return Err(Error::usage("--dry-run=none contradicts `dryRun` in PATH"));
        }
        Some(DryRun::None) | None => {}
    }
    if let Some(timeout) = arguments.connection.request_timeout()
        && !path.is_proxied()
    {
        path.add_parameter("timeout", &timeout, "--request-timeout")?;
    }
    if let Some(manager) = &arguments.field_manager {
        path.add_parameter("fieldManager", manager, "--field-manager")?;
    }
    if let Some(validation) = arguments.validate {
        let level = match validation {
            Validation::Strict => "Strict",
            Validation::Warn => "Warn",
            Validation::Ignore => "Ignore",
        };
        path.add_parameter("fieldValidation", level, "--validate")?;
    }
    if let Some(force) = arguments.force_conflicts {
        path.add_parameter("force", &force.to_string(), "--force-conflicts")?;
    }
    Ok(())
}

/// Adds the defaults for parameters that neither the path nor a flag sets.
pub(crate) fn add_defaults(path: &mut RawPath) {
    if !path.is_proxied() {
        path.add_default("fieldManager", FIELD_MANAGER);
        path.add_default("fieldValidation", "Strict");
    }
}

/// Refuses values that the server would ignore or misread.
pub(crate) fn check(path: &RawPath, patch_type: PatchType) -> Result<(), Error> {
    if path.is_proxied() {
        return Ok(());
    }
    let one_of = |name: &str, values: &[&str]| match path.parameter(name) {
        Some(value) if !values.contains(&value.as_ref()) => Err(Error::usage(format!(
            "parameter `{name}` has the value {value:?}; valid values: {}",
            values.join(", ")
        ))),
        _ => Ok(()),
    };
    one_of("dryRun", &["All"])?;
    one_of("fieldValidation", &["Ignore", "Warn", "Strict"])?;
    one_of("force", &["true", "false"])?;
    if path.parameter("force").is_some() && patch_type != PatchType::Apply {
        return Err(
            Error::usage("`force` (--force-conflicts) is only for --type apply")
                .hinted("other patch types overwrite fields regardless of their manager"),
        );
    }
    match path.parameter("fieldManager") {
        Some(manager) if manager.is_empty() && patch_type == PatchType::Apply => Err(Error::usage(
            "--type apply needs a field manager, but it is empty",
        )),
        Some(manager) if manager.len() > MAX_FIELD_MANAGER => Err(Error::usage(format!(
            "the field manager is {} bytes long; the server accepts up to {MAX_FIELD_MANAGER}",
            manager.len()
        ))),
        Some(manager) if manager.chars().any(char::is_control) => Err(Error::usage(
            "the field manager contains a control character",
        )),
        _ => Ok(()),
    }
}
