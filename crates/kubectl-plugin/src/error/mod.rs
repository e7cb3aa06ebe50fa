//! The one error type: what a user reads, the hint under it, and the exit code.
//!
//! Every failure of every plugin becomes one of these kinds, and message and exit code
//! are total matches over them, so that a new kind of failure cannot forget one. Texts
//! are kubectl's where kubectl has them (`kubectl/pkg/cmd/util/helpers.go`,
//! `StandardErrorMessage`); nothing here may hold a credential or the data of a Secret.

pub(crate) mod status;

use std::fmt::{self, Display, Formatter};
use std::io;

use kube_core::Status;

use crate::text::nearest::nearest;

/// The exit codes, as the README and `--help` list them.
mod exit_code {
    /// The server refused, or an awaited condition did not come.
    pub(super) const REFUSED: u8 = 1;
    /// Bad usage or input; nothing was sent.
    pub(super) const USAGE: u8 = 2;
    /// No connection, TLS or login.
    pub(super) const CONNECTION: u8 = 3;
    /// The server refused where its no would be an answer.
    pub(super) const UNANSWERED: u8 = 4;
    /// It was tried again and again, and did not work.
    pub(super) const GAVE_UP: u8 = 5;
    /// What answered does not speak the Kubernetes protocol.
    pub(super) const PROTOCOL: u8 = 6;
    /// Events were lost, and the user allows no gap.
    pub(super) const GAP: u8 = 7;
    /// The credential ends sooner than it may.
    pub(super) const EXPIRING: u8 = 8;
    /// The object is not in the state that the request asked for.
    pub(super) const CONFLICT: u8 = 9;
    /// The request left, and what became of it is not known.
    pub(super) const OUTCOME_UNKNOWN: u8 = 10;
    /// The output could not be written.
    pub(super) const OUTPUT: u8 = 74;
}

/// Why a plugin could not do what it was asked for, and what to do about it.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    hint: Option<String>,
}

/// What went wrong. Texts are lower-case fragments that name what and where.
#[derive(Debug, thiserror::Error)]
pub enum Kind {
    /// Bad usage or input: a flag, a path, a body, a kubeconfig. Nothing was sent.
    #[error("error: {0}")]
    Usage(String),
    /// The kubeconfig and the flags make no usable configuration. Nothing was sent. Several
    /// problems are a list of lines that start with `* `.
    #[error("Error in configuration: {0}")]
    Configuration(String),
    /// No reply came, and the request changed nothing: DNS, TCP, TLS, a time-out. A whole line,
    /// as kubectl begins its own differently each time.
    #[error("{0}")]
    Connection(String),
    /// No reply came, as the server's certificate is not to be trusted. A whole line too.
    #[error("{0}")]
    Untrusted(String),
    /// The server answered, and the answer is no. The data of Secrets is already taken out.
    #[error("{}", status::line(.0))]
    Refused(Box<Status>),
    /// The server refused to answer a question of which the answer may be no.
    #[error("{}", status::line(.0))]
    Unanswered(Box<Status>),
    /// The answer to the question is no, and stdout has it: there is nothing to say.
    #[error("")]
    Denied,
    /// An object is at another version than the one that was asked for.
    #[error("error: {0}")]
    Conflict(String),
    /// What answered is not a Kubernetes API server.
    #[error("error: {0}")]
    Protocol(String),
    /// It was tried again and again, and did not work.
    #[error("error: {0}")]
    GaveUp(String),
    /// Events were lost, and the user allows no gap.
    #[error("error: {0}")]
    Gap(String),
    /// The credential ends sooner than the user allows.
    #[error("error: {0}")]
    Expiring(String),
    /// What was waited for did not come in time.
    #[error("error: {0}")]
    Unmet(String),
    /// The request was written, and whether it took effect cannot be told.
    #[error("error: outcome unknown: {0}")]
    OutcomeUnknown(String),
    /// A signal came before the end. The process ends by it, once this was said.
    #[error("error: {}", .message.as_deref().unwrap_or("interrupted"))]
    Interrupted {
        /// Its number.
        signal: i32,
        /// What is known of the request; `None` when nothing is to be said.
        message: Option<String>,
    },
    /// `--warnings-as-errors`, and there were some different ones.
    #[error("error: {count} warning{} received", if *.count == 1 { "" } else { "s" })]
    Warnings {
        /// The number.
        count: usize,
    },
    /// The request succeeded, and its reply does not fit the output format.
    #[error("error: {0}")]
    Format(String),
    /// stdout could not be written.
    #[error("error: write to stdout: {0}")]
    Output(#[source] io::Error),
}

impl Error {
    /// [`Kind::Usage`].
    pub fn usage(message: impl Into<String>) -> Self {
        Kind::Usage(message.into()).into()
    }

