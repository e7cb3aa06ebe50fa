//! Counts the outcomes, and reports errors without repeating one kind of them endlessly.

use std::collections::BTreeMap;

use kubectl_plugin::Error;
use kubectl_plugin::stderr;

use crate::collection::outcome::label;

/// The maximum number of errors of the same kind that are printed.
const MAX_PRINTED: usize = 20;

/// The outcomes so far.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) patched: usize,
    pub(crate) unchanged: usize,
    pub(crate) refused: usize,
    pub(crate) unknown: usize,
    pub(crate) gone: usize,
    /// The number of errors of each kind.
    errors: BTreeMap<String, usize>,
}

impl Tally {
    /// Returns the number of objects with a final outcome.
    pub(crate) fn done(&self) -> usize {
        self.patched + self.unchanged + self.gone + self.failures()
    }

    pub(crate) fn failures(&self) -> usize {
        self.refused + self.unknown
    }

    /// Reports whether the server has accepted the patch for any object.
    pub(crate) fn has_success(&self) -> bool {
        self.patched + self.unchanged > 0
    }

    /// Prints the error of an object, unless many of its kind were printed.
    pub(crate) fn say_error(&mut self, path: &str, error: &Error) {
        let count = self.errors.entry(label(error)).or_default();
        *count += 1;
        if *count > MAX_PRINTED {
            return;
        }
        stderr::say(&format!("{path}: {error}"));
        if let Some(hint) = error.hint().filter(|_| *count == 1) {
            stderr::say(&format!("hint: {hint}"));
        }
    }

    /// Prints the numbers of the errors that were not printed.
    pub(crate) fn say_more_errors(&self) {
        for (label, count) in &self.errors {
            if let more @ 1.. = count.saturating_sub(MAX_PRINTED) {
                stderr::say(&format!("and {more} more: {label}"));
            }
        }
    }

    /// Describes the outcomes of `total` objects.
    pub(crate) fn summary(&self, total: usize) -> String {
        let Self {
            patched,
            unchanged,
            refused,
            unknown,
            gone,
            ..
        } = self;
        let not_tried = match total - self.done() {
            0 => String::new(),
            count => format!(", {count} not tried"),
        };
        format!(
            "{patched} patched, {unchanged} unchanged, {refused} refused, {unknown} unknown, \
             {gone} gone{not_tried}"
        )
    }
}
