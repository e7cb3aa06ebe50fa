use std::process::Stdio;
use std::thread;
use std::time::Duration;

use control_plane::ControlPlane;
use faulty_server::{Answer, FaultyServer, Reply};
use rustix::process::{Pid, Signal, kill_process};
use support::{Outcome, admin, run};

use super::plugin::*;

const PATH: &str = "/api/v1/namespaces/default/configmaps/c";
const PATCH: [&str; 4] = ["--type=merge", "-p", r#"{"data":{"key":"x"}}"#, PATH];
/// The end of the report of an unknown outcome.
const UNKNOWN: &str = "; the PATCH may or may not have been applied\nhint: check the object before you \
                       retry: kubectl get --raw /api/v1/namespaces/default/configmaps/c\n";

/// Returns a response with a Status.
fn status(code: u16, reason: &str, message: &str) -> Reply {
    let body = format!(
        r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"{reason}","message":"{message}","code":{code}}}"#
    );
    Reply::json(code, body)
}

/// Returns the response for the patched object, with more members at its end.
fn object(members: &str) -> String {
    format!(
        r#"{{"kind":"ConfigMap","apiVersion":"v1","metadata":{{"name":"c","namespace":"default","resourceVersion":"5"}}{members}}}"#
    )
}

/// Returns the response with which the server confirms the patch.
fn patched() -> Reply {
    Reply::json(200, object(r#","data":{"key":"x"}"#))
}

/// Runs the patch against a server that gives `answer`, and would accept a second attempt.
fn patch_with_answer(answer: Answer, arguments: &[&str]) -> (Outcome, FaultyServer) {
    let server = FaultyServer::start([answer, Answer::Reply(patched())]).unwrap();
    let outcome = run(
        command(&server.kubeconfig().unwrap())
            .args(PATCH)
            .args(arguments),
        "",
    );
    (outcome, server)
}

/// Asserts that the outcome is unknown for `reason`, and that the request was sent once.
#[track_caller]
fn assert_outcome_unknown(answer: Answer, arguments: &[&str], reason: &str) {
    let arguments = [arguments, &["--no-verify"]].concat();
    let (outcome, server) = patch_with_answer(answer, &arguments);
    let outcome = outcome.ended(10);
    assert_eq!(
        outcome.stderr,
        format!("error: outcome unknown: {reason}{UNKNOWN}")
    );
    assert_eq!(outcome.stdout, "");
    assert_eq!((server.connections(), server.requests().len()), (1, 1));
}

#[test]
fn a_lost_response_leaves_the_outcome_unknown() {
    for (answer, cause) in [
        (Answer::CloseUnanswered, "EOF"),
        (Answer::Reset, "read: connection reset by peer"),
        (Answer::CutInHead(patched()), "EOF"),
    ] {
        assert_outcome_unknown(
            answer,
            &[],
            &format!("the connection was lost before the response arrived ({cause})"),
        );
    }
}

#[test]
fn a_truncated_response_leaves_the_outcome_unknown() {
    let failed = status(500, "InternalError", "etcdserver: request timed out");
    for (response, name) in [
        (Reply::json(200, r#"{"kind":"ConfigMap"}"#), "200 OK"),
        (failed, "500 Internal Server Error"),
    ] {
        assert_outcome_unknown(
            Answer::CutInBody(response),
            &[],
            &format!("the server answered {name}, but the rest of the response was lost"),
        );
    }
}

#[test]
fn a_request_that_is_closed_unread_is_not_sent_again() {
    // The client may see the end of the connection before or after it writes the request.
    for _ in 0..10 {
        let (outcome, server) = patch_with_answer(Answer::CloseUnread, &["--no-verify"]);
        match outcome.code {
            Some(3) => assert_eq!(outcome.stderr, "Unable to connect to the server: EOF\n"),
            Some(10) => assert!(outcome.stderr.ends_with(UNKNOWN), "{outcome:?}"),
            _ => panic!("{outcome:?}"),
        }
        assert_eq!((server.connections(), server.requests().len()), (1, 0));
    }
}

#[test]
fn a_gateway_error_leaves_the_outcome_unknown_despite_retry_after() {
    for (code, name, page_message) in [
        (
            502,
            "502 Bad Gateway",
            "an error on the server (\"<html>busy</html>\") has prevented the request from succeeding",
        ),
        (
            503,
            "503 Service Unavailable",
            "the server is currently unable to handle the request",
        ),
        (
            504,
            "504 Gateway Timeout",
            "the server was unable to return a response in the time allotted, but may still be processing \
             the request",
        ),
    ] {
        let response = status(code, "Timeout", "later").header("Retry-After", "1");
        let page = Reply::new(code, "<html>busy</html>").header("Content-Type", "text/html");
        for (response, message) in [(response, "later"), (page, page_message)] {
            assert_outcome_unknown(
                Answer::Reply(response),
                &[],
                &format!("the server answered {name}: {message}"),
            );
        }
    }
}

#[test]
fn an_etcd_timeout_leaves_the_outcome_unknown() {
    let response = status(500, "InternalError", "etcdserver: request timed out");
    assert_outcome_unknown(
        Answer::Reply(response),
        &[],
        "the server answered 500 Internal Server Error: etcdserver: request timed out",
    );
}

#[test]
fn a_timeout_leaves_the_outcome_unknown() {
    assert_outcome_unknown(
        Answer::Silence,
        &["--request-timeout=1s"],
        "no response within --request-timeout=1s",
    );
}

#[test]
fn without_a_connection_the_exit_code_is_3() {
    let (outcome, server) = patch_with_answer(Answer::CloseAtOnce, &[]);
    let outcome = outcome.ended(3);
    let unable = "Unable to connect to the server: "; // The cause depends on timing.
    assert!(outcome.stderr.starts_with(unable), "{outcome:?}");
    assert_eq!((server.connections(), server.requests().len()), (1, 0));

    let patch_at = |server: &str| {
        let outcome = run(command(&admin()).args(PATCH).arg(server), "");
        outcome.ended(3).stderr
    };
    assert_eq!(
        patch_at("--server=https://127.0.0.1:1"),
        "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?\n"
    );
    assert_eq!(
        patch_at("--server=https://nowhere.invalid"),
        "Unable to connect to the server: dial tcp: lookup nowhere.invalid: no such host\n\
         hint: check the server in your kubeconfig and this machine's DNS\n"
    );
}

#[test]
fn the_outcome_of_a_dry_run_is_never_unknown() {
    let unavailable = status(503, "ServiceUnavailable", "later");
    for (answer, code, message) in [
        (
            Answer::CloseUnanswered,
            3,
            "Unable to connect to the server: EOF\n",
        ),
        (
            Answer::Reply(unavailable),
            1,
            "Error from server (ServiceUnavailable): later\n",
        ),
    ] {
        let (outcome, server) = patch_with_answer(answer, &["--dry-run"]);
        assert_eq!(outcome.ended(code).stderr, message);
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_refused_patch_is_not_sent_again() {
    for (code, reason, exit_code) in [
        (429, "TooManyRequests", 1),
        (500, "", 1),
        (403, "Forbidden", 1),
        (401, "Unauthorized", 3),
        (409, "Conflict", 9),
    ] {
        let response = status(code, reason, "no").header("Retry-After", "1");
        let (outcome, server) = patch_with_answer(Answer::Reply(response), &[]);
        outcome.ended(exit_code);
        let patches = server
            .requests()
            .iter()
            .filter(|request| request.method == "PATCH")
            .count();
        assert_eq!(patches, 1, "{code}");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let redirect = Reply::new(302, "").header("Location", "https://other/?token=hunter2");
    let (outcome, server) = patch_with_answer(Answer::Reply(redirect), &[]);
    assert_eq!(
        outcome.ended(6).stderr,
        format!(
            "error: {} answered 302 Found; redirects are never followed (to https://other/)\n\
             hint: use the server's final address; a login page or a proxy may be in between\n",
            server.address()
        )
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_login_page_is_not_taken_for_an_api_server() {
    for (code, name, outcome_of_patch) in [
        (
            200,
            "200 OK",
            ", and the PATCH may or may not have been applied",
        ),
        (403, "403 Forbidden", ""),
    ] {
        let page = Reply::new(code, "<html>log in</html>")
            .header("Content-Type", "text/html; charset=utf-8");
        let (outcome, server) = patch_with_answer(Answer::Reply(page), &[]);
        let outcome = outcome.ended(6);
        assert_eq!(
            outcome.stderr,
            format!(
                "error: {} answered {name} with an HTML page; it is not a Kubernetes API \
                 server{outcome_of_patch}\n\
                 hint: check the server address in your kubeconfig; a login page or a proxy may be in \
                 between\n",
                server.address()
            )
        );
        assert_eq!(outcome.stdout, "");
    }
}

/// Returns the error for a response that no API server sends.
fn foreign(server: &FaultyServer, description: &str, outcome_of_patch: &str) -> String {
    format!(
        "error: {} answered 200 OK with {description}; it is not a Kubernetes API server{outcome_of_patch}\n\
         hint: check the server address in your kubeconfig; a login page or a proxy may be in between\n",
        server.address()
    )
}

#[test]
fn a_2xx_from_another_service_is_not_a_success() {
    for (body, content_type, description) in [
        ("<html>login", "text/plain", "an HTML page"),
        ("<html>login", "", "an HTML page"),
        ("ok", "text/plain", "text that is not JSON"),
        (
            "{}",
            "application/json",
            "JSON that is not a Kubernetes object",
        ),
        (
            "\"login\"",
            "application/json",
            "JSON that is not a Kubernetes object",
        ),
    ] {
        let reply = match content_type {
            "" => Reply::new(200, body),
            content_type => Reply::new(200, body).header("Content-Type", content_type),
        };
        for (arguments, outcome_of_patch) in [
            (
                ["-o", "name"].as_slice(),
                ", and the PATCH may or may not have been applied",
            ),
            (&["--dry-run"], ""),
        ] {
            let (outcome, server) = patch_with_answer(Answer::Reply(reply.clone()), arguments);
            let outcome = outcome.ended(6);
            assert_eq!(
                outcome.stderr,
                foreign(&server, description, outcome_of_patch)
            );
            assert_eq!(outcome.stdout, "");
        }
    }
}

#[test]
fn a_2xx_without_the_whole_object_leaves_the_outcome_unknown() {
    let whole = object("");
    let other = whole.replace(r#""name":"c""#, r#""name":"d""#);
    for (reply, event) in [
        (Reply::json(200, ""), "200 OK without a body"),
        (Reply::new(204, ""), "204 No Content without a body"),
        (
            Reply::json(200, [0x1f, 0x8b, 8, 0]),
            "200 OK with a compressed body",
        ),
        (
            Reply::json(200, &whole[..whole.len() - 1]),
            "200 OK with an object that is cut off",
        ),
        (
            Reply::json(200, other),
            "200 OK with another object (v1 ConfigMap, name \"d\" in namespace \"default\")",
        ),
    ] {
        let event = format!("the server answered {event}");
        assert_outcome_unknown(Answer::Reply(reply.clone()), &["-o", "name"], &event);
        // A dry run changes nothing.
        let (outcome, _server) = patch_with_answer(Answer::Reply(reply), &["--dry-run"]);
        let outcome = outcome.ended(6);
        assert_eq!(outcome.message(), format!("error: {event}"));
        assert_eq!(outcome.stdout, "");
    }
}

#[test]
fn a_failure_in_a_successful_response_is_judged_by_its_code() {
    for (code, reason, exit_code, message) in [
        (403, "Forbidden", 1, "Error from server (Forbidden): no"),
        (
            401,
            "Unauthorized",
            3,
            "error: You must be logged in to the server (no)",
        ),
        (
            409,
            "AlreadyExists",
            9,
            "Error from server (AlreadyExists): no",
        ),
        (
            504,
            "Timeout",
            10,
            "error: outcome unknown: the server answered 504 Gateway Timeout: no; the PATCH may or may not \
             have been applied",
        ),
        (
            0,
            "",
            10,
            "error: outcome unknown: the server answered 200 OK with a failure that has no code; the \
             PATCH may or may not have been applied",
        ),
    ] {
        let body = status(code, reason, "no");
        let (outcome, server) = patch_with_answer(
            Answer::Reply(body.with_status(200)),
            &["-o", "name", "--no-verify"],
        );
        let outcome = outcome.ended(exit_code);
        assert_eq!(outcome.message(), message);
        assert_eq!(outcome.stdout, "");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn verbatim_alone_accepts_any_successful_response() {
    for reply in [
        Reply::new(204, ""),
        Reply::new(200, "<html>").header("Content-Type", "text/html"),
        Reply::json(200, "{"),
    ] {
        let (outcome, _server) = patch_with_answer(Answer::Reply(reply), &["--verbatim"]);
        assert_eq!(outcome.succeeded().stderr, "");
    }
}

#[test]
fn the_response_of_a_server_behind_a_proxy_path_is_not_checked() {
    let server = FaultyServer::start([Answer::Reply(Reply::new(200, "done"))]).unwrap();
    let path = "/api/v1/namespaces/default/services/web/proxy/";
    let outcome = run(
        command(&server.kubeconfig().unwrap()).args(["--type=merge", "-p", r#"{"a":1}"#, path]),
        "",
    )
    .succeeded();
    assert_eq!(outcome.stdout, "done");
}

#[test]
fn a_429_says_that_nothing_was_changed_and_when_to_retry() {
    let refusal = || status(429, "TooManyRequests", "too many requests");
    for (reply, time) in [
        (refusal().header("Retry-After", "7"), "in 7 seconds"),
        (refusal().header("Retry-After", "1"), "in 1 second"),
        (refusal(), "later"),
    ] {
        let (outcome, server) = patch_with_answer(Answer::Reply(reply), &[]);
        assert_eq!(
            outcome.ended(1).stderr,
            format!(
                "Error from server (TooManyRequests): too many requests\n\
                 hint: try again {time}: nothing was changed\n"
            )
        );
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_field_that_the_server_drops_silently_is_a_warning() {
    let server = FaultyServer::start([Answer::Reply(patched())]).unwrap();
    let patch = r#"{"dta":{"key":"x"},"metadata":{"labls":{"a":"b"}}}"#;
    let stderr = |arguments: &[&str]| {
        let mut command = command(&server.kubeconfig().unwrap());
        command.args(["--type=merge", "-p", patch, PATH]);
        run(command.args(arguments), "").succeeded().stderr
    };
    assert_eq!(
        stderr(&[]),
        "Warning: the response lacks fields that the patch sets (/dta, /metadata/labls): check their \
         spelling; servers before Kubernetes 1.25 drop unknown fields silently\n"
    );
    // The user asked the server to drop them.
    assert_eq!(stderr(&["--validate=ignore"]), "");
}

/// Runs the command until the server has received `requests`, sends the signal, and waits for the exit.
fn interrupted(
    script: Vec<Answer>,
    requests: usize,
    arguments: &[&str],
    signal: Signal,
) -> Outcome {
    let server = FaultyServer::start(script).unwrap();
    let child = command(&server.kubeconfig().unwrap())
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
fn a_signal_ends_the_process_and_leaves_the_outcome_unknown() {
    for (signal, number) in [
        (Signal::HUP, 1),
        (Signal::INT, 2),
        (Signal::QUIT, 3),
        (Signal::TERM, 15),
    ] {
        let outcome = interrupted(vec![Answer::Silence], 1, &[], signal);
        assert_eq!(outcome.signal, Some(number), "{outcome:?}");
        assert_eq!(
            outcome.stderr,
            format!("error: outcome unknown: interrupted before the response arrived{UNKNOWN}")
        );
    }
}

#[test]
fn a_signal_after_the_response_ends_the_process_silently() {
    // Looking up the hint for a conflict needs a GET, to which the server does not respond.
    let conflict = Answer::Reply(status(409, "Conflict", "the object has been modified"));
    let outcome = interrupted(vec![conflict, Answer::Silence], 2, &[], Signal::INT);
    assert_eq!(outcome.signal, Some(2), "{outcome:?}");
    assert_eq!(outcome.stderr, "");

    // The response is larger than a pipe's buffer, and the pipe is not read before the signal.
    let data = format!(r#","data":{{"key":{:?}}}"#, "x".repeat(1 << 20));
    let large = Answer::Reply(Reply::json(200, object(&data)));
    let outcome = interrupted(vec![large], 1, &[], Signal::TERM);
    assert_eq!(outcome.signal, Some(15), "{outcome:?}");
}

#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    let answer = Answer::Delayed(Duration::from_secs(1), patched());
    let server = FaultyServer::start([answer]).unwrap();
    let mut ignoring = support::command("sh", &server.kubeconfig().unwrap());
    ignoring.args(["-c", r#"trap "" HUP INT QUIT; exec "$@""#, "sh"]);
    let child = ignoring
        .arg(env!("CARGO_BIN_EXE_kubectl-rawpatch"))
        .args(PATCH)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    for _ in 0..400 {
        if !server.requests().is_empty() {
            break;
        }
        thread::sleep(Duration::from_millis(25));
    }
    for signal in [Signal::HUP, Signal::INT, Signal::QUIT] {
        kill_process(Pid::from_child(&child), signal).unwrap();
    }
    let outcome = Outcome::from(child.wait_with_output().unwrap()).succeeded();
    assert_eq!(outcome.stderr, "");
}

#[test]
fn a_signal_during_a_dry_run_ends_the_process_silently() {
    let outcome = interrupted(vec![Answer::Silence], 1, &["--dry-run"], Signal::INT);
    assert_eq!(outcome.signal, Some(2), "{outcome:?}");
    assert_eq!(outcome.stderr, "");
}

#[test]
fn a_crash_of_etcd_leaves_the_outcome_unknown() {
    let control_plane = ControlPlane::builder().start().unwrap();
    let object = serde_json::json!({"metadata": {"name": "c"}});
    control_plane
        .create("/api/v1/namespaces/default/configmaps", &object)
        .unwrap();
    let etcd = control_plane.etcd();
    let process = Pid::from_raw(etcd.process_id().unwrap().try_into().unwrap()).unwrap();
    kill_process(process, Signal::STOP).unwrap();
    let kubeconfig = control_plane
        .kubeconfig(&control_plane::User::Admin)
        .unwrap();
    let child = command(&kubeconfig)
        .args(PATCH)
        .arg("--no-verify")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_secs(1));
    etcd.kill().unwrap();
    let outcome = Outcome::from(child.wait_with_output().unwrap()).ended(10);
    let answered = "error: outcome unknown: the server answered 500 Internal Server Error: ";
    assert!(outcome.stderr.starts_with(answered), "{outcome:?}");
    assert!(outcome.stderr.ends_with(UNKNOWN), "{outcome:?}");
}

#[test]
fn the_hint_repeats_the_flags_that_choose_server_and_user() {
    let (outcome, _server) = patch_with_answer(
        Answer::CloseUnanswered,
        &[
            "--no-verify",
            "--context=faulty",
            "--as",
            "a b",
            "--token=t",
        ],
    );
    assert_eq!(
        outcome.ended(10).stderr,
        format!(
            "error: outcome unknown: the connection was lost before the response arrived (EOF){} \
             --context=faulty --as='a b'\n",
            UNKNOWN.trim_end()
        )
    );
}

#[test]
fn kubectl_passes_on_an_unknown_outcome() {
    let server = FaultyServer::start([Answer::CloseUnanswered]).unwrap();
    let control_plane = ControlPlane::shared();
    let mut kubectl = control_plane.kubectl().unwrap();
    kubectl
        .envs(control_plane.environment(Some(&folder())).unwrap())
        .env("KUBECONFIG", server.kubeconfig().unwrap());
    let outcome = run(kubectl.args(["rawpatch", "--no-verify"]).args(PATCH), "").ended(10);
    assert_eq!(
        outcome.stderr,
        format!(
            "error: outcome unknown: the connection was lost before the response arrived (EOF){UNKNOWN}"
        )
    );
}

#[test]
fn path_headers_and_body_are_sent_as_given() {
    let server = FaultyServer::start([Answer::Reply(Reply::success())]).unwrap();
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
        panic!("expected one request")
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

/// No request asks for compression.
#[test]
fn a_compressed_response_leaves_the_outcome_unknown_or_names_the_refusal() {
    let compressed = |code| {
        let reply = Reply::json(code, [0x1f, 0x8b, 8, 0]).header("Content-Encoding", "gzip");
        patch_with_answer(Answer::Reply(reply), &["--no-verify"])
    };
    for (code, exit_code) in [(200, 10), (500, 10), (404, 6)] {
        let (outcome, server) = compressed(code);
        let stderr = outcome.ended(exit_code).stderr;
        assert!(stderr.contains("Content-Encoding: \"gzip\""), "{stderr}");
        assert_eq!(server.requests().len(), 1);
    }
}
