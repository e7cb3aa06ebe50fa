//! Converts clap's errors to kubectl's wording.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::command::KubectlFlags;
use crate::error::Kind;
use crate::runtime::command_name::CommandName;
use crate::text::nearest::nearest;
use crate::{Error, output};

/// Converts clap's error to ours. Prints the version instead if the "error" is `--version`.
///
/// The message quotes a value only if the flag has a fixed set of values, because a misplaced
/// argument may be a patch or a token.
pub(super) fn parse_error<A: KubectlFlags>(
    error: &clap::Error,
    name: &CommandName,
) -> Result<(), Error> {
    if error.kind() == ErrorKind::DisplayVersion {
        return output::write(name.substitute_in(&error.render().to_string()).as_bytes());
    }
    let mistake = Mistake::from_error(error);
    let message = mistake.message(error);
    let own_hint = own_error(error).and_then(Error::hint);
    let hint = match own_hint.or_else(|| foreign_flag::<A>(mistake.flag)) {
        Some(hint) => hint.to_owned(),
        None => mistake.hint(name),
    };
    Err(Error::usage(message).with_hint(hint))
}

/// The parts of clap's error that a message needs. Missing parts are empty.
struct Mistake<'a> {
    /// The argument as clap spells it, for example `--type <TYPE>`.
    argument: &'a str,
    /// The flag without its value.
    flag: &'a str,
    value: &'a str,
    valid_values: &'a [String],
    suggestion: Option<&'a str>,
}

impl<'a> Mistake<'a> {
    fn from_error(error: &'a clap::Error) -> Self {
        let context = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => Some(text.as_str()),
            Some(ContextValue::Strings(texts)) => texts.first().map(String::as_str),
            _ => None,
        };
        let argument = context(ContextKind::InvalidArg).unwrap_or_default();
        Self {
            argument,
            flag: argument.split([' ', '=', '[']).next().unwrap_or_default(),
            value: context(ContextKind::InvalidValue).unwrap_or_default(),
            valid_values: match error.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(values)) => values,
                _ => &[],
            },
            suggestion: context(ContextKind::SuggestedArg),
        }
    }

    fn message(&self, error: &clap::Error) -> String {
        let flag = self.flag;
        match error.kind() {
            ErrorKind::UnknownArgument if flag.starts_with("--") => format!("unknown flag: {flag}"),
            ErrorKind::UnknownArgument if flag.starts_with('-') => {
                let letter = flag.chars().nth(1).unwrap_or('-');
                format!("unknown shorthand flag: {letter:?}")
            }
            // A command with a PATH checks its words itself.
            ErrorKind::UnknownArgument => {
                "unexpected argument: this command takes only flags".to_owned()
            }
            ErrorKind::InvalidValue if self.value.is_empty() => {
                format!("flag needs an argument: {flag}")
            }
            ErrorKind::InvalidValue if !self.valid_values.is_empty() => {
                let valid = self.valid_values.join(" ");
                format!("{flag} must be one of [{valid}], not {:?}", self.value)
            }
            ErrorKind::InvalidValue | ErrorKind::ValueValidation => invalid_value(error, flag),
            ErrorKind::TooManyValues => format!("{flag} takes no value"),
            ErrorKind::WrongNumberOfValues => {
                let argument = self.argument.replace(['<', '>'], "");
                format!("flag needs all of its arguments: {argument}")
            }
            ErrorKind::MissingRequiredArgument => format!("{flag} is missing"),
            ErrorKind::InvalidUtf8 => "an argument is not valid UTF-8".to_owned(),
            _ => "these flags cannot be used together".to_owned(),
        }
    }

    /// Returns a hint that points to the help, and to a similar flag or value if there is one.
    fn hint(&self, name: &CommandName) -> String {
        let hint = format!("see `{} --help`", name.typed());
        // clap also suggests flags that are too different from the typed one.
        let near = match self.suggestion {
            Some(suggestion) => nearest(self.flag, [suggestion].into_iter()),
            None => self.nearest_value(),
        };
        match near {
            Some(near) => format!("did you mean `{near}`? {hint}"),
            None => hint,
        }
    }
}

impl Mistake<'_> {
    /// Returns the valid value that the value is similar to or begins with, as in `json-patch`.
    fn nearest_value(&self) -> Option<&str> {
        let valid = || self.valid_values.iter().map(String::as_str);
        nearest(self.value, valid()).or_else(|| {
            let first_word = self.value.split('-').next();
            valid().find(|valid| Some(*valid) == first_word)
        })
    }
}

/// Flags of most kubectl commands, which no plugin has, each with a hint.
const FOREIGN_FLAGS: [(&str, &str); 6] = [
    (
        "--allow-missing-template-keys",
        "remove it: in `-o jsonpath=TEMPLATE`, a missing key prints nothing",
    ),
    (
        "--show-managed-fields",
        "remove it: objects are shown as the server sent them, with managedFields",
    ),
    (
        "--template",
        "use -o jsonpath=TEMPLATE: Go templates are not supported",
    ),
    (
        "--warnings-as-errors",
        "remove it: the server's warnings are printed to stderr",
    ),
    ("-k", KUSTOMIZE),
    ("--kustomize", KUSTOMIZE),
];

const KUSTOMIZE: &str = "use the output of `kubectl kustomize DIR`";

/// Returns the hint for a flag that other kubectl commands have.
fn foreign_flag<A: KubectlFlags>(flag: &str) -> Option<&'static str> {
    let mut flags = A::FOREIGN_FLAGS.iter().chain(&FOREIGN_FLAGS);
    flags.find(|(name, _)| *name == flag).map(|(_, hint)| *hint)
}

/// Returns the message for the error of a value parser. Our own parsers return complete messages.
fn invalid_value(error: &clap::Error, flag: &str) -> String {
    if let Some(Kind::Usage(message)) = own_error(error).map(Error::kind) {
        return message.clone();
    }
    match error.source() {
        Some(reason) => format!("invalid value for {flag}: {reason}"),
        None => format!("invalid value for {flag}: it is not valid"),
    }
}

/// Returns the error of a value parser, if it is one of our own.
fn own_error(error: &clap::Error) -> Option<&Error> {
    error.source()?.downcast_ref()
}
