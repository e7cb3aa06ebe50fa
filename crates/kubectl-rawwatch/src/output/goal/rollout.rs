//! `--for rollout`: the end of a rollout, with the conditions and sentences of `kubectl rollout
//! status` (`kubectl/pkg/polymorphichelpers/rollout_status.go`).

use serde_json::Value;

use super::verdict::Verdict;

/// The plural names of the resources that have rollouts, in the API group `apps`.
pub(super) const RESOURCES: [&str; 3] = ["deployments", "statefulsets", "daemonsets"];

/// Checks the rollout of an object.
pub(super) fn check(object: &Value) -> Verdict {
    match object["kind"].as_str() {
        Some("Deployment") => deployment(object),
        Some("DaemonSet") => daemon_set(object),
        Some("StatefulSet") => stateful_set(object),
        _ => Verdict::Failed(
            "only Deployments, StatefulSets and DaemonSets have rollouts".to_owned(),
        ),
    }
}

fn deployment(object: &Value) -> Verdict {
    let name = name(object);
    if !is_observed(object) {
        return unmet("Waiting for deployment spec update to be observed...");
    }
    let conditions = object["status"]["conditions"].as_array();
    let progressing = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == "Progressing");
    if progressing.is_some_and(|condition| condition["reason"] == "ProgressDeadlineExceeded") {
        return Verdict::Failed(format!("deployment {name} exceeded its progress deadline"));
    }
    let status = |field| number(&object["status"][field]);
    let (total, updated) = (status("replicas"), status("updatedReplicas"));
    let available = status("availableReplicas");
    let waiting = format!("Waiting for deployment {name} rollout to finish:");
    if let Some(wanted) = object["spec"]["replicas"]
        .as_i64()
        .filter(|wanted| updated < *wanted)
    {
        return unmet(&format!(
            "{waiting} {updated} out of {wanted} new replicas have been updated..."
        ));
    }
    if total > updated {
        let old = total - updated;
        return unmet(&format!(
            "{waiting} {old} old replicas are pending termination..."
        ));
    }
    if available < updated {
        return unmet(&format!(
            "{waiting} {available} of {updated} updated replicas are available..."
        ));
    }
    Verdict::Met(format!("deployment {name} successfully rolled out"))
}

fn daemon_set(object: &Value) -> Verdict {
    let name = name(object);
    if object["spec"]["updateStrategy"]["type"] != "RollingUpdate" {
        return not_rolling();
    }
    if !is_observed(object) {
        return unmet("Waiting for daemon set spec update to be observed...");
    }
    let status = |field| number(&object["status"][field]);
    let (wanted, updated) = (
        status("desiredNumberScheduled"),
        status("updatedNumberScheduled"),
    );
    let available = status("numberAvailable");
    let waiting = format!("Waiting for daemon set {name} rollout to finish:");
    if updated < wanted {
        return unmet(&format!(
            "{waiting} {updated} out of {wanted} new pods have been updated..."
        ));
    }
    if available < wanted {
        return unmet(&format!(
            "{waiting} {available} of {wanted} updated pods are available..."
        ));
    }
    Verdict::Met(format!("daemon set {name} successfully rolled out"))
}

fn stateful_set(object: &Value) -> Verdict {
    let strategy = &object["spec"]["updateStrategy"];
    if strategy["type"] != "RollingUpdate" {
        return not_rolling();
    }
    let status = |field| number(&object["status"][field]);
    if status("observedGeneration") == 0 || !is_observed(object) {
        return unmet("Waiting for statefulset spec update to be observed...");
    }
    let wanted = object["spec"]["replicas"].as_i64();
    let (ready, updated) = (status("readyReplicas"), status("updatedReplicas"));
    if let Some(wanted) = wanted.filter(|wanted| ready < *wanted) {
        return unmet(&format!(
            "Waiting for {} pods to be ready...",
            wanted - ready
        ));
    }
    if strategy["rollingUpdate"].is_object() {
        let partition = strategy["rollingUpdate"]["partition"].as_i64();
        let moved = wanted
            .zip(partition)
            .map(|(wanted, partition)| wanted - partition);
        return match moved.filter(|moved| updated < *moved) {
            Some(moved) => unmet(&format!(
                "Waiting for partitioned roll out to finish: {updated} out of {moved} new pods have been updated..."
            )),
            None => Verdict::Met(format!(
                "partitioned roll out complete: {updated} new pods have been updated..."
            )),
        };
    }
    let revision = |field| object["status"][field].as_str().unwrap_or_default();
    let (current, new) = (revision("currentRevision"), revision("updateRevision"));
    if new != current {
        return unmet(&format!(
            "waiting for statefulset rolling update to complete {updated} pods at revision {new}..."
        ));
    }
    Verdict::Met(format!(
        "statefulset rolling update complete {} pods at revision {current}...",
        status("currentReplicas")
    ))
}

/// Reports whether the controller has seen the current generation.
fn is_observed(object: &Value) -> bool {
    number(&object["metadata"]["generation"]) <= number(&object["status"]["observedGeneration"])
}

/// Returns the name in quotes.
fn name(object: &Value) -> String {
    format!(
        "{:?}",
        object["metadata"]["name"].as_str().unwrap_or_default()
    )
}

/// Returns a number, which is 0 if it is absent.
fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

fn unmet(sentence: &str) -> Verdict {
    Verdict::Unmet(sentence.to_owned())
}

fn not_rolling() -> Verdict {
    Verdict::Failed("rollout status is only available for RollingUpdate strategy type".to_owned())
}
