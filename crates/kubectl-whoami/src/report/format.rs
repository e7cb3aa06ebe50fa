//! `-o`: writes a report in the output formats.

use std::io;

use kubectl_plugin::error::Kind;
use kubectl_plugin::output::{Output, OutputArgs, unknown_format, write, write_coloured};
use kubectl_plugin::text::terminal;
use kubectl_plugin::{Error, stderr};
use serde_json::{Value, json};

use crate::args::WhoamiArgs;
use crate::report::Report;
use crate::report::document::Document;
use crate::report::table;

/// An output format.
pub(crate) enum Format {
    /// A table for people.
    Table,
    /// The table of `--all-contexts`, with all groups.
    Wide,
    /// The whole document.
    Document(Output),
    /// The `SelfSubjectReview` alone, in JSON.
    Review(Output),
    /// The user name.
    Name,
    /// A `subjects:` list for a `RoleBinding`, in YAML.
    Subjects(Output),
}

/// The values of `-o` with `--all-contexts`.
const FORMATS_OF_ALL_CONTEXTS: &[&str] = &["json", "jsonpath", "name", "wide", "yaml"];

/// The values of `-o` otherwise.
const FORMATS: &[&str] = &["json", "jsonpath", "name", "review", "subjects", "yaml"];

impl Format {
    /// Parses `-o`.
    pub(crate) fn parse(arguments: &WhoamiArgs) -> Result<Self, Error> {
        let flag = arguments.output.as_deref().unwrap_or_default();
        let output = |format: &str| {
            OutputArgs {
                output: Some(format.to_owned()),
                show_managed_fields: true,
            }
            .parse()
        };
        let name = flag.split('=').next().unwrap_or_default().to_lowercase();
        Ok(match (name.as_str(), flag.contains('=')) {
            ("", false) => Self::Table,
            ("name", false) => Self::Name,
            ("wide", false) if arguments.all_contexts => Self::Wide,
            ("review", false) if arguments.offline => {
                return Err(
                    Error::usage("-o review and --offline cannot be used together")
                        .with_hint("remove --offline, or use -o json"),
                );
            }
            ("review", false) => Self::Review(output("json")?),
            ("subjects", false) => Self::Subjects(output("yaml")?),
            ("json" | "yaml", false) | ("jsonpath", _) => Self::Document(output(flag)?),
            _ if arguments.all_contexts => {
                return Err(unknown_format(flag, FORMATS_OF_ALL_CONTEXTS));
            }
            _ => return Err(unknown_format(flag, FORMATS)),
        })
    }

    /// Returns the output of a mode that prints a document or a table of its own; `None` means the
    /// table.
    pub(crate) fn document_or_table(self, mode: &str) -> Result<Option<Output>, Error> {
        match self {
            Self::Table => Ok(None),
            Self::Document(output) => Ok(Some(output)),
            _ => Err(
                Error::usage(format!("this -o format cannot be used with {mode}"))
                    .with_hint("use -o json, yaml or jsonpath=TEMPLATE"),
            ),
        }
    }

    /// Writes a report. Writes nothing that could be mistaken for the server's statement.
    pub(crate) fn write(&self, report: &Report) -> Result<(), Error> {
        match self {
            Self::Table | Self::Wide => {
                let is_coloured = terminal::is_coloured(&io::stdout());
                write_coloured(&table::render(report, is_coloured))
            }
            Self::Document(output) => output.write_struct(&Document::whole(report)),
            Self::Review(_) if report.identity.is_none() => Ok(()),
            Self::Review(output) => output.write_struct(&Document::review(report)),
            Self::Name => {
                // The name may be shown in a shell prompt, so it must not control the terminal.
                let name = terminal::printable(name(report)?, "");
                write(format!("{name}\n").as_bytes())
            }
            // A RoleBinding for system:anonymous, or for a user that was not asked for, would be a mistake
            // that a pipe into kubectl makes at once.
            Self::Subjects(_) if report.failure.is_some() => Ok(()),
            Self::Subjects(output) => {
                output.write_struct(&json!({"subjects": [subject(name(report)?)]}))
            }
        }
    }
}

/// Returns the user name. Prints a note to stderr if it is unverified.
fn name(report: &Report) -> Result<&str, Error> {
    let name = report.username().ok_or_else(|| {
        let why = if report.identity.is_some() {
            "the server's response contains no user name"
        } else {
            "the local credential does not contain a Kubernetes user name"
        };
        Kind::Format(why.to_owned())
    })?;
    if report.identity.is_none() {
        stderr::say("the user name is unverified: it comes from the local credential");
    }
    Ok(name)
}

/// Returns a user as the subject of a `RoleBinding` (`rbac.authorization.k8s.io/v1`, `Subject`).
fn subject(username: &str) -> Value {
    let account = username
        .strip_prefix("system:serviceaccount:")
        .and_then(|account| account.split_once(':'));
    match account {
        Some((namespace, name)) => {
            json!({"kind": "ServiceAccount", "name": name, "namespace": namespace})
        }
        None => json!({"kind": "User", "name": username, "apiGroup": "rbac.authorization.k8s.io"}),
    }
}
