//! Asks the user on the terminal. stdin is never read, because it may contain data.

use std::fs::{File, OpenOptions};
use std::io;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use tokio::task::spawn_blocking;

use crate::Error;
use crate::error::Kind;
use crate::runtime::Hold;
use crate::text::{system_error, terminal};

/// The names of the terminal that controls the process, for input and for output.
#[cfg(unix)]
const TERMINAL: [&str; 2] = ["/dev/tty", "/dev/tty"];
#[cfg(windows)]
const TERMINAL: [&str; 2] = ["CONIN$", "CONOUT$"];

/// The terminal that controls the process, whatever stdin, stdout and stderr are.
pub struct Terminal {
    input: File,
    output: File,
}

impl Terminal {
    /// Opens the terminal.
    ///
    /// # Errors
    /// Fails if the process has no terminal. `flag` is the flag that needs one, and `hint` is the remedy.
    pub fn open(flag: &str, hint: &str) -> Result<Self, Error> {
        let open = |name| OpenOptions::new().read(true).write(true).open(name);
        let no_terminal = |error: io::Error| {
            let reason = system_error::reason(&error);
            Error::usage(format!(
                "{flag} asks on the terminal, but there is none ({reason})"
            ))
            .with_hint(hint)
        };
        let [input, output] = TERMINAL;
        Ok(Self {
            input: open(input).map_err(no_terminal)?,
            output: open(output).map_err(no_terminal)?,
        })
    }

    /// Reports whether to colour text on the terminal.
    pub fn is_coloured(&self) -> bool {
        terminal::is_coloured(&self.output)
    }

    /// Shows a text. The caller must have made any foreign text in it [printable](terminal::printable).
    ///
    /// # Errors
    /// Fails if the terminal is gone.
    pub fn show(&mut self, text: &str) -> Result<(), Error> {
        self.output
            .write_all(text.as_bytes())
            .map_err(|error| Kind::Output(error).into())
    }

    /// Returns the terminal as the stdout of another program.
    ///
    /// # Errors
    /// Fails if too many files are open.
    pub fn to_stdio(&self) -> Result<Stdio, Error> {
        let clone = self.output.try_clone().map_err(Kind::Output)?;
        Ok(clone.into())
    }

    /// Asks a question, and returns whether the answer is `y` or `yes`. The end of the input is a no. Text
    /// that was typed before the question is discarded.
    ///
    /// # Errors
    /// Fails if the terminal is gone, and [`Kind::Interrupted`] if a signal arrives.
    pub async fn confirm(mut self, question: &str) -> Result<bool, Error> {
        let mut hold = Hold::start().map_err(Kind::Output)?;
        discard_input(&self.input);
        self.show(&terminal::printable(question, ""))?;
        self.show(" [y/N] ")?;
        let input = self.input;
        // The thread cannot be stopped. It ends with the process.
        let answer = spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(input).read_line(&mut line).map(|_| line)
        });
        let answer = tokio::select! {
            biased;
            signal = hold.signal() => Err(signal),
            answer = answer => Ok(answer.ok().and_then(Result::ok).unwrap_or_default()),
        };
        let is_on_new_line = answer.as_ref().is_ok_and(|answer| answer.ends_with('\n'));
        if !is_on_new_line {
            let _ = self.output.write_all(b"\n");
        }
        match answer {
            Ok(answer) => Ok(is_yes(&answer)),
            Err(signal) => Err(Kind::Interrupted {
                signal,
                message: Some("interrupted; nothing was changed".to_owned()),
            }
            .into()),
        }
    }
}

#[cfg(unix)]
fn discard_input(terminal: &File) {
    let _ = rustix::termios::tcflush(terminal, rustix::termios::QueueSelector::IFlush);
}

#[cfg(windows)]
fn discard_input(_terminal: &File) {}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_y_and_yes_are_a_yes() {
        for (answer, expected) in [
            ("y\n", true),
            ("Yes\r\n", true),
            ("", false),
            ("\n", false),
            ("n\n", false),
            ("yep\n", false),
            ("y y\n", false),
        ] {
            assert_eq!(is_yes(answer), expected, "{answer:?}");
        }
    }
}
