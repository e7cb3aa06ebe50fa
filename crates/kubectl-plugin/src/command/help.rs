//! The help of all plugins: `-h` is one screen of a plugin's own flags, `--help` begins with examples,
//! and `--help-connection` lists the flags that every plugin shares.
//!
//! clap's own layout puts each flag's text on a separate line as soon as one flag of a section is
//! long, and always in the long help. This layout has two columns, one for flags and one for texts.

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command};

use crate::runtime::command_name::CommandName;
use crate::text::{boolean, terminal};

/// The heading of the flags that every plugin shares.
pub(crate) const CONNECTION: &str = "Connection";

/// The column of the texts in a wide terminal, and in a narrow one. If a flag reaches into that
/// column and its text does not fit after it, the text starts on the next line.
const TEXT_COLUMN: usize = 36;
const NARROW_TEXT_COLUMN: usize = 30;

/// The maximum width of help, in columns, which also applies without a terminal.
const MAX_WIDTH: usize = 100;

/// A page of help.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// `-h`.
    Short,
    /// `--help`.
    Long,
    /// `--help-connection`.
    Connection,
}

impl Page {
    /// Returns the page that a command line asks for.
    pub(super) fn requested(arguments: impl Iterator<Item = OsString>) -> Self {
        for argument in arguments {
            match argument.to_str() {
                Some("--help") => return Self::Long,
                Some("--help-connection" | "--help_connection") => return Self::Connection,
                _ => {}
            }
        }
        Self::Short
    }
}

/// Adds the flags for help and for the version.
pub(super) fn with_help_flags(command: Command) -> Command {
    let flag = |name: &'static str, action: ArgAction, help: &'static str| {
        let flag = Arg::new(name).long(name).action(action).help(help);
        flag.help_heading("Help").hide_short_help(true)
    };
    command
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args([
            flag("help", ArgAction::Help, "Show help; -h shows a summary").short('h'),
            flag(
                "help-connection",
                ArgAction::Help,
                "Show the connection flags",
            ),
            flag("version", ArgAction::Version, "Show the version").short('V'),
        ])
}

/// Renders a page of help. The connection flags, which all plugins share, have a separate page.
pub(super) fn render(page: Page, command: &Command, name: &CommandName) -> String {
    let width = width();
    let text = match page {
        Page::Short => [
            about(command.get_about(), width),
            usage(command),
            sections(
                command,
                |arg| is_own(arg) && !arg.is_hide_short_help_set(),
                Arg::get_help,
                width,
            ),
            filled(
                "--help adds examples and exit codes. --help-connection lists kubectl's connection \
                 flags: -n, -s, -v, --context, --as, --token and others.",
                0,
                width,
            ),
        ],
        Page::Long => [
            about(command.get_long_about().or(command.get_about()), width) + &usage(command),
            plain(command.get_before_long_help()),
            sections(command, is_own, either_help, width),
            plain(command.get_after_long_help()),
        ],
        Page::Connection => [
            filled(
                "These flags choose the API server and the user. All three plugins accept them, and they \
                 work as in kubectl.",
                0,
                width,
            ),
            "\n".to_owned(),
            sections(command, |arg| !is_own(arg), either_help, width),
            String::new(),
        ],
    };
    format!("{}\n", name.substitute_in(text.concat().trim_end()))
}

fn is_own(arg: &Arg) -> bool {
    arg.get_help_heading() != Some(CONNECTION)
}

fn either_help(arg: &Arg) -> Option<&StyledStr> {
    arg.get_long_help().or(arg.get_help())
}

fn about(text: Option<&StyledStr>, width: usize) -> String {
    let text = text.map(ToString::to_string).unwrap_or_default();
    text.split("\n\n")
        .map(|paragraph| filled(paragraph, 0, width) + "\n")
        .collect()
}

fn usage(command: &Command) -> String {
    format!("{}\n\n", command.clone().render_usage())
}

fn plain(text: Option<&StyledStr>) -> String {
    text.map_or_else(String::new, |text| format!("{text}\n\n"))
}

/// Renders the arguments and flags that are `shown`, by heading.
fn sections<'a>(
    command: &'a Command,
    shown: impl Fn(&Arg) -> bool,
    help: impl Fn(&'a Arg) -> Option<&'a StyledStr>,
    width: usize,
) -> String {
    let mut sections: Vec<(&str, String)> = Vec::new();
    for arg in command.get_arguments() {
        if arg.is_hide_set() || !shown(arg) {
            continue;
        }
        let heading = match arg.get_help_heading() {
            Some(heading) => heading,
            None if arg.is_positional() => "Arguments",
            None => "Options",
        };
        let lines = entry(arg, help(arg), width);
        match sections.iter_mut().find(|(other, _)| *other == heading) {
            Some((_, section)) => section.push_str(&lines),
            None => sections.push((heading, lines)),
        }
    }
    let mut text = String::new();
    for (heading, section) in sections {
        let _ = write!(text, "{heading}:\n{section}\n");
    }
    text
}

