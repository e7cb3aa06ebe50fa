//! Takes the data of Secrets out of what a server says in an error.
//!
//! A 422 echoes the whole patched object, values included, and kubectl prints it
//! (`apiserver/pkg/endpoints/handlers/patch.go`, `applyPatch`). Two rules, by what
//! the request was about:
//!
//! * any object: one that is echoed in quotes, as it is when a patch does not decode,
//!   shrinks to `{…}`. It drowns the reason, which stands behind it, and custom
//!   resources hold credentials too.
//! * a Secret: only what names a field or an object stays. Every other quoted text
//!   and every value that Go printed goes, and so does each value of the request's
//!   own body, in case an admission webhook repeats it.
//!
//! And nothing shows the credential that the request went with, whoever repeats it.

pub(crate) mod headers_and_urls;
mod values;

use std::borrow::Cow;
use std::cell::RefCell;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::redaction::headers_and_urls::REDACTED;

/// The words of the API server that introduce a quoted field or object name.
const NAMES_FOLLOW: [&str; 13] = [
    "field ",
    "secrets ",
    "Secret ",
    "namespaces ",
    "namespace ",
    "name ",
    "User ",
    "resource ",
    "API group ",
    "manager ",
    "conflict with ",
    "conflicts with ",
    "webhook ",
];

/// The words that introduce a printed value, and what ends it. Behind `denied` stands what an
/// admission policy or a webhook chose to say, which may be about the stored values too.
const VALUES_FOLLOW: [(&str, &str); 9] = [
    ("denied request: ", "\n"),
    ("denied the request: ", "\n"),
    ("the name of the object (", ")"),
    ("the namespace of the object (", ")"),
    (", got ", "\n"),
    ("unknown patch type: ", "\n"),
    ("Invalid value: ", ": "),
    ("Duplicate value: ", ": "),
    ("Unsupported value: ", ": "),
];

/// What is shorter is no credential that anybody may keep secret, and may be a word of a message: the
/// user's name, for example.
const SHORTEST_CREDENTIAL: usize = 16;

/// Decides what may be shown of what a server says, from the request that it answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redaction {
    /// The request was about a Secret.
    secret: bool,
    /// The body of the request. Its values are only looked for when something is shown.
    body: Vec<u8>,
    /// What the request logged in with, once it was sent.
    credentials: RefCell<Vec<SecretString>>,
}

impl Redaction {
    /// For an answer to a request whose body was `body`.
    pub(crate) fn for_request(secret: bool, body: &[u8]) -> Self {
        Self {
            secret,
            body: body.to_vec(),
            credentials: RefCell::default(),
        }
    }

    /// The same, but for an answer that says itself that it is about a Secret.
    pub(crate) fn widened_by(&self, answer: &str) -> Self {
        let mentions_secret = [
            "Kind=Secret",
            "\"kind\":\"Secret\"",
            "\\\"kind\\\":\\\"Secret\\\"",
            "Secret \\\"",
            "Secret \"",
        ]
        .iter()
        .any(|mark| answer.contains(mark));
        Self {
            secret: self.secret || mentions_secret,
            ..self.clone()
        }
    }

    /// Takes in what the request logs in with.
    pub(crate) fn hide(&self, credential: &str) {
        if credential.len() >= SHORTEST_CREDENTIAL {
            self.credentials.borrow_mut().push(credential.into());
        }
    }

