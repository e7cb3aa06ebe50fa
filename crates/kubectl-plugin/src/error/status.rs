//! Formats a Status like kubectl.

use std::collections::BTreeSet;

use kube_core::Status;
use serde_json::{Value, json};

/// Returns the line that kubectl prints for a refusal, or several lines for an `Invalid` with
/// several causes (`kubectl/pkg/cmd/util/helpers.go`, `checkErr` and `StandardErrorMessage`).
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

fn invalid(status: &Status) -> String {
    let message = if status.message.is_empty() {
        String::new()
    } else {
        format!(": {}", status.message)
    };
    let Some(details) = &status.details else {
        return format!("The request is invalid{message}");
    };
    let subject = if !details.kind.is_empty() || !details.name.is_empty() {
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
        [] => subject,
        [cause] => format!("{subject}: {cause}"),
        causes => format!("{subject}: \n* {}", causes.join("\n* ")),
    }
}

/// Converts a Status to the document that a server sends, for `-o json`.
pub(crate) fn document(status: &Status) -> Value {
    let mut document = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}});
    if let (Value::Object(document), Ok(Value::Object(members))) =
        (&mut document, serde_json::to_value(status))
    {
        document.extend(members);
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_formatted_like_kubectl() {
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
            let status = serde_json::from_str(body).unwrap();
            assert_eq!(line(&status), expected);
        }
    }
}
