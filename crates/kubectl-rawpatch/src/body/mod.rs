//! Checks a patch and converts it to the JSON that is sent.
//!
//! ```text
//! bytes ─▶ Document::parse ─▶ PatchType::choose ─▶ check ─▶ with_resource_version ─▶ the request's body
//!            │ json: checked, never rewritten
//!            └ yaml ─▶ scalar: rewritten as JSON
//! ```
//!
//! * `encoding`: decodes UTF-8 and UTF-16
//! * `json`: checks JSON without rewriting it
//! * `yaml`: converts YAML to JSON; `scalar` interprets its plain scalars
//! * `shell_quotes`: recognizes quotes that a shell removed
//! * `patch_type`: chooses the type of the patch
//! * `json_patch`, `object_patch`: check the patch by its type
//! * `version_guard`: limits the patch to one version of the object
//! * `wrong_scalars`: finds numbers without quotes where the server expects text
//!
//! Nothing here does I/O. An error gives the position (a byte, a line, an operation or a JSON
//! pointer) and a remedy. It quotes only field names and pointers, because values may belong
//! to a Secret.

mod encoding;
mod json;
mod json_patch;
mod object_patch;
mod patch_type;
mod scalar;
mod shell_quotes;
mod version_guard;
mod wrong_scalars;
mod yaml;

use kubectl_plugin::Error;
use serde_json::Value;

pub(crate) use json_patch::{Operation, is_at_or_under, writes_under};
pub(crate) use object_patch::PatchTarget;
pub(crate) use patch_type::PatchType;
pub(crate) use version_guard::{version_in, with_resource_version};
pub(crate) use wrong_scalars::{Expected, wrong_scalars};

/// The API server's limit for a request body, in bytes.
const MAX_BYTES: usize = 3_145_728;

/// `serde_json`'s limit for the nesting of a body. No Kubernetes type is nearly as deep.
const MAX_DEPTH: usize = 127;

type Result<T> = std::result::Result<T, Error>;

/// A patch as JSON: the bytes that are sent, and the value parsed from them.
///
/// Valid JSON in UTF-8 keeps its bytes, including white space and the spelling of numbers. Only a leading
/// byte order mark is removed, because no API server accepts it. UTF-16 is sent as UTF-8. Any other text is read as YAML and written as
/// JSON ([`yaml::to_json`]).
#[derive(Debug)]
pub(crate) struct Document {
    bytes: Vec<u8>,
    value: Value,
}

impl Document {
    /// Parses the patch from the bytes of `-p`, a file or stdin.
    ///
    /// Refuses a patch that is not UTF-8 or UTF-16, is neither JSON nor YAML, is too large, is ambiguous (duplicate
    /// keys, several documents), or changes nothing.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let text = encoding::decode(bytes)?;
        let text = text.as_ref();
        let written;
        let json = match json::check_syntax(text) {
            Ok(()) => text,
            Err(_) if text.trim().is_empty() => return Err(changes_nothing("empty")),
            Err(_) if let Some(error) = shell_quotes::check(text) => return Err(error),
            Err(json_error) => match yaml::to_json(text) {
                Ok(json) => {
                    written = json;
                    &written
                }
                Err(_) if text.trim_start().starts_with(['{', '[']) => return Err(json_error),
                Err(yaml_error) => return Err(yaml_error),
            },
        };
        if json.len() > MAX_BYTES {
            return Err(too_large());
        }
        let value = json::parse(json)?;
        match &value {
            Value::Null => return Err(changes_nothing("null")),
            Value::Object(members) if members.is_empty() => return Err(changes_nothing("{}")),
            Value::Array(items) if items.is_empty() => return Err(changes_nothing("[]")),
            _ => {}
        }
        Ok(Self {
            bytes: json.as_bytes().to_vec(),
            value,
        })
    }

    /// Returns the JSON to send, and its value.
    pub(crate) fn into_parts(self) -> (Vec<u8>, Value) {
        (self.bytes, self.value)
    }
}

/// Checks that `patch` is a valid patch of `patch_type` to `target`. Returns a warning if it contains a
/// probable mistake that the server does not report.
pub(crate) fn check(
    patch: &Value,
    patch_type: PatchType,
    target: &PatchTarget<'_>,
) -> Result<Option<String>> {
    let writes_status = match patch {
        Value::Array(operations) => json_patch::check(operations)?,
        Value::Object(members) => object_patch::check(members, patch_type, target)?,
        _ => false, // Refused by `PatchType::choose`.
    };
    Ok((writes_status && target.subresource.is_none()).then(|| {
        "the patch sets \"status\", which the server ignores if the resource has a status \
         subresource; use --subresource status"
            .to_owned()
    }))
}

fn changes_nothing(description: &str) -> Error {
    Error::usage(format!("the patch is {description}, which changes nothing"))
        .with_hint("use --verbatim to send it anyway")
}

fn too_large() -> Error {
    Error::usage(format!(
        "the patch is larger than {} MiB, the API server's limit",
        MAX_BYTES / 1024 / 1024
    ))
    .with_hint("split it into several patches")
}

#[cfg(test)]
mod tests;
