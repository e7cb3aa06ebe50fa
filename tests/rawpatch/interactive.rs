use std::fs::File;
use std::process::{Command, Stdio};

use serde_json::json;
use support::pseudo_terminal::{Session, show};
use support::{admin, config_map, read, unique, write_program};

use super::expected::name;
use super::plugin::*;

const PATCH: &str = r#"{"data":{"key":"new"}}"#;

/// Returns `--diff --interactive` with more arguments, without colours.
fn ask(arguments: &[&str]) -> Command {
    let mut command = command(&admin());
    command.args(["--diff", "--interactive"]).args(arguments);
    command.env("NO_COLOR", "1");
    command
}

/// Starts a command on a terminal, and waits for its question about the object at `path`.
#[track_caller]
fn asked(command: &Command, kind: &str, path: &str) -> Session {
    let mut session = Session::start(command, |_| {});
    session.wait_for(&question(kind, path));
    session
}

fn question(kind: &str, path: &str) -> String {
    format!("Apply this patch to {kind}/{}? [y/N] ", name(path))
}

fn value(path: &str) -> String {
    read(path)["data"]["key"].as_str().unwrap().to_owned()
}

#[test]
fn the_patch_is_sent_after_a_yes() {
    for yes in ["y", "YES"] {
        let path = config_map();
        let mut session = asked(&ask(&["-p", PATCH, &path]), "configmap", &path);
        assert_eq!(value(&path), "value");
        session.enter(&format!("{yes}\n"));
        let (status, shown) = session.end();
        assert!(status.success(), "{shown}");
        let file = format!("v1.ConfigMap.default.{}", name(&path));
        assert!(
            shown.starts_with(&format!("diff -u -N LIVE/{file} MERGED/{file}\n")),
            "{shown}"
        );
        assert!(shown.contains("\n-  key: value\n+  key: new\n"), "{shown}");
        let end = format!(
            "{}{yes}\nconfigmap/{} patched\n",
            question("configmap", &path),
            name(&path)
        );
        assert!(shown.ends_with(&end), "{shown}");
        assert_eq!(value(&path), "new");
    }
}

#[test]
fn nothing_is_sent_after_any_other_answer() {
    const CONTROL_D: &str = "\u{4}";
    for answer in ["n\n", "\n", "yellow\n", CONTROL_D] {
        let path = config_map();
        let before = read(&path);
        let mut session = asked(&ask(&["-p", PATCH, &path]), "configmap", &path);
        session.enter(answer);
        let (status, shown) = session.end();
        assert_eq!(status.code(), Some(1), "{shown}");
        assert!(
            shown.ends_with("\nnot confirmed; nothing was changed\n"),
            "{shown}"
        );
        assert_eq!(read(&path), before);
    }
}

#[test]
fn control_c_at_the_question_changes_nothing() {
    use std::os::unix::process::ExitStatusExt as _;
    const CONTROL_C: &str = "\u{3}";
    let path = config_map();
    let before = read(&path);
    let mut session = asked(&ask(&["-p", PATCH, &path]), "configmap", &path);
    session.enter(CONTROL_C);
    let (status, shown) = session.end();
    assert_eq!(status.signal(), Some(2), "{shown}");
    assert!(
        shown.ends_with("\nerror: interrupted; nothing was changed\n"),
        "{shown}"
    );
    assert_eq!(read(&path), before);
}

#[test]
fn text_that_was_typed_before_the_question_is_no_answer() {
    let path = config_map();
    let mut session = Session::start(&ask(&["-p", PATCH, &path]), |_| {});
    session.enter("y\n");
    session.wait_for(&question("configmap", &path));
    session.enter("n\n");
    let (status, shown) = session.end();
    assert_eq!(status.code(), Some(1), "{shown}");
    assert_eq!(value(&path), "value");
}

#[test]
fn the_patch_comes_from_stdin_and_the_answer_from_the_terminal() {
    let path = config_map();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), PATCH).unwrap();
    let mut shell = command(&admin());
    let script = format!(
        "exec \"$@\" < {} > {0}.out 2> {0}.err",
        file.path().display()
    );
    let mut inner = Command::new("sh");
    inner.args(["-c", &script, "sh"]).arg(shell.get_program());
    inner.args(["--diff", "--interactive", "-f", "-", &path]);
    inner.envs(
        shell
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    shell = inner;
    let mut session = asked(&shell, "configmap", &path);
    session.enter("y\n");
    let (status, shown) = session.end();
    assert!(status.success(), "{shown}");
    let output =
        |end: &str| std::fs::read_to_string(format!("{}{end}", file.path().display())).unwrap();
    assert_eq!(output(".out"), "");
    assert_eq!(
        output(".err"),
        format!("configmap/{} patched\n", name(&path))
    );
    assert_eq!(value(&path), "new");
    for end in [".out", ".err"] {
        std::fs::remove_file(format!("{}{end}", file.path().display())).unwrap();
    }
}

