//! Completion in a shell, by what the kubeconfig and the API server have.
//!
//! A shell asks in one of three ways, and the answer is the same ([`Call`]):
//! * kubectl runs `kubectl_complete-NAME WORD…` for `kubectl NAME WORD…`
//!   (`kubectl/pkg/cmd/plugin/plugin_completion.go`); that is this program by another name.
//! * kubectl's script for bash runs `ALIAS __complete WORD…` for an alias (Cobra's protocol).
//! * Our own scripts run `kubectl-NAME __completeLine`, with the line on stdin: it may hold a token,
//!   and everybody can see the arguments of a process.
//!
//! Nothing but GETs is ever sent, nothing is shown on the terminal or read from it, and after
//! [`TIME_LIMIT`] there is an answer.
//!
//! # Layout
//! * `words`: a line of a shell → words. `line`: words → what is given, and what is at the cursor.
//! * `values`: what may stand there. [`Complete`] is what a plugin says about its own flags.
//! * `paths`: API paths, segment by segment, by the `api`'s groups and resources.
//! * `object`: what is asked about the object of the line's path.
//! * `server`: asks the API server, with a `cache` in front.
//! * `answer`: the candidates, as a shell reads them.
//! * `scripts`: what `completion SHELL` prints.

mod answer;
mod api;
mod cache;
mod line;
mod object;
mod paths;
mod scripts;
mod server;
mod values;
mod words;

use std::ffi::OsString;
use std::io::{self, Read};
use std::time::Duration;

use clap::Command;

use crate::command::name::CommandName;
use crate::runtime::block_on;
use crate::{Error, output};
use answer::Answer;
use line::Line;

pub use values::{Complete, Values};

/// How long the server may take. The whole stays below two seconds, beyond which a shell that does
/// not answer seems to hang.
const TIME_LIMIT: Duration = Duration::from_millis(1800);

/// A call that is about completion, and not the plugin's own work.
pub(crate) enum Call {
    /// To complete the last of these words.
    Words {
        words: Vec<String>,
        with_descriptions: bool,
    },
    /// To print what a shell needs; the words behind `completion`.
    Script(Vec<String>),
}

impl Call {
    /// What `arguments`, of which the first is the program, ask for; `None` is the plugin's own work.
    pub(crate) fn read(
        mut arguments: impl Iterator<Item = OsString>,
        name: &CommandName,
    ) -> Option<Self> {
        let _program = arguments.next();
        let text = |argument: OsString| argument.to_string_lossy().into_owned();
        if name.is_completer() {
            return Some(Self::Words {
                words: arguments.map(text).collect(),
                with_descriptions: true,
            });
        }
        let first = arguments.next()?;
        match first.to_str()? {
            first @ ("__complete" | "__completeNoDesc") => Some(Self::Words {
                words: arguments.map(text).collect(),
                with_descriptions: first == "__complete",
            }),
            "__completeLine" => Some(Self::Words {
                words: words::arguments(&line_of_stdin()),
                with_descriptions: true,
            }),
            "completion" => Some(Self::Script(arguments.map(text).collect())),
            _ => None,
        }
    }

    /// Answers on stdout. `command` is the plugin's.
    pub(crate) fn answer<A: Complete>(
        self,
        command: Command,
        name: &CommandName,
    ) -> Result<(), Error> {
        match self {
            Self::Script(words) => scripts::print(&words, name),
            Self::Words {
                words,
                with_descriptions,
            } => {
                leave_the_terminal();
                let answer = complete::<A>(command, &words);
                output::write(answer.render(with_descriptions).as_bytes())
            }
        }
    }
}

/// The line that a script hands over, as it is typed.
fn line_of_stdin() -> String {
    let mut line = Vec::new();
    // Of a part that is no UTF-8 nothing is known.
    let _ = io::stdin().read_to_end(&mut line);
    let line = String::from_utf8_lossy(&line);
    let line = line.strip_suffix('\n').unwrap_or(&line);
    line.strip_suffix('\r').unwrap_or(line).to_owned()
}

/// What may stand at the last of `words`.
fn complete<A: Complete>(mut command: Command, words: &[String]) -> Answer {
    command.build();
    let line = Line::read(&command, words);
    let in_time = async {
        let answer = Box::pin(values::answer::<A>(&line));
        tokio::time::timeout(TIME_LIMIT, answer).await.ok()
    };
    block_on(in_time).ok().flatten().unwrap_or_default()
}

/// Takes the terminal away from this process and from an exec plugin that it runs: neither can
/// write there, ask there or wait there, by its streams or by /dev/tty.
fn leave_the_terminal() {
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
        // Fails for the leader of a process group, which no shell makes of a completer.
        let _ = rustix::process::setsid();
    }
}
