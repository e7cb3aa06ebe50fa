//! klog's line format.

use std::fmt::Write as _;
use std::panic::Location;
use std::path::Path;
use std::process;

use jiff::Zoned;

use crate::stderr;

/// The value of a field.
pub(super) enum Field<'a> {
    /// A text in quotes, or on separate lines if it has several lines.
    Text(&'a str),
    Number(u128),
}

/// Prints a message with its fields.
#[track_caller]
pub(super) fn event(message: &str, fields: &[(&str, Field<'_>)]) {
    let mut text = format!("{message:?}");
    for (name, field) in fields {
        let _ = match field {
            Field::Number(number) => write!(text, " {name}={number}"),
            Field::Text(value) if value.contains('\n') => {
                let lines = value.trim_end_matches('\n').replace('\n', "\n\t");
                write!(text, " {name}=<\n\t{lines}\n >")
            }
            Field::Text(value) => write!(text, " {name}={value:?}"),
        };
    }
    line(&text);
}

/// Prints a line after klog's header: severity, month and day, time, process, position in the
/// source.
#[track_caller]
pub(super) fn line(text: &str) {
    let position = Location::caller();
    let file = Path::new(position.file())
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let now = Zoned::now();
    let time = now.strftime("%m%d %H:%M:%S.%6f");
    stderr::say(&format!(
        "I{time} {:7} {file}:{}] {text}",
        process::id(),
        position.line()
    ));
}
