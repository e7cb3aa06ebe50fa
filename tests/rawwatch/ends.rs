use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use control_plane::ControlPlane;
use rustix::process::Signal;
use support::unique;

use super::plugin::*;

#[test]
fn a_timeout_alone_exits_with_0() {
    let (run, _server) = against(
        [list(), open_stream(event("MODIFIED", "a", "11"))],
        &["--timeout=1s"],
    );
    let outcome = run.wait().ended(0);
    assert_eq!(outcome.short(), ["ADDED a", "MODIFIED a"]);
    assert_eq!(outcome.stderr, "");
}

#[test]
fn timeout_seconds_in_the_path_is_the_timeout_of_the_run() {
    let server =
        faulty_server::FaultyServer::start([list(), open_stream(event("MODIFIED", "a", "11"))])
            .unwrap();
    let path = format!("{CONFIG_MAPS}?watch=1&timeoutSeconds=1");
    let start = Instant::now();
    Run::start(command(&server.kubeconfig().unwrap()).arg(path))
        .wait()
        .ended(0);
    assert!(start.elapsed() >= Duration::from_secs(1));
    let asked: u64 = query_parameter(&server, 1, "timeoutSeconds")
        .unwrap()
        .parse()
        .unwrap();
    assert!((200..240).contains(&asked), "{asked}");
}

#[test]
fn a_timeout_before_the_count_exits_with_1() {
    let (run, _server) = against(
        [list(), open_stream(event("MODIFIED", "a", "11"))],
        &["--timeout=1s", "--count=3"],
    );
    let outcome = run.wait().ended(1);
    assert_eq!(
        outcome.stderr,
        "error: timed out waiting for the condition\n  2 of 3 events were printed\n"
    );
    assert_eq!(outcome.lines().len(), 2);
}

#[test]
fn a_termination_signal_ends_a_run_by_the_signal() {
    for (signal, number) in [
        (Signal::HUP, 1),
        (Signal::INT, 2),
        (Signal::QUIT, 3),
        (Signal::TERM, 15),
    ] {
        let (mut run, _server) = against(
            [list(), open_stream(event("MODIFIED", "a", "11"))],
            &["--stats"],
        );
        run.line();
        run.line();
        let start = Instant::now();
        run.signal(signal);
        let outcome = run.wait();
        assert!(
            start.elapsed() < Duration::from_millis(250),
            "{:?}",
            start.elapsed()
        );
        assert_eq!(outcome.signal, Some(number), "{outcome:?}");
        assert_eq!(
            without_lag(&outcome.stderr),
            "rawwatch: events: 2, bytes: 271, reconnects: 0, resyncs: 0, duplicates dropped: 0"
        );
    }
}

#[test]
fn a_signal_that_was_ignored_at_the_start_does_not_end_a_run() {
    let server =
        faulty_server::FaultyServer::start([list(), open_stream(event("MODIFIED", "a", "11"))])
            .unwrap();
    let mut ignoring = support::command("sh", &server.kubeconfig().unwrap());
    ignoring.args(["-c", r#"trap "" HUP INT QUIT; exec "$@""#, "sh"]);
    let mut run = Run::start(
        ignoring
            .arg(env!("CARGO_BIN_EXE_kubectl-rawwatch"))
            .args(["--timeout=1s", CONFIG_MAPS]),
    );
    run.line();
    for signal in [Signal::HUP, Signal::INT, Signal::QUIT] {
        run.signal(signal);
    }
    assert_eq!(run.wait().ended(0).short(), ["ADDED a", "MODIFIED a"]);
}

#[test]
fn a_signal_ends_a_run_whose_output_is_not_read() {
    let many: String = (11..5000)
        .map(|version| event("MODIFIED", "a", &version.to_string()))
        .collect();
    let server = faulty_server::FaultyServer::start([list(), open_stream(many)]).unwrap();
    let mut child = command(&server.kubeconfig().unwrap())
        .arg(CONFIG_MAPS)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // By then the pipe is full.
    thread::sleep(Duration::from_millis(500));
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, Signal::INT).unwrap();
    let start = Instant::now();
    let status = child.wait().unwrap();
    assert!(
        start.elapsed() < Duration::from_millis(500),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(2)
    );
}

#[test]
fn a_closed_pipe_ends_a_run_by_sigpipe_without_a_message() {
    let server = faulty_server::FaultyServer::start([
        list(),
        faulty_server::Answer::Stream(vec![
            faulty_server::Piece::Send(event("MODIFIED", "a", "11").into_bytes()),
            faulty_server::Piece::Pause(Duration::from_millis(300)),
            faulty_server::Piece::Send(event("MODIFIED", "a", "12").into_bytes()),
        ]),
    ])
    .unwrap();
    let mut child = command(&server.kubeconfig().unwrap())
        .arg(CONFIG_MAPS)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 20]).unwrap();
    drop(stdout);
    let status = child.wait().unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(13)
    );
    assert_eq!(read_all(child.stderr.take().unwrap()), "");
}

