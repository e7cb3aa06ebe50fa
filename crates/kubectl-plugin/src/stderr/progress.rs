//! A line on the terminal about what is under way. It gives way to all else that is said, and is
//! gone at the end.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Back to the first column, and the rest of the line empty (ECMA-48, EL).
const ERASE: &str = "\r\u{1b}[K";

static LINE: Mutex<Line> = Mutex::new(Line {
    text: String::new(),
    hidden_by: 0,
});

struct Line {
    text: String,
    /// How many programs may be writing to the same terminal.
    hidden_by: usize,
}

/// The line, as long as it lasts. Without a terminal on stderr there is none.
pub struct Progress {
    is_shown: bool,
}

/// Keeps the line away.
pub(crate) struct Hidden(());

impl Progress {
    /// An empty line.
    pub fn start() -> Self {
        let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            is_shown: io::stderr().is_terminal() && !is_dumb,
        }
    }

    /// Replaces what the line says. It must be shorter than a terminal is wide.
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

/// Keeps the line away while a program runs that may write there, too.
pub(crate) fn hide() -> Hidden {
    line().change(|line| line.hidden_by += 1);
    Hidden(())
}

/// Writes a text that ends with its line, in the place of the line that is under way.
pub(crate) fn write(text: &str) {
    let line = line();
    put(&[line.erased(), text, line.drawn()]);
}

fn line() -> MutexGuard<'static, Line> {
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Line {
    fn change(&mut self, change: impl FnOnce(&mut Self)) {
        let erased = self.erased();
        change(self);
        put(&[erased, self.drawn()]);
    }

    /// What makes the line disappear.
    fn erased(&self) -> &'static str {
        if self.drawn().is_empty() { "" } else { ERASE }
    }

    /// What is on the terminal of it.
    fn drawn(&self) -> &str {
        if self.hidden_by == 0 { &self.text } else { "" }
    }
}

/// In one piece, so that nothing else comes in between.
fn put(parts: &[&str]) {
    let text = parts.concat();
    if !text.is_empty() {
        let _ = io::stderr().write_all(text.as_bytes());
    }
}
