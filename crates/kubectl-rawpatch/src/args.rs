//! The command line of `kubectl rawpatch`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use clap::{ArgAction, Parser};
use kubectl_plugin::Error;
use kubectl_plugin::connection::ConnectionArgs;
use kubectl_plugin::curl::BodySource;
use kubectl_plugin::output::OutputArgs;
use kubectl_plugin::text::boolean::parse_boolean;

use crate::body::PatchType;

const EXAMPLES: &str = r#"Examples:
  # Change one field with a merge patch
  kubectl rawpatch --type merge -p '{"data":{"mode":"slow"}}' \
      /api/v1/namespaces/default/configmaps/settings -o name

  # Create an object, or set the fields that you manage, with server-side apply
  kubectl rawpatch --type apply -o name -p '
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: settings}
      data: {mode: fast}
      ' /api/v1/namespaces/default/configmaps/settings

  # Try a JSON patch without storing it, and fail if the object has changed
  kubectl rawpatch --if-resource-version "$(kubectl get configmap settings \
      -o jsonpath='{.metadata.resourceVersion}')" --type json --dry-run \
      -p '[{"op":"replace","path":"/data/mode","value":"off"}]' \
      -o jsonpath='{.data.mode}{"\n"}' \
      /api/v1/namespaces/default/configmaps/settings"#;

const EXIT_CODES: &str = "\
Exit codes:
   0  done
   1  the server refused
   2  bad usage or input; nothing was sent
   3  no connection, TLS or login
   6  not a Kubernetes API server
   9  conflict
  10  outcome unknown: check the object before you retry
  74  stdout could not be written

Shell completion: see `kubectl rawpatch completion`";

/// Send a PATCH to a raw API path and report what happened to it.
///
/// The path is sent exactly as given, as with `kubectl get --raw`, and the response goes to stdout.
/// A patch is never sent twice: if its response is lost, the exit code is 10.
#[derive(Parser)]
#[command(
    name = "kubectl-rawpatch",
    bin_name = "kubectl rawpatch",
    version,
    before_long_help = EXAMPLES,
    after_long_help = EXIT_CODES,
    args_override_self = true,
    override_usage = "kubectl rawpatch [flags] (-p PATCH | -f FILE) PATH"
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct PatchArgs {
    /// API path, such as /api/v1/namespaces/default/pods/NAME
    #[arg(value_name = "PATH")]
    path: Option<String>,
    /// Same as PATH
    #[arg(long, value_name = "PATH", hide_short_help = true)]
    raw: Option<String>,
    /// json, merge, strategic or apply [default: strategic; json for an array]
    #[arg(
        long = "type",
        value_name = "TYPE",
        ignore_case = true,
        hide_possible_values = true
    )]
    pub(crate) patch_type: Option<PatchType>,
    /// Patch in JSON or YAML; - reads stdin
    #[arg(short, long, value_name = "PATCH", allow_hyphen_values = true)]
    patch: Vec<String>,
    /// File with the patch; - reads stdin
    #[arg(
        short,
        long,
        visible_alias = "patch-file",
        value_name = "FILE",
        allow_hyphen_values = true
    )]
    filename: Vec<String>,
    /// server or none; server validates but does not store
    #[arg(long, value_name = "STRATEGY", num_args = 0..=1, require_equals = true, default_missing_value = "server")]
    pub(crate) dry_run: Option<String>,
    /// Owner of the changes [default: kubectl-rawpatch]
    #[arg(long, value_name = "NAME")]
    pub(crate) field_manager: Option<String>,
    /// With apply: take over others' fields
    #[arg(long, num_args = 0..=1, require_equals = true, value_name = "true|false", action = ArgAction::Set, value_parser = parse_boolean, default_missing_value = "true")]
    pub(crate) force_conflicts: Option<bool>,
    /// Unknown fields: strict (refuse), warn or ignore [default: strict]
    #[arg(long, alias = "field-validation", num_args = 0..=1, require_equals = true, default_missing_value = "strict", value_name = "LEVEL")]
    pub(crate) validate: Option<String>,
    /// Subresource to patch, such as status or scale
    #[arg(long, value_name = "NAME")]
    pub(crate) subresource: Option<String>,
    /// Patch only this version, or exit with 9
    #[arg(long, value_name = "VERSION")]
    pub(crate) if_resource_version: Option<String>,
    /// Extra request header, `Name: value`; repeatable
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub(crate) headers: Vec<String>,
    /// Show the response's status and headers on stderr
    #[arg(help_heading = "Output", long)]
    pub(crate) include: bool,
    /// Send path and patch unchanged and unchecked
    #[arg(long)]
    pub(crate) verbatim: bool,
    /// Fail if the server sends a warning
    #[arg(help_heading = "Output", long)]
    pub(crate) warnings_as_errors: bool,
    /// Print an equivalent curl command; send nothing
    #[arg(long)]
    pub(crate) curl: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

