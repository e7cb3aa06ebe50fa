//! stdout: the server's bytes, or one of the `-o` formats.
//!
//! Nothing else writes there. A format is checked before anything is sent.

pub mod jsonpath;

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use clap::Args;
use kube_core::Status;
use serde::Serialize;
use serde_json::Value;

use crate::Error;
use crate::error::Kind;
use crate::error::status;
use crate::output::jsonpath::Template;
use crate::text::{go_json, terminal};

/// The flags that choose what a reply is printed as.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// json, yaml, name, jsonpath=TEMPLATE or none [default: the server's bytes]
    #[arg(short, long, value_name = "FORMAT")]
    pub output: Option<String>,
    /// Show metadata.managedFields in json and yaml
    #[arg(long)]
    pub show_managed_fields: bool,
}

impl OutputArgs {
    /// What `-o` takes, for completion.
    pub const FORMATS: &[(&str, &str)] = &[
        ("json", "indented, as kubectl prints it"),
        ("yaml", ""),
        ("name", "kind and name"),
        ("jsonpath=", "TEMPLATE: parts of the reply"),
        ("none", "nothing"),
    ];

    /// Whether the reply is read, and not only passed on.
    pub fn reads_the_reply(&self) -> bool {
        !matches!(self.output.as_deref(), None | Some("" | "none"))
    }

    /// The output that these flags ask for, with its format checked.
    pub fn output(&self) -> Result<Output, Error> {
        let format = self
            .output
            .as_deref()
            .filter(|text| !text.is_empty())
            .map_or(Ok(Format::AsReceived), Format::parse)?;
        Ok(Output {
            format,
            show_managed_fields: self.show_managed_fields,
        })
    }
}

#[derive(Debug)]
enum Format {
    AsReceived,
    Json,
    Yaml,
    Name,
    JsonPath(Template),
    None,
}

impl Format {
    fn parse(text: &str) -> Result<Self, Error> {
        let (name, template) = match text.split_once('=') {
            Some((name, template)) => (name, Some(template)),
            None => (text, None),
        };
        match (name.to_lowercase().as_str(), template) {
            ("json", None) => Ok(Self::Json),
            ("yaml", None) => Ok(Self::Yaml),
            ("name", None) => Ok(Self::Name),
            ("none", None) => Ok(Self::None),
            ("jsonpath", None | Some("")) => Err(Error::usage(
                "template format specified but no template given",
            )
            .hinted("for example: -o jsonpath='{.metadata.name}'")),
            ("jsonpath", Some(template)) => Template::parse(template)
                .map(Self::JsonPath)
                .map_err(|error| Error::usage(format!("{error}"))),
            _ => Err(unknown_format(text, FORMATS)),
        }
    }
}

/// What `-o` of [`OutputArgs`] takes.
const FORMATS: &[&str] = &["json", "jsonpath", "name", "none", "yaml"];

/// A format that is none of `known`, in kubectl's words.
pub fn unknown_format(given: &str, known: &[&str]) -> Error {
    Error::usage(format!(
        "unable to match a printer suitable for the output format {given:?}, \
         allowed formats are: {}",
        known.join(",")
    ))
    .suggesting(given, known)
}

/// What stdout gets.
#[derive(Debug)]
pub struct Output {
    format: Format,
    show_managed_fields: bool,
}

impl Output {
    /// Writes the body of a successful reply.
    pub fn write(&self, body: &[u8]) -> Result<(), Error> {
        if let Format::AsReceived = self.format {
            return write(body);
        }
        if let Format::None = self.format {
            return Ok(());
        }
        let mut document = serde_json::from_slice(body).map_err(|_| {
            Error::from(Kind::Format(
                "the request succeeded, but its reply is not JSON".to_owned(),
            ))
            .hinted("without -o the reply is printed as it is")
        })?;
        if !self.show_managed_fields && matches!(self.format, Format::Json | Format::Yaml) {
            remove_managed_fields(&mut document);
        }
        self.write_document(&document)
    }

    /// Writes a document of the plugin's own. In JSON its members keep their order, as Go's do
    /// when it prints a struct.
    pub fn write_struct(&self, document: &impl Serialize) -> Result<(), Error> {
        if let Format::Json = self.format {
            return write(&json(document));
        }
        let document = serde_json::to_value(document)
            .map_err(|error| Kind::Format(format!("it cannot be written as JSON: {error}")))?;
        self.write_document(&document)
    }

