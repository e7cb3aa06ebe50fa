//! Extracts the Status of an unsuccessful response.
//!
//! The body is a `metav1.Status`, or any text from a proxy in between. From such a text, the Status
//! is built like in client-go (`apimachinery/pkg/api/errors`, `NewGenericServerResponse`).

use http::{HeaderMap, Method, StatusCode, header};
use jiff::Timestamp;
use kube_core::Status;
use kube_core::response::StatusDetails;
use serde_json::Value;

use crate::error::body_text;
use crate::redaction::Redaction;
use crate::text::utc;

/// The maximum number of characters that client-go quotes of a body.
const MAX_QUOTED_BODY: usize = 2048;

/// The maximum number of characters of a body that are added to a message.
const MAX_ADDED: usize = 500;

/// Returns the redacted Status of an unsuccessful response.
pub(crate) fn status_of_response(
    code: StatusCode,
    headers: &HeaderMap,
    method: &Method,
    body: &[u8],
    redaction: &Redaction,
) -> Status {
    let redaction = redaction.tightened_for(&String::from_utf8_lossy(body));
    let mut status = status_in_document(body, &redaction).unwrap_or_else(|| {
        // Redact before cutting, because redaction does not recognize a part of a value.
        let quoted = redaction.apply(&quotable(headers, body));
        let quoted: String = quoted.chars().take(MAX_QUOTED_BODY).collect();
        let message = match generic_message(code.as_u16(), &quoted) {
            message if contains(&message, &quoted) || body_text::is_redundant(&quoted, code) => {
                message
            }
            // Departure: kubectl drops the text.
            message => {
                let added: String = body_text::one_line(&quoted)
                    .chars()
                    .take(MAX_ADDED)
                    .collect();
                format!("{message}: {added}")
            }
        };
        Status::failure(&message, generic_reason(code.as_u16(), method))
    });
    status.code = code.as_u16();
    if let Some(seconds) = retry_after(headers) {
        let details = status.details.get_or_insert_with(|| StatusDetails {
            name: String::new(),
            group: String::new(),
            kind: String::new(),
            uid: String::new(),
            causes: Vec::new(),
            retry_after_seconds: 0,
        });
        details.retry_after_seconds = seconds;
    }
    status
}

/// Reports whether a message contains a text as it is, or as a Go string.
fn contains(message: &str, text: &str) -> bool {
    message.contains(text) || message.contains(&format!("{text:?}"))
}

/// Parses a Status and redacts it. Returns `None` for any other document.
pub(crate) fn status_in_document(document: &[u8], redaction: &Redaction) -> Option<Status> {
    let mut document: Value = serde_json::from_slice(document).ok()?;
    if document["kind"] != "Status" {
        return None;
    }
    redaction.apply_to_status(&mut document);
    limit_delay(&mut document);
    serde_json::from_value(document).ok()
}

/// Limits a delay to the numbers that the type has room for.
fn limit_delay(status: &mut Value) {
    if let Some(delay) = status.pointer_mut("/details/retryAfterSeconds")
        && delay
            .as_f64()
            .is_some_and(|seconds| seconds > u32::MAX.into())
    {
        *delay = u32::MAX.into();
    }
}

/// Parses `Retry-After` into seconds. A date (RFC 9110 §10.2.3) is compared with the `Date` of the
/// response, because the server's clock may differ from ours.
fn retry_after(headers: &HeaderMap) -> Option<u32> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let delay = text(header::RETRY_AFTER)?;
    if !delay.is_empty() && delay.bytes().all(|byte| byte.is_ascii_digit()) {
        // Callers limit the delay, so a huge one must not count as absent.
        return Some(delay.parse().unwrap_or(u32::MAX));
    }
    let now = text(header::DATE)
        .and_then(utc::http_date)
        .unwrap_or_else(Timestamp::now);
    let seconds = utc::http_date(delay)?.duration_since(now).as_secs().max(0);
    Some(u32::try_from(seconds).unwrap_or(u32::MAX))
}

/// Returns the text that kubectl quotes of a body that is not a Status: the body, or `unknown` if
/// it is not text. Departure: kubectl quotes no text of a JSON body, and none of a
/// `WWW-Authenticate` header.
fn quotable(headers: &HeaderMap, body: &[u8]) -> String {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .map_or(b"text/" as &[u8], |value| value.as_bytes());
    if content_type.starts_with(b"text/") {
        String::from_utf8_lossy(body).trim().to_owned()
    } else {
        let text = body_text::of_json(body).or_else(|| body_text::of_challenge(headers));
        text.unwrap_or("unknown".to_owned())
    }
}

/// Returns client-go's reason for a status code.
fn generic_reason(code: u16, method: &Method) -> &'static str {
    match code {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        406 => "NotAcceptable",
        409 if method == Method::POST => "AlreadyExists",
        409 => "Conflict",
        415 => "UnsupportedMediaType",
        422 => "Invalid",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        500.. => "InternalError",
        _ => "",
    }
}

