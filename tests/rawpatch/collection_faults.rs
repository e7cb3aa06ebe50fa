use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use faulty_server::{Answer, FaultyServer, Reply, Request};
use rustix::process::{Pid, Signal, kill_process};
use support::{Outcome, run};

use super::plugin::*;

const COLLECTION: &str = "/api/v1/namespaces/default/configmaps";
const PATCH: [&str; 5] = [
    "--type=merge",
    "-p",
    r#"{"data":{"key":"x"}}"#,
    "--all",
    "-y",
];

/// Returns a page of a list of `ConfigMap`s.
fn page(names: impl IntoIterator<Item = usize>, token: &str) -> Answer {
    let items: Vec<String> = names
        .into_iter()
        .map(|name| {
            format!(r#"{{"metadata":{{"name":"c{name}","namespace":"default","resourceVersion":"{}"}}}}"#, name + 1)
        })
        .collect();
    let items = items.join(",");
    Answer::Reply(Reply::json(
        200,
        format!(
            r#"{{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{{"resourceVersion":"99","continue":"{token}"}},"items":[{items}]}}"#
        ),
    ))
}

fn status(code: u16, reason: &str) -> Reply {
    Reply::json(
        code,
        format!(
            r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"{reason}","message":"scripted","code":{code}}}"#
        ),
    )
}

/// Returns the object that the request patches or reads.
fn object(request: &Request) -> Reply {
    let path = request.target.split('?').next().unwrap();
    let name = path.rsplit('/').next().unwrap();
    Reply::json(
        200,
        format!(
            r#"{{"kind":"ConfigMap","apiVersion":"v1","metadata":{{"name":"{name}","namespace":"default","resourceVersion":"100"}},"data":{{"key":"x"}}}}"#
        ),
    )
}

fn accept(request: &Request, _: usize) -> Answer {
    Answer::Reply(object(request))
}

/// A run on a scripted server: a list of `count` objects, then these answers.
fn patch_all(count: usize, script: Vec<Answer>, arguments: &[&str]) -> (Outcome, FaultyServer) {
    let script = [vec![page(0..count, "")], script].concat();
    let server = FaultyServer::start(script).unwrap();
    let outcome = run(
        command(&server.kubeconfig().unwrap())
            .args(PATCH)
            .args(arguments)
            .arg(COLLECTION),
        "",
    );
    (outcome, server)
}

/// Returns the number of PATCH requests for the object with this number.
fn patches(server: &FaultyServer, number: usize) -> usize {
    let path = format!("{COLLECTION}/c{number}?");
    let requests = server.requests();
    let of_object = requests.iter().filter(|request| request.method == "PATCH");
    of_object
        .filter(|request| request.target.starts_with(&path))
        .count()
}

fn failed_to(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("{name}-{}", std::process::id()))
}

