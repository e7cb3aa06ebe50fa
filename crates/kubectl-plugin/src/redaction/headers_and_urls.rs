//! What is secret in headers, URLs and bodies, wherever it would be shown.
//!
//! What servers *say* in errors has its own rules, in `redaction`.

use http::header::{self, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::redaction::Redaction;

/// A document that may be shown.
pub(crate) enum Shown {
    /// Nothing in it is secret.
    Whole(Value),
    /// Something was taken out.
    Redacted(Value),
}

/// What stands in for what is not shown.
pub(crate) const REDACTED: &str = "<redacted>";

/// Parts of names that announce a credential.
const SECRET_NAMES: [&str; 12] = [
    "auth",
    "code",
    "cookie",
    "credential",
    "jwt",
    "key",
    "passw",
    "pwd",
    "secret",
    "session",
    "sig",
    "token",
];

/// Whether a name announces a credential.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = percent_decode_str(name)
        .decode_utf8_lossy()
        .to_ascii_lowercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

/// A header's value as it may be shown. The scheme of an `Authorization` stays, as in kubectl
/// (`client-go/transport/round_trippers.go`, `maskValue`).
pub(crate) fn header(name: &HeaderName, value: &HeaderValue, redaction: &Redaction) -> String {
    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
    if *name == header::AUTHORIZATION {
        let scheme = text.split(' ').next().unwrap_or_default();
        let is_known =
            ["bearer", "basic", "negotiate"].contains(&scheme.to_ascii_lowercase().as_str());
        return if is_known {
            format!("{scheme} <masked>")
        } else {
            "<masked>".to_owned()
        };
    }
    if *name == header::WARNING {
        return redaction.apply_to_warning(&text);
    }
    if is_secret_name(name.as_str()) {
        return REDACTED.to_owned();
    }
    // A login's redirect carries tokens behind the path.
    let text = if text.contains("://") {
        address(text.split(['?', '#']).next().unwrap_or_default())
    } else {
        text
    };
    redaction.apply(&text)
}

/// An address that may be no proper one, without the login that may stand in it.
pub(crate) fn address(text: &str) -> String {
    let Some((login, host)) = text.rsplit_once('@') else {
        return text.to_owned();
    };
    let scheme = login
        .find("://")
        .map_or("", |end| &login[..end + "://".len()]);
    format!("{scheme}…@{host}")
}

/// A URL as it may be shown: without the values of telling parameters. It has no login in it, as
/// no server's address may have one.
pub(crate) fn url(url: &str) -> String {
    let Some((path, query)) = url.split_once('?') else {
        return url.to_owned();
    };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_secret_name(name) => format!("{name}={REDACTED}"),
        _ => pair.to_owned(),
    });
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
}

/// Whether a document is, or lists, something with a credential in it: a Secret, or the reply to
/// a `TokenRequest`.
pub(crate) fn is_in(document: &Value) -> bool {
    let kind = document["kind"].as_str().unwrap_or_default();
    ["Secret", "SecretList", "TokenRequest", "TokenReview"].contains(&kind)
        || document["items"]
            .as_array()
            .is_some_and(|items| items.iter().any(is_in))
        || document.get("object").is_some_and(is_in)
}

/// A document without the values of Secrets and tokens, or as it is if there are none. `text` is
/// the same document as it came. A patch does not say itself that it is about a Secret; what a
/// Status says has rules of its own.
pub(crate) fn without_values(mut document: Value, text: &str, redaction: &Redaction) -> Shown {
    if document["kind"] == "Status" {
        redaction.widened_by(text).apply_to_status(&mut document);
        return Shown::Redacted(document);
    }
    if redaction.is_secret() || is_in(&document) {
        redact(&mut document);
        return Shown::Redacted(document);
    }
    Shown::Whole(document)
}

/// Takes out every text and number but those that say what an object, an operation of a JSON
/// patch or a list is. Only their places count: a Secret's own keys have any name.
fn redact(document: &mut Value) {
    match document {
        Value::Array(operations) => {
            for operation in operations {
                redact_members(operation, &["op", "path", "from"]);
            }
        }
        Value::Object(_) => {
            if let Some(items) = document.get_mut("items").and_then(Value::as_array_mut) {
                items.iter_mut().for_each(redact);
            }
            let metadata = document.get_mut("metadata").map(Value::take);
            redact_members(document, &["apiVersion", "kind", "type", "items"]);
            if let Some(mut metadata) = metadata {
                redact_members(&mut metadata, &METADATA);
                document["metadata"] = metadata;
            }
        }
        other => blank(other),
    }
}

