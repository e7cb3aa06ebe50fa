//! A command line that is being typed: the arguments before the cursor, and the word at the cursor.
//!
//! It follows the rules of the clap command. clap itself only parses complete lines.

use clap::builder::ValueRange;
use clap::{Arg, ArgAction, Command};

/// A command line that is being typed.
pub(super) struct Line<'a> {
    command: &'a Command,
    /// The arguments before the cursor in their order, each with one value, or `None` for a flag
    /// without a value.
    arguments: Vec<(&'a Arg, Option<String>)>,
    /// The word to complete.
    pub(super) cursor: Cursor<'a>,
}

/// The word at the cursor, which may be incomplete.
pub(super) enum Cursor<'a> {
    /// A flag.
    Flag(String),
    /// A value of a flag, or a positional argument.
    Value {
        /// The argument that the value belongs to.
        argument: &'a Arg,
        /// The earlier values of this flag, if it takes several.
        before: Vec<String>,
        /// The value without `--flag=`.
        typed: String,
    },
    /// A word that the command does not accept here.
    Unknown,
}

/// A flag whose value is the next word.
struct Pending<'a> {
    flag: &'a Arg,
    values: Vec<String>,
}

impl<'a> Line<'a> {
    /// Parses `words`. The cursor is at the last one. `command` must be built.
    pub(super) fn parse(command: &'a Command, words: &[String]) -> Self {
        let (typed, before) = words
            .split_last()
            .map_or(("", &[][..]), |(typed, before)| (typed.as_str(), before));
        let mut line = Self {
            command,
            arguments: Vec::new(),
            cursor: Cursor::Unknown,
        };
        let mut pending: Option<Pending<'a>> = None;
        let mut flags_ended = false;
        for word in before {
            if let Some(Pending { flag, mut values }) = pending.take() {
                line.arguments.push((flag, Some(word.clone())));
                values.push(word.clone());
                pending = (values.len() < max_values(flag)).then_some(Pending { flag, values });
            } else if !flags_ended && word == "--" {
                flags_ended = true;
            } else if !flags_ended && word.starts_with('-') && word.len() > 1 {
                pending = line.parse_flag(word);
            } else if let Some(argument) = line.next_positional() {
                line.arguments.push((argument, Some(word.clone())));
            }
        }
        line.cursor = match pending {
            Some(Pending { flag, values }) => Cursor::Value {
                argument: flag,
                before: values,
                typed: typed.to_owned(),
            },
            None if !flags_ended && typed.starts_with('-') => line.flag_at_cursor(typed),
            None => line.next_positional().map_or(Cursor::Unknown, |argument| {
                Cursor::first_value(argument, typed)
            }),
        };
        line
    }

    /// Returns the last value of the argument with this clap ID.
    pub(super) fn value(&self, id: &str) -> Option<&str> {
        let mut arguments = self.arguments.iter().rev();
        arguments.find_map(|(argument, value)| value.as_deref().filter(|_| argument.get_id() == id))
    }

    /// Returns the flags on the line that the command `other` also has, as words of a command line.
    pub(super) fn flags_of(&self, other: &Command) -> Vec<String> {
        let is_flag_of_other = |argument: &Arg| {
            let mut flags = other.get_opts();
            flags.any(|flag| flag.get_id() == argument.get_id())
        };
        self.arguments
            .iter()
            .filter(|(argument, _)| is_flag_of_other(argument))
            .filter_map(|(argument, value)| {
                let long = argument.get_long()?;
                Some(match value {
                    Some(value) => format!("--{long}={value}"),
                    None => format!("--{long}"),
                })
            })
            .collect()
    }

    /// Returns the flags that help shows, without flags that are already on the line and may not be
    /// repeated.
    pub(super) fn available_flags(&self) -> impl Iterator<Item = &'a Arg> {
        self.command.get_arguments().filter(|argument| {
            let is_repeatable = matches!(argument.get_action(), ArgAction::Append);
            let is_on_line = self
                .arguments
                .iter()
                .any(|(present, _)| present.get_id() == argument.get_id());
            !argument.is_positional() && !argument.is_hide_set() && (is_repeatable || !is_on_line)
        })
    }

    /// Parses a word with one long flag or several short flags. Returns the flag whose value is the
    /// next word.
    fn parse_flag(&mut self, word: &str) -> Option<Pending<'a>> {
        let pending = |flag| Pending {
            flag,
            values: Vec::new(),
        };
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = split_value(long);
            let flag = self.long(name)?;
            if value.is_none() && takes_next_word(flag) {
                return Some(pending(flag));
            }
            self.arguments.push((flag, value.map(str::to_owned)));
            return None;
        }
        for (offset, letter) in word.char_indices().skip(1) {
            let flag = self.short(letter)?;
            if !flag.get_action().takes_values() {
                self.arguments.push((flag, None));
                continue;
            }
            let rest = &word[offset + letter.len_utf8()..];
            if rest.is_empty() && takes_next_word(flag) {
                return Some(pending(flag));
            }
            let value = rest.strip_prefix('=').unwrap_or(rest);
            self.arguments.push((flag, Some(value.to_owned())));
            return None;
        }
        None
    }

    fn flag_at_cursor(&self, typed: &str) -> Cursor<'a> {
        match typed.strip_prefix("--").map(split_value) {
            Some((name, Some(value))) => self
                .long(name)
                .map_or(Cursor::Unknown, |flag| Cursor::first_value(flag, value)),
            _ => Cursor::Flag(typed.to_owned()),
        }
    }

    /// Returns the positional argument that the next word without a dash belongs to.
    fn next_positional(&self) -> Option<&'a Arg> {
        let present = self
            .arguments
            .iter()
            .filter(|(argument, _)| argument.is_positional())
            .count();
        let positionals = || self.command.get_positionals();
        positionals().nth(present).or_else(|| {
            positionals()
                .last()
                .filter(|last| matches!(last.get_action(), ArgAction::Append))
        })
    }

    fn long(&self, name: &str) -> Option<&'a Arg> {
        // kubectl accepts `_` for `-` in the name of a flag.
        let name = name.replace('_', "-");
        self.command.get_arguments().find(|argument| {
            argument.get_long() == Some(&name)
                || argument
                    .get_all_aliases()
                    .is_some_and(|aliases| aliases.contains(&name.as_str()))
        })
    }

    fn short(&self, letter: char) -> Option<&'a Arg> {
        let mut arguments = self.command.get_arguments();
        arguments.find(|argument| argument.get_short() == Some(letter))
    }
}

