//! The command line of `kubectl whoami`.

use std::time::Duration;

use clap::{ArgAction, Parser};
use kubectl_plugin::{ConnectionArgs, Error, parse_boolean, parse_duration};

const EXAMPLES: &str = r"Examples:
  # Who the API server thinks you are, by what, until when
  kubectl whoami

  # The user name alone, for a prompt
  kubectl whoami -o name

  # Who somebody would be, and who asks
  kubectl whoami --as jane --as-group dev

  # Subjects to paste into a `RoleBinding`
  kubectl whoami -o subjects

  # In a script: stop when the login does not last for another hour
  kubectl whoami -o name --fail-if-expires-within 1h

Where the answer comes from is always named: SelfSubjectReview, TokenReview of
the own token, a CertificateSigningRequest that is not stored, or the name in a
refusal. What only the local credential says is marked unverified.

Exit codes:
   0  the server said who you are; with --offline: nothing was asked
   1  the server refused to say
   2  bad usage or input; nothing was sent
   3  not logged in, or no connection or TLS; what is known locally is shown
   6  what answered is not a Kubernetes API server
   8  the credential expires sooner than --fail-if-expires-within allows
  74  the output could not be written";

/// Show who the API server thinks you are, by which credential, and until when.
///
/// It works on a server of any age and with any login, and says how it knows.
#[derive(Parser)]
#[command(
    name = "kubectl-whoami",
    bin_name = "kubectl whoami",
    version,
    after_help = EXAMPLES,
    args_override_self = true,
    term_width = 80,
    override_usage = "kubectl whoami [flags]"
)]
pub(crate) struct WhoamiArgs {
    /// Print json, yaml, jsonpath=TEMPLATE, review, name or subjects [default: a table]
    ///
    /// json and yaml are the `SelfSubjectReview` that `kubectl auth whoami` prints, with a key
    /// `whoami` beside its status; review is without that key.
    #[arg(short, long, value_name = "FORMAT")]
    pub(crate) output: Option<String>,
    /// Send nothing: show the local credential, which nobody has verified
    #[arg(long, num_args = 0..=1, require_equals = true, value_name = "true|false", action = ArgAction::Set, value_parser = parse_boolean, default_missing_value = "true", default_value = "false", hide_default_value = true)]
    pub(crate) offline: bool,
    /// Exit with 8 when the credential has less time left than this, as in 30m, 24h
    #[arg(long, value_name = "DURATION")]
    fail_if_expires_within: Option<String>,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

impl WhoamiArgs {
    /// How much time the credential must have left; zero is any.
    pub(crate) fn fail_if_expires_within(&self) -> Result<Option<Duration>, Error> {
        let Some(text) = &self.fail_if_expires_within else {
            return Ok(None);
        };
        match parse_duration(text) {
            Ok(limit) => Ok(Some(limit.unwrap_or_default())),
            Err(_) => Err(Error::usage(
                "invalid value for --fail-if-expires-within: must be seconds, or a number with a \
                 unit (s, m, h)",
            )),
        }
    }
}