#[test]
fn a_list_reads_every_page_of_one_state_as_metadata() {
    let script = [page(0..2, "one"), page(2..3, ""), Answer::Computed(accept)];
    let server = FaultyServer::start(script).unwrap();
    let mut command = command(&server.kubeconfig().unwrap());
    let arguments = ["-l", "a=b", "--field-selector=c=d", "--dry-run"];
    let patch = ["--type=merge", "-p", r#"{"data":{"key":"x"}}"#, COLLECTION];
    let outcome = run(command.args(patch).args(arguments), "").succeeded();
    assert!(outcome.stderr.starts_with("3 patched"), "{outcome:?}");
    let requests = server.requests();
    let list = format!("{COLLECTION}?labelSelector=a%3Db&fieldSelector=c%3Dd&limit=500");
    assert_eq!(requests[0].target, list);
    assert_eq!(requests[1].target, format!("{list}&continue=one"));
    for request in &requests[..2] {
        let accept =
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
        assert_eq!(request.header("accept"), [accept]);
    }
    let query = "?dryRun=All&fieldManager=kubectl-rawpatch&fieldValidation=Strict";
    assert!(
        requests[2..]
            .iter()
            .all(|request| request.target.ends_with(query))
    );
}

#[test]
fn a_list_begins_again_when_its_token_has_expired() {
    let expired = || Answer::Reply(status(410, "Expired"));
    let script = [
        page(0..2, "one"),
        expired(),
        page(0..3, ""),
        Answer::Computed(accept),
    ];
    let server = FaultyServer::start(script).unwrap();
    let patch = |server: &FaultyServer| {
        run(
            command(&server.kubeconfig().unwrap())
                .args(PATCH)
                .arg(COLLECTION),
            "",
        )
    };
    let outcome = patch(&server).succeeded();
    assert!(outcome.stderr.starts_with("3 patched"), "{outcome:?}");
    let server = FaultyServer::start([expired()]).unwrap();
    assert!(patch(&server).ended(1).stderr.contains("(Expired)"));
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn a_list_that_no_server_sends_is_refused_and_nothing_is_patched() {
    for (script, message) in [
        (
            vec![page(0..1, "a"), page(1..2, "a")],
            "the LIST of PATH does not end",
        ),
        (
            vec![page(0..2, "a"), page(1..2, "")],
            "the server lists /api/v1/namespaces/default/configmaps/c1 twice",
        ),
        (
            vec![Answer::Reply(Reply::json(
                200,
                r#"{"kind":"ConfigMapList","metadata":{},"items":[{"metadata":{"name":"a/../b"}}]}"#,
            ))],
            "the server lists an object that no path can name: \"a/../b\"",
        ),
        (
            vec![Answer::Reply(Reply::json(
                200,
                r#"{"kind":"ConfigMapList","metadata":{},"items":[{"metadata":{"name":"a","namespace":"other"}}]}"#,
            ))],
            "the server lists an object that no path can name: \"a\" in namespace \"other\"",
        ),
        (
            vec![Answer::Reply(Reply::json(200, "{}"))],
            "is not a list of objects",
        ),
    ] {
        let server = FaultyServer::start(script).unwrap();
        let mut command = command(&server.kubeconfig().unwrap());
        let outcome = run(command.args(PATCH).arg(COLLECTION), "").ended(6);
        assert!(outcome.stderr.contains(message), "{outcome:?}");
        assert!(
            server
                .requests()
                .iter()
                .all(|request| request.method == "GET")
        );
    }
}

#[test]
fn a_deleted_object_is_gone_and_no_failure() {
    fn answer(request: &Request, _: usize) -> Answer {
        if request.target.contains("/c1") {
            Answer::Reply(status(404, "NotFound"))
        } else {
            Answer::Reply(object(request))
        }
    }
    let (outcome, server) = patch_all(3, vec![Answer::Computed(answer)], &[]);
    let outcome = outcome.succeeded();
    assert_eq!(
        outcome.stderr,
        "2 patched, 0 unchanged, 0 refused, 0 unknown, 1 gone\n"
    );
    assert_eq!(patches(&server, 1), 1);
}

#[test]
fn each_object_is_guarded_by_its_version_in_the_list() {
    fn answer(request: &Request, _: usize) -> Answer {
        if request.target.contains("/c1") {
            Answer::Reply(status(409, "Conflict"))
        } else {
            Answer::Reply(object(request))
        }
    }
    let (outcome, server) = patch_all(
        3,
        vec![Answer::Computed(answer)],
        &["--if-unchanged-since-list"],
    );
    let outcome = outcome.ended(1);
    assert!(
        outcome.stderr.contains("2 patched, 0 unchanged, 1 refused"),
        "{outcome:?}"
    );
    for request in server
        .requests()
        .iter()
        .filter(|request| request.method == "PATCH")
    {
        let name = request.target.split('?').next().unwrap();
        let number: usize = name.rsplit_once('c').unwrap().1.parse().unwrap();
        let body = String::from_utf8(request.body.clone()).unwrap();
        let guard = format!(r#""metadata":{{"resourceVersion":"{}"}}"#, number + 1);
        assert!(body.contains(&guard), "{body}");
    }
}

#[test]
fn a_429_pauses_all_requests_and_nothing_is_patched_twice() {
    // The first PATCH of each round is refused: the list is request 0.
    fn answer(request: &Request, number: usize) -> Answer {
        match number {
            1..=4 => Answer::Reply(status(429, "TooManyRequests").header("Retry-After", "1")),
            _ => Answer::Reply(object(request)),
        }
    }
    let start = Instant::now();
    let (outcome, server) = patch_all(8, vec![Answer::Computed(answer)], &["--max-in-flight=4"]);
    let outcome = outcome.succeeded();
    assert_eq!(
        outcome.stderr,
        "8 patched, 0 unchanged, 0 refused, 0 unknown, 0 gone\n"
    );
    assert!(start.elapsed() > Duration::from_secs(1));
    // The list, four refusals, and each object once.
    assert_eq!(server.requests().len(), 1 + 4 + 8);
}

#[test]
fn a_storm_of_429_comes_to_an_end() {
    fn answer(request: &Request, number: usize) -> Answer {
        if number.is_multiple_of(3) {
            Answer::Reply(object(request))
        } else {
            Answer::Reply(status(429, "TooManyRequests"))
        }
    }
    let (outcome, server) = patch_all(6, vec![Answer::Computed(answer)], &["--max-in-flight=3"]);
    outcome.succeeded();
    let accepted = server.requests().len();
    assert!(accepted < 1 + 6 * 4, "{accepted}");
}

#[test]
fn a_lost_login_ends_the_run_after_the_requests_in_flight() {
    fn answer(request: &Request, number: usize) -> Answer {
        if number < 3 {
            Answer::Reply(object(request))
        } else {
            Answer::Reply(status(401, "Unauthorized"))
        }
    }
    let failed = failed_to("login");
    let arguments = ["--max-in-flight=4", "--failed-to", failed.to_str().unwrap()];
    let (outcome, server) = patch_all(50, vec![Answer::Computed(answer)], &arguments);
    let outcome = outcome.ended(3);
    assert!(
        outcome
            .stderr
            .starts_with("2 patched, 0 unchanged, 0 refused, 0 unknown, 0 gone, 48 not tried\n"),
        "{outcome:?}"
    );
    assert!(
        outcome
            .stderr
            .contains("You must be logged in to the server"),
        "{outcome:?}"
    );
    assert!(
        server.requests().len() <= 1 + 2 + 5,
        "{}",
        server.requests().len()
    );
    assert_eq!(fs::read_to_string(&failed).unwrap().lines().count(), 48);
}

#[test]
fn a_login_is_renewed_once_for_all_requests_in_flight() {
    fn answer(request: &Request, _: usize) -> Answer {
        if request.header("authorization") == ["Bearer token-1"] {
            Answer::Delayed(Duration::from_millis(100), status(401, "Unauthorized"))
        } else {
            Answer::Reply(object(request))
        }
    }
    let server = FaultyServer::start([page(0..20, ""), Answer::Computed(answer)]).unwrap();
    let kubeconfig = server.kubeconfig().unwrap();
    let plugin = r#"echo >> runs; echo "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"token-$(grep -c '' runs)\"}}""#;
    fs::write(server.folder().join("plugin"), plugin).unwrap();
    let text = fs::read_to_string(&kubeconfig).unwrap();
    let exec = "exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh, args: [plugin]}";
    let token = format!("token: {}", faulty_server::TOKEN);
    fs::write(&kubeconfig, text.replace(&token, exec)).unwrap();
    let mut command = command(&kubeconfig);
    command
        .current_dir(server.folder())
        .env("PATH", "/usr/bin:/bin");
    let outcome = run(command.args(PATCH).arg(COLLECTION), "").succeeded();
    assert!(outcome.stderr.starts_with("20 patched"), "{outcome:?}");
    assert_eq!(
        fs::read_to_string(server.folder().join("runs")).unwrap(),
        "\n\n"
    );
}

/// Starts a run, and sends it `signals` after the server has received `requests`.
fn interrupted(
    count: usize,
    answer: fn(&Request, usize) -> Answer,
    requests: usize,
    arguments: &[&str],
    signals: &[Signal],
) -> (Outcome, FaultyServer) {
    let server = FaultyServer::start([page(0..count, ""), Answer::Computed(answer)]).unwrap();
    let mut command = command(&server.kubeconfig().unwrap());
    command.args(PATCH).args(arguments).arg(COLLECTION);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    while server.requests().len() < requests {
        thread::sleep(Duration::from_millis(5));
    }
    for signal in signals {
        thread::sleep(Duration::from_millis(200));
        kill_process(Pid::from_child(&child), *signal).unwrap();
    }
    (child.wait_with_output().unwrap().into(), server)
}

#[test]
fn the_first_signal_waits_for_the_requests_in_flight() {
    fn answer(request: &Request, _: usize) -> Answer {
        Answer::Delayed(Duration::from_secs(1), object(request))
    }
    for (signal, number) in [(Signal::INT, 2), (Signal::TERM, 15)] {
        let failed = failed_to("signal");
        let arguments = ["--max-in-flight=4", "--failed-to", failed.to_str().unwrap()];
        let (outcome, server) = interrupted(50, answer, 5, &arguments, &[signal]);
        assert_eq!(outcome.signal, Some(number), "{outcome:?}");
        assert_eq!(
            outcome.stderr,
            format!(
                "rawpatch: interrupted: waiting for 4 requests; interrupt again to stop at once\n\
                 4 patched, 0 unchanged, 0 refused, 0 unknown, 0 gone, 46 not tried\n\
                 error: interrupted; 46 of 50 objects were not patched\n\
                 hint: check them, then try again with --paths-from {}\n",
                failed.display()
            )
        );
        assert_eq!(outcome.lines().len(), 4);
        assert_eq!(server.requests().len(), 5);
        assert_eq!(fs::read_to_string(&failed).unwrap().lines().count(), 46);
    }
}

#[test]
fn the_second_signal_ends_the_run_and_counts_unknown_outcomes() {
    fn answer(_: &Request, _: usize) -> Answer {
        Answer::Silence
    }
    let signals = [Signal::INT, Signal::TERM];
    let (outcome, server) = interrupted(9, answer, 4, &["--max-in-flight=3"], &signals);
    assert_eq!(outcome.signal, Some(15), "{outcome:?}");
    assert!(
        outcome.stderr.contains(
            "0 patched, 0 unchanged, 0 refused, 3 unknown, 0 gone, 6 not tried\n\
             error: interrupted; 9 of 9 objects were not patched, or the outcome is unknown (3)\n"
        ),
        "{outcome:?}"
    );
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn a_second_signal_ends_a_run_whose_output_is_not_read() {
    let server = FaultyServer::start([page(0..500, ""), Answer::Computed(accept)]).unwrap();
    let mut command = command(&server.kubeconfig().unwrap());
    let template = format!("-o=jsonpath={}", "x".repeat(4_000));
    command.args(PATCH).arg(&template).arg(COLLECTION);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let count = || server.requests().len();
    let mut before = 0;
    // No program reads stdout, so the requests come to an end.
    while count() < 20 || count() != std::mem::replace(&mut before, count()) {
        thread::sleep(Duration::from_millis(300));
    }
    assert!(count() < 300, "{}", count());
    for _ in 0..2 {
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        thread::sleep(Duration::from_millis(300));
    }
    let outcome: Outcome = child.wait_with_output().unwrap().into();
    assert_eq!(outcome.signal, Some(2), "{outcome:?}");
    assert!(
        outcome.stderr.contains(" 0 unknown, 0 gone, "),
        "{outcome:?}"
    );
}

#[test]
fn an_unknown_outcome_decides_the_exit_code() {
    fn answer(request: &Request, _: usize) -> Answer {
        match (request.method.as_str(), &request.target) {
            ("PATCH", target) if target.contains("/c1?") => Answer::CloseUnanswered,
            ("PATCH", target) if target.contains("/c2?") => Answer::Reply(status(422, "Invalid")),
            ("PATCH", _) => Answer::Reply(object(request)),
            // The outcome cannot be verified.
            _ => Answer::Reply(status(403, "Forbidden")),
        }
    }
    let failed = failed_to("unknown");
    let arguments = ["--failed-to", failed.to_str().unwrap()];
    let (outcome, server) = patch_all(4, vec![Answer::Computed(answer)], &arguments);
    let outcome = outcome.ended(10);
    let summary = "2 patched, 0 unchanged, 1 refused, 1 unknown, 0 gone\n\
                   error: outcome unknown: 1 of 4 objects may or may not have been patched\n";
    assert!(outcome.stderr.contains(summary), "{outcome:?}");
    let lost = format!("{COLLECTION}/c1: error: outcome unknown: ");
    assert!(outcome.stderr.contains(&lost), "{outcome:?}");
    assert_eq!(patches(&server, 1), 1);
    let again = format!("{COLLECTION}/c1\n{COLLECTION}/c2\n");
    assert_eq!(fs::read_to_string(&failed).unwrap(), again);
}
