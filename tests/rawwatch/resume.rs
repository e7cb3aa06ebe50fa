use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use control_plane::ControlPlane;
use faulty_server::{Answer, FaultyServer, Piece, Reply};
use rustix::process::{Pid, Signal};
use serde_json::Value;
use support::{Outcome, unique};

use super::plugin::*;

/// Returns the path of a file that does not exist yet, and the flag for it.
fn resume_file() -> (PathBuf, String) {
    let file = ControlPlane::shared().folder().join(unique("resume"));
    let flag = format!("--resume-file={}", file.display());
    (file, flag)
}

#[test]
fn a_run_resumes_exactly_after_the_last_line_of_the_previous_run() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let (file, flag) = resume_file();
    let goes = create(server, &unique("goes"), &label);
    let stays = create(server, &unique("stays"), &label);
    let arguments = [CONFIG_MAPS, &selector, &flag];
    let mut run = start(&arguments);
    run.line();
    run.line();
    change(server, &stays, "first");
    run.line();
    run.signal(Signal::TERM);
    assert_eq!(run.wait().signal, Some(15));
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("first") && text.contains("stays"), "{text}");

    change(server, &stays, "second");
    delete(server, &goes);
    let outcome = rawwatch(&[&arguments[..], &["--count=2"]].concat()).ended(0);
    assert!(outcome.lines()[0].contains("second"), "{outcome:#?}");
    assert!(
        outcome.short()[1].starts_with("DELETED goes"),
        "{outcome:#?}"
    );
    // The run before this one ended by itself.
    change(server, &stays, "third");
    let outcome = rawwatch(&[&arguments[..], &["--count=1"]].concat()).ended(0);
    assert!(outcome.lines()[0].contains("third"), "{outcome:#?}");
}

#[test]
fn a_resumed_run_reports_deletions_even_after_a_compaction() {
    let server = ControlPlane::builder()
        .api_server_flag("--watch-cache=false")
        .start()
        .unwrap();
    let (_, flag) = resume_file();
    let kubeconfig = server.kubeconfig(&control_plane::User::Admin).unwrap();
    let arguments = [CONFIG_MAPS, "--selector=of=x", &flag];
    let path = create(&server, "goes", "x");
    Run::start(command(&kubeconfig).args(arguments).arg("--count=1"))
        .wait()
        .ended(0);
    delete(&server, &path);
    create(&server, "comes", "x");
    server.compact().unwrap();
    let outcome = Run::start(command(&kubeconfig).args(arguments).arg("--count=2"))
        .wait()
        .ended(0);
    assert_eq!(
        outcome.short(),
        ["[DELETED goes]", "[ADDED comes]"],
        "{outcome:#?}"
    );
}

#[test]
fn a_resumed_run_completes_an_interrupted_initial_state() {
    let (_, flag) = resume_file();
    let objects = [("a", "1"), ("b", "2"), ("c", "3")];
    let server = faulty_server::FaultyServer::start([list_of("10", &objects)]).unwrap();
    let kubeconfig = server.kubeconfig().unwrap();
    let run = |count: &str| {
        let mut command = command(&kubeconfig);
        Run::start(command.args([CONFIG_MAPS, &flag, count]))
            .wait()
            .ended(0)
    };
    assert_eq!(run("--count=1").short(), ["ADDED a"]);
    let rest = run("--count=2");
    assert_eq!(rest.short(), ["[ADDED b]", "[ADDED c]"]);
    assert!(
        rest.lines()[0].contains("\"reason\":\"initial\""),
        "{rest:#?}"
    );
}

#[test]
fn a_run_resumed_after_sigkill_loses_nothing() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let (file, flag) = resume_file();
    let path = create(server, &unique("killed"), &label);
    let mut run = start(&[CONFIG_MAPS, &selector, &flag]);
    run.line();
    wait_until(|| file.exists(), || "no file was written".to_owned());
    change(server, &path, "1");
    run.line();
    run.signal(Signal::KILL);
    run.wait();
    change(server, &path, "2");
    let mut run = start(&[CONFIG_MAPS, &selector, &flag]);
    // The previous event may be printed again.
    let seen = (0..2)
        .map(|_| run.line())
        .find(|line| line.contains("\"key\":\"2\""));
    assert!(seen.is_some());
}

