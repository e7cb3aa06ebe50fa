use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use control_plane::{ControlPlane, User};
use faulty_server::{Answer, FaultyServer, Reply, TOKEN};
use serde_json::{Value, json};
use support::Outcome;

use super::plugin::*;

const TOKEN_REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const SIGNING_REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests?dryRun=All";

fn self_subject_reviews(version: &str) -> String {
    format!("/apis/authentication.k8s.io/{version}/selfsubjectreviews")
}

fn user_info() -> Value {
    json!({"username": "jane", "uid": "7", "groups": ["dev"], "extra": {"a/b": ["x", "y"]}})
}

fn created(object: &Value) -> Answer {
    Answer::Reply(Reply::json(201, object.to_string()))
}

fn review_of_version(version: &str) -> Answer {
    created(&json!({
        "kind": "SelfSubjectReview", "apiVersion": format!("authentication.k8s.io/{version}"),
        "metadata": {"creationTimestamp": null}, "status": {"userInfo": user_info()},
    }))
}

fn refusal(code: u16, reason: &str, message: &str) -> Answer {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "reason": reason, "message": message, "code": code,
    });
    Answer::Reply(Reply::json(code, status.to_string()))
}

/// Returns a server's response to an API version that it does not have.
fn not_found() -> Answer {
    Answer::Reply(Reply::new(404, "404 page not found\n").header("Content-Type", "text/plain"))
}

fn forbidden(resource: &str) -> Answer {
    let message = format!(
        "{resource} is forbidden: User \"jane\" cannot create resource \"{resource}\" in API \
         group \"x\" at the cluster scope"
    );
    refusal(403, "Forbidden", &message)
}

/// Asks a scripted server with a token. Returns the outcome and the server with its requests.
fn ask(script: impl IntoIterator<Item = Answer>, arguments: &[&str]) -> (Outcome, FaultyServer) {
    let server = FaultyServer::start(script).unwrap();
    let outcome = whoami(&server.kubeconfig().unwrap(), arguments);
    (outcome, server)
}

fn targets(server: &FaultyServer) -> Vec<String> {
    let requests = server.requests().into_iter();
    requests.map(|request| request.target).collect()
}

#[test]
fn a_self_subject_review_of_any_version_is_the_answer() {
    let versions = ["v1", "v1beta1", "v1alpha1"];
    for (older, version) in versions.into_iter().enumerate() {
        let script = || {
            let newer = std::iter::repeat_n(not_found(), older);
            newer.chain([review_of_version(version)])
        };
        let (outcome, server) = ask(script(), &["-o", "json"]);
        let document = outcome.ended(0).json();
        assert_eq!(
            document["apiVersion"],
            format!("authentication.k8s.io/{version}")
        );
        assert_eq!(document["status"]["userInfo"], user_info());
        assert_eq!(
            document["whoami"]["source"],
            format!("SelfSubjectReview/{version}")
        );
        assert_eq!(document["whoami"]["verified"], true);
        let asked: Vec<_> = versions[..=older]
            .iter()
            .copied()
            .map(self_subject_reviews)
            .collect();
        assert_eq!(targets(&server), asked);
        let (outcome, _) = ask(script(), &[]);
        assert_eq!(
            outcome.ended(0).row("Source"),
            format!("SelfSubjectReview {version}")
        );
    }
}

/// In Go, null counts as absent everywhere, and servers in other languages may send it.
#[test]
fn null_values_in_a_response_are_left_out() {
    let review = created(&json!({
        "kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "metadata": null,
        "status": {"userInfo": {
            "username": "jane", "uid": null, "groups": null, "extra": {"a": null},
        }},
    }));
    let (outcome, _) = ask([review], &["-o", "json"]);
    let document = outcome.ended(0).json();
    assert_eq!(document["metadata"], json!({}));
    let user_info = &document["status"]["userInfo"];
    assert_eq!(*user_info, json!({"username": "jane", "extra": {"a": []}}));
}

