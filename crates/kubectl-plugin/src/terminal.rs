//! What a terminal may be shown: colours, and a server's text without what would steer it.

use std::borrow::Cow;
use std::env;
use std::io::IsTerminal;

/// Whether text for `stream` may have colours: on a terminal that is not dumb, as in kubectl
/// (`cli-runtime/pkg/printers/terminal.go`), unless `NO_COLOR` is set (<https://no-color.org>); and
/// anywhere if `CLICOLOR_FORCE` is (<https://bixense.com/clicolors>).
pub fn is_coloured(stream: &impl IsTerminal) -> bool {
    let is = |name, value| env::var_os(name).is_some_and(|set| set == value);
    if env::var_os("NO_COLOR").is_some() {
        return false;
    }
    let is_forced = env::var_os("CLICOLOR_FORCE").is_some_and(|set| !set.is_empty() && set != "0");
    is_forced || (stream.is_terminal() && !is("TERM", "dumb"))
}

/// The text with its control characters but `kept` as kubectl shows them
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_sent() {
        assert_eq!(printable("a\tb\n", "\n\t"), "a\tb\n");
        assert_eq!(printable("\u{1b}[31m\r\n", "\n"), "^[[31m\\r\n");
        assert_eq!(printable("a\nb\u{9b}", ""), "a\\u{a}b\\u{9b}");
    }
}
