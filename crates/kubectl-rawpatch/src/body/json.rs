//! Checks JSON without rewriting it.
//!
//! This takes two passes. [`check_syntax`] decides whether the text is JSON; if not, it may still
//! be YAML. [`parse`] refuses JSON that the server would misread: a duplicate key (the server would
//! keep the last one), an incomplete surrogate pair, or a number out of range. Such a text is not
//! tried as YAML.

use std::cell::RefCell;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Error, MAX_DEPTH, Result};

/// Checks that `text` is one JSON value. The caller may ignore the error and try YAML.
pub(super) fn check_syntax(text: &str) -> Result<()> {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::usage(format!(
            "the patch is not valid JSON: {}",
            describe(&error, text)
        ))),
    }
}

/// Parses `text`, and refuses an object with a duplicate key.
pub(super) fn parse(text: &str) -> Result<Value> {
    let duplicate = RefCell::new(None);
    let builder = ValueBuilder {
        text,
        duplicate: &duplicate,
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = builder.deserialize(&mut deserializer);
    if let Some(DuplicateKey { offset, pointer }) = duplicate.into_inner() {
        return Err(Error::usage(format!(
            "the patch has a duplicate key {pointer} at {}",
            position(text, offset)
        ))
        .with_hint("remove one of them: the server would keep only the last one"));
    }
    parsed.map_err(|error| {
        Error::usage(format!(
            "the patch cannot be read: {}",
            describe(&error, text)
        ))
    })
}

/// Describes the position of `offset`, such as `byte 12`, with line and column unless it is on line 1.
fn position(text: &str, offset: usize) -> String {
    let mut lines = text.as_bytes()[..offset].rsplit(|&byte| byte == b'\n');
    let column = 1 + lines.next().map_or(0, <[u8]>::len);
    let line = 1 + lines.count();
    if line == 1 {
        return format!("byte {offset}");
    }
    format!("byte {offset} (line {line}, column {column})")
}

/// Describes an error of `serde_json`, whose messages do not quote the text, with its position.
fn describe(error: &serde_json::Error, text: &str) -> String {
    let message = error.to_string();
    let problem = message.split(" at line ").next().unwrap_or(&message);
    if problem == "recursion limit exceeded" {
        return format!("it is nested deeper than {MAX_DEPTH} levels");
    }
    let line_start: usize = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    // `serde_json` counts columns in bytes, from one.
    let offset = (line_start + error.column().saturating_sub(1)).min(text.len());
    format!("{problem} at {}", position(text, offset))
}

/// A key that occurs twice in an object.
struct DuplicateKey {
    /// The offset of the second occurrence.
    offset: usize,
    /// The JSON pointer to the key.
    pointer: String,
}

/// Builds a value, and records a duplicate key.
#[derive(Clone, Copy)]
struct ValueBuilder<'a> {
    text: &'a str,
    duplicate: &'a RefCell<Option<DuplicateKey>>,
}

impl<'a> DeserializeSeed<'a> for ValueBuilder<'a> {
    type Value = Value;

    fn deserialize<D: Deserializer<'a>>(
        self,
        deserializer: D,
    ) -> std::result::Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for ValueBuilder<'a> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut items: A) -> std::result::Result<Value, A::Error> {
        let mut array = Vec::new();
        loop {
            match items.next_element_seed(self) {
                Ok(Some(item)) => array.push(item),
                Ok(None) => return Ok(Value::Array(array)),
                Err(error) => {
                    self.prepend_to_pointer(&array.len().to_string());
                    return Err(error);
                }
            }
        }
    }

    fn visit_map<A: MapAccess<'a>>(self, mut members: A) -> std::result::Result<Value, A::Error> {
        let mut object = Map::new();
        // A raw key is a slice of the text, so its address reveals its offset.
        while let Some(raw_key) = members.next_key::<&RawValue>()? {
            let key: String = serde_json::from_str(raw_key.get())
                .map_err(|_| A::Error::custom("a key has an invalid \\u escape"))?;
            if object.contains_key(&key) {
                *self.duplicate.borrow_mut() = Some(DuplicateKey {
                    offset: offset_in(self.text, raw_key.get()),
                    pointer: String::new(),
                });
                self.prepend_to_pointer(&key);
                return Err(A::Error::custom("duplicate key"));
            }
            let value = members
                .next_value_seed(self)
                .inspect_err(|_| self.prepend_to_pointer(&key))?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

impl ValueBuilder<'_> {
    /// Prepends a token to the pointer, while the error passes through the enclosing containers.
    fn prepend_to_pointer(self, token: &str) {
        if let Some(duplicate) = self.duplicate.borrow_mut().as_mut() {
            let token = token.replace('~', "~0").replace('/', "~1");
            duplicate.pointer = format!("/{token}{}", duplicate.pointer);
        }
    }
}

/// Returns the offset in `text` of its slice `part`.
pub(super) fn offset_in(text: &str, part: &str) -> usize {
    part.as_ptr().addr() - text.as_ptr().addr()
}
