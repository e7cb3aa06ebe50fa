//! The words before the cursor, and what the word at the cursor is: read off the clap command, as
//! clap itself takes whole lines only.

use clap::builder::ValueRange;
use clap::{Arg, ArgAction, Command};

/// A command line that is being typed.
pub(super) struct Line<'a> {
    command: &'a Command,
    /// The arguments before the cursor in their order, each with one value; `None` is a flag alone.
    given: Vec<(&'a Arg, Option<String>)>,
    /// What is being typed.
    pub(super) cursor: Cursor<'a>,
}

/// The word at the cursor, as far as it is typed.
pub(super) enum Cursor<'a> {
    /// A flag.
    Flag(String),
    /// A value of a flag, or an argument.
    Value {
        /// Whose.
        argument: &'a Arg,
        /// The values that the same flag has here already.
        before: Vec<String>,
        /// Without `--flag=` in front.
        typed: String,
    },
    /// Something that is not known here.
    Unknown,
}

/// A flag that waits for its value in the next word.
struct Pending<'a> {
    flag: &'a Arg,
    values: Vec<String>,
}

impl<'a> Line<'a> {
    /// Reads `words`, of which the last is at the cursor. `command` must be built.
    pub(super) fn read(command: &'a Command, words: &[String]) -> Self {
        let mut line = Self {
            command,
            given: Vec::new(),
            cursor: Cursor::Unknown,
        };
        let (typed, before) = words
            .split_last()
            .map_or(("", &[][..]), |(typed, before)| (typed.as_str(), before));
        let mut pending: Option<Pending<'a>> = None;
        let mut ended = false;
        for word in before {
            if let Some(Pending { flag, mut values }) = pending.take() {
                line.given.push((flag, Some(word.clone())));
                values.push(word.clone());
                pending = (values.len() < most_values(flag)).then_some(Pending { flag, values });
            } else if !ended && word == "--" {
                ended = true;
            } else if !ended && word.starts_with('-') && word.len() > 1 {
                pending = line.take_flag(word);
            } else if let Some(argument) = line.next_argument() {
                line.given.push((argument, Some(word.clone())));
            }
        }
        line.cursor = match pending {
            Some(Pending { flag, values }) => Cursor::Value {
                argument: flag,
                before: values,
                typed: typed.to_owned(),
            },
            None if !ended && typed.starts_with('-') => line.flag_at_cursor(typed),
            None => line
                .next_argument()
                .map_or(Cursor::Unknown, |argument| Cursor::Value {
                    argument,
                    before: Vec::new(),
                    typed: typed.to_owned(),
                }),
        };
        line
    }

    /// The last value of an argument, by its id.
    pub(super) fn value(&self, id: &str) -> Option<&str> {
        let mut given = self.given.iter().rev();
        given.find_map(|(argument, value)| value.as_deref().filter(|_| argument.get_id() == id))
    }

    /// The given flags that `other` knows too, each with its value, as words of a command line.
    pub(super) fn flags_of(&self, other: &Command) -> Vec<String> {
        let known = |argument: &Arg| {
            let mut flags = other.get_opts();
            flags.any(|flag| flag.get_id() == argument.get_id())
        };
        let flags = self.given.iter().filter(|(argument, _)| known(argument));
        flags
            .filter_map(|(argument, value)| {
                let long = argument.get_long()?;
                Some(match value {
                    Some(value) => format!("--{long}={value}"),
                    None => format!("--{long}"),
                })
            })
            .collect()
    }

    /// The flags that may stand at the cursor: all that are shown, but for those that are there
    /// and count once.
    pub(super) fn free_flags(&self) -> impl Iterator<Item = &'a Arg> {
        self.command.get_arguments().filter(|argument| {
            let is_repeated = matches!(argument.get_action(), ArgAction::Append);
            let is_given = self
                .given
                .iter()
                .any(|(given, _)| given.get_id() == argument.get_id());
            !argument.is_positional() && !argument.is_hide_set() && (is_repeated || !is_given)
        })
    }

    /// Takes a word with a flag, or several short ones; the one that waits for its value.
    fn take_flag(&mut self, word: &str) -> Option<Pending<'a>> {
        let pending = |flag| Pending {
            flag,
            values: Vec::new(),
        };
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = split_value(long);
            let flag = self.long(name)?;
            let waits = value.is_none() && waits_for_value(flag);
            if !waits {
                self.given.push((flag, value.map(str::to_owned)));
            }
            return waits.then(|| pending(flag));
        }
        for (place, letter) in word.char_indices().skip(1) {
            let flag = self.short(letter)?;
            if !flag.get_action().takes_values() {
                self.given.push((flag, None));
                continue;
            }
            let rest = &word[place + letter.len_utf8()..];
            if rest.is_empty() && waits_for_value(flag) {
                return Some(pending(flag));
            }
            let value = rest.strip_prefix('=').unwrap_or(rest);
            self.given.push((flag, Some(value.to_owned())));
            return None;
        }
        None
    }

    fn flag_at_cursor(&self, typed: &str) -> Cursor<'a> {
        let value = typed.strip_prefix("--").map(split_value);
        match value {
            Some((name, Some(value))) => {
                self.long(name)
                    .map_or(Cursor::Unknown, |argument| Cursor::Value {
                        argument,
                        before: Vec::new(),
                        typed: value.to_owned(),
                    })
            }
            _ => Cursor::Flag(typed.to_owned()),
        }
    }

    /// The argument that the next word without a dash is.
    fn next_argument(&self) -> Option<&'a Arg> {
        let given = self
            .given
            .iter()
            .filter(|(argument, _)| argument.is_positional())
            .count();
        let arguments = || self.command.get_positionals();
        arguments().nth(given).or_else(|| {
            arguments()
                .last()
                .filter(|last| matches!(last.get_action(), ArgAction::Append))
        })
    }

    fn long(&self, name: &str) -> Option<&'a Arg> {
        // As everywhere, `_` is taken for a dash.
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

fn split_value(flag: &str) -> (&str, Option<&str>) {
    flag.split_once('=')
        .map_or((flag, None), |(name, value)| (name, Some(value)))
}

/// Whether the value of a flag is the next word.
fn waits_for_value(flag: &Arg) -> bool {
    flag.get_action().takes_values() && !flag.is_require_equals_set()
}

fn most_values(flag: &Arg) -> usize {
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

    /// What is at the cursor: `-typed`, `id=typed`, `id[before]=typed` or `?`.
    fn at_cursor(words: &[&str]) -> String {
        let command = command::<Plugin>();
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        match Line::read(&command, &words).cursor {
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
    fn the_word_at_the_cursor_is_what_clap_would_take_it_for() {
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
    fn what_is_given_is_found_and_not_offered_again() {
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
        let line = Line::read(&command, &words.map(str::to_owned));
        assert_eq!(line.value("context"), Some("b"));
        assert_eq!(line.value("raw"), Some("/a"));
        assert_eq!(line.value("dry_run"), None);
        let connection = ConnectionArgs::augment_args(Command::new(""));
        assert_eq!(
            line.flags_of(&connection),
            ["--v=6", "--context=a", "--context=b"]
        );
        let free: Vec<_> = line
            .free_flags()
            .map(|flag| flag.get_id().as_str())
            .collect();
        for (id, is_free) in [
            ("raw", true),
            ("can", true),
            ("user", true),
            ("context", false),
            ("dry_run", false),
            ("quiet", false),
            ("cache_dir", false),
            ("path", false),
        ] {
            assert_eq!(free.contains(&id), is_free, "{id}: {free:?}");
        }
    }
}
