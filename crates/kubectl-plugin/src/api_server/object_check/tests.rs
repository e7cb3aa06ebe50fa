use http::{Response, StatusCode};

use super::*;
use crate::request::RawPath;

/// Checks a body against a path, like `rawpatch` without `--verbatim`.
fn check_body(path: &str, body: &str) -> Result<(), Mismatch> {
    let requested = path.parse::<RawPath>().unwrap().resource();
    let reply = Response::new(body.to_owned().into());
    check(&reply, requested.as_ref(), "application/json, */*")
}

/// Returns a minimal object.
fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> String {
    let metadata = format!(r#"{{"name":"{name}","namespace":"{namespace}"}}"#);
    format!(r#"{{"kind":"{kind}","apiVersion":"{api_version}","metadata":{metadata}}}"#)
}

const CONFIG_MAP: &str = "/api/v1/namespaces/default/configmaps/c";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/d";

#[test]
fn the_requested_object_is_accepted() {
    for (path, api_version, kind, namespace, name) in [
        (CONFIG_MAP, "v1", "ConfigMap", "default", "c"),
        (
            CONFIG_MAP,
            "meta.k8s.io/v1",
            "PartialObjectMetadata",
            "default",
            "c",
        ),
        (CONFIG_MAP, "meta.k8s.io/v1", "Table", "", ""),
        (DEPLOYMENT, "apps/v1", "Deployment", "default", "d"),
        (
            "/api/v1/namespaces/default",
            "v1",
            "Namespace",
            "",
            "default",
        ),
        (
            "/api/v1/namespaces/n/endpoints/e",
            "v1",
            "Endpoints",
            "n",
            "e",
        ),
        ("/api/v1/nodes/n", "v1", "Node", "", "n"),
        (
            "/apis/networking.k8s.io/v1/namespaces/n/networkpolicies/p",
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "n",
            "p",
        ),
        // The plural of a custom kind may be any word.
        (
            "/apis/example.com/v1/data/d",
            "example.com/v1",
            "Datum",
            "",
            "d",
        ),
        (
            "/apis/apps/v1/namespaces/n/deployments/d/scale",
            "autoscaling/v1",
            "Scale",
            "n",
            "d",
        ),
        // A subresource of another API may be answered with anything that is an object.
        (
            "/apis/example.com/v1/builds/b/start",
            "example.com/v1",
            "Run",
            "",
            "b-1",
        ),
    ] {
        assert_eq!(
            check_body(path, &object(api_version, kind, namespace, name)),
            Ok(()),
            "{path}"
        );
    }
    let escaped = r#" {"apiVersion":"v1","metadata":{"namespace":"default","name":"\u0063"},"kind":"ConfigMap"}"#;
    assert_eq!(check_body(CONFIG_MAP, escaped), Ok(()));
}

#[test]
fn another_object_does_not_confirm_the_request() {
    for (path, api_version, kind, namespace, name) in [
        (CONFIG_MAP, "v1", "ConfigMap", "default", "d"),
        (CONFIG_MAP, "v1", "ConfigMap", "", "c"),
        (CONFIG_MAP, "v1", "ConfigMap", "other", "c"),
        (CONFIG_MAP, "v1", "Secret", "default", "c"),
        (CONFIG_MAP, "v1", "ConfigMapList", "", ""),
        (CONFIG_MAP, "v2", "ConfigMap", "default", "c"),
        (
            CONFIG_MAP,
            "meta.k8s.io/v1",
            "PartialObjectMetadata",
            "default",
            "d",
        ),
        (DEPLOYMENT, "v1", "Pod", "default", "d"),
        ("/api/v1/namespaces/default", "v1", "Namespace", "", "other"),
        (
            "/apis/apps/v1/namespaces/n/deployments/d/scale",
            "autoscaling/v1",
            "Scale",
            "n",
            "e",
        ),
    ] {
        let mismatch = check_body(path, &object(api_version, kind, namespace, name)).unwrap_err();
        let Mismatch::Unconfirmed(description) = mismatch else {
            panic!("{mismatch:?}")
        };
        assert!(
            description.starts_with("with another object ("),
            "{description}"
        );
    }
}

#[test]
fn a_response_that_is_not_an_object_is_refused() {
    let unconfirmed = |description: &str| Mismatch::Unconfirmed(description.to_owned());
    let not_an_object = || Mismatch::Foreign("with JSON that is not a Kubernetes object");
    let whole = object("v1", "ConfigMap", "default", "c");
    let cut = &whole[..whole.len() - 1];
    let followed = format!("{whole}{whole}");
    for (body, expected) in [
        ("", unconfirmed("without a body")),
        (" \n", unconfirmed("without a body")),
        (cut, unconfirmed("with an object that is cut off")),
        (&followed, unconfirmed("with broken JSON")),
        (r#"{"kind": oops}"#, unconfirmed("with broken JSON")),
        ("<html>login", Mismatch::Foreign("with an HTML page")),
        ("ok", Mismatch::Foreign("with text that is not JSON")),
        ("\"log in", Mismatch::Foreign("with text that is not JSON")),
        ("{}", not_an_object()),
        ("[]", not_an_object()),
        ("\"login\"", not_an_object()),
        (r#"{"kind":"ConfigMap"}"#, not_an_object()),
        (r#"{"kind":"","apiVersion":"v1"}"#, not_an_object()),
        (r#"{"kind":3,"apiVersion":"v1"}"#, not_an_object()),
    ] {
        assert_eq!(check_body(CONFIG_MAP, body), Err(expected), "{body}");
    }
}

#[test]
fn a_status_is_success_only_if_it_says_so() {
    let success = r#"{"kind":"Status","apiVersion":"v1","status":"Success"}"#;
    assert_eq!(check_body(CONFIG_MAP, success), Ok(()));
    let failure = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","code":403}"#;
    let Err(Mismatch::Failure(status)) = check_body(CONFIG_MAP, failure) else {
        panic!("the failure was not recognized")
    };
    assert_eq!(status.code, 403);
}

#[test]
fn a_format_that_the_request_named_is_not_parsed() {
    let check = |content_type: &str, accept: &str, body: &str| {
        let reply = Response::builder()
            .status(StatusCode::OK)
            .header(header::CONTENT_TYPE, content_type)
            .body(body.to_owned().into())
            .unwrap();
        check(&reply, None, accept)
    };
    let yaml = "application/yaml";
    assert_eq!(check(yaml, yaml, "kind: ConfigMap"), Ok(()));
    assert!(check(yaml, yaml, "").is_err());
    assert!(check(yaml, "application/json, */*", "kind: ConfigMap").is_err());
    assert!(check("text/html", "text/html", "<html>").is_err());
}
