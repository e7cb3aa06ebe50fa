//! stderr: everything that a plugin prints beside its data.
//!
//! * here: messages and warnings
//! * [`progress`]: one line about what is going on, while it is going on
//! * `trace`: the output of `-v`
//!
//! Failing to write to stderr does not make a command fail, so nothing here returns an error.

pub mod progress;
pub(crate) mod trace;

use std::borrow::Cow;
use std::io;
use std::io::IsTerminal;

use crate::text::terminal;

/// Prints a line.
pub fn say(line: &str) {
    write(&printable(line));
}

/// Prints `Warning: text` as kubectl does, with the first word in yellow where colours are on.
pub fn warn(text: &str) {
    let text = printable(text);
    if terminal::is_coloured(&io::stderr()) {
        write(&format!("\u{1b}[33;1mWarning:\u{1b}[0m {text}"));
    } else {
        write(&format!("Warning: {text}"));
    }
}

fn write(line: &str) {
    progress::write_above(&format!("{line}\n"));
}

/// Escapes control characters if stderr is a terminal, which a server's text must not control.
fn printable(text: &str) -> Cow<'_, str> {
    if io::stderr().is_terminal() {
        terminal::printable(text, "\n\t")
    } else {
        Cow::Borrowed(text)
    }
}
