//! [`Error`]: what went wrong, a hint on how to fix it, and the exit code.
//!
//! Every failure of every plugin is one [`Kind`]. The message and the exit code are matches over
//! all kinds, so a new kind without a message or an exit code does not compile. Messages are kubectl's where kubectl has
//! one (`kubectl/pkg/cmd/util/helpers.go`, `StandardErrorMessage`). Whoever creates an error keeps
//! credentials and the data of Secrets out of it.
//!
//! * `response`: extracts the Status of an unsuccessful response from its body and headers
//! * `body_text`: extracts the text of an error that is not a Status
//! * `status`: formats a Status like kubectl

pub(crate) mod body_text;
pub(crate) mod response;
pub(crate) mod status;

use std::fmt;
use std::fmt::{Display, Formatter};
use std::io;
use std::time::Duration;

use kube_core::Status;

use crate::text::nearest::nearest;
use crate::text::system_error;

/// The exit codes that the README and `--help` list.
mod exit_code {
    /// The server refused the request, a condition was not met, or a check was denied.
    pub(super) const REFUSED: u8 = 1;
    /// The command line, a file or the input is wrong. Nothing was sent.
    pub(super) const USAGE: u8 = 2;
    /// There is no connection, TLS failed, or the server did not accept the credential (401).
    pub(super) const CONNECTION: u8 = 3;
    /// The server refused to answer a check, or warned in one. A check that it denies is [`REFUSED`].
    pub(super) const CHECK_REFUSED: u8 = 4;
    /// Retrying did not help.
    pub(super) const GAVE_UP: u8 = 5;
    /// The response does not follow the Kubernetes protocol.
    pub(super) const PROTOCOL: u8 = 6;
    /// Events were lost, and the user allows no gap.
    pub(super) const GAP: u8 = 7;
    /// The credential expires sooner than the user allows.
    pub(super) const EXPIRING: u8 = 8;
    /// The object has another version than expected, or another manager owns one of the fields.
    pub(super) const CONFLICT: u8 = 9;
    /// The request was sent, and may or may not have taken effect.
    pub(super) const OUTCOME_UNKNOWN: u8 = 10;
    /// The output could not be produced or written.
    pub(super) const OUTPUT: u8 = 74;
}

/// A failure of a plugin, with an optional hint on how to fix it.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    hint: Option<String>,
}

/// The kind of a failure, with the text that describes it.
///
/// A text begins in lower case, and says what failed and where. A whole line has no such form,
/// because kubectl's lines begin in different ways.
#[derive(Debug, thiserror::Error)]
pub enum Kind {
    /// A flag, path, body or file is wrong. Nothing was sent.
    #[error("error: {0}")]
    Usage(String),
    /// The kubeconfig and the flags do not make a valid configuration. Nothing was sent. Several
    /// problems are on separate lines, each after `* `.
    #[error("Error in configuration: {0}")]
    Configuration(String),
    /// No response arrived, and the request changed nothing. The text is a whole line.
    #[error("{0}")]
    Connection(String),
    /// The server's certificate is not trusted, so nothing was sent. The text is a whole line.
    #[error("{0}")]
    Untrusted(String),
    /// The server did not authenticate the request, and treated its sender as anonymous.
    #[error("error: {0}")]
    Anonymous(String),
    /// The server refused the request. The Status is redacted.
    #[error("{}", status::line(.0))]
    Refused(Box<Status>),
    /// The server refused to answer a check, such as `whoami --can`. The Status is redacted.
    #[error("{}", status::line(.0))]
    CheckRefused(Box<Status>),
    /// The server denied a check. stdout already shows the result, so there is no message.
    #[error("")]
    CheckDenied,
    /// The patch would change the object. stdout already shows the difference, so there is no message.
    #[error("")]
    Differs,
    /// The user did not confirm the request, so nothing was changed.
    #[error("not confirmed; nothing was changed")]
    NotConfirmed,
    /// The object has another version than the request expects.
    #[error("error: {0}")]
    Conflict(String),
    /// The response does not come from a Kubernetes API server.
    #[error("error: {0}")]
    Protocol(String),
    /// Retrying did not help.
    #[error("error: {0}")]
    GaveUp(String),
    /// Events were lost, and the user allows no gap.
    #[error("error: {0}")]
    Gap(String),
    /// The credential expires sooner than the user allows.
    #[error("error: {0}")]
    Expiring(String),
    /// The condition was not met in time.
    #[error("error: {0}")]
    Unmet(String),
    /// Some objects of a collection were not patched.
    #[error("error: {0}")]
    Incomplete(String),
    /// Some objects of a collection were not checked.
    #[error("error: {0}")]
    CheckIncomplete(String),
    /// The API does not support what the user wants to do.
    #[error("error: {0}")]
    Unsupported(String),
    /// The request was sent, and may or may not have taken effect.
    #[error("error: outcome unknown: {0}")]
    OutcomeUnknown(UnknownOutcome),
    /// Requests for several objects were sent, and may or may not have taken effect.
    #[error("error: outcome unknown: {0}")]
    UnknownOutcomes(String),
    /// A signal arrived. The process prints the message, if there is one, and ends by that signal.
    #[error("error: {}", .message.as_deref().unwrap_or("interrupted"))]
    Interrupted {
        /// The number of the signal.
        signal: i32,
        /// The state of the request, or `None` if there is nothing to report.
        message: Option<String>,
    },
    /// Warnings arrived, and `--warnings-as-errors` is set.
    #[error("error: {count} warning{} received", if *.count == 1 { "" } else { "s" })]
    Warnings {
        /// The number of different warnings.
        count: usize,
    },
    /// Warnings arrived in a check, and `--warnings-as-errors` is set.
    #[error("{}", Self::Warnings { count: *.count })]
    CheckWarnings {
        /// The number of different warnings.
        count: usize,
    },
    /// The request succeeded, but its response cannot be printed in the output format.
    #[error("error: {0}")]
    Format(String),
    /// Writing to stdout failed.
    #[error("error: cannot write to stdout: {}", system_error::reason(.0))]
    Output(#[source] io::Error),
}

/// A PATCH that was sent, and may or may not have taken effect. The plugins send no other request that
/// changes something.
#[derive(Clone, Debug)]
pub struct UnknownOutcome {
    /// The failure after the PATCH was sent.
    pub event: String,
    /// The state of the object afterwards, if it was read.
    pub seen: Option<String>,
    /// The pause that the server asks for before the next attempt, in seconds.
    pub retry_after: u32,
}

impl Display for UnknownOutcome {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let event = &self.event;
        write!(
            formatter,
            "{event}; the PATCH may or may not have been applied"
        )?;
        self.seen
            .iter()
            .try_for_each(|seen| write!(formatter, "; {seen}"))
    }
}

