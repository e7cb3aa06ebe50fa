use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use control_plane::ControlPlane;
use faulty_server::{Answer, FaultyServer, Reply};
use rustix::process::{Pid, Signal, kill_process};

use super::plugin::*;

const PATH: &str = "/api/v1/namespaces/default/configmaps/c";
const PATCH: [&str; 4] = ["--type=merge", "-p", r#"{"data":{"key":"x"}}"#, PATH];
const UNKNOWN: &str = "may or may not have been applied\nhint: check the object before \
                       you retry: kubectl get --raw /api/v1/namespaces/default/configmaps/c\n";

fn status(code: u16, reason: &str, message: &str) -> Reply {
    let body = format!(
        r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"{reason}","message":"{message}","code":{code}}}"#
    );
    Reply::json(code, body)
}

/// Runs the patch against a server that answers with `answer` and, should it be asked again, well.
fn against(answer: Answer, arguments: &[&str]) -> (Outcome, FaultyServer) {
    let server = FaultyServer::start([answer, Answer::Reply(Reply::json(200, "{}"))]).unwrap();
    let outcome = run(
        command(&server.kubeconfig().unwrap())
            .args(PATCH)
            .args(arguments),
        "",
    );
    (outcome, server)
}

/// The outcome is unknown, says `what`, and the request came once.
#[track_caller]
fn leaves_the_outcome_unknown(answer: Answer, arguments: &[&str], what: &str) {
    let (outcome, server) = against(answer, arguments);
    let outcome = outcome.failed(10);
    assert!(
        outcome
            .stderr
            .starts_with(&format!("error: outcome unknown: {what}")),
        "{outcome:?}"
    );
    assert!(outcome.stderr.ends_with(UNKNOWN), "{outcome:?}");
    assert_eq!(outcome.stdout, "");
    assert_eq!((server.connections(), server.requests().len()), (1, 1));
}