/// A webhook may authenticate a user without giving a name, and this is still the server's statement.
#[test]
fn a_user_without_a_name_is_shown_as_none() {
    let review = created(&json!({
        "kind": "SelfSubjectReview", "metadata": {}, "status": {"userInfo": {"groups": ["dev"]}},
    }));
    let (outcome, _) = ask([review.clone()], &[]);
    let outcome = outcome.ended(0);
    assert_eq!(outcome.row("Username"), "none");
    assert_eq!(outcome.row("Groups"), "dev");
    for format in ["name", "subjects"] {
        let (outcome, _) = ask([review.clone()], &["-o", format]);
        outcome
            .ended(74)
            .says("error: the server's response contains no user name");
    }
}

/// Only a 404 tells that the server does not have a version.
#[test]
fn an_older_version_is_only_tried_after_a_404() {
    for (answer, code, says) in [
        (
            refusal(500, "InternalError", "etcd is away"),
            1,
            "etcd is away",
        ),
        (refusal(429, "TooManyRequests", "later"), 1, "later"),
        (
            refusal(401, "Unauthorized", "Unauthorized"),
            3,
            "You must be logged in",
        ),
    ] {
        let (outcome, server) = ask([answer], &[]);
        outcome.ended(code).says(says);
        assert_eq!(targets(&server), [self_subject_reviews("v1")]);
    }
}

/// The response of a server before Kubernetes 1.26 to an admin with a token, who may create a `TokenReview`.
#[test]
fn a_token_review_of_your_own_token_is_the_answer() {
    let review = created(&json!({
        "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1",
        "spec": {"token": TOKEN}, "status": {"authenticated": true, "user": user_info()},
    }));
    let script = [not_found(), not_found(), not_found(), review];
    let (outcome, server) = ask(script, &["-o", "json", "-v=10"]);
    let outcome = outcome.ended(0);
    assert!(!format!("{outcome:?}").contains(TOKEN), "{outcome:#?}");
    let document = outcome.json();
    assert_eq!(document["kind"], "SelfSubjectReview");
    assert_eq!(document["status"]["userInfo"], user_info());
    assert_eq!(document["whoami"]["source"], "TokenReview");
    let request = &server.requests()[3];
    assert_eq!(request.target, TOKEN_REVIEWS);
    let question: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(question["spec"], json!({"token": TOKEN}));
}

/// A `TokenReview` would be about a different user: a certificate takes precedence over a token.
#[test]
fn no_token_review_is_sent_if_there_is_a_certificate() {
    let script = [
        forbidden("selfsubjectreviews"),
        forbidden("certificatesigningrequests"),
    ];
    let server = FaultyServer::start(script).unwrap();
    let jane = server.pki.client("jane").unwrap();
    let file = |name: &str, text: &str| {
        let path = server.folder().join(name);
        fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    };
    let certificate = file("jane.crt", &jane.certificate);
    let key = file("jane.key", &jane.key);
    let flags = [
        format!("--client-certificate={certificate}"),
        format!("--client-key={key}"),
    ];
    let flags = [flags[0].as_str(), &flags[1], "-o", "json"];
    let outcome = whoami(&server.kubeconfig().unwrap(), &flags).ended(0);
    let asked = [&self_subject_reviews("v1"), SIGNING_REQUESTS];
    assert_eq!(targets(&server), asked);
    // The server does not name the credential, so the user's name decides.
    let document = outcome.json();
    assert_eq!(
        document["whoami"]["credential"]["kind"],
        "ClientCertificate"
    );
    assert_eq!(document["whoami"]["credential"]["confirmed"], false);
    assert_eq!(
        document["whoami"]["otherCredentials"][0]["kind"],
        "BearerToken"
    );
}

