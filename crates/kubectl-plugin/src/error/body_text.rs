//! Extracts the text for people from an error that is not a Status, such as the error of a proxy.

use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;

/// The members of a JSON error that contain text: of OAuth (`error`, `error_description`), of problem
/// details (`title`, `detail`, RFC 9457), and of other APIs.
const MEMBERS: [&str; 8] = [
    "error",
    "title",
    "message",
    "error_description",
    "detail",
    "description",
    "msg",
    "errors",
];

/// Returns the text of an error in JSON.
pub(super) fn of_json(body: &[u8]) -> Option<String> {
    let document: Value = serde_json::from_slice(body).ok()?;
    let mut texts = Vec::new();
    collect(&document, &mut texts);
    (!texts.is_empty()).then(|| texts.join(": "))
}

/// Adds the texts of a JSON error. Its members may be texts, objects or lists.
fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let text = text.trim();
            let is_known = texts.iter().any(|known| known.contains(text));
            if !text.is_empty() && !is_known {
                texts.push(text.to_owned());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(members) => {
            let members = MEMBERS.iter().filter_map(|name| members.get(*name));
            members.for_each(|member| collect(member, texts));
        }
        _ => {}
    }
}

/// Returns the `error_description` of a `WWW-Authenticate` header (RFC 6750 §3).
pub(super) fn of_challenge(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(header::WWW_AUTHENTICATE).iter();
    values
        .filter_map(|value| HeaderValue::to_str(value).ok())
        .find_map(|challenge| {
            let (_, rest) = challenge.split_once("error_description=\"")?;
            let (text, _) = rest.split_once('"')?;
            Some(text.to_owned()).filter(|text| !text.is_empty())
        })
}

/// The maximum number of characters of a page's title.
const MAX_TITLE: usize = 100;

/// Returns the title of an HTML page.
pub(crate) fn title(page: &[u8]) -> Option<String> {
    let page = String::from_utf8_lossy(page);
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    let title: String = one_line(&page[start..end])
        .chars()
        .take(MAX_TITLE)
        .collect();
    Some(title).filter(|title| !title.is_empty())
}

/// Reports whether a text says no more than the status code does, as Go's `404 page not found`.
pub(super) fn is_redundant(text: &str, code: StatusCode) -> bool {
    let number = code.as_str();
    let text = text.trim().trim_end_matches('.');
    let text = text.strip_prefix(number).unwrap_or(text).trim_start();
    let reason = code.canonical_reason().unwrap_or_default();
    text.is_empty()
        || text.starts_with('<')
        || text.eq_ignore_ascii_case(reason)
        || ["unknown", "page not found"].contains(&text)
}

/// Returns a text with spaces instead of line breaks.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_json_error_is_found() {
        for (body, expected) in [
            (
                r#"{"message":"impersonation request has been denied"}"#,
                Some("impersonation request has been denied"),
            ),
            (
                r#"{"error":"invalid_token","error_description":"The token expired"}"#,
                Some("invalid_token: The token expired"),
            ),
            (
                r#"{"error":{"code":3,"message":"no tenant"}}"#,
                Some("no tenant"),
            ),
            (
                r#"{"errors":[{"message":"a"},{"detail":"b"}]}"#,
                Some("a: b"),
            ),
            (
                r#"{"type":"about:blank","title":"Denied","detail":"Denied by policy"}"#,
                Some("Denied: Denied by policy"),
            ),
            (r#"{"error":"x","message":"x"}"#, Some("x")),
            (r#""only a text""#, Some("only a text")),
            ("{}", None),
            ("[1]", None),
            ("no JSON", None),
        ] {
            assert_eq!(of_json(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn the_title_of_a_page_is_found() {
        let page = b"<HTML><head><Title lang=en>Sign in\n to X</TITLE></head>";
        assert_eq!(title(page).as_deref(), Some("Sign in to X"));
        assert_eq!(title(b"<html><title></title>"), None);
        assert_eq!(title(b"<html>"), None);
    }

    #[test]
    fn a_text_that_repeats_the_status_is_redundant() {
        for (text, code, expected) in [
            ("404 page not found\n", 404, true),
            ("Not Found", 404, true),
            ("401 Unauthorized", 401, true),
            ("<html>", 401, true),
            ("unknown", 400, true),
            ("no such tenant", 404, false),
        ] {
            let code = StatusCode::from_u16(code).unwrap();
            assert_eq!(is_redundant(text, code), expected, "{text}");
        }
    }
}