    /// [`Kind::Configuration`].
    pub fn configuration(message: impl Into<String>) -> Self {
        Kind::Configuration(message.into()).into()
    }

    /// [`Kind::Connection`].
    pub fn connection(line: impl Into<String>) -> Self {
        Kind::Connection(line.into()).into()
    }

    /// [`Kind::Conflict`].
    pub fn conflict(message: impl Into<String>) -> Self {
        Kind::Conflict(message.into()).into()
    }

    /// [`Kind::Protocol`].
    pub fn protocol(message: impl Into<String>) -> Self {
        Kind::Protocol(message.into()).into()
    }

    /// The same error with `text` as its hint.
    #[must_use]
    pub fn hinted(self, text: impl Into<String>) -> Self {
        Self {
            hint: Some(text.into()),
            ..self
        }
    }

    /// The same error about a question of which the answer may be no: a refusal is none. Who is not
    /// logged in has asked nothing.
    #[must_use]
    pub fn unanswered(self) -> Self {
        match self.kind {
            Kind::Refused(status) if status.code != 401 => Self {
                kind: Kind::Unanswered(status),
                ..self
            },
            kind => Self { kind, ..self },
        }
    }

    /// The same error; if `given` is nearly one of the names that are known, that one is its hint.
    #[must_use]
    pub fn suggesting(self, given: &str, known: &[&str]) -> Self {
        match nearest(given, known.iter().copied()) {
            Some(near) if near != given => self.hinted(format!("did you mean `{near}`?")),
            _ => self,
        }
    }

    /// What went wrong.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// What to do about it, without the `hint: ` in front.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether nobody reads stdout any more, which is the silent end of a pipeline's first program.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(&self.kind, Kind::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Whether there is nothing to say.
    pub(crate) fn is_silent(&self) -> bool {
        let is_said = matches!(
            self.kind,
            Kind::Interrupted { message: None, .. } | Kind::Denied
        );
        is_said || self.is_broken_pipe()
    }

    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        match &self.kind {
            Kind::Usage(_) | Kind::Configuration(_) => exit_code::USAGE,
            Kind::Connection(_) | Kind::Untrusted(_) => exit_code::CONNECTION,
            Kind::Refused(status) => match status.code {
                401 => exit_code::CONNECTION,
                409 => exit_code::CONFLICT,
                _ => exit_code::REFUSED,
            },
            Kind::Unanswered(_) => exit_code::UNANSWERED,
            Kind::Warnings { .. } | Kind::Unmet(_) | Kind::Denied => exit_code::REFUSED,
            Kind::Conflict(_) => exit_code::CONFLICT,
            Kind::GaveUp(_) => exit_code::GAVE_UP,
            Kind::Protocol(_) => exit_code::PROTOCOL,
            Kind::Gap(_) => exit_code::GAP,
            Kind::Expiring(_) => exit_code::EXPIRING,
            // Only if the signal does not end the process.
            Kind::OutcomeUnknown(_) | Kind::Interrupted { .. } => exit_code::OUTCOME_UNKNOWN,
            Kind::Format(_) | Kind::Output(_) => exit_code::OUTPUT,
        }
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self { kind, hint: None }
    }
}

impl Display for Error {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.kind.fmt(formatter)
    }
}

impl std::error::Error for Error {}