/// With impersonation, a `TokenReview` is about the impersonator.
#[test]
fn a_token_review_is_about_the_impersonator() {
    let review = |username: &str| {
        let user = json!({"username": username});
        let status = json!({"authenticated": true, "user": user});
        created(&json!({"kind": "TokenReview", "status": status}))
    };
    let script = [
        forbidden("selfsubjectreviews"),
        forbidden("certificatesigningrequests"),
        forbidden("selfsubjectreviews"),
        review("admin"),
    ];
    let (outcome, server) = ask(script, &["--as=jane", "-o", "json"]);
    let document = outcome.ended(0).json();
    assert_eq!(document["status"]["userInfo"]["username"], "jane");
    assert_eq!(document["whoami"]["impersonator"]["username"], "admin");
    let v1 = self_subject_reviews("v1");
    assert_eq!(
        targets(&server),
        [&v1, SIGNING_REQUESTS, &v1, TOKEN_REVIEWS]
    );
    let impersonated: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.header("impersonate-user").len())
        .collect();
    assert_eq!(impersonated, [1, 1, 0, 0]);
}

/// The answer to one question does not hide that the other has none.
#[test]
fn an_impersonator_that_is_not_named_is_unknown() {
    let script = || {
        [
            review_of_version("v1"),
            refusal(429, "TooManyRequests", "later"),
        ]
    };
    let (outcome, _) = ask(script(), &["--as=jane"]);
    let outcome = outcome
        .ended(0)
        .says("the impersonator is unknown: Error from server (TooManyRequests): later\n");
    assert_eq!(outcome.row("Username"), "jane");
    assert_eq!(outcome.row("Impersonator"), "unknown");
    let (outcome, _) = ask(script(), &["--as=jane", "-o", "json"]);
    assert_eq!(
        outcome.ended(0).json()["whoami"]["impersonator"],
        json!(null)
    );
}

/// A server that does not recognize the token there may still accept it.
#[test]
fn a_token_review_that_does_not_recognize_the_token_is_skipped() {
    let review = created(&json!({"kind": "TokenReview", "status": {"error": "unknown"}}));
    let script = [
        forbidden("selfsubjectreviews"),
        review,
        forbidden("certificatesigningrequests"),
    ];
    let (outcome, server) = ask(script, &["-o", "json"]);
    assert_eq!(outcome.ended(0).json()["whoami"]["source"], "Forbidden");
    let asked = [&self_subject_reviews("v1"), TOKEN_REVIEWS, SIGNING_REQUESTS];
    assert_eq!(targets(&server), asked);
}

#[test]
fn a_signing_request_that_is_not_stored_is_the_answer() {
    let mut spec = user_info();
    spec["signerName"] = json!("example.com/whoami");
    let request = created(&json!({"kind": "CertificateSigningRequest", "spec": spec}));
    let script = [
        not_found(),
        not_found(),
        not_found(),
        forbidden("tokenreviews"),
        request,
    ];
    let (outcome, server) = ask(script, &["-o", "json"]);
    let document = outcome.ended(0).json();
    assert_eq!(document["status"]["userInfo"], user_info());
    assert_eq!(document["whoami"]["source"], "CertificateSigningRequest");
    // This API version guarantees that the server supports dry run.
    assert_eq!(server.requests()[4].target, SIGNING_REQUESTS);
}

/// The response of a server before Kubernetes 1.26 to most users.
#[test]
fn the_name_in_a_refusal_is_the_answer() {
    let script = [
        forbidden("selfsubjectreviews"),
        forbidden("tokenreviews"),
        forbidden("certificatesigningrequests"),
    ];
    let (outcome, server) = ask(script, &["-o", "json"]);
    let document = outcome.ended(0).json();
    assert_eq!(document["status"]["userInfo"], json!({"username": "jane"}));
    assert_eq!(document["whoami"]["source"], "Forbidden");
    assert_eq!(document["whoami"]["verified"], true);
    assert_eq!(server.requests().len(), 3);
}

