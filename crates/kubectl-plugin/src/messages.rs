//! stderr: every line a plugin says beside its data.
//!
//! Failing to write there is not a failure of the command, so nothing here returns one.

use std::env;
use std::io::{self, IsTerminal, Write};

/// Says one line on stderr.
pub fn say(line: &str) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Says `Warning: text` as kubectl does: the word is yellow on a terminal, unless `NO_COLOR`
/// is set or the terminal is dumb (`cli-runtime/pkg/printers/terminal.go`).
pub fn warn(text: &str) {
    let plain =
        env::var_os("NO_COLOR").is_some() || env::var_os("TERM").is_some_and(|term| term == "dumb");
    if io::stderr().is_terminal() && !plain {
        say(&format!("\u{1b}[33;1mWarning:\u{1b}[0m {text}"));
    } else {
        say(&format!("Warning: {text}"));
    }
}
