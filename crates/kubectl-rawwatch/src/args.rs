//! The command line of `kubectl rawwatch`.

use std::time::Duration;

use clap::{ArgAction, Parser, ValueEnum};
use kubectl_plugin::Error;
use kubectl_plugin::command::help::{AFTER_SHORT_HELP, HELP_TEMPLATE};
use kubectl_plugin::connection::{ConnectionArgs, parse_duration};
use kubectl_plugin::text::parse_boolean;

const EXAMPLES: &str = r"Examples:
  # The ConfigMaps that are there, and all that happens to them, until Ctrl-C
  kubectl rawwatch /api/v1/namespaces/default/configmaps

  # Wait for an object that need not be there yet, for a minute at the most
  kubectl rawwatch --for condition=Available --timeout 1m -o name \
      /apis/apiregistration.k8s.io/v1/apiservices/v1.apps

  # In a script: all that happened since the last run, nothing twice
  kubectl rawwatch --resume-file cursor --timeout 5s -o table \
      /api/v1/namespaces/default/configmaps";

const EXIT_CODES: &str = r#"Marked lines:
  When events were lost, the differences are found by a list and printed with
  "rawwatch":{"synthetic":true,…}.

Exit codes:
   0  what was asked for is done: --count, --for, or --timeout alone
   1  the server refused, or --timeout came before --count or --for
   2  bad usage or input; nothing was sent
   3  no connection, TLS or login
   5  gave up retrying
   6  what answered is not a Kubernetes API server
   7  events were lost, with --on-gap=fail
  74  the output could not be written

Completion in your shell: see `kubectl rawwatch completion`"#;

