//! The one error type: what a user reads, the hint under it, and the exit code.
//!
//! Every failure of every plugin becomes one of these variants, and all three
//! answers are total matches over them, so that a new kind of failure cannot
//! forget one. Texts are kubectl's where kubectl has them
//! (`kubectl/pkg/cmd/util/helpers.go`, `StandardErrorMessage`); nothing here may
//! hold a credential or the data of a Secret.

use std::io;

use kube_core::Status;

use crate::status;

/// The exit codes, as the README and `--help` list them.
pub mod exit_code {
    /// The server refused, or an awaited condition did not come.
    pub const REFUSED: u8 = 1;
    /// Bad usage or input; nothing was sent.
    pub const USAGE: u8 = 2;
    /// No connection, TLS or login.
    pub const CONNECTION: u8 = 3;
    /// What answered does not speak the Kubernetes protocol.
    pub const PROTOCOL: u8 = 6;
    /// The object is not in the state that the request asked for.
    pub const CONFLICT: u8 = 9;
    /// The request left, and what became of it is not known.
    pub const OUTCOME_UNKNOWN: u8 = 10;
    /// The output could not be written.
    pub const OUTPUT: u8 = 74;
}

/// Why a plugin could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Bad usage or input: a flag, a path, a body, a kubeconfig. Nothing was sent.
    #[error("error: {message}")]
    Usage {
        /// What is wrong and where, a lower-case fragment.
        message: String,
        /// What to do instead.
        hint: Option<String>,
    },
    /// The kubeconfig and the flags make no usable configuration. Nothing was sent.
    #[error("Error in configuration: {message}")]
    Configuration {
        /// The problem; several are a list of lines that start with `* `.
        message: String,
        /// What to do instead.
        hint: Option<String>,
    },
    /// No request could be sent: DNS, TCP, TLS, a timeout before the first byte.
    /// The message is a whole line, as kubectl words its own differently each time.
    #[error("{message}")]
    Connection {
        /// The line.
        message: String,
        /// What to look at.
        hint: Option<String>,
    },
    /// The server answered, and the answer is no.
    #[error("{}", status::line(.status))]
    Refused {
        /// The answer, with the data of Secrets already taken out.
        status: Box<Status>,
        /// The remedy, where one is certain.
        hint: Option<String>,
    },
    /// An object is at another version than the one that was asked for.
    #[error("error: {message}")]
    Conflict {
        /// Which object, which version was asked for, which one it has.
        message: String,
        /// What to do next.
        hint: Option<String>,
    },
    /// What answered is not a Kubernetes API server.
    #[error("error: {message}")]
    Protocol {
        /// What answered, and how it shows.
        message: String,
        /// What to look at.
        hint: Option<String>,
    },
    /// The request was written, and whether it took effect cannot be told.
    #[error("error: outcome unknown: {message}")]
    OutcomeUnknown {
        /// What happened to the reply.
        message: String,
        /// How to find out.
        hint: Option<String>,
    },
    /// `--warnings-as-errors`, and there were some.
    #[error("error: {count} warning{} received", if *.count == 1 { "" } else { "s" })]
    Warnings {
        /// How many different ones.
        count: usize,
    },
    /// stdout could not be written.
    #[error("error: write to stdout: {0}")]
    Output(#[from] io::Error),
}

impl Error {
    /// A [`Error::Usage`] without a hint.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            hint: None,
        }
    }

    /// A [`Error::Configuration`] without a hint.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self::Configuration {
            message: message.into(),
            hint: None,
        }
    }

    /// A [`Error::Connection`] without a hint.
    pub fn connection(message: impl Into<String>) -> Self {
        Self::Connection {
            message: message.into(),
            hint: None,
        }
    }

    /// The same error with `text` as its hint.
    #[must_use]
    pub fn hinted(mut self, text: impl Into<String>) -> Self {
        match &mut self {
            Self::Usage { hint, .. }
            | Self::Configuration { hint, .. }
            | Self::Connection { hint, .. }
            | Self::Refused { hint, .. }
            | Self::Conflict { hint, .. }
            | Self::Protocol { hint, .. }
            | Self::OutcomeUnknown { hint, .. } => *hint = Some(text.into()),
            Self::Warnings { .. } | Self::Output(_) => {}
        }
        self
    }

    /// What to do about it, without the `hint: ` in front.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Usage { hint, .. }
            | Self::Configuration { hint, .. }
            | Self::Connection { hint, .. }
            | Self::Refused { hint, .. }
            | Self::Conflict { hint, .. }
            | Self::Protocol { hint, .. }
            | Self::OutcomeUnknown { hint, .. } => hint.as_deref(),
            Self::Warnings { .. } | Self::Output(_) => None,
        }
    }

    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } | Self::Configuration { .. } => exit_code::USAGE,
            Self::Connection { .. } => exit_code::CONNECTION,
            Self::Refused { status, .. } => match status.code {
                401 => exit_code::CONNECTION,
                409 => exit_code::CONFLICT,
                _ => exit_code::REFUSED,
            },
            Self::Warnings { .. } => exit_code::REFUSED,
            Self::Conflict { .. } => exit_code::CONFLICT,
            Self::Protocol { .. } => exit_code::PROTOCOL,
            Self::OutcomeUnknown { .. } => exit_code::OUTCOME_UNKNOWN,
            Self::Output(_) => exit_code::OUTPUT,
        }
    }
}