/// `OpenShift` before 4.16 has no `SelfSubjectReview` that is on by default.
#[test]
fn openshift_names_the_user_of_its_tokens() {
    let user = json!({
        "kind": "User", "apiVersion": "user.openshift.io/v1",
        "metadata": {"name": "jane", "uid": "7"}, "groups": ["stored"],
    });
    let script = || {
        let refusals = [
            not_found(),
            not_found(),
            not_found(),
            forbidden("tokenreviews"),
            forbidden("certificatesigningrequests"),
        ];
        let user = Answer::Reply(Reply::json(200, user.to_string()));
        refusals.into_iter().chain([user])
    };
    let token = "--token=sha256~made-up";
    let (outcome, server) = ask(script(), &["-o", "json", token]);
    let document = outcome.ended(0).json();
    assert_eq!(
        document["status"]["userInfo"],
        json!({"username": "jane", "uid": "7"})
    );
    assert_eq!(document["whoami"]["source"], "OpenShiftUser");
    let request = &server.requests()[5];
    assert_eq!(request.method, "GET");
    assert_eq!(request.target, "/apis/user.openshift.io/v1/users/~");
    let (outcome, _) = ask(script(), &[token]);
    let source = "users/~ of OpenShift; groups are unknown";
    assert_eq!(outcome.ended(0).row("Source"), source);
    // With any other token, it costs nothing.
    let (outcome, server) = ask(script(), &["-o", "json"]);
    assert_eq!(outcome.ended(0).json()["whoami"]["source"], "Forbidden");
    assert_eq!(server.requests().len(), 5);
}

/// A service that accepts everything with the same object names no user.
#[test]
fn a_reply_of_another_kind_is_not_an_identity() {
    let other = created(&json!({
        "kind": "Pod", "apiVersion": "v1", "metadata": {"name": "jane"},
        "spec": {"username": "jane"},
        "status": {"userInfo": user_info(), "authenticated": true, "user": user_info()},
    }));
    for refusals in [0, 3, 4] {
        let script = [
            not_found(),
            not_found(),
            not_found(),
            forbidden("tokenreviews"),
        ];
        let script = script.into_iter().take(refusals).chain([other.clone()]);
        let (outcome, _) = ask(script, &["-o", "json"]);
        let document = outcome
            .ended(6)
            .says("error: the server accepted the review but returned an unexpected response")
            .json();
        assert_eq!(document["status"], json!({"userInfo": {}}));
    }
}

#[test]
fn the_local_credential_is_the_last_resort() {
    let claims = json!({"sub": "system:serviceaccount:default:robot", "exp": now() + 7_200});
    let token = format!("--token={}.c2ln", unsigned(&claims));
    let (outcome, server) = ask([not_found()], &["-o", "json", &token]);
    let outcome = outcome
        .ended(1)
        .says("could not find the requested resource");
    let document = outcome.json();
    assert_eq!(document["status"], json!({"userInfo": {}}));
    let whoami = &document["whoami"];
    assert_eq!(whoami["source"], "LocalCredential");
    assert_eq!(whoami["verified"], false);
    assert_eq!(
        whoami["local"]["username"],
        "system:serviceaccount:default:robot"
    );
    assert_eq!(server.requests().len(), 5);
    let (outcome, _) = ask([not_found()], &[&token]);
    let outcome = outcome.ended(1);
    assert_eq!(
        outcome.row("Username"),
        "system:serviceaccount:default:robot (unverified)"
    );
    assert_eq!(
        outcome.row("Source"),
        "the local credential, unverified: the server did not confirm the identity"
    );
}

/// An OIDC provider's subject is not the server's user name.
#[test]
fn the_subject_of_a_foreign_token_is_not_taken_for_a_user_name() {
    let claims = json!({"sub": "00u1abcd", "iss": "https://login.example"});
    let token = format!("--token={}.c2ln", unsigned(&claims));
    let (outcome, _) = ask([not_found()], &[&token]);
    let outcome = outcome.ended(1);
    assert_eq!(outcome.row("Username"), "unknown");
    assert_eq!(outcome.row("Subject"), "00u1abcd");
}

