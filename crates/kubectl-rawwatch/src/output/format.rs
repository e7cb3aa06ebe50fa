//! `-o`: writes events in the output formats.

use kubectl_plugin::Error;
use kubectl_plugin::output::{Output, OutputArgs, unknown_format, write, write_coloured};

use super::object::object;
use crate::args::WatchArgs;
use crate::output::diff::Differ;
use crate::output::history::Change;
use crate::output::table::{Layout, Tables};
use crate::wire::page::Page;

/// An output format.
#[derive(Debug)]
pub(crate) enum Format {
    /// The unchanged line, which is JSON.
    Line,
    /// A document of a YAML stream.
    Yaml { output: Output, is_first: bool },
    /// The kind and name of the object.
    Object(Output),
    /// The server's columns.
    Table(Tables),
    /// The changed fields.
    Diff(Differ),
    /// A rendering of the whole event, such as a template.
    Event(Output),
}

/// The members of an event.
const EVENT_FIELDS: [&str; 3] = ["object", "rawwatch", "type"];

/// The values of `-o`.
const FORMATS: &[&str] = &[
    "diff", "json", "jsonpath", "name", "none", "table", "wide", "yaml",
];

impl Format {
    /// Parses the flag, with kubectl's error for an unknown format.
    pub(crate) fn parse(arguments: &WatchArgs) -> Result<Self, Error> {
        let flag = arguments.output.as_deref().unwrap_or_default();
        let name = flag.split('=').next().unwrap_or_default().to_lowercase();
        let has_template = name.len() < flag.len();
        match name.as_str() {
            "diff" if !has_template => return Ok(Self::Diff(Differ::new())),
            "table" | "wide" if !has_template => {
                return Ok(Self::Table(Tables::new(Layout {
                    wide: name == "wide",
                    timestamps: arguments.timestamps,
                    paths: arguments.tag,
                })));
            }
            "" | "json" | "jsonpath" | "name" | "none" | "yaml" => {}
            _ => return Err(unknown_format(flag, FORMATS)),
        }
        let output = OutputArgs {
            output: Some(flag.to_owned()),
            show_managed_fields: true,
        }
        .parse()?;
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

    /// Returns a note about a template that starts at the object, although it is applied to the
    /// event.
    pub(crate) fn note(&self) -> Option<String> {
        let Self::Event(output) = self else {
            return None;
        };
        let template = output.template()?;
        let field = template
            .root_fields()
            .find(|field| !EVENT_FIELDS.contains(field))?;
        // The path up to the end of its braces, if it is spelled plainly.
        let start = template.text().find(&format!(".{field}"));
        let path = start.map(|start| &template.text()[start..]);
        let path = path.and_then(|path| path.split('}').next());
        let path = path.map_or_else(|| format!(".{field}"), str::to_owned);
        Some(format!(
            "rawwatch: -o jsonpath starts at the event: use {{.object{path}}} instead of {{{path}}}"
        ))
    }

    /// Reports whether the format needs the changes of objects, also of those that are not printed.
    pub(crate) fn needs_changes(&self) -> bool {
        matches!(self, Self::Diff(_))
    }

    /// Reports whether the format needs tables.
    pub(crate) fn is_table(&self) -> bool {
        matches!(self, Self::Table(_))
    }

    /// Updates the format's state from an event that is not printed.
    pub(crate) fn learn(&mut self, path: &str, line: &[u8]) {
        if let Self::Table(tables) = self {
            tables.learn(path, line);
        }
    }

    /// Updates the format's state from a page before its lines are written.
    pub(crate) fn measure(&mut self, path: &str, page: &Page<'_>) {
        if let Self::Table(tables) = self {
            tables.measure(path, page);
        }
    }

    /// Writes an event of a path. `line` is a whole line. `change` is known if the format needs it;
    /// a bookmark has none.
    pub(crate) fn write(
        &mut self,
        path: &str,
        line: &[u8],
        change: Option<&Change>,
    ) -> Result<(), Error> {
        match self {
            Self::Line => write(line),
            Self::Yaml { output, is_first } => {
                if !std::mem::take(is_first) {
                    write(b"---\n")?;
                }
                output.write(line)
            }
            Self::Object(output) => output.write(object(line)?.get().as_bytes()),
            Self::Table(tables) => write(tables.describe(path, line)?.as_bytes()),
            Self::Diff(differ) => match change {
                Some(change) => write_coloured(&differ.describe(change)),
                None => write(b"BOOKMARK\n"),
            },
            Self::Event(output) => output.write(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn note(template: &str) -> Option<String> {
        let format = format!("--output=jsonpath={template}");
        let arguments = WatchArgs::parse_from(["kubectl-rawwatch", &format, "/api/v1/pods"]);
        Format::parse(&arguments).unwrap().note()
    }

    #[test]
    fn a_template_that_starts_at_the_object_gets_a_note() {
        for template in [
            "{.type} {.object.metadata.name}{\"\\n\"}",
            "{.rawwatch.path}",
            "{range .object.items[*]}{.metadata.name}{end}",
            "{..name}",
            "text",
        ] {
            assert_eq!(note(template), None, "{template}");
        }
        for (template, path) in [
            ("{.metadata.name}", ".metadata.name"),
            ("{.type} {.status.phase}{\"\\n\"}", ".status.phase"),
            ("{range .items[*]}{.a}{end}", ".items[*]"),
            ("{['spec'].x}", ".spec"),
        ] {
            assert_eq!(
                note(template).unwrap(),
                format!(
                    "rawwatch: -o jsonpath starts at the event: \
                     use {{.object{path}}} instead of {{{path}}}"
                )
            );
        }
    }
}
