//! Removes credentials and the data of Secrets from errors, warnings, headers and the trace.
//!
//! * here: the texts of errors and warnings
//! * [`documents`]: JSON documents
//! * [`headers_and_urls`]: headers, URLs and addresses
//! * `values`: the values in a request's body, which an error may repeat
//!
//! Errors need the most care. A 422 may echo the whole patched object with its values, and kubectl
//! prints it (`apiserver/pkg/endpoints/handlers/patch.go`, `applyPatch`). Two rules apply:
//!
//! * An object that is echoed in quotes, as when a patch cannot be decoded, shrinks to `{…}`. Such
//!   an object buries the reason that follows it, and custom resources hold credentials too.
//! * If the request is about a Secret (`Resource::is_secret`), or the response mentions one, only
//!   names of fields, objects, users and API groups stay. All other quoted
//!   text is removed, and so is every value that Go prints without quotes. Every value of the
//!   request's own body is removed, too, because an admission webhook may repeat it.
//!
//! The credential that was sent with a request is removed from every text. Very short values cannot
//! be told from other text, and stay.

pub(crate) mod documents;
pub(crate) mod headers_and_urls;
#[cfg(test)]
mod tests;
mod values;

use std::borrow::Cow;
use std::cell::RefCell;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// The text in place of everything that is not shown.
const REDACTED: &str = "<redacted>";

/// Phrases of the API server after which a quoted text is the name of a field or an object.
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

/// Phrases of the API server after which a value follows, each with the text that ends the value.
/// After `denied`, this is the free text of an admission policy or webhook, which may quote stored
/// values.
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

/// Phrases that show that a response is about a Secret.
const SECRET_MENTIONS: [&str; 5] = [
    "Kind=Secret",
    "\"kind\":\"Secret\"",
    "\\\"kind\\\":\\\"Secret\\\"",
    "Secret \\\"",
    "Secret \"",
];

/// The minimum length of a credential that is searched for. A shorter one cannot be kept secret
/// anyway, and may be a word of the message, such as the user's name.
const MIN_CREDENTIAL: usize = 16;

/// The rules for showing what a server says about one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redaction {
    is_about_secret: bool,
    /// The body of the request. Its values are extracted only when something is shown.
    body: Vec<u8>,
    /// The credentials that were sent with the request. They are added when it is sent.
    credentials: RefCell<Vec<SecretString>>,
}

impl Redaction {
    /// Returns the rules for the response to a request with this body.
    pub(crate) fn for_request(is_about_secret: bool, body: &[u8]) -> Self {
        Self {
            is_about_secret,
            body: body.to_vec(),
            credentials: RefCell::default(),
        }
    }

    /// Returns these rules, made stricter if the response mentions a Secret.
    pub(crate) fn tightened_for(&self, response: &str) -> Self {
        let mentions_secret = SECRET_MENTIONS
            .iter()
            .any(|phrase| response.contains(phrase));
        Self {
            is_about_secret: self.is_about_secret || mentions_secret,
            ..self.clone()
        }
    }

    /// Adds a credential that must not be shown.
    pub(crate) fn hide(&self, credential: &str) {
        if credential.len() >= MIN_CREDENTIAL {
            self.credentials.borrow_mut().push(credential.into());
        }
    }

    /// Reports whether the request or its response is about a Secret.
    pub(crate) fn is_about_secret(&self) -> bool {
        self.is_about_secret
    }

    /// Removes the credentials of the request from a text, and nothing else.
    pub(crate) fn without_credentials<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let credentials = self.credentials.borrow();
        credentials
            .iter()
            .map(ExposeSecret::expose_secret)
            .filter(|credential| text.contains(credential))
            .fold(text.into(), |text: Cow<'_, str>, credential| {
                text.replace(credential, REDACTED).into()
            })
    }

    /// Removes everything from a text that must not be shown.
    pub(crate) fn apply(&self, text: &str) -> String {
        let text = self.without_credentials(text);
        if !self.is_about_secret {
            return replace_quoted(&text, |_, quoted| is_object(quoted).then_some("\"{…}\""));
        }
        // Known values are replaced first, and the longest one before all others, because the
        // patterns below would split them.
        let text = values::in_body(&self.body)
            .iter()
            .rev()
            .fold(text.into_owned(), |text, value| {
                text.replace(value.as_str(), REDACTED)
            });
        let text = replace_quoted(&text, |before, quoted| {
            let is_name = NAMES_FOLLOW.iter().any(|phrase| before.ends_with(phrase));
            (!is_name || is_object(quoted)).then_some("\"<redacted>\"")
        });
        replace_printed_values(&text)
    }

    /// Removes everything from a warning that must not be shown. A warning about a Secret is only
    /// shown if the API server itself wrote it, because an admission policy or webhook may write
    /// anything.
    pub(crate) fn apply_to_warning(&self, text: &str) -> String {
        let is_api_servers_own = ["unknown field ", "duplicate field "]
            .iter()
            .any(|phrase| text.starts_with(phrase));
        if !self.is_about_secret || is_api_servers_own {
            return self.apply(text);
        }
        format!("{REDACTED}: this warning is about a Secret and may contain its data")
    }

    /// Redacts the texts of a Status and its causes in place.
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

/// Reports whether a quoted Go string holds a JSON object or array rather than a name.
fn is_object(quoted: &str) -> bool {
    let inner = quoted.trim_start_matches('"').trim_start();
    inner.starts_with(['{', '[']) || inner.starts_with("map[")
}

/// Replaces double-quoted Go strings. `replacement` gets the text before the string, and the string
/// with its quotes. It returns `None` to keep the string.
fn replace_quoted<'a>(text: &str, replacement: impl Fn(&str, &str) -> Option<&'a str>) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('"') {
        let end = quoted_length(&rest[start..]).map_or(rest.len(), |length| start + length);
        let (before, quoted) = (&rest[..start], &rest[start..end]);
        result.push_str(before);
        result.push_str(replacement(before, quoted).unwrap_or(quoted));
        rest = &rest[end..];
    }
    result.push_str(rest);
    result
}

/// Returns the length of the Go string at the start of `text`, with both quotes.
fn quoted_length(text: &str) -> Option<usize> {
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

/// Replaces the values that Go prints without quotes, and keeps the reasons that follow them.
fn replace_printed_values(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((start, end_mark)) = VALUES_FOLLOW
        .iter()
        .filter_map(|(phrase, end)| Some((rest.find(phrase)? + phrase.len(), end)))
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
