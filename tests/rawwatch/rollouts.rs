//! `--for rollout` next to `kubectl rollout status`, for every sentence of it. The test changes the
//! status as the controllers do.

use control_plane::ControlPlane;
use serde_json::{Value, json};
use support::unique;

use super::plugin::*;

const APPS: &str = "/apis/apps/v1/namespaces/default";

/// Creates an object with a rollout, and returns its name. `spec` is added to its specification.
fn workload(resource: &str, spec: &Value) -> String {
    let name = unique("rollout");
    let labels = json!({ "app": name });
    let container = json!({"name": "main", "image": "busybox"});
    let mut object = json!({"metadata": {"name": name}, "spec": {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }});
    let members = spec.as_object().unwrap().clone();
    object["spec"].as_object_mut().unwrap().extend(members);
    let server = ControlPlane::shared();
    server
        .create(&format!("{APPS}/{resource}"), &object)
        .unwrap();
    name
}

fn patch(path: &str, patch: &Value) {
    let body = patch.to_string();
    let body = Some(("application/merge-patch+json", body.as_bytes()));
    let (code, reply) = ControlPlane::shared().request("PATCH", path, body).unwrap();
    assert_eq!(code, 200, "{reply}");
}

/// Follows a rollout with both programs, while the status takes these values. Returns our stderr.
fn follow(resource: &str, name: &str, steps: &[(Value, &str)], code: i32) -> String {
    let path = format!("{APPS}/{resource}/{name}");
    let mut kubectl = ControlPlane::shared().kubectl().unwrap();
    kubectl.args([
        "rollout",
        "status",
        "-n",
        "default",
        &format!("{resource}/{name}"),
    ]);
    let mut theirs = Run::start(&mut kubectl);
    let ours = start(&[&path, "--for=rollout", "-o=none"]);
    let first = theirs.line();
    ours.wait_for_stderr(&first);
    for (status, sentence) in steps {
        patch(&format!("{path}/status"), &json!({ "status": status }));
        ours.wait_for_stderr(&sentence.replace("NAME", name));
    }
    let theirs = theirs.wait().ended(code);
    let ours = ours.wait().ended(code).stderr;
    // kubectl repeats a sentence for an event that changes nothing.
    let mut lines = theirs.lines();
    lines.dedup();
    let end = theirs.stderr.lines().next();
    let expected: Vec<&str> = lines.into_iter().chain(end).collect();
    assert_eq!(ours.lines().collect::<Vec<_>>(), expected);
    ours
}

#[test]
fn a_deployment_is_followed_like_kubectl_rollout_status() {
    let name = workload("deployments", &json!({"replicas": 3}));
    let numbers = |total: u32, updated: u32, available: u32| {
        json!({"observedGeneration": 1, "replicas": total, "updatedReplicas": updated,
            "availableReplicas": available, "readyReplicas": available})
    };
    let waiting = "Waiting for deployment \"NAME\" rollout to finish:";
    let steps = [
        (
            numbers(2, 2, 0),
            format!("{waiting} 2 out of 3 new replicas have been updated..."),
        ),
        (
            numbers(4, 3, 1),
            format!("{waiting} 1 old replicas are pending termination..."),
        ),
        (
            numbers(3, 3, 1),
            format!("{waiting} 1 of 3 updated replicas are available..."),
        ),
        (
            numbers(3, 3, 3),
            "deployment \"NAME\" successfully rolled out".to_owned(),
        ),
    ];
    let steps = steps
        .each_ref()
        .map(|(status, text)| (status.clone(), text.as_str()));
    let said = follow("deployments", &name, &steps, 0);
    assert!(
        said.starts_with("Waiting for deployment spec update to be observed...\n"),
        "{said}"
    );
}