    /// `text` with the credentials taken out, and nothing else.
    pub(crate) fn without_credentials<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let credentials = self.credentials.borrow();
        let there = credentials.iter().map(ExposeSecret::expose_secret);
        there
            .filter(|secret| text.contains(secret))
            .fold(text.into(), |text: Cow<'_, str>, secret| {
                text.replace(secret, REDACTED).into()
            })
    }

    /// Whether the request was about a Secret.
    pub(crate) fn is_secret(&self) -> bool {
        self.secret
    }

    /// `text` with nothing in it that must not be shown.
    pub(crate) fn apply(&self, text: &str) -> String {
        let text = self.without_credentials(text);
        if !self.secret {
            return replace_quoted(&text, |_, quoted| is_object(quoted).then_some("\"{…}\""));
        }
        // First the values, as they stand in what was sent; then the shapes, which would break them.
        let text = values::of(&self.body)
            .iter()
            .rev()
            .fold(text.into_owned(), |text, value| {
                text.replace(value.as_str(), REDACTED)
            });
        let text = replace_quoted(&text, |before, quoted| {
            let is_name = NAMES_FOLLOW.iter().any(|words| before.ends_with(words));
            (!is_name || is_object(quoted)).then_some("\"<redacted>\"")
        });
        replace_printed_values(&text)
    }

    /// A warning, as far as it may be shown. One about a Secret must be one of the API server's own,
    /// as an admission policy or a webhook may say anything.
    pub(crate) fn apply_to_warning(&self, text: &str) -> String {
        let own = ["unknown field ", "duplicate field "];
        if !self.secret || own.iter().any(|words| text.starts_with(words)) {
            return self.apply(text);
        }
        format!("{REDACTED}: it is about a Secret, and may hold its data")
    }

    /// Redacts the texts of a Status and of its causes, in place.
    pub(crate) fn apply_to_status(&self, status: &mut Value) {
        self.apply_to_members(status, &["message", "reason"]);
        let causes = status
            .pointer_mut("/details/causes")
            .and_then(Value::as_array_mut);
        for cause in causes.into_iter().flatten() {
            self.apply_to_members(cause, &["message", "field", "reason"]);
        }
    }

    fn apply_to_members(&self, object: &mut Value, names: &[&str]) {
        for name in names {
            if let Some(Value::String(text)) = object.get_mut(name) {
                *text = self.apply(text);
            }
        }
    }
}

/// Whether a quoted Go string holds a JSON object or array, and not just a name.
fn is_object(quoted: &str) -> bool {
    let inner = quoted.trim_start_matches('"').trim_start();
    inner.starts_with(['{', '[']) || inner.starts_with("map[")
}

/// Calls `replacement` with what stands before each double-quoted Go string and with
/// that string, quotes included; `None` keeps it.
fn replace_quoted<'a>(text: &str, replacement: impl Fn(&str, &str) -> Option<&'a str>) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('"') {
        let end = end_of_quoted(&rest[start..]).map_or(rest.len(), |length| start + length);
        let (before, quoted) = (&rest[..start], &rest[start..end]);
        result.push_str(before);
        let kept = replacement(before, quoted);
        result.push_str(kept.unwrap_or(quoted));
        rest = &rest[end..];
    }
    result.push_str(rest);
    result
}

/// The length of the Go string that `text` begins with, both quotes included.
fn end_of_quoted(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (offset, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(offset + 1),
            _ => {}
        }
    }
    None
}

