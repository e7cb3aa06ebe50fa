//! stderr: every line a plugin says beside its data.
//!
//! Failing to write there is not a failure of the command, so nothing here returns one.

pub(crate) mod progress;
pub(crate) mod trace;

use std::borrow::Cow;
use std::io::{self, IsTerminal};

use crate::text::terminal;

pub use progress::Progress;

/// Says one line on stderr.
pub fn say(line: &str) {
    write(&printable(line));
}

/// Says `Warning: text` as kubectl does: the word is yellow where there are colours.
pub fn warn(text: &str) {
    let text = printable(text);
    if terminal::is_coloured(&io::stderr()) {
        write(&format!("\u{1b}[33;1mWarning:\u{1b}[0m {text}"));
    } else {
        write(&format!("Warning: {text}"));
    }
}

fn write(line: &str) {
    progress::write(&format!("{line}\n"));
}

/// A server's text must not steer a terminal. In a file it stays as it is.
fn printable(text: &str) -> Cow<'_, str> {
    if io::stderr().is_terminal() {
        terminal::printable(text, "\n\t")
    } else {
        Cow::Borrowed(text)
    }
}
