//! Decides what an error of one object means for that object, and for the rest of the collection.

use kubectl_plugin::Error;
use kubectl_plugin::error::Kind;

use crate::apply::Applied;
use crate::diff::Comparison;

/// The outcome of one object.
pub(crate) enum Outcome {
    Patched(Box<Applied>),
    /// The object before and after the patch, which was not stored.
    Compared(Box<Comparison>),
    /// The object was deleted after it was listed.
    Gone,
    /// Nothing was changed.
    Refused(Error),
    /// The patch may or may not have been applied.
    Unknown(Error),
    /// Nothing was changed, and the server may accept the patch later.
    Later(Error),
    /// Nothing was changed, and every other object would fail for the same reason.
    Hopeless(Error),
}

impl Outcome {
    /// Interprets the error of an object that still exists. `stores` is false for a dry run, which changes
    /// nothing.
    pub(crate) fn of_error(error: Error, stores: bool) -> Self {
        match error.kind() {
            Kind::Refused(status) => match status.code {
                401 => Self::Hopeless(error),
                429 => Self::Later(error),
                _ => Self::Refused(error),
            },
            Kind::Connection(_) | Kind::GaveUp(_) => Self::Later(error),
            Kind::Usage(_) | Kind::Configuration(_) | Kind::Untrusted(_) | Kind::Anonymous(_) => {
                Self::Hopeless(error)
            }
            // A server that is not Kubernetes may have passed the patch on to one that is.
            Kind::OutcomeUnknown(_) | Kind::Interrupted { .. } | Kind::Protocol(_) if stores => {
                Self::Unknown(error)
            }
            _ => Self::Refused(error),
        }
    }
}

/// Returns a name for errors of the same kind.
pub(crate) fn label(error: &Error) -> String {
    match error.kind() {
        Kind::Refused(status) if !status.reason.is_empty() => status.reason.clone(),
        Kind::Refused(status) => format!("HTTP status {}", status.code),
        Kind::Conflict(_) => "Conflict".to_owned(),
        Kind::OutcomeUnknown(_) => "outcome unknown".to_owned(),
        _ => "other errors".to_owned(),
    }
}
