//! Text for a terminal: colours, control characters made visible, and rows cut to its width.

use std::borrow::Cow;
use std::env;
use std::io;
use std::io::IsTerminal;

use terminal_size::{Width, terminal_size_of};

/// Reports whether to colour text on `stream`: on any terminal except a dumb one, as in kubectl
/// (`cli-runtime/pkg/printers/terminal.go`). `NO_COLOR` turns colours off (<https://no-color.org>),
/// and `CLICOLOR_FORCE` turns them on everywhere (<https://bixense.com/clicolors>).
pub fn is_coloured(stream: &impl IsTerminal) -> bool {
    if env::var_os("NO_COLOR").is_some() {
        return false;
    }
    let is_forced = env::var_os("CLICOLOR_FORCE").is_some_and(|set| !set.is_empty() && set != "0");
    let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    is_forced || (stream.is_terminal() && !is_dumb)
}

/// Escapes the control characters in a text, except those in `kept`, as kubectl does
/// (`cli-runtime/pkg/printers/terminal.go`).
pub fn printable<'a>(text: &'a str, kept: &str) -> Cow<'a, str> {
    let is_plain = |character: char| !character.is_control() || kept.contains(character);
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().map(|character| match character {
        character if is_plain(character) => character.to_string(),
        '\u{1b}' => "^[".to_owned(),
        '\r' => "\\r".to_owned(),
        character => character.escape_unicode().to_string(),
    });
    Cow::Owned(shown.collect())
}

/// Returns the width of stdout in columns, or `None` if it is not a terminal or its width is
/// unknown.
pub fn width() -> Option<usize> {
    let (Width(columns), _) = terminal_size_of(io::stdout())?;
    Some(usize::from(columns)).filter(|&columns| columns > 0)
}

/// Cuts a row to a width in columns, with a `…` in place of the rest. Colours take no columns.
pub fn fit(row: &str, width: Option<usize>) -> Cow<'_, str> {
    let Some(width) = width.filter(|&width| columns(row) > width) else {
        return Cow::Borrowed(row);
    };
    let (mut shown, mut used, mut is_colour) = (String::new(), 0, false);
    for character in row.chars() {
        is_colour |= character == '\u{1b}';
        if is_colour {
            shown.push(character);
            is_colour = character != 'm';
            continue;
        }
        used += 1;
        if used < width {
            shown.push(character);
        } else if used == width {
            shown.push('…');
        }
    }
    Cow::Owned(shown)
}

/// Counts the columns of a row.
fn columns(row: &str) -> usize {
    let mut is_colour = false;
    let takes_one = |character: &char| {
        is_colour |= *character == '\u{1b}';
        let takes_one = !is_colour;
        is_colour &= *character != 'm';
        takes_one
    };
    row.chars().filter(takes_one).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_cut_at_the_width_and_keeps_its_colours() {
        assert_eq!(fit("abcdef", None), "abcdef");
        assert_eq!(fit("abcdef", Some(6)), "abcdef");
        assert_eq!(fit("abcdef", Some(5)), "abcd…");
        let red = "a\u{1b}[31mbcde\u{1b}[0mf";
        assert_eq!(fit(red, Some(6)), red);
        assert_eq!(fit(red, Some(3)), "a\u{1b}[31mb…\u{1b}[0m");
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("a\tb\n", "\n\t"), "a\tb\n");
        assert_eq!(printable("\u{1b}[31m\r\n", "\n"), "^[[31m\\r\n");
        assert_eq!(printable("a\nb\u{9b}", ""), "a\\u{a}b\\u{9b}");
    }
}
