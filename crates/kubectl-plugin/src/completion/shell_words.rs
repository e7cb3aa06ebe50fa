//! Splits a shell's command line into words, without running anything.
//!
//! Generated completion scripts usually pass the line to `eval`, which runs every `$(…)` in it as
//! soon as TAB is pressed. This module expands quotes, `~` and exported variables as a shell does,
//! and leaves everything else as it is.

use std::env;
use std::iter::Peekable;
use std::mem;
use std::str::Chars;

/// Returns the arguments of the command in `line`, which ends at the cursor. The last one is the word
/// at the cursor, and may be empty.
pub(super) fn arguments(line: &str) -> Vec<String> {
    let words = split(line);
    let command = words.iter().position(|word| !is_assignment(word));
    let arguments = command.map_or(words.len(), |command| command + 1);
    match words.get(arguments..) {
        Some(arguments) if !arguments.is_empty() => arguments.to_vec(),
        _ => vec![String::new()],
    }
}

/// Reports whether a word is a `NAME=value` before a command.
fn is_assignment(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| !name.is_empty() && name.chars().all(is_name_character))
}

fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut rest = line.trim_start().chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            ' ' | '\t' | '\n' => {
                words.push(mem::take(&mut word));
                while rest.next_if(|next| next.is_whitespace()).is_some() {}
            }
            '\'' => word.extend(rest.by_ref().take_while(|next| *next != '\'')),
            '"' => parse_quoted(&mut rest, &mut word),
            '\\' => word.extend(rest.next()),
            '$' if rest.peek() == Some(&'(') => substitution(&mut rest, &mut word),
            '$' => word.push_str(&variable(&mut rest)),
            '`' => {
                word.push('`');
                word.extend(rest.by_ref().take_while(|next| *next != '`'));
            }
            '~' if word.is_empty() && rest.peek().is_none_or(|next| "/ ".contains(*next)) => {
                let home =
                    env::home_dir().and_then(|home| home.into_os_string().into_string().ok());
                word.push_str(home.as_deref().unwrap_or("~"));
            }
            character => word.push(character),
        }
    }
    words.push(word);
    words
}

/// Parses a double-quoted string up to its closing quote.
fn parse_quoted(rest: &mut Peekable<Chars<'_>>, word: &mut String) {
    while let Some(character) = rest.next() {
        match character {
            '"' => return,
            '\\' => match rest.next() {
                Some(next) if "$`\"\\".contains(next) => word.push(next),
                next => {
                    word.push('\\');
                    word.extend(next);
                }
            },
            '$' if rest.peek() == Some(&'(') => substitution(rest, word),
            '$' => word.push_str(&variable(rest)),
            character => word.push(character),
        }
    }
}

/// Copies a `$(…)`, after its `$`.
fn substitution(rest: &mut Peekable<Chars<'_>>, word: &mut String) {
    word.push('$');
    let mut depth = 0;
    for character in rest {
        word.push(character);
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return;
        }
    }
}

/// Expands `$NAME` or `${NAME}`, after its `$`. A variable that is not exported is empty.
fn variable(rest: &mut Peekable<Chars<'_>>) -> String {
    let in_braces = rest.next_if_eq(&'{').is_some();
    let mut name = String::new();
    while let Some(character) = rest.next_if(|next| is_name_character(*next)) {
        name.push(character);
    }
    if in_braces {
        rest.next_if_eq(&'}');
    }
    if name.is_empty() {
        return "$".to_owned();
    }
    env::var(name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_a_shell_does_without_running_anything() {
        let home = env::var("HOME").unwrap_or_default();
        for (line, expected) in [
            ("kp ", &[""][..]),
            ("kp", &[""]),
            ("kp --type me", &["--type", "me"]),
            ("  A=1 B_2='x y' kp  -n a /ap", &["-n", "a", "/ap"]),
            (
                r#"kp -p '{"a": "b"}' --context "my \"one" "#,
                &["-p", r#"{"a": "b"}"#, "--context", "my \"one", ""],
            ),
            (r"kp --context a\ b", &["--context", "a b"]),
            (
                "kp -p \"$(rm -rf \"x\" (y)) z\" /a",
                &["-p", "$(rm -rf \"x\" (y)) z", "/a"],
            ),
            ("kp -p $(a b) /a", &["-p", "$(a b)", "/a"]),
            ("kp `a b` c", &["`a b", "c"]),
            ("kp \"/apis/ap", &["/apis/ap"]),
            (
                "kp --kubeconfig=~/x $ $none.y",
                &["--kubeconfig=~/x", "$", ".y"],
            ),
        ] {
            assert_eq!(arguments(line), expected, "{line}");
        }
        for line in ["kp ~/x", "kp $HOME/x", "kp ${HOME}/x", "kp \"$HOME/x\""] {
            assert_eq!(arguments(line), [format!("{home}/x")], "{line}");
        }
        assert_eq!(arguments("kp '$HOME' a~/x"), ["$HOME", "a~/x"]);
    }
}
