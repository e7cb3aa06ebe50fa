//! Compares the log of `-v LEVEL` with real kubectl for the same request, record by record and field by field.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use control_plane::ControlPlane;
use faulty_server::{Answer, FaultyServer, Reply};
use recording_proxy::{Protocol, RecordingProxy};
use serde_json::{Value, json};
use support::{Outcome, admin, config_map, deployment, run, write_program};

const RAWPATCH: &str = env!("CARGO_BIN_EXE_kubectl-rawpatch");

/// Runs the binary as the admin of the shared control plane.
fn rawpatch(arguments: &[&str]) -> Outcome {
    run(support::command(RAWPATCH, &admin()).args(arguments), "")
}

/// A record of a log.
#[derive(Debug, PartialEq)]
struct Record {
    message: String,
    fields: BTreeMap<String, String>,
}

/// Returns the records about requests in a log, without klog's prefix (time, process and position in the
/// source).
fn records(trace: &str) -> Vec<Record> {
    let mut records = Vec::new();
    let mut lines = trace.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((head, text)) = line.split_once("] ") else {
            continue;
        };
        if !head.starts_with('I') || !text.starts_with('"') {
            continue;
        }
        let mut text = text.to_owned();
        while text.ends_with("=<")
            || lines
                .peek()
                .is_some_and(|next| next.starts_with([' ', '\t']))
        {
            let Some(next) = lines.next() else { break };
            text.push('\n');
            text.push_str(next);
        }
        records.push(record(&text));
    }
    records
}

/// Parses a record.
fn record(text: &str) -> Record {
    let (message, mut rest) = text[1..].split_once('"').unwrap();
    let mut fields = BTreeMap::new();
    while let Some((name, value)) = rest.trim_start().split_once('=') {
        let (value, after) = if let Some(block) = value.strip_prefix("<\n") {
            let (lines, after) = block.split_once("\n >").unwrap();
            let lines: Vec<&str> = lines
                .lines()
                .map(|line| line.strip_prefix('\t').unwrap_or(line))
                .collect();
            (lines.join("\n"), after)
        } else if let Some(quoted) = value.strip_prefix('"') {
            let mut is_escaped = false;
            let end = quoted.find(|character: char| {
                let ends = character == '"' && !is_escaped;
                is_escaped = character == '\\' && !is_escaped;
                ends
            });
            let (text, after) = value.split_at(end.unwrap() + 2);
            (serde_json::from_str(text).unwrap(), after)
        } else {
            value
                .split_once(' ')
                .map_or((value.to_owned(), ""), |(value, after)| {
                    (value.to_owned(), after)
                })
        };
        fields.insert(name.to_owned(), value);
        rest = after;
    }
    Record {
        message: message.to_owned(),
        fields,
    }
}

/// Returns the records about the PATCH, which is only its "Response" at level 6.
fn about_the_patch(trace: &str, level: u8) -> Vec<Record> {
    let mut records = records(trace);
    records.retain(|record| {
        !record.message.starts_with("HTTP Trace") && record.message != "Feature gate default state"
    });
    if level == 6 {
        records.retain(|record| {
            record
                .fields
                .get("verb")
                .is_some_and(|verb| verb == "PATCH")
        });
        return records;
    }
    let is_patch = |record: &Record| {
        record.message == "Request"
            && record
                .fields
                .values()
                .any(|value| value == "PATCH" || value.contains(" -XPATCH "))
    };
    let request = records.iter().position(is_patch).unwrap();
    let begin = if level > 7 { request - 1 } else { request };
    let mut records = records.split_off(begin);
    records.truncate(if level > 7 { 4 } else { 2 });
    records
}

