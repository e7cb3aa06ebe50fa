//! JSON values as the API server holds them while it applies a JSON patch.

use std::collections::BTreeMap;

use kubectl_plugin::text::go_json;
use serde_json::value::RawValue;
use serde_json::{Number, Value};

/// A JSON value. A scalar is its text, because the server compares texts.
///
/// The server has three kinds of null, which behave differently.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// A null in the object, or inside a value of the patch. Equals a missing value.
    Null,
    /// The null that is the `value` of an operation. Equals only another one.
    AddedNull,
    /// A copy of an added null. It is the text `null`, which Go decodes as an empty object.
    CopiedNull,
    /// Text, a number or a boolean, as JSON text without white space.
    Scalar(String),
    List(Vec<Node>),
    Object(BTreeMap<String, Node>),
}

/// The API server panics: it compares a null in a list.
#[derive(Debug, PartialEq)]
pub(super) struct Panics;

impl Node {
    /// Converts a value, with the text that the server writes for it.
    pub(super) fn from_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) | Value::Number(_) | Value::String(_) => Self::Scalar(go_text(value)),
            Value::Array(items) => Self::List(items.iter().map(Self::from_value).collect()),
            Value::Object(members) => Self::Object(
                members
                    .iter()
                    .map(|(name, value)| (name.clone(), Self::from_value(value)))
                    .collect(),
            ),
        }
    }

    /// Parses JSON, and keeps the text of scalars. Returns `None` if `text` is not JSON.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        Some(match text.bytes().next()? {
            b'n' => Self::Null,
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                let items = items.iter().map(|item| Self::parse(item.get()));
                Self::List(items.collect::<Option<_>>()?)
            }
            b'{' => {
                let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
                let members = members
                    .into_iter()
                    .map(|(name, value)| Some((name, Self::parse(value.get())?)));
                Self::Object(members.collect::<Option<_>>()?)
            }
            _ => Self::Scalar(text.to_owned()),
        })
    }

    /// Returns the value in the form in which the server stores it.
    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Null | Self::AddedNull | Self::CopiedNull => Value::Null,
            Self::Scalar(text) => stored(serde_json::from_str(&text).unwrap_or_default()),
            Self::List(items) => items.into_iter().map(Self::into_value).collect(),
            Self::Object(members) => members
                .into_iter()
                .map(|(name, value)| (name, value.into_value()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    /// Returns the copy that the server makes: it writes the value as text, and reads it again.
    pub(super) fn copied(&self) -> Self {
        match self {
            Self::Null => Self::Null,
            Self::AddedNull | Self::CopiedNull => Self::CopiedNull,
            Self::Scalar(text) => Self::Scalar(go_json::escaped(text)),
            Self::List(items) => Self::List(items.iter().map(Self::copied_inside).collect()),
            Self::Object(members) => Self::Object(
                members
                    .iter()
                    .map(|(name, value)| (name.clone(), value.copied_inside()))
                    .collect(),
            ),
        }
    }

    fn copied_inside(&self) -> Self {
        match self.copied() {
            Self::CopiedNull => Self::Null,
            copy => copy,
        }
    }

    /// Returns the length of the server's text for this value.
    pub(super) fn text_length(&self) -> usize {
        match self {
            Self::Null | Self::AddedNull | Self::CopiedNull => "null".len(),
            Self::Scalar(text) => text.len(),
            Self::List(items) => {
                let items = items.iter().map(|item| item.text_length() + ",".len());
                items.sum::<usize>().max(1) + "]".len()
            }
            Self::Object(members) => {
                let members = members.iter().map(|(name, value)| {
                    go_text(name).len() + ":".len() + value.text_length() + ",".len()
                });
                members.sum::<usize>().max(1) + "}".len()
            }
        }
    }

    /// Reports whether `test` passes for this value. `tested` is the value of the operation.
    pub(super) fn equals(&self, tested: &Self) -> Result<bool, Panics> {
        match (self, tested) {
            (Self::AddedNull, Self::AddedNull) => Ok(true),
            (Self::CopiedNull, Self::Object(tested)) => Ok(tested.is_empty()),
            (Self::Scalar(text), Self::Scalar(tested)) => Ok(text == tested),
            (Self::List(items), Self::List(tested)) if items.len() == tested.len() => {
                for (item, tested) in items.iter().zip(tested) {
                    if *item == Self::Null || *tested == Self::Null {
                        return Err(Panics);
                    }
                    if !item.equals(tested)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Self::Object(members), Self::Object(tested)) if members.len() == tested.len() => {
                for (name, value) in members {
                    let is_equal = match (value, tested.get(name)) {
                        (Self::Null, Some(Self::Null)) => true,
                        (Self::Null, _) | (_, None | Some(Self::Null)) => false,
                        (value, Some(tested)) => value.equals(tested)?,
                    };
                    if !is_equal {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

/// Returns the JSON text that the server writes for a value.
pub(super) fn go_text(value: &(impl serde::Serialize + ?Sized)) -> String {
    let mut text = Vec::new();
    go_json::compact(value, &mut text);
    String::from_utf8(text).expect("JSON is UTF-8")
}

/// Returns a value in the form in which the server stores it: numbers are 64-bit integers if they
/// fit, and floats otherwise.
pub(super) fn stored(value: Value) -> Value {
    match value {
        Value::Number(number) if number.as_i64().is_none() => Value::Number(stored_float(number)),
        Value::Array(items) => items.into_iter().map(stored).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name, stored(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other,
    }
}

/// Returns a float as it is read after the server has written it. `-0` is read as an integer.
fn stored_float(number: Number) -> Number {
    match serde_json::from_str(&go_text(&number)) {
        Ok(Value::Number(read)) if read.as_f64() == Some(0.0) => 0.into(),
        Ok(Value::Number(read)) => read,
        _ => number,
    }
}
