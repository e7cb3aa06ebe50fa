//! The command line of `kubectl rawpatch`.
//!
//! * here: the flags of every patch
//! * `diff`: the flags that show what it would change
//! * `outcome`: the flags about its outcome
//! * `collection`: the flags for patching several objects

mod collection;
mod diff;
mod outcome;

use clap::{ArgAction, Parser};
use http::{HeaderName, HeaderValue};
use kubectl_plugin::Error;
use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::connection::ConnectionArgs;
use kubectl_plugin::output::OutputArgs;
use kubectl_plugin::request::{expected_a_path, is_path, parse_header};
use kubectl_plugin::text::boolean;

use crate::body::PatchType;

pub(crate) use collection::{CollectionArgs, MAX_IN_FLIGHT};
pub(crate) use diff::DiffArgs;
pub(crate) use outcome::OutcomeArgs;

const EXAMPLES: &str = r#"Examples:
  # Change one field with a merge patch
  kubectl rawpatch --type merge -o name -p '{"data":{"mode":"slow"}}' \
      /api/v1/namespaces/default/configmaps/settings

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
   1  the server refused, or did not patch every object;
      with --warnings-as-errors: it sent a warning; with --diff: the patch
      would change the object, or was not confirmed;
      with --fail-if-unchanged: the patch changed nothing
   2  bad usage or input; nothing was sent
   3  connection, TLS or authentication failed
   4  with --diff: the server refused, or --warnings-as-errors and a warning
   5  gave up retrying; the patch was not applied
   6  not a Kubernetes API server
   9  conflict: another resource version, or fields of another manager
  10  outcome unknown: check the object before you retry
  74  the output could not be produced or written

Shell completion: see `kubectl rawpatch completion`";

/// Send a PATCH to a raw API path and report the outcome.
///
/// The path is sent exactly as given, as with `kubectl get --raw`, and the response goes to stdout.
/// A patch is never applied twice. If its response is lost, rawpatch reads the object to find out the
/// outcome, and exits with 10 if the object does not show it.
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
    /// More words, which are a mistake
    #[arg(hide = true)]
    extra: Vec<String>,
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
    pub(crate) patch: Vec<String>,
    /// File with the patch; - reads stdin
    #[arg(
        short,
        long,
        visible_alias = "patch-file",
        value_name = "FILE",
        allow_hyphen_values = true
    )]
    pub(crate) filename: Vec<String>,
    /// server (default; validates, does not store) or none
    #[arg(
        long,
        value_name = "STRATEGY",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "server",
        value_parser = parse_dry_run
    )]
    pub(crate) dry_run: Option<DryRun>,
    #[command(flatten)]
    pub(crate) diff: DiffArgs,
    /// Field manager [default: kubectl-rawpatch]
    #[arg(long, value_name = "NAME")]
    pub(crate) field_manager: Option<String>,
    /// With apply: take over fields of other managers
    #[arg(
        long,
        value_name = boolean::VALUE_NAME,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        action = ArgAction::Set,
        value_parser = boolean::parse_boolean
    )]
    pub(crate) force_conflicts: Option<bool>,
    /// Unknown fields: strict (refuse), warn or ignore [default: strict]
    #[arg(
        long,
        alias = "field-validation",
        value_name = "LEVEL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "strict",
        value_parser = parse_validation
    )]
    pub(crate) validate: Option<Validation>,
    /// Subresource to patch, such as status or scale
    #[arg(long, value_name = "NAME")]
    pub(crate) subresource: Option<String>,
    #[command(flatten)]
    pub(crate) outcome: OutcomeArgs,
    #[command(flatten)]
    pub(crate) collection: CollectionArgs,
    /// Extra request header, `Name: value`; repeatable
    #[arg(short = 'H', long = "header", value_name = "HEADER", value_parser = parse_header)]
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Show the response's status and headers on stderr
    #[arg(help_heading = "Output", long, hide_short_help = true)]
    pub(crate) include: bool,
    /// Send path and patch unchanged and unchecked
    #[arg(long)]
    pub(crate) verbatim: bool,
    /// Fail if the server sends a warning
    #[arg(help_heading = "Output", long, hide_short_help = true)]
    pub(crate) warnings_as_errors: bool,
    /// Print an equivalent curl command; send nothing
    #[arg(long)]
    pub(crate) curl: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// A strategy of `--dry-run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DryRun {
    /// The server validates the patch and returns the result, but does not store it.
    Server,
    /// The server stores the result.
    None,
}

