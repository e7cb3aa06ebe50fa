use std::time::{Duration, Instant};

use control_plane::ControlPlane;
use faulty_server::{Answer, FaultyServer, Reply};
use serde_json::{Value, json};
use support::Outcome;

use super::plugin::*;

const COMPONENTS: &str = "/api/v1/componentstatuses";
const NODE_METRICS: &str = "/apis/metrics.k8s.io/v1beta1/nodes";

/// The objects that a metrics API lists, each with the name of a node and its CPU usage.
type Usages<'a> = &'a [(&'a str, &'a str)];

/// Returns a list as metrics-server sends it: without versions and UIDs, and with the time of the
/// request as `creationTimestamp`.
fn metrics(created: &str, usages: Usages<'_>) -> Reply {
    let items: Vec<Value> = usages
        .iter()
        .map(|(name, cpu)| {
            json!({"metadata": {"name": name, "creationTimestamp": created}, "usage": {"cpu": cpu}})
        })
        .collect();
    let list = json!({
        "kind": "NodeMetricsList", "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {}, "items": items,
    });
    Reply::json(200, list.to_string())
}

/// Returns an answer for each list, with a `creationTimestamp` of its own.
fn lists(lists: &[Usages<'_>]) -> Vec<Answer> {
    let numbered = lists.iter().enumerate();
    numbered
        .map(|(number, usages)| {
            let created = format!("2026-01-01T00:00:0{number}Z");
            Answer::Reply(metrics(&created, usages))
        })
        .collect()
}

/// Polls the node metrics of a scripted server.
fn poll(script: Vec<Answer>, arguments: &[&str]) -> (Outcome, FaultyServer) {
    let server = FaultyServer::start(script).unwrap();
    let kubeconfig = server.kubeconfig().unwrap();
    let arguments = [&["--poll=1s", NODE_METRICS], arguments].concat();
    let outcome = Run::start(command(&kubeconfig).args(arguments)).wait();
    (outcome, server)
}

#[test]
fn polls_print_what_was_done_to_a_collection_between_them() {
    let control_plane = ControlPlane::shared();
    let (label, selector) = label();
    let [kept, gone, new] = ["kept", "gone", "new"].map(|name| format!("{name}-{label}"));
    let kept_path = create(control_plane, &kept, &label);
    let gone_path = create(control_plane, &gone, &label);
    let mut run = start(&["--poll=1s", "--count=5", &selector, CONFIG_MAPS]);
    run.expect(&format!("ADDED {gone}"));
    run.expect(&format!("ADDED {kept}"));
    change(control_plane, &kept_path, "1");
    let modified = run.expect(&format!("[MODIFIED {kept}]"));
    let event: Value = serde_json::from_str(&modified).unwrap();
    assert_eq!(event["object"]["data"]["key"], "1");
    assert_eq!(event["object"]["kind"], "ConfigMap");
    assert_eq!(event["rawwatch"]["reason"], "poll");
    assert_eq!(event["rawwatch"]["gap"].as_array().unwrap().len(), 2);
    delete(control_plane, &gone_path);
    run.expect(&format!("[DELETED {gone}]"));
    create(control_plane, &new, &label);
    run.expect(&format!("[ADDED {new}]"));
    assert_eq!(run.wait().ended(0).stderr, "");
}

#[test]
fn component_statuses_are_listed_again_without_a_difference() {
    let path = format!("{COMPONENTS}/etcd-0");
    let start = Instant::now();
    let outcome = rawwatch(&["--poll=1s", "--timeout=3s", "-v=6", &path]).ended(0);
    assert!(start.elapsed() >= Duration::from_secs(3));
    assert_eq!(outcome.short(), ["ADDED etcd-0"]);
    let requests = outcome.stderr.matches("/componentstatuses?").count();
    assert!((2..=3).contains(&requests), "{}", outcome.stderr);
    for (format, line) in [
        ("name", "componentstatus/etcd-0"),
        ("jsonpath={.object.conditions[*].type}{\"\\n\"}", "Healthy"),
        ("diff", "ADDED componentstatus/etcd-0"),
    ] {
        let outcome = rawwatch(&["--poll=1s", "--count=1", "-o", format, &path]).ended(0);
        assert_eq!(outcome.lines(), [line]);
    }
    let table = rawwatch(&["--poll=1s", "--for=synced", "-o=table", &path]).ended(0);
    let cells: Vec<&str> = table.lines()[1].split_whitespace().collect();
    assert_eq!(cells, ["ADDED", "etcd-0", "Healthy", "ok"]);
}

#[test]
fn objects_without_versions_are_compared_by_content() {
    let script = lists(&[
        &[("a", "1"), ("b", "1")],
        &[("a", "1"), ("b", "1")],
        &[("a", "2"), ("c", "1")],
    ]);
    let (outcome, server) = poll(script, &["--count=5"]);
    let outcome = outcome.ended(0);
    assert_eq!(
        outcome.short(),
        [
            "ADDED a",
            "ADDED b",
            "[DELETED b]",
            "[MODIFIED a]",
            "[ADDED c]"
        ]
    );
    assert_eq!(outcome.stderr, "");
    assert_eq!(
        outcome.lines()[2..4],
        [
            r#"{"type":"DELETED","object":{"kind":"NodeMetrics","apiVersion":"metrics.k8s.io/v1beta1","metadata":{"name":"b"}},"rawwatch":{"synthetic":true,"reason":"poll","finalStateUnknown":true}}"#,
            r#"{"type":"MODIFIED","object":{"kind":"NodeMetrics","apiVersion":"metrics.k8s.io/v1beta1","metadata":{"creationTimestamp":"2026-01-01T00:00:02Z","name":"a"},"usage":{"cpu":"2"}},"rawwatch":{"synthetic":true,"reason":"poll"}}"#,
        ]
    );
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert!(
        requests
            .iter()
            .all(|request| !request.target.contains("watch"))
    );
}

#[test]
fn a_poll_can_hide_existing_objects_and_wait_for_a_condition() {
    let script = || lists(&[&[("a", "1")], &[("a", "1")], &[("a", "2")]]);
    let (outcome, _server) = poll(script(), &["--watch-only", "--count=1"]);
    assert_eq!(outcome.ended(0).short(), ["[MODIFIED a]"]);
    let (outcome, _server) = poll(script(), &["--for=jsonpath={.usage.cpu}=2", "-o=diff"]);
    assert_eq!(
        outcome.ended(0).lines()[1..],
        [
            "MODIFIED nodemetrics.metrics.k8s.io/a (synthetic: poll)",
            "  metadata.creationTimestamp: \"2026-01-01T00:00:00Z\" → \"2026-01-01T00:00:02Z\"",
            "  usage.cpu: \"1\" → \"2\"",
        ]
    );
}

#[test]
fn a_failed_poll_is_repeated() {
    let mut script = lists(&[&[("a", "1")], &[("a", "2")]]);
    let failures = [
        Answer::Reply(error_response(503, "ServiceUnavailable", "restarting")),
        Answer::Reply(error_response(404, "NotFound", "not yet")),
        Answer::CloseUnanswered,
    ];
    script.splice(1..1, failures);
    let (outcome, _server) = poll(script, &["--count=2", "-v=1"]);
    let outcome = outcome.ended(0);
    assert_eq!(outcome.short(), ["ADDED a", "[MODIFIED a]"]);
    assert!(outcome.stderr.contains("retrying: "), "{}", outcome.stderr);
}

#[test]
fn a_poll_that_fails_to_the_end_of_the_run_is_an_error() {
    let down = || Answer::Reply(error_response(503, "ServiceUnavailable", "down"));
    let script = || {
        let mut script = lists(&[&[("a", "1")]]);
        script.extend((0..40).map(|_| down()));
        script
    };
    for limit in ["--timeout=3s", "--retry-for=1s"] {
        let (outcome, _server) = poll(script(), &[limit]);
        outcome.ended(5).says("gave up after");
    }
    let refused = Answer::Reply(error_response(403, "Forbidden", "no"));
    let (outcome, _server) = poll(vec![refused], &[]);
    outcome.ended(1).says("(Forbidden)");
}

#[test]
fn an_event_that_does_not_fit_the_format_is_named_without_a_version() {
    let template = "jsonpath={range .object.usage.cpu[?(@.a==1)]}{end}";
    let (outcome, _server) = poll(lists(&[&[("a", "1")]]), &["--for=synced", "-o", template]);
    outcome.ended(0).says("cannot print ADDED a: ");
}

#[test]
fn an_object_in_a_collection_that_may_not_be_listed_is_polled_by_get() {
    let object = |cpu: &str| {
        let object = json!({
            "kind": "NodeMetrics", "apiVersion": "metrics.k8s.io/v1beta1",
            "metadata": {"name": "a"}, "usage": {"cpu": cpu},
        });
        Answer::Reply(Reply::json(200, object.to_string()))
    };
    let refused = Answer::Reply(error_response(403, "Forbidden", "no"));
    let server = FaultyServer::start([refused, object("1"), object("1"), object("2")]).unwrap();
    let path = format!("{NODE_METRICS}/a");
    let arguments = ["--poll=1s", "--count=2", &path];
    let run = Run::start(command(&server.kubeconfig().unwrap()).args(arguments));
    assert_eq!(run.wait().ended(0).short(), ["ADDED a", "[MODIFIED a]"]);
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    assert!(requests[1..].iter().all(|request| request.target == path));
}
