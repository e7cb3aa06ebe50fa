//! Runs `kubectl-rawpatch` in isolation, and creates the objects to patch.

use std::path::{Path, PathBuf};
use std::process::Command;

use control_plane::ControlPlane;
use serde_json::{Value, json};
use support::{Outcome, admin, create, read, run, unique};

/// Returns the folder of the built plugins.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_kubectl-rawpatch"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Returns the binary with a kubeconfig and an otherwise clean environment.
pub(crate) fn command(kubeconfig: &Path) -> Command {
    support::command(env!("CARGO_BIN_EXE_kubectl-rawpatch"), kubeconfig)
}

/// Runs the binary as the admin of the shared control plane.
pub(crate) fn rawpatch(arguments: &[&str]) -> Outcome {
    rawpatch_with_stdin(arguments, "")
}

/// Runs the binary as the admin of the shared control plane, with a text on stdin.
pub(crate) fn rawpatch_with_stdin(arguments: &[&str], stdin: &str) -> Outcome {
    run(command(&admin()).args(arguments), stdin)
}

/// Creates a Secret with these values, and returns its path.
pub(crate) fn secret(string_data: &Value) -> String {
    let name = unique("secret");
    create(
        "/api/v1/namespaces/default/secrets",
        &json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": string_data}),
    )
}

/// Returns the resource version of the object at `path`.
pub(crate) fn resource_version(path: &str) -> String {
    read(path)["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Creates an object of a custom kind, and returns its path.
pub(crate) fn custom_resource(kind: Custom) -> String {
    static CREATED: std::sync::Once = std::sync::Once::new();
    CREATED.call_once(|| {
        for kind in [Custom::Foo, Custom::Bar] {
            define(kind);
        }
    });
    let name = unique("custom");
    let collection = format!("/apis/example.com/v1/namespaces/default/{}", kind.plural());
    create(
        &collection,
        &json!({"apiVersion": "example.com/v1", "kind": kind.kind(), "metadata": {"name": name}, "spec": {"replicas": 1}}),
    )
}

/// A custom kind.
#[derive(Clone, Copy)]
pub(crate) enum Custom {
    /// A kind without subresources.
    Foo,
    /// A kind with the subresources status and scale.
    Bar,
}

impl Custom {
    fn plural(self) -> &'static str {
        match self {
            Self::Foo => "foos",
            Self::Bar => "bars",
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Foo => "Foo",
            Self::Bar => "Bar",
        }
    }
}

fn define(kind: Custom) {
    let subresources = match kind {
        Custom::Foo => json!({}),
        Custom::Bar => json!({
            "status": {},
            "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
        }),
    };
    let any = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let plural = kind.plural();
    create(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        &json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.example.com")},
            "spec": {
                "group": "example.com", "scope": "Namespaced",
                "names": {"plural": plural, "singular": plural.trim_end_matches('s'), "kind": kind.kind()},
                "versions": [{
                    "name": "v1", "served": true, "storage": true, "subresources": subresources,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": any, "status": any}}},
                }],
            },
        }),
    );
    let collection = format!("/apis/example.com/v1/namespaces/default/{plural}");
    let served = || {
        ControlPlane::shared()
            .request("GET", &collection, None)
            .unwrap()
            .0
            == 200
    };
    for _ in 0..200 {
        if served() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{plural}.example.com is not served");
}
