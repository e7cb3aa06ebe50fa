//! Values as Go sees them after decoding.

use serde_json::{Map, Value};

/// A value. Numbers are 64-bit integers where they fit; strings and quoted text are bytes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item<'a> {
    /// No value at all, which Go has in the body of a range over a null.
    Nothing,
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(&'a [u8]),
    List(&'a [Value]),
    Object(&'a Map<String, Value>),
}

impl<'a> From<&'a Value> for Item<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => Self::Integer(integer),
                (None, Some(float)) => Self::Float(float),
                (None, None) => Self::Null,
            },
            Value::String(text) => Self::Text(text.as_bytes()),
            Value::Array(list) => Self::List(list),
            Value::Object(object) => Self::Object(object),
        }
    }
}

impl From<Item<'_>> for Value {
    fn from(item: Item<'_>) -> Self {
        match item {
            Item::Nothing | Item::Null => Self::Null,
            Item::Bool(value) => value.into(),
            Item::Integer(value) => value.into(),
            Item::Float(value) => value.into(),
            Item::Text(text) => String::from_utf8_lossy(text).into(),
            Item::List(list) => list.into(),
            Item::Object(object) => object.clone().into(),
        }
    }
}

impl Item<'_> {
    /// Converts the value to the current value in the body of a range.
    pub(super) fn as_range_value(self) -> Self {
        match self {
            Self::Null => Self::Nothing,
            other => other,
        }
    }

    /// Returns the values that `*` and `..` descend to. The children of a text are its bytes.
    pub(super) fn children(self) -> Vec<Self> {
        match self {
            Self::List(list) => list.iter().map(Self::from).collect(),
            Self::Object(object) => object.values().map(Self::from).collect(),
            Self::Text(text) => text
                .iter()
                .map(|&byte| Self::Integer(byte.into()))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Returns Go's name of the type, for messages.
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Nothing | Self::Null => "<nil>",
            Self::Bool(_) => "bool",
            Self::Integer(_) => "int64",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::List(_) => "[]interface {}",
            Self::Object(_) => "map[string]interface {}",
        }
    }
}
