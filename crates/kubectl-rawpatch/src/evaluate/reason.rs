//! The reasons for which the server refuses an operation of a JSON patch.

use serde_json::Value;

use super::node::go_text;

/// The maximum length of a value in a message, in characters.
const MAX_SHOWN: usize = 60;

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

impl Reason {
    /// Describes the reason. Without `shows_values`, describes only the types of values.
    pub(super) fn describe(&self, shows_values: bool) -> String {
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
