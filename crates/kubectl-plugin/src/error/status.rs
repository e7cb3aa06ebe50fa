//! What a server says when it refuses, in kubectl's words.
//!
//! A refusal is a `metav1.Status`, or something that a proxy in between made up; the
//! second becomes a Status with the texts of client-go
//! (`apimachinery/pkg/api/errors`, `NewGenericServerResponse`).

use std::collections::BTreeSet;
use std::fmt::Write as _;

use http::{HeaderMap, Method, StatusCode, header};
use jiff::Timestamp;
use kube_core::Status;
use kube_core::response::StatusDetails;
use serde_json::{Value, json};

use crate::redaction::Redaction;
use crate::text::utc;

/// client-go cuts what it quotes of an unstructured body here.
const LONGEST_QUOTED_BODY: usize = 2048;

/// What a reply that is no success says, redacted.
pub(crate) fn parse(
    code: StatusCode,
    headers: &HeaderMap,
    method: &Method,
    body: &[u8],
    redaction: &Redaction,
) -> Status {
    let redaction = redaction.widened_by(&String::from_utf8_lossy(body));
    let mut status = redacted(body, &redaction).unwrap_or_else(|| {
        let said = cut(&redaction.apply(&text_of(headers, body)));
        generic(code, method, &said)
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

/// A `Status`, if `document` is one.
pub(crate) fn redacted(document: &[u8], redaction: &Redaction) -> Option<Status> {
    let mut document: Value = serde_json::from_slice(document).ok()?;
    if document["kind"] != "Status" {
        return None;
    }
    redaction.apply_to_status(&mut document);
    serde_json::from_value(document).ok()
}

/// The seconds of a `Retry-After`, where client-go keeps them too. A date (RFC 9110, 10.2.3) counts
/// from the reply's own, as the clocks of two machines differ.
fn retry_after(headers: &HeaderMap) -> Option<u32> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let wish = text(header::RETRY_AFTER)?;
    wish.parse().ok().or_else(|| {
        let now = text(header::DATE)
            .and_then(utc::http_date)
            .unwrap_or_else(Timestamp::now);
        let seconds = utc::http_date(wish)?.duration_since(now).as_secs().max(0);
        u32::try_from(seconds).ok()
    })
}

/// What kubectl would quote of a body that is no Status: text is shown, all else is `unknown`.
fn text_of(headers: &HeaderMap, body: &[u8]) -> String {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .map_or(b"text/" as &[u8], |value| value.as_bytes());
    if content_type.starts_with(b"text/") {
        String::from_utf8_lossy(body).trim().to_owned()
    } else {
        "unknown".to_owned()
    }
}

/// The beginning of what is quoted. It is cut last, as half a value is not recognised.
fn cut(text: &str) -> String {
    text.chars().take(LONGEST_QUOTED_BODY).collect()
}

/// The Status that client-go makes of an answer that is none.
fn generic(code: StatusCode, method: &Method, server_message: &str) -> Status {
    let (reason, message) = match code.as_u16() {
        409 if method == Method::POST => ("AlreadyExists", "the server reported a conflict"),
        409 => ("Conflict", "the server reported a conflict"),
        404 => (
            "NotFound",
            "the server could not find the requested resource",
        ),
        400 => (
            "BadRequest",
            "the server rejected our request for an unknown reason",
        ),
        401 => (
            "Unauthorized",
            "the server has asked for the client to provide credentials",
        ),
        403 => ("Forbidden", server_message),
        406 if ["", "unknown"].contains(&server_message) => (
            "NotAcceptable",
            "the server was unable to respond with a content type that the client supports",
        ),
        406 => ("NotAcceptable", server_message),
        415 => ("UnsupportedMediaType", server_message),
        405 => (
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        ),
        422 => (
            "Invalid",
            "the server rejected our request due to an error in our request",
        ),
        503 => (
            "ServiceUnavailable",
            "the server is currently unable to handle the request",
        ),
        504 => (
            "Timeout",
            "the server was unable to return a response in the time allotted, but may still be processing the request",
        ),
        429 => (
            "TooManyRequests",
            "the server has received too many requests and has asked us to try again later",
        ),
        500.. => ("InternalError", ""),
        _ => ("", ""),
    };
    let message = match (reason, message) {
        ("InternalError", _) => format!(
            "an error on the server ({server_message:?}) has prevented the request from succeeding"
        ),
        ("", _) => format!(
            "the server responded with the status code {} but did not return more information",
            code.as_u16()
        ),
        (_, message) => message.to_owned(),
    };
    Status {
        code: code.as_u16(),
        ..Status::failure(&message, reason)
    }
}

/// The line, or the lines of an `Invalid` with several causes, that kubectl prints
/// (`kubectl/pkg/cmd/util/helpers.go`, `checkErr` and `StandardErrorMessage`).
pub(crate) fn line(status: &Status) -> String {
    match status.reason.as_str() {
        "Invalid" => invalid(status),
        "Unauthorized" => {
            format!(
                "error: You must be logged in to the server ({})",
                status.message
            )
        }
        "" => format!("Error from server: {}", status.message),
        reason => format!("Error from server ({reason}): {}", status.message),
    }
}

/// A Status as the document that the server sent, for `-o json`.
pub(crate) fn document(status: &Status) -> Value {
    let mut document = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}});
    if let (Value::Object(document), Ok(Value::Object(members))) =
        (&mut document, serde_json::to_value(status))
    {
        document.extend(members);
    }
    document
}

