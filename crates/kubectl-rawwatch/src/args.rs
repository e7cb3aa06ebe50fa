//! The command line of `kubectl rawwatch`.

use std::time::Duration;

use clap::{ArgGroup, Parser, ValueEnum};
use http::{HeaderName, HeaderValue};
use kubectl_plugin::Error;
use kubectl_plugin::connection::{ConnectionArgs, duration_flag};
use kubectl_plugin::request::{expected_a_path, is_path, parse_header};

use crate::output::fields::Field;
use crate::output::goal::Condition;
use crate::wire::event::EventType;

const EXAMPLES: &str = r"Examples:
  # List the ConfigMaps, then print every event until Ctrl-C
  kubectl rawwatch /api/v1/namespaces/default/configmaps

  # Wait up to a minute for a condition; the object need not exist yet
  kubectl rawwatch --for condition=Available --timeout 1m -o name \
      /apis/apiregistration.k8s.io/v1/apiservices/v1.apps

  # In a script: print what changed since the last run, each event once
  kubectl rawwatch --resume-file cursor --timeout 5s -o table \
      /api/v1/namespaces/default/configmaps";

const EXIT_CODES: &str = r#"Synthetic events:
  If events are lost, rawwatch lists the objects again, and prints each
  difference as an event with "rawwatch":{"synthetic":true,...}.

Exit codes:
   0  --count, --for or --for-any was met; else --timeout passed while watching
   1  the server refused, --timeout passed first, or --fail-on was met
   2  bad usage or input; nothing was sent
   3  connection, TLS or authentication failed
   5  gave up retrying
   6  not a Kubernetes API server
   7  events were lost (--on-gap=fail)
  74  stdout or --resume-file could not be written

Shell completion: see `kubectl rawwatch completion`"#;

