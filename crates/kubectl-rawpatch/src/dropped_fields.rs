//! Compares a patch with the object in its response. Some servers drop a part of a patch silently;
//! the response shows it.
//!
//! Only facts that certainly contradict the patch are reported. A server may add fields, rewrite values
//! and reorder lists, and it omits fields with a zero value.

use kubectl_plugin::request::{Resource, api_version};
use serde_json::{Map, Value};

use crate::body::{PatchType, writes_under};

/// The metadata that only the server sets.
const SERVER_METADATA: [&str; 9] = [
    "clusterName",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Reports whether the patch changes the `spec.finalizers` of a Namespace, which a server ignores
/// except in the subresource `finalize` (`registry/core/namespace/strategy.go`).
pub(crate) fn has_ignored_finalizers(target: &Resource, patch: &Value, object: &Value) -> bool {
    let is_namespace =
        target.group.is_empty() && target.resource == "namespaces" && target.subresource.is_none();
    if !is_namespace {
        return false;
    }
    let spec = match patch {
        Value::Array(operations) => return writes_under(operations, "/spec/finalizers"),
        _ => patch.get("spec"),
    };
    let wanted = match spec {
        Some(Value::Null) => Some(&Value::Null),
        spec => spec.and_then(|spec| spec.get("finalizers")),
    };
    let stored = object.pointer("/spec/finalizers");
    let items = |list: Option<&Value>| list.and_then(Value::as_array).cloned().unwrap_or_default();
    wanted.is_some() && items(wanted) != items(stored)
}

/// Returns the pointers of the fields that the patch sets and the object lacks.
pub(crate) fn missing_fields(
    target: &Resource,
    patch_type: PatchType,
    patch: &Value,
    object: &Value,
) -> Vec<String> {
    let (Value::Object(patch), Value::Object(object)) = (patch, object) else {
        return Vec::new();
    };
    let subresource = target.subresource.as_deref();
    let is_whole_object = matches!(subresource, None | Some("status"))
        && object.get("kind") != Some(&Value::from("Status"))
        && object.get("apiVersion")
            == Some(&Value::from(api_version(&target.group, &target.version)));
    if patch_type == PatchType::Json || !is_whole_object {
        return Vec::new();
    }
    let mut missing = Vec::new();
    for (name, value) in patch {
        // The server ignores the status outside of its subresource, and everything else in it. A
        // Secret's stringData becomes its data.
        if (name == "status") == subresource.is_some() && name != "stringData" {
            collect_missing(&format!("/{name}"), value, object.get(name), &mut missing);
        }
    }
    missing
}

/// Adds `pointer` if it is missing in the object, or the fields below it that are.
fn collect_missing(
    pointer: &str,
    wanted: &Value,
    stored: Option<&Value>,
    missing: &mut Vec<String>,
) {
    match (wanted, stored) {
        (wanted, None) if !is_omitted(wanted) => missing.push(pointer.to_owned()),
        (Value::Object(wanted), Some(Value::Object(stored))) => {
            for (name, value) in wanted.iter().filter(|(name, _)| is_checked(pointer, name)) {
                let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                collect_missing(&pointer, value, stored.get(name), missing);
            }
        }
        _ => {}
    }
}

/// Reports whether the member `name` of `parent` is a field that an object must have once it is set.
/// Names that begin with `$` are directives of a strategic merge patch.
fn is_checked(parent: &str, name: &str) -> bool {
    let is_map = parent == "/metadata/labels" || parent == "/metadata/annotations";
    let is_servers = parent == "/metadata" && SERVER_METADATA.contains(&name);
    !is_map && !is_servers && !name.starts_with('$')
}

/// Reports whether a server may omit a field with this value: a zero value, or one that is removed.
fn is_omitted(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(value) => value.as_f64() == Some(0.0),
        Value::String(value) => value.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => is_directive(members) || members.values().all(is_omitted),
    }
}

fn is_directive(members: &Map<String, Value>) -> bool {
    members.keys().any(|name| name.starts_with('$'))
}

