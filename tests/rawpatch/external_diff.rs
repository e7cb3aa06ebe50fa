use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use control_plane::ControlPlane;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use support::{Outcome, admin, config_map, run, write_program};
use tempfile::TempDir;

use super::expected::name;
use super::plugin::*;

const PATCH: [&str; 2] = ["-p", r#"{"data":{"key":"new"}}"#];

/// Returns `--diff` of the object at `path`, without a patch, with this `$KUBECTL_EXTERNAL_DIFF` and a
/// temporary folder of its own.
fn diff(path: &str, external: &str, temporary: &Path) -> Command {
    let mut command = command(&admin());
    command.args(["--diff", path]);
    command.env("PATH", std::env::var_os("PATH").unwrap());
    command
        .env("KUBECTL_EXTERNAL_DIFF", external)
        .env("TMPDIR", temporary);
    command
}

/// Runs `--diff` with a program that has this text. Asserts that it leaves no files.
#[track_caller]
fn diff_with_program(text: &str) -> Outcome {
    let (folder, temporary) = (program(text), tempfile::tempdir().unwrap());
    let program = folder.path().join("program");
    let mut command = diff(&config_map(), program.to_str().unwrap(), temporary.path());
    let outcome = run(command.args(PATCH), "input");
    assert_eq!(files(temporary.path()), Vec::<String>::new());
    outcome
}

/// Writes a program, and returns its folder.
fn program(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_program(&folder.path().join("program"), text);
    folder
}

fn files(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Replaces the names of the temporary folders, which are random.
fn without_random_names(text: &str, temporary: &Path) -> String {
    let mut text = text.replace(&*temporary.to_string_lossy(), "TMP");
    for prefix in ["TMP/LIVE-", "TMP/MERGED-"] {
        let parts: Vec<_> = text.split(prefix).collect();
        let rest = |part: &str| part.trim_start_matches(char::is_alphanumeric).to_owned();
        let rests = parts[1..]
            .iter()
            .map(|part| format!("{prefix}X{}", rest(part)));
        text = parts[0].to_owned() + &rests.collect::<String>();
    }
    text
}

#[test]
fn an_external_program_runs_like_in_kubectl_diff() {
    const PROGRAM: &str = r#"#!/bin/sh
        echo "$@"
        cat
        stat -c %A:%n "$1" "$2" "$1"/* "$2"/*
        cat "$1"/* "$2"/* | grep -v resourceVersion
        exit 1
    "#;
    let path = config_map();
    let temporary = tempfile::tempdir().unwrap();
    let folder = program(PROGRAM);
    let external = format!("{}/program -U0 --a=b_c ;  --x=y", folder.path().display());
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"key": "new"},
        "metadata": {"name": name(&path), "namespace": "default"},
    });
    let object = object.to_string();
    let apply = ["--type=apply", "--force-conflicts", "-p", &object];
    let mut ours = diff(&path, &external, temporary.path());
    let ours = run(ours.args(apply), "input").ended(1);
    let mut kubectl = ControlPlane::shared().kubectl().unwrap();
    kubectl.envs(ControlPlane::shared().environment(None).unwrap());
    kubectl
        .env("KUBECTL_EXTERNAL_DIFF", external)
        .env("TMPDIR", temporary.path());
    kubectl.args(["diff", "--server-side", "--force-conflicts", "-f", "-"]);
    let kubectls = run(&mut kubectl, &object).ended(1);
    let ours = without_random_names(&ours.stdout, temporary.path());
    assert_eq!(
        ours,
        without_random_names(&kubectls.stdout, temporary.path())
    );
    let file = format!("v1.ConfigMap.default.{}", name(&path));
    let start = format!(
        "TMP/LIVE-X TMP/MERGED-X -U0 --x=y\n\
         drwx------:TMP/LIVE-X\ndrwx------:TMP/MERGED-X\n\
         -rwx------:TMP/LIVE-X/{file}\n-rwx------:TMP/MERGED-X/{file}\n\
         apiVersion: v1\ndata:\n  key: value\nkind: ConfigMap\n"
    );
    assert!(ours.starts_with(&start), "{ours}");
    assert_eq!(files(temporary.path()), Vec::<String>::new());
}

#[test]
fn the_exit_code_of_an_external_program_decides() {
    assert_eq!(
        diff_with_program("#!/bin/sh\nexit 0").succeeded().stdout,
        ""
    );
    assert_eq!(
        diff_with_program("#!/bin/sh\necho x; exit 1")
            .ended(1)
            .stdout,
        "x\n"
    );
    let outcome = diff_with_program("#!/bin/sh\nexit 2").ended(74);
    assert!(
        outcome.stderr.ends_with(
            "program\": exit status: 2\nhint: check $KUBECTL_EXTERNAL_DIFF, or unset it\n"
        ),
        "{outcome:?}"
    );
    let outcome = diff_with_program("#!/bin/sh\nkill -9 $$").ended(74);
    assert!(outcome.stderr.contains("signal: 9"), "{outcome:?}");
    let temporary = tempfile::tempdir().unwrap();
    let outcome = run(
        diff(&config_map(), "no-such-program", temporary.path()).args(PATCH),
        "",
    )
    .ended(74);
    assert_eq!(
        outcome.stderr,
        "error: failed to run \"no-such-program\": no such file or directory\n\
         hint: check $KUBECTL_EXTERNAL_DIFF, or unset it\n"
    );
    assert_eq!(files(temporary.path()), Vec::<String>::new());
}

#[test]
fn an_empty_variable_is_not_a_program() {
    let temporary = tempfile::tempdir().unwrap();
    let outcome = run(diff(&config_map(), "", temporary.path()).args(PATCH), "").ended(1);
    assert!(
        outcome.stdout.starts_with("diff -u -N LIVE/v1.ConfigMap."),
        "{outcome:?}"
    );
}

#[test]
fn a_signal_removes_the_temporary_files() {
    let folder = program("#!/bin/sh\ntrap '' INT TERM\necho started\nwhile :; do sleep 0.1; done");
    let program = folder.path().join("program");
    for (signal, number) in [(Signal::INT, 2), (Signal::TERM, 15)] {
        let temporary = tempfile::tempdir().unwrap();
        let mut command = diff(&config_map(), program.to_str().unwrap(), temporary.path());
        command.args(PATCH);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        wait_for_files(temporary.path());
        kill_process(Pid::from_child(&child), signal).unwrap();
        let outcome = outcome(child);
        assert_eq!(outcome.signal, Some(number), "{outcome:?}");
        assert_eq!(outcome.stderr, "error: interrupted; nothing was changed\n");
        assert_eq!(files(temporary.path()), Vec::<String>::new());
    }
}

fn outcome(child: Child) -> Outcome {
    child.wait_with_output().unwrap().into()
}

fn wait_for_files(folder: &Path) {
    for _ in 0..400 {
        if files(folder).len() == 2 {
            thread::sleep(Duration::from_millis(300));
            return;
        }
        thread::sleep(Duration::from_millis(25));
    }
    panic!("{} stays empty", folder.display());
}
