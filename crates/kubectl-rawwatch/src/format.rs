//! `-o`: what becomes of an event's line.

use kubectl_plugin::{Error, Output, OutputArgs, write};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::diff::Differ;

/// What stdout gets of each event.
#[derive(Debug)]
pub(crate) enum Format {
    /// The line as it is, which is JSON.
    Line,
    /// The event as a document of a YAML stream.
    Yaml { output: Output, is_first: bool },
    /// A word or two about the object.
    Object(Output),
    /// The fields that changed.
    Diff(Differ),
    /// Something made of the whole event.
    Event(Output),
}

impl Format {
    /// Checks the flag, with kubectl's words.
    pub(crate) fn parse(flag: Option<&str>) -> Result<Self, Error> {
        let flag = flag.unwrap_or_default();
        let name = flag.split('=').next().unwrap_or_default().to_lowercase();
        if name == "diff" && flag == name {
            return Ok(Self::Diff(Differ::new()));
        }
        let output = OutputArgs {
            output: Some(flag.to_owned()),
            show_managed_fields: true,
        }
        .output()?;
        Ok(match name.as_str() {
            "" | "json" => Self::Line,
            "yaml" => Self::Yaml {
                output,
                is_first: true,
            },
            "name" => Self::Object(output),
            _ => Self::Event(output),
        })
    }

    /// Whether the objects that are not printed matter too.
    pub(crate) fn reads_objects(&self) -> bool {
        matches!(self, Self::Diff(_))
    }

    /// Takes in an event that is not printed.
    pub(crate) fn learn(&mut self, line: &[u8]) -> Result<(), Error> {
        if let Self::Diff(differ) = self {
            differ.describe(line)?;
        }
        Ok(())
    }

    /// Writes an event, which is a whole line.
    pub(crate) fn write(&mut self, line: &[u8]) -> Result<(), Error> {
        match self {
            Self::Line => write(line),
            Self::Yaml { output, is_first } => {
                if !std::mem::take(is_first) {
                    write(b"---\n")?;
                }
                output.write(line)
            }
            Self::Object(output) => output.write(object(line)?.get().as_bytes()),
            Self::Diff(differ) => write(differ.describe(line)?.as_bytes()),
            Self::Event(output) => output.write(line),
        }
    }
}

/// The object of an event.
pub(crate) fn object(line: &[u8]) -> Result<&RawValue, Error> {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(borrow)]
        object: &'a RawValue,
    }
    serde_json::from_slice::<Event<'_>>(line)
        .map(|event| event.object)
        .map_err(|_| Error::protocol("the server sent an event that is not valid JSON"))
}