#[test]
fn a_resume_file_of_another_watch_or_program_is_refused() {
    let (file, flag) = resume_file();
    let (_, selector) = label();
    rawwatch(&[CONFIG_MAPS, &selector, &flag, "--timeout=1s"]).ended(0);
    let assert_refused = |arguments: &[&str], reason: &str| {
        let outcome = rawwatch(&[arguments, &[&flag]].concat()).ended(2);
        assert_eq!(
            outcome.stderr,
            format!(
                "error: {flag}: {reason}\n\
                 hint: choose another --resume-file, or delete {} to start over\n",
                file.display()
            )
        );
    };
    assert_refused(&[CONFIG_MAPS], "saved for other paths or selectors");
    assert_refused(
        &["/api/v1/secrets", &selector],
        "saved for other paths or selectors",
    );
    let outcome = rawwatch(&[CONFIG_MAPS, "--for=create", &flag]).ended(2);
    assert_eq!(
        outcome.stderr,
        format!(
            "error: --for and {flag} cannot be used together\n\
             hint: remove --resume-file: --for needs whole objects, but the file stores only names\n"
        )
    );
    let mut content: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    content["server"] = "another".into();
    fs::write(&file, content.to_string()).unwrap();
    assert_refused(&[CONFIG_MAPS, &selector], "saved for another cluster");
    fs::write(&file, "{\"format\":2}").unwrap();
    let outcome = rawwatch(&[CONFIG_MAPS, &selector, &flag]).ended(2);
    assert_eq!(
        outcome.stderr,
        format!(
            "error: {flag}: saved by a newer version of kubectl rawwatch (format 2)\n\
             hint: update kubectl rawwatch, or choose another --resume-file\n"
        )
    );
    fs::write(&file, "{}").unwrap();
    assert_refused(&[CONFIG_MAPS, &selector], "not a resume file");
    for (name, reason) in [
        ("/dev/null/file", "not a directory"),
        ("/tmp/", "not a file"),
    ] {
        let flag = format!("--resume-file={name}");
        let outcome = rawwatch(&[CONFIG_MAPS, &flag, "--timeout=1s"]).ended(2);
        let message = format!("error: {flag}: {reason}\n");
        assert_eq!(outcome.stderr, message);
    }
    let outcome = rawwatch(&[CONFIG_MAPS, "--resume-file=", "--timeout=1s"]).ended(2);
    assert_eq!(
        outcome.stderr,
        "error: --resume-file has an empty value\nhint: name a file\n"
    );
}

#[test]
fn a_resume_file_serves_one_run_at_a_time() {
    let (label, selector) = label();
    let (_, flag) = resume_file();
    create(ControlPlane::shared(), &unique("locked"), &label);
    let arguments = [CONFIG_MAPS, &selector, &flag];
    let mut run = start(&arguments);
    run.line();
    let outcome = rawwatch(&arguments).ended(2);
    assert_eq!(
        outcome.stderr,
        format!(
            "error: {flag}: another run is using this file\n\
             hint: use a different file for each run\n"
        )
    );
    run.signal(Signal::KILL);
    run.wait();
    rawwatch(&[&arguments[..], &["--timeout=2s"]].concat()).ended(0);
}

/// Writing this many objects takes longer than a signal waits for a reader of stdout. The first answer
/// in the script identifies the server.
#[test]
fn a_signal_waits_for_a_large_resume_file() {
    let (file, flag) = resume_file();
    let names: Vec<String> = (0..100_000).map(|number| format!("n-{number}")).collect();
    let objects: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let later = Answer::Stream(vec![
        Piece::Pause(Duration::from_secs(3)),
        Piece::Send(event("MODIFIED", "n-7", "11").into_bytes()),
    ]);
    let (mut run, _server) = against(
        [list(), list_of("10", &objects), later],
        &["-o", "name", &flag],
    );
    for _ in 0..=names.len() {
        run.line();
    }
    run.signal(Signal::TERM);
    // A stopped process stands in for a slow disk.
    sleep(Duration::from_millis(30));
    run.signal(Signal::STOP);
    sleep(Duration::from_millis(400));
    run.signal(Signal::CONT);
    assert_eq!(run.wait().signal, Some(15));
    let content: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(content["paths"][0]["cursor"]["at"], "11");
}