impl Error {
    /// Creates a [`Kind::Usage`] error.
    pub fn usage(message: impl Into<String>) -> Self {
        Kind::Usage(message.into()).into()
    }

    /// Creates a [`Kind::Configuration`] error.
    pub fn configuration(message: impl Into<String>) -> Self {
        Kind::Configuration(message.into()).into()
    }

    /// Creates a [`Kind::Connection`] error from a whole line.
    pub fn connection(line: impl Into<String>) -> Self {
        Kind::Connection(line.into()).into()
    }

    /// Creates a [`Kind::Conflict`] error.
    pub fn conflict(message: impl Into<String>) -> Self {
        Kind::Conflict(message.into()).into()
    }

    /// Creates a [`Kind::Protocol`] error.
    pub fn protocol(message: impl Into<String>) -> Self {
        Kind::Protocol(message.into()).into()
    }

    /// Sets the hint: an imperative with the exact command or flag, without the `hint: ` prefix.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// Sets the hint to the name in `known` that `given` nearly spells, if there is one.
    #[must_use]
    pub fn did_you_mean(self, given: &str, known: &[&str]) -> Self {
        match nearest(given, known.iter().copied()) {
            Some(name) if name != given => self.with_hint(format!("did you mean `{name}`?")),
            _ => self,
        }
    }

    /// Converts a refused request to a refused check. A 401 stays unchanged, because it does not
    /// concern the check, and so does a conflict, which has an exit code of its own.
    #[must_use]
    pub fn into_refused_check(self) -> Self {
        match self.kind {
            Kind::Refused(status) if ![401, 409].contains(&status.code) => Self {
                kind: Kind::CheckRefused(status),
                ..self
            },
            Kind::Incomplete(message) => Self {
                kind: Kind::CheckIncomplete(message),
                ..self
            },
            kind => Self { kind, ..self },
        }
    }

    /// Returns the kind of the failure.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Returns the hint, without the `hint: ` prefix.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Reports whether the server refused the request with this status code.
    pub fn is_refusal(&self, code: u16) -> bool {
        matches!(&self.kind, Kind::Refused(status) if status.code == code)
    }

    /// Returns the pause that the server asks for before another attempt.
    pub fn retry_after(&self) -> Option<Duration> {
        let Kind::Refused(status) = &self.kind else {
            return None;
        };
        let seconds = status.details.as_ref()?.retry_after_seconds;
        (seconds > 0).then(|| Duration::from_secs(seconds.into()))
    }

    /// Reports whether the object has another version than expected, or another manager owns a field.
    pub fn is_conflict(&self) -> bool {
        matches!(self.kind, Kind::Conflict(_)) || self.is_refusal(409)
    }

    /// Reports whether the reader of stdout has gone, as in `kubectl … | head`.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(&self.kind, Kind::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Reports whether there is a message to print.
    pub(crate) fn has_message(&self) -> bool {
        match self.kind {
            Kind::CheckDenied | Kind::Differs | Kind::Interrupted { message: None, .. } => false,
            _ => !self.is_broken_pipe(),
        }
    }

    /// Returns the exit code of the process.
    pub fn exit_code(&self) -> u8 {
        match &self.kind {
            Kind::Usage(_) | Kind::Configuration(_) => exit_code::USAGE,
            Kind::Connection(_) | Kind::Untrusted(_) | Kind::Anonymous(_) => exit_code::CONNECTION,
            Kind::Refused(status) => match status.code {
                401 => exit_code::CONNECTION,
                409 => exit_code::CONFLICT,
                _ => exit_code::REFUSED,
            },
            Kind::CheckRefused(_) | Kind::CheckWarnings { .. } | Kind::CheckIncomplete(_) => {
                exit_code::CHECK_REFUSED
            }
            Kind::Warnings { .. }
            | Kind::Unmet(_)
            | Kind::Incomplete(_)
            | Kind::Unsupported(_)
            | Kind::CheckDenied
            | Kind::Differs
            | Kind::NotConfirmed => exit_code::REFUSED,
            Kind::Conflict(_) => exit_code::CONFLICT,
            Kind::GaveUp(_) => exit_code::GAVE_UP,
            Kind::Protocol(_) => exit_code::PROTOCOL,
            Kind::Gap(_) => exit_code::GAP,
            Kind::Expiring(_) => exit_code::EXPIRING,
            // For `Interrupted`, this only matters if the signal fails to end the process.
            Kind::OutcomeUnknown(_) | Kind::UnknownOutcomes(_) | Kind::Interrupted { .. } => {
                exit_code::OUTCOME_UNKNOWN
            }
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