/// Removes values that differ from run to run: durations, dates and ids of a response, the user agent, and the
/// order of headers in a curl command, which is random in kubectl. The names of durations remain.
fn neutralize(record: &mut Record) {
    for (name, value) in &mut record.fields {
        if name.ends_with("illiseconds") {
            value.parse::<u64>().unwrap();
            value.clear();
        }
    }
    if let Some(headers) = record.fields.get_mut("headers") {
        let varying = ["Audit-Id", "Date", "User-Agent"];
        let lines = headers
            .lines()
            .filter(|line| !varying.iter().any(|name| line.starts_with(name)));
        *headers = lines.collect::<Vec<_>>().join("\n");
    }
    if let Some(command) = record.fields.get_mut("curlCommand") {
        let mut words: Vec<&str> = command.split(" -H ").collect();
        let url = words.pop().unwrap();
        let (last_header, url) = url.rsplit_once(" '").unwrap();
        words.push(last_header);
        words.sort_unstable();
        words.retain(|word| !word.contains("User-Agent"));
        *command = format!("{} {url}", words.join(" "));
    }
    if let Some(body) = record.fields.get_mut("body")
        && let Ok(document) = serde_json::from_str::<Value>(body)
    {
        *body = document.to_string();
    }
}

#[test]
fn every_level_has_kubectls_records_and_fields() {
    let control_plane = ControlPlane::shared();
    let path = deployment();
    let name = path.rsplit('/').next().unwrap();
    let patch = r#"{"spec":{"replicas":2}}"#;
    for level in 6..=10 {
        let verbosity = level.to_string();
        let mut kubectl = control_plane.kubectl().unwrap();
        let theirs = kubectl.args([
            "patch",
            "deployment",
            name,
            "--subresource=scale",
            "--type=merge",
            "-p",
            patch,
        ]);
        let theirs = run(theirs.args(["-v", &verbosity]), "").succeeded().stderr;
        let scale = format!("{path}/scale");
        let ours = rawpatch(&[
            "--verbatim",
            "--field-manager=kubectl-patch",
            "-H",
            "Accept: application/json",
            "--type=merge",
            "-p",
            patch,
            "-v",
            &verbosity,
            &scale,
        ]);
        let ours = ours.succeeded().stderr;
        // kubectl's PATCH reuses the connection of its first request, which logs the same records as ours.
        let opening = |trace: &str| {
            let mut records = records(trace);
            let first = records
                .iter()
                .position(|record| record.message == "Response")
                .unwrap();
            let times = records
                .remove(first)
                .fields
                .into_keys()
                .filter(|name| name.ends_with("illiseconds"));
            let times: Vec<String> = times.collect();
            records.retain(|record| record.message.starts_with("HTTP Trace"));
            records.truncate(1);
            (records, times)
        };
        assert_eq!(opening(&ours), opening(&theirs), "level {level}");

        let (mut theirs, mut ours) = (
            about_the_patch(&theirs, level),
            about_the_patch(&ours, level),
        );
        for records in [&mut theirs, &mut ours] {
            for record in records {
                neutralize(record);
                let connection = ["dnsLookup", "dial", "tlsHandshake", "getConnection"];
                record
                    .fields
                    .retain(|name, _| !connection.iter().any(|part| name.starts_with(part)));
            }
        }
        assert_eq!(ours, theirs, "level {level}");
        assert_eq!(ours.len(), [1, 2, 4, 4, 4][usize::from(level - 6)]);
    }
}

#[test]
fn bodies_are_indented_at_8_cut_at_8_and_9_and_whole_at_10() {
    let path = config_map();
    let patch = json!({"data": {"large": "x".repeat(20_000)}}).to_string();
    let body = |level: &str| {
        let outcome = rawpatch(&[
            "--type=merge",
            "-o",
            "none",
            "-v",
            level,
            "-p",
            &patch,
            &path,
        ])
        .succeeded();
        let records = records(&outcome.stderr);
        let record = records
            .into_iter()
            .find(|record| record.message == "Request Body");
        record.map(|record| record.fields["body"].clone())
    };
    assert_eq!(body("7"), None);
    for (level, limit) in [("8", 1024), ("9", 10_240)] {
        let body = body(level).unwrap();
        assert!(
            body.starts_with("{\n  \"data\": {\n    \"large\": \"xxx"),
            "{body}"
        );
        let (shown, cut) = body.split_once(" [truncated ").unwrap();
        assert_eq!(shown.chars().count(), limit);
        assert!(cut.ends_with(" chars]"), "{cut}");
    }
    assert_eq!(body("10").unwrap(), patch);
}

