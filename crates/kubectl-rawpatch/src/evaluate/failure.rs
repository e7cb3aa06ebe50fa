//! Describes why the server refused an operation of a JSON patch.

use serde_json::Value;

use super::node::go_text;
use super::pointer::unescaped;

/// The maximum length of a value in a message, in characters.
const MAX_SHOWN: usize = 60;

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

/// The reason why the server refused an operation. Pointers are parts of the operation's own.
#[derive(Debug, PartialEq)]
pub(super) enum Reason {
    /// The value is another one than `test` expects.
    Differs(Value),
    /// The value is the one that `test` expects, but its text in the object is another one.
    IsSpelledDifferently(Value),
    /// Nothing is at this pointer.
    Missing(String),
    /// The pointer of the operation leads into this value, which has no members.
    NotAContainer { pointer: String, value: Value },
    /// The list does not have this index.
    OutOfRange { list: String, length: usize },
    /// The list has no members with names.
    NotAnIndex { list: String, key: String },
    /// Only `replace` and `test` may have the empty pointer. A pointer needs a slash.
    NoPointer,
    /// The object would be replaced by a scalar.
    ScalarAsRoot,
    /// The values that the patch copies exceed the server's limit.
    CopiesTooMuch,
    /// The server compares a null in a list, or changes the copy of a null, and panics.
    Panics,
    /// The operation has no such member.
    Lacks(&'static str),
    /// The `op` is unknown.
    UnknownOp,
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

impl Reason {
    fn describe(&self, shows_values: bool) -> String {
        let shown = |value: &Value| describe_value(value, shows_values);
        match self {
            Self::Differs(value) => format!("the value is {}", shown(value)),
            Self::IsSpelledDifferently(value) => format!(
                "the server compares the text of values, and the value is {}",
                if shows_values {
                    shortened(&go_text(value))
                } else {
                    shown(value)
                }
            ),
            Self::Missing(pointer) => format!("{pointer} is missing"),
            Self::NotAContainer { pointer, value } => format!("{pointer} is {}", shown(value)),
            Self::OutOfRange { list, length: 0 } => format!("the list {list} is empty"),
            Self::OutOfRange { list, length: 1 } => format!("the list {list} has only 1 item"),
            Self::OutOfRange { list, length } => {
                format!("the list {list} has only {length} items")
            }
            Self::NotAnIndex { list, key } => {
                format!("{list} is a list, and {key:?} is not an index")
            }
            Self::NoPointer => "the server needs a pointer with a slash here".to_owned(),
            Self::ScalarAsRoot => "the whole object cannot be replaced by a scalar".to_owned(),
            Self::CopiesTooMuch => "the patch copies more than 3 MiB".to_owned(),
            Self::Panics => "the API server panics on a null here".to_owned(),
            Self::Lacks(member) => format!("it has no {member:?}"),
            Self::UnknownOp => "the server does not know it".to_owned(),
        }
    }
}

/// Describes a value, or only its type.
fn describe_value(value: &Value, shows_value: bool) -> String {
    let name = match value {
        Value::Null => "null",
        _ if shows_value => return shortened(&value.to_string()),
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    name.to_owned()
}

/// Cuts a long text.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
