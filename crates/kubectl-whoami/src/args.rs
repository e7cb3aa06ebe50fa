//! The command line of `kubectl whoami`.

use std::time::Duration;

use clap::{ArgAction, Parser};
use kubectl_plugin::Error;
use kubectl_plugin::connection::{ConnectionArgs, duration_flag, parse_duration};

/// The timeout of a context: the same as kubectl's timeout for a TLS handshake.
const CONTEXT_TIMEOUT: Duration = Duration::from_secs(10);

const EXAMPLES: &str = r#"Examples:
  # Who does the API server think I am?
  kubectl whoami

  # May I do this, and why?
  kubectl whoami --can PATCH /api/v1/namespaces/default/pods/web

  # In a script: print the user name if the credential is valid for another hour
  user=$(kubectl whoami -o name --fail-if-expires-within 1h) && echo "$user""#;

const EXIT_CODES: &str = r"Sources:
  The answer always names its source: SelfSubjectReview, TokenReview of your
  token, a dry-run CertificateSigningRequest, users/~ of OpenShift, or the
  user name in a 403 response. Facts known only from the local credential are
  marked unverified.

Exit codes:
   0  the server confirmed your identity; with --can: everything is allowed;
      with --all-contexts: in every context; with --offline: nothing was sent
   1  the server did not reveal your identity; with --can: something is not
      allowed
   2  bad usage or input; nothing was sent
   3  connection, TLS or authentication failed, or you are system:anonymous
   4  with --can or --can-list: the server refused the review
   6  not a Kubernetes API server, or it did not apply --as
   8  the credential expires too soon for --fail-if-expires-within
  74  the output could not be produced or written
  With --all-contexts, 3 takes precedence over 1, and 1 over 8.

Shell completion: see `kubectl whoami completion`";

/// Show who the API server thinks you are, which credential you use, and when it expires.
///
/// Works with every version of Kubernetes and any type of credential, and names the source of each
/// answer.
#[derive(Parser)]
#[command(
    name = "kubectl-whoami",
    bin_name = "kubectl whoami",
    version,
    before_long_help = EXAMPLES,
    after_long_help = EXIT_CODES,
    args_override_self = true,
    override_usage = "kubectl whoami [flags]"
)]
pub(crate) struct WhoamiArgs {
    /// json, yaml, jsonpath=TEMPLATE, review, name or subjects [default: a table]
    ///
    /// json and yaml print the `SelfSubjectReview` of `kubectl auth whoami`, plus a `whoami` key;
    /// review omits that key. With --all-contexts, wide shows all groups.
    #[arg(short, long, value_name = "FORMAT")]
    pub(crate) output: Option<String>,
    /// Show the local credential, unverified; send nothing
    #[arg(long)]
    pub(crate) offline: bool,
    /// Exit with code 8 if the credential expires within this time, such as 30m or 7d
    #[arg(long, value_name = "DURATION", value_parser = duration_flag)]
    pub(crate) fail_if_expires_within: Option<Duration>,
    /// Check whether you may do this, such as GET /api/v1/pods; repeatable
    ///
    /// VERB is an HTTP method, which the server maps to a verb depending on the path, or a Kubernetes
    /// verb. Exits with 0 if everything is allowed, otherwise with 1.
    #[arg(long, num_args = 2, value_names = ["VERB", "PATH"], action = ArgAction::Append)]
    can: Vec<String>,
    /// List everything you may do in the namespace, like `kubectl auth can-i --list`
    #[arg(long, hide_short_help = true)]
    pub(crate) can_list: bool,
    /// Check every context of the kubeconfig, in parallel
    ///
    /// Each context is limited to 10 seconds, or to --request-timeout.
    #[arg(long)]
    pub(crate) all_contexts: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

impl WhoamiArgs {
    /// Returns the verbs and paths of `--can`.
    pub(crate) fn can(&self) -> impl Iterator<Item = (&str, &str)> {
        let (pairs, _) = self.can.as_chunks();
        pairs
            .iter()
            .map(|[verb, path]| (verb.as_str(), path.as_str()))
    }

    /// Refuses flags that cannot be combined.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |mode: &str, flag: &str, why: &str| {
            let message = format!("{mode} and {flag} cannot be used together");
            Err(Error::usage(message).with_hint(why))
        };
        let others = [
            ("--can-list", self.can_list),
            ("--all-contexts", self.all_contexts),
            ("--offline", self.offline),
            (
                "--fail-if-expires-within",
                self.fail_if_expires_within.is_some(),
            ),
        ];
        let mut given = others.into_iter().filter(|(_, is_given)| *is_given);
        if !self.can.is_empty()
            && let Some((flag, _)) = given.next()
        {
            let why = format!("remove {flag}: --can only checks the requests that it names");
            return refuse("--can", flag, &why);
        }
        if self.can_list
            && let Some((flag, _)) = given.nth(1)
        {
            let why = format!("remove {flag}: --can-list is about the current context");
            return refuse("--can-list", flag, &why);
        }
        match self.connection.flag_of_one_context() {
            Some(flag) if self.all_contexts => {
                let why = format!("remove {flag}: each context has its own server and credential");
                refuse("--all-contexts", flag, &why)
            }
            _ => Ok(()),
        }
    }

    /// Returns the timeout of a whole context; `None` means no limit.
    pub(crate) fn context_timeout(&self) -> Result<Option<Duration>, Error> {
        match self.connection.request_timeout.as_deref() {
            None | Some("") => Ok(Some(CONTEXT_TIMEOUT)),
            Some(text) => parse_duration(text),
        }
    }
}
