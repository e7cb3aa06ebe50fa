//! Runs `kubectl-whoami` hermetically and shows its whole output.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use control_plane::{ControlPlane, User};
use faulty_server::{Answer, Reply};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use support::{Outcome, run, unique, write_program};

/// The issuer and audience of service account tokens.
pub(crate) const ISSUER: &str = "https://kubernetes.default.svc";

/// The table that the binary prints.
pub(crate) trait Table {
    /// Returns the value of a row.
    fn row(&self, name: &str) -> &str;
}

impl Table for Outcome {
    #[track_caller]
    fn row(&self, name: &str) -> &str {
        let row = |line: &'_ str| line.starts_with(&format!("{name}:"));
        let line = self.stdout.lines().find(|line| row(line));
        let line = line.unwrap_or_else(|| panic!("no row {name} in {self:#?}"));
        line[name.len() + 1..].trim_start()
    }
}

/// Returns the binary with a kubeconfig and an otherwise clean environment.
pub(crate) fn command(kubeconfig: &Path) -> Command {
    support::command(env!("CARGO_BIN_EXE_kubectl-whoami"), kubeconfig)
}

/// Runs the binary with a kubeconfig.
pub(crate) fn whoami(kubeconfig: &Path, arguments: &[&str]) -> Outcome {
    run(command(kubeconfig).args(arguments), "")
}

/// Runs `kubectl auth whoami` with the same kubeconfig.
pub(crate) fn kubectl(kubeconfig: &Path, arguments: &[&str]) -> Outcome {
    let mut kubectl = ControlPlane::shared().kubectl().unwrap();
    run(
        kubectl
            .env("KUBECONFIG", kubeconfig)
            .args(["auth", "whoami"])
            .args(arguments),
        "",
    )
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
    write_program(&program, &format!("#!/bin/sh\n{script}\n"));
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

/// Returns a scripted server's `SelfSubjectReview` of a user.
pub(crate) fn self_subject_review(username: &str) -> Answer {
    let review = json!({
        "kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {},
        "status": {"userInfo": {"username": username}},
    });
    Answer::Reply(Reply::json(201, review.to_string()))
}
