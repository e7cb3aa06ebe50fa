//! Interprets the output of a command as a terminal does: lines, colours, and the width.

use std::mem;

use anyhow::{Context as _, Result, bail};

/// The width of the terminal.
pub(super) const COLUMNS: u16 = 104;

/// The colour of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Colour {
    #[default]
    Default,
    Grey,
    Red,
    Green,
    Yellow,
}

/// Characters of one colour.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) text: String,
    pub(super) colour: Colour,
}

/// A line of the screen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) runs: Vec<Run>,
}

/// The screen of a terminal that is high enough for all lines.
#[derive(Debug, Default)]
pub(super) struct Screen {
    lines: Vec<Line>,
    /// The line with the cursor.
    current: Line,
    /// The column of the cursor.
    column: u16,
}

impl Screen {
    /// Interprets the output of a command.
    ///
    /// # Errors
    /// If the output contains an escape sequence for anything but the known colours.
    pub(super) fn interpret(output: &str) -> Result<Self> {
        let mut screen = Self::default();
        let mut colour = Colour::Default;
        let mut pieces = output.split('\u{1b}');
        screen.print(pieces.next().unwrap_or_default(), colour);
        for piece in pieces {
            let (code, text) = piece
                .strip_prefix('[')
                .and_then(|piece| piece.split_once('m'))
                .with_context(|| format!("unsupported escape sequence at {piece:?}"))?;
            colour = match code {
                "" | "0" => Colour::Default,
                "31" => Colour::Red,
                "32" => Colour::Green,
                "33" => Colour::Yellow,
                _ => bail!("unsupported colour {code:?}"),
            };
            screen.print(text, colour);
        }
        Ok(screen)
    }

    /// Prints a text. A line that is too long continues on the next one.
    pub(super) fn print(&mut self, text: &str, colour: Colour) {
        for character in text.chars() {
            match character {
                // A terminal turns each `\n` into `\r\n`.
                '\r' => {}
                '\n' => self.end_line(),
                character => {
                    if self.column == COLUMNS {
                        self.end_line();
                    }
                    self.column += 1;
                    match self.current.runs.last_mut() {
                        Some(run) if run.colour == colour => run.text.push(character),
                        _ => self.current.runs.push(Run {
                            text: character.to_string(),
                            colour,
                        }),
                    }
                }
            }
        }
    }

    /// Returns all lines. The last one may be unfinished.
    pub(super) fn into_lines(mut self) -> Vec<Line> {
        if self.column > 0 {
            self.end_line();
        }
        self.lines
    }

    fn end_line(&mut self) {
        self.lines.push(mem::take(&mut self.current));
        self.column = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str, colour: Colour) -> Run {
        Run {
            text: text.to_owned(),
            colour,
        }
    }

    #[test]
    fn output_becomes_lines_of_coloured_runs() {
        let screen =
            Screen::interpret("a\r\n\r\nb: \u{1b}[31m1\u{1b}[0m → \u{1b}[32m2\u{1b}[0m").unwrap();
        let expected = [
            vec![run("a", Colour::Default)],
            vec![],
            vec![
                run("b: ", Colour::Default),
                run("1", Colour::Red),
                run(" → ", Colour::Default),
                run("2", Colour::Green),
            ],
        ];
        assert_eq!(screen.into_lines(), expected.map(|runs| Line { runs }));
    }

    #[test]
    fn a_long_line_wraps_at_the_width() {
        let lines = Screen::interpret(&"x".repeat(105)).unwrap().into_lines();
        let lengths: Vec<_> = lines.iter().map(|line| line.runs[0].text.len()).collect();
        assert_eq!(lengths, [104, 1]);
    }

    #[test]
    fn other_escape_sequences_are_errors() {
        for output in ["\u{1b}[2J", "\u{1b}[35mx", "\u{1b}]0;x"] {
            assert!(Screen::interpret(output).is_err(), "{output:?}");
        }
    }
}