/// The metadata that names an object or counts its changes. Annotations hold values:
/// `kubectl apply` stores the whole object in one.
const METADATA: [&str; 10] = [
    "creationTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "managedFields",
    "name",
    "namespace",
    "resourceVersion",
    "uid",
    "ownerReferences",
];

fn redact_members(value: &mut Value, kept: &[&str]) {
    match value {
        Value::Object(members) => {
            let others = members
                .iter_mut()
                .filter(|(name, _)| !kept.contains(&name.as_str()));
            others.for_each(|(_, member)| blank(member));
        }
        other => blank(other),
    }
}

/// Takes out every text and number, and keeps the shape.
fn blank(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(blank),
        Value::Array(items) => items.iter_mut().for_each(blank),
        Value::String(text) if text.is_empty() => {}
        Value::String(_) | Value::Number(_) => *value = Value::from(REDACTED),
        Value::Bool(_) | Value::Null => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_keeps_its_shape_and_loses_its_values() {
        let secret = json!({
            "kind": "Secret", "apiVersion": "v1", "type": "Opaque", "data": {"a": "aHVudGVyMg=="},
            "metadata": {"name": "s", "resourceVersion": "5", "annotations": {"last-applied": "{\"data\":…}"}},
        });
        let shown = json!({
            "kind": "Secret", "apiVersion": "v1", "type": "Opaque", "data": {"a": REDACTED},
            "metadata": {"name": "s", "resourceVersion": "5", "annotations": {"last-applied": REDACTED}},
        });
        let redacted = |document: &Value, is_secret| {
            let redaction = Redaction::for_request(is_secret, b"");
            match without_values(document.clone(), &document.to_string(), &redaction) {
                Shown::Redacted(document) => Some(document),
                Shown::Whole(_) => None,
            }
        };
        assert_eq!(redacted(&secret, false).as_ref(), Some(&shown));
        let list = json!({"kind": "List", "items": [secret]});
        assert_eq!(redacted(&list, false).unwrap()["items"][0], shown);
        let patch = json!([{"op": "add", "path": "/data/a", "value": "hunter2"}]);
        assert_eq!(redacted(&patch, true).unwrap()[0]["value"], REDACTED);
        let keys =
            json!({"stringData": {"code": "a", "type": "b", "metadata": "c", "path": {"op": 5}}});
        let shown = json!({"code": REDACTED, "type": REDACTED, "metadata": REDACTED, "path": {"op": REDACTED}});
        assert_eq!(redacted(&keys, true).unwrap()["stringData"], shown);
        assert_eq!(redacted(&patch, false), None);
        assert_eq!(
            redacted(&json!({"kind": "ConfigMap", "data": {"a": "b"}}), false),
            None
        );
        let status = json!({"kind": "Status", "message": "Secret \"s\": Invalid value: \"x\": no"});
        assert_eq!(
            redacted(&status, false).unwrap()["message"],
            "Secret \"s\": Invalid value: \"<redacted>\": no"
        );
    }

    #[test]
    fn headers_and_urls_lose_their_credentials() {
        for (name, value, shown) in [
            ("authorization", "Bearer abc", "Bearer <masked>"),
            ("authorization", "Digest abc", "<masked>"),
            ("proxy-authorization", "Basic abc", REDACTED),
            ("x-auth-token", "abc", REDACTED),
            ("set-cookie", "a=b", REDACTED),
            (
                "location",
                "https://u:p@h/login?token=abc",
                "https://…@h/login",
            ),
            ("cf-access-jwt-assertion", "abc", REDACTED),
            ("content-encoding", "gzip", "gzip"),
            ("accept", "application/json", "application/json"),
        ] {
            let name: HeaderName = name.parse().unwrap();
            let redaction = Redaction::default();
            assert_eq!(
                header(&name, &HeaderValue::from_static(value), &redaction),
                shown
            );
        }
        assert_eq!(
            url("https://h:1/a?x=1&access_token=abc"),
            "https://h:1/a?x=1&access_token=<redacted>"
        );
    }
}
