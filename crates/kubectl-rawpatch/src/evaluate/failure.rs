//! An operation of a JSON patch that the server refused, and the remedy.

use super::pointer::unescaped;
use super::reason::Reason;

/// The members of an object whose own members have names like `example.com/name`.
const NAMED_BY_DOMAIN: [&str; 9] = [
    "allocatable",
    "annotations",
    "capacity",
    "hard",
    "labels",
    "limits",
    "matchLabels",
    "nodeSelector",
    "requests",
];

/// An operation of a JSON patch that the server refused.
#[derive(Debug, PartialEq)]
pub(crate) struct FailedOperation {
    /// The position of the operation in the patch, from 0.
    pub(crate) index: usize,
    pub(super) op: Box<str>,
    pub(super) path: Box<str>,
    pub(super) from: Option<String>,
    pub(super) reason: Reason,
}

impl FailedOperation {
    /// Describes the failure, as in `operation 2 (test /spec/replicas) failed: the value is 3`. Without
    /// `shows_values`, describes only the types of values in the object.
    pub(crate) fn describe(&self, shows_values: bool) -> String {
        let pointers = match &self.from {
            Some(from) if matches!(&*self.op, "move" | "copy") => {
                format!(" {from} to {}", self.path)
            }
            _ if self.path.is_empty() => String::new(),
            _ => format!(" {}", self.path),
        };
        let op = match self.reason {
            Reason::UnknownOp => "unknown op", // The `op` may be any text of the patch.
            _ => &self.op,
        };
        let reason = self.reason.describe(shows_values);
        let remedy = self
            .remedy()
            .map_or(String::new(), |remedy| format!("; {remedy}"));
        format!(
            "operation {} ({op}{pointers}) failed: {reason}{remedy}",
            self.index
        )
    }

    /// Returns the remedy, if there is a certain one.
    fn remedy(&self) -> Option<String> {
        let (Reason::Missing(end) | Reason::NotAContainer { pointer: end, .. }) = &self.reason
        else {
            return None;
        };
        let is_source = !self.path.starts_with(end.as_str());
        let pointer = match &self.from {
            Some(from) if is_source => from,
            _ => &*self.path,
        };
        if let Some(remedy) = unescaped_slash(pointer, parent(end)) {
            return Some(remedy);
        }
        let escaped = unescaped_slash(pointer, end);
        let needs_parent = !is_source
            && matches!(self.reason, Reason::Missing(_))
            && matches!(&*self.op, "add" | "replace" | "move" | "copy")
            && (escaped.is_some() || parent(pointer) == end);
        match escaped {
            Some(escaped) if needs_parent => Some(format!("add {end} first, and {escaped}")),
            None if needs_parent => Some(format!("add {end} first")),
            escaped => escaped,
        }
    }
}

/// Returns the pointer to the value that contains the value at `pointer`.
fn parent(pointer: &str) -> &str {
    pointer.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Returns the remedy for an unescaped slash in a name such as `example.com/name`, which is a member
/// of the value at `parent`.
fn unescaped_slash(pointer: &str, parent: &str) -> Option<String> {
    let name = pointer.strip_prefix(parent)?.strip_prefix('/')?;
    let has_domains = NAMED_BY_DOMAIN.contains(&parent.rsplit('/').next()?);
    (has_domains && name.contains('/')).then(|| {
        let escaped = name.replace('/', "~1");
        format!("write {escaped} for the name {:?}", unescaped(name))
    })
}
