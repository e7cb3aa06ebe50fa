//! Writes to stdout: the server's bytes, or one of the `-o` formats. Only for a terminal, control
//! characters are escaped.
//!
//! No other module writes to stdout. The format is checked before a request is sent.
//!
//! * here: the flags, the formats, and stdout
//! * [`jsonpath`]: kubectl's templates for `-o jsonpath=TEMPLATE`
//! * `stdout`: writes, and can stop waiting for a slow reader

pub mod jsonpath;
mod stdout;

use std::borrow::Cow;
use std::io;
use std::io::IsTerminal;
use std::sync::OnceLock;

use clap::Args;
use kube_core::Status;
use serde::Serialize;
use serde_json::Value;

use crate::Error;
use crate::error::{Kind, status};
use crate::output::jsonpath::Template;
use crate::text::{go_json, terminal};

pub use stdout::is_abandoned;
#[cfg(unix)]
pub use stdout::limit_waiting;

/// The flags that choose the output format.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// json, yaml, name, jsonpath=TEMPLATE or none [default: response unchanged]
    #[arg(short, long, value_name = "FORMAT")]
    pub output: Option<String>,
    /// Show metadata.managedFields in json and yaml
    #[arg(long)]
    pub show_managed_fields: bool,
}

impl OutputArgs {
    /// The values of `-o` and their descriptions, for completion.
    pub const FORMATS: &[(&str, &str)] = &[
        ("json", "indented JSON, as in kubectl"),
        ("yaml", ""),
        ("name", "kind and name"),
        ("jsonpath=", "TEMPLATE: parts of the response"),
        ("none", "nothing"),
    ];

    /// Reports whether the format needs a response in JSON.
    pub fn parses_response(&self) -> bool {
        !matches!(self.output.as_deref(), None | Some("" | "none"))
    }

    /// Parses the flags.
    pub fn parse(&self) -> Result<Output, Error> {
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
            .with_hint("add a template, as in -o jsonpath='{.metadata.name}'")),
            ("jsonpath", Some(template)) => Template::parse(template)
                .map(Self::JsonPath)
                .map_err(|error| Error::usage(error.to_string())),
            _ => Err(unknown_format(text, FORMATS)),
        }
    }
}

/// The formats of [`OutputArgs`], in the order of kubectl's message.
const FORMATS: &[&str] = &["json", "jsonpath", "name", "none", "yaml"];

/// Returns kubectl's error for an unknown format.
pub fn unknown_format(given: &str, known: &[&str]) -> Error {
    let is_template = ["custom-columns", "go-template", "jsonpath-", "template"]
        .iter()
        .any(|format| given.starts_with(format));
    let error = Error::usage(format!(
        "unable to match a printer suitable for the output format {given:?}, \
         allowed formats are: {}",
        known.join(",")
    ));
    if is_template {
        return error.with_hint("use -o jsonpath=TEMPLATE");
    }
    error.did_you_mean(given, known)
}

/// A checked output format.
#[derive(Debug)]
pub struct Output {
    format: Format,
    show_managed_fields: bool,
}

impl Output {
    /// Reports whether the format prints nothing but the name of the object.
    pub fn names_object(&self) -> bool {
        matches!(self.format, Format::Name)
    }

    /// Returns the template of `-o jsonpath`.
    pub fn template(&self) -> Option<&Template> {
        match &self.format {
            Format::JsonPath(template) => Some(template),
            _ => None,
        }
    }

    /// Reports whether the format prints the response unchanged, because the user chose no other.
    pub fn is_as_received(&self) -> bool {
        matches!(self.format, Format::AsReceived)
    }

