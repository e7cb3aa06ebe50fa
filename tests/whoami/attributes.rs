//! Compares the attributes that `--can` derives from a verb and a path with those that a real API server
//! derives from such a request.

use std::fs;
use std::path::Path;

use control_plane::ControlPlane;
use serde_json::{Value, json};
use support::admin;

use super::plugin::*;

/// Requests, by method and path. All are denied, so that none has an effect.
const REQUESTS: &[(&str, &str)] = &[
    // Collections and objects, with and without a namespace.
    ("GET", "/api/v1/pods"),
    ("GET", "/api/v1/namespaces/n/pods"),
    ("GET", "/api/v1/namespaces/n/pods/p"),
    ("HEAD", "/api/v1/namespaces/n/pods/p"),
    ("HEAD", "/api/v1/namespaces/n/pods"),
    ("POST", "/api/v1/namespaces/n/pods"),
    ("POST", "/api/v1/namespaces/n/pods/p"),
    ("PUT", "/api/v1/namespaces/n/pods/p"),
    ("PUT", "/api/v1/namespaces/n/pods"),
    ("PATCH", "/api/v1/namespaces/n/pods/p"),
    ("PATCH", "/api/v1/namespaces/n/pods"),
    ("DELETE", "/api/v1/namespaces/n/pods/p"),
    ("DELETE", "/api/v1/namespaces/n/pods"),
    ("DELETE", "/api/v1/pods"),
    ("GET", "/api/v1/nodes"),
    ("GET", "/api/v1/nodes/m"),
    ("DELETE", "/api/v1/nodes"),
    ("GET", "/apis/apps/v1/deployments"),
    ("GET", "/apis/apps/v1/namespaces/n/deployments/d"),
    ("PATCH", "/apis/apps/v1/namespaces/n/deployments/d"),
    ("POST", "/apis/apps/v1/namespaces/n/deployments"),
    ("DELETE", "/apis/apps/v1/namespaces/n/deployments"),
    ("GET", "/apis/apps/v1beta1/namespaces/n/deployments"),
    ("GET", "/apis/example.com/v1/namespaces/n/things/t"),
    ("PATCH", "/apis/example.com/v1alpha1/things/t"),
    // Subresources, and the proxied server behind them.
    ("GET", "/api/v1/namespaces/n/pods/p/log"),
    ("GET", "/api/v1/namespaces/n/pods/p/log?follow=true"),
    ("POST", "/api/v1/namespaces/n/pods/p/eviction"),
    ("POST", "/api/v1/namespaces/n/pods/p/exec?command=sh"),
    ("GET", "/api/v1/namespaces/n/pods/p/exec?command=sh"),
    ("PATCH", "/api/v1/nodes/m/status"),
    ("PUT", "/apis/apps/v1/namespaces/n/deployments/d/scale"),
    ("POST", "/api/v1/namespaces/n/serviceaccounts/s/token"),
    ("GET", "/api/v1/namespaces/n/services/s/proxy"),
    (
        "GET",
        "/api/v1/namespaces/n/services/https:s:8080/proxy/a/b?c=d",
    ),
    ("POST", "/api/v1/namespaces/n/services/s/proxy/a%2Fb"),
    ("DELETE", "/api/v1/namespaces/n/services/s/proxy/x"),
    ("GET", "/api/v1/nodes/m/proxy/pods"),
    // Namespaces themselves.
    ("GET", "/api/v1/namespaces"),
    ("DELETE", "/api/v1/namespaces"),
    ("GET", "/api/v1/namespaces/n"),
    ("DELETE", "/api/v1/namespaces/n"),
    ("PATCH", "/api/v1/namespaces/n/status"),
    ("PUT", "/api/v1/namespaces/n/finalize"),
    ("GET", "/api/v1/namespaces/n/status/x"),
    ("GET", "/api/v1/namespaces/n/namespaces/m"),
    ("GET", "/apis/example.com/v1/namespaces/n"),
    // Queries.
    ("GET", "/api/v1/pods?watch=true"),
    ("GET", "/api/v1/pods?watch=1"),
    ("GET", "/api/v1/pods?watch"),
    ("GET", "/api/v1/pods?watch="),
    ("GET", "/api/v1/pods?watch=no"),
    ("GET", "/api/v1/pods?watch=0"),
    ("GET", "/api/v1/pods?watch=FALSE"),
    ("GET", "/api/v1/pods?watch=false&watch=true"),
    ("GET", "/api/v1/pods?watch=true&limit=many"),
    ("HEAD", "/api/v1/pods?watch=true"),
    ("GET", "/api/v1/namespaces/n/pods/p?watch=true"),
    ("DELETE", "/api/v1/namespaces/n/pods?watch=true"),
    ("GET", "/api/v1/namespaces?watch=true"),
    (
        "GET",
        "/api/v1/namespaces/n/pods?fieldSelector=metadata.name=p",
    ),
    (
        "GET",
        "/api/v1/namespaces/n/pods?fieldSelector=metadata.name%3D%3Dp&watch=true",
    ),
    (
        "GET",
        "/api/v1/pods?fieldSelector=spec.nodeName=m,metadata.name=p",
    ),
    ("GET", "/api/v1/pods?fieldSelector=metadata.name!=p"),
    (
        "GET",
        "/api/v1/pods?fieldSelector=metadata.name=b,metadata.name=a",
    ),
    ("GET", "/api/v1/pods?fieldSelector=metadata.name=a%5C,b"),
    ("GET", "/api/v1/pods?fieldSelector=metadata.name=a%2Fb"),
    ("GET", "/api/v1/pods?fieldSelector=metadata.name=p,nonsense"),
    (
        "GET",
        "/api/v1/pods?fieldSelector=metadata.name=p&limit=many",
    ),
    (
        "GET",
        "/api/v1/pods?fieldSelector=metadata.name=p&timeoutSeconds=1&limit=500",
    ),
    (
        "DELETE",
        "/api/v1/namespaces/n/pods?fieldSelector=metadata.name=p",
    ),
    ("GET", "/api/v1/namespaces?fieldSelector=metadata.name=n"),
    (
        "PATCH",
        "/api/v1/namespaces/n/pods/p?dryRun=All&fieldManager=x",
    ),
    // Legacy verbs.
    ("GET", "/api/v1/watch/pods"),
    ("GET", "/api/v1/watch/namespaces"),
    ("GET", "/api/v1/watch/namespaces/n"),
    ("GET", "/api/v1/watch/namespaces/n/pods"),
    ("GET", "/api/v1/watch/namespaces/n/pods/p"),
    (
        "GET",
        "/apis/apps/v1/watch/deployments?fieldSelector=metadata.name=d",
    ),
    ("DELETE", "/api/v1/watch/pods"),
    ("GET", "/api/v1/proxy/namespaces/n/services/s/a/b"),
    ("POST", "/api/v1/proxy/nodes/m/stats"),
    // Escapes.
    ("GET", "/api/v1/nodes/a%3Ab"),
    ("GET", "/api/v1/namespaces/n/pods/p%20q"),
    ("GET", "/api/v1/%6Eodes"),
    // Paths that are not resources.
    ("GET", "/"),
    ("GET", "/api"),
    ("GET", "/api/v1"),
    ("GET", "/apis"),
    ("GET", "/apis/apps"),
    ("GET", "/apis/apps/v1"),
    ("GET", "/healthz"),
    ("HEAD", "/healthz"),
    ("GET", "/readyz/etcd?verbose"),
    ("POST", "/metrics"),
    ("PUT", "/metrics"),
    ("PATCH", "/openapi/v3/apis/apps/v1"),
    ("DELETE", "/metrics/slis"),
    ("OPTIONS", "/metrics"),
    ("GET", "/logs/"),
    ("GET", "/debug/a%20b"),
    ("GET", "/apisx/apps/v1/deployments"),
];

