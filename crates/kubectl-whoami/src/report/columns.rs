//! Renders rows under headings like kubectl (`cli-runtime/pkg/printers/tabwriter.go`).

use kubectl_plugin::text::terminal;

/// The minimum gap between two columns.
const GAP: usize = 3;

/// The width to which a column may be shortened.
const MIN_WIDTH: usize = 8;

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

/// The treatment of rows that are wider than the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Rows are never cut.
    Whole,
    /// Rows are cut, after the widest cells of this many first columns were shortened so that these
    /// columns fit.
    Fitted(usize),
}

/// Renders the headings and the rows. Each column is as wide as its widest cell, unless the
/// terminal is too narrow.
pub(crate) fn columns<const N: usize>(
    headings: [&str; N],
    rows: impl Iterator<Item = [Cell; N]>,
    layout: Layout,
) -> String {
    render(headings, rows, layout, terminal::width())
}

fn render<const N: usize>(
    headings: [&str; N],
    rows: impl Iterator<Item = [Cell; N]>,
    layout: Layout,
    terminal_width: Option<usize>,
) -> String {
    let mut table = vec![headings.map(Cell::from)];
    table.extend(rows);
    let mut widths: [usize; N] = std::array::from_fn(|column| {
        let widths = table.iter().map(|row| row[column].width());
        widths.max().unwrap_or_default()
    });
    let limit = match layout {
        Layout::Whole => None,
        Layout::Fitted(count) => {
            if let Some(limit) = terminal_width {
                // A mark after these columns shows that there are others.
                let mark = if count < N { 2 } else { 0 };
                shorten(&mut widths[..count], limit.saturating_sub(mark));
            }
            terminal_width
        }
    };
    let mut text = String::new();
    for row in &table {
        text.push_str(&terminal::fit(&line(row, &widths), limit));
        text.push('\n');
    }
    text
}

fn line(row: &[Cell], widths: &[usize]) -> String {
    let mut line = String::new();
    let last = row.iter().rposition(|cell| !cell.text.is_empty());
    let count = last.map_or(0, |last| last + 1);
    for (column, (cell, width)) in row.iter().zip(widths).enumerate().take(count) {
        let shown = terminal::fit(&cell.text, Some(*width));
        match cell.colour {
            Some(colour) => line.extend(["\u{1b}[", colour, "m", &shown, "\u{1b}[0m"]),
            None => line.push_str(&shown),
        }
        if Some(column) != last {
            let missing = width.saturating_sub(cell.width()) + GAP;
            line.extend(std::iter::repeat_n(' ', missing));
        }
    }
    line
}

/// Makes the widest columns narrower until all of them fit into `limit`.
fn shorten(widths: &mut [usize], limit: usize) {
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > limit {
        let Some(widest) = widths.iter_mut().max().filter(|width| **width > MIN_WIDTH) else {
            return;
        };
        *widest -= 1;
    }
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
            render(
                ["ONE", "TWO", "THREE"],
                rows.into_iter(),
                Layout::Fitted(2),
                None
            ),
            "ONE      TWO   THREE\na              x\\u{9}y\nlonger   \u{1b}[31mü\u{1b}[0m\n"
        );
    }
    #[test]
    fn the_first_columns_fit_into_a_narrow_terminal() {
        let rows = || [["context-with-a-name", "a", "1", "x,y,z"].map(Cell::from)].into_iter();
        let headings = ["CONTEXT", "USER", "N", "GROUPS"];
        let fitted = |width| render(headings, rows(), Layout::Fitted(3), Some(width));
        assert_eq!(
            fitted(24),
            "CONTEXT       USER   N …\ncontext-wi…   a      1 …\n"
        );
        assert_eq!(
            fitted(42),
            "CONTEXT               USER   N   GROUPS\n\
             context-with-a-name   a      1   x,y,z\n"
        );
        // Columns that cannot become narrower are cut.
        assert_eq!(fitted(9), "CONTEXT …\ncontext……\n");
        let whole = render(headings, rows(), Layout::Whole, Some(9));
        assert!(whole.ends_with("x,y,z\n"), "{whole}");
    }
}
