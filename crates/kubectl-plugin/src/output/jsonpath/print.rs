//! Prints values like kubectl: lists and objects like Go's `json.Marshal`, other values like Go's
//! `fmt.Print`.

use super::Found;
use super::item::Item;
use crate::text::go_json;

/// Prints the values of one action, separated by spaces.
pub(super) fn items(items: &[Item<'_>], output: &mut Vec<u8>) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            output.push(b' ');
        }
        print(*item, output);
    }
}

/// Prints a value.
fn print(item: Item<'_>, output: &mut Vec<u8>) {
    match item {
        Item::Nothing => output.extend_from_slice(b"<no value>"),
        Item::Null => output.extend_from_slice(b"null"),
        Item::Bool(value) => output.extend_from_slice(value.to_string().as_bytes()),
        Item::Integer(value) => output.extend_from_slice(value.to_string().as_bytes()),
        Item::Float(value) => output.extend_from_slice(go_json::float(value, -4..6, 2).as_bytes()),
        Item::Text(text) => output.extend_from_slice(text),
        Item::List(list) => go_json::compact(list, output),
        Item::Object(object) => go_json::compact(object, output),
    }
}

impl From<Item<'_>> for Found {
    fn from(item: Item<'_>) -> Self {
        let mut text = Vec::new();
        print(item, &mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        match item {
            Item::Nothing | Item::Null => Self::Null,
            Item::Integer(_) | Item::Float(_) => Self::Number(text),
            Item::Bool(_) | Item::Text(_) => Self::Text(text),
            Item::List(_) | Item::Object(_) => Self::Nested,
        }
    }
}