    /// Returns the text between two documents.
    pub fn separator(&self) -> &'static str {
        match self.format {
            Format::Yaml => "---\n",
            _ => "",
        }
    }

    /// Writes the body of a successful response.
    pub fn write(&self, body: &[u8]) -> Result<(), Error> {
        write(&self.render(body)?)
    }

    /// Formats the body of a successful response.
    pub fn render<'a>(&self, body: &'a [u8]) -> Result<Cow<'a, [u8]>, Error> {
        if let Format::AsReceived = self.format {
            return Ok(Cow::Borrowed(body));
        }
        if let Format::None = self.format {
            return Ok(Cow::default());
        }
        let mut document = serde_json::from_slice(body).map_err(|_| {
            Error::from(Kind::Format(
                "the request succeeded, but the response is not JSON".to_owned(),
            ))
            .with_hint("omit -o to print the response unchanged")
        })?;
        if !self.show_managed_fields && matches!(self.format, Format::Json | Format::Yaml) {
            remove_managed_fields(&mut document);
        }
        self.render_document(&document).map(Cow::Owned)
    }

    /// Writes a document that the plugin itself creates. In JSON, its members keep their order, as
    /// in Go.
    pub fn write_struct(&self, document: &impl Serialize) -> Result<(), Error> {
        if let Format::Json = self.format {
            return write(&json(document));
        }
        let document = serde_json::to_value(document).map_err(|error| {
            Kind::Format(format!("the output cannot be converted to JSON: {error}"))
        })?;
        write(&self.render_document(&document)?)
    }

    /// Writes the Status of a refusal if the format prints whole documents. The error on stderr is
    /// still printed.
    pub fn write_refusal(&self, refusal: &Status) -> Result<(), Error> {
        match self.format {
            Format::Json | Format::Yaml => {
                write(&self.render_document(&status::document(refusal))?)
            }
            _ => Ok(()),
        }
    }

    fn render_document(&self, document: &Value) -> Result<Vec<u8>, Error> {
        Ok(match &self.format {
            Format::Json => json(document),
            Format::Yaml => yaml(document)?.into_bytes(),
            Format::Name => format!("{}\n", object_name(document)).into_bytes(),
            Format::JsonPath(template) => template.render(document).map_err(|error| {
                Kind::Format(format!("the output does not match the template: {error}"))
            })?,
            Format::AsReceived | Format::None => Vec::new(),
        })
    }
}

/// Writes data to stdout. On a terminal, control characters are escaped: stored data must not
/// control the terminal.
pub fn write(data: &[u8]) -> Result<(), Error> {
    static IS_TERMINAL: OnceLock<bool> = OnceLock::new();
    if *IS_TERMINAL.get_or_init(|| io::stdout().is_terminal()) {
        let text = String::from_utf8_lossy(data);
        stdout::write_all(terminal::printable(&text, "\n\t").as_bytes())
    } else {
        stdout::write_all(data)
    }
}

/// Writes text with colours to stdout. The caller must have made any foreign text in it
/// [printable](terminal::printable).
pub fn write_coloured(text: &str) -> Result<(), Error> {
    stdout::write_all(text.as_bytes())
}

/// Formats a document as JSON, as kubectl does.
fn json(document: &impl Serialize) -> Vec<u8> {
    let mut text = Vec::new();
    go_json::indented(document, &mut text);
    text.push(b'\n');
    text
}

/// Formats a document as YAML, nearly as kubectl does.
pub fn yaml(document: &Value) -> Result<String, Error> {
    // Long lines are not wrapped, as in kubectl, so that grep finds whole values.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(document, options).map_err(|error| {
        Kind::Format(format!("the output cannot be converted to YAML: {error}")).into()
    })
}

/// Returns an object's kind in lower case, its group and its name, as in `deployment.apps/sleep`.
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
    fn an_invalid_format_gets_kubectls_message() {
        let refusal = |text: &str| Format::parse(text).unwrap_err().to_string();
        assert_eq!(
            refusal("foo"),
            "error: unable to match a printer suitable for the output format \"foo\", \
             allowed formats are: json,jsonpath,name,none,yaml"
        );
        assert_eq!(
            refusal("jsonpath"),
            "error: template format specified but no template given"
        );
        assert_eq!(
            refusal("jsonpath={.a"),
            "error: error parsing jsonpath {.a, unclosed action (at byte 3)"
        );
        assert!(Format::parse("jsonpath={.a}").is_ok());
    }

    #[test]
    fn json_and_names_are_formatted_like_kubectl() {
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
    fn yaml_quotes_words_with_a_meaning_in_yaml_1_1() {
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
