use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use control_plane::{ControlPlane, User};
use faulty_server::{Answer, Reply};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::json;
use support::{admin, pseudo_terminal, unique};

use super::plugin::*;

/// Returns real kubectl as the admin of the shared control plane.
fn kubectl(arguments: &[&str]) -> Command {
    let mut command = ControlPlane::shared().kubectl().unwrap();
    command.args(arguments);
    command
}

/// Returns the first lines of a command that does not end, without ages.
fn first_lines(command: &mut Command, count: usize) -> Vec<String> {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines = lines.take(count).map(|line| without_age(&line.unwrap()));
    let lines = lines.collect();
    child.kill().unwrap();
    child.wait().unwrap();
    lines
}

/// Removes the last word of a line if it is an age.
fn without_age(line: &str) -> String {
    match line.rsplit_once(' ') {
        Some((rest, age)) if age.starts_with(|first: char| first.is_ascii_digit()) => {
            rest.to_owned()
        }
        _ => line.to_owned(),
    }
}

#[test]
fn a_table_is_what_kubectl_get_prints_with_event_types() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    for name in ["short", "a-rather-long-name"] {
        create(server, &unique(name), &label);
    }
    for (path, scope) in [
        (CONFIG_MAPS, "--namespace=default"),
        ("/api/v1/configmaps", "--all-namespaces"),
    ] {
        let theirs = first_lines(
            kubectl(&[
                "get",
                "configmaps",
                scope,
                &selector,
                "--output-watch-events",
            ])
            .arg("-w"),
            3,
        );
        let ours = rawwatch(&[path, &selector, "-o", "table", "--count=2"]).ended(0);
        let ours: Vec<String> = ours.lines().iter().map(|line| without_age(line)).collect();
        assert_eq!(ours, theirs);
    }
}

#[test]
fn wide_shows_all_columns_and_table_only_those_of_priority_0() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let labels = json!({"of": label});
    let deployment = json!({
        "metadata": {"name": unique("wide"), "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "c", "image": "example.com/image"}]},
            },
        },
    });
    let path = "/apis/apps/v1/namespaces/default/deployments";
    server.create(path, &deployment).unwrap();
    for format in ["table", "wide"] {
        let kubectl_format = if format == "wide" { "wide" } else { "" };
        let mut command = kubectl(&["get", "deployments", &selector, "--output-watch-events"]);
        command.args(["-w", "-o", kubectl_format]);
        let header = |line: &str| {
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let theirs = first_lines(&mut command, 1);
        let ours = rawwatch(&[path, &selector, "-o", format, "--count=1"]).ended(0);
        assert_eq!(header(ours.lines()[0]), header(&theirs[0]));
        assert_eq!(ours.lines()[0].contains("IMAGES"), format == "wide");
    }
}

#[test]
fn a_table_has_a_row_per_change_and_for_sees_the_object() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let path = create(server, &unique("row"), &label);
    let mut run = start(&[
        CONFIG_MAPS,
        &selector,
        "-o=table",
        "--tag",
        "--for=jsonpath={.data.key}=1",
    ]);
    let header = run.line();
    assert_eq!(
        header.split_whitespace().collect::<Vec<_>>(),
        ["EVENT", "PATH", "NAME", "DATA", "AGE"]
    );
    let row = run.line();
    assert!(
        row.starts_with(&format!("ADDED      {CONFIG_MAPS}   row-")),
        "{row}"
    );
    change(server, &path, "1");
    let row = run.line();
    assert!(
        row.starts_with(&format!("MODIFIED   {CONFIG_MAPS}   row-")),
        "{row}"
    );
    run.wait().ended(0);
}

#[test]
fn a_resumed_run_prints_the_table_header() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let path = create(server, &unique("again"), &label);
    let file = server.folder().join(unique("resume"));
    let flag = format!("--resume-file={}", file.display());
    let arguments = [CONFIG_MAPS, &selector, &flag, "-o=table"];
    let mut run = start(&[&arguments[..], &["--count=2"]].concat());
    run.line();
    run.line();
    change(server, &path, "1");
    run.line();
    run.wait().ended(0);
    // The stream repeats the previous event, which is dropped but contains the column definitions.
    change(server, &path, "2");
    let outcome = rawwatch(&[&arguments[..], &["--count=1"]].concat()).ended(0);
    assert!(outcome.lines()[0].ends_with("DATA   AGE"), "{outcome:#?}");
    assert!(
        outcome.lines()[1].starts_with("MODIFIED   again-"),
        "{outcome:#?}"
    );
}

#[test]
fn rows_that_replace_lost_events_are_marked() {
    let page = |version: &str, names: &[&str]| {
        let rows: Vec<_> = names
            .iter()
            .map(|name| {
                json!({
                    "cells": [name, 0],
                    "object": {"metadata": {"name": name, "uid": name, "resourceVersion": "5"}},
                })
            })
            .collect();
        let table = json!({
            "kind": "Table", "apiVersion": "meta.k8s.io/v1",
            "metadata": {"resourceVersion": version},
            "columnDefinitions": [{"name": "Name"}, {"name": "Data"}],
            "rows": rows,
        });
        Answer::Reply(Reply::json(200, table.to_string()))
    };
    let (run, server) = against(
        [
            page("10", &["a", "b"]),
            open_stream(error_event(410, "Expired")),
            page("20", &["b", "c"]),
        ],
        &["-o=table", "--count=4"],
    );
    assert_eq!(
        run.wait().ended(0).lines(),
        [
            "EVENT      NAME   DATA",
            "ADDED      a      0",
            "ADDED      b      0",
            "DELETED*   a      <unknown>",
            "ADDED*     c      0",
        ]
    );
    for request in server.requests() {
        assert_eq!(
            request.header("accept"),
            ["application/json;as=Table;g=meta.k8s.io;v=v1,application/json"]
        );
    }
}

#[test]
fn accept_and_other_headers_go_with_every_request() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let path = create(server, &unique("metadata"), &label);
    let kubeconfig = server.kubeconfig(&User::Admin).unwrap();
    let mut run = Run::start(command(&kubeconfig).args([
        CONFIG_MAPS,
        &selector,
        "-H",
        "Accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
        "--count=2",
    ]));
    let first = run.line();
    change(server, &path, "1");
    for line in [first, run.line()] {
        assert!(line.contains(r#""kind":"PartialObjectMetadata""#), "{line}");
        assert!(!line.contains(r#""data":"#), "{line}");
    }
    run.wait().ended(0);
    let (run, server) = against(
        [list(), open_stream(event("MODIFIED", "a", "11"))],
        &["-H=X-Reason: why", "--count=2"],
    );
    run.wait().ended(0);
    for request in server.requests() {
        assert_eq!(request.header("x-reason"), ["why"]);
    }
}

#[test]
fn a_row_is_cut_at_the_width_of_the_terminal() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    create(server, &unique("a-name-that-is-long"), &label);
    let size = Winsize {
        ws_row: 24,
        ws_col: 20,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let mut command = command(&admin());
    command.args([CONFIG_MAPS, &selector, "-o=table", "--count=1"]);
    let (mut child, shown) = pseudo_terminal::show(command, |command, terminal| {
        tcsetwinsize(&terminal, size).unwrap();
        command.stdout(terminal);
    });
    assert!(child.wait().unwrap().success());
    let rows: Vec<&str> = shown.lines().collect();
    assert_eq!(rows, ["EVENT      NAME    …", "ADDED      a-name-t…"]);
}
