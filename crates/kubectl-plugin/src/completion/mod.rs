//! Completes command lines in a shell, with names from the kubeconfig and the API server.
//!
//! A shell calls in one of three ways, and gets the same response each time (`Call`):
//! * For `kubectl NAME WORD…`, kubectl runs `kubectl_complete-NAME WORD…`
//!   (`kubectl/pkg/cmd/plugin/plugin_completion.go`), which is this program under another name.
//! * For an alias, kubectl's bash script runs `ALIAS __complete WORD…`, which is Cobra's protocol.
//! * Our own scripts run `kubectl-NAME __completeLine` with the line on stdin. The line may contain a
//!   token, and every user of the machine can read the arguments of a process.
//!
//! Completion sends only GETs, never touches the terminal, and responds within `TIMEOUT`.
//!
//! # Layout
//! * `shell_words`: splits a line into words
//! * `line`: matches the words with a plugin's flags and finds the word at the cursor
//! * `values`: finds the values for that word; a plugin provides its own with [`Complete`]
//! * `paths`: completes API paths segment by segment
//! * `object`: lists namespaces, and the subresources and field managers of one object
//! * `cached_server`: queries the API server, and decides how long each response is kept; `cache`
//!   keeps them in files
//! * `completions`: formats the candidates for the shell
//! * `scripts`: prints the shell scripts of `completion SHELL`

mod cache;
mod cached_server;
mod completions;
mod line;
mod object;
mod paths;
mod scripts;
mod shell_words;
mod values;

use std::ffi::OsString;
use std::io;
use std::io::Read as _;
use std::time::Duration;

use clap::Command;

use crate::completion::completions::Completions;
use crate::completion::line::Line;
use crate::runtime::block_on;
use crate::runtime::command_name::CommandName;
use crate::{Error, output};

pub use values::{Complete, Values};

/// The timeout for all requests. A shell that is silent for two seconds seems to hang.
const TIMEOUT: Duration = Duration::from_millis(1800);

/// A call from a shell instead of a user.
pub(crate) enum Call {
    /// The shell wants the last of these words completed.
    Complete {
        words: Vec<String>,
        with_descriptions: bool,
    },
    /// The user wants the script for a shell. Holds the arguments after `completion`.
    Script(Vec<String>),
}

impl Call {
    /// Parses the arguments of a call from a shell, beginning with the program. Returns `None` for
    /// an ordinary call.
    pub(crate) fn parse(
        mut arguments: impl Iterator<Item = OsString>,
        name: &CommandName,
    ) -> Option<Self> {
        let _program = arguments.next();
        let text = |argument: OsString| argument.to_string_lossy().into_owned();
        if name.is_completer() {
            return Some(Self::Complete {
                words: arguments.map(text).collect(),
                with_descriptions: true,
            });
        }
        let first = arguments.next()?;
        match first.to_str()? {
            first @ ("__complete" | "__completeNoDesc") => Some(Self::Complete {
                words: arguments.map(text).collect(),
                with_descriptions: first == "__complete",
            }),
            "__completeLine" => Some(Self::Complete {
                words: shell_words::arguments(&line_from_stdin()),
                with_descriptions: true,
            }),
            "completion" => Some(Self::Script(arguments.map(text).collect())),
            _ => None,
        }
    }

    /// Writes the response to stdout. `command` is the plugin's clap command.
    pub(crate) fn respond<A: Complete>(
        self,
        command: Command,
        name: &CommandName,
    ) -> Result<(), Error> {
        match self {
            Self::Script(words) => scripts::print(&words, name),
            Self::Complete {
                words,
                with_descriptions,
            } => {
                detach_from_terminal();
                let completions = complete::<A>(command, &words);
                output::write(completions.render(with_descriptions).as_bytes())
            }
        }
    }
}

/// Reads the line up to the cursor from stdin, where our scripts write it.
fn line_from_stdin() -> String {
    let mut line = Vec::new();
    // A line that cannot be read completes like an empty one.
    let _ = io::stdin().read_to_end(&mut line);
    let line = String::from_utf8_lossy(&line);
    let line = line.strip_suffix('\n').unwrap_or(&line);
    line.strip_suffix('\r').unwrap_or(line).to_owned()
}

/// Completes the last of `words`. Returns no candidates after the timeout.
fn complete<A: Complete>(mut command: Command, words: &[String]) -> Completions {
    command.build();
    let line = Line::parse(&command, words);
    let in_time = async {
        let completions = Box::pin(values::complete::<A>(&line));
        tokio::time::timeout(TIMEOUT, completions).await.ok()
    };
    block_on(in_time).ok().flatten().unwrap_or_default()
}

/// Detaches this process, and any exec plugin it runs, from the terminal. A prompt would spoil the line
/// that is being typed, and could not be answered.
fn detach_from_terminal() {
    #[cfg(unix)]
    {
        let null = std::fs::File::options()
            .read(true)
            .write(true)
            .open("/dev/null");
        if let Ok(null) = null {
            let _ = rustix::stdio::dup2_stdin(&null);
            let _ = rustix::stdio::dup2_stderr(&null);
        }
        // A new session has no /dev/tty. This fails only for the leader of a process group, and a
        // shell never runs a completer as one.
        let _ = rustix::process::setsid();
    }
}
