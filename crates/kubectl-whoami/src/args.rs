//! The command line of `kubectl whoami`.

use std::time::Duration;

use clap::{ArgAction, Parser};
use kubectl_plugin::Error;
use kubectl_plugin::command::help::{AFTER_SHORT_HELP, HELP_TEMPLATE};
use kubectl_plugin::connection::{ConnectionArgs, parse_duration};
use kubectl_plugin::text::parse_boolean;

/// What kubectl gives a server for its part of a TLS handshake, too.
const TIME_FOR_EACH: Duration = Duration::from_secs(10);

const EXAMPLES: &str = r#"Examples:
  # Who the API server thinks you are, by what, until when
  kubectl whoami

  # May I do this, and why?
  kubectl whoami --can PATCH /api/v1/namespaces/default/pods/web

  # In a script: the user name, if the login lasts for another hour
  user=$(kubectl whoami -o name --fail-if-expires-within 1h) && echo "$user""#;

const EXIT_CODES: &str = r"Sources:
  Where the answer comes from is always named: SelfSubjectReview, TokenReview of
  the own token, a CertificateSigningRequest that is not stored, or the name in
  a refusal. What only the local credential says is marked unverified.

Exit codes:
   0  the server said who you are; with --offline: nothing was asked;
      with --can: all of it is allowed; with --all-contexts: it was so in each
   1  the server refused to say; with --can: something is not allowed
   2  bad usage or input; nothing was sent
   3  not logged in, or no connection or TLS; what is known locally is shown;
      with --all-contexts: in one of them, and that counts before 1
   4  with --can: the server refused to say
   6  what answered is not a Kubernetes API server
   8  the credential expires sooner than --fail-if-expires-within allows
  74  the output could not be written

Completion in your shell: see `kubectl whoami completion`";

/// Show who the API server thinks you are, by which credential, and until when.
///
/// It works on a server of any age and with any login, and says how it knows.
#[derive(Parser)]
#[command(
    name = "kubectl-whoami",
    bin_name = "kubectl whoami",
    version,
    before_long_help = EXAMPLES,
    after_help = AFTER_SHORT_HELP,
    after_long_help = EXIT_CODES,
    help_template = HELP_TEMPLATE,
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
    /// Ask whether you may VERB this PATH, as in GET /api/v1/pods; may be repeated
    ///
    /// VERB is a method of HTTP, of which the server makes a verb that depends on the path, or any
    /// other verb of Kubernetes. Exits with 0 when all of it is allowed, and with 1 when not.
    #[arg(long, num_args = 2, value_names = ["VERB", "PATH"], action = ArgAction::Append)]
    can: Vec<String>,
    /// Ask in every context of the kubeconfig at once, and print a row for each
    ///
    /// A context has 10 seconds, or what --request-timeout says.
    #[arg(long, num_args = 0..=1, require_equals = true, value_name = "true|false", action = ArgAction::Set, value_parser = parse_boolean, default_missing_value = "true", default_value = "false", hide_default_value = true)]
    pub(crate) all_contexts: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

impl WhoamiArgs {
    /// The verbs and the paths of `--can`.
    pub(crate) fn can(&self) -> impl Iterator<Item = (&str, &str)> {
        let (pairs, _) = self.can.as_chunks();
        pairs
            .iter()
            .map(|[verb, path]| (verb.as_str(), path.as_str()))
    }

    /// Refuses flags of which one has no meaning beside the other.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |mode: &str, flag: &str, why: &str| {
            let message = format!("{mode} and {flag} do not fit together");
            Err(Error::usage(message).hinted(why))
        };
        let beside_can = [
            ("--all-contexts", self.all_contexts),
            ("--offline", self.offline),
            (
                "--fail-if-expires-within",
                self.fail_if_expires_within.is_some(),
            ),
        ];
        let other = beside_can.into_iter().find(|(_, is_given)| *is_given);
        if let (false, Some((flag, _))) = (self.can.is_empty(), other) {
            let why = "--can asks one server, and about nothing else than it names";
            return refuse("--can", flag, why);
        }
        match self.connection.flag_of_one_context() {
            Some(flag) if self.all_contexts => {
                let why = "each context has its own server and its own login";
                refuse("--all-contexts", flag, why)
            }
            _ => Ok(()),
        }
    }

    /// How long a context may take as a whole; nothing is for ever.
    pub(crate) fn time_for_each(&self) -> Result<Option<Duration>, Error> {
        match self.connection.request_timeout.as_deref() {
            None | Some("") => Ok(Some(TIME_FOR_EACH)),
            Some(text) => parse_duration(text),
        }
    }

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