#[test]
fn a_change_after_the_diff_is_a_conflict() {
    let path = config_map();
    let apply = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name(&path)}, "data": {"key": "new"}});
    for arguments in [
        &["-p", PATCH][..],
        &[
            "-p",
            r#"[{"op":"replace","path":"/data/key","value":"new"}]"#,
        ],
        &[
            "--type=apply",
            "--force-conflicts",
            "-p",
            &apply.to_string(),
        ],
        &["--exactly-once", "-p", PATCH],
    ] {
        let mut session = asked(&ask(&[arguments, &[&path]].concat()), "configmap", &path);
        let other = json!({"data": {"other": unique("x")}}).to_string();
        rawpatch(&["-p", &other, &path]).succeeded();
        let before = read(&path);
        session.enter("y\n");
        let (status, shown) = session.end();
        assert_eq!(status.code(), Some(9), "{shown}");
        assert!(
            shown.ends_with("\nhint: the object has changed since it was shown: run the command again to see the difference now\n"),
            "{shown}"
        );
        assert_eq!(read(&path), before);
    }
}

#[test]
fn an_object_that_appears_after_the_diff_is_a_conflict() {
    for (appears, flag, code) in [
        (true, "--exactly-once=false", 9),
        (true, "--exactly-once", 9),
        (false, "--exactly-once", 0),
    ] {
        let name = unique("created");
        let path = format!("/api/v1/namespaces/default/configmaps/{name}");
        let object = |value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": value}});
        let apply = object("new").to_string();
        let command = ask(&[
            "--type=apply",
            "--force-conflicts",
            flag,
            "-p",
            &apply,
            &path,
        ]);
        let mut session = asked(&command, "configmap", &path);
        if appears {
            support::create("/api/v1/namespaces/default/configmaps", &object("other"));
        }
        session.enter("y\n");
        let (status, shown) = session.end();
        assert_eq!(status.code(), Some(code), "{shown}");
        assert_eq!(value(&path), if appears { "other" } else { "new" });
        assert_eq!(
            shown.ends_with(&format!("configmap/{name} created\n")),
            !appears,
            "{shown}"
        );
    }
}