    /// Writes a refusal where a format asked for documents; stderr gets its line in any case.
    pub fn write_refusal(&self, refusal: &Status) -> Result<(), Error> {
        match self.format {
            Format::Json | Format::Yaml => self.write_document(&status::document(refusal)),
            _ => Ok(()),
        }
    }

    fn write_document(&self, document: &Value) -> Result<(), Error> {
        match &self.format {
            Format::Json => write(&json(document)),
            Format::Yaml => write(yaml(document)?.as_bytes()),
            Format::Name => write(format!("{}\n", object_name(document)).as_bytes()),
            Format::JsonPath(template) => {
                let text = template.render(document).map_err(|error| {
                    Kind::Format(format!("the request succeeded, but: {error}"))
                })?;
                write(&text)
            }
            Format::AsReceived | Format::None => Ok(()),
        }
    }
}

/// Writes data to stdout: all of it, and as it is, but for a terminal. That is shown the control
/// characters of what a server or a user chose to store, and does not obey them.
pub fn write(data: &[u8]) -> Result<(), Error> {
    static IS_TERMINAL: OnceLock<bool> = OnceLock::new();
    if *IS_TERMINAL.get_or_init(|| io::stdout().is_terminal()) {
        let text = String::from_utf8_lossy(data);
        write_all(terminal::printable(&text, "\n\t").as_bytes())
    } else {
        write_all(data)
    }
}

/// Writes text that may have colours to stdout. What is not of this program must have been made
/// [printable](terminal::printable).
pub fn write_coloured(text: &str) -> Result<(), Error> {
    write_all(text.as_bytes())
}

fn write_all(bytes: &[u8]) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .map_err(|error| Kind::Output(error).into())
}

/// JSON as kubectl prints it.
fn json(document: &impl Serialize) -> Vec<u8> {
    let mut text = Vec::new();
    go_json::indented(document, &mut text);
    text.push(b'\n');
    text
}

fn yaml(document: &Value) -> Result<String, Error> {
    // A long line stays one line, as kubectl prints it and as grep wants it.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(document, options).map_err(|error| {
        Kind::Format(format!("the reply cannot be written as YAML: {error}")).into()
    })
}

/// `deployment.apps/sleep`: the kind in lower case, its group, the name.
pub fn object_name(document: &Value) -> String {
    let text = |pointer| {
        document
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let kind = text("/kind").to_lowercase();
    let name = text("/metadata/name");
    let name = if name.is_empty() { "<unknown>" } else { name };
    match text("/apiVersion").split_once('/') {
        Some((group, _version)) => format!("{kind}.{group}/{name}"),
        None => format!("{kind}/{name}"),
    }
}

fn remove_managed_fields(document: &mut Value) {
    let items = document.get_mut("items").and_then(Value::as_array_mut);
    items.into_iter().flatten().for_each(remove_managed_fields);
    if let Some(metadata) = document.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_format_is_checked_with_kubectls_words() {
        let refusal = |text: &str| Format::parse(text).unwrap_err().to_string();
        assert_eq!(
            refusal("foo"),
            "error: unable to match a printer suitable for the output format \"foo\", \
             allowed formats are: json,jsonpath,name,none,yaml"
        );
        assert!(refusal("jsonpath").contains("no template given"));
        assert!(refusal("jsonpath={.a").contains("unclosed action"));
        assert!(Format::parse("jsonpath={.a}").is_ok());
    }

    #[test]
    fn json_and_names_are_kubectls() {
        let document =
            json!({"b": "<&>", "a": [], "metadata": {"managedFields": [1], "name": "n"}});
        assert_eq!(
            String::from_utf8(json(&document))
                .unwrap()
                .replace('\n', "|"),
            r#"{|    "a": [],|    "b": "\u003c\u0026\u003e",|    "metadata": {|        "managedFields": [|            1|        ],|        "name": "n"|    }|}|"#
        );
        assert_eq!(
            object_name(&json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}})),
            "pod/p"
        );
        assert_eq!(
            object_name(
                &json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "d"}})
            ),
            "deployment.apps/d"
        );
    }

    #[test]
    fn yaml_keeps_words_that_yaml_1_1_reads_otherwise() {
        let text =
            yaml(&json!({"a": "yes", "b": "0644", "c": "x".repeat(300), "d": "l1\nl2\n"})).unwrap();
        assert_eq!(
            text,
            format!(
                "a: \"yes\"\nb: \"0644\"\nc: {}\nd: |\n  l1\n  l2\n",
                "x".repeat(300)
            )
        );
    }
}
