//! Runs `kubectl-whoami` hermetically and shows its whole output.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use control_plane::{ControlPlane, User};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};

/// The issuer and audience of service account tokens.
pub(crate) const ISSUER: &str = "https://kubernetes.default.svc";

/// What a command printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Outcome {
    /// Returns the outcome if the exit code is `code`, or panics with the whole outcome.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Parses stdout as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Returns the outcome if stderr contains `text`.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no {text:?} in {self:#?}");
        self
    }

    /// Returns the value of a row of the table.
    #[track_caller]
    pub(crate) fn row(&self, name: &str) -> &str {
        let row = |line: &'_ str| line.starts_with(&format!("{name}:"));
        let line = self.stdout.lines().find(|line| row(line));
        let line = line.unwrap_or_else(|| panic!("no row {name} in {self:#?}"));
        line[name.len() + 1..].trim_start()
    }
}

/// Returns the binary with a clean environment and a kubeconfig.
pub(crate) fn command(kubeconfig: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-whoami"));
    command
        .env_clear()
        .env("KUBECONFIG", kubeconfig)
        .env("HOME", "/nonexistent");
    command
}

/// Runs a command without stdin.
pub(crate) fn run(command: &mut Command) -> Outcome {
    command.stdin(Stdio::null()).output().unwrap().into()
}

/// Runs the binary with a kubeconfig.
pub(crate) fn whoami(kubeconfig: &Path, arguments: &[&str]) -> Outcome {
    run(command(kubeconfig).args(arguments))
}

/// Runs `kubectl auth whoami` with the same kubeconfig.
pub(crate) fn kubectl(kubeconfig: &Path, arguments: &[&str]) -> Outcome {
    let mut kubectl = ControlPlane::shared().kubectl().unwrap();
    run(kubectl
        .env("KUBECONFIG", kubeconfig)
        .args(["auth", "whoami"])
        .args(arguments))
}

/// Runs both as the same user and checks that they agree, except for the server's time. Returns our
/// document.
#[track_caller]
pub(crate) fn same_as_kubectl(kubeconfig: &Path, arguments: &[&str]) -> Value {
    let timeless = |text: &str| {
        let lines = text.lines().map(|line| {
            let (name, value) = line
                .split_once("creationTimestamp\": ")
                .unwrap_or((line, ""));
            if value.is_empty() { line } else { name }
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let theirs = kubectl(kubeconfig, &[&["-o", "json"], arguments].concat()).ended(0);
    let ours = whoami(kubeconfig, &[&["-o", "review"], arguments].concat()).ended(0);
    assert_eq!(timeless(&ours.stdout), timeless(&theirs.stdout));
    let document = whoami(kubeconfig, &[&["-o", "json"], arguments].concat()).ended(0);
    assert_eq!(document.stderr, "");
    let document = document.json();
    assert_eq!(document["status"], theirs.json()["status"]);
    assert_eq!(document["whoami"]["source"], "SelfSubjectReview/v1");
    assert_eq!(document["whoami"]["verified"], true);
    document
}

/// Returns the kubeconfig of a user of the shared control plane with a certificate.
pub(crate) fn person(name: &str, groups: &[&str]) -> PathBuf {
    ControlPlane::shared()
        .kubeconfig(&User::Person { name, groups })
        .unwrap()
}

/// Returns a kubeconfig for this user of the shared control plane.
pub(crate) fn user(user: &Value) -> PathBuf {
    ControlPlane::shared().kubeconfig_with(user).unwrap()
}

/// Returns a name that no other test uses.
pub(crate) fn unique(prefix: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{prefix}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Returns the seconds since 1970.
pub(crate) fn now() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since_epoch.as_secs()).unwrap()
}

/// Returns the claims of a token for the service account `robot`, as the API server writes them, valid for an
/// hour. Tests change them.
pub(crate) fn claims() -> Value {
    static ROBOT: OnceLock<String> = OnceLock::new();
    let uid = ROBOT.get_or_init(|| {
        let control_plane = ControlPlane::shared();
        control_plane
            .service_account_token("default", "robot")
            .unwrap();
        let path = "/api/v1/namespaces/default/serviceaccounts/robot";
        let (_, reply) = control_plane.request("GET", path, None).unwrap();
        let account: Value = serde_json::from_str(&reply).unwrap();
        account["metadata"]["uid"].as_str().unwrap().to_owned()
    });
    json!({
        "iss": ISSUER, "aud": [ISSUER], "sub": "system:serviceaccount:default:robot",
        "jti": unique("token"), "iat": now(), "nbf": now(), "exp": now() + 3600,
        "kubernetes.io": {"namespace": "default", "serviceaccount": {"name": "robot", "uid": uid}},
    })
}

/// Returns a token that the API server accepts as its own.
pub(crate) fn signed(claims: &Value) -> String {
    let pem = fs::read_to_string(ControlPlane::shared().service_account_key()).unwrap();
    let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = BASE64_STANDARD.decode(der).unwrap();
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &random).unwrap();
    let text = unsigned(claims);
    let signature = key.sign(&random, text.as_bytes()).unwrap();
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// Returns the signed parts of a token.
pub(crate) fn unsigned(claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(&json!({"alg": "ES256"})), part(claims))
}

/// Returns a kubeconfig user that logs in with a program, which is a shell script.
pub(crate) fn exec_plugin(script: &str) -> Value {
    let folder = ControlPlane::shared().folder().join(unique("plugin"));
    fs::create_dir_all(&folder).unwrap();
    let program = folder.join("log-in");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": program,
        "interactiveMode": "Never",
    }})
}

/// Returns a script that prints an exec plugin's response.
pub(crate) fn answer(status: &Value) -> String {
    let answer = json!({
        "kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
        "status": status,
    });
    format!("cat <<'END'\n{answer}\nEND")
}

/// Returns the admin's kubeconfig of the shared control plane.
pub(crate) fn admin() -> PathBuf {
    ControlPlane::shared().kubeconfig(&User::Admin).unwrap()
}