#[test]
fn nothing_is_asked_without_a_difference() {
    let path = config_map();
    let arguments = ["-p", r#"{"data":{"key":"value"}}"#, &path];
    let (status, shown) = Session::start(&ask(&arguments), |_| {}).end();
    assert!(status.success(), "{shown}");
    let equal = format!("configmap/{}: no differences\n", name(&path));
    assert_eq!(shown, equal);
    let strict = [&arguments[..], &["--fail-if-unchanged"]].concat();
    let (status, shown) = Session::start(&ask(&strict), |_| {}).end();
    assert_eq!(status.code(), Some(1), "{shown}");
    assert_eq!(shown, equal + "error: the patch changes nothing\n");
}

#[test]
fn nothing_is_asked_after_an_error_or_a_warning_as_error() {
    let path = config_map();
    for (arguments, code, error) in [
        (&["-p", r#"{"dta":{}}"#][..], 4, "unknown field \"dta\""),
        (
            &[
                "--validate=warn",
                "--warnings-as-errors",
                "-p",
                r#"{"dta":{},"data":{"key":"new"}}"#,
            ],
            4,
            "error: 1 warning received\n",
        ),
        (
            &["-p", r#"[{"op":"replace","path":"/metadata","value":{}}]"#],
            4,
            "",
        ),
        (
            &["--if-resource-version=1", "-p", PATCH],
            9,
            "not 1; the patch was not sent",
        ),
    ] {
        let command = ask(&[arguments, &[&path]].concat());
        let (status, shown) = Session::start(&command, |_| {}).end();
        assert_eq!(status.code(), Some(code), "{shown}");
        assert!(shown.contains(error) && !shown.contains("[y/N]"), "{shown}");
    }
    assert_eq!(value(&path), "value");
}

#[test]
fn a_patch_that_cannot_be_guarded_is_not_asked_about() {
    let path = config_map();
    let patch = r#"[{"op":"move","from":"/metadata/annotations","path":"/metadata/labels"},
        {"op":"copy","from":"/metadata/resourceVersion","path":"/data/key"},
        {"op":"copy","from":"/data/key","path":"/metadata/resourceVersion"}]"#;
    let annotate = r#"{"metadata":{"annotations":{"a":"b"}}}"#;
    rawpatch(&["-p", annotate, &path]).succeeded();
    let before = read(&path);
    let (status, shown) = Session::start(&ask(&["-p", patch, &path]), |_| {}).end();
    assert_eq!(status.code(), Some(2), "{shown}");
    assert_eq!(
        shown,
        "error: the patch cannot be limited to one resource version: operation 2 also writes /metadata/resourceVersion\n\
         hint: remove operation 2 from the patch; operations are counted from 0\n"
    );
    assert_eq!(read(&path), before);
}

#[test]
fn the_external_program_writes_to_the_terminal() {
    let path = config_map();
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    write_program(&program, "#!/bin/sh\necho compared; exit 0");
    let mut command = ask(&["-p", PATCH, &path]);
    command
        .env("KUBECTL_EXTERNAL_DIFF", &program)
        .env("PATH", std::env::var_os("PATH").unwrap());
    let mut session = Session::start(&command, |command| {
        command.stdout(Stdio::null());
    });
    session.wait_for(&question("configmap", &path));
    session.enter("y\n");
    let (status, shown) = session.end();
    assert!(status.success(), "{shown}");
    assert!(shown.starts_with("compared\nApply this patch"), "{shown}");
    assert_eq!(value(&path), "new");
}

#[test]
fn there_is_no_question_without_a_terminal() {
    let path = config_map();
    let mut session = Command::new("setsid");
    let command = ask(&["-p", PATCH, &path]);
    session
        .arg("--wait")
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear();
    session.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let outcome = support::run(&mut session, "y\n").ended(2);
    assert_eq!(
        outcome.stderr,
        "error: --interactive asks on the terminal, but there is none (no such device or address)\n\
         hint: run the command on a terminal, or use --diff without --interactive\n"
    );
    assert_eq!(value(&path), "value");
}

/// Runs `--diff` with a terminal as stdout, and returns the output there.
fn on_a_terminal(variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let mut command = command(&admin());
    command
        .envs(variables.iter().copied())
        .arg("--diff")
        .args(arguments);
    command.stdin(Stdio::null());
    let (mut child, shown) = show(command, |command, terminal: File| {
        command
            .stdout(terminal.try_clone().unwrap())
            .stderr(terminal);
    });
    child.wait().unwrap();
    shown
}

#[test]
fn a_diff_has_colours_on_a_terminal() {
    let path = config_map();
    let arguments = ["-p", r#"{"data":{"key":"\u001b[2J"}}"#, &path];
    let shown = on_a_terminal(&[], &arguments);
    let lines: Vec<_> = shown.lines().collect();
    let file = format!("v1.ConfigMap.default.{}", name(&path));
    assert_eq!(
        lines[..8],
        [
            &format!("\u{1b}[1mdiff -u -N LIVE/{file} MERGED/{file}\u{1b}[0m"),
            &format!("\u{1b}[1m--- LIVE/{file}\u{1b}[0m"),
            &format!("\u{1b}[1m+++ MERGED/{file}\u{1b}[0m"),
            "\u{1b}[36m@@ -1,6 +1,6 @@\u{1b}[0m",
            " apiVersion: v1",
            " data:",
            "\u{1b}[31m-  key: value\u{1b}[0m",
            "\u{1b}[32m+  key: \"\\e[2J\"\u{1b}[0m",
        ]
    );
    for plain in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        assert!(!on_a_terminal(&[plain], &arguments).contains('\u{1b}'));
    }
    let outcome = rawpatch(&[&["--diff"], &arguments[..]].concat()).ended(1);
    assert!(!outcome.stdout.contains('\u{1b}'));
    let equal = ["-p", r#"{"data":{"key":"value"}}"#, &path];
    let shown = on_a_terminal(&[], &equal);
    assert_eq!(
        shown,
        format!("configmap/{}: no differences\n", name(&path))
    );
}