#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
/// Watch raw API paths without silently losing or repeating an event.
///
/// Prints one line per event, as the server sent it. Existing objects come first, as ADDED. The watch
/// survives lost connections and restarted servers, and runs until you stop it or until --timeout,
/// --count or --for.
#[derive(Parser)]
#[command(
    name = "kubectl-rawwatch",
    bin_name = "kubectl rawwatch",
    version,
    before_long_help = EXAMPLES,
    after_long_help = EXIT_CODES,
    args_override_self = true,
    group(ArgGroup::new("goal").multiple(true)),
    override_usage = "kubectl rawwatch [flags] PATH..."
)]
pub(crate) struct WatchArgs {
    /// API path, such as /api/v1/namespaces/default/pods
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// Same as PATH
    #[arg(long, value_name = "PATH", hide_short_help = true)]
    raw: Vec<String>,
    /// Do not print existing objects
    #[arg(long)]
    pub(crate) watch_only: bool,
    /// Start after this resource version
    ///
    /// Existing objects are not printed.
    #[arg(long, value_name = "VERSION")]
    pub(crate) resource_version: Option<String>,
    /// Do not watch: list this often, and print the differences
    ///
    /// For an API that does not support watch. The first list prints the existing objects; each later
    /// one prints its differences from the list before it, as synthetic events.
    #[arg(long, value_name = "DURATION", value_parser = duration_flag, hide_short_help = true)]
    pub(crate) poll: Option<Duration>,
    /// Only objects with matching labels
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub(crate) selector: Option<String>,
    /// Only objects with matching fields
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) field_selector: Option<String>,
    /// Stop after this time, such as 30s or 2m
    #[arg(help_heading = "Stop conditions", long, value_name = "DURATION", value_parser = duration_flag)]
    pub(crate) timeout: Option<Duration>,
    /// Stop after this many printed events
    #[arg(help_heading = "Stop conditions", long, value_name = "N", value_parser = parse_count)]
    pub(crate) count: Option<u64>,
    /// create, delete, synced, condition=NAME[=VALUE] or jsonpath='{...}'[=VALUE]; repeatable
    ///
    /// Conditions are written as in `kubectl wait`; jsonpath also compares with !=, >, >=, < and <=. A
    /// condition or jsonpath is met when at least one object exists and all objects that exist then meet
    /// it; synced, once all existing objects have been printed. rollout waits as `kubectl rollout
    /// status`.
    #[arg(
        help_heading = "Stop conditions",
        long = "for",
        value_name = "CONDITION",
        value_parser = Condition::parse,
        group = "goal"
    )]
    pub(crate) conditions: Vec<Condition>,
    /// Stop when one of these is met, and say which; as --for
    ///
    /// It is met when at least one object exists, and each object that exists then meets one of these
    /// conditions.
    #[arg(
        help_heading = "Stop conditions",
        long = "for-any",
        value_name = "CONDITION",
        value_parser = Condition::parse,
        group = "goal",
        hide_short_help = true
    )]
    pub(crate) any_conditions: Vec<Condition>,
    /// Exit with 1 as soon as an object meets this; as --for
    ///
    /// delete is met when an object is deleted. The value of the object is printed.
    #[arg(
        help_heading = "Stop conditions",
        long = "fail-on",
        value_name = "CONDITION",
        value_parser = Condition::parse_failure,
        hide_short_help = true
    )]
    pub(crate) failures: Vec<Condition>,
    /// Stop when nothing has changed for this time, and --for is met
    ///
    /// A last list must agree with the events. Time without a connection does not count.
    #[arg(
        help_heading = "Stop conditions",
        long,
        value_name = "DURATION",
        value_parser = duration_flag,
        hide_short_help = true
    )]
    pub(crate) stable: Option<Duration>,
    /// With --for or --for-any, at least this many objects must exist [default: 1]
    #[arg(
        help_heading = "Stop conditions",
        long,
        value_name = "N",
        value_parser = parse_at_least,
        requires = "goal",
        hide_short_help = true
    )]
    pub(crate) at_least: Option<usize>,
    /// json, yaml, name, table, wide, jsonpath=TEMPLATE, diff or none [default: json]
    ///
    /// table and wide show the server's columns, as `kubectl get` does. diff shows the changed fields;
    /// it keeps every object in memory.
    #[arg(help_heading = "Output", short, long, value_name = "FORMAT")]
    pub(crate) output: Option<String>,
    /// Exit with 74 when an event does not fit the format, instead of reporting it
    #[arg(help_heading = "Output", long, hide_short_help = true)]
    pub(crate) strict_output: bool,
    /// Only these event types, such as ADDED,DELETED
    #[arg(long, value_name = "TYPE", value_delimiter = ',', value_parser = event_type)]
    pub(crate) types: Vec<EventType>,
    /// Only modifications that change this field, such as {.spec.replicas}; repeatable
    ///
    /// A jsonpath that starts at the object. In JSON, the old and the new value are added to each line.
    #[arg(long, value_name = "JSONPATH", value_parser = Field::parse, hide_short_help = true)]
    pub(crate) only: Vec<Field>,
    /// Only modifications by these field managers, such as kubectl-edit,helm
    ///
    /// An event is printed if `managedFields` shows that one of them made the change. It shows no
    /// manager for ADDED and DELETED, and none for a change that only removed fields.
    #[arg(
        long,
        value_name = "MANAGER",
        value_delimiter = ',',
        hide_short_help = true
    )]
    pub(crate) by: Vec<String>,
    /// Also print bookmarks
    #[arg(help_heading = "Output", long)]
    pub(crate) bookmarks: bool,
    /// Add the path to each line
    #[arg(help_heading = "Output", long)]
    pub(crate) tag: bool,
    /// Add the arrival time to each line
    #[arg(help_heading = "Output", long)]
    pub(crate) timestamps: bool,
    /// After a gap: resync or fail [default: resync]
    #[arg(
        help_heading = "Recovery",
        long,
        value_name = "ACTION",
        hide_possible_values = true
    )]
    pub(crate) on_gap: Option<OnGap>,
    /// Save progress to this file, and resume from it
    #[arg(help_heading = "Recovery", long, value_name = "FILE")]
    pub(crate) resume_file: Option<String>,
    /// Give up after the server has been unreachable this long
    ///
    /// By default, the first connection must succeed, and after that the watch never gives up.
    #[arg(help_heading = "Recovery", long, value_name = "DURATION", value_parser = duration_flag)]
    pub(crate) retry_for: Option<Duration>,
    /// Probe after this silence; 0: off [default: 90s]
    #[arg(help_heading = "Recovery", long, value_name = "DURATION", value_parser = duration_flag)]
    pub(crate) max_silence: Option<Duration>,
    /// List this often, and print differences
    #[arg(help_heading = "Recovery", long, value_name = "DURATION", value_parser = duration_flag)]
    pub(crate) audit: Option<Duration>,
    /// Maximum event size, in bytes
    #[arg(
        help_heading = "Recovery",
        long,
        value_name = "BYTES",
        value_parser = parse_size,
        default_value = "67108864"
    )]
    pub(crate) max_event_size: usize,
    /// Extra request header, `Name: value`; repeatable
    #[arg(short = 'H', long = "header", value_name = "HEADER", value_parser = parse_header)]
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Print statistics to stderr on exit
    #[arg(help_heading = "Output", long)]
    pub(crate) stats: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// The reaction to lost events: `--on-gap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnGap {
    /// Print the differences as synthetic events
    Resync,
    /// Exit with code 7
    Fail,
}

