//! Writes JSON like Go's `encoding/json`, and therefore like kubectl: characters that are special
//! in HTML and JavaScript are escaped, and floats have Go's spelling.

use std::io;
use std::io::Write;
use std::ops::Range;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

/// Writes a value on one line, as `json.Marshal` does.
pub fn compact(value: &(impl Serialize + ?Sized), output: &mut Vec<u8>) {
    write(value, CompactFormatter, output);
}

/// Writes a value indented by four spaces, as kubectl does for `-o json`.
pub(crate) fn indented(value: &(impl Serialize + ?Sized), output: &mut Vec<u8>) {
    write(value, PrettyFormatter::with_indent(b"    "), output);
}

/// Escapes the characters in a JSON text that Go escapes.
pub fn escaped(json: &str) -> String {
    let mut escaped = Vec::with_capacity(json.len());
    // Memory does not fail, and the escapes are ASCII.
    let _ = write_escaped(json, &mut escaped);
    String::from_utf8(escaped).unwrap_or_default()
}

fn write(value: &(impl Serialize + ?Sized), layout: impl Formatter, output: &mut Vec<u8>) {
    value
        .serialize(&mut Serializer::with_formatter(output, GoJson(layout)))
        .expect("a JSON value can be written into memory");
}

/// Spells a float like Go, with the fewest digits that identify it. An exponent outside `decimal`
/// is shown with at least `exponent_digits` digits.
pub(crate) fn float(value: f64, decimal: Range<i32>, exponent_digits: usize) -> String {
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific
        .split_once('e')
        .expect("`e` formats with an exponent");
    let exponent: i32 = exponent.parse().expect("an exponent is a small integer");
    if decimal.contains(&exponent) {
        value.to_string()
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        let exponent = exponent.abs();
        format!("{digits}e{sign}{exponent:0exponent_digits$}")
    }
}

fn write_escaped(text: &str, writer: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let mut written = 0;
    for (at, special) in text.match_indices(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        writer.write_all(&text.as_bytes()[written..at])?;
        let code = special.chars().next().map_or(0, u32::from);
        write!(writer, "\\u{code:04x}")?;
        written = at + special.len();
    }
    writer.write_all(&text.as_bytes()[written..])
}

/// A formatter that spells values like Go, and leaves the layout to another formatter.
struct GoJson<L>(L);

impl<L: Formatter> Formatter for GoJson<L> {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        write_escaped(fragment, writer)
    }

    /// Writes an integer that does not fit in an `int64` as a float, because Go reads it as one.
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

    fn begin_array<W>(&mut self, writer: &mut W) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        self.0.begin_array(writer)
    }

    fn end_array<W>(&mut self, writer: &mut W) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        self.0.end_array(writer)
    }

    fn begin_array_value<W>(&mut self, writer: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W>(&mut self, writer: &mut W) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        self.0.end_array_value(writer)
    }

    fn begin_object<W>(&mut self, writer: &mut W) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        self.0.begin_object(writer)
    }

    fn end_object<W>(&mut self, writer: &mut W) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        self.0.end_object(writer)
    }

    fn begin_object_key<W>(&mut self, writer: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W>(&mut self, writer: &mut W) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W>(&mut self, writer: &mut W) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        self.0.end_object_value(writer)
    }
}
