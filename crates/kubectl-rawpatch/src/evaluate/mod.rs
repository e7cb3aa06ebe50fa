//! Evaluates a patch without the server, with the API server's meaning.
//!
//! ```text
//! JSON patch  ─▶ operation: parse ─▶ json_patch: apply each to a Node ─▶ the object, or a FailedOperation
//! merge patch ─▶ merge_patch ─▶ the object
//! ```
//!
//! * `node`: values with the server's text of each scalar, and their comparison
//! * `pointer`: finds the place in an object that a JSON pointer names
//! * `operation`, `json_patch`: the operations of a JSON patch
//! * `failure`: an operation that failed, and its remedy; `reason`: why it failed
//! * `merge_patch`: merge patches
//! * `idempotence`: decides whether applying a patch twice is the same as once
//!
//! The API server does not follow RFC 6902 and RFC 7396. It uses `gopkg.in/evanphx/json-patch.v4`
//! 4.13.0, and this module follows that code, including its mistakes. The crate `json-patch` follows
//! the RFCs, so its result would be wrong in these cases:
//!
//! | patch | RFC | API server |
//! |---|---|---|
//! | `replace` of a missing member | fails | adds it |
//! | `copy` from a missing member | fails | adds null |
//! | `test` of a missing member for null | fails | passes |
//! | index `-1`, `+1` or `01` | fails | counts from the end; is 1 |
//! | empty pointer in `add`, `remove`, `move`, `copy` | the whole object | fails |
//! | path without a slash, `data/x` | fails | is `/x` |
//! | `test` of the value 1 for `1.0`, or of `"<"` for `"<"` | passes | fails: it compares texts, and has written `\u003c` |
//! | `test` of a list that contains null | compares | panics, and closes the connection |
//! | `copy` of more than 3 MiB | copies | fails |
//! | merge patch: null inside an object inside a list | stays | is removed, unless the list replaces an object |
//!
//! The server then decodes the object by its type. That is not part of the evaluation: defaults,
//! pruned fields, null in a field that cannot be null, the `stringData` of a Secret. The test
//! `agreement` compares the evaluation with a real server.

#[cfg(test)]
mod agreement;
mod failure;
mod idempotence;
mod json_patch;
mod merge_patch;
mod node;
mod operation;
mod pointer;
mod reason;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::body::PatchType;
use merge_patch::merge;
use node::Node;
use operation::Operation;

pub(crate) use failure::FailedOperation;
pub(crate) use idempotence::is_idempotent;

/// Returns `object` with the patch in `body` applied, or the operation that failed.
///
/// Numbers have the form in which the server stores them: `1.0` becomes `1`. Returns `None` if the
/// patch has another type, which only the server can evaluate, or if the server refuses the whole
/// body.
pub(crate) fn evaluate(
    patch_type: PatchType,
    body: &[u8],
    object: &Value,
) -> Option<Result<Value, FailedOperation>> {
    match patch_type {
        PatchType::Json => {
            let operations = Operation::parse_all(body)?;
            let patched = json_patch::apply(operations, Node::from_value(object));
            Some(patched.map(Node::into_value))
        }
        PatchType::Merge => {
            let patch = serde_json::from_slice(body).ok()?;
            Some(Ok(merge(object.as_object()?.clone(), patch)))
        }
        PatchType::Strategic | PatchType::Apply => None,
    }
}