impl WatchArgs {
    /// Returns the paths, which may be given as `--raw PATH`.
    pub(crate) fn paths(&self) -> Result<Vec<&str>, Error> {
        let words: Vec<&str> = self.paths.iter().map(String::as_str).collect();
        if words.iter().all(|word| !is_path(word))
            && let Some(error) = expected_a_path(&words, || self.connection.namespace_in_use())
        {
            return Err(error);
        }
        let is_other = |word: &&str| !is_path(word) && !word.starts_with("api");
        if words.len() > 1 && words.iter().any(is_other) {
            return Err(
                Error::usage("unexpected argument: each PATH must start with `/`")
                    .with_hint("remove it, or quote a value that has spaces"),
            );
        }
        let mut paths: Vec<&str> = Vec::new();
        for path in self.paths.iter().chain(&self.raw) {
            if paths.contains(&path.as_str()) {
                return Err(Error::usage(format!("PATH {path} is given twice"))
                    .with_hint("remove one of them"));
            }
            paths.push(path);
        }
        if paths.is_empty() {
            return Err(Error::usage("PATH is missing").with_hint(
                "give a path, as in: kubectl rawwatch /api/v1/namespaces/default/pods",
            ));
        }
        Ok(paths)
    }

    /// Returns the given flags that need whole objects, and all of them.
    pub(crate) fn flags_about_objects(&self) -> impl Iterator<Item = &'static str> {
        let flags = [
            ("--by", !self.by.is_empty()),
            ("--for", !self.conditions.is_empty()),
            ("--for-any", !self.any_conditions.is_empty()),
            ("--fail-on", !self.failures.is_empty()),
            ("--stable", self.stable.is_some()),
        ];
        let given = flags.into_iter().filter(|(_, is_given)| *is_given);
        given.map(|(flag, _)| flag)
    }
}

/// Parses the value of `--count`.
fn parse_count(text: &str) -> Result<u64, String> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| "must be 1 or more".to_owned())
}

/// Parses the value of `--at-least`.
fn parse_at_least(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| "must be 1 or more".to_owned())
}

/// Parses the value of `--max-event-size`.
fn parse_size(text: &str) -> Result<usize, String> {
    text.parse()
        .map_err(|_| "must be a number of bytes".to_owned())
}

/// Parses a type of `--types`.
fn event_type(word: &str) -> Result<EventType, Error> {
    let all = [EventType::Added, EventType::Modified, EventType::Deleted];
    all.into_iter()
        .find(|event_type| event_type.as_str().eq_ignore_ascii_case(word))
        .ok_or_else(|| {
            Error::usage(format!(
                "invalid value {word:?} for --types: must be ADDED, MODIFIED or DELETED"
            ))
            .did_you_mean(word, &all.map(EventType::as_str))
        })
}