const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\n\
                            rules: [{level: Metadata, users: [somebody]}]\n";

/// Returns what the server knows about the requests that it denied: its audit log and the denials.
fn seen_by_the_server(folder: &Path) -> Vec<Value> {
    let policy = folder.join("policy.yaml");
    let log = folder.join("audit.log");
    fs::write(&policy, AUDIT_POLICY).unwrap();
    let control_plane = ControlPlane::builder()
        .api_server_flag(format!("--audit-policy-file={}", policy.display()))
        .api_server_flag(format!("--audit-log-path={}", log.display()))
        .start()
        .unwrap();
    // Everyone may read these by default, but here nothing must be allowed.
    for binding in [
        "system:public-info-viewer",
        "system:discovery",
        "system:basic-user",
    ] {
        let path = format!("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{binding}");
        assert_eq!(control_plane.request("DELETE", &path, None).unwrap().0, 200);
    }
    let somebody = control_plane.client_for("somebody").unwrap();
    let denials: Vec<String> = REQUESTS
        .iter()
        .map(|(method, path)| {
            let body = ["POST", "PUT", "PATCH"]
                .contains(method)
                .then_some(("application/json", b"{}".as_slice()));
            let (status, reply) = somebody.request(method, path, body).unwrap();
            assert_eq!(status, 403, "{method} {path}: {reply}");
            reply
        })
        .collect();
    let log = fs::read_to_string(log).unwrap();
    let events: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|event: &Value| event["stage"] == "ResponseComplete")
        .collect();
    assert_eq!(events.len(), REQUESTS.len());
    let seen = events.iter().zip(REQUESTS).zip(denials);
    seen.map(|((event, (_, path)), denial)| {
        assert_eq!(event["requestURI"], *path);
        attributes_of(event, &denial)
    })
    .collect()
}