/// Renders one argument or flag and its text.
fn entry(arg: &Arg, help: Option<&StyledStr>, width: usize) -> String {
    let column = match width {
        MAX_WIDTH.. => TEXT_COLUMN,
        _ => NARROW_TEXT_COLUMN,
    };
    let spec = spec(arg);
    let description = description(arg, help);
    if spec.len() + 2 <= column {
        let text = filled(&description, column, width);
        return format!("{spec:column$}{}", text.trim_start());
    }
    let line = format!("{spec}  {description}\n");
    if line.chars().count() <= width && !description.contains('\n') {
        return line;
    }
    format!("{spec}\n{}", filled(&description, column, width))
}

/// Returns, for example, `  -p, --patch PATCH`.
fn spec(arg: &Arg) -> String {
    let names: Vec<String> = arg
        .get_value_names()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect();
    if arg.is_positional() {
        return format!("  {}", names.join(" "));
    }
    let mut spec = match arg.get_short() {
        Some(short) => format!("  -{short}"),
        None => "    ".to_owned(),
    };
    if let Some(long) = arg.get_long() {
        spec.push_str(if arg.get_short().is_some() {
            ", --"
        } else {
            "  --"
        });
        spec.push_str(long);
    }
    let values = names.join(" ");
    // As in kubectl, help does not show that a boolean flag accepts a value.
    if arg.get_action().takes_values() && values != boolean::VALUE_NAME {
        let is_optional = arg
            .get_num_args()
            .is_some_and(|range| range.min_values() == 0);
        if is_optional {
            let _ = write!(spec, "[={values}]");
        } else {
            let _ = write!(spec, " {values}");
        }
    }
    spec
}

/// Returns the text of a flag: its help, its aliases, its values and its default.
fn description(arg: &Arg, help: Option<&StyledStr>) -> String {
    let mut text = help.map(ToString::to_string).unwrap_or_default();
    let mut note = |what: &str, values: Vec<String>| {
        if !values.is_empty() {
            let _ = write!(text, " [{what}: {}]", values.join(", "));
        }
    };
    let aliases = arg.get_visible_aliases().unwrap_or_default();
    note(
        "alias",
        aliases.iter().map(|alias| format!("--{alias}")).collect(),
    );
    if arg.get_action().takes_values() && !arg.is_hide_possible_values_set() {
        let values = arg.get_possible_values();
        note(
            "values",
            values
                .iter()
                .map(|value| value.get_name().to_owned())
                .collect(),
        );
    }
    if arg.get_action().takes_values() && !arg.is_hide_default_value_set() {
        let defaults = arg.get_default_values().iter();
        note(
            "default",
            defaults
                .map(|value| value.to_string_lossy().into_owned())
                .collect(),
        );
    }
    text
}

/// Wraps a text to `width`, indented by `indent`. Ends with a line break.
fn filled(text: &str, indent: usize, width: usize) -> String {
    let mut filled = String::new();
    for paragraph in text.split("\n\n") {
        let mut column = 0;
        for word in paragraph.split_whitespace() {
            if column > 0 && column + 1 + word.chars().count() > width {
                filled.push('\n');
                column = 0;
            }
            if column == 0 {
                let _ = write!(filled, "{:indent$}{word}", "");
                column = indent + word.chars().count();
            } else {
                filled.push(' ');
                filled.push_str(word);
                column += 1 + word.chars().count();
            }
        }
        filled.push('\n');
    }
    filled
}

fn width() -> usize {
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal::width()
        .or_else(columns)
        .unwrap_or(MAX_WIDTH)
        .clamp(NARROW_TEXT_COLUMN + 20, MAX_WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_wrapped_and_indented() {
        assert_eq!(
            filled("one two three\n\nfour", 2, 9),
            "  one two\n  three\n  four\n"
        );
    }

    #[test]
    fn a_text_that_does_not_fit_after_its_flag_is_below_it() {
        let flag = |long: &'static str| {
            Arg::new(long)
                .long(long)
                .value_name("VALUE")
                .help("Do it")
                .action(ArgAction::Set)
        };
        assert_eq!(
            entry(&flag("short"), flag("short").get_help(), 80),
            "      --short VALUE           Do it\n"
        );
        let long = flag("much-longer-than-that");
        assert_eq!(
            entry(&long, long.get_help(), 80),
            "      --much-longer-than-that VALUE  Do it\n"
        );
        assert_eq!(
            entry(&long, long.get_help(), 40),
            "      --much-longer-than-that VALUE\n                              Do it\n"
        );
    }
}
