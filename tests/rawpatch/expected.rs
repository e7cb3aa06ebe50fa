/// Returns the name of the object at `path`.
pub(crate) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

/// Returns the API server's message for a patch of a stale version of the object at `path`.
pub(crate) fn conflict(resource: &str, path: &str) -> String {
    format!(
        "Error from server (Conflict): Operation cannot be fulfilled on {resource} \"{}\": the object has \
         been modified; please apply your changes to the latest version and try again",
        name(path)
    )
}

/// Returns the line with the hint for a patch that expected another version than the `live` one.
pub(crate) fn stale_hint(live: &str, expected: &str) -> String {
    format!(
        "hint: read the object again, and check the patch: it is now at resource version {live}, not {expected}\n"
    )
}