impl<'a> Cursor<'a> {
    fn first_value(argument: &'a Arg, typed: &str) -> Self {
        Self::Value {
            argument,
            before: Vec::new(),
            typed: typed.to_owned(),
        }
    }
}

fn split_value(flag: &str) -> (&str, Option<&str>) {
    flag.split_once('=')
        .map_or((flag, None), |(name, value)| (name, Some(value)))
}

/// Reports whether the value of a flag is the next word, rather than after `=`.
fn takes_next_word(flag: &Arg) -> bool {
    flag.get_action().takes_values() && !flag.is_require_equals_set()
}

fn max_values(flag: &Arg) -> usize {
    flag.get_num_args()
        .unwrap_or(ValueRange::SINGLE)
        .max_values()
}

#[cfg(test)]
mod tests {
    use clap::{Args, Parser};

    use super::*;
    use crate::connection::ConnectionArgs;

    #[derive(Parser)]
    struct Plugin {
        path: Option<String>,
        #[arg(long)]
        raw: Vec<String>,
        #[arg(short, long, num_args = 2)]
        can: Vec<String>,
        #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "server")]
        dry_run: Option<String>,
        #[arg(short = 'q', long, action = ArgAction::SetTrue)]
        quiet: bool,
        #[command(flatten)]
        connection: ConnectionArgs,
    }

    fn command<A: Parser>() -> Command {
        let mut command = A::command();
        command.build();
        command
    }

    /// Describes the word at the cursor: a flag, `id[before]=typed`, or `?`.
    fn at_cursor(words: &[&str]) -> String {
        let command = command::<Plugin>();
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        match Line::parse(&command, &words).cursor {
            Cursor::Flag(typed) => typed,
            Cursor::Value {
                argument,
                before,
                typed,
            } => format!("{}{before:?}={typed}", argument.get_id()),
            Cursor::Unknown => "?".to_owned(),
        }
    }

    #[test]
    fn the_word_at_the_cursor_is_matched_with_claps_arguments() {
        for (words, expected) in [
            (&["/ap"][..], "path[]=/ap"),
            (&[""], "path[]="),
            (&["/a", ""], "?"),
            (&["-"], "-"),
            (&["--dry"], "--dry"),
            (&["--context", "k"], "context[]=k"),
            (&["--context=k"], "context[]=k"),
            (&["--context="], "context[]="),
            (&["--as_uid", ""], "as_uid[]="),
            (&["--dry-run", ""], "path[]="),
            (&["--dry-run=se"], "dry_run[]=se"),
            (&["-n", "x"], "namespace[]=x"),
            (&["-qn", "x"], "namespace[]=x"),
            (&["-nx", ""], "path[]="),
            (&["-n=x", "/"], "path[]=/"),
            (&["--can", ""], "can[]="),
            (&["--can", "get", "/a"], "can[\"get\"]=/a"),
            (&["--can", "get", "/a", ""], "path[]="),
            (&["--unknown", "/a"], "path[]=/a"),
            (&["--unknown=x"], "?"),
            (&["--", "-x"], "path[]=-x"),
            (&["--context", "--x", ""], "path[]="),
        ] {
            assert_eq!(at_cursor(words), expected, "{words:?}");
        }
    }

    #[test]
    fn flags_on_the_line_are_found_and_not_offered_again() {
        let command = command::<Plugin>();
        let words = [
            "--raw=/a",
            "-v",
            "6",
            "--context",
            "a",
            "--context=b",
            "--dry-run",
            "-q",
            "",
        ];
        let line = Line::parse(&command, &words.map(str::to_owned));
        assert_eq!(line.value("context"), Some("b"));
        assert_eq!(line.value("raw"), Some("/a"));
        assert_eq!(line.value("dry_run"), None);
        let connection = ConnectionArgs::augment_args(Command::new(""));
        assert_eq!(
            line.flags_of(&connection),
            ["--v=6", "--context=a", "--context=b"]
        );
        let available: Vec<_> = line
            .available_flags()
            .map(|flag| flag.get_id().as_str())
            .collect();
        for (id, is_available) in [
            ("raw", true),
            ("can", true),
            ("user", true),
            ("context", false),
            ("dry_run", false),
            ("quiet", false),
            ("cache_dir", false),
            ("path", false),
        ] {
            assert_eq!(available.contains(&id), is_available, "{id}: {available:?}");
        }
    }
}
