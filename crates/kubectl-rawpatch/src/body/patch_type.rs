//! The four types of patches, and the choice of the type for a body.

use clap::ValueEnum;
use serde_json::Value;

use super::shell_quotes::remedy_for_text;
use super::{Document, Error, Result};

/// A type of patch that the API server accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PatchType {
    /// A list of operations (RFC 6902).
    Json,
    /// A partial object (RFC 7396): `null` removes a field, and a list is replaced as a whole.
    Merge,
    /// A partial object whose lists are merged by key. For built-in kinds only.
    Strategic,
    /// Server-side apply: the fields that the field manager wants to own.
    Apply,
}

impl PatchType {
    /// Returns the value of `--type`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Merge => "merge",
            Self::Strategic => "strategic",
            Self::Apply => "apply",
        }
    }

    /// Returns the `Content-Type`, which the API server compares exactly.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json-patch+json",
            Self::Merge => "application/merge-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
            Self::Apply => "application/apply-patch+yaml",
        }
    }

    /// Returns the default type for a body: a JSON patch if it starts like an array, otherwise
    /// strategic, as in `kubectl patch`. With `--verbatim`, the body may be invalid.
    pub(crate) fn from_body(body: &[u8]) -> Self {
        if body.trim_ascii_start().starts_with(b"[") {
            Self::Json
        } else {
            Self::Strategic
        }
    }

    /// Returns the explicit type or else the default, and checks that it fits `document`.
    pub(crate) fn choose(explicit: Option<Self>, document: &Document) -> Result<Self> {
        let chosen = explicit.unwrap_or_else(|| Self::from_body(&document.bytes));
        let (actual, fits, remedy) = match document.value {
            Value::Array(_) => (
                "an array",
                chosen == Self::Json,
                "use --type json for an array of operations",
            ),
            Value::Object(_) => (
                "an object",
                chosen != Self::Json,
                "use --type strategic (the default), merge or apply for an object",
            ),
            _ => (
                "a scalar",
                false,
                remedy_for_text(document.value.as_str().unwrap_or_default()),
            ),
        };
        if fits {
            return Ok(chosen);
        }
        let required = if chosen == Self::Json {
            "an array of operations"
        } else {
            "an object"
        };
        Err(Error::usage(format!(
            "a patch of type {} must be {required}, but this one is {actual}",
            chosen.name()
        ))
        .with_hint(remedy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(explicit: Option<PatchType>, text: &str) -> std::result::Result<PatchType, String> {
        let document = Document::parse(text.as_bytes()).unwrap();
        PatchType::choose(explicit, &document)
            .map_err(|error| format!("{error}\nhint: {}", error.hint().unwrap()))
    }

    #[test]
    fn the_default_type_depends_on_the_body() {
        assert_eq!(choose(None, r#"{"a":1}"#), Ok(PatchType::Strategic));
        assert_eq!(choose(None, "a: 1"), Ok(PatchType::Strategic));
        assert_eq!(choose(None, " [1]"), Ok(PatchType::Json));
        assert_eq!(choose(None, "- op: test"), Ok(PatchType::Json));
        assert_eq!(PatchType::from_body(b"\n [broken"), PatchType::Json);
        assert_eq!(PatchType::from_body(b"{broken"), PatchType::Strategic);
        assert_eq!(PatchType::from_body(b""), PatchType::Strategic);
    }

    #[test]
    fn an_explicit_type_that_fits_is_kept() {
        for patch_type in [PatchType::Merge, PatchType::Strategic, PatchType::Apply] {
            assert_eq!(choose(Some(patch_type), r#"{"a":1}"#), Ok(patch_type));
        }
        assert_eq!(choose(Some(PatchType::Json), "[1]"), Ok(PatchType::Json));
    }

    #[test]
    fn refuses_a_type_that_does_not_fit_the_body() {
        for (explicit, text, expected) in [
            (
                Some(PatchType::Json),
                r#"{"a":1}"#,
                "error: a patch of type json must be an array of operations, but this one is an object\n\
                 hint: use --type strategic (the default), merge or apply for an object",
            ),
            (
                Some(PatchType::Apply),
                "[1]",
                "error: a patch of type apply must be an object, but this one is an array\n\
                 hint: use --type json for an array of operations",
            ),
            (
                Some(PatchType::Json),
                "5",
                "error: a patch of type json must be an array of operations, but this one is a scalar\n\
                 hint: write an object, or an array of JSON patch operations; use -f for the name of a file",
            ),
            (
                None,
                r#""{\"a\":1}""#,
                "error: a patch of type strategic must be an object, but this one is a scalar\n\
                 hint: remove the quotation marks around the patch: it is a string that contains a patch",
            ),
            (
                None,
                "spec:{replicas:6}",
                "error: a patch of type strategic must be an object, but this one is a scalar\n\
                 hint: write a space after each colon",
            ),
            (
                None,
                "text",
                "error: a patch of type strategic must be an object, but this one is a scalar\n\
                 hint: write an object, or an array of JSON patch operations; use -f for the name of a file",
            ),
        ] {
            assert_eq!(choose(explicit, text), Err(expected.to_owned()));
        }
    }

    #[test]
    fn patch_type_names_are_the_values_of_the_flag() {
        for patch_type in PatchType::value_variants() {
            assert_eq!(
                PatchType::from_str(patch_type.name(), false),
                Ok(*patch_type)
            );
        }
    }

    #[test]
    fn media_types_are_spelled_as_the_server_compares_them() {
        let media_types = [
            PatchType::Json,
            PatchType::Merge,
            PatchType::Strategic,
            PatchType::Apply,
        ]
        .map(PatchType::media_type);
        assert_eq!(
            media_types,
            [
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/strategic-merge-patch+json",
                "application/apply-patch+yaml",
            ]
        );
    }
}
