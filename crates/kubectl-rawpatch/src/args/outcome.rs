//! The flags about the outcome of a patch: guards, verification and retries.

use std::time::Duration;

use clap::Args;
use kubectl_plugin::Error;
use kubectl_plugin::connection::duration_flag;

/// The flags about the outcome of a patch.
#[derive(Args)]
pub(crate) struct OutcomeArgs {
    /// Fail unless the object has this resource version
    #[arg(long, value_name = "VERSION", value_parser = parse_resource_version)]
    pub(crate) if_resource_version: Option<String>,
    /// Read the object first, and retry until it is patched once
    ///
    /// The patch is guarded by the resource version that was read. If another writer comes first, the
    /// object is read again. Retries stop after --retry-for, which is 30s by default with this flag.
    #[arg(help_heading = "Outcome", long, hide_short_help = true)]
    pub(crate) exactly_once: bool,
    /// Retry failures that changed nothing for this long [default: 0s]
    ///
    /// Such failures are a refused connection, a 429 and a lost login. A guarded patch is also sent again
    /// if its outcome is unknown.
    #[arg(
        help_heading = "Outcome",
        long,
        value_name = "DURATION",
        value_parser = duration_flag,
        hide_short_help = true
    )]
    pub(crate) retry_for: Option<Duration>,
    /// Exit with 1 if the patch changed nothing; reads the object first
    #[arg(help_heading = "Outcome", long, hide_short_help = true)]
    pub(crate) fail_if_unchanged: bool,
    /// Do not read the object to find out an unknown outcome
    #[arg(help_heading = "Outcome", long, hide_short_help = true)]
    pub(crate) no_verify: bool,
}

impl OutcomeArgs {
    /// Reports whether the object is read before the patch is sent.
    pub(crate) fn reads_first(&self) -> bool {
        self.exactly_once || self.fail_if_unchanged
    }
}

/// Parses the value of `--if-resource-version`. The server takes an empty version or 0 to mean any
/// version, and fails with a 500 for text that is not a number.
fn parse_resource_version(text: &str) -> Result<String, Error> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && !text.starts_with('0') {
        return Ok(text.to_owned());
    }
    Err(Error::usage(format!(
        "invalid resource version {text:?} for --if-resource-version"
    ))
    .with_hint("use the metadata.resourceVersion of the object that you read"))
}
