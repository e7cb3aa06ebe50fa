//! How kubectl prints what a template found: Go's `fmt.Print` for plain values, Go's
//! `json.Marshal` for lists and objects.

use std::{
    io::{self, Write},
    ops::Range,
};

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

use super::evaluate::Item;

/// Prints the items of one action with a space between them.
pub(super) fn items(items: &[Item<'_>], output: &mut Vec<u8>) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            output.push(b' ');
        }
        print(*item, output);
    }
}

fn print(item: Item<'_>, output: &mut Vec<u8>) {
    match item {
        Item::Nothing => output.extend_from_slice(b"<no value>"),
        Item::Null => output.extend_from_slice(b"null"),
        Item::Bool(value) => output.extend_from_slice(value.to_string().as_bytes()),
        Item::Integer(value) => output.extend_from_slice(value.to_string().as_bytes()),
        Item::Float(value) => output.extend_from_slice(float(value, -4..6, 2).as_bytes()),
        Item::Text(text) => output.extend_from_slice(text),
        Item::List(list) => json(list, output),
        Item::Object(object) => json(object, output),
    }
}

fn json(value: &(impl Serialize + ?Sized), output: &mut Vec<u8>) {
    value
        .serialize(&mut Serializer::with_formatter(output, GoJson))
        .expect("a JSON value can be written into memory");
}

/// Go's spelling of a float: the fewest digits that name it, with an exponent of at least
/// `exponent_digits` digits where it is not among the `decimal` ones.
fn float(value: f64, decimal: Range<i32>, exponent_digits: usize) -> String {
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific
        .split_once('e')
        .expect("an exponent was asked for");
    let exponent: i32 = exponent.parse().expect("an exponent is a small integer");
    if decimal.contains(&exponent) {
        value.to_string()
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        let exponent = exponent.abs();
        format!("{digits}e{sign}{exponent:0exponent_digits$}")
    }
}

/// Go's `json.Marshal`: compact, with the characters escaped that HTML and JavaScript treat
/// specially, and with Go's spelling of floats. Fields are sorted, as `serde_json`'s maps are.
struct GoJson;

impl Formatter for GoJson {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        let mut written = 0;
        for (at, special) in fragment.match_indices(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            writer.write_all(&fragment.as_bytes()[written..at])?;
            let code = special.chars().next().map_or(0, u32::from);
            write!(writer, "\\u{code:04x}")?;
            written = at + special.len();
        }
        writer.write_all(&fragment.as_bytes()[written..])
    }

    /// Go reads an integer beyond 64 bits with a sign as a float.
    #[expect(clippy::cast_precision_loss, reason = "Go loses the same digits")]
    fn write_u64<W>(&mut self, writer: &mut W, value: u64) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        if i64::try_from(value).is_ok() {
            write!(writer, "{value}")
        } else {
            self.write_f64(writer, value as f64)
        }
    }

    fn write_f64<W>(&mut self, writer: &mut W, value: f64) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        writer.write_all(float(value, -6..21, 1).as_bytes())
    }
}