/// Takes out the values that Go printed without quotes. The reason behind them stays.
fn replace_printed_values(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((start, end_mark)) = VALUES_FOLLOW
        .iter()
        .filter_map(|(words, end)| Some((rest.find(words)? + words.len(), end)))
        .min()
    {
        let (before, value) = rest.split_at(start);
        result.push_str(before);
        result.push_str(if value.starts_with("\"<redacted>\"") {
            "\"<redacted>\""
        } else {
            REDACTED
        });
        rest = &value[value.find(end_mark).unwrap_or(value.len())..];
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET_BODY: &[u8] = br#"{"stringData":{"password":"hunter2","pin":[12345]}}"#;

    /// What the API server 1.37.2 says about Secrets, with `hunter2` or `12345` planted,
    /// and what is left of it.
    const SECRET_MESSAGES: [(&str, &str); 11] = [
        (
            r#" "" is invalid: patch: Invalid value: "{\"data\":{\"a\":\"aHVudGVyMg==\"}}": strict decoding error: unknown field "dta""#,
            r#" "<redacted>" is invalid: patch: Invalid value: "<redacted>": strict decoding error: unknown field "dta""#,
        ),
        (
            "failed to create typed patch object (/s; /v1, Kind=Secret): .data.pin: expected string, got &value.valueUnstructured{Value:5}",
            "failed to create typed patch object (/s; /v1, Kind=Secret): .data.pin: expected string, got <redacted>",
        ),
        (
            "failed to create typed patch object (/s; /v1, Kind=Secret): .data: expected map, got &{[hunter2]}",
            "failed to create typed patch object (/s; /v1, Kind=Secret): .data: expected map, got <redacted>",
        ),
        (
            "unknown patch type: x in map: map[$patch:x]",
            "unknown patch type: <redacted>",
        ),
        (
            r#"Secret "s" is invalid: data[bad key]: Invalid value: "bad key": a valid config key must consist of"#,
            r#"Secret "s" is invalid: data[bad key]: Invalid value: "<redacted>": a valid config key must consist of"#,
        ),
        (
            r#"Secret "s" is invalid: x: Invalid value: 77: must be less"#,
            r#"Secret "s" is invalid: x: Invalid value: <redacted>: must be less"#,
        ),
        (r#"secrets "s" not found"#, r#"secrets "s" not found"#),
        (
            r#"admission webhook "w.io" denied the request: hunter2 and aHVudGVyMg== are weak"#,
            r#"admission webhook "w.io" denied the request: <redacted>"#,
        ),
        (
            "the name of the object (c3RvcmVk) does not match the name on the URL (s)",
            "the name of the object (<redacted>) does not match the name on the URL (s)",
        ),
        (
            "quota: hunter2 and aHVudGVyMg== are weak",
            "quota: <redacted> and <redacted>== are weak",
        ),
        (
            r#"secrets "s" is forbidden: User "jane" cannot patch resource "secrets" in API group "" in the namespace "default""#,
            r#"secrets "s" is forbidden: User "jane" cannot patch resource "secrets" in API group "" in the namespace "default""#,
        ),
    ];

    #[test]
    fn keeps_the_reason_and_drops_the_values_of_a_secret() {
        let redaction = Redaction::for_request(true, SECRET_BODY);
        for (given, expected) in SECRET_MESSAGES {
            assert_eq!(redaction.apply(given), expected);
        }
    }

    #[test]
    fn shrinks_an_echoed_object_of_any_kind_and_keeps_other_values() {
        let redaction = Redaction::for_request(false, b"{}");
        assert_eq!(
            redaction.apply(r#"Invalid value: "{\"a\":\"\\\"b\"}": unknown field "spec.x""#),
            r#"Invalid value: "{…}": unknown field "spec.x""#
        );
        let plain = r#"Deployment "d" is invalid: spec.replicas: Invalid value: -1: must be ≥ 0"#;
        assert_eq!(redaction.apply(plain), plain);
    }

    #[test]
    fn a_value_is_found_in_every_form() {
        let body = br#"{"stringData":{"a":"user=root\npassword=hunt\"er2\n","b":"aHVudGVyMwo="}}"#;
        let redaction = Redaction::for_request(true, body);
        for said in [
            "password=hunt\"er2",
            "hunt\\\"er2: password=hunt\\\"er2",
            "hunter3",
            "user=root",
        ] {
            let shown = redaction.apply(&format!("weak: {said} here"));
            assert!(
                !shown.contains("er2") || said.starts_with("hunt\\"),
                "{shown}"
            );
            assert!(
                !shown.contains("hunter3") && !shown.contains("root"),
                "{shown}"
            );
        }
        let verbatim = Redaction::for_request(true, b"data:\n  password: aHVudGVyMg==\n");
        assert_eq!(verbatim.apply("weak: aHVudGVyMg=="), "weak: <redacted>");
    }

    #[test]
    fn an_unterminated_quotation_does_not_escape() {
        let redaction = Redaction::for_request(true, b"{}");
        assert_eq!(
            redaction.apply(r#"Invalid value: "hunter2"#),
            r#"Invalid value: "<redacted>""#
        );
    }

    #[test]
    fn an_answer_that_names_a_secret_is_treated_as_one() {
        let text = r#"Secret "s" is invalid: type: Invalid value: "x": field is immutable"#;
        let redaction = Redaction::for_request(false, b"{}").widened_by(text);
        assert!(!redaction.apply(text).contains("\"x\""));
    }
}
