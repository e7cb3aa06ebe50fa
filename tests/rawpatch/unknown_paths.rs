use std::time::{Duration, Instant};

use faulty_server::{Answer, FaultyServer, Reply};
use support::{Outcome, config_map, deployment, run};

use super::expected::name;
use super::plugin::*;

const PATCH: [&str; 3] = ["--type=merge", "-p", r#"{"metadata":{"labels":{"a":"b"}}}"#];

/// The line of kubectl for a path that the server does not have.
const NOT_FOUND: &str =
    "Error from server (NotFound): the server could not find the requested resource\n";

/// Patches `path`, which the server does not have, and returns the hint.
#[track_caller]
fn hint(path: &str) -> String {
    let outcome = rawpatch(&[&PATCH[..], &[path]].concat()).ended(1);
    assert!(outcome.stderr.starts_with(NOT_FOUND), "{path}: {outcome:?}");
    let hint = outcome.hint();
    let hint = hint.strip_suffix("; nothing was changed");
    hint.unwrap_or_else(|| panic!("{path}: {outcome:?}"))
        .to_owned()
}

/// Asserts that the hint for `path` is `reason` and `right`, the path of an object.
#[track_caller]
fn assert_corrected(path: &str, reason: &str, right: &str) {
    assert_eq!(hint(path), format!("{reason} use {right}"), "{path}");
    rawpatch(&[&PATCH[..], &["--dry-run", right]].concat()).succeeded();
}

#[test]
fn a_path_with_the_wrong_scope_is_corrected() {
    let (sleep, settings) = (deployment(), config_map());
    let custom = custom_resource(Custom::Foo);
    let (s, f) = (name(&sleep), name(&custom));
    let namespaced = "deployments are namespaced:";
    assert_corrected(
        &format!("/apis/apps/v1/deployments/{s}"),
        namespaced,
        &sleep,
    );
    let status = format!("/apis/apps/v1/deployments/{s}/status");
    assert_corrected(&status, namespaced, &format!("{sleep}/status"));
    let custom_path = format!("/apis/example.com/v1/foos/{f}");
    assert_corrected(&custom_path, "foos are namespaced:", &custom);
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    assert_corrected(
        &format!("{rbac}/namespaces/default/clusterroles/view"),
        "clusterroles are not namespaced:",
        &format!("{rbac}/clusterroles/view"),
    );
    let without_segment = settings.replace("/namespaces/", "/");
    assert_corrected(
        &without_segment,
        "a namespace follows /namespaces:",
        &settings,
    );
    let singular = settings.replace("/namespaces/", "/namespace/");
    assert_corrected(&singular, "did you mean `namespaces`?", &settings);
}

#[test]
fn the_name_of_a_resource_is_corrected() {
    let (sleep, settings) = (deployment(), config_map());
    let custom = custom_resource(Custom::Foo);
    let question = "did you mean `deployments`?";
    for resource in ["deployment", "Deployments", "deploy", "deployment-s"] {
        assert_corrected(&sleep.replace("deployments", resource), question, &sleep);
    }
    let and_scope = format!("/apis/apps/v1/deployment/{}", name(&sleep));
    assert_corrected(&and_scope, question, &sleep);
    let short = settings.replace("configmaps", "cm");
    assert_corrected(&short, "did you mean `configmaps`?", &settings);
    for resource in ["foo", "Foo", "FOOS"] {
        assert_corrected(
            &custom.replace("foos", resource),
            "did you mean `foos`?",
            &custom,
        );
    }
}

#[test]
fn the_group_and_the_version_are_corrected() {
    let (sleep, settings) = (deployment(), config_map());
    for (right, root, wrong, reason) in [
        (
            &sleep,
            "/apis/apps/v1",
            "/api/v1",
            "deployments are in apps/v1:",
        ),
        (
            &sleep,
            "/apis/apps/v1",
            "/apis/extensions/v1beta1",
            "deployments are in apps/v1:",
        ),
        (
            &sleep,
            "/apis/apps/v1",
            "/apis/apps/v1beta1",
            "apps has only v1:",
        ),
        (
            &sleep,
            "/apis/apps/v1",
            "/api/apps/v1",
            "the group apps is below /apis:",
        ),
        (
            &settings,
            "/api/v1",
            "/apis/v1",
            "the core group is below /api:",
        ),
        (
            &settings,
            "/api/v1",
            "/api/v2",
            "the core group has only v1:",
        ),
    ] {
        assert_corrected(&right.replace(root, wrong), reason, right);
    }
    assert_eq!(
        hint("/apis/app/v1/namespaces/default/others/x"),
        "did you mean the group apps? use /apis/apps/v1/namespaces/default/others/x"
    );
}

#[test]
fn a_path_that_cannot_be_corrected_gets_a_command_that_lists_the_apis() {
    custom_resource(Custom::Foo);
    for (path, expected) in [
        (
            "/apis/none.example/v1/namespaces/default/widgets/w",
            "the server has no API group none.example; `kubectl api-versions` lists all groups",
        ),
        (
            "/apis/example.com/v1/namespaces/default/certificates/w",
            "example.com/v1 has no resource `certificates`; `kubectl api-resources \
             --api-group=example.com` lists all resources",
        ),
        (
            "/api/v1/namespaces/default/certificates/w",
            "v1 has no resource `certificates`; `kubectl api-resources --api-group=''` lists all resources",
        ),
        (
            "/api/v1/namespaces/default/configmaps/c/scale",
            "configmaps have no subresource `scale`",
        ),
        (
            "/api/v1/namespaces/default/replicationcontrollers/r/scales",
            "replicationcontrollers have no subresource `scales`, only scale, status",
        ),
    ] {
        assert_eq!(hint(path), expected);
    }
}

/// Patches a missing path on a scripted server.
fn patch(script: impl IntoIterator<Item = Answer>, path: &str) -> (Outcome, Vec<String>) {
    let server = FaultyServer::start(script).unwrap();
    let arguments = [&PATCH[..], &[path]].concat();
    let outcome = run(command(&server.kubeconfig().unwrap()).args(arguments), "").ended(1);
    let requests = server.requests();
    (
        outcome,
        requests.into_iter().map(|request| request.target).collect(),
    )
}

fn page_not_found() -> Answer {
    Answer::Reply(Reply::new(404, "404 page not found").header("Content-Type", "text/plain"))
}

#[test]
fn a_missing_object_is_not_looked_up() {
    let missing = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404,
        "message":"pods \"p\" not found","details":{"name":"p","kind":"pods"}}"#;
    let answer = Answer::Reply(Reply::json(404, missing));
    let (outcome, requests) = patch([answer], "/api/v1/namespaces/default/pods/p");
    assert_eq!(
        outcome.stderr,
        "Error from server (NotFound): pods \"p\" not found\n"
    );
    assert_eq!(requests.len(), 1, "{requests:?}");
}

#[test]
fn a_server_without_discovery_is_asked_at_most_twice() {
    let path = "/apis/example.com/v1/namespaces/default/foos/f";
    for (answer, count) in [
        (page_not_found(), 3),
        (Answer::Reply(Reply::json(403, "{}")), 2),
        (Answer::Reply(Reply::json(200, "{}")), 2),
        (Answer::Reset, 2),
    ] {
        let (outcome, requests) = patch([page_not_found(), answer], path);
        assert_eq!(outcome.stderr, NOT_FOUND);
        assert_eq!(requests.len(), count, "{requests:?}");
    }
}

#[test]
fn a_server_that_does_not_answer_delays_the_refusal_for_three_seconds() {
    let started = Instant::now();
    let silence = Answer::Stream(Vec::new());
    let (outcome, _) = patch(
        [page_not_found(), silence],
        "/api/v1/namespaces/default/pod/p",
    );
    assert_eq!(outcome.stderr, NOT_FOUND);
    assert!(started.elapsed() < Duration::from_secs(10));
}
