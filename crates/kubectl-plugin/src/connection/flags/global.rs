//! kubectl's global flags that do not affect the connection.

use clap::{ArgAction, Args};

use crate::stderr::trace::Trace;
use crate::text::boolean::parse_boolean;

/// Flags that kubectl accepts everywhere. Only `-v` has an effect. The others are accepted so that
/// aliases and scripts keep working.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection")]
pub(crate) struct GlobalArgs {
    /// Log verbosity: 6 requests, 7 + headers, 8 + bodies, 9 + curl commands and timings, 10 + whole
    /// bodies
    #[arg(
        short,
        long = "v",
        value_name = "LEVEL",
        value_parser = parse_level,
        allow_negative_numbers = true,
        hide_short_help = true
    )]
    verbosity: Option<i32>,
    #[arg(long, value_name = "FOLDER", hide = true)]
    cache_dir: Option<String>,
    #[arg(long, num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = parse_boolean, default_missing_value = "true", hide = true)]
    match_server_version: Option<bool>,
    #[arg(long, value_name = "NAME", hide = true)]
    profile: Option<String>,
    #[arg(long, value_name = "FILE", hide = true)]
    profile_output: Option<String>,
    #[arg(long, value_name = "PATTERN=LEVEL", hide = true)]
    vmodule: Option<String>,
    #[arg(long, value_name = "DURATION", hide = true)]
    log_flush_frequency: Option<String>,
}

impl GlobalArgs {
    pub(crate) fn trace_level(&self) -> i32 {
        self.verbosity.unwrap_or(0)
    }

    /// Creates the trace of `-v`, and writes the names of flags without effect to it.
    pub(crate) fn trace(&self) -> Trace {
        let trace = Trace::new(self.trace_level());
        for (flag, is_given) in [
            ("--cache-dir", self.cache_dir.is_some()),
            (
                "--match-server-version",
                self.match_server_version.is_some(),
            ),
            ("--profile", self.profile.is_some()),
            ("--profile-output", self.profile_output.is_some()),
            ("--vmodule", self.vmodule.is_some()),
            ("--log-flush-frequency", self.log_flush_frequency.is_some()),
        ] {
            if is_given {
                trace.ignored_flag(flag);
            }
        }
        trace
    }
}

/// Parses the value of `-v`.
fn parse_level(text: &str) -> Result<i32, String> {
    text.parse().map_err(|_| "must be a number".to_owned())
}