/// A proxy logs in with a credential of its own.
#[test]
fn a_credential_other_than_the_one_sent_is_reported() {
    let mut user_info = user_info();
    user_info["extra"] = json!({"authentication.kubernetes.io/credential-id": ["JTI=other"]});
    let review = created(&json!({
        "kind": "SelfSubjectReview", "metadata": {}, "status": {"userInfo": user_info},
    }));
    let claims = json!({"sub": "jane", "jti": "ours"});
    let token = format!("--token={}.c2ln", unsigned(&claims));
    let (outcome, _) = ask([review.clone()], &[&token]);
    assert_eq!(
        outcome.ended(0).row("ID"),
        "ours, but the server accepted JTI=other"
    );
    let (outcome, _) = ask([review], &[&token, "-o", "json"]);
    let document = outcome.ended(0).json();
    assert_eq!(document["whoami"]["credential"]["confirmed"], false);
}

/// A new server whose users may not create reviews stands in for an old one.
#[test]
fn every_step_of_the_ladder_agrees_on_a_real_server() {
    let control_plane = ControlPlane::builder().start().unwrap();
    let robot = kubeconfig(
        &control_plane,
        &User::ServiceAccount {
            namespace: "default",
            name: "robot",
        },
    );
    let person = |name| {
        kubeconfig(
            &control_plane,
            &User::Person {
                name,
                groups: &["dev"],
            },
        )
    };
    let (jane, joe) = (person("jane"), person("joe"));
    for (name, resource, subject) in [
        (
            "robot",
            "authentication.k8s.io/tokenreviews",
            json!({"kind": "ServiceAccount", "name": "robot", "namespace": "default"}),
        ),
        (
            "jane",
            "certificates.k8s.io/certificatesigningrequests",
            json!({"kind": "User", "name": "jane"}),
        ),
    ] {
        allow_create(&control_plane, name, resource, &subject);
    }
    let document = |kubeconfig: &PathBuf| whoami(kubeconfig, &["-o", "json"]).ended(0).json();
    let before = [&robot, &jane, &joe].map(document);
    for document in &before {
        assert_eq!(document["whoami"]["source"], "SelfSubjectReview/v1");
    }

    let binding = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/system:basic-user";
    let (status, reply) = control_plane.request("DELETE", binding, None).unwrap();
    assert_eq!(status, 200, "{reply}");
    let start = Instant::now();
    while document(&joe)["whoami"]["source"] != "Forbidden" {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "{}",
            document(&joe)
        );
    }
    let [robot, jane, joe] = [&robot, &jane, &joe].map(document);
    assert_eq!(robot["whoami"]["source"], "TokenReview");
    assert_eq!(robot["status"], before[0]["status"]);
    assert_eq!(robot["whoami"]["credential"]["confirmed"], true);
    assert_eq!(jane["whoami"]["source"], "CertificateSigningRequest");
    assert_eq!(jane["status"], before[1]["status"]);
    assert_eq!(joe["status"], json!({"userInfo": {"username": "joe"}}));

    let requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    let (_, stored) = control_plane.request("GET", requests, None).unwrap();
    let stored: Value = serde_json::from_str(&stored).unwrap();
    assert_eq!(stored["items"], json!([]));
}

fn kubeconfig(control_plane: &ControlPlane, user: &User<'_>) -> PathBuf {
    control_plane.kubeconfig(user).unwrap()
}

/// Allows a subject to create a `GROUP/RESOURCE`.
fn allow_create(control_plane: &ControlPlane, name: &str, resource: &str, subject: &Value) {
    let (group, resource) = resource.split_once('/').unwrap();
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let rule = json!({"verbs": ["create"], "apiGroups": [group], "resources": [resource]});
    let role = json!({"metadata": {"name": name}, "rules": [rule]});
    let binding = json!({
        "metadata": {"name": name}, "subjects": [subject],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
    });
    control_plane
        .create(&format!("{rbac}/clusterroles"), &role)
        .unwrap();
    control_plane
        .create(&format!("{rbac}/clusterrolebindings"), &binding)
        .unwrap();
}
