//! Applies the operations of a JSON patch, as the API server does.

use super::failure::FailedOperation;
use super::node::{Node, Panics};
use super::operation::Operation;
use super::pointer::Place;
use super::reason::Reason;

/// The server's limit for the values that a patch copies, in bytes
/// (`JSONPatchMaxCopyBytes` in `apiserver/pkg/server/config.go`).
const MAX_COPIED: usize = 3 * 1024 * 1024;

/// Applies the operations to `object`.
pub(super) fn apply(operations: Vec<Operation>, object: Node) -> Result<Node, FailedOperation> {
    let mut patched = Patched {
        root: object,
        copied: 0,
    };
    for (index, operation) in operations.into_iter().enumerate() {
        if let Err(reason) = patched.apply(&operation) {
            return Err(FailedOperation {
                index,
                op: operation.op.into(),
                path: operation.path.unwrap_or_default().into(),
                from: operation.from,
                reason,
            });
        }
    }
    Ok(patched.root)
}

/// An object to which a part of the operations was applied.
struct Patched {
    root: Node,
    /// The length of all copied values.
    copied: usize,
}

impl Patched {
    fn apply(&mut self, operation: &Operation) -> Result<(), Reason> {
        let path = operation.path.as_deref().ok_or(Reason::Lacks("path"))?;
        let from = operation.from.as_deref().ok_or(Reason::Lacks("from"));
        let value = operation.value.as_ref();
        let added = || value.cloned().unwrap_or(Node::Null);
        match operation.op.as_str() {
            "add" => Place::find(&mut self.root, path)?.add(added()),
            "remove" => Place::find(&mut self.root, path)?.remove().map(drop),
            "replace" if path.is_empty() => self.replace_root(value),
            "replace" => Place::find(&mut self.root, path)?.replace(added()),
            "move" => {
                let moved = Place::find(&mut self.root, from?)?.remove()?;
                Place::find(&mut self.root, path)?.add(moved)
            }
            "copy" => self.copy(from?, path),
            "test" => self.test(path, value),
            _ => Err(Reason::UnknownOp),
        }
    }

    fn replace_root(&mut self, value: Option<&Node>) -> Result<(), Reason> {
        self.root = match value {
            Some(root @ (Node::Object(_) | Node::List(_))) => root.clone(),
            Some(_) => return Err(Reason::ScalarAsRoot),
            None => return Err(Reason::Panics),
        };
        Ok(())
    }

    fn copy(&mut self, from: &str, path: &str) -> Result<(), Reason> {
        let source = Place::find(&mut self.root, from)?;
        // Go copies a missing value as null.
        let copy = source.value()?.map_or(Node::Null, Node::copied);
        if copy != Node::Null {
            self.copied += copy.text_length();
        }
        let destination = Place::find(&mut self.root, path)?;
        if self.copied > MAX_COPIED {
            return Err(Reason::CopiesTooMuch);
        }
        destination.add(copy)
    }

    fn test(&mut self, path: &str, tested: Option<&Node>) -> Result<(), Reason> {
        if path.is_empty() {
            return require_equal(&self.root, tested.ok_or(Reason::Panics)?);
        }
        let place = Place::find(&mut self.root, path)?;
        match (place.value()?, tested) {
            (None | Some(Node::Null), None | Some(Node::AddedNull)) => Ok(()),
            (None, Some(_)) => Err(Reason::Missing(path.to_owned())),
            (Some(value), Some(tested)) => require_equal(value, tested),
            (Some(value), None) => Err(Reason::Differs(value.clone().into_value())),
        }
    }
}

/// Checks that `test` passes for `value`.
fn require_equal(value: &Node, tested: &Node) -> Result<(), Reason> {
    match value.equals(tested) {
        Ok(true) => Ok(()),
        Ok(false) => {
            let (value, tested) = (value.clone().into_value(), tested.clone().into_value());
            Err(if value == tested {
                Reason::IsSpelledDifferently(value)
            } else {
                Reason::Differs(value)
            })
        }
        Err(Panics) => Err(Reason::Panics),
    }
}
