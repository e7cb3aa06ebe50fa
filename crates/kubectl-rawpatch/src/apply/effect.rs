//! Whether a patch changed the object.

use serde_json::Value;

use crate::body::version_in;
use crate::live_object::resource_version;
use crate::request::PatchRequest;

/// The effect of a patch on the stored object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Changed,
    Unchanged,
    /// The patch was not stored, or the response does not show whether it changed the object.
    Unknown,
}

impl Effect {
    /// Compares the version of the stored object with the version that the patch expected. `expected` is
    /// the version of `--if-resource-version`, which may also be in the patch.
    pub(super) fn of(request: &PatchRequest, expected: Option<&str>, object: &Value) -> Self {
        if request.path.is_dry_run() {
            return Self::Unknown;
        }
        Self::of_versions(expected, &request.patch, object)
    }

    fn of_versions(expected: Option<&str>, patch: &Value, object: &Value) -> Self {
        let expected = expected.or_else(|| version_in(patch));
        match (expected, resource_version(object)) {
            (Some(before), Some(after)) if before == after => Self::Unchanged,
            (Some(_), Some(_)) => Self::Changed,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_version_tells_whether_the_object_has_changed() {
        let object = json!({"metadata": {"resourceVersion": "5"}});
        let effect = |expected, patch| Effect::of_versions(expected, &patch, &object);
        let with_version = |version| json!({"metadata": {"resourceVersion": version}});
        assert_eq!(effect(Some("5"), json!({})), Effect::Unchanged);
        assert_eq!(effect(Some("4"), json!({})), Effect::Changed);
        assert_eq!(effect(None, with_version("5")), Effect::Unchanged);
        assert_eq!(effect(None, with_version("4")), Effect::Changed);
        assert_eq!(effect(None, json!([])), Effect::Unknown);
        let nothing = json!({});
        assert_eq!(
            Effect::of_versions(Some("5"), &nothing, &nothing),
            Effect::Unknown
        );
    }
}
