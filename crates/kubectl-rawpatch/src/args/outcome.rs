//! Flags about the outcome of a patch: guards, verification and retries.

use clap::Args;
use kubectl_plugin::Error;

/// The flags about the outcome of a patch.
#[derive(Args)]
pub(crate) struct OutcomeArgs {
    /// Fail unless the object has this resource version
    #[arg(long, value_name = "VERSION", value_parser = parse_resource_version)]
    pub(crate) if_resource_version: Option<String>,
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