#[test]
fn the_kubeconfig_and_a_refusals_status_are_logged_like_kubectl() {
    let path = "/api/v1/namespaces/default/configmaps/none";
    let theirs = run(
        ControlPlane::shared()
            .kubectl()
            .unwrap()
            .args(["get", "--raw", path, "-v=6"]),
        "",
    )
    .ended(1);
    let ours = rawpatch(&["--type=merge", "-p", r#"{"a":1}"#, "-v=6", path]).ended(1);
    let loaded = |outcome: &Outcome| {
        let line = outcome
            .stderr
            .lines()
            .find(|line| line.contains("] Config loaded from file:  "))
            .unwrap();
        line.rsplit('/').next().unwrap().to_owned()
    };
    assert_eq!(loaded(&ours), loaded(&theirs));
    let status = |outcome: &Outcome| -> Value {
        let text = outcome
            .stderr
            .split("server response object: ")
            .nth(1)
            .unwrap();
        serde_json::Deserializer::from_str(text)
            .into_iter()
            .next()
            .unwrap()
            .unwrap()
    };
    assert_eq!(status(&ours), status(&theirs));
    assert!(
        rawpatch(&["-v=5", "--type=merge", "-p", r#"{"a":1}"#, path])
            .stderr
            .contains("server response object")
    );
    assert!(
        !rawpatch(&["-v=3", "--type=merge", "-p", r#"{"a":1}"#, path])
            .stderr
            .contains("server response object")
    );
}

#[test]
fn flags_without_effect_are_noted_at_level_1() {
    let path = deployment();
    let patch = [
        "--type=merge",
        "-p",
        r#"{"spec":{"replicas":2}}"#,
        "-o",
        "none",
        &path,
    ];
    let idle = [
        "--cache-dir=x",
        "--match-server-version",
        "--profile=cpu",
        "--profile-output=x",
        "--vmodule=a=1",
        "--log-flush-frequency=1s",
    ];
    assert_eq!(
        rawpatch(&[&patch[..], &idle].concat()).succeeded().stderr,
        ""
    );
    let noted = rawpatch(&[&patch[..], &idle, &["-v1"]].concat())
        .succeeded()
        .stderr;
    assert_eq!(noted.lines().count(), idle.len());
    assert!(
        noted
            .lines()
            .all(|line| line.ends_with("is accepted for compatibility and has no effect"))
    );
}

/// Secrets in every place that can contain one.
const PLANTED: [&str; 10] = [
    "planted-token",
    "planted-password",
    "planted-header",
    "planted-query",
    "planted-cookie",
    "planted-location",
    "planted-exec",
    "planted-sent",
    "planted-stored",
    "planted-issued",
];

/// Checks that the output contains no planted secret, neither plain nor within a text in base64.
#[track_caller]
fn assert_nothing_planted(outcome: &Outcome, case: &str) {
    for value in PLANTED {
        // Only the middle of the encoded text does not depend on the text around it.
        let encoded = (0..3).map(|shift| {
            let encoded = STANDARD.encode(format!("{}{value}", "x".repeat(shift)));
            encoded[4..encoded.len() - 4].to_owned()
        });
        for form in encoded.chain([value.to_owned()]) {
            let shown = outcome.stdout.contains(&form) || outcome.stderr.contains(&form);
            assert!(!shown, "{value} of {case}: {outcome:?}");
        }
    }
}

#[test]
fn no_level_shows_a_secret() {
    let stored = STANDARD.encode("planted-stored");
    let secret = json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "s", "annotations": {"a": "planted-stored"}}, "data": {"a": stored}});
    let issued = json!({"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "status": {"token": "planted-issued"}});
    let echo = format!(
        "Secret \"s\" is invalid: patch: Invalid value: {:?}: unknown field \"x\"",
        secret.to_string()
    );
    let refusal = json!({"kind": "Status", "status": "Failure", "code": 422, "reason": "Invalid", "message": echo});
    let cookie = |reply: Reply| reply.header("Set-Cookie", "session=planted-cookie");
    let answers = [
        cookie(Reply::json(200, secret.to_string())),
        cookie(Reply::json(422, refusal.to_string())),
        cookie(Reply::json(200, issued.to_string())),
        cookie(Reply::new(302, "").header("Location", "https://login/?token=planted-location")),
        cookie(Reply::new(500, format!("panic: {secret}"))),
    ];
    let secrets = "/api/v1/namespaces/default/secrets/s";
    let patches = [
        (secrets, r#"{"stringData":{"a":"planted-sent"}}"#),
        (
            "/api/v1/namespaces/default/serviceaccounts/s/token?access_token=planted-query",
            r#"{"kind":"TokenRequest","spec":{}}"#,
        ),
    ];
    for answer in answers {
        let server = FaultyServer::start([Answer::Reply(answer.clone())]).unwrap();
        let proxy = RecordingProxy::start(Protocol::Http, Some(("u", "planted-password"))).unwrap();
        for (login, arguments) in logins(&server, &proxy) {
            for (path, patch) in patches {
                for level in 0..=10 {
                    let verbosity = format!("-v={level}");
                    let mut command = support::command(RAWPATCH, &server.kubeconfig().unwrap());
                    command.args([
                        "--verbatim",
                        "--type=merge",
                        "-o",
                        "none",
                        "--include",
                        "-H",
                        "X-Api-Token: planted-header",
                    ]);
                    let outcome = run(
                        command
                            .args(&arguments)
                            .args([&verbosity, "-p", patch, path]),
                        "",
                    );
                    assert_nothing_planted(&outcome, &format!("{login} at level {level}, {path}"));
                }
            }
        }
        // Every login reached the server, so there was a secret to hide.
        let requests = server.requests();
        let arrived = |login: &str| {
            requests
                .iter()
                .any(|request| request.header("authorization") == [login])
        };
        assert!(arrived("Bearer planted-token") && arrived("Bearer planted-exec"));
        assert!(arrived(&format!(
            "Basic {}",
            STANDARD.encode("u:planted-password")
        )));
    }
}

/// Returns every kind of login with a planted secret, as flags.
fn logins(server: &FaultyServer, proxy: &RecordingProxy) -> Vec<(&'static str, Vec<String>)> {
    let folder = server.folder();
    let plugin = folder.join("plugin");
    let answer = r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"planted-exec"}}"#;
    write_program(&plugin, &format!("#!/bin/sh\necho '{answer}'\n"));
    let kubeconfig = |name: &str, user: Value, proxy: Option<String>| {
        let mut cluster = json!({"server": server.url(), "insecure-skip-tls-verify": true});
        if let Some(proxy) = proxy {
            cluster["proxy-url"] = json!(proxy);
        }
        let document = json!({
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        });
        let path = folder.join(name);
        fs::write(&path, document.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let exec = json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": plugin, "interactiveMode": "Never",
    }});
    let proxy = format!("http://u:planted-password@{}", proxy.address());
    let basic = kubeconfig(
        "basic",
        json!({"username": "u", "password": "planted-password"}),
        None,
    );
    let exec = kubeconfig("exec", exec, None);
    let through = kubeconfig("proxy", json!({"token": "planted-token"}), Some(proxy));
    let words = |words: &[&str]| {
        words
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };
    vec![
        ("a token", words(&["--token=planted-token"])),
        ("a password", words(&["--kubeconfig", &basic])),
        ("an exec plugin", words(&["--kubeconfig", &exec])),
        (
            "a proxy with a password",
            words(&["--kubeconfig", &through]),
        ),
    ]
}

#[test]
fn an_invalid_address_does_not_show_its_password() {
    let patch = ["--verbatim", "--type=merge", "-p", "{}", "/x", "-v=10"];
    for flag in [
        "--server=https://u:planted-password@127.0.0.1:1",
        "--server=u:planted-password@127.0.0.1/x",
        "--server=https:/u:planted-password@127.0.0.1",
        "--proxy-url=u:planted-password@127.0.0.1:1",
        "--proxy-url=//u:planted-password@127.0.0.1",
        "--proxy-url=ftp://u:planted-password@127.0.0.1",
        "--proxy-url=u%20:planted-password@127.0.0.1:1",
    ] {
        let outcome = rawpatch(&[&patch[..], &[flag]].concat());
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert_nothing_planted(&outcome, flag);
    }
}
