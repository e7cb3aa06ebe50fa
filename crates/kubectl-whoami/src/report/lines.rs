//! Renders values under their names: the names in the first column, one value per line.

use std::fmt::Write as _;

use kubectl_plugin::text::terminal;

/// The first column of the values.
const COLUMN: usize = 15;

/// Lines of names and values.
#[derive(Default)]
pub(crate) struct Lines(String);

impl Lines {
    /// Writes a value.
    pub(crate) fn row(&mut self, name: &str, value: &str) {
        self.rows(name, [value].into_iter());
    }

    /// Writes a value if there is one.
    pub(crate) fn some(&mut self, name: &str, value: Option<&String>) {
        self.rows(name, value.into_iter());
    }

    /// Writes the values of one name, each on one line and without control characters.
    pub(crate) fn rows(&mut self, name: &str, values: impl Iterator<Item = impl AsRef<str>>) {
        let mut label = format!("{name}:");
        for value in values {
            self.write(&label, &terminal::printable(value.as_ref(), ""));
            label.clear();
        }
    }

    /// Writes a value that contains colours.
    pub(crate) fn coloured_row(&mut self, name: &str, value: &str) {
        self.write(&format!("{name}:"), value);
    }

    /// Separates the next row from the last one.
    pub(crate) fn blank(&mut self) {
        self.0.push('\n');
    }

    /// Returns the text.
    pub(crate) fn into_text(self) -> String {
        self.0
    }

    fn write(&mut self, label: &str, value: &str) {
        let _ = writeln!(self.0, "{label:COLUMN$}{value}");
    }
}
