use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use control_plane::ControlPlane;
use faulty_server::{Answer, Piece};
use rustix::process::Signal;
use serde_json::Value;
use support::unique;

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
    fs::write(&file, "{}").unwrap();
    assert_refused(&[CONFIG_MAPS, &selector], "not a resume file");
    for (name, reason) in [
        ("/dev/null/file", "not a directory"),
        ("", "not a file"),
        ("/tmp/", "not a file"),
    ] {
        let flag = format!("--resume-file={name}");
        let outcome = rawwatch(&[CONFIG_MAPS, &flag, "--timeout=1s"]).ended(2);
        let message = format!("error: {flag}: {reason}\n");
        assert_eq!(outcome.stderr, message);
    }
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
            "error: {flag}: in use by another run\n\
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