#[test]
fn a_rollout_that_exceeds_its_deadline_fails() {
    let name = workload("deployments", &json!({}));
    let condition =
        json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"});
    let status = json!({"observedGeneration": 1, "conditions": [condition]});
    let end = "error: deployment \"NAME\" exceeded its progress deadline";
    follow("deployments", &name, &[(status, end)], 1);
}

#[test]
fn a_daemon_set_is_followed_like_kubectl_rollout_status() {
    let name = workload("daemonsets", &json!({}));
    let numbers = |updated: u32, available: u32| {
        json!({"observedGeneration": 1, "currentNumberScheduled": 2, "numberMisscheduled": 0,
            "desiredNumberScheduled": 2, "numberReady": available,
            "updatedNumberScheduled": updated, "numberAvailable": available})
    };
    let waiting = "Waiting for daemon set \"NAME\" rollout to finish:";
    let updating = format!("{waiting} 1 out of 2 new pods have been updated...");
    let starting = format!("{waiting} 1 of 2 updated pods are available...");
    let end = "daemon set \"NAME\" successfully rolled out";
    let steps = [
        (numbers(1, 0), &*updating),
        (numbers(2, 1), &*starting),
        (numbers(2, 2), end),
    ];
    follow("daemonsets", &name, &steps, 0);
}

#[test]
fn a_stateful_set_is_followed_like_kubectl_rollout_status() {
    let numbers = |ready: u32, updated: u32, current: &str| {
        json!({"observedGeneration": 1, "replicas": 2, "readyReplicas": ready, "updatedReplicas": updated,
            "currentReplicas": 2, "currentRevision": current, "updateRevision": "new"})
    };
    let name = workload(
        "statefulsets",
        &json!({"replicas": 2, "serviceName": "none"}),
    );
    let steps = [
        (numbers(1, 0, "old"), "Waiting for 1 pods to be ready..."),
        (
            numbers(2, 1, "old"),
            "Waiting for partitioned roll out to finish: 1 out of 2",
        ),
        (
            numbers(2, 2, "new"),
            "partitioned roll out complete: 2 new pods have been updated...",
        ),
    ];
    follow("statefulsets", &name, &steps, 0);
}

#[test]
fn other_strategies_and_deleted_objects_have_no_rollout() {
    let strategy = json!({"updateStrategy": {"type": "OnDelete"}});
    let name = workload("daemonsets", &strategy);
    let path = format!("{APPS}/daemonsets/{name}");
    let outcome = rawwatch(&[&path, "--for=rollout"]).ended(1);
    let message = "error: rollout status is only available for RollingUpdate strategy type";
    assert_eq!(outcome.message(), message);
    let name = workload("deployments", &json!({}));
    let path = format!("{APPS}/deployments/{name}");
    let run = start(&[&path, "--for=rollout"]);
    run.wait_for_stderr("to be observed");
    delete(ControlPlane::shared(), &path);
    let end = format!("\nerror: deployments/{name} has been deleted\n");
    let outcome = run.wait().ended(1);
    assert!(outcome.stderr.ends_with(&end), "{outcome:?}");
}

#[test]
fn a_collection_is_rolled_out_when_each_of_its_objects_is() {
    let (label, selector) = label();
    let names = [(); 2].map(|()| workload("deployments", &json!({})));
    let path = |name: &str| format!("{APPS}/deployments/{name}");
    for name in &names {
        patch(&path(name), &json!({"metadata": {"labels": {"of": label}}}));
    }
    let collection = format!("{APPS}/deployments");
    let mut run = start(&[&collection, &selector, "--for=rollout", "-o=none"]);
    let status = json!({"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1,
        "availableReplicas": 1, "readyReplicas": 1});
    for (number, name) in names.iter().enumerate() {
        assert!(run.is_running(), "{number}: {}", run.stderr());
        patch(
            &format!("{}/status", path(name)),
            &json!({ "status": status }),
        );
        run.wait_for_stderr(&format!("deployment \"{name}\" successfully rolled out"));
    }
    run.wait().ended(0);
}