#[test]
fn a_reply_that_is_lost_leaves_the_outcome_unknown() {
    let lost = "the connection was lost before the response arrived (";
    leaves_the_outcome_unknown(Answer::CloseUnanswered, &[], lost);
    leaves_the_outcome_unknown(Answer::Reset, &[], lost);
    leaves_the_outcome_unknown(Answer::CutInHead(Reply::json(200, "{}")), &[], lost);
    let torn = Answer::CutInBody(Reply::json(200, r#"{"kind":"ConfigMap"}"#));
    leaves_the_outcome_unknown(
        torn,
        &[],
        "the server answered 200 OK, but the rest of the response was lost",
    );
    let torn = Answer::CutInBody(status(
        500,
        "InternalError",
        "etcdserver: request timed out",
    ));
    leaves_the_outcome_unknown(
        torn,
        &[],
        "the server answered 500 Internal Server Error, but the rest of the response was lost",
    );
}

#[test]
fn a_server_that_closes_unread_is_asked_once_and_what_was_written_decides() {
    // Whether the request or the end comes first is a race that both may win.
    for _ in 0..10 {
        let (outcome, server) = against(Answer::CloseUnread, &[]);
        match outcome.code {
            Some(3) => assert_eq!(outcome.stderr, "Unable to connect to the server: EOF\n"),
            Some(10) => assert!(outcome.stderr.ends_with(UNKNOWN), "{outcome:?}"),
            _ => panic!("{outcome:?}"),
        }
        assert_eq!((server.connections(), server.requests().len()), (1, 0));
    }
}

#[test]
fn a_gateways_answer_leaves_the_outcome_unknown_even_with_retry_after() {
    for (code, name) in [
        (502, "502 Bad Gateway"),
        (503, "503 Service Unavailable"),
        (504, "504 Gateway Timeout"),
    ] {
        let answered = format!("the server answered {name}: ");
        let reply = status(code, "Timeout", "later").header("Retry-After", "1");
        leaves_the_outcome_unknown(Answer::Reply(reply), &[], &answered);
        let page = Reply::new(code, "<html>busy</html>").header("Content-Type", "text/html");
        leaves_the_outcome_unknown(Answer::Reply(page), &[], &answered);
    }
    let timed_out = status(500, "InternalError", "etcdserver: request timed out");
    leaves_the_outcome_unknown(
        Answer::Reply(timed_out),
        &[],
        "the server answered 500 Internal Server Error: etcdserver",
    );
}

#[test]
fn a_time_out_leaves_the_outcome_unknown() {
    leaves_the_outcome_unknown(
        Answer::Silence,
        &["--request-timeout=1s"],
        "no response within --request-timeout=1s",
    );
}

#[test]
fn a_request_that_never_left_is_no_connection() {
    let (outcome, server) = against(Answer::CloseAtOnce, &[]);
    let outcome = outcome.failed(3);
    assert!(
        outcome
            .stderr
            .starts_with("Unable to connect to the server: "),
        "{outcome:?}"
    );
    assert_eq!((server.connections(), server.requests().len()), (1, 0));

    let refused = run(
        command(&admin())
            .args(PATCH)
            .arg("--server=https://127.0.0.1:1"),
        "",
    )
    .failed(3);
    assert_eq!(
        refused.stderr,
        "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?\n"
    );
    let nowhere = run(
        command(&admin())
            .args(PATCH)
            .arg("--server=https://nowhere.invalid"),
        "",
    )
    .failed(3);
    assert_eq!(
        nowhere.stderr,
        "Unable to connect to the server: dial tcp: lookup nowhere.invalid: no such host\n\
         hint: check the server in your kubeconfig and this machine's DNS\n"
    );
}

#[test]
fn a_dry_run_changes_nothing_whatever_becomes_of_its_reply() {
    let (outcome, server) = against(Answer::CloseUnanswered, &["--dry-run"]);
    let outcome = outcome.failed(3);
    assert!(
        outcome
            .stderr
            .starts_with("Unable to connect to the server: "),
        "{outcome:?}"
    );
    assert_eq!(server.requests().len(), 1);
    let (outcome, server) = against(
        Answer::Reply(status(503, "ServiceUnavailable", "later")),
        &["--dry-run"],
    );
    assert_eq!(
        outcome.failed(1).stderr,
        "Error from server (ServiceUnavailable): later\n"
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn what_is_final_is_not_sent_again_either() {
    for (code, reason, exit) in [
        (429, "TooManyRequests", 1),
        (500, "", 1),
        (403, "Forbidden", 1),
        (401, "Unauthorized", 3),
        (409, "Conflict", 9),
    ] {
        let reply = status(code, reason, "no").header("Retry-After", "1");
        let (outcome, server) = against(Answer::Reply(reply), &[]);
        outcome.failed(exit);
        let patches = server
            .requests()
            .iter()
            .filter(|request| request.method == "PATCH")
            .count();
        assert_eq!(patches, 1, "{code}");
    }
}

#[test]
fn a_redirect_is_not_followed_and_a_login_page_is_no_api_server() {
    let (outcome, server) = against(
        Answer::Reply(Reply::new(302, "").header("Location", "https://other/?token=hunter2")),
        &[],
    );
    let outcome = outcome.failed(6);
    assert!(
        outcome
            .stderr
            .contains("answered 302 Found; redirects are never followed"),
        "{outcome:?}"
    );
    assert!(!outcome.stderr.contains("hunter2"), "{outcome:?}");
    assert_eq!(server.requests().len(), 1);
    for code in [200, 403] {
        let page = Reply::new(code, "<html>log in</html>")
            .header("Content-Type", "text/html; charset=utf-8");
        let outcome = against(Answer::Reply(page), &[]).0.failed(6);
        assert!(
            outcome
                .stderr
                .contains("with an HTML page; it is not a Kubernetes API server"),
            "{outcome:?}"
        );
        assert_eq!(outcome.stdout, "");
    }
}

#[test]
fn a_signal_ends_the_process_by_itself_and_says_what_is_not_known() {
    for (signal, number) in [(Signal::INT, 2), (Signal::TERM, 15)] {
        let outcome = interrupted(vec![Answer::Silence], 1, &[], signal);
        assert_eq!(outcome.status.signal(), Some(number), "{outcome:?}");
        let unknown = "error: outcome unknown: interrupted before the response arrived; the PATCH ";
        assert!(outcome.stderr.starts_with(unknown), "{outcome:?}");
        assert!(outcome.stderr.ends_with(UNKNOWN), "{outcome:?}");
    }
}

/// Runs the command against `script` until the server has `requests`, sends the signal, and
/// waits for the end.
fn interrupted(
    script: Vec<Answer>,
    requests: usize,
    arguments: &[&str],
    signal: Signal,
) -> Outcome {
    let server = FaultyServer::start(script).unwrap();
    let mut command = command(&server.kubeconfig().unwrap());
    let child = command
        .args(PATCH)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    for _ in 0..400 {
        if server.requests().len() == requests {
            break;
        }
        thread::sleep(Duration::from_millis(25));
    }
    thread::sleep(Duration::from_millis(100));
    kill_process(Pid::from_child(&child), signal).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn after_the_reply_a_signal_has_its_default_action_again() {
    // The hint to a conflict is looked up, and this GET hangs.
    let conflict = Answer::Reply(status(409, "Conflict", "the object has been modified"));
    let outcome = interrupted(vec![conflict, Answer::Silence], 2, &[], Signal::INT);
    assert_eq!(outcome.status.signal(), Some(2), "{outcome:?}");
    assert_eq!(outcome.stderr, "");

    // The reply is larger than a pipe, and nobody reads it until the signal came.
    let large = Answer::Reply(Reply::json(200, format!("{:?}", "x".repeat(1 << 20))));
    let outcome = interrupted(vec![large], 1, &[], Signal::TERM);
    assert_eq!(outcome.status.signal(), Some(15), "{outcome:?}");
}

#[test]
fn an_interrupted_dry_run_leaves_nothing_unknown() {
    let outcome = interrupted(vec![Answer::Silence], 1, &["--dry-run"], Signal::INT);
    assert_eq!(outcome.status.signal(), Some(2), "{outcome:?}");
    assert_eq!(outcome.stderr, "");
}

#[test]
fn an_etcd_that_dies_leaves_the_outcome_unknown() {
    let control_plane = ControlPlane::builder().start().unwrap();
    let object = serde_json::json!({"metadata": {"name": "c"}});
    control_plane
        .create("/api/v1/namespaces/default/configmaps", &object)
        .unwrap();
    let etcd = Pid::from_raw(
        control_plane
            .etcd()
            .process_id()
            .unwrap()
            .try_into()
            .unwrap(),
    )
    .unwrap();
    kill_process(etcd, Signal::STOP).unwrap();
    let kubeconfig = control_plane
        .kubeconfig(&control_plane::User::Admin)
        .unwrap();
    let mut command = command(&kubeconfig);
    let child = command
        .args(PATCH)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_secs(1));
    control_plane.etcd().kill().unwrap();
    let outcome = Outcome::from(child.wait_with_output().unwrap()).failed(10);
    assert!(
        outcome
            .stderr
            .starts_with("error: outcome unknown: the server answered 500"),
        "{outcome:?}"
    );
}

#[test]
fn where_to_look_is_the_same_server_as_the_same_user() {
    let (outcome, _server) = against(
        Answer::CloseUnanswered,
        &["--context=faulty", "--as", "a b", "--token=t"],
    );
    let hint =
        "kubectl get --raw /api/v1/namespaces/default/configmaps/c --context=faulty --as='a b'\n";
    assert!(outcome.failed(10).stderr.ends_with(hint));
}

#[test]
fn outcome_unknown_comes_through_kubectl() {
    let server = FaultyServer::start([Answer::CloseUnanswered]).unwrap();
    let control_plane = ControlPlane::shared();
    let mut kubectl = control_plane.kubectl().unwrap();
    kubectl
        .envs(control_plane.environment(Some(&folder())).unwrap())
        .env("KUBECONFIG", server.kubeconfig().unwrap());
    let outcome = run(kubectl.arg("rawpatch").args(PATCH), "").failed(10);
    assert!(outcome.stderr.ends_with(UNKNOWN), "{outcome:?}");
}

#[test]
fn the_request_is_what_was_asked_for() {
    let server = FaultyServer::start([Answer::Reply(Reply::json(200, "{}"))]).unwrap();
    let body = "{ \"b\" : 1.10,\n \"a\":12345678901234567890123, \"u\":\"\\ud83d\\ude00\"}";
    let path = "/apis/example.com/v1/namespaces/n/foos/a%3Ab/?timeout=9s&pretty=false";
    let mut command = command(&server.kubeconfig().unwrap());
    run(
        command.args([
            "--type=merge",
            "-H",
            "X-Reason: a test",
            "--as=jane",
            "--as-group=g",
            "-p",
            body,
            path,
        ]),
        "",
    )
    .succeeded();
    let [request] = &server.requests()[..] else {
        panic!("not one request")
    };
    assert_eq!(request.method, "PATCH");
    assert_eq!(
        request.target,
        "/apis/example.com/v1/namespaces/n/foos/a%3Ab?timeout=9s&pretty=false&fieldManager=kubectl-rawpatch&fieldValidation=Strict"
    );
    assert_eq!(request.body, body.as_bytes());
    let header = |name: &str| request.header(name).join(",");
    assert_eq!(header("content-type"), "application/merge-patch+json");
    assert_eq!(header("accept"), "application/json, */*");
    assert_eq!(header("x-reason"), "a test");
    assert_eq!(header("impersonate-user"), "jane");
    assert_eq!(header("impersonate-group"), "g");
    assert_eq!(
        header("authorization"),
        format!("Bearer {}", faulty_server::TOKEN)
    );
    assert!(
        header("user-agent").starts_with("kubectl-rawpatch/"),
        "{request:?}"
    );
    assert_eq!(header("accept-encoding"), "");
}