#[test]
fn a_closed_pipe_also_ends_an_idle_watch() {
    let silence = faulty_server::Piece::Pause(Duration::from_mins(1));
    let stream = faulty_server::Answer::Stream(vec![silence]);
    let server = faulty_server::FaultyServer::start([list(), stream]).unwrap();
    let mut child = command(&server.kubeconfig().unwrap())
        .arg(CONFIG_MAPS)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Reads one line, as `head -1` does.
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    drop(stdout);
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap()),
        Some(13)
    );
    assert_eq!(read_all(child.stderr.take().unwrap()), "");
}

#[test]
fn a_full_disk_is_reported_with_exit_code_74() {
    let server = faulty_server::FaultyServer::start([list(), open_stream("")]).unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = command(&server.kubeconfig().unwrap())
        .arg(CONFIG_MAPS)
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(74));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "error: cannot write to stdout: no space left on device\n"
    );
}

#[test]
fn for_waits_for_the_same_conditions_as_kubectl_wait() {
    let server = ControlPlane::shared();
    let name = unique("waits");
    let path = format!("{CONFIG_MAPS}/{name}");
    let created = start(&[&path, "--for=create", "-v1"]);
    let mut filled = start(&[&path, "--for=jsonpath={.data.key}=1", "-o", "name", "-v1"]);
    let mut both = start(&[&path, "--for=create", "--for=jsonpath={.data.key}=1", "-v1"]);
    let note = format!(
        "rawwatch: {path} is a single object: watching {CONFIG_MAPS} with fieldSelector=metadata.name={name}\n"
    );
    for run in [&created, &filled, &both] {
        run.wait_for_stderr(&note);
    }
    create(server, &name, "x");
    assert_eq!(created.wait().ended(0).short(), [format!("ADDED {name}")]);
    filled.line();
    both.expect(&format!("ADDED {name}"));
    change(server, &path, "1");
    assert_eq!(
        filled.wait().ended(0).lines(),
        [format!("configmap/{name}"), format!("configmap/{name}")]
    );
    assert_eq!(
        both.wait().ended(0).short(),
        [format!("ADDED {name}"), format!("MODIFIED {name}")]
    );
    let met_already = rawwatch(&[&path, "--for=jsonpath={.data.key}=1", "--watch-only"]).ended(0);
    assert!(met_already.lines().is_empty());
    let never = rawwatch(&[&path, "--for=delete", "--timeout=1s"]).ended(1);
    assert_eq!(
        never.stderr,
        format!(
            "error: timed out waiting for the condition on configmaps/{name}\n  \
             configmaps/{name}: still exists\n"
        )
    );
    delete(server, &path);
    rawwatch(&[&path, "--for=delete", "--timeout=5s"]).ended(0);
}

#[test]
fn for_waits_until_every_path_meets_the_condition() {
    let (run, _server) = against(
        [list_of("10", &[("a", "1"), ("b", "2")])],
        &["--for=synced"],
    );
    assert_eq!(run.wait().ended(0).short(), ["ADDED a", "ADDED b"]);
    let server = ControlPlane::shared();
    let (one, other) = (unique("every"), unique("every"));
    let one_path = create(server, &one, "x");
    let other_path = format!("{CONFIG_MAPS}/{other}");
    let mut run = start(&[&one_path, &other_path, "--for=create"]);
    run.expect(&format!("ADDED {one}"));
    assert!(run.is_running());
    create(server, &other, "x");
    run.expect(&format!("ADDED {other}"));
    run.wait().ended(0);
}

/// The number of paths exceeds any small limit on concurrent tasks.
#[test]
fn any_of_many_paths_can_end_the_run() {
    let empty = |number: usize| format!("/api/v1/namespaces/empty-{number}/configmaps");
    let mut paths: Vec<String> = (0..60).map(empty).collect();
    paths.push("/api/v1/namespaces/kube-system/configmaps".to_owned());
    let run = |more: &[&str]| {
        let paths = paths.iter().map(String::as_str);
        rawwatch(&paths.chain(more.iter().copied()).collect::<Vec<_>>())
    };
    run(&["--for=synced"]).ended(0);
    run(&["--count=1"]).ended(0);
    let outcome = run(&["/apis/none.example.com/v1/things"]).ended(1);
    assert_eq!(
        outcome.stderr,
        "rawwatch: /apis/none.example.com/v1/things: stopping, because this watch failed\n\
         Error from server (NotFound): the server could not find the requested resource\n\
         hint: the server has no API group none.example.com; `kubectl api-versions` lists all groups\n"
    );
}

#[test]
fn an_api_without_watch_is_named() {
    for (path, reason) in [
        (
            "/api/v1/componentstatuses",
            "its lists have no resourceVersion",
        ),
        (
            "/api/v1/componentstatuses/etcd-0",
            "its lists have no resourceVersion",
        ),
    ] {
        for format in ["json", "table"] {
            let outcome = rawwatch(&[path, "-o", format]).ended(1);
            assert_eq!(
                outcome.stderr,
                format!(
                    "Warning: v1 ComponentStatus is deprecated in v1.19+\n\
                     error: the API of PATH does not support watch: {reason}\n\
                     hint: use --poll 10s to list at an interval and print the differences\n"
                )
            );
        }
    }
    let refusal = error_response(405, "MethodNotAllowed", "not allowed");
    let (run, _server) = against([list(), faulty_server::Answer::Reply(refusal)], &[]);
    run.wait().ended(1).says(
        "error: the API of PATH does not support watch: the server does not allow it (405)\n",
    );
}
