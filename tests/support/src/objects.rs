use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use control_plane::{ControlPlane, User};
use serde_json::{Value, json};

/// Returns the admin's kubeconfig of the shared control plane.
#[track_caller]
pub fn admin() -> PathBuf {
    ControlPlane::shared().kubeconfig(&User::Admin).unwrap()
}

/// Returns a name that no other test of this process uses.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{prefix}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Creates an object on the shared control plane, and returns its path.
#[track_caller]
pub fn create(collection: &str, object: &Value) -> String {
    let created = ControlPlane::shared().create(collection, object).unwrap();
    format!(
        "{collection}/{}",
        created["metadata"]["name"].as_str().unwrap()
    )
}

/// Returns the object at a path of the shared control plane.
#[track_caller]
pub fn read(path: &str) -> Value {
    let (status, body) = ControlPlane::shared().request("GET", path, None).unwrap();
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// Creates a `ConfigMap` with `data: {key: value}`, and returns its path.
#[track_caller]
pub fn config_map() -> String {
    let name = unique("config");
    create(
        "/api/v1/namespaces/default/configmaps",
        &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": "value"}}),
    )
}

/// Creates a Deployment with one container and one replica, and returns its path.
#[track_caller]
pub fn deployment() -> String {
    let name = unique("sleep");
    create(
        "/apis/apps/v1/namespaces/default/deployments",
        &json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"containers": [{"name": "sleep", "image": "busybox"}]},
                },
            },
        }),
    )
}
