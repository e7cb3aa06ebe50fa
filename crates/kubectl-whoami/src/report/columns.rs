//! Renders rows under headings like kubectl (`cli-runtime/pkg/printers/tabwriter.go`).

use kubectl_plugin::text::terminal;

/// The minimum gap between two columns.
const GAP: usize = 3;

/// A text and its colour. The text is on one line, and contains no control characters.
pub(crate) struct Cell {
    text: String,
    colour: Option<&'static str>,
}

impl Cell {
    /// Returns the cell in a colour (a parameter of ECMA-48's SGR), if there is one.
    pub(crate) fn coloured(self, colour: Option<&'static str>) -> Self {
        Self { colour, ..self }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self {
            text: terminal::printable(text.as_ref(), "").into_owned(),
            colour: None,
        }
    }
}

/// Renders the headings and the rows. Each column is as wide as its widest cell. Rows are cut at
/// the width of the terminal.
pub(crate) fn columns<const N: usize>(
    headings: [&str; N],
    rows: impl Iterator<Item = [Cell; N]>,
) -> String {
    let mut table = vec![headings.map(Cell::from)];
    table.extend(rows);
    let widths: [usize; N] = std::array::from_fn(|column| {
        let widths = table.iter().map(|row| row[column].width());
        widths.max().unwrap_or_default() + GAP
    });
    let mut text = String::new();
    let width = terminal::width();
    for row in &table {
        let mut line = String::new();
        let last = row.iter().rposition(|cell| !cell.text.is_empty());
        for (column, cell) in row.iter().enumerate().take(last.map_or(0, |last| last + 1)) {
            match cell.colour {
                Some(colour) => line.extend(["\u{1b}[", colour, "m", &cell.text, "\u{1b}[0m"]),
                None => line.push_str(&cell.text),
            }
            if Some(column) != last {
                line.extend(std::iter::repeat_n(' ', widths[column] - cell.width()));
            }
        }
        text.push_str(&terminal::fit(&line, width));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "", "x\ty"], ["longer", "ü", ""]];
        let rows = rows.map(|[first, second, third]| {
            let red = Cell::from(second).coloured((!second.is_empty()).then_some("31"));
            [Cell::from(first), red, Cell::from(third)]
        });
        assert_eq!(
            columns(["ONE", "TWO", "THREE"], rows.into_iter()),
            "ONE      TWO   THREE\na              x\\u{9}y\nlonger   \u{1b}[31mü\u{1b}[0m\n"
        );
    }
}
