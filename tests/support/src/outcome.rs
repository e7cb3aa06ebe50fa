use std::os::unix::process::ExitStatusExt as _;
use std::process::Output;

use serde_json::Value;

/// The output and the end of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The exit code, unless a signal ended the command.
    pub code: Option<i32>,
    /// The signal that ended the command.
    pub signal: Option<i32>,
    /// The output on stdout.
    pub stdout: String,
    /// The output on stderr.
    pub stderr: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Outcome {
    /// Returns the outcome if the exit code is `code`, or panics with the whole outcome.
    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Returns the outcome if the exit code is 0, or panics with the whole outcome.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        self.ended(0)
    }

    /// Returns the outcome if the exit code is not 0, or panics with the whole outcome.
    #[track_caller]
    pub fn failed(self) -> Self {
        assert!(self.code.is_some_and(|code| code != 0), "{self:#?}");
        self
    }

    /// Returns the outcome if stderr contains `text`, or panics with the whole outcome.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no {text:?} in {self:#?}");
        self
    }

    /// Parses stdout as JSON, or panics with the whole outcome.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Returns the lines of stdout.
    pub fn lines(&self) -> Vec<&str> {
        self.stdout.split_terminator('\n').collect()
    }

    /// Returns the lines of stderr apart from hints.
    pub fn message(&self) -> String {
        let lines = self.stderr.lines().filter(|line| hint(line).is_none());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Returns the hint on stderr, or an empty text.
    pub fn hint(&self) -> String {
        self.stderr.lines().filter_map(hint).collect()
    }
}

/// Returns the text of a line with a hint.
fn hint(line: &str) -> Option<&str> {
    line.strip_prefix("hint: ")
}
