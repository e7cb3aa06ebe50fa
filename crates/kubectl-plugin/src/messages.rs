//! stderr: every line a plugin says beside its data.
//!
//! Failing to write there is not a failure of the command, so nothing here returns one.

use std::borrow::Cow;
use std::env;
use std::io::{self, IsTerminal, Write};

/// Says one line on stderr.
pub fn say(line: &str) {
    write(&printable(line));
}

/// Says `Warning: text` as kubectl does: the word is yellow on a terminal, unless `NO_COLOR`
/// is set or the terminal is dumb (`cli-runtime/pkg/printers/terminal.go`).
pub fn warn(text: &str) {
    let text = printable(text);
    let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    if io::stderr().is_terminal() && !is_dumb && env::var_os("NO_COLOR").is_none() {
        write(&format!("\u{1b}[33;1mWarning:\u{1b}[0m {text}"));
    } else {
        write(&format!("Warning: {text}"));
    }
}

fn write(line: &str) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// A server's text must not steer a terminal: its control characters are shown as kubectl shows
/// them (`cli-runtime/pkg/printers/terminal.go`). In a file they stay.
fn printable(text: &str) -> Cow<'_, str> {
    let is_plain = |character: char| !character.is_control() || "\n\t".contains(character);
    if text.chars().all(is_plain) || !io::stderr().is_terminal() {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().map(|character| match character {
        '\u{1b}' => "^[".to_owned(),
        '\r' => "\\r".to_owned(),
        character if is_plain(character) => character.to_string(),
        character => character.escape_unicode().to_string(),
    });
    Cow::Owned(shown.collect())
}
