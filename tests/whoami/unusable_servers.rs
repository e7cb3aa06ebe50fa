use control_plane::{ControlPlane, User};
use faulty_server::{Answer, FaultyServer, Reply, TOKEN};
use serde_json::json;

use super::plugin::*;

fn html(code: u16) -> Reply {
    Reply::new(code, "<html>log in</html>").header("Content-Type", "text/html; charset=utf-8")
}

#[test]
fn a_login_page_a_redirect_or_another_service_is_recognized() {
    let review = json!({"kind": "SelfSubjectReview", "status": {}});
    let nobody = json!({"kind": "SelfSubjectReview", "status": {"userInfo": {}}});
    for (reply, says) in [
        (html(200), "answered 200 OK with an HTML page"),
        (html(401), "answered 401 Unauthorized with an HTML page"),
        (html(404), "answered 404 Not Found with an HTML page"),
        (
            Reply::new(302, "").header("Location", "https://login.example/?token=hidden"),
            "answered 302 Found; redirects are never followed (to https://login.example/)",
        ),
        (
            Reply::new(200, "ok"),
            "the server accepted the review but returned an unexpected response",
        ),
        (
            Reply::json(200, "{}"),
            "the server accepted the review but returned an unexpected response",
        ),
        (
            Reply::json(200, "[1]"),
            "the server accepted the review but returned an unexpected response",
        ),
        (
            Reply::json(201, review.to_string()),
            "the server accepted the review but returned an unexpected response",
        ),
        (
            Reply::json(201, nobody.to_string()),
            "the server accepted the review but returned an unexpected response",
        ),
        (
            Reply::json(
                201,
                r#"{"kind":"Pod","status":{"userInfo":{"username":"x"}}}"#,
            ),
            "the server accepted the review but returned an unexpected response",
        ),
    ] {
        let server = FaultyServer::start([Answer::Reply(reply)]).unwrap();
        let outcome = whoami(&server.kubeconfig().unwrap(), &[])
            .ended(6)
            .says(says);
        assert_eq!(server.requests().len(), 1, "{outcome:#?}");
        assert_eq!(outcome.row("Username"), "unknown");
        assert!(!outcome.stderr.contains("hidden"), "{outcome:#?}");
    }
}

/// With many contexts, each may be a server that floods.
#[test]
fn an_endless_response_is_not_read_to_its_end() {
    let flood = Reply::json(201, format!("{}{{}}", " ".repeat(20_000_000)));
    let server = FaultyServer::start([Answer::Reply(flood)]).unwrap();
    whoami(&server.kubeconfig().unwrap(), &[])
        .ended(6)
        .says("answered 201 Created with over 16 MiB");
}

/// A debugging proxy does that, and so does a gateway that complains about a token.
#[test]
fn a_server_that_repeats_the_credential_does_not_reveal_it() {
    let echo = format!("bad header: Authorization: Bearer {TOKEN}");
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 500, "message": echo,
        "reason": "InternalError", "details": {"causes": [{"message": echo, "field": TOKEN}]},
    });
    for reply in [
        Reply::json(500, status.to_string()),
        Reply::json(401, status.to_string()),
        Reply::new(500, &*echo).header("Content-Type", "text/plain"),
        Reply::new(200, &*echo).header("Content-Type", "text/plain"),
        Reply::json(200, json!({"headers": echo}).to_string()),
        Reply::new(404, "nothing")
            .header("Warning", &format!("299 - \"{echo}\""))
            .header("X-Seen", &echo),
    ] {
        let server = FaultyServer::start([Answer::Reply(reply.clone())]).unwrap();
        for verbosity in ["-v=0", "-v=8", "-v=10"] {
            for format in ["json", ""] {
                let arguments = ["-o", format, verbosity];
                let outcome = whoami(&server.kubeconfig().unwrap(), &arguments);
                assert!(!format!("{outcome:?}").contains(TOKEN), "{outcome:#?}");
            }
        }
    }
}

#[test]
fn plain_http_sent_to_a_tls_port_is_recognized() {
    let url = ControlPlane::shared().url().replace("https:", "http:");
    let admin = ControlPlane::shared().kubeconfig(&User::Admin).unwrap();
    whoami(&admin, &["--server", &url])
        .ended(6)
        .says("expects TLS, but the request was sent over plain HTTP")
        .says("hint: use an address that begins with https://");

    let server = FaultyServer::start([]).unwrap();
    let url = server.url().replace("https:", "http:");
    whoami(&server.kubeconfig().unwrap(), &["--server", &url])
        .ended(6)
        .says("expects TLS, but the request was sent over plain HTTP")
        .says("use an address that begins with https://");
}

#[test]
fn tls_sent_to_a_plain_http_port_is_recognized() {
    let server = FaultyServer::start_plain([]).unwrap();
    let url = server.url().replace("http:", "https:");
    whoami(&server.kubeconfig().unwrap(), &["--server", &url]).ended(3);
}

/// A review changes nothing, so a lost response does not leave an unknown outcome.
#[test]
fn a_server_that_does_not_answer_is_a_connection_error() {
    for (answer, arguments) in [
        (Answer::CloseUnanswered, &[][..]),
        (Answer::Reset, &[]),
        (Answer::CutInBody(Reply::json(201, "{}")), &[]),
        (Answer::Silence, &["--request-timeout=300ms"]),
    ] {
        let server = FaultyServer::start([answer.clone()]).unwrap();
        let outcome = whoami(&server.kubeconfig().unwrap(), arguments);
        assert_eq!(outcome.code, Some(3), "{answer:?}: {outcome:#?}");
        assert!(!outcome.stderr.contains("may or may not"), "{outcome:#?}");
    }
}

#[test]
fn an_unreachable_server_leaves_the_unverified_local_facts() {
    let jane = person("jane", &["dev"]);
    let away = ["--server=https://127.0.0.1:1"];
    let outcome = whoami(&jane, &away)
        .ended(3)
        .says("The connection to the server 127.0.0.1:1 was refused");
    assert_eq!(outcome.row("Username"), "jane (unverified)");
    assert_eq!(outcome.row("Groups"), "dev (unverified)");
    assert_eq!(
        outcome.row("Source"),
        "the local credential, unverified: the server did not confirm the identity"
    );
    assert_eq!(outcome.row("Server"), "https://127.0.0.1:1");
    assert_eq!(outcome.row("Credential"), "client certificate");
    let document = whoami(&jane, &[&away[..], &["-o", "json"]].concat()).ended(3);
    let document = document.json();
    assert_eq!(document["status"], json!({"userInfo": {}}));
    assert_eq!(document["whoami"]["verified"], false);
    assert_eq!(
        document["whoami"]["local"],
        json!({"username": "jane", "groups": ["dev"]})
    );
    for format in ["name", "subjects", "review"] {
        let outcome = whoami(&jane, &[&away[..], &["-o", format]].concat()).ended(3);
        assert_eq!(
            outcome.stdout, "",
            "nothing that looks like the server's word"
        );
    }
}

#[test]
fn an_untrusted_server_gets_no_credential() {
    let server = FaultyServer::start([]).unwrap();
    let kubeconfig = user(&json!({"token": TOKEN}));
    whoami(&kubeconfig, &["--server", &server.url()])
        .ended(3)
        .says("certificate signed by unknown authority");
    assert_eq!(server.requests().len(), 0);
}