fn invalid(status: &Status) -> String {
    let message = if status.message.is_empty() {
        String::new()
    } else {
        format!(": {}", status.message)
    };
    let Some(details) = &status.details else {
        return format!("The request is invalid{message}");
    };
    let mut text = if !details.kind.is_empty() || !details.name.is_empty() {
        format!("The {} {:?} is invalid", details.kind, details.name)
    } else if details.causes.is_empty() {
        format!("The request is invalid{message}")
    } else {
        "The request is invalid".to_owned()
    };
    let mut seen = BTreeSet::new();
    let mut causes: Vec<String> = details
        .causes
        .iter()
        .map(|cause| format!("{}: {}", cause.field, cause.message))
        .collect();
    causes.retain(|cause| seen.insert(cause.clone()));
    match causes.as_slice() {
        [] => {}
        [cause] => {
            let _ = write!(text, ": {cause}");
        }
        causes => {
            text.push_str(": ");
            for cause in causes {
                let _ = write!(text, "\n* {cause}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u16, content_type: &str, body: &str) -> String {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, content_type.parse().unwrap())]);
        let code = StatusCode::from_u16(code).unwrap();
        line(&parse(
            code,
            &headers,
            &Method::PATCH,
            body.as_bytes(),
            &Redaction::default(),
        ))
    }

    #[test]
    fn a_wish_to_wait_is_read_as_seconds_and_as_a_date() {
        let after = |pairs: &[(header::HeaderName, &str)]| {
            let pairs = pairs
                .iter()
                .map(|(name, value)| (name.clone(), value.parse().unwrap()));
            retry_after(&pairs.collect())
        };
        let at = |time: &str| format!("Tue, 24 Nov 2026 {time} GMT");
        let noon = (header::DATE, at("12:00:00"));
        let noon = (noon.0, noon.1.as_str());
        for (wish, expected) in [
            ("7", Some(7)),
            (&at("12:00:30"), Some(30)),
            (&at("11:59:00"), Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(
                after(&[(header::RETRY_AFTER, wish), noon.clone()]),
                expected,
                "{wish}"
            );
        }
        let long_ago = at("00:00:00").replace("2026", "2020");
        assert_eq!(after(&[(header::RETRY_AFTER, &long_ago)]), Some(0));
        assert_eq!(after(&[noon]), None);
    }

    #[test]
    fn a_status_is_worded_as_kubectl_words_it() {
        for (body, expected) in [
            (
                r#"{"kind":"Status","reason":"NotFound","message":"pods \"x\" not found"}"#,
                r#"Error from server (NotFound): pods "x" not found"#,
            ),
            (
                r#"{"kind":"Status","message":"some message"}"#,
                "Error from server: some message",
            ),
            (
                r#"{"kind":"Status","reason":"Unauthorized","message":"Unauthorized"}"#,
                "error: You must be logged in to the server (Unauthorized)",
            ),
            (
                r#"{"kind":"Status","reason":"Invalid","message":"m","details":{}}"#,
                "The request is invalid: m",
            ),
            (
                r#"{"kind":"Status","reason":"Invalid","details":{"kind":"Pod","name":"x","causes":[{"field":"spec.a","message":"bad"}]}}"#,
                r#"The Pod "x" is invalid: spec.a: bad"#,
            ),
            (
                r#"{"kind":"Status","reason":"Invalid","details":{"kind":"Pod","name":"x","causes":[{"field":"a","message":"1"},{"field":"a","message":"1"},{"field":"b","message":"2"}]}}"#,
                "The Pod \"x\" is invalid: \n* a: 1\n* b: 2",
            ),
        ] {
            assert_eq!(refused(422, "application/json", body), expected);
        }
    }

    #[test]
    fn an_answer_that_is_no_status_gets_the_words_of_client_go() {
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
                "The request is invalid: the server rejected our request due to an error in our request",
            ),
        ] {
            assert_eq!(refused(code, content_type, body), expected);
        }
    }
}