#[cfg(test)]
mod tests {
    use kubectl_plugin::request::RawPath;
    use serde_json::json;

    use super::*;

    const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/d";

    fn target(path: &str) -> Resource {
        path.parse::<RawPath>().unwrap().resource().unwrap()
    }

    fn missing(path: &str, patch: &Value, object: &Value) -> Vec<String> {
        missing_fields(&target(path), PatchType::Merge, patch, object)
    }

    #[test]
    fn fields_that_the_server_dropped_are_missing() {
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
            "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "c"}]}}},
        });
        let patch = json!({
            "apiVersion": "apps/v1",
            "dta": {"a/b": true},
            "metadata": {"labls": {"a": "b"}},
            "spec": {"replcas": 3, "template": {"spec": {"a/b": [1]}}},
        });
        assert_eq!(
            missing(DEPLOYMENT, &patch, &object),
            [
                "/dta",
                "/metadata/labls",
                "/spec/replcas",
                "/spec/template/spec/a~1b"
            ]
        );
        let scale = format!("{DEPLOYMENT}/scale");
        assert!(missing(&scale, &patch, &object).is_empty());
        let status = format!("{DEPLOYMENT}/status");
        let patch = json!({"spec": {"x": 1}, "status": {"replcas": 2}});
        let object = json!({"apiVersion": "apps/v1", "spec": {}, "status": {"replicas": 1}});
        assert_eq!(missing(&status, &patch, &object), ["/status/replcas"]);
    }

    #[test]
    fn fields_that_a_server_may_leave_out_are_not_missing() {
        let object = json!({
            "apiVersion": "apps/v1", "metadata": {"name": "d", "labels": {"a": "b"}},
            "spec": {"list": [{"name": "c"}], "text": "server's"},
        });
        for patch in [
            json!({"metadata": {"uid": "u", "labels": {"injected": "x"}}}),
            json!({"spec": {"a": null, "b": false, "c": 0, "d": "", "e": [], "f": {"g": {}}}}),
            json!({"spec": {"list": [{"other": 1}], "text": {"object": 1}}}),
            json!({"spec": {"$retainKeys": ["list"], "gone": {"$patch": "delete"}}}),
            json!({"status": {"replicas": 1}}),
            json!({"stringData": {"a": "b"}}),
            json!([{"op": "add", "path": "/a", "value": 1}]),
        ] {
            assert!(missing(DEPLOYMENT, &patch, &object).is_empty(), "{patch}");
        }
        let patch = json!({"spec": {"a": 1}});
        let table = json!({"apiVersion": "meta.k8s.io/v1", "kind": "Table"});
        assert!(missing(DEPLOYMENT, &patch, &table).is_empty());
        let success = json!({"apiVersion": "v1", "kind": "Status", "status": "Success"});
        assert!(missing("/api/v1/nodes/n", &patch, &success).is_empty());
    }

    #[test]
    fn finalizers_of_a_namespace_are_ignored_except_in_their_subresource() {
        let object = json!({"spec": {"finalizers": ["kubernetes"]}});
        let path = "/api/v1/namespaces/n";
        let ignored = |path: &str, patch| has_ignored_finalizers(&target(path), &patch, &object);
        for patch in [
            json!({"spec": {"finalizers": []}}),
            json!({"spec": {"finalizers": null}}),
            json!({"spec": null}),
            json!([{"op": "remove", "path": "/spec/finalizers/0"}]),
        ] {
            assert!(ignored(path, patch.clone()), "{patch}");
            assert!(!ignored("/api/v1/namespaces/n/finalize", patch.clone()));
            assert!(!ignored("/api/v1/namespaces/n/pods/p", patch));
        }
        for patch in [
            json!({"spec": {"finalizers": ["kubernetes"]}}),
            json!({"metadata": {"finalizers": []}}),
            json!([{"op": "test", "path": "/spec/finalizers/0", "value": "kubernetes"}]),
        ] {
            assert!(!ignored(path, patch.clone()), "{patch}");
        }
    }
}
