//! What a server says when it refuses, in kubectl's words.
//!
//! A refusal is a `metav1.Status`, or something that a proxy in between made up; the
//! second becomes a Status with the texts of client-go
//! (`apimachinery/pkg/api/errors`, `NewGenericServerResponse`).

use std::collections::BTreeSet;
use std::fmt::Write as _;

use http::{HeaderMap, Method, StatusCode, header};
use kube_core::Status;
use kube_core::response::StatusDetails;
use serde_json::{Value, json};

use crate::redaction::Redaction;

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
    let structured = serde_json::from_slice(body)
        .ok()
        .and_then(|mut document: Value| {
            redaction.apply_to_status(&mut document);
            (document["kind"] == "Status")
                .then(|| serde_json::from_value::<Status>(document).ok())?
        });
    let mut status = structured.unwrap_or_else(|| {
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

/// The seconds of a `Retry-After`, where client-go keeps them too.
fn retry_after(headers: &HeaderMap) -> Option<u32> {
    headers
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
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