#[test]
fn a_deletion_is_reported_even_if_sigkill_precedes_the_first_save() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let (_, flag) = resume_file();
    let goes = create(server, &unique("goes"), &label);
    create(server, &unique("stays"), &label);
    let arguments = [CONFIG_MAPS, &selector, &flag];
    let mut run = start(&arguments);
    run.line();
    run.signal(Signal::KILL);
    run.wait();
    delete(server, &goes);
    let outcome = rawwatch(&[&arguments[..], &["--timeout=3s"]].concat()).ended(0);
    let lines = outcome.short();
    assert_eq!(lines.len(), 2, "{outcome:#?}");
    assert!(lines[0].starts_with("[DELETED goes"), "{outcome:#?}");
    // The line may have been printed before.
    assert!(lines[1].starts_with("[ADDED stays"), "{outcome:#?}");
}

#[test]
fn watch_only_saves_the_objects_before_the_first_event() {
    let (file, flag) = resume_file();
    let (mut run, _server) = against(
        [list(), list(), open_stream(event("MODIFIED", "a", "11"))],
        &["--watch-only", &flag],
    );
    run.line();
    run.signal(Signal::KILL);
    run.wait();
    let content: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert!(content["paths"][0]["index"]["a"].is_object(), "{content}");
    assert_eq!(content["paths"][0]["cursor"]["at"], "10");
}

/// Returns a kubeconfig for a server that sends many events of this size, and the server.
fn busy_server(size: usize) -> (PathBuf, FaultyServer) {
    let padding = "x".repeat(size);
    let events = (11..5000).map(|version| {
        event("MODIFIED", "a", &version.to_string())
            .replace("\"uid\"", &format!("\"x\":\"{padding}\",\"uid\""))
    });
    let stream = open_stream(events.collect::<String>());
    let server = FaultyServer::start([list(), list(), stream]).unwrap();
    (server.kubeconfig().unwrap(), server)
}

/// Returns the version of the object in a line.
fn version_of(line: &str) -> String {
    let event: Value = serde_json::from_str(line).unwrap();
    let version = &event["object"]["metadata"]["resourceVersion"];
    version.as_str().unwrap().to_owned()
}

/// The pipe is full when the signal arrives.
#[test]
fn a_signal_saves_what_a_slow_reader_has_got() {
    for (size, reads_on) in [(10, true), (10, false), (10_000, true), (10_000, false)] {
        let (file, flag) = resume_file();
        let (kubeconfig, _server) = busy_server(size);
        let mut child = command(&kubeconfig)
            .args([CONFIG_MAPS, "--watch-only", &flag])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::with_capacity(1, child.stdout.take().unwrap());
        let mut lines = Vec::new();
        let mut read = |pause| {
            let mut line = String::new();
            sleep(pause);
            let count = stdout.read_line(&mut line).unwrap();
            if count > 0 {
                lines.push(line);
            }
            count > 0
        };
        for _ in 0..5 {
            read(Duration::from_millis(100));
        }
        rustix::process::kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        let start = Instant::now();
        if !reads_on {
            assert_eq!(child.wait().unwrap().signal(), Some(15));
            assert!(start.elapsed() < Duration::from_secs(2));
        }
        while read(Duration::from_millis(5)) {}
        assert_eq!(child.wait().unwrap().signal(), Some(15));
        let is_torn = !lines.last().unwrap().ends_with('\n');
        assert!(!is_torn || !reads_on && size > 4096, "{:?}", lines.last());
        if is_torn {
            lines.pop();
        }
        let content: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let saved = content["paths"][0]["cursor"]["at"].as_str().unwrap();
        assert_eq!(
            saved,
            version_of(lines.last().unwrap()),
            "{size} {reads_on}"
        );
    }
}

#[test]
fn a_timeout_ends_a_run_whose_output_is_not_read() {
    let (_, flag) = resume_file();
    let (kubeconfig, _server) = busy_server(10);
    let mut child = command(&kubeconfig)
        .args([CONFIG_MAPS, "--watch-only", "--timeout=1s", &flag])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(3));
}

