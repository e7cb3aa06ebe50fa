//! stdout: the server's bytes, or one of the `-o` formats.
//!
//! Nothing else writes there. A format is checked before anything is sent; what a
//! reader that went away means (a broken pipe ends the process, as it ends any other
//! program of a pipeline) is decided here too.

use std::io::{self, ErrorKind, Write};

use clap::{ArgAction, Args};
use kube_core::Status;
use serde_json::Value;

use crate::connection::boolean;
use crate::jsonpath::Template;
use crate::{Error, status};

/// The flags that choose what a reply is printed as.
#[derive(Args, Clone, Debug, Default)]
pub struct OutputArgs {
    /// Print the reply as json, yaml, name, jsonpath=TEMPLATE or none
    ///
    /// Without it, the bytes of the server go to stdout as they are.
    #[arg(short, long, value_name = "FORMAT")]
    pub output: Option<String>,
    /// Keep metadata.managedFields in json and yaml
    #[arg(long, num_args = 0..=1, require_equals = true, value_name = "true|false", action = ArgAction::Set, value_parser = boolean, default_missing_value = "true", default_value = "false", hide_default_value = true)]
    pub show_managed_fields: bool,
}

impl OutputArgs {
    /// The output that these flags ask for, with its format checked.
    pub fn output(&self) -> Result<Output, Error> {
        let format = self
            .output
            .as_deref()
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
        match text
            .split_once('=')
            .map_or((text, None), |(name, template)| (name, Some(template)))
        {
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
            _ => Err(Error::usage(format!(
                "unable to match a printer suitable for the output format {text:?}, \
                 allowed formats are: json,jsonpath,name,none,yaml"
            ))),
        }
    }
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
        let mut document = serde_json::from_slice(body).map_err(|_| Error::Protocol {
            message: "the server accepted the request, but its reply is not JSON".to_owned(),
            hint: Some("without -o the reply is printed as it is".to_owned()),
        })?;
        if !self.show_managed_fields && matches!(self.format, Format::Json | Format::Yaml) {
            remove_managed_fields(&mut document);
        }
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
            Format::Json => write(json(document)?.as_bytes()),
            Format::Yaml => write(yaml(document)?.as_bytes()),
            Format::Name => write(format!("{}\n", name(document)).as_bytes()),
            Format::JsonPath(template) => {
                let text = template.render(document).map_err(|error| Error::Protocol {
                    message: format!("{error}"),
                    hint: Some("the request itself succeeded".to_owned()),
                })?;
                write(&text)
            }
            Format::AsReceived | Format::None => Ok(()),
        }
    }
}

/// Writes all of `bytes`, or ends the process by SIGPIPE when nobody reads them any more.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .map_err(|error| {
            if error.kind() == ErrorKind::BrokenPipe {
                let _ =
                    signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGPIPE);
            }
            Error::Output(error)
        })
}

/// JSON as kubectl prints it: indented by four, keys sorted, and `<`, `>` and `&` escaped,
/// which only stand inside strings (Go's `encoding/json`).
fn json(document: &Value) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    serde::Serialize::serialize(document, &mut serializer).map_err(io::Error::from)?;
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    for (raw, escaped) in [
        ('<', r"\u003c"),
        ('>', r"\u003e"),
        ('&', r"\u0026"),
        ('\u{2028}', r"\u2028"),
        ('\u{2029}', r"\u2029"),
    ] {
        if text.contains(raw) {
            text = text.replace(raw, escaped);
        }
    }
    text.push('\n');
    Ok(text)
}

fn yaml(document: &Value) -> Result<String, Error> {
    // A long line stays one line, as kubectl prints it and as grep wants it.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(document, options)
        .map_err(|error| Error::Output(io::Error::other(error.to_string())))
}

/// `deployment.apps/sleep`: the kind in lower case, its group, the name.
pub fn name(document: &Value) -> String {
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
            json(&document).unwrap().replace('\n', "|"),
            r#"{|    "a": [],|    "b": "\u003c\u0026\u003e",|    "metadata": {|        "managedFields": [|            1|        ],|        "name": "n"|    }|}|"#
        );
        assert_eq!(
            name(&json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}})),
            "pod/p"
        );
        assert_eq!(
            name(
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
