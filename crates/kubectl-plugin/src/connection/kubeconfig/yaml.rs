//! Reads YAML configuration as leniently as `sigs.k8s.io/yaml` reads it for kubectl.

use serde_json::Value;

/// Parses the first document, if there is one. Ignores further documents, and uses the last of
/// repeated keys. The error names the line but does not quote it, because it may be secret.
pub(crate) fn first_document(text: &[u8]) -> Result<Option<Value>, String> {
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
        legacy_octal_numbers: true,
        with_snippet: false,
    };
    let mut reader = text;
    serde_saphyr::read_with_options::<_, Value>(&mut reader, options)
        .next()
        .transpose()
        .map_err(|error| {
            let line = error.location().map_or(0, |location| location.line());
            format!("yaml: line {line}: not valid YAML")
        })
}