impl PatchArgs {
    /// PATH, which may be given as `--raw PATH` too.
    pub(crate) fn path(&self) -> Result<&str, Error> {
        match (&self.path, &self.raw) {
            (Some(path), None) | (None, Some(path)) => Ok(path),
            (Some(path), Some(raw)) if path == raw => Ok(path),
            (Some(_), Some(_)) => {
                Err(Error::usage("PATH and --raw are two different paths")
                    .hinted("give one of them"))
            }
            (None, None) => Err(Error::usage("PATH is missing").hinted(
                "for example: kubectl rawpatch -p '{\"spec\":{\"replicas\":3}}' \
                 /apis/apps/v1/namespaces/default/deployments/NAME",
            )),
        }
    }

    /// Whether the patch comes from stdin.
    pub(crate) fn reads_stdin(&self) -> bool {
        self.patch
            .iter()
            .chain(&self.filename)
            .any(|source| source == "-")
    }

    /// Where the bytes of the patch can be read again: not in a pipe.
    pub(crate) fn given(&self) -> Option<BodySource<'_>> {
        match self.filename.first() {
            _ if self.reads_stdin() => Some(BodySource::Stdin),
            Some(file) if Path::new(file).is_file() => Some(BodySource::File(file)),
            _ => None,
        }
    }

    /// The bytes of the patch, from its one source.
    pub(crate) fn patch(&self) -> Result<Vec<u8>, Error> {
        match (self.patch.as_slice(), self.filename.as_slice()) {
            ([text], []) if text == "-" => read_stdin(),
            ([text], []) => Ok(text.clone().into_bytes()),
            ([], [file]) if file == "-" => read_stdin(),
            ([], [file]) => read_file(file),
            ([], []) => Err(Error::usage(
                "must specify --patch or --filename containing the contents of the patch",
            )),
            _ => Err(Error::usage("the patch is given more than once")
                .hinted("give one --patch or one --filename")),
        }
    }
}

/// What is read of a patch at the most, in bytes: YAML may be larger than the JSON that is sent.
const MOST_BYTES: u64 = 16 << 20;

fn read_stdin() -> Result<Vec<u8>, Error> {
    read(io::stdin(), "stdin")
}

fn read_file(file: &str) -> Result<Vec<u8>, Error> {
    if file.starts_with("http://") || file.starts_with("https://") {
        return Err(Error::usage(format!(
            "--filename={file} is a URL, and only files are read"
        ))
        .hinted("fetch it first, and give it by -f -"));
    }
    let opened = File::open(file);
    read(opened.map_err(|error| unreadable(file, &error))?, file)
}

fn read(source: impl Read, name: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    source
        .take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(name, &error))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(
            Error::usage(format!("the patch in {name} is larger than 16 MiB"))
                .hinted("the server takes 3 MiB"),
        );
    }
    Ok(bytes)
}

fn unreadable(name: &str, error: &io::Error) -> Error {
    let reason = error.to_string();
    let reason = reason
        .split(" (os error")
        .next()
        .unwrap_or_default()
        .to_lowercase();
    Error::usage(format!("unable to read the patch from {name}: {reason}"))
}