/// Returns the attributes in the form of a `SelfSubjectAccessReview`.
fn attributes_of(event: &Value, denial: &str) -> Value {
    let Value::Object(object) = &event["objectRef"] else {
        // `forbidden: User "somebody" cannot get path "/healthz"`; the response to HEAD has no body.
        let denial: Value = serde_json::from_str(denial).unwrap_or_default();
        let path = denial["message"]
            .as_str()
            .and_then(|message| message.split("path ").nth(1))
            .map(|quoted| Value::from(quoted.trim_matches('"')))
            .unwrap_or(event["requestURI"].clone());
        return json!({"nonResourceAttributes": {"verb": event["verb"], "path": path}});
    };
    let mut attributes = json!({"verb": event["verb"]});
    for (name, in_audit) in [
        ("group", "apiGroup"),
        ("version", "apiVersion"),
        ("resource", "resource"),
        ("subresource", "subresource"),
        ("namespace", "namespace"),
        ("name", "name"),
    ] {
        if let Some(value) = object.get(in_audit) {
            attributes[name] = value.clone();
        }
    }
    json!({"resourceAttributes": attributes})
}

/// Kubernetes verbs, and the index in [`REQUESTS`] of a request with the same attributes.
const VERBS: &[(&str, &str, (&str, &str))] = &[
    ("list", "/api/v1/pods", ("GET", "/api/v1/pods")),
    ("watch", "/api/v1/pods", ("GET", "/api/v1/pods?watch=true")),
    (
        "list",
        "/api/v1/namespaces/n/pods/p",
        (
            "GET",
            "/api/v1/namespaces/n/pods?fieldSelector=metadata.name=p",
        ),
    ),
    (
        "create",
        "/api/v1/namespaces/n/pods/p/eviction",
        ("POST", "/api/v1/namespaces/n/pods/p/eviction"),
    ),
    (
        "update",
        "/apis/apps/v1/namespaces/n/deployments/d/scale",
        ("PUT", "/apis/apps/v1/namespaces/n/deployments/d/scale"),
    ),
    (
        "deletecollection",
        "/api/v1/namespaces/n/pods",
        ("DELETE", "/api/v1/namespaces/n/pods"),
    ),
    (
        "get",
        "/api/v1/namespaces/n/pods",
        ("GET", "/api/v1/namespaces/n/pods"),
    ),
    (
        "watch",
        "/api/v1/watch/namespaces/n/pods",
        ("GET", "/api/v1/watch/namespaces/n/pods"),
    ),
];

/// Returns what `--can` asks, in one run: the specs of the reviews, without selectors, which an audit log
/// does not have.
fn asked<'a>(questions: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Value> {
    let arguments: Vec<&str> = questions
        .flat_map(|(verb, path)| ["--can", verb, path])
        .chain(["-o", "json"])
        .collect();
    let outcome = whoami(&admin(), &arguments).ended(0);
    let mut list = outcome.json();
    let items = list["items"].as_array_mut().unwrap();
    items
        .iter_mut()
        .map(|review| {
            let attributes = review.pointer_mut("/spec/resourceAttributes");
            if let Some(attributes) = attributes.and_then(Value::as_object_mut) {
                attributes.remove("fieldSelector");
                attributes.remove("labelSelector");
            }
            review["spec"].take()
        })
        .collect()
}

#[test]
fn can_asks_with_the_attributes_of_the_request() {
    let folder = tempfile::tempdir().unwrap();
    let seen = seen_by_the_server(folder.path());
    let questions = REQUESTS.iter().copied();
    let asked_about = asked(questions.chain(VERBS.iter().map(|(verb, path, _)| (*verb, *path))));
    assert_eq!(asked_about.len(), REQUESTS.len() + VERBS.len());
    let same = VERBS.iter().map(|(_, _, same)| {
        let place = REQUESTS.iter().position(|request| request == same);
        &seen[place.unwrap()]
    });
    let differences: Vec<String> = asked_about
        .iter()
        .zip(seen.iter().chain(same))
        .filter(|(asked, seen)| asked != seen)
        .map(|(asked, seen)| format!("asked {asked}\nseen  {seen}"))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
