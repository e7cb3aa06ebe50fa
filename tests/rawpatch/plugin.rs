//! Runs `kubectl-rawpatch` hermetically and shows all that came out.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use control_plane::{ControlPlane, User};
use serde_json::{Value, json};

/// The folder of the built plugins.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_kubectl-rawpatch"))
        .parent()
        .unwrap()
        .to_owned()
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) status: std::process::ExitStatus,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            status: output.status,
        }
    }
}

impl Outcome {
    /// The outcome, if the command ended well; shows everything if not.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// The outcome, if the command ended with `code`; shows everything if not.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// stdout as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The binary with a clean environment and a kubeconfig.
pub(crate) fn command(kubeconfig: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-rawpatch"));
    command
        .env_clear()
        .env("KUBECONFIG", kubeconfig)
        .env("HOME", "/nonexistent");
    command
}

/// Runs a command with `stdin`, and waits for its end.
pub(crate) fn run(command: &mut Command, stdin: &str) -> Outcome {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that refuses its input early does not read it.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap().into()
}

/// Runs the binary as the admin of the shared control plane.
pub(crate) fn rawpatch(arguments: &[&str]) -> Outcome {
    rawpatch_with_stdin(arguments, "")
}

pub(crate) fn rawpatch_with_stdin(arguments: &[&str], stdin: &str) -> Outcome {
    run(command(&admin()).args(arguments), stdin)
}

/// The admin's kubeconfig of the shared control plane.
pub(crate) fn admin() -> PathBuf {
    ControlPlane::shared().kubeconfig(&User::Admin).unwrap()
}

/// A name that no other test uses.
pub(crate) fn unique(prefix: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{prefix}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A fresh ConfigMap with `data: {key: value}`; its path.
pub(crate) fn config_map() -> String {
    let name = unique("config");
    create(
        "/api/v1/namespaces/default/configmaps",
        &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": "value"}}),
    )
}

/// A fresh Deployment with one container and one replica; its path.
pub(crate) fn deployment() -> String {
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

/// A fresh Secret with the given `data`; its path.
pub(crate) fn secret(string_data: &Value) -> String {
    let name = unique("secret");
    create(
        "/api/v1/namespaces/default/secrets",
        &json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": string_data}),
    )
}

/// Creates an object, and returns its path.
pub(crate) fn create(collection: &str, object: &Value) -> String {
    let created = ControlPlane::shared().create(collection, object).unwrap();
    format!(
        "{collection}/{}",
        created["metadata"]["name"].as_str().unwrap()
    )
}

/// The object at `path`, as the server has it.
pub(crate) fn read(path: &str) -> Value {
    let (status, body) = ControlPlane::shared().request("GET", path, None).unwrap();
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// The resource version of the object at `path`.
pub(crate) fn resource_version(path: &str) -> String {
    read(path)["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// A kind of the test's own with a status and a scale, and a fresh object of it; its path.
/// A `foo` has no subresource at all.
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

/// The custom kinds of the tests.
#[derive(Clone, Copy)]
pub(crate) enum Custom {
    /// No subresources.
    Foo,
    /// Status and scale.
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
