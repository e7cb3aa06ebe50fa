//! Checks JSON without rewriting it.
//!
//! Two passes answer two questions. [`check_syntax`] tells whether the text is JSON at all; if not, it may
//! still be YAML. [`parse`] refuses JSON that is not a valid patch: a key twice (the server would keep the
//! last one), half a surrogate pair, a number out of range. Such a text is never tried as YAML.

use std::cell::RefCell;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Error, MAX_DEPTH, Result};

/// Checks that `text` is one JSON value. The error is for a text that is not YAML either.
pub(super) fn check_syntax(text: &str) -> Result<()> {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::usage(format!(
            "the patch is not valid JSON: {}",
            described(&error, text)
        ))),
    }
}

/// Parses `text` for the checks, and refuses an object that has a key twice.
pub(super) fn parse(text: &str) -> Result<Value> {
    let duplicate = RefCell::new(None);
    let node = Node {
        text,
        duplicate: &duplicate,
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = node.deserialize(&mut deserializer);
    if let Some(Duplicate { offset, pointer }) = duplicate.into_inner() {
        return Err(Error::usage(format!(
            "the patch has {pointer} twice; the second one is at {}",
            place(text, offset)
        ))
        .hinted("remove one of them; the server would keep the last one"));
    }
    parsed.map_err(|error| {
        Error::usage(format!(
            "the patch cannot be read: {}",
            described(&error, text)
        ))
    })
}

/// Returns `byte 12`, with line and column if there is more than one line.
fn place(text: &str, offset: usize) -> String {
    let mut lines = text.as_bytes()[..offset].rsplit(|&byte| byte == b'\n');
    let column = 1 + lines.next().map_or(0, <[u8]>::len);
    let line = 1 + lines.count();
    if line == 1 {
        return format!("byte {offset}");
    }
    format!("byte {offset} (line {line}, column {column})")
}

/// Words `serde_json`'s error, which quotes nothing of the text, and its place.
fn described(error: &serde_json::Error, text: &str) -> String {
    let whole = error.to_string();
    let what = whole.split(" at line ").next().unwrap_or(&whole);
    if what == "recursion limit exceeded" {
        return format!("it is nested deeper than {MAX_DEPTH} levels");
    }
    let line_start: usize = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    // `serde_json` counts the columns of a line from one, in bytes.
    let offset = (line_start + error.column().saturating_sub(1)).min(text.len());
    format!("{what} at {}", place(text, offset))
}

/// A key that occurs twice: the offset of the second one, and the pointer to it.
struct Duplicate {
    offset: usize,
    pointer: String,
}

/// Builds one value, and records a key that occurs twice.
#[derive(Clone, Copy)]
struct Node<'a> {
    text: &'a str,
    duplicate: &'a RefCell<Option<Duplicate>>,
}

impl<'a> DeserializeSeed<'a> for Node<'a> {
    type Value = Value;

    fn deserialize<D: Deserializer<'a>>(
        self,
        deserializer: D,
    ) -> std::result::Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Node<'a> {
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
                    self.lead_pointer_with(&array.len().to_string());
                    return Err(error);
                }
            }
        }
    }

    fn visit_map<A: MapAccess<'a>>(self, mut members: A) -> std::result::Result<Value, A::Error> {
        let mut object = Map::new();
        // A raw key is a slice of the text, so its address gives the offset.
        while let Some(raw_key) = members.next_key::<&RawValue>()? {
            let key: String = serde_json::from_str(raw_key.get())
                .map_err(|_| A::Error::custom("a key has an invalid \\u escape"))?;
            if object.contains_key(&key) {
                *self.duplicate.borrow_mut() = Some(Duplicate {
                    offset: offset_in(self.text, raw_key.get()),
                    pointer: String::new(),
                });
                self.lead_pointer_with(&key);
                return Err(A::Error::custom("a key comes twice"));
            }
            let value = members
                .next_value_seed(self)
                .inspect_err(|_| self.lead_pointer_with(&key))?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

impl Node<'_> {
    /// Prepends a token: the pointer grows from its end, as the error leaves one container after another.
    fn lead_pointer_with(self, token: &str) {
        if let Some(duplicate) = self.duplicate.borrow_mut().as_mut() {
            let token = token.replace('~', "~0").replace('/', "~1");
            duplicate.pointer = format!("/{token}{}", duplicate.pointer);
        }
    }
}

/// Returns the offset of `part`, a slice of `text`, in it.
pub(super) fn offset_in(text: &str, part: &str) -> usize {
    part.as_ptr().addr() - text.as_ptr().addr()
}
