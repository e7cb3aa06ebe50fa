use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use control_plane::{ControlPlane, User};
use faulty_server::{Answer, FaultyServer, Reply};
use serde_json::{Value, json};
use support::admin;

use super::plugin::*;

const NO_CREDENTIAL: &str =
    "error: not authenticated: no credential was sent, so you are system:anonymous\n";

fn anonymous_kubeconfig() -> PathBuf {
    ControlPlane::shared().kubeconfig(&User::Anonymous).unwrap()
}

/// The report is complete, because the server did answer. Only the exit code must not be 0.
#[test]
fn an_anonymous_request_fails_in_every_format() {
    for (format, stdout) in [
        (&[][..], "Username:      system:anonymous\n"),
        (&["-o", "name"], "system:anonymous\n"),
        (&["-o", "review"], r#""username": "system:anonymous""#),
        (&["-o", "yaml"], "username: system:anonymous\n"),
        (
            &["-o", "jsonpath={.status.userInfo.username}"],
            "system:anonymous",
        ),
        (&["--fail-if-expires-within=1h"], "system:anonymous\n"),
    ] {
        let outcome = whoami(&anonymous_kubeconfig(), format).ended(3);
        assert!(outcome.stdout.contains(stdout), "{outcome:#?}");
        assert_eq!(outcome.stderr.lines().count(), 2, "{outcome:#?}");
        outcome
            .says(NO_CREDENTIAL)
            .says("hint: add a credential to the kubeconfig user \"anonymous\", or pass --token\n");
    }
    // Whoever binds a role to this user binds it to everybody.
    let subjects = whoami(&anonymous_kubeconfig(), &["-o", "subjects"]).ended(3);
    assert_eq!(subjects.stdout, "");
    let document = whoami(&anonymous_kubeconfig(), &["-o", "json"])
        .ended(3)
        .json();
    assert_eq!(document["whoami"]["credential"]["kind"], "None");
    let error = &document["whoami"]["error"];
    assert_eq!(error["exitCode"], 3);
    assert_eq!(error["message"], NO_CREDENTIAL.trim_end());
}

/// Returns a server's refusal of an anonymous request.
fn anonymous_refusal() -> Answer {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403,
        "message": "x is forbidden: User \"system:anonymous\" cannot create resource \"x\"",
    });
    Answer::Reply(Reply::json(403, status.to_string()))
}

/// A proxy that terminates TLS removes a certificate, and some remove a token.
#[test]
fn a_credential_that_does_not_reach_the_server_is_named() {
    let server = FaultyServer::start([anonymous_refusal()]).unwrap();
    let kubeconfig = server.kubeconfig().unwrap();
    let jane = server.pki.client("jane").unwrap();
    let file = |name: &str, text: &str| {
        let path = server.folder().join(name);
        fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    };
    let certificate = format!(
        "--client-certificate={}",
        file("jane.crt", &jane.certificate)
    );
    let key = format!("--client-key={}", file("jane.key", &jane.key));
    whoami(&kubeconfig, &[])
        .ended(3)
        .says("error: not authenticated: the server ignored the bearer token, so you are")
        .says(
            "hint: use the API server's own address: a proxy in front of it may remove the token",
        );
    let outcome = whoami(&kubeconfig, &[&certificate, &key])
        .ended(3)
        .says("the server ignored the client certificate and the bearer token")
        .says("a proxy that terminates TLS removes client certificates");
    assert_eq!(outcome.row("Credential"), "none");
    assert_eq!(outcome.row("Not used"), "client certificate");
}

/// It would be about the token, and not about the request that a proxy removed it from.
#[test]
fn no_token_review_is_sent_as_the_anonymous_user() {
    let server = FaultyServer::start([anonymous_refusal()]).unwrap();
    let outcome = whoami(&server.kubeconfig().unwrap(), &["-o", "name"]).ended(3);
    assert_eq!(outcome.stdout, "system:anonymous\n");
    let sent = server.requests();
    let reviews = sent
        .iter()
        .filter(|request| request.target.contains("tokenreviews"));
    assert_eq!(reviews.count(), 0);
}

#[test]
fn impersonation_needs_an_authenticated_request() {
    let outcome = whoami(&anonymous_kubeconfig(), &["--as=jane"])
        .ended(3)
        .says(&format!("{} (Error from server", NO_CREDENTIAL.trim_end()))
        .says("User \"system:anonymous\" cannot impersonate");
    assert_eq!(outcome.row("Impersonator"), "system:anonymous");
}

/// A server may let anonymous users ask, and say yes.
#[test]
fn can_says_that_its_answers_are_about_the_anonymous_user() {
    let control_plane = ControlPlane::builder().start().unwrap();
    let binding = json!({
        "metadata": {"name": "anonymous"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:basic-user"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:unauthenticated"}],
    });
    let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    control_plane.create(bindings, &binding).unwrap();
    let anonymous = control_plane.kubeconfig(&User::Anonymous).unwrap();
    let can = ["--can", "GET", "/healthz"];
    let start = Instant::now();
    while whoami(&anonymous, &can).code == Some(4) {
        assert!(start.elapsed() < Duration::from_secs(30));
    }
    let outcome = whoami(&anonymous, &can).ended(3).says(NO_CREDENTIAL);
    assert!(outcome.stdout.contains("yes"), "{outcome:#?}");
    let document = whoami(&anonymous, &["-o", "json"]).ended(3).json();
    assert_eq!(document["whoami"]["source"], "SelfSubjectReview/v1");

    // The user is asked for.
    let mut text: Value = serde_json::from_slice(&fs::read(&anonymous).unwrap()).unwrap();
    let (certificate, key) = control_plane.admin_certificate();
    text["users"][0]["user"] = json!({"client-certificate": certificate, "client-key": key});
    fs::write(&anonymous, text.to_string()).unwrap();
    let on_purpose = [&can[..], &["--as=system:anonymous"]].concat();
    assert_eq!(whoami(&anonymous, &on_purpose).ended(0).stderr, "");
}

#[test]
fn a_refused_access_review_of_the_anonymous_user_has_a_hint() {
    whoami(&anonymous_kubeconfig(), &["--can", "GET", "/api/v1/pods"])
        .ended(4)
        .says("User \"system:anonymous\" cannot create")
        .says("hint: add a credential to the kubeconfig user \"anonymous\", or pass --token");
    let on_purpose = ["--can", "GET", "/api/v1/pods", "--as=system:anonymous"];
    let outcome = whoami(&admin(), &on_purpose).ended(4);
    assert!(!outcome.stderr.contains("hint"), "{outcome:#?}");
}
