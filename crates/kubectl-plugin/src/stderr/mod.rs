//! Writes to stderr: everything that a plugin prints except its data.
//!
//! * here: messages and warnings
//! * [`progress`]: a line that shows the progress of the work
//! * `trace`: the output of `-v`
//!
//! A failure to write to stderr does not make a command fail, so no function returns an error.

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

/// Prints `Warning: text` like kubectl, with the first word in yellow if colours are on.
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

/// Escapes control characters if stderr is a terminal, because a server's text must not control it.
fn printable(text: &str) -> Cow<'_, str> {
    if io::stderr().is_terminal() {
        terminal::printable(text, "\n\t")
    } else {
        Cow::Borrowed(text)
    }
}