/// Returns the namespace that identifies a cluster.
fn namespace(uid: &str) -> Answer {
    let namespace = format!(
        r#"{{"kind":"Namespace","metadata":{{"name":"kube-system","uid":"{uid}","resourceVersion":"1"}}}}"#
    );
    Answer::Reply(Reply::json(200, namespace))
}

/// Runs rawwatch with a resume file against a script.
fn resumed(script: impl IntoIterator<Item = Answer>, arguments: &[&str]) -> Outcome {
    let server = FaultyServer::start(script).unwrap();
    let kubeconfig = server.kubeconfig().unwrap();
    let run = Run::start(command(&kubeconfig).arg(CONFIG_MAPS).args(arguments));
    run.wait()
}

#[test]
fn the_question_for_the_cluster_is_retried_and_limited_like_any_other() {
    let busy = || Answer::Reply(error_response(503, "ServiceUnavailable", "starting"));
    let (_, flag) = resume_file();
    let script = [busy(), busy(), namespace("u"), list()];
    resumed(script, &["--count=1", &flag]).ended(0);
    let (_, flag) = resume_file();
    let script = [Answer::CloseUnanswered, namespace("u"), list()];
    resumed(script, &["--count=1", "--retry-for=20s", &flag]).ended(0);
    let (file, flag) = resume_file();
    let start = Instant::now();
    let outcome = resumed([Answer::Silence], &["--timeout=1s", &flag]).ended(3);
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(
        outcome.stderr,
        "Unable to connect to the server: no response before --timeout passed\n"
    );
    let outcome = resumed([busy()], &["--timeout=1s", &flag]).ended(5);
    assert_eq!(
        outcome.stderr,
        "error: --timeout passed before the cluster was identified for --resume-file: \
         Error from server (ServiceUnavailable): starting\n"
    );
    assert!(!file.exists());
}

#[test]
fn a_cluster_that_cannot_be_identified_is_compared_later() {
    let forbidden = || Answer::Reply(error_response(403, "Forbidden", "no"));
    let (_, flag) = resume_file();
    let script = [
        namespace("u"),
        list(),
        Answer::Stream(vec![Piece::Pause(Duration::from_mins(1))]),
        // The right to read the namespace is gone, and the API server is about to read its roles.
        forbidden(),
        forbidden(),
        open_stream(event("MODIFIED", "a", "11")),
    ];
    let server = FaultyServer::start(script).unwrap();
    let run = |server: &FaultyServer, end: &str| {
        let mut command = command(&server.kubeconfig().unwrap());
        Run::start(command.args([CONFIG_MAPS, &flag, end])).wait()
    };
    assert_eq!(run(&server, "--timeout=2s").ended(0).short(), ["ADDED a"]);
    assert_eq!(run(&server, "--count=1").ended(0).short(), ["MODIFIED a"]);
    let other = FaultyServer::start([namespace("other")]).unwrap();
    let stderr = run(&other, "--count=1").ended(2).stderr;
    assert!(stderr.contains("saved for another cluster"), "{stderr}");
}

#[test]
fn a_run_without_a_success_leaves_no_file() {
    let folder = ControlPlane::shared().folder().join(unique("empty"));
    fs::create_dir(&folder).unwrap();
    let flag = format!("--resume-file={}", folder.join("cursor").display());
    rawwatch(&["/api/v1/namespaces/default/configmapz", &flag]).ended(1);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn a_symbolic_link_stays_and_its_target_is_replaced() {
    let (file, _) = resume_file();
    let link = file.with_extension("link");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let flag = format!("--resume-file={}", link.display());
    let arguments = [CONFIG_MAPS, "--selector=of=none", "--timeout=1s", &flag];
    let outcome = rawwatch(&arguments).ended(2);
    assert_eq!(
        outcome.stderr,
        format!(
            "error: {flag}: a symbolic link to a file that does not exist\n\
             hint: remove the link: rm {}\n",
            link.display()
        )
    );
    let target = format!("--resume-file={}", file.display());
    rawwatch(&[&arguments[..3], &[&target]].concat()).ended(0);
    let before = fs::metadata(&file).unwrap().modified().unwrap();
    rawwatch(&arguments).ended(0);
    assert!(link.is_symlink());
    assert!(fs::metadata(&file).unwrap().modified().unwrap() > before);
}
