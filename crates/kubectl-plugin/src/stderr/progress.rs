//! The progress line on a terminal. Other output is printed above the line, and the line disappears
//! at the end.

use std::env;
use std::io;
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Moves to the first column and erases the line (ECMA-48, EL).
const ERASE: &str = "\r\u{1b}[K";

static LINE: Mutex<Line> = Mutex::new(Line {
    text: String::new(),
    hidden_by: 0,
});

/// The state of the line on the terminal.
struct Line {
    text: String,
    /// The number of running programs that may write to the terminal.
    hidden_by: usize,
}

/// A handle for the progress line, which disappears when it is dropped. Without a terminal on
/// stderr, there is no line.
pub struct Progress {
    is_shown: bool,
}

/// Hides the progress line until it is dropped.
pub(crate) struct Hidden(());

impl Progress {
    /// Starts with an empty line.
    pub fn start() -> Self {
        let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            is_shown: io::stderr().is_terminal() && !is_dumb,
        }
    }

    /// Replaces the text of the line. It must fit into one line of the terminal.
    pub fn show(&self, text: &str) {
        if self.is_shown {
            line().change(|line| text.clone_into(&mut line.text));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        line().change(|line| line.text.clear());
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        line().change(|line| line.hidden_by -= 1);
    }
}

/// Hides the line while a program runs that may write to the terminal itself.
pub(crate) fn hide() -> Hidden {
    line().change(|line| line.hidden_by += 1);
    Hidden(())
}

/// Writes whole lines above the progress line.
pub(super) fn write_above(lines: &str) {
    let line = line();
    put(&[line.erased(), lines, line.drawn()]);
}

fn line() -> MutexGuard<'static, Line> {
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Line {
    /// Changes the line and draws it again.
    fn change(&mut self, change: impl FnOnce(&mut Self)) {
        let erased = self.erased();
        change(self);
        put(&[erased, self.drawn()]);
    }

    /// Returns the sequence that removes the line from the terminal.
    fn erased(&self) -> &'static str {
        if self.drawn().is_empty() { "" } else { ERASE }
    }

    /// Returns the text that the terminal shows.
    fn drawn(&self) -> &str {
        if self.hidden_by == 0 { &self.text } else { "" }
    }
}

/// Writes all parts at once, so that no other output comes between them.
fn put(parts: &[&str]) {
    let text = parts.concat();
    if !text.is_empty() {
        let _ = io::stderr().write_all(text.as_bytes());
    }
}