#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
/// Watch raw API paths, and never lose, double or tear an event without saying so.
///
/// One line an event, as the server sent it; the objects that are there at the start come first,
/// as ADDED. It goes on through lost connections and restarted servers until it is told to end.
#[derive(Parser)]
#[command(
    name = "kubectl-rawwatch",
    bin_name = "kubectl rawwatch",
    version,
    before_long_help = EXAMPLES,
    after_help = AFTER_SHORT_HELP,
    after_long_help = EXIT_CODES,
    help_template = HELP_TEMPLATE,
    args_override_self = true,
    term_width = 80,
    override_usage = "kubectl rawwatch [flags] PATH..."
)]
pub(crate) struct WatchArgs {
    /// The API path of a collection or of one object, for example /api/v1/namespaces/default/pods
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// The same as PATH
    #[arg(long, value_name = "PATH", hide_short_help = true)]
    raw: Vec<String>,
    /// Do not print the objects that are there at the start
    #[arg(long, num_args = 0..=1, require_equals = true, value_name = "true|false", action = ArgAction::Set, value_parser = parse_boolean, default_missing_value = "true", default_value = "false", hide_default_value = true)]
    pub(crate) watch_only: bool,
    /// Begin behind this resource version, without the objects that are there at the start
    #[arg(long, value_name = "VERSION")]
    pub(crate) resource_version: Option<String>,
    /// Only objects with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub(crate) selector: Option<String>,
    /// Only objects with these fields
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) field_selector: Option<String>,
    /// End after this time, as in 5, 5s, 2m
    #[arg(help_heading = "End", long, value_name = "DURATION")]
    timeout: Option<String>,
    /// End after this many lines
    #[arg(help_heading = "End", long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// End when this holds, as for `kubectl wait`: create, delete, condition=NAME[=VALUE] or
    /// jsonpath='{...}'[=VALUE]; or synced: the initial state is out; repeatable
    ///
    /// Conditions and jsonpaths hold when there are objects, and each of them meets them.
    #[arg(help_heading = "End", long = "for", value_name = "CONDITION")]
    pub(crate) conditions: Vec<String>,
    /// Print the events as json, yaml, name, table, wide, jsonpath=TEMPLATE, diff or none
    /// [default: json]
    ///
    /// table and wide show the server's columns, as `kubectl get` does. diff shows the fields that
    /// changed, and keeps every object in memory to do so.
    #[arg(help_heading = "Output", short, long, value_name = "FORMAT")]
    pub(crate) output: Option<String>,
    /// Print only events of these types
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    pub(crate) types: Vec<String>,
    /// Print the server's bookmarks too
    #[arg(help_heading = "Output", long, num_args = 0..=1, require_equals = true, value_name = "true|false", action = ArgAction::Set, value_parser = parse_boolean, default_missing_value = "true", default_value = "false", hide_default_value = true)]
    pub(crate) bookmarks: bool,
    /// Put the path into each line, as "rawwatch":{"path":…}
    #[arg(help_heading = "Output", long, num_args = 0..=1, require_equals = true, value_name = "true|false", action = ArgAction::Set, value_parser = parse_boolean, default_missing_value = "true", default_value = "false", hide_default_value = true)]
    pub(crate) tag: bool,
    /// Put the time of arrival into each line, as "rawwatch":{"time":…}
    #[arg(help_heading = "Output", long, num_args = 0..=1, require_equals = true, value_name = "true|false", action = ArgAction::Set, value_parser = parse_boolean, default_missing_value = "true", default_value = "false", hide_default_value = true)]
    pub(crate) timestamps: bool,
    /// What to do when events were lost
    #[arg(
        help_heading = "Gaps and faults",
        long,
        value_name = "ACTION",
        default_value = "resync"
    )]
    pub(crate) on_gap: OnGap,
    /// Keep in this file how far the watch is, and go on from there next time
    #[arg(help_heading = "Gaps and faults", long, value_name = "FILE")]
    pub(crate) resume_file: Option<String>,
    /// Give up when the server was away that long [default: never, once it was there]
    #[arg(help_heading = "Gaps and faults", long, value_name = "DURATION")]
    retry_for: Option<String>,
    /// Ask the server when a stream was silent that long; 0 is never
    #[arg(
        help_heading = "Gaps and faults",
        long,
        value_name = "DURATION",
        default_value = "90s"
    )]
    max_silence: String,
    /// Compare what was seen with a list that often, and repair the differences
    #[arg(help_heading = "Gaps and faults", long, value_name = "DURATION")]
    audit: Option<String>,
    /// The longest line that is taken, in bytes
    #[arg(
        help_heading = "Gaps and faults",
        long,
        value_name = "BYTES",
        default_value = "67108864"
    )]
    pub(crate) max_event_size: usize,
    /// One more request header, `Name: value`; repeatable
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub(crate) headers: Vec<String>,
    /// Say on stderr at the end what there was
    #[arg(help_heading = "Output", long, num_args = 0..=1, require_equals = true, value_name = "true|false", action = ArgAction::Set, value_parser = parse_boolean, default_missing_value = "true", default_value = "false", hide_default_value = true)]
    pub(crate) stats: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// What `--on-gap` can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnGap {
    /// Print the differences to a list, marked
    Resync,
    /// End with exit code 7
    Fail,
}

impl WatchArgs {
    /// The paths, which may be given as `--raw PATH` too.
    pub(crate) fn paths(&self) -> Result<Vec<&str>, Error> {
        let mut paths: Vec<&str> = Vec::new();
        for path in self.paths.iter().chain(&self.raw) {
            if paths.contains(&path.as_str()) {
                return Err(Error::usage(format!("{path} is given twice")));
            }
            paths.push(path);
        }
        if paths.is_empty() {
            return Err(Error::usage("PATH is missing")
                .hinted("for example: kubectl rawwatch /api/v1/namespaces/default/pods"));
        }
        Ok(paths)
    }

    /// How long the run may take.
    pub(crate) fn timeout(&self) -> Result<Option<Duration>, Error> {
        self.timeout.as_deref().map_or(Ok(None), parse_duration)
    }

    /// How long the server may be away.
    pub(crate) fn retry_for(&self) -> Result<Option<Duration>, Error> {
        self.retry_for.as_deref().map_or(Ok(None), parse_duration)
    }

    /// How often the state is compared.
    pub(crate) fn audit(&self) -> Result<Option<Duration>, Error> {
        self.audit.as_deref().map_or(Ok(None), parse_duration)
    }

    /// How long a stream may be silent.
    pub(crate) fn max_silence(&self) -> Result<Option<Duration>, Error> {
        parse_duration(&self.max_silence)
    }
}
