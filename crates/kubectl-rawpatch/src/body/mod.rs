//! The patch itself, from the bytes a user gave to the bytes that are sent.
//!
//! ```text
//! bytes ─▶ Document::read ─▶ PatchType::choose ─▶ check ─▶ with_resource_version ─▶ the request's body
//!            │ json: checked, never rewritten
//!            └ yaml ─▶ scalar: written anew as JSON
//! ```
//!
//! Everything here is pure and runs before a connection is opened. An error names
//! the place (a byte, a line, an operation, a JSON pointer) and what to do, and
//! quotes field names and pointers only: the values may be those of a Secret.

mod json;
mod json_patch;
mod object_patch;
mod patch_type;
mod scalar;
mod version_guard;
mod yaml;

use kubectl_plugin::Error;
use serde_json::Value;

pub(crate) use object_patch::Target;
pub(crate) use patch_type::PatchType;
pub(crate) use version_guard::with_resource_version;

/// The API server's limit for a request body, in bytes.
const MAX_BYTES: usize = 3_145_728;

/// How deep a body may nest: what `serde_json` parses. No Kubernetes type comes near it.
const MAX_DEPTH: usize = 127;

type Result<T> = std::result::Result<T, Error>;

/// A patch that can be sent: its bytes, and the same parsed for the checks.
///
/// What is valid JSON keeps its bytes, numbers and white space included, but for a
/// leading byte order mark, which no API server accepts. Anything else is read as
/// YAML and written as JSON ([`yaml::to_json`]).
#[derive(Debug)]
pub(crate) struct Document {
    bytes: Vec<u8>,
    value: Value,
}

impl Document {
    /// Reads what the user gave with `-p`, in a file or on stdin.
    ///
    /// Refuses what is not UTF-8, neither JSON nor YAML, too large, ambiguous
    /// (a key twice, two documents), or changes nothing.
    pub(crate) fn read(given: &[u8]) -> Result<Self> {
        let text =
            std::str::from_utf8(given).map_err(|error| not_utf8(given, error.valid_up_to()))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let written;
        let json = match json::check_syntax(text) {
            Ok(()) => text,
            Err(_) if text.trim().is_empty() => return Err(changes_nothing("empty")),
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

    /// The JSON to send.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Checks that `document` can mean a patch of `patch_type` to `target`, and returns
/// the warning to print when it looks like a mistake that the server does not report.
pub(crate) fn check(
    document: &Document,
    patch_type: PatchType,
    target: &Target<'_>,
) -> Result<Option<String>> {
    let writes_status = match &document.value {
        Value::Array(operations) => json_patch::check(operations)?,
        Value::Object(members) => object_patch::check(members, patch_type, target)?,
        _ => false, // `PatchType::choose` has refused it.
    };
    Ok((writes_status && target.subresource.is_none()).then(|| {
        "the patch sets \"status\" through the main resource, and the server ignores it there \
         if the resource has a status subresource: --subresource status sends it there"
            .to_owned()
    }))
}

fn not_utf8(given: &[u8], offset: usize) -> Error {
    let hint = match given {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "this is UTF-16: save the patch as UTF-8",
        _ => "save the patch as UTF-8; binary data goes into a Secret's \"data\" as base64",
    };
    Error::usage(format!("the patch is not UTF-8 at byte {offset}")).hinted(hint)
}

fn changes_nothing(what: &str) -> Error {
    Error::usage(format!("the patch is {what} and changes nothing"))
        .hinted("--verbatim sends it as it is")
}

fn too_large() -> Error {
    Error::usage(format!(
        "the patch is larger than {MAX_BYTES} bytes, the most that an API server reads"
    ))
    .hinted("split it into several patches")
}

#[cfg(test)]
mod tests;
