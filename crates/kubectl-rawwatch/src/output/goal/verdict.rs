//! The result of a check of one object against a condition.

/// The result of a check of one object.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The object meets the condition. The text is the value that does.
    Met(String),
    /// The object does not meet the condition. The text is its last value.
    Unmet(String),
    /// The object can no longer meet the condition. The text is the reason.
    Failed(String),
    /// The condition makes no sense for the object. The text is the reason.
    Senseless(String),
}
