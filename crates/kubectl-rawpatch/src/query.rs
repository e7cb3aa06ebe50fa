//! The query of a PATCH: what the path may hold, and what the flags add.
//!
//! The API server takes what it does not know for nothing and reads any `force` but
//! `0` and `false` as yes (`apimachinery/pkg/runtime/conversion.go`), so every name and
//! value is checked here (`ValidatePatchOptions` has the server's own rules).

use kubectl_plugin::Error;
use kubectl_plugin::request::RawPath;

use crate::args::PatchArgs;
use crate::body::PatchType;

/// The parameters of `metav1.PatchOptions`, and the two that every request has.
pub(crate) const PARAMETERS: [&str; 6] = [
    "dryRun",
    "fieldManager",
    "fieldValidation",
    "force",
    "pretty",
    "timeout",
];

/// Who set a field, when nobody says otherwise.
const FIELD_MANAGER: &str = "kubectl-rawpatch";

/// The server's limit, in bytes.
const LONGEST_FIELD_MANAGER: usize = 128;

/// Adds to `path` what the flags ask for.
pub(crate) fn add_flags(path: &mut RawPath, arguments: &PatchArgs) -> Result<(), Error> {
    let is_given = [
        arguments
            .dry_run
            .as_deref()
            .is_some_and(|strategy| strategy != "none"),
        arguments.field_manager.is_some(),
        arguments.validate.is_some(),
        arguments.force_conflicts.is_some(),
    ];
    if path.is_proxied() && is_given.contains(&true) {
        return Err(Error::usage(
            "--dry-run, --field-manager, --validate and --force-conflicts are for the API server, \
             and PATH goes on to what is behind it",
        ));
    }
    if let Some(strategy) = &arguments.dry_run {
        match strategy.as_str() {
            "server" => path.add_parameter("dryRun", "All", "--dry-run=server")?,
            "none" if path.parameter("dryRun").is_some() => {
                return Err(Error::usage("--dry-run=none contradicts `dryRun` in PATH"));
            }
            "none" => {}
            "client" => {
                return Err(Error::usage(
                    "--dry-run=client is not possible: a raw path has no schema here",
                )
                .hinted("--dry-run=server lets the server try it and stores nothing"));
            }
            other => {
                return Err(Error::usage(format!(
                    "Invalid dry-run value ({other}). Must be \"none\" or \"server\"."
                ))
                .did_you_mean(other, &["none", "server"]));
            }
        }
    }
    if let Some(timeout) = arguments
        .connection
        .request_timeout()
        .filter(|_| !path.is_proxied())
    {
        path.add_parameter("timeout", &timeout, "--request-timeout")?;
    }
    if let Some(manager) = &arguments.field_manager {
        path.add_parameter("fieldManager", manager, "--field-manager")?;
    }
    if let Some(level) = &arguments.validate {
        let level = match level.as_str() {
            "strict" | "Strict" | "true" => "Strict",
            "warn" | "Warn" => "Warn",
            "ignore" | "Ignore" | "false" => "Ignore",
            other => {
                return Err(Error::usage(format!(
                    "invalid value {other:?} for --validate: must be strict, warn or ignore"
                ))
                .did_you_mean(other, &["strict", "warn", "ignore"]));
            }
        };
        path.add_parameter("fieldValidation", level, "--validate")?;
    }
    if let Some(force) = arguments.force_conflicts {
        path.add_parameter(
            "force",
            if force { "true" } else { "false" },
            "--force-conflicts",
        )?;
    }
    Ok(())
}

/// Adds what is sent unless the path or a flag says otherwise.
pub(crate) fn add_defaults(path: &mut RawPath) {
    if !path.is_proxied() {
        path.add_default("fieldManager", FIELD_MANAGER);
        path.add_default("fieldValidation", "Strict");
    }
}

/// Refuses names and values that the server would ignore or misunderstand.
pub(crate) fn check(path: &RawPath, patch_type: PatchType) -> Result<(), Error> {
    if path.is_proxied() {
        return Ok(());
    }
    let one_of = |name: &str, values: &[&str]| match path.parameter(name) {
        Some(value) if !values.contains(&value.as_ref()) => Err(Error::usage(format!(
            "parameter `{name}` has the value {value:?}; the server knows {}",
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
                .hinted("other patches overwrite a field whoever manages it"),
        );
    }
    match path.parameter("fieldManager") {
        Some(manager) if manager.is_empty() && patch_type == PatchType::Apply => Err(Error::usage(
            "--type apply needs a field manager, and it is empty",
        )),
        Some(manager) if manager.len() > LONGEST_FIELD_MANAGER => Err(Error::usage(format!(
            "the field manager is {} bytes long; the server takes {LONGEST_FIELD_MANAGER}",
            manager.len()
        ))),
        Some(manager) if manager.chars().any(char::is_control) => Err(Error::usage(
            "the field manager has a control character in it",
        )),
        _ => Ok(()),
    }
}