/// The server's treatment of unknown and duplicate fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Validation {
    /// The server refuses the patch.
    Strict,
    /// The server drops the fields with a warning.
    Warn,
    /// The server drops the fields silently.
    Ignore,
}

impl PatchArgs {
    /// Returns the value of `--subresource`.
    pub(crate) fn subresource(&self) -> Option<&str> {
        self.subresource.as_deref().filter(|name| !name.is_empty())
    }

    /// Reports whether PATH is given.
    pub(crate) fn has_path(&self) -> bool {
        self.path.is_some() || self.raw.is_some()
    }

    /// Returns the number of the server's warnings, if `--warnings-as-errors` makes them a failure.
    pub(crate) fn failing_warnings(&self, server: &ApiServer) -> Option<usize> {
        let count = server.warning_count();
        (self.warnings_as_errors && count > 0).then_some(count)
    }

    /// Returns PATH, from the argument or from `--raw`.
    pub(crate) fn path(&self) -> Result<&str, Error> {
        self.check_words()?;
        match (&self.path, &self.raw) {
            (Some(path), None) | (None, Some(path)) => Ok(path),
            (Some(path), Some(raw)) if path == raw => Ok(path),
            (Some(_), Some(_)) => {
                Err(Error::usage("PATH and --raw name different paths")
                    .with_hint("remove one of them"))
            }
            (None, None) => Err(Error::usage("PATH is missing").with_hint(
                "give the path of one object, as in: kubectl rawpatch -p '{\"spec\":{\"replicas\":3}}' \
                 /apis/apps/v1/namespaces/default/deployments/NAME",
            )),
        }
    }

    /// Refuses words other than one PATH, and a PATH that is written as for other kubectl commands.
    ///
    /// The errors do not quote the words, because a misplaced word may be a patch or a token.
    fn check_words(&self) -> Result<(), Error> {
        let words: Vec<&str> = self
            .path
            .iter()
            .chain(&self.extra)
            .map(String::as_str)
            .collect();
        let without_path = words.iter().all(|word| !is_path(word));
        if without_path
            && let Some(error) = expected_a_path(&words, || self.connection.namespace_in_use())
        {
            return Err(error);
        }
        let [_, _, ..] = words.as_slice() else {
            return Ok(());
        };
        let is_patch = |word: &&&str| word.starts_with(['{', '[']);
        let hint = match words.iter().find(is_patch) {
            Some(_) if self.patch.is_empty() => "add -p before the patch",
            Some(_) => "put the patch in single quotes, as in -p '{\"data\":{\"mode\":\"slow\"}}'",
            None if words.iter().all(|word| is_path(word)) => "run rawpatch once for each PATH",
            None => "remove it, or quote a value that has spaces; see `kubectl rawpatch --help`",
        };
        Err(Error::usage("unexpected argument: only one PATH is allowed").with_hint(hint))
    }
}

/// Parses the value of `--dry-run`. The message for an unknown strategy is kubectl's.
fn parse_dry_run(text: &str) -> Result<DryRun, Error> {
    match text {
        "server" => Ok(DryRun::Server),
        "none" => Ok(DryRun::None),
        "client" => Err(Error::usage(
            "--dry-run=client is not supported: only the server can apply the patch",
        )
        .with_hint("use --dry-run=server: the server validates the patch but does not store it")),
        other => Err(Error::usage(format!(
            "Invalid dry-run value ({other}). Must be \"none\" or \"server\"."
        ))
        .did_you_mean(other, &["none", "server"])),
    }
}

/// Parses the value of `--validate`, in kubectl's spellings and the API's.
fn parse_validation(text: &str) -> Result<Validation, Error> {
    match text {
        "strict" | "Strict" | "true" => Ok(Validation::Strict),
        "warn" | "Warn" => Ok(Validation::Warn),
        "ignore" | "Ignore" | "false" => Ok(Validation::Ignore),
        other => Err(Error::usage(format!(
            "invalid value {other:?} for --validate: must be strict, warn or ignore"
        ))
        .did_you_mean(other, &["strict", "warn", "ignore"])),
    }
}