/// Returns client-go's message for a status code. Some messages quote the body.
fn generic_message(code: u16, body: &str) -> String {
    let message = match code {
        400 => "the server rejected our request for an unknown reason",
        401 => "the server has asked for the client to provide credentials",
        404 => "the server could not find the requested resource",
        405 => "the server does not allow this method on the requested resource",
        406 if ["", "unknown"].contains(&body) => {
            "the server was unable to respond with a content type that the client supports"
        }
        403 | 406 | 415 => body,
        409 => "the server reported a conflict",
        422 => "the server rejected our request due to an error in our request",
        429 => "the server has received too many requests and has asked us to try again later",
        503 => "the server is currently unable to handle the request",
        504 => {
            "the server was unable to return a response in the time allotted, \
             but may still be processing the request"
        }
        500.. => {
            return format!(
                "an error on the server ({body:?}) has prevented the request from succeeding"
            );
        }
        _ => {
            return format!(
                "the server responded with the status code {code} \
                 but did not return more information"
            );
        }
    };
    message.to_owned()
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;
    use crate::error::status;

    fn line(code: u16, content_type: &str, body: &str) -> String {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, content_type.parse().unwrap())]);
        status::line(&status_of_response(
            StatusCode::from_u16(code).unwrap(),
            &headers,
            &Method::PATCH,
            body.as_bytes(),
            &Redaction::default(),
        ))
    }

    #[test]
    fn retry_after_may_be_seconds_or_a_date() {
        let after = |pairs: &[(HeaderName, &str)]| {
            let pairs = pairs
                .iter()
                .map(|(name, value)| (name.clone(), value.parse().unwrap()));
            retry_after(&pairs.collect())
        };
        let at = |time: &str| format!("Tue, 24 Nov 2026 {time} GMT");
        let noon = (header::DATE, at("12:00:00"));
        let noon = (noon.0, noon.1.as_str());
        for (delay, expected) in [
            ("7", Some(7)),
            (&at("12:00:30"), Some(30)),
            (&at("11:59:00"), Some(0)),
            ("99999999999999", Some(u32::MAX)),
            ("99999999999999999999999", Some(u32::MAX)),
            ("Sun, 24 Nov 2999 12:00:00 GMT", Some(u32::MAX)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(
                after(&[(header::RETRY_AFTER, delay), noon.clone()]),
                expected,
                "{delay}"
            );
        }
        let long_ago = at("00:00:00").replace("2026", "2020");
        assert_eq!(after(&[(header::RETRY_AFTER, &long_ago)]), Some(0));
        assert_eq!(after(&[noon]), None);
    }

    #[test]
    fn a_status_with_a_huge_delay_keeps_its_message() {
        let status = br#"{"kind":"Status","message":"busy","code":429,"details":{"retryAfterSeconds":99999999999999}}"#;
        let status = status_in_document(status, &Redaction::default()).unwrap();
        assert_eq!(status.message, "busy");
        assert_eq!(status.details.unwrap().retry_after_seconds, u32::MAX);
    }

    #[test]
    fn a_body_that_is_not_a_status_gets_client_gos_message() {
        for (code, content_type, body, expected) in [
            (
                404,
                "text/plain",
                "404 page not found",
                "Error from server (NotFound): the server could not find the requested resource",
            ),
            (
                403,
                "text/plain",
                "not you\n",
                "Error from server (Forbidden): not you",
            ),
            (
                500,
                "text/plain",
                "a \"b\"",
                r#"Error from server (InternalError): an error on the server ("a \"b\"") has prevented the request from succeeding"#,
            ),
            (
                500,
                "application/json",
                "{}",
                r#"Error from server (InternalError): an error on the server ("unknown") has prevented the request from succeeding"#,
            ),
            (
                418,
                "text/plain",
                "",
                "Error from server: the server responded with the status code 418 but did not return more information",
            ),
            (
                422,
                "text/plain",
                "x",
                "The request is invalid: the server rejected our request due to an error in our request: x",
            ),
            (
                403,
                "application/json",
                r#"{"message":"impersonation request has been denied"}"#,
                "Error from server (Forbidden): impersonation request has been denied",
            ),
            (
                401,
                "application/json",
                r#"{"error":"invalid_token","error_description":"The token\nexpired"}"#,
                "error: You must be logged in to the server (the server has asked for the client to provide credentials: invalid_token: The token expired)",
            ),
            (
                502,
                "application/problem+json",
                r#"{"title":"Bad Gateway","detail":"no backend"}"#,
                r#"Error from server (InternalError): an error on the server ("Bad Gateway: no backend") has prevented the request from succeeding"#,
            ),
            (
                401,
                "text/plain",
                "401 Unauthorized",
                "error: You must be logged in to the server (the server has asked for the client to provide credentials)",
            ),
        ] {
            assert_eq!(line(code, content_type, body), expected);
        }
    }
}
