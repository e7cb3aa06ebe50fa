//! Adds and checks the query parameters of a PATCH, from the path and from flags.
//!
//! The API server ignores unknown parameters, and treats any `force` except `0` and `false` as true
//! (`apimachinery/pkg/runtime/conversion.go`). So names and values are checked here, by the rules
//! of `ValidatePatchOptions`.

use kubectl_plugin::Error;
use kubectl_plugin::request::RawPath;

use crate::args::{DryRun, PatchArgs, Validation};
use crate::body::PatchType;

/// The parameters of `metav1.PatchOptions`, plus `pretty` and `timeout`, which every request may have.
pub(crate) const PARAMETERS: [&str; 6] = [
    "dryRun",
    "fieldManager",
    "fieldValidation",
    "force",
    "pretty",
    "timeout",
];

/// The default for `fieldManager`.
const DEFAULT_FIELD_MANAGER: &str = "kubectl-rawpatch";

/// The API server's limit for the name of a field manager, in bytes.
const MAX_FIELD_MANAGER: usize = 128;

/// Adds the parameters that are set by flags.
pub(crate) fn add_flags(path: &mut RawPath, arguments: &PatchArgs) -> Result<(), Error> {
    if path.is_proxied() {
        refuse_flags(arguments)?;
    }
    match arguments.dry_run {
        Some(DryRun::Server) => path.add_parameter("dryRun", "All", "--dry-run")?,
        Some(DryRun::None) if path.parameter("dryRun").is_some() => {
            return Err(Error::usage("--dry-run=none contradicts `dryRun` in PATH")
                .with_hint("remove --dry-run, or remove `dryRun` from PATH"));
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

/// Refuses flags that set parameters, for a path that the API server proxies to another server.
fn refuse_flags(arguments: &PatchArgs) -> Result<(), Error> {
    let flags = [
        ("--dry-run", arguments.dry_run == Some(DryRun::Server)),
        ("--diff", arguments.diff.diff),
        ("--field-manager", arguments.field_manager.is_some()),
        ("--validate", arguments.validate.is_some()),
        ("--force-conflicts", arguments.force_conflicts.is_some()),
    ];
    match flags.iter().find(|(_, is_set)| *is_set) {
        Some((flag, _)) => Err(Error::usage(format!(
            "{flag} is for the API server, but PATH is proxied to another server"
        ))
        .with_hint(format!("remove {flag}"))),
        None => Ok(()),
    }
}

/// Adds the default of each parameter that is set by neither the path nor a flag.
pub(crate) fn add_defaults(path: &mut RawPath) {
    if !path.is_proxied() {
        path.add_default("fieldManager", DEFAULT_FIELD_MANAGER);
        path.add_default("fieldValidation", "Strict");
    }
}

/// Refuses parameter values that the server would refuse, ignore or misread.
pub(crate) fn check(path: &RawPath, patch_type: PatchType) -> Result<(), Error> {
    if path.is_proxied() {
        return Ok(());
    }
    check_value(path, "dryRun", &["All"])?;
    check_value(path, "fieldValidation", &["Ignore", "Warn", "Strict"])?;
    check_value(path, "force", &["true", "false"])?;
    if path.parameter("force").is_some() && patch_type != PatchType::Apply {
        return Err(
            Error::usage("--force-conflicts (or force=true in PATH) requires --type apply").with_hint(
                "remove --force-conflicts: other patch types overwrite fields regardless of their manager",
            ),
        );
    }
    check_field_manager(path, patch_type)
}

/// Checks that the parameter `name`, if the path has it, is one of `valid`.
fn check_value(path: &RawPath, name: &str, valid: &[&str]) -> Result<(), Error> {
    match path.parameter(name) {
        Some(value) if !valid.contains(&value.as_ref()) => Err(Error::usage(format!(
            "invalid value {value:?} for `{name}` in PATH: must be {}",
            valid.join(", ")
        ))),
        _ => Ok(()),
    }
}

fn check_field_manager(path: &RawPath, patch_type: PatchType) -> Result<(), Error> {
    match path.parameter("fieldManager") {
        Some(manager) if manager.is_empty() && patch_type == PatchType::Apply => Err(Error::usage(
            "--type apply needs a field manager, but the name is empty",
        )
        .with_hint("set --field-manager=NAME, or omit it to use kubectl-rawpatch")),
        Some(manager) if manager.len() > MAX_FIELD_MANAGER => Err(Error::usage(format!(
            "--field-manager is {} bytes long; the server accepts up to {MAX_FIELD_MANAGER}",
            manager.len()
        ))
        .with_hint("use a shorter --field-manager")),
        Some(manager) if manager.chars().any(char::is_control) => {
            Err(Error::usage("--field-manager contains a control character"))
        }
        _ => Ok(()),
    }
}
